package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"miniecs/internal/feed"
	"miniecs/runtime/engine"
	"miniecs/taskdef"
)

// startContainers starts every container as soon as what it depends on allows (spec/task-runtime.md 1.2, 1.4). It
// returns when all have started, or the first failure that stops the task.
func (run *runner) startContainers(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for i := range run.def.ContainerDefinitions {
		def := &run.def.ContainerDefinitions[i]
		wg.Go(func() {
			if err := run.startContainer(ctx, def); err != nil && ctx.Err() == nil {
				if run.containerFailed(def, err) {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// containerFailed notes that a container could not be started; it says whether that stops the task: an essential one,
// and any whose image cannot be pulled or whose secrets cannot be had (spec/task-runtime.md 1.3, 1.8).
func (run *runner) containerFailed(def *taskdef.ContainerDefinition, err error) (stops bool) {
	var start *startError
	named := errors.As(err, &start)
	run.update(func(t *Task) bool {
		c := t.container(def.Name)
		c.LastStatus, c.Reason, c.ExitCode = StatusStopped, cut(err.Error()), nil
		if named && start.name == unmetDependency {
			c.Reason, c.ExitCode = cut("CannotStartContainerError: "+start.text), new(143)
		}
		return true
	})
	return def.IsEssential() || named && start.name == "CannotPullContainerError" || isResourceInit(err)
}

// unmetDependency marks the failure of a container whose dependency can never be met.
const unmetDependency = "dependency"

// startContainer takes one container from nothing, or from wherever a former daemon left it, to running.
func (run *runner) startContainer(ctx context.Context, def *taskdef.ContainerDefinition) error {
	t, _ := run.look()
	if c := t.container(def.Name); !c.StartedAt.IsZero() || c.LastStatus == StatusStopped {
		return nil // adopted
	}
	if err := run.awaitDependencies(ctx, def); err != nil {
		return err
	}
	if err := run.image(ctx, def); err != nil {
		return err
	}
	spec, err := run.spec(ctx, def)
	if err != nil {
		return err
	}
	return run.createAndStart(ctx, def.Name, spec)
}

// createAndStart makes the container and starts it. An engine that may not raise limits as far as the definition asks
// runs it without them, with a warning: on AWS the same definition starts.
func (run *runner) createAndStart(ctx context.Context, name string, spec engine.Spec) error {
	id, existed, err := run.create(ctx, spec)
	if err != nil {
		return &startError{"CannotCreateContainerError", err.Error()}
	}
	if <-run.limited; run.limitErr != nil {
		return &startError{"ResourceInitializationError", run.limitErr.Error()}
	}
	run.r.mu.Lock()
	run.starting[name] = true
	run.r.mu.Unlock()
	err = run.start(ctx, name, id, existed)
	if err != nil && len(spec.Ulimits) > 0 && strings.Contains(err.Error(), "error setting rlimit") && strings.Contains(err.Error(), "operation not permitted") {
		run.r.log.Warn().Str("task", run.id).Str("container", name).Msg("the engine may not set these ulimits; the container starts without them")
		run.r.cfg.Feed.Publish(feed.Item{Kind: "warning", Subject: name, Message: "the engine may not set these ulimits; the container starts without them"})
		spec.Ulimits = nil
		if err := run.retry(ctx, func() error { return run.r.eng.Remove(engine.WithPriority(ctx, engine.PriorityStart), id) }); err != nil {
			return &startError{"CannotStartContainerError", err.Error()}
		}
		return run.createAndStart(ctx, name, spec)
	}
	return run.startDone(ctx, name, id, err)
}

// start starts a container. A start whose answer was lost may have happened: before it is asked for again the engine is
// asked what is true, since a container that has ended must not run a second time.
func (run *runner) start(ctx context.Context, name string, id engine.ContainerID, unsure bool) error {
	r := run.r
	return run.retry(ctx, func() error {
		if unsure {
			st, err := r.eng.Inspect(ctx, id)
			if err != nil {
				return err
			}
			if st.State == engine.StateExited && !st.FinishedAt.IsZero() {
				r.mu.Lock()
				defer r.mu.Unlock()
				run.ended[name] = engine.Event{ExitCode: st.ExitCode, Time: st.FinishedAt}
				run.oom[name] = st.OOMKilled
				return nil
			}
		}
		unsure = true
		return r.eng.Start(ctx, id)
	})
}

// image makes sure that the image is there.
func (run *runner) image(ctx context.Context, def *taskdef.ContainerDefinition) error {
	r := run.r
	run.update(func(t *Task) bool {
		if !t.PullStartedAt.IsZero() {
			return false
		}
		t.PullStartedAt = time.Now()
		return true
	})
	defer run.update(func(t *Task) bool { t.PullStoppedAt = time.Now(); return true })
	if !r.cfg.PullAlways {
		err := run.retry(ctx, func() error { _, err := r.eng.Image(ctx, def.Image); return err })
		if err == nil {
			return nil
		}
	}
	t, _ := run.look()
	item := feed.Item{Kind: "pull", Cluster: t.Cluster, Service: t.Service, Task: t.ID, Subject: def.Image, Status: "pulling"}
	r.cfg.Feed.Publish(item)
	_, err := r.eng.Pull(ctx, def.Image, engine.PullOptions{Platform: platform(run.def), Progress: func(p engine.Progress) {
		item.Status, item.Message = p.Status, p.Layer
		r.cfg.Feed.Publish(item)
	}})
	if err != nil {
		if _, local := r.eng.Image(ctx, def.Image); r.cfg.PullAlways && local == nil {
			return nil // behaviour "default": what is present will do (spec/task-runtime.md 1.5)
		}
		item.Status, item.Message = "failed", err.Error()
		r.cfg.Feed.Publish(item)
		return &startError{"CannotPullContainerError", err.Error()}
	}
	item.Status, item.Message = "pulled", ""
	r.cfg.Feed.Publish(item)
	return nil
}

// create makes the container, or finds the one that was made before under its name.
func (run *runner) create(ctx context.Context, spec engine.Spec) (id engine.ContainerID, existed bool, err error) {
	err = run.retry(ctx, func() error {
		id, err = run.r.eng.Create(ctx, spec)
		if errors.Is(err, engine.ErrExists) {
			st, inspectErr := run.r.eng.Inspect(ctx, engine.ContainerID(spec.Name))
			if inspectErr == nil && st.Owner.Task == run.id {
				id, existed, err = st.ID, true, nil
			}
		}
		return err
	})
	if err != nil {
		return "", false, err
	}
	run.update(func(t *Task) bool { t.container(spec.Owner.Container).RuntimeID = string(id); return true })
	return id, existed, nil
}

// startDone notes the outcome of a start: what a container is comes from inspecting it, not from the call
// (spec/task-runtime.md 1.6), since a fast one has ended by now.
func (run *runner) startDone(ctx context.Context, name string, id engine.ContainerID, startErr error) error {
	r := run.r
	var st engine.Status
	if startErr == nil && run.needsInspect(name) {
		startErr = run.retry(ctx, func() (err error) { st, err = r.eng.Inspect(ctx, id); return err })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(run.starting, name)
	t := r.tasks[run.id]
	c := t.container(name)
	if startErr != nil {
		if ctx.Err() != nil {
			return startErr
		}
		delete(run.ended, name)
		c.StartedAt, c.LastStatus, c.ExitCode = time.Time{}, StatusStopped, nil // a late event of its end adds nothing
		return &startError{"CannotStartContainerError", startErr.Error()}
	}
	c.StartedAt, c.LastStatus = time.Now(), StatusRunning
	if !st.StartedAt.IsZero() {
		c.StartedAt = st.StartedAt
	}
	c.Bindings = bindings(run.def, name, st)
	r.log.Debug().Str("task", t.ID).Str("container", name).Msg("container started")
	if ev, ok := run.ended[name]; ok {
		delete(run.ended, name)
		r.containerEnded(t, c, ev.ExitCode, ev.Time)
	}
	r.changed(t)
	return nil
}

// needsInspect says whether ports have to be read back: in bridge mode the engine chooses them.
func (run *runner) needsInspect(name string) bool {
	c := run.def.Container(name)
	return c != nil && len(c.PortMappings) > 0 && networkMode(run.def) == engine.NetworkBridge
}

// containerEnded notes the end of a container; an essential one takes its task along. r.mu is held.
func (r *Runtime) containerEnded(t *Task, c *Container, code int, at time.Time) {
	if c.LastStatus == StatusStopped {
		return
	}
	c.LastStatus, c.ExitCode, c.FinishedAt = StatusStopped, new(code), at
	if run := r.runners[t.ID]; run != nil && run.oom[c.Name] && code == 137 {
		c.Reason = outOfMemory
	}
	if t.started() && rank(t.LastStatus) < rank(StatusRunning) && t.DesiredStatus == StatusRunning && c.Essential {
		r.markRunning(t) // it was RUNNING, however briefly (spec/ecs-control-plane.md 1.1)
	}
	if c.Essential && t.DesiredStatus == StatusRunning {
		t.ExecutionStoppedAt = at
		code := StopEssentialExited
		if t.StartedAt.IsZero() {
			code = StopTaskFailedToStart
		}
		r.stopTask(t, code, "Essential container in task exited")
	}
	r.changed(t)
}

const outOfMemory = "OutOfMemoryError: Container killed due to memory usage"

// awaitDependencies waits until a container may be pulled and started (spec/task-runtime.md 1.4).
func (run *runner) awaitDependencies(ctx context.Context, def *taskdef.ContainerDefinition) error {
	for _, dep := range run.def.Dependencies(def) {
		target := run.def.Container(dep.ContainerName)
		if target == nil {
			continue
		}
		if err := run.awaitDependency(ctx, def, dep, target); err != nil {
			return err
		}
	}
	return nil
}

func (run *runner) awaitDependency(ctx context.Context, def *taskdef.ContainerDefinition, dep taskdef.ContainerDependency, target *taskdef.ContainerDefinition) error {
	for {
		t, moved := run.look()
		met, never := dependencyMet(t.container(target.Name), dep.Condition)
		if met {
			return nil
		}
		if never {
			return &startError{unmetDependency, fmt.Sprintf("dependency graph: failed to resolve container ordering dependency [%s] "+
				"for target [%s] as dependency did not exit successfully.", target.Name, def.Name)}
		}
		var timeout <-chan time.Time
		if started := t.container(target.Name).StartedAt; target.StartTimeout != nil && dep.Condition != taskdef.ConditionStart && !started.IsZero() {
			timer := time.NewTimer(time.Until(started.Add(run.r.scaled(time.Duration(*target.StartTimeout) * time.Second))))
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-moved:
		case <-timeout:
			return &startError{unmetDependency, fmt.Sprintf("dependency graph: container ordering dependency [%s] for target [%s] has timed out.",
				target.Name, def.Name)}
		}
	}
}

// dependencyMet says whether a condition holds, or can never hold any more.
func dependencyMet(c *Container, condition string) (met, never bool) {
	stopped, ran := c.LastStatus == StatusStopped, !c.StartedAt.IsZero()
	switch condition {
	case taskdef.ConditionCreate:
		return c.RuntimeID != "" || ran, stopped && c.RuntimeID == ""
	case taskdef.ConditionComplete:
		return stopped && c.ExitCode != nil && ran, stopped && !ran
	case taskdef.ConditionSuccess:
		ok := stopped && ran && c.ExitCode != nil && *c.ExitCode == 0
		return ok, stopped && !ok
	case taskdef.ConditionHealthy:
		return !stopped && c.HealthStatus == HealthHealthy, stopped
	}
	return ran, stopped && !ran // START
}
