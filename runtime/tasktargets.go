package runtime

import (
	"context"
	"slices"
	"time"

	"miniecs/taskdef"
)

// States of a TaskTarget.
const (
	targetRegistered = "registered"
	targetDraining   = "draining"
)

// registerTargets puts the task into its service's target groups: PENDING to ACTIVATING. The wish is in the record
// before the proxy hears of it, so that a task is never left behind in a group.
func (run *runner) registerTargets(ctx context.Context) error {
	r := run.r
	var want []TaskTarget
	run.update(func(t *Task) bool {
		s := r.serviceOf(t)
		if s == nil || r.cfg.Targets == nil {
			return false
		}
		d := s.deployment(t.Deployment)
		if len(d.LoadBalancers) == 0 {
			return false
		}
		want = run.targets(t, d.LoadBalancers)
		t.Targets = want
		r.setStatus(t, StatusActivating)
		return true
	})
	if len(want) == 0 {
		return nil
	}
	if err := run.durable(ctx); err != nil {
		return err
	}
	for _, tg := range want {
		if err := run.register(ctx, tg); err != nil {
			return err
		}
	}
	return nil
}

// register puts the task into one target group. It tries until that is done: a RUNNING task that nobody sends requests
// to would be stuck for ever. Only where the group is gone there is nothing to wait for.
func (run *runner) register(ctx context.Context, tg TaskTarget) error {
	r := run.r
	told := false
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := r.cfg.Targets.Register(ctx, tg.Group, Target{tg.ID, tg.Port})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			run.event("registered 1 targets in (target-group %s)", tg.Group)
			return nil
		}
		if !told {
			told = true
			run.event("failed to register targets in (target-group %s) with (error %s)", tg.Group, err)
		}
		if _, ok := r.cfg.Targets.Group(ctx, tg.Group); !ok {
			return nil
		}
		sleep(ctx, wait)
	}
}

// event writes a line of the task's service's history, in ECS's usual form.
func (run *runner) event(format string, args ...any) {
	r := run.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.serviceOf(r.tasks[run.id]); s != nil {
		r.event(s, "(service "+s.Name+") "+format, args...)
	}
}

// serviceOf is the service that a task belongs to: not one of the same name that was made after its own was deleted.
// r.mu is held.
func (r *Runtime) serviceOf(t *Task) *Service {
	s := r.services[serviceKey{t.Cluster, t.Service}]
	if s == nil || s.deployment(t.Deployment) == nil {
		return nil
	}
	return s
}

// targets are the task's places: its own address in awsvpc, else the instance and the host port.
func (run *runner) targets(t *Task, lbs []ServiceLoadBalancer) []TaskTarget {
	var out []TaskTarget
	for _, lb := range lbs {
		tg := TaskTarget{Group: lb.TargetGroupARN, Port: lb.ContainerPort, State: targetRegistered}
		c := t.container(lb.ContainerName)
		if c == nil {
			continue
		}
		if run.def.NetworkMode == taskdef.NetworkModeAwsvpc {
			tg.ID = t.Attachment.Address
		} else {
			tg.ID = instanceID(lastPart(t.InstanceARN))
			for _, b := range c.Bindings {
				if b.ContainerPort == lb.ContainerPort {
					tg.Port = b.HostPort
				}
			}
		}
		out = append(out, tg)
	}
	return out
}

// deregisterTargets takes the task out of its target groups and waits until they have drained: DEACTIVATING. A task
// whose essential container is gone does not wait: nothing is left to drain.
func (run *runner) deregisterTargets(ctx context.Context) {
	r := run.r
	var targets []TaskTarget
	dead := false
	run.update(func(t *Task) bool {
		targets, dead = slices.Clone(t.Targets), essentialEnded(t)
		if len(targets) == 0 {
			return false
		}
		if t.LastStatus == StatusRunning {
			r.setStatus(t, StatusDeactivating)
		}
		return true
	})
	for i, tg := range targets {
		for {
			err := r.cfg.Targets.Deregister(ctx, tg.Group, Target{tg.ID, tg.Port})
			if ctx.Err() != nil {
				return // it may not have happened: the next daemon says it again
			}
			if err == nil {
				break
			}
			r.log.Warn().Err(err).Str("task", run.id).Str("target_group", tg.Group).Msg("target not deregistered; trying again")
			sleep(ctx, time.Second)
		}
		if tg.State == targetDraining {
			continue // a former daemon wrote the events
		}
		run.update(func(t *Task) bool {
			t.Targets[i].State = targetDraining
			if s := r.serviceOf(t); s != nil {
				r.event(s, "(service %s, taskSet %s) has begun draining connections on 1 tasks.", s.Name, t.Deployment)
				r.event(s, "(service %s) deregistered 1 targets in (target-group %s)", s.Name, tg.Group)
			}
			return true
		})
	}
	if len(targets) == 0 {
		return
	}
	if !dead {
		_ = run.wait(ctx, func(t *Task) bool { return essentialEnded(t) || r.drained(t) })
	}
	if ctx.Err() != nil {
		return
	}
	run.update(func(t *Task) bool { t.Targets = nil; return true })
}

func essentialEnded(t *Task) bool {
	return slices.ContainsFunc(t.Containers, func(c Container) bool { return c.Essential && c.LastStatus == StatusStopped })
}

// drained says that no target of the task gets requests any more.
func (r *Runtime) drained(t *Task) bool {
	for _, tg := range t.Targets {
		if r.cfg.Targets.Health(tg.Group, Target{tg.ID, tg.Port}).State == "draining" {
			return false
		}
	}
	return true
}

// watchTargets wakes whoever depends on a target group that changed.
func (r *Runtime) watchTargets(ctx context.Context) error {
	if r.cfg.Targets == nil {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case group := <-r.cfg.Targets.Changed():
			r.mu.Lock()
			for key, s := range r.services {
				if slices.ContainsFunc(s.Deployments, func(d Deployment) bool {
					return slices.ContainsFunc(d.LoadBalancers, func(lb ServiceLoadBalancer) bool { return lb.TargetGroupARN == group })
				}) {
					r.wakeService(key)
				}
			}
			for id, run := range r.runners {
				if t := r.tasks[id]; slices.ContainsFunc(t.Targets, func(tg TaskTarget) bool { return tg.Group == group }) {
					run.wake()
				}
			}
			r.mu.Unlock()
		}
	}
}
