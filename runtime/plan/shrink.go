package plan

import (
	"cmp"
	"fmt"
	"slices"
)

// shrink stops what is superfluous: old tasks within the lower bound, then PRIMARY's beyond the desired count, then
// unhealthy ones whose replacement is up.
func (p *planner) shrink() {
	p.shrinkOld()
	p.scaleIn()
	p.replaceUnhealthy()
}

// shrinkOld stops old tasks: those that are of no use at once, the others as far as the lower bound allows.
func (p *planner) shrinkOld() {
	rest := p.old[:0:0]
	for _, t := range p.old {
		switch {
		case t.Protected:
			rest = append(rest, t)
		case t.Unhealthy:
			// Replaced by its own revision while the roll-out lasts (spec 2.5): its deployment's desired count stays.
			p.stop(t, "unhealthy: "+t.Why, t.StopReason)
		case p.superseded(t):
			p.stopOld(t)
		default:
			rest = append(rest, t)
		}
	}
	kept, left := rest[:0:0], p.healthP+len(rest) // left serve or are about to
	for _, t := range rest {
		switch {
		case t.Protected:
			kept = append(kept, t)
		case !t.good() && left-1 >= p.lower:
			left--
			p.stopOld(t)
		case t.good() && p.healthy-1 >= p.lower:
			left--
			p.healthy--
			p.stopOld(t)
		default:
			kept = append(kept, t)
		}
	}
	p.old = kept
}

// superseded says whether a task that does not serve yet was overtaken: a pending one of a deployment that never
// completed, or a later one that stands in PRIMARY's way.
func (p *planner) superseded(t Task) bool {
	if t.good() || p.completed(t.Deployment) {
		return false
	}
	return t.Phase == Pending || p.room() <= 0 && len(p.fresh) < p.v.Desired
}

func (p *planner) completed(deployment string) bool {
	return slices.ContainsFunc(p.v.Deployments, func(d Deployment) bool { return d.ID == deployment && d.Completed })
}

func (p *planner) oldGood() (n int) {
	for _, t := range p.old {
		if t.good() {
			n++
		}
	}
	return n
}

func (p *planner) stopOld(t Task) {
	for i := range p.v.Deployments {
		if d := &p.v.Deployments[i]; d.ID == t.Deployment && d.Desired > 0 {
			d.Desired--
		}
	}
	p.stop(t, "replaced by "+p.primary().ID, ReasonScaling)
}

// scaleIn stops PRIMARY's tasks beyond the desired count: pending ones first, then unhealthy ones, then the youngest.
func (p *planner) scaleIn() {
	extra := len(p.fresh) - p.unhealthy - p.v.Desired
	if extra <= 0 {
		return
	}
	kept := p.fresh[:0:0]
	for _, t := range p.fresh {
		if extra <= 0 || t.Protected || t.Unhealthy || t.good() && p.healthy-1 < p.lower {
			kept = append(kept, t)
			continue
		}
		extra--
		if t.good() {
			p.healthy--
		}
		p.stop(t, fmt.Sprintf("scaled in to %d", p.v.Desired), ReasonScaling)
	}
	p.fresh = kept
	p.countFresh()
}

// replaceUnhealthy stops unhealthy tasks of PRIMARY once their replacements are healthy, or when the upper bound
// leaves no room to start one first (spec 2.5).
func (p *planner) replaceUnhealthy() {
	n := 0
	switch {
	case p.unhealthy == 0:
		return
	case p.healthP >= p.v.Desired || p.waiting == 0 && len(p.fresh) > p.v.Desired:
		n = len(p.fresh) - p.v.Desired
	case p.room() <= 0 && p.waiting == 0 && p.stopping == 0:
		n = 1
	}
	kept := p.fresh[:0:0]
	for _, t := range p.fresh {
		if n > 0 && t.Unhealthy && !t.Protected {
			n--
			p.stop(t, "unhealthy: "+t.Why, t.StopReason)
			continue
		}
		kept = append(kept, t)
	}
	p.fresh = kept
	p.countFresh()
}

// byExpendable puts first what is missed least: pending, then unhealthy, then healthy ones; the youngest first.
func byExpendable(ts []Task) {
	rank := func(t Task) int {
		switch {
		case t.Phase == Pending:
			return 0
		case t.Unhealthy:
			return 1
		case !t.good():
			return 2
		}
		return 3
	}
	slices.SortStableFunc(ts, func(a, b Task) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
}
