package proxy

import (
	"math/rand/v2"
	"sync/atomic"
)

// picker chooses the target of a request. It is immutable: a change of the group replaces it. next outlives it, so that
// the turn goes on.
type picker struct {
	targets   []*target // those that get traffic
	algorithm string
	next      *atomic.Uint64
}

// pick returns a target with one request more in flight, or nil: the caller calls done. A target that began to drain
// since the picker was made is passed over, so that no request follows a deregistration.
func (p *picker) pick() *target {
	n := len(p.targets)
	if n == 0 {
		return nil
	}
	first := p.first(n)
	for i := range n {
		if t := p.targets[(first+i)%n]; t.acquire() {
			return t
		}
	}
	return nil
}

// first is where the search begins (alb.md 1.8).
func (p *picker) first(n int) int {
	turn := int((p.next.Add(1) - 1) % uint64(n))
	switch p.algorithm {
	case "weighted_random":
		return rand.IntN(n)
	case "least_outstanding_requests":
		best := turn
		for i := range n {
			if j := (turn + i) % n; p.targets[j].inFlight.Load() < p.targets[best].inFlight.Load() {
				best = j
			}
		}
		return best
	}
	return turn
}

// eligible are the targets that get traffic: the healthy ones, or, with fewer of them than the group's attributes ask
// for, the unhealthy ones too (fail-open, alb.md 1.5).
func eligible(targets []*target, attributes map[string]string) []*target {
	var healthy, failing []*target
	registered := 0
	for _, t := range targets {
		switch t.Health.State {
		case StateHealthy:
			healthy = append(healthy, t)
			failing = append(failing, t)
			registered++
		case StateUnhealthy:
			failing = append(failing, t)
			registered++
		case StateInitial:
			registered++
		}
	}
	least := number(groupAttribute(attributes, "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count"))
	percent := number(groupAttribute(attributes, "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage"))
	if len(healthy) < least || len(healthy)*100 < percent*registered {
		return failing
	}
	return healthy
}
