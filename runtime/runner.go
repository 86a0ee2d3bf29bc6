package runtime

import (
	"context"
	"errors"
	"slices"
	"time"

	"miniecs/runtime/engine"
	"miniecs/taskdef"
)

// runner walks one task up the ladder and down again. It is the only one that asks the engine for anything of the
// task. Every step can be repeated: after a restart of the daemon a new runner goes on where the record says.
//
//	PROVISIONING → PENDING → (ACTIVATING) → RUNNING → (DEACTIVATING) → STOPPING → (DEPROVISIONING) → STOPPED
//	 namespace      containers   targets                 targets drain    containers   namespace
type runner struct {
	r   *Runtime
	id  string
	def *taskdef.TaskDefinition // with the overrides

	limited  chan struct{} // closed when the task's limits are set
	limitErr error         // how that went

	// Guarded by Runtime.mu.
	moved    chan struct{}           // closed and replaced whenever the task's record changed
	up       context.CancelCauseFunc // ends bringing up, nil when that is over
	starting map[string]bool         // containers whose Start is under way: their end is told by it
	ended    map[string]engine.Event // a die event that came meanwhile
	oom      map[string]bool
}

var errStop = errors.New("the task is to stop")

// startRunners starts a runner for every task that has none and is not STOPPED; it takes r.mu.
func (r *Runtime) startRunners() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started() || !r.synced.Load() {
		return // Run starts them when the engine is known
	}
	r.unstarted = false
	for id, t := range r.tasks {
		if _, fresh := r.fresh["task/"+id]; fresh || t.LastStatus == StatusStopped || r.runners[id] != nil {
			continue
		}
		run := &runner{r: r, id: id, moved: make(chan struct{}), starting: map[string]bool{},
			ended: map[string]engine.Event{}, oom: map[string]bool{}}
		r.runners[id] = run
		ctx := r.ctx
		r.group.Go(func() error { run.run(ctx); return nil })
	}
}

// wake tells everyone who waits for the task that its record changed; Runtime.mu is held.
func (run *runner) wake() {
	close(run.moved)
	run.moved = make(chan struct{})
}

// cancelUp ends bringing up; Runtime.mu is held.
func (run *runner) cancelUp() {
	if run.up != nil {
		run.up(errStop)
	}
}

func (run *runner) run(ctx context.Context) {
	r := run.r
	defer func() {
		r.mu.Lock()
		delete(r.runners, run.id)
		r.mu.Unlock()
	}()
	r.mu.Lock()
	t := r.tasks[run.id]
	def, err := r.definition(t)
	if err != nil {
		def = &taskdef.TaskDefinition{}
		r.stopTask(t, StopTaskFailedToStart, "ResourceInitializationError: "+err.Error())
	}
	run.def = def
	if t.Replaces {
		ctx = engine.WithPriority(ctx, engine.PriorityReplace)
	}
	r.mu.Unlock()

	run.bringUp(ctx)
	run.untilStop(ctx)
	if ctx.Err() == nil {
		run.tearDown(engine.WithPriority(ctx, engine.PriorityStop))
	}
}

// update changes the task's record under the lock; f says whether it changed anything.
func (run *runner) update(f func(t *Task) bool) {
	run.r.mu.Lock()
	defer run.r.mu.Unlock()
	if t := run.r.tasks[run.id]; t != nil && f(t) {
		run.r.changed(t)
	}
}

// look gives a copy of the record and a channel that is closed when it changes.
func (run *runner) look() (Task, <-chan struct{}) {
	run.r.mu.Lock()
	defer run.r.mu.Unlock()
	return run.r.tasks[run.id].clone(), run.moved
}

// wait blocks until cond holds for the record, or ctx ends.
func (run *runner) wait(ctx context.Context, cond func(*Task) bool) error {
	for {
		t, moved := run.look()
		if cond(&t) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-moved:
		}
	}
}

// untilStop waits until the task is wished to stop.
func (run *runner) untilStop(ctx context.Context) {
	_ = run.wait(ctx, func(t *Task) bool { return t.DesiredStatus == StatusStopped })
}

// fail stops a task that could not be started; a wish to stop that came first stands.
func (run *runner) fail(err error) {
	r := run.r
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tasks[run.id]
	reason := err.Error()
	if t.LaunchType != LaunchFargate && !isResourceInit(err) { // EC2 leaves the text to the container (spec 1.4)
		reason = "Task failed to start"
	}
	r.stopTask(t, StopTaskFailedToStart, reason)
}

// bringUp takes the task to RUNNING. It returns when that is reached, or the task is to stop, or ctx ends.
func (run *runner) bringUp(ctx context.Context) {
	up, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := run.r
	r.mu.Lock()
	t := r.tasks[run.id]
	if t.DesiredStatus == StatusStopped || t.LastStatus == StatusRunning {
		r.mu.Unlock()
		return
	}
	run.up = cancel
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		run.up = nil
		r.mu.Unlock()
	}()

	for _, step := range []func(context.Context) error{run.provision, run.prepare, run.startContainers, run.activate} {
		if err := step(up); err != nil {
			if up.Err() == nil {
				run.fail(err)
			}
			break
		}
	}
	if run.limited != nil {
		cancel(nil)
		<-run.limited
	}
}

