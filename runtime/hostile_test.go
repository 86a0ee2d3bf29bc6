package runtime

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"miniecs/runtime/engine"
	"miniecs/runtime/engine/sim"
	"miniecs/taskdef"
)

// onPort registers a bridge (or host) definition with a fixed host port and gives the input of a service of it.
func (w *world) onPort(mode, service string, desired int) ServiceInput {
	w.t.Helper()
	td := &taskdef.TaskDefinition{Family: service, NetworkMode: mode, ContainerDefinitions: []taskdef.ContainerDefinition{
		{Name: "app", Image: "app:1", Memory: new(64), PortMappings: []taskdef.PortMapping{{ContainerPort: 8081, HostPort: new(8081)}}}}}
	if _, err := w.RegisterTaskDefinition(w.t.Context(), td); err != nil {
		w.t.Fatal(err)
	}
	return ServiceInput{Name: service, TaskDefinition: service, DesiredCount: &desired, LaunchType: LaunchEC2}
}

func TestService_WithoutAPlaceIsTriedCalmlyAndToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		if _, err := w.CreateService(t.Context(), w.onPort("bridge", "web", 2)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Hour)
		const full = "is already using a port required by your task"
		if n := strings.Count(w.history(), full); n != 1 {
			t.Errorf("told %d times; want once in six hours (spec 2.10):\n%s", n, w.history())
		}
		if _, err := w.DeleteService(t.Context(), "", "web", true); err != nil {
			t.Fatal(err)
		}
	})
}

func TestService_GetsAPlaceThatSomebodyElseFrees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		if _, err := w.CreateService(t.Context(), w.onPort("bridge", "other", 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := w.CreateService(t.Context(), w.onPort("bridge", "web", 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if d := w.get().Deployments[0]; d.RunningCount != 0 {
			t.Fatalf("two tasks on one port: %+v", d)
		}
		if _, err := w.DeleteService(t.Context(), "", "other", true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if d := w.get().Deployments[0]; d.RunningCount != 1 {
			t.Errorf("the port is free for a minute, running are %d", d.RunningCount)
		}
	})
}

func TestTask_InHostModeShowsItsPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		in := w.onPort("host", "web", 1)
		tasks, _, err := w.RunTask(t.Context(), RunTaskInput{TaskDefinition: in.TaskDefinition, LaunchType: LaunchEC2})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if b := w.task(tasks[0].ID).Containers[0].Bindings; len(b) != 1 || b[0].HostPort != 8081 {
			t.Errorf("bindings %+v", b)
		}
	})
}

// A service made anew while the tasks of its predecessor still stop has nothing to do with them.
func TestService_MadeAgainDoesNotCountItsPredecessorsTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.eng.Script("app:1", sim.Behaviour{IgnoreSIGTERM: true})
		w.register("app:1")
		w.service(2)
		time.Sleep(2 * time.Minute)
		if _, err := w.DeleteService(t.Context(), "", "web", true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		// 30 s before the old ones are killed; with 100 % there would be no room beside them.
		if _, err := w.CreateService(t.Context(), ServiceInput{Name: "web", TaskDefinition: "web", DesiredCount: new(2), LaunchType: LaunchFargate,
			Network: subnets, Deployment: DeploymentInput{Given: true, MinimumHealthy: new(0), Maximum: new(100)}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		s := w.get()
		if d := s.Deployments[0]; len(s.Deployments) != 1 || d.RunningCount != 2 {
			t.Errorf("deployments %+v", s.Deployments)
		}
		time.Sleep(2 * time.Minute)
		if n := len(w.get().Deployments); n != 1 || !w.get().Steady {
			t.Errorf("%d deployments, steady %v", n, w.get().Steady)
		}
	})
}

