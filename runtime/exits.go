package runtime

import (
	"time"

	"miniecs/runtime/plan"
)

// stopTask wishes a task to stop; its runner does it. The first cause stands. r.mu is held.
func (r *Runtime) stopTask(t *Task, code, reason string) {
	if t.DesiredStatus == StatusStopped {
		return
	}
	t.DesiredStatus, t.StopCode, t.StoppedReason = StatusStopped, code, reason
	if code == StopUser { // StopTask takes the task's tags with it (spec 1.8)
		t.Tags = nil
	}
	r.log.Info().Str("task", t.ID).Str("service", t.Service).Str("stop_code", code).Str("cause", reason).Msg("task is to stop")
	r.account(t)
	if run := r.runners[t.ID]; run != nil {
		run.cancelUp()
	}
	r.changed(t)
}

// account notes what a task's end says about its deployment: the pace of its successors and what `ps` shows.
// Only tasks that ended by themselves count (spec/ecs-control-plane.md 3.1, 2.4). r.mu is held.
func (r *Runtime) account(t *Task) {
	s := r.services[serviceKey{t.Cluster, t.Service}]
	if s == nil || t.StopCode != StopTaskFailedToStart && t.StopCode != StopEssentialExited {
		return
	}
	d := s.deployment(t.Deployment)
	if d == nil {
		return
	}
	now := time.Now()
	d.LastExit = lastExit(t, now)
	if t.StartedAt.IsZero() {
		d.FailedTasks++
		if d.StartStep == 0 || t.CreatedAt.After(d.StartStepAt) { // tasks of one round count once
			d.StartStep++
			d.StartStepAt = now
		}
	} else if now.Sub(t.StartedAt) >= r.scaled(plan.StableAfter) {
		d.CrashStep = 0
	} else if d.CrashStep == 0 || t.CreatedAt.After(d.CrashStepAt) {
		d.CrashStep = plan.CrashSteps(r.view(s, nil, now), d.ID, now) + 1
		d.CrashStepAt = now
	}
	r.touchService(s)
}

// lastExit finds the container that ended the task: an essential one with an exit code or a reason.
func lastExit(t *Task, now time.Time) *LastExit {
	e := &LastExit{Task: t.ID, Reason: t.StoppedReason, StopCode: t.StopCode, At: now}
	for i := range t.Containers {
		c := &t.Containers[i]
		if c.LastStatus != StatusStopped || !c.Essential && c.Reason == "" {
			continue
		}
		e.Container, e.ExitCode = c.Name, c.ExitCode
		if c.Reason != "" {
			e.Reason = c.Reason
		}
		if !c.StartedAt.IsZero() && !c.FinishedAt.IsZero() {
			e.Ran = c.FinishedAt.Sub(c.StartedAt).Round(100 * time.Millisecond).String()
		}
		if c.Essential {
			break
		}
	}
	return e
}

// ran notes that a task reached RUNNING: its deployment can start tasks (spec 3.1). r.mu is held.
func (r *Runtime) ran(t *Task) {
	s := r.services[serviceKey{t.Cluster, t.Service}]
	if s == nil {
		return
	}
	if d := s.deployment(t.Deployment); d != nil && (d.StartStep > 0 || d.FailedTasks > 0) {
		d.StartStep, d.FailedTasks, d.Throttled = 0, 0, false
		r.touchService(s)
	}
}

// Attempts tells how the deployments of a cluster's services fare; of all clusters if the name is empty.
func (r *Runtime) Attempts(cluster string) []Attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	var out []Attempt
	for key, s := range r.services {
		if cluster != "" && key.cluster != cluster || s.Status == StatusInactive {
			continue
		}
		v := r.view(s, nil, now)
		for _, d := range s.Deployments {
			a := Attempt{Cluster: s.Cluster, Service: s.Name, Deployment: d.ID, TaskDefinition: d.TaskDefinitionARN, Status: d.Status,
				Attempts: d.Attempts, Crashes: plan.CrashSteps(v, d.ID, now), FailedStarts: d.StartStep, LastExit: d.LastExit}
			if d.NextTry.After(now) {
				a.NextTry, a.Waiting = d.NextTry, string(plan.WaitBackoff)
				if d.StartStep > 0 {
					a.Waiting = string(plan.WaitThrottle)
				}
			}
			out = append(out, a)
		}
	}
	return out
}
