package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"miniecs/internal/feed"
	"miniecs/runtime/engine"
)

// watchEngine follows the engine's events. Whenever the stream opens, what is true is asked first; while it is broken
// nothing is decided (design.md 4).
func (r *Runtime) watchEngine(ctx context.Context) error {
	wait := 100 * time.Millisecond
	for ctx.Err() == nil {
		opened := time.Now()
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if r.synced.Swap(false) {
			r.log.Error().Err(err).Msg("the engine does not answer; nothing is decided until it does")
			r.cfg.Feed.Publish(feed.Item{Kind: "warning", Message: fmt.Sprintf("the engine does not answer: %v", err)})
		}
		if time.Since(opened) > 10*time.Second {
			wait = 100 * time.Millisecond
		}
		sleep(ctx, wait)
		wait = min(2*wait, 5*time.Second)
	}
	return nil
}

func (r *Runtime) follow(ctx context.Context) error {
	for ev, err := range r.eng.Events(ctx) {
		if err != nil {
			return err
		}
		if ev.Kind != engine.EventReady {
			r.onEvent(ev)
			continue
		}
		if err := r.resync(ctx); err != nil {
			return err
		}
		r.synced.Store(true)
		r.log.Info().Msg("the engine's containers are known")
		r.startRunners()
		r.startLoops()
		r.wakeAll()
	}
	return errors.New("the engine's event stream ended")
}

func (r *Runtime) wakeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key := range r.loops {
		r.wakeService(key)
	}
	for _, run := range r.runners {
		run.wake()
	}
}

// onEvent takes one event of the engine over into the records.
func (r *Runtime) onEvent(ev engine.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ev.Namespace != "" {
		if ev.Kind == engine.EventDie {
			r.namespaceDied(ev.Namespace)
		}
		return
	}
	t := r.tasks[ev.Owner.Task]
	if t == nil || t.LastStatus == StatusStopped {
		return
	}
	c := t.container(ev.Owner.Container)
	if c == nil {
		return
	}
	run := r.runners[t.ID]
	switch ev.Kind {
	case engine.EventDie:
		if run != nil && run.starting[c.Name] {
			run.ended[c.Name] = ev
			return
		}
		r.containerEnded(t, c, ev.ExitCode, ev.Time)
	case engine.EventOOM:
		if run != nil {
			run.oom[c.Name] = true
		}
	case engine.EventHealth:
		r.setHealth(t, c, ev.Health)
	case engine.EventDestroy:
		if c.LastStatus == StatusRunning {
			r.vanished(t, c)
		}
	}
}

// namespaceDied stops the task whose namespace's pause has ended: its containers have no network any more, and no
// signal tells them (spec/task-runtime.md 3.1). r.mu is held.
func (r *Runtime) namespaceDied(id string) {
	for _, t := range r.tasks {
		if t.Namespace == id && t.LastStatus != StatusStopped && t.DesiredStatus == StatusRunning {
			code := StopEssentialExited
			if t.StartedAt.IsZero() {
				code = StopTaskFailedToStart
			}
			r.stopTask(t, code, "Essential container in task exited")
		}
	}
}

// vanished notes that a container is gone from the engine; r.mu is held.
func (r *Runtime) vanished(t *Task, c *Container) {
	c.LastStatus, c.FinishedAt = StatusStopped, time.Now()
	c.Reason = "ContainerVanishedError: No container matching saved ID found"
	if c.Essential && t.DesiredStatus == StatusRunning {
		t.ExecutionStoppedAt = c.FinishedAt
		code := StopEssentialExited
		if t.StartedAt.IsZero() {
			code = StopTaskFailedToStart
		}
		r.stopTask(t, code, "Essential container in task exited")
	}
	r.changed(t)
}

// setHealth notes what a container's check says; a check of the image's own is not reported (spec 1.6). r.mu is held.
func (r *Runtime) setHealth(t *Task, c *Container, h engine.Health) {
	status := map[engine.Health]string{engine.HealthHealthy: HealthHealthy, engine.HealthUnhealthy: HealthUnhealthy}[h]
	status = or(status, HealthUnknown)
	if !c.HasCheck || c.HealthStatus == status {
		return
	}
	c.HealthStatus = status
	t.HealthStatus = t.health()
	r.log.Info().Str("task", t.ID).Str("container", c.Name).Str("to", status).Msg("container health changed")
	r.changed(t)
}