// The end of the daemon, however polite, in the middle of a deregistration is not the end of the deregistration.
func TestTask_IsDeregisteredByTheNextDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.groups.auto = time.Second
		w.register("app:1")
		w.service(1, "tg")
		time.Sleep(time.Minute)
		slow := &slowTargets{fakeTargets: w.groups}
		w.stop()
		w.cfg.Targets = slow
		w.start()
		time.Sleep(time.Second)
		tasks, _ := w.ListTasks(t.Context(), TaskFilter{})
		if _, err := w.StopTask(t.Context(), "", tasks[0], ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.stop()
		w.cfg.Targets = w.groups
		w.start()
		time.Sleep(10 * time.Second)
		if got := w.task(tasks[0]); got.LastStatus != StatusStopped {
			t.Errorf("the task is %s", got.LastStatus)
		}
		w.groups.mu.Lock()
		defer w.groups.mu.Unlock()
		if n := len(w.groups.groups["tg"]); n != 1 {
			t.Errorf("%d targets in the group, want the replacement only", n)
		}
	})
}

// slowTargets never comes to an end of a change.
type slowTargets struct{ *fakeTargets }

func (s *slowTargets) Deregister(ctx context.Context, _ string, _ Target) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s *slowTargets) Register(ctx context.Context, group string, t Target) error {
	s.mu.Lock()
	known := s.groups[group][t] != nil
	s.mu.Unlock()
	if known {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestTask_IsRegisteredByTheNextDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.groups.auto = time.Second
		w.stop()
		w.cfg.Targets = &slowTargets{fakeTargets: w.groups}
		w.start()
		w.register("app:1")
		w.service(1, "tg")
		time.Sleep(10 * time.Second)
		w.stop()
		w.cfg.Targets = w.groups
		w.start()
		time.Sleep(time.Minute)
		if n := w.groups.count("healthy"); n != 1 || !w.get().Steady {
			t.Errorf("%d healthy targets; %s", n, w.history())
		}
		if h := w.history(); strings.Contains(h, "failed to register") {
			t.Errorf("the daemon's end is told as a failure:\n%s", h)
		}
	})
}

// flakyTargets refuses some registrations, as a store that fails does.
type flakyTargets struct {
	*fakeTargets
	left int
}

func (f *flakyTargets) Register(ctx context.Context, group string, t Target) error {
	if f.left > 0 {
		f.left--
		return fmt.Errorf("save the load balancers: no space left on device")
	}
	return f.fakeTargets.Register(ctx, group, t)
}

func TestTask_IsRegisteredWhenThatWorksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.groups.auto = time.Second
		w.stop()
		w.cfg.Targets = &flakyTargets{w.groups, 3}
		w.start()
		w.register("app:1")
		w.service(1, "tg")
		time.Sleep(2 * time.Minute)
		if !w.get().Steady || strings.Count(w.history(), "failed to register targets in") != 1 {
			t.Errorf("steady %v:\n%s", w.get().Steady, w.history())
		}
	})
}

// A task that nobody could write down yet is not run; it is when the store works again, though its caller was told of
// a failure.
func TestRunTask_IsInTheStoreBeforeAnythingIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		door := newMortalStore(w.store, 1)
		w.stop()
		w.cfg.Store = door
		w.start()
		w.register("app:1")
		time.Sleep(time.Second)
		door.set(false, true)
		if _, _, err := w.RunTask(t.Context(), RunTaskInput{TaskDefinition: "web", LaunchType: LaunchFargate, Network: subnets}); err == nil {
			t.Error("RunTask succeeds without a store")
		}
		w.startRunners() // as any other task's start does
		time.Sleep(5 * time.Second)
		if n := w.eng.Counts(); n.NamespacesMade > 0 || n.Created > 0 {
			t.Errorf("made before it was in the store: %+v", n)
		}
		door.set(false, false)
		time.Sleep(10 * time.Second)
		if n := len(w.eng.Running(nil)); n != 1 {
			t.Errorf("%d containers run", n)
		}
	})
}

