package proxy

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// group is a target group at work. conf is replaced whole; the map and the list have the same targets, the list in the
// order of registration.
type group struct {
	arn     string
	conf    *TargetGroup
	targets map[targetKey]*target
	order   []*target
	inUse   bool // a listener forwards here
	picker  atomic.Pointer[picker]
	next    atomic.Uint64 // the turn
}

func newGroup(conf TargetGroup) *group {
	g := &group{arn: conf.ARN, conf: &conf, targets: map[targetKey]*target{}}
	g.publish()
	return g
}

func (g *group) add(t *target) {
	if old := g.targets[t.Target.key()]; old != nil {
		g.forget(old)
	}
	g.targets[t.Target.key()] = t
	g.order = append(g.order, t)
}

func (g *group) forget(t *target) {
	delete(g.targets, t.Target.key())
	g.order = slices.DeleteFunc(slices.Clone(g.order), func(o *target) bool { return o == t })
}

// publish makes the picker of what is true now.
func (g *group) publish() {
	g.picker.Store(&picker{
		targets:   eligible(g.order, g.conf.Attributes),
		algorithm: groupAttribute(g.conf.Attributes, "load_balancing.algorithm.type"),
		next:      &g.next,
	})
}

// refresh brings what is derived in line with the entities: who is in use, who gets traffic, what listeners do. mu is
// held, or nobody else knows p yet.
func (p *Proxy) refresh() {
	for _, g := range p.groups {
		g.inUse = len(p.users(g.arn)) > 0
		g.publish()
	}
	for _, l := range p.listeners {
		l.route.Store(p.newRoute(l.conf))
	}
}

// matches says whether a status is one of a matcher like "200,300-302".
func matches(matcher string, status int) bool {
	for part := range strings.SplitSeq(matcher, ",") {
		low, high, ok := parseRange(part)
		if ok && status >= low && status <= high {
			return true
		}
	}
	return false
}

func parseRange(s string) (low, high int, ok bool) {
	a, b, isRange := strings.Cut(strings.TrimSpace(s), "-")
	low, err := strconv.Atoi(a)
	if err != nil || low < 0 {
		return 0, 0, false
	}
	if !isRange {
		return low, low, true
	}
	high, err = strconv.Atoi(b)
	return low, high, err == nil && low <= high
}
