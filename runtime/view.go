package runtime

import (
	"fmt"
	"time"

	"miniecs/runtime/plan"
)

// view is what plan decides on; r.mu is held.
func (r *Runtime) view(s *Service, l *loop, now time.Time) plan.View {
	v := plan.View{
		Desired: s.DesiredCount, MinHealthyPercent: s.Deployment.MinimumHealthyPercent,
		MaximumPercent: s.Deployment.MaximumPercent, Deleting: s.Status == StatusDraining,
		NoCrashBackoff: r.cfg.NoCrashBackoff, TimeScale: r.cfg.TimeScale,
	}
	for _, d := range s.Deployments {
		v.Deployments = append(v.Deployments, plan.Deployment{
			ID: d.ID, Desired: d.DesiredCount, Completed: d.RolloutState == RolloutCompleted,
			Failed: d.RolloutState == RolloutFailed, StartSteps: d.StartStep, StartStepAt: d.StartStepAt,
			CrashSteps: d.CrashStep, CrashStepAt: d.CrashStepAt,
		})
	}
	for _, t := range r.ofService[serviceKey{s.Cluster, s.Name}] {
		if t.LastStatus == StatusStopped || t.DesiredStatus == StatusStopped && s.deployment(t.Deployment) == nil {
			continue // also what still stops of a deleted service of that name: it is nothing of this one
		}
		v.Tasks = append(v.Tasks, r.viewTask(s, l, t, now))
	}
	return v
}

func (r *Runtime) viewTask(s *Service, l *loop, t *Task, now time.Time) plan.Task {
	p := plan.Task{ID: t.ID, Deployment: t.Deployment, CreatedAt: t.CreatedAt, RunningSince: t.StartedAt}
	switch {
	case t.DesiredStatus == StatusStopped:
		p.Phase = plan.Stopping
		return p
	case t.LastStatus != StatusRunning:
		p.Phase = plan.Pending
		return p
	}
	p.Phase = plan.Running
	r.judge(s, t, &p, now)
	switch {
	case l == nil:
	case !p.Unhealthy:
		delete(l.unhealthy, t.ID)
	case !l.unhealthy[t.ID]:
		l.unhealthy[t.ID] = true
		r.sayUnhealthy(s, t)
	}
	return p
}

// judge says whether a RUNNING task counts as healthy, or is to be replaced (spec/ecs-control-plane.md 2.2, 2.5).
func (r *Runtime) judge(s *Service, t *Task, p *plan.Task, now time.Time) {
	checked, healthy := false, true
	for i := range t.Containers {
		c := &t.Containers[i]
		if !c.Essential || !c.HasCheck {
			continue // a container without a check says nothing (spec 1.7)
		}
		checked = true
		healthy = healthy && c.HealthStatus == HealthHealthy
		if c.HealthStatus == HealthUnhealthy {
			p.Unhealthy, p.Why, p.StopReason = true, "container health checks", plan.ReasonTaskUnhealthy
		}
	}
	for _, tg := range t.Targets {
		checked = true
		h := r.cfg.Targets.Health(tg.Group, Target{tg.ID, tg.Port})
		healthy = healthy && h.State == "healthy"
		if h.State == "unhealthy" && !p.Unhealthy {
			p.Unhealthy, p.Why, p.StopReason = true, "target health checks", plan.ReasonTargetUnhealthy
		}
	}
	if !checked {
		at := t.StartedAt.Add(r.scaled(plan.HealthyAfter))
		p.Healthy = !at.After(now)
		p.HealthyAt = at
		return
	}
	p.Healthy = healthy
	if grace := t.StartedAt.Add(r.scaled(time.Duration(s.GracePeriodSeconds) * time.Second)); p.Unhealthy && grace.After(now) {
		p.Unhealthy, p.HealthyAt = false, grace // look again then
	}
}

// failingTarget finds a target of the task that fails its checks.
func (r *Runtime) failingTarget(t *Task) (TaskTarget, TargetHealth, bool) {
	for _, tg := range t.Targets {
		if h := r.cfg.Targets.Health(tg.Group, Target{tg.ID, tg.Port}); h.State == "unhealthy" {
			return tg, h, true
		}
	}
	return TaskTarget{}, TargetHealth{}, false
}

// sayUnhealthy writes the event of a task that fails its checks (spec 2.10 #13, #14).
func (r *Runtime) sayUnhealthy(s *Service, t *Task) {
	tg, h, bad := r.failingTarget(t)
	if !bad {
		r.event(s, "(service %s) (task %s) failed container health checks.", s.Name, t.ID)
		return
	}
	where := fmt.Sprintf("(port %d)", tg.Port)
	if t.LaunchType == LaunchEC2 {
		where = fmt.Sprintf("(instance %s) (port %d)", instanceID(lastPart(t.InstanceARN)), tg.Port)
	}
	r.event(s, "(service %s) (task %s) %s is unhealthy in (target-group %s) due to (reason %s)", s.Name, t.ID, where, tg.Group, h.Description)
}
