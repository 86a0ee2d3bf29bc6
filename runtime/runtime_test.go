package runtime

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"miniecs/internal/feed"
	"miniecs/runtime/engine"
	"miniecs/runtime/engine/sim"
	"miniecs/store"
	"miniecs/taskdef"
)

// world is a runtime on a simulated engine, in a synctest bubble.
type world struct {
	t      *testing.T
	eng    *sim.Sim
	store  store.Store
	groups *fakeTargets
	cfg    Config
	*Runtime
	stop  func()
	kill9 func() // ends it whatever it says
}

func newWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	w := &world{t: t, eng: sim.New(sim.Config{StartLatency: 300 * time.Millisecond, NamespaceLatency: 800 * time.Millisecond}),
		store: store.NewMemory(), groups: newFakeTargets(), cfg: cfg}
	w.cfg.Account, w.cfg.Region = "000000000000", "us-east-1"
	w.cfg.Engine, w.cfg.Store, w.cfg.Targets = w.eng, w.store, w.groups
	w.cfg.Feed = feed.New(1000)
	w.cfg.LogDir = t.TempDir()
	w.start()
	t.Cleanup(func() { w.stop(); _ = w.eng.Close() })
	return w
}

// start starts a daemon's runtime on what the store and the engine hold.
func (w *world) start() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(zerolog.New(zerolog.NewTestWriter(w.t)).WithContext(context.Background()))
	r, err := New(ctx, w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Runtime = r
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	w.kill9 = func() { cancel(); <-done; done = nil }
	w.stop = func() {
		cancel()
		if done != nil {
			if err := <-done; err != nil {
				w.t.Errorf("Run: %v", err)
			}
			done = nil
		}
	}
}

func (w *world) register(image string) *taskdef.TaskDefinition {
	w.t.Helper()
	td, err := w.RegisterTaskDefinition(w.t.Context(), &taskdef.TaskDefinition{
		Family: "web", NetworkMode: "awsvpc", RequiresCompatibilities: []string{"FARGATE"}, CPU: new("256"), Memory: new("512"),
		ContainerDefinitions: []taskdef.ContainerDefinition{{Name: "app", Image: image,
			PortMappings: []taskdef.PortMapping{{ContainerPort: 80}}}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return td
}

var subnets = &NetworkConfiguration{Subnets: []string{"subnet-1"}}

func (w *world) service(desired int, groups ...string) Service {
	w.t.Helper()
	in := ServiceInput{Name: "web", TaskDefinition: "web", DesiredCount: &desired, LaunchType: LaunchFargate, Network: subnets}
	for _, g := range groups {
		w.groups.add(g)
		in.LoadBalancers = append(in.LoadBalancers, ServiceLoadBalancer{TargetGroupARN: g, ContainerName: "app", ContainerPort: 80})
	}
	s, err := w.CreateService(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) get() Service {
	w.t.Helper()
	out, failures, err := w.DescribeServices(w.t.Context(), "", []string{"web"})
	if err != nil || len(failures) > 0 {
		w.t.Fatal(err, failures)
	}
	return out[0]
}

// history is the service's events, the oldest first, without ids.
func (w *world) history() string {
	var b strings.Builder
	s := w.get()
	for i := len(s.Events) - 1; i >= 0; i-- {
		b.WriteString(s.Events[i].Message + "\n")
	}
	return b.String()
}

func (w *world) wantHistory(phrases ...string) {
	w.t.Helper()
	rest := w.history()
	for _, p := range phrases {
		_, after, ok := strings.Cut(rest, p)
		if !ok {
			w.t.Fatalf("events lack %q in order; they are:\n%s", p, w.history())
		}
		rest = after
	}
}

func TestService_RunsItsDesiredCountBehindATargetGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.register("app:1")
		s := w.service(3, "tg")
		if d := s.Deployments[0]; d.DesiredCount != 0 || d.RolloutState != RolloutInProgress {
			t.Errorf("CreateService answers deployment %+v; want desiredCount 0, IN_PROGRESS (spec 2.1)", d)
		}
		time.Sleep(10 * time.Second)
		s = w.get()
		if d := s.Deployments[0]; d.RunningCount != 3 || d.PendingCount != 0 || d.RolloutState != RolloutInProgress {
			t.Errorf("before targets are healthy: %+v", d)
		}
		w.groups.setAll("healthy")
		time.Sleep(time.Second)
		if s = w.get(); s.Deployments[0].RolloutState != RolloutCompleted || !s.Steady {
			t.Errorf("healthy: rolloutState %s, steady %v", s.Deployments[0].RolloutState, s.Steady)
		}
		w.wantHistory("has started 3 tasks: (task ", "registered 1 targets in (target-group tg)", "deployment completed.", "has reached a steady state.")
	})
}

func TestService_ReplacesStoppedTaskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Spares: 2})
		w.register("app:1")
		w.service(1, "tg")
		time.Sleep(10 * time.Second)
		w.groups.setAll("healthy")
		time.Sleep(100 * time.Second)
		old, _ := w.ListTasks(t.Context(), TaskFilter{})
		w.kill(old[0])
		time.Sleep(time.Second)
		now, _ := w.ListTasks(t.Context(), TaskFilter{})
		if len(now) != 1 || now[0] == old[0] {
			t.Fatalf("tasks %v, before %v; want another one", now, old)
		}
		got, _, _ := w.DescribeTasks(t.Context(), "", []string{old[0], now[0]})
		if s := got[0]; s.LastStatus != StatusStopped || s.StopCode != StopEssentialExited || *s.Containers[0].ExitCode != 137 {
			t.Errorf("killed task: %s %s exit %v", s.LastStatus, s.StopCode, *s.Containers[0].ExitCode)
		}
		if got[1].LastStatus != StatusRunning {
			t.Errorf("replacement is %s after a second", got[1].LastStatus)
		}
	})
}

