package proxy

import (
	"strconv"
	"sync/atomic"
)

// picker chooses targets for one group: an immutable list and a counter. A new one is made whenever a target's state
// changes, so that choosing takes no lock.
type picker struct {
	targets []*target // who gets requests now
	next    atomic.Uint64
}

// publish makes the picker anew from the targets' states (alb.md 1.5): the healthy ones, or, if there are fewer
// than one of the group's minimums, the unhealthy ones too (fail-open). Targets that are initial, draining or unused get nothing. Proxy.mu is held.
func (g *group) publish() {
	var good, open []*target
	for _, t := range g.Targets {
		switch t.Health.State {
		case StateHealthy:
			good, open = append(good, t), append(open, t)
		case StateUnhealthy:
			open = append(open, t)
		}
	}
	p := &picker{targets: good}
	if g.tooFew(len(good)) {
		p.targets = open
	}
	if old := g.picker.Load(); old != nil {
		p.next.Store(old.next.Load())
	}
	g.picker.Store(p)
}

// tooFew says whether so many healthy targets are below a minimum (alb.md 1.5).
func (g *group) tooFew(healthy int) bool {
	const minimum = "target_group_health.unhealthy_state_routing.minimum_healthy_targets."
	count, err := strconv.Atoi(g.Attributes[minimum+"count"])
	if err != nil {
		count = 1
	}
	percent, _ := strconv.Atoi(g.Attributes[minimum+"percentage"]) // 0 is off
	registered := 0
	for _, t := range g.Targets {
		if t.Health.State != StateDraining {
			registered++
		}
	}
	return healthy < count || healthy*100 < percent*registered
}

// pick gives the next target in turn (round robin), nil if there is none.
func (g *group) pick() *target {
	p := g.picker.Load()
	if p == nil || len(p.targets) == 0 {
		return nil
	}
	return p.targets[(p.next.Add(1)-1)%uint64(len(p.targets))]
}