// health derives a task's health from its essential containers (spec/ecs-control-plane.md 1.7).
func (t *Task) health() string {
	out := HealthHealthy
	for _, c := range t.Containers {
		switch {
		case !c.Essential:
		case c.HealthStatus == HealthUnhealthy:
			return HealthUnhealthy
		case c.HealthStatus != HealthHealthy:
			out = HealthUnknown
		}
	}
	return out
}

// resync makes the records true: namespaces and containers are looked up, what ended meanwhile is noted, what nobody
// knows is removed. Running containers are left alone.
func (r *Runtime) resync(ctx context.Context) error {
	if _, err := r.eng.Network(ctx); err != nil {
		return fmt.Errorf("find the network: %w", err)
	}
	inUse, started := r.engaged()
	alive, err := r.eng.Adopt(ctx, inUse)
	r.mu.Lock()
	r.adoptions++
	r.mu.Unlock()
	if err != nil {
		return fmt.Errorf("adopt namespaces: %w", err)
	}
	list, err := r.eng.List(ctx)
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	found := map[string]engine.Status{} // by the engine's name
	for _, st := range list {
		full, err := r.sight(ctx, st)
		if err != nil {
			return err
		}
		if full.ID != "" {
			found[full.Name] = full
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ns := range inUse {
		if _, ok := alive[ns]; !ok {
			r.namespaceDied(ns)
		}
	}
	for _, t := range r.tasks {
		if t.LastStatus != StatusStopped {
			r.compare(t, found, started)
		}
	}
	return nil
}

// engaged gives the namespaces in use and the names of the containers that were started, before the engine is asked:
// runners go on meanwhile, and what they start is not in an answer given before. It begins an adoption.
func (r *Runtime) engaged() (namespaces []string, started map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.adoptions++
	started = map[string]bool{}
	for _, t := range r.tasks {
		if t.LastStatus == StatusStopped {
			continue
		}
		if t.Namespace != "" {
			namespaces = append(namespaces, t.Namespace)
		}
		for _, c := range t.Containers {
			if !c.StartedAt.IsZero() {
				started[c.EngineName] = true
			}
		}
	}
	return namespaces, started
}

// sight inspects a listed container of a task that lives; one of no such task is removed.
func (r *Runtime) sight(ctx context.Context, st engine.Status) (engine.Status, error) {
	r.mu.Lock()
	t := r.tasks[st.Owner.Task]
	known := t != nil && t.LastStatus != StatusStopped
	r.mu.Unlock()
	if !known {
		r.log.Warn().Str("container", st.Name).Msg("removing a container of no known task")
		if err := r.eng.Remove(ctx, st.ID); err != nil {
			return engine.Status{}, fmt.Errorf("remove %s: %w", st.Name, err)
		}
		return engine.Status{}, nil
	}
	full, err := r.eng.Inspect(ctx, st.ID)
	if errors.Is(err, engine.ErrNotFound) {
		return engine.Status{}, nil
	}
	return full, err
}

// compare takes over what the engine says of a task's containers; r.mu is held.
func (r *Runtime) compare(t *Task, found map[string]engine.Status, started map[string]bool) {
	run := r.runners[t.ID]
	for i := range t.Containers {
		c := &t.Containers[i]
		st, ok := found[c.EngineName]
		switch {
		case run != nil && run.starting[c.Name], c.LastStatus == StatusStopped:
		case !ok && started[c.EngineName]:
			r.vanished(t, c)
		case !ok:
		case st.State == engine.StateRunning:
			if c.StartedAt.IsZero() && run == nil { // started, but the daemon ended before it could say so
				c.StartedAt, c.LastStatus, c.RuntimeID = st.StartedAt, StatusRunning, string(st.ID)
				if td, err := r.definition(t); err == nil {
					c.Bindings = bindings(td, c.Name, st)
				}
				r.changed(t)
			}
			r.setHealth(t, c, st.Health)
		case st.State == engine.StateExited && !st.FinishedAt.IsZero():
			if c.StartedAt.IsZero() {
				c.StartedAt, c.RuntimeID = st.StartedAt, string(st.ID)
			}
			if st.OOMKilled && st.ExitCode == 137 {
				c.Reason = outOfMemory
			}
			r.containerEnded(t, c, st.ExitCode, st.FinishedAt)
		}
	}
}
