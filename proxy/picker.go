package proxy

import "sync/atomic"

// picker chooses targets for one group: an immutable list and a counter. A new one is made whenever a target's state
// changes, so that choosing takes no lock.
type picker struct {
	targets []*target // who gets requests now
	next    atomic.Uint64
}

// publish makes the picker anew from the targets' states (alb.md 1.5): the healthy ones, or, if there are none, all
// unhealthy ones (fail-open). Targets that are initial, draining or unused get nothing. Proxy.mu is held.
func (g *group) publish() {
	var good, bad []*target
	for _, t := range g.Targets {
		switch t.Health.State {
		case StateHealthy:
			good = append(good, t)
		case StateUnhealthy:
			bad = append(bad, t)
		}
	}
	p := &picker{targets: good}
	if len(good) == 0 {
		p.targets = bad
	}
	if old := g.picker.Load(); old != nil {
		p.next.Store(old.next.Load())
	}
	g.picker.Store(p)
}

// pick gives the next target in turn (round robin), nil if there is none.
func (g *group) pick() *target {
	p := g.picker.Load()
	if p == nil || len(p.targets) == 0 {
		return nil
	}
	return p.targets[(p.next.Add(1)-1)%uint64(len(p.targets))]
}
