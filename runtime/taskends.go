package runtime

import (
	"context"
	"errors"
	"sync"
	"time"

	"miniecs/runtime/engine"
	"miniecs/taskdef"
)

// tearDown takes the task from wherever it is to STOPPED: targets drain, containers stop in the reverse of their
// order, then everything of the task is removed from the engine. It returns early only when ctx ends.
func (run *runner) tearDown(ctx context.Context) {
	if run.durable(ctx) != nil { // the wish to stop comes before the act, or a restart would take it for a crash
		return
	}
	run.deregisterTargets(ctx)
	if ctx.Err() != nil {
		return
	}
	run.update(func(t *Task) bool {
		if !t.StartedAt.IsZero() && t.StoppingAt.IsZero() {
			t.StoppingAt = time.Now()
		}
		if rank(t.LastStatus) >= rank(StatusRunning) {
			run.r.setStatus(t, StatusStopping)
		}
		return true
	})
	run.stopContainers(ctx)
	if ctx.Err() != nil {
		return
	}
	run.update(func(t *Task) bool {
		if t.ExecutionStoppedAt.IsZero() && !t.StartedAt.IsZero() {
			t.ExecutionStoppedAt = time.Now()
		}
		if t.Attachment != nil {
			run.r.setStatus(t, StatusDeprovisioning)
		}
		return true
	})
	run.remove(engine.WithPriority(ctx, engine.PriorityRemove))
	if ctx.Err() != nil {
		return
	}
	run.update(func(t *Task) bool {
		t.StoppedAt = time.Now()
		if t.Attachment != nil {
			t.Attachment.Status = "DELETED"
		}
		t.Namespace = ""
		run.r.setStatus(t, StatusStopped)
		return true
	})
}

// stopContainers stops each container when those that depend on it have stopped (spec/task-runtime.md 1.4).
func (run *runner) stopContainers(ctx context.Context) {
	var wg sync.WaitGroup
	for i := range run.def.ContainerDefinitions {
		def := &run.def.ContainerDefinitions[i]
		wg.Go(func() {
			err := run.wait(ctx, func(t *Task) bool {
				for j := range run.def.ContainerDefinitions {
					other := &run.def.ContainerDefinitions[j]
					if t.container(other.Name).LastStatus != StatusStopped && run.dependsOn(other, def.Name) {
						return false
					}
				}
				return true
			})
			if err == nil {
				run.stopContainer(ctx, def)
			}
		})
	}
	wg.Wait()
}

func (run *runner) dependsOn(c *taskdef.ContainerDefinition, name string) bool {
	for _, d := range run.def.Dependencies(c) {
		if d.ContainerName == name {
			return true
		}
	}
	return false
}

// stopContainer stops one container and notes how it ended.
func (run *runner) stopContainer(ctx context.Context, def *taskdef.ContainerDefinition) {
	r := run.r
	t, _ := run.look()
	c := t.container(def.Name)
	id := engine.ContainerID(c.EngineName)
	var st engine.Status
	err := run.retry(ctx, func() (err error) { st, err = r.eng.Inspect(ctx, id); return err })
	if err == nil && st.State == engine.StateRunning {
		if err := run.retry(ctx, func() error { return r.eng.Stop(ctx, id, run.stopTimeout(def)) }); err != nil && ctx.Err() == nil {
			r.log.Warn().Err(err).Str("task", t.ID).Str("container", c.Name).Msg("container not stopped; it is removed as it runs")
			run.update(func(t *Task) bool {
				t.container(def.Name).Reason = cut("CannotStopContainerError: " + err.Error())
				return true
			})
		}
		err = run.retry(ctx, func() (err error) { st, err = r.eng.Inspect(ctx, id); return err })
	}
	if ctx.Err() != nil {
		return
	}
	run.update(func(t *Task) bool {
		c := t.container(def.Name)
		if err != nil {
			if c.LastStatus != StatusStopped && !c.StartedAt.IsZero() && errors.Is(err, engine.ErrNotFound) {
				c.Reason = "ContainerVanishedError: No container matching saved ID found"
			}
			c.LastStatus = StatusStopped
			return true
		}
		run.r.noteEnd(c, st)
		return true
	})
}

// noteEnd takes over what the engine says of an ended container. The exit code of a failed start is none
// (spec/task-runtime.md 1.8). r.mu is held.
func (r *Runtime) noteEnd(c *Container, st engine.Status) {
	c.LastStatus = StatusStopped
	if st.FinishedAt.IsZero() {
		return
	}
	if c.StartedAt.IsZero() {
		c.StartedAt = st.StartedAt
	}
	c.ExitCode, c.FinishedAt = new(st.ExitCode), st.FinishedAt
	switch {
	case st.OOMKilled && st.ExitCode == 137: // the flag alone also says that a child died (design.md 4)
		c.Reason = outOfMemory
	case st.Error != "" && c.Reason == "":
		c.Reason = cut("DockerStateError: " + st.Error)
	}
}

// remove keeps the containers' last words and removes everything that the task has in the engine.
func (run *runner) remove(ctx context.Context) {
	r := run.r
	t, _ := run.look()
	for i := range t.Containers {
		c := &t.Containers[i]
		if c.RuntimeID != "" {
			r.keepLogs(ctx, &t, c)
		}
		id := engine.ContainerID(c.EngineName)
		run.insist(ctx, "container", func() error { return r.eng.Remove(ctx, id) })
	}
	if t.Namespace != "" {
		run.insist(ctx, "namespace", func() error { return r.eng.Release(ctx, t.Namespace) })
	}
	run.removeVolumes(ctx)
}

// insist tries until it is done: what cannot be removed now must not be forgotten.
func (run *runner) insist(ctx context.Context, what string, f func() error) {
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, time.Minute) {
		err := run.retry(ctx, f)
		if err == nil || errors.Is(err, engine.ErrNotFound) {
			return
		}
		run.r.log.Warn().Err(err).Str("task", run.id).Msg(what + " cannot be removed; trying again")
		sleep(ctx, wait)
	}
}
