// Package plan decides what a service does next: which tasks to start and stop, when to look again, whether a
// roll-out is complete. It is pure: a view and a time in, a decision out; it reads no clock, takes no lock and calls
// nothing, so that every rule of the scheduler is a table test. plan.go is the decision, shrink.go what
// it stops, pace.go the waits, view.go the words. The rules are spec/ecs-control-plane.md 2.2, 2.5, 2.6, 3 and 8.1.
package plan

import (
	"fmt"
	"slices"
	"time"
)

// Next decides for one service. The decision holds for this view only: apply it, then ask again.
func Next(v View, now time.Time) Decision {
	v.Deployments = slices.Clone(v.Deployments) // their desired counts go down below; the caller's do not
	p := &planner{v: v, now: now}
	p.sort()
	if v.Deleting {
		return p.deleteAll()
	}
	p.shrink()
	p.grow()
	p.finish()
	return p.d
}

// planner works through the steps of spec 8.1 on a copy of the counts, which every action changes at once.
type planner struct {
	v   View
	now time.Time
	d   Decision

	old, fresh                  []Task // active: pending or running; fresh are PRIMARY's
	alive, stopping, healthy    int
	oldStopping                 int
	waiting, unhealthy, healthP int // among fresh
	lower, upper                int
}

func (p *planner) sort() {
	primary := ""
	if len(p.v.Deployments) > 0 {
		primary = p.v.Deployments[0].ID
	}
	for _, t := range p.v.Tasks {
		switch {
		case t.Phase == Stopping:
			p.stopping++
			if t.Deployment != primary {
				p.oldStopping++
			}
			continue
		case t.Deployment == primary:
			p.fresh = append(p.fresh, t)
		default:
			p.old = append(p.old, t)
		}
		p.alive++
		if t.good() {
			p.healthy++
		}
		p.wake(t.HealthyAt)
	}
	// L rounds up, U rounds down (spec 2.2).
	p.lower = (p.v.Desired*p.v.MinHealthyPercent + 99) / 100
	p.upper = p.v.Desired * p.v.MaximumPercent / 100
	byExpendable(p.old)
	byExpendable(p.fresh)
	p.countFresh()
}

func (p *planner) countFresh() {
	p.waiting, p.unhealthy, p.healthP = 0, 0, 0
	for _, t := range p.fresh {
		switch {
		case t.Unhealthy:
			p.unhealthy++
		case t.good():
			p.healthP++
		default:
			p.waiting++
		}
	}
}

// grow starts what is missing, within the upper bound and the deployment's pace: old revisions first, since they serve,
// but only as many as the lower bound needs. Else a sick old revision would keep a new one out for ever at 0/100.
func (p *planner) grow() {
	serving := p.healthP + len(p.old)
	for _, d := range p.v.Deployments[min(1, len(p.v.Deployments)):] {
		if !d.Completed {
			continue // superseded before it was whole: what it lacks PRIMARY starts
		}
		have := 0
		for _, t := range p.old {
			if t.Deployment == d.ID {
				have++
			}
		}
		missing := min(min(d.Desired, p.v.Desired)-have, p.lower-serving)
		serving += p.start(d, missing, fmt.Sprintf("%d of %d of the old revision left", have, d.Desired), true)
	}
	if d := p.primary(); d.ID != "" && !d.Failed {
		have := len(p.fresh) - p.unhealthy
		cause := fmt.Sprintf("%d of %d running", have, p.v.Desired)
		if p.unhealthy > 0 {
			cause = fmt.Sprintf("%d unhealthy", p.unhealthy)
		}
		p.start(d, p.v.Desired-have, cause, d.Completed || p.unhealthy > 0)
	}
}

// start starts as many as there is room for, unless the deployment has to wait; it says how many.
func (p *planner) start(d Deployment, missing int, cause string, outage bool) int {
	n := min(missing, p.room())
	if n <= 0 {
		return 0
	}
	if w := d.wait(p.v, p.now); w.Until.After(p.now) {
		if d.ID == p.primary().ID || p.d.Wait.Until.IsZero() {
			p.d.Wait = w
		}
		p.wake(w.Until)
		p.wakeStable(d)
		return 0
	}
	for range n {
		p.alive++
		p.d.Actions = append(p.d.Actions, Action{Verb: StartTask, Deployment: d.ID, Cause: cause, Outage: outage,
			ReplacesUnhealthy: d.ID == p.primary().ID && p.unhealthy > 0})
	}
	return n
}

// finish says whether the roll-out is complete, the service steady, or both stuck between the two percentages.
func (p *planner) finish() {
	idle := len(p.d.Actions) == 0 && p.d.Wait.Until.IsZero()
	p.d.Complete = len(p.d.Actions) == 0 && len(p.old) == 0 && p.oldStopping == 0 &&
		len(p.fresh) == p.v.Desired && p.healthP == p.v.Desired
	p.d.Steady = p.d.Complete && p.stopping == 0
	p.d.Blocked = idle && p.stopping == 0 && len(p.old) > 0 && p.waiting == 0 && p.unhealthy == 0 &&
		len(p.fresh) < p.v.Desired && p.room() <= 0 && !p.protectedOld() && p.oldGood() == len(p.old)
	p.d.OldDesired = map[string]int{}
	for _, d := range p.v.Deployments[min(1, len(p.v.Deployments)):] {
		p.d.OldDesired[d.ID] = min(d.Desired, p.v.Desired)
	}
}

func (p *planner) protectedOld() bool {
	return slices.ContainsFunc(p.old, func(t Task) bool { return t.Protected })
}

func (p *planner) deleteAll() Decision {
	for _, t := range append(p.old, p.fresh...) {
		p.stop(t, "service deleted", ReasonScaling)
	}
	p.d.Complete, p.d.Steady = len(p.d.Actions) == 0, p.stopping == 0 && len(p.d.Actions) == 0
	return p.d
}

func (p *planner) stop(t Task, cause string, reason Reason) {
	p.alive--
	p.stopping++
	if t.Deployment != p.primary().ID {
		p.oldStopping++
	}
	p.d.Actions = append(p.d.Actions, Action{Verb: StopTask, Task: t.ID, Deployment: t.Deployment, Cause: cause, Reason: reason})
}

// room is how many tasks the upper bound still allows: stopping ones occupy it too (spec 2.2).
func (p *planner) room() int { return p.upper - p.alive - p.stopping }

func (p *planner) primary() Deployment {
	if len(p.v.Deployments) == 0 {
		return Deployment{}
	}
	return p.v.Deployments[0]
}

func (p *planner) wake(at time.Time) {
	if at.After(p.now) && (p.d.Wake.IsZero() || at.Before(p.d.Wake)) {
		p.d.Wake = at
	}
}

// wakeStable looks again when one of the deployment's tasks has shown that it stays up: that ends a back-off early.
func (p *planner) wakeStable(d Deployment) {
	for _, t := range p.v.Tasks {
		if t.Deployment == d.ID && t.Phase == Running {
			p.wake(t.RunningSince.Add(Scaled(StableAfter, p.v.TimeScale)))
		}
	}
}