// provision gives an awsvpc task its namespace: PROVISIONING to PENDING.
func (run *runner) provision(ctx context.Context) error {
	t, _ := run.look()
	if t.Attachment != nil && t.Namespace == "" {
		if err := run.takeNamespace(ctx); err != nil {
			return &startError{"ResourceInitializationError", "unable to provision the task's network: " + err.Error()}
		}
		if err := run.durable(ctx); err != nil { // before a container joins (style.md 4)
			return err
		}
	}
	run.limited = make(chan struct{})
	go func() { // beside making the containers: their starts wait for it
		defer close(run.limited)
		run.limitErr = run.limit(ctx)
	}()
	run.update(func(t *Task) bool {
		run.r.setStatus(t, StatusPending)
		if t.ConnectivityAt.IsZero() {
			t.ConnectivityAt = time.Now()
		}
		return true
	})
	return nil
}

// takeNamespace takes a namespace and notes it. One that was taken while the namespaces in use were looked through is
// given back: it was not among them, and may have been removed as nobody's.
func (run *runner) takeNamespace(ctx context.Context) error {
	r := run.r
	for {
		r.mu.Lock()
		before := r.adoptions
		r.mu.Unlock()
		var ns engine.Namespace
		err := run.retry(ctx, func() (err error) { ns, err = r.eng.Take(ctx); return err })
		if err != nil {
			return err
		}
		ours := false
		run.update(func(t *Task) bool {
			if ours = before%2 == 0 && r.adoptions == before; !ours {
				return false
			}
			t.Namespace = ns.ID
			a := t.Attachment
			a.Status, a.MAC, a.DNSName, a.Address = "ATTACHED", ns.MAC, ns.Hostname, ns.Address.String()
			return true
		})
		if ours {
			return nil
		}
		_ = run.retry(ctx, func() error { return r.eng.Release(ctx, ns.ID) })
		if sleep(ctx, 50*time.Millisecond); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// limit bounds the task as a whole, where the engine can.
func (run *runner) limit(ctx context.Context) error {
	cpu, mem := run.def.TaskCPU(), run.def.TaskMemory()
	t, _ := run.look()
	if t.Namespace == "" || !run.r.info.TaskLimits || cpu == 0 && mem == 0 {
		return nil
	}
	ns := t.Namespace
	return run.retry(ctx, func() error {
		return run.r.eng.Limit(ctx, ns, float64(cpu)/1024, int64(mem)<<20)
	})
}

// activate registers the task's targets and makes it RUNNING.
func (run *runner) activate(ctx context.Context) error {
	if err := run.registerTargets(ctx); err != nil {
		return err
	}
	run.r.mu.Lock()
	defer run.r.mu.Unlock()
	run.r.markRunning(run.r.tasks[run.id])
	return nil
}

// markRunning notes that every container has started; r.mu is held.
func (r *Runtime) markRunning(t *Task) {
	if !t.StartedAt.IsZero() {
		return
	}
	t.StartedAt = time.Now()
	r.ran(t)
	if t.DesiredStatus == StatusRunning || rank(t.LastStatus) < rank(StatusRunning) {
		r.setStatus(t, StatusRunning)
	}
	r.changed(t)
}

// durable waits until the record is saved, however long that takes.
func (run *runner) durable(ctx context.Context) error {
	for {
		err := run.r.save(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		run.r.log.Error().Err(err).Str("task", run.id).Msg("waiting for the store")
		sleep(ctx, time.Second)
	}
}

// retry calls f again while the engine does not answer.
func (run *runner) retry(ctx context.Context, f func() error) error {
	wait := 100 * time.Millisecond
	for {
		err := f()
		var temporary *engine.TemporaryError
		if err == nil || !errors.Is(err, engine.ErrUnavailable) && !errors.As(err, &temporary) || ctx.Err() != nil {
			return err
		}
		sleep(ctx, wait)
		wait = min(2*wait, 5*time.Second)
	}
}

// startError is a failure with ECS's name for it (spec/ecs-control-plane.md 1.5).
type startError struct{ name, text string }

func (e *startError) Error() string { return cut(e.name + ": " + e.text) }

// cut shortens a reason as the agent does.
func cut(s string) string {
	if len(s) > 1024 {
		return s[:1024]
	}
	return s
}

func isResourceInit(err error) bool {
	var e *startError
	return errors.As(err, &e) && e.name == "ResourceInitializationError"
}

// started says that no container of the task has yet to be started, whatever became of it.
func (t *Task) started() bool {
	return !slices.ContainsFunc(t.Containers, func(c Container) bool { return c.StartedAt.IsZero() && c.LastStatus != StatusStopped })
}