// A wish to stop is in the store before a container gets its signal: else a kill of the daemon in between would make
// the next one take it for a crash.
func TestStopTask_IsInTheStoreBeforeAnythingIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		door := newMortalStore(w.store, 1)
		w.stop()
		w.cfg.Store = door
		w.start()
		task := w.runTask([]taskdef.ContainerDefinition{{Name: "app", Image: "app:1"}}, nil)
		time.Sleep(5 * time.Second)
		door.set(false, true)
		if _, err := w.StopTask(t.Context(), "", task.ID, ""); err == nil {
			t.Error("StopTask succeeds without a store")
		}
		time.Sleep(10 * time.Second)
		if n := len(w.eng.Running(nil)); n != 1 {
			t.Errorf("%d containers run; the stop is not written down", n)
		}
		door.set(false, false)
		time.Sleep(10 * time.Second)
		if got := w.task(task.ID); got.LastStatus != StatusStopped || got.StopCode != StopUser {
			t.Errorf("%s %s", got.LastStatus, got.StopCode)
		}
	})
}

// A container that a killed daemon started, and could not tell of, is adopted with the ports that the engine gave it.
func TestRuntime_AdoptsPortsNobodyWroteDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		door := newMortalStore(w.store, 1)
		w.stop()
		w.cfg.Store = door
		w.start()
		task := w.runTask([]taskdef.ContainerDefinition{{Name: "app", Image: "app:1", PortMappings: []taskdef.PortMapping{{ContainerPort: 80}}}}, bridge)
		door.set(true, false)
		time.Sleep(time.Second)
		up := w.eng.Running(nil)
		if len(up) != 1 {
			t.Fatalf("%d containers run", len(up))
		}
		w.kill9()
		w.cfg.Store = w.store
		w.start()
		time.Sleep(time.Second)
		got := w.task(task.ID)
		if b := got.Containers[0].Bindings; got.LastStatus != StatusRunning || len(b) != 1 || b[0].HostPort != up[0].Ports[0].HostPort {
			t.Errorf("%s, bindings %+v; the engine has %+v", got.LastStatus, b, up[0].Ports)
		}
		if n := w.eng.Starts("app:1"); n != 1 {
			t.Errorf("started %d times", n)
		}
	})
}

// slowly answers late: what it says was true a while ago.
type slowly struct{ *sim.Sim }

func (s slowly) Take(ctx context.Context) (engine.Namespace, error) {
	ns, err := s.Sim.Take(ctx)
	time.Sleep(500 * time.Millisecond)
	return ns, err
}

func (s slowly) Create(ctx context.Context, spec engine.Spec) (engine.ContainerID, error) {
	time.Sleep(500 * time.Millisecond)
	return s.Sim.Create(ctx, spec)
}

func (s slowly) List(ctx context.Context) ([]engine.Status, error) {
	out, err := s.Sim.List(ctx)
	time.Sleep(time.Second)
	return out, err
}

// While the engine is asked what it runs, runners go on: what they start then is neither vanished nor nobody's.
func TestRuntime_StartsWhileTheEngineIsLookedThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.stop()
		w.cfg.Engine = slowly{w.eng}
		w.start()
		time.Sleep(5 * time.Second)
		var tasks []Task
		for i := range 12 { // each elsewhere on its way when the stream breaks
			tasks = append(tasks, w.runTask([]taskdef.ContainerDefinition{{Name: "app", Image: "app:1"}}, nil))
			if i == 9 {
				w.eng.BreakEvents()
			}
			time.Sleep(150 * time.Millisecond)
		}
		time.Sleep(20 * time.Second)
		for i, task := range tasks {
			if got := w.task(task.ID); got.LastStatus != StatusRunning {
				t.Errorf("task %d: %s %s", i, got.LastStatus, got.StoppedReason)
			}
		}
		if v := w.eng.Violations(); len(v) > 0 {
			t.Error(v)
		}
	})
}