func TestService_CrashLoopBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.eng.Script("bad:1", sim.Behaviour{ExitAfter: 300 * time.Millisecond, ExitCode: 1})
		w.register("bad:1")
		w.service(1)
		time.Sleep(time.Hour)
		s := w.get()
		d := s.Deployments[0]
		if d.Attempts < 55 || d.Attempts > 75 {
			t.Errorf("%d attempts in an hour; want about one a minute after the first", d.Attempts)
		}
		if d.FailedTasks != 0 || d.RolloutState != RolloutInProgress {
			t.Errorf("failedTasks %d, %s; a task that ran is no failed task (spec 3.1)", d.FailedTasks, d.RolloutState)
		}
		if e := d.LastExit; e == nil || e.ExitCode == nil || *e.ExitCode != 1 {
			t.Errorf("last exit %+v", e)
		}
	})
}

func TestService_RollsWithoutLosingAHealthyTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.groups.auto = 5 * time.Second
		w.register("app:1")
		w.service(3, "tg")
		time.Sleep(time.Minute)
		w.register("app:2")
		if _, err := w.UpdateService(t.Context(), ServiceUpdate{Service: "web", TaskDefinition: "web"}); err != nil {
			t.Fatal(err)
		}
		least := 3
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			least = min(least, w.groups.count("healthy"))
		}
		s := w.get()
		if len(s.Deployments) != 1 || s.Deployments[0].RolloutState != RolloutCompleted || s.Deployments[0].RunningCount != 3 {
			t.Errorf("after the roll-out: %+v\n%s", s.Deployments, w.history())
		}
		if least < 3 {
			t.Errorf("only %d healthy targets at some time; want 3 (minimumHealthyPercent 100)", least)
		}
	})
}

func TestService_BrokenRevisionIsRetriedWhileTheOldTasksServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.groups.auto = 5 * time.Second
		w.register("app:1")
		w.service(2, "tg")
		time.Sleep(time.Minute)
		w.eng.Script("bad:1", sim.Behaviour{ExitAfter: time.Second, ExitCode: 3})
		w.register("bad:1")
		if _, err := w.UpdateService(t.Context(), ServiceUpdate{Service: "web", TaskDefinition: "web"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		s := w.get()
		if len(s.Deployments) != 2 || s.Deployments[0].RolloutState != RolloutInProgress || s.Deployments[1].RunningCount != 2 {
			t.Errorf("deployments %+v", s.Deployments)
		}
		if n := w.groups.count("healthy"); n != 2 {
			t.Errorf("%d healthy targets; the two old ones must serve", n)
		}
		if a := s.Deployments[0].Attempts; a < 10 {
			t.Errorf("%d attempts in 20 minutes", a)
		}
	})
}

func TestService_ThrottlesTasksThatNeverStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.eng.Script("nope:1", sim.Behaviour{Missing: true, PullError: "manifest unknown"})
		w.register("nope:1")
		w.service(1)
		time.Sleep(10 * time.Hour)
		s := w.get()
		if a := s.Deployments[0].Attempts; a < 20 || a > 40 {
			t.Errorf("%d attempts in ten hours", a)
		}
		w.wantHistory("is unable to consistently start tasks successfully.")
		stopped, _ := w.ListTasks(t.Context(), TaskFilter{DesiredStatus: StatusStopped})
		got, _, _ := w.DescribeTasks(t.Context(), "", stopped[:1])
		if r := got[0].Containers[0].Reason; !strings.HasPrefix(r, "CannotPullContainerError: ") || got[0].StopCode != StopTaskFailedToStart {
			t.Errorf("reason %q, stopCode %s", r, got[0].StopCode)
		}
	})
}

func TestRuntime_RestartAdoptsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.groups.auto = time.Second
		w.register("app:1")
		w.service(3, "tg")
		time.Sleep(time.Minute)
		before, _ := w.ListTasks(t.Context(), TaskFilter{})
		starts := w.eng.Starts("app:1")
		w.stop()
		time.Sleep(time.Minute)
		w.start()
		time.Sleep(time.Minute)
		after, _ := w.ListTasks(t.Context(), TaskFilter{})
		if strings.Join(before, " ") != strings.Join(after, " ") || w.eng.Starts("app:1") != starts {
			t.Errorf("tasks before %v, after %v; %d starts before, %d after", before, after, starts, w.eng.Starts("app:1"))
		}
		if v := w.eng.Violations(); len(v) > 0 {
			t.Errorf("violations: %v", v)
		}
	})
}

func TestDeleteService_StopsEverythingAndBecomesInactive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.groups.auto = time.Second
		w.register("app:1")
		w.service(2, "tg")
		time.Sleep(time.Minute)
		if _, err := w.DeleteService(t.Context(), "", "web", false); err == nil {
			t.Error("deleted without force while scaled above 0")
		}
		if s, err := w.DeleteService(t.Context(), "", "web", true); err != nil || s.Status != StatusDraining {
			t.Errorf("DeleteService: %s %v", s.Status, err)
		}
		time.Sleep(time.Minute)
		if s := w.get(); s.Status != StatusInactive {
			t.Errorf("status %s", s.Status)
		}
		if n := len(w.eng.Running(nil)); n != 0 {
			t.Errorf("%d containers left", n)
		}
	})
}

// kill ends a task's containers behind the daemon's back.
func (w *world) kill(arn string) {
	w.t.Helper()
	for _, st := range w.eng.Running(func(o engine.Owner) bool { return o.TaskARN == arn }) {
		if err := w.eng.KillContainer(st.ID); err != nil {
			w.t.Fatal(err)
		}
	}
}
