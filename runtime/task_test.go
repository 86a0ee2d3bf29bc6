package runtime

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"miniecs/runtime/engine"
	"miniecs/runtime/engine/sim"
	"miniecs/taskdef"
)

// runTask registers containers as an awsvpc Fargate definition, unless change says otherwise, and runs one task of it.
func (w *world) runTask(containers []taskdef.ContainerDefinition, change func(*taskdef.TaskDefinition, *RunTaskInput)) Task {
	w.t.Helper()
	td := &taskdef.TaskDefinition{Family: "job", NetworkMode: "awsvpc", RequiresCompatibilities: []string{"FARGATE"},
		CPU: new("256"), Memory: new("512"), ContainerDefinitions: containers}
	in := RunTaskInput{TaskDefinition: "job", LaunchType: LaunchFargate, Network: subnets}
	if change != nil {
		change(td, &in)
	}
	if _, err := w.RegisterTaskDefinition(w.t.Context(), td); err != nil {
		w.t.Fatal(err)
	}
	tasks, failures, err := w.RunTask(w.t.Context(), in)
	if err != nil || len(failures) > 0 {
		w.t.Fatal(err, failures)
	}
	return tasks[0]
}

func (w *world) task(id string) Task {
	w.t.Helper()
	got, failures, err := w.DescribeTasks(w.t.Context(), "", []string{id})
	if err != nil || len(failures) > 0 {
		w.t.Fatal(err, failures)
	}
	return got[0]
}

func bridge(td *taskdef.TaskDefinition, in *RunTaskInput) {
	td.NetworkMode, td.RequiresCompatibilities, td.CPU, td.Memory = "bridge", nil, nil, nil
	in.LaunchType, in.Network = LaunchEC2, nil
	for i := range td.ContainerDefinitions {
		td.ContainerDefinitions[i].Memory = new(64)
	}
}

func TestTask_ClimbsTheLadderAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		task := w.runTask([]taskdef.ContainerDefinition{{Name: "app", Image: "app:1"}}, nil)
		if task.LastStatus != StatusProvisioning || task.Version != 1 || task.Group != "family:job" {
			t.Errorf("RunTask answers %s, version %d, group %s", task.LastStatus, task.Version, task.Group)
		}
		time.Sleep(5 * time.Second)
		got := w.task(task.ID)
		a := got.Attachment
		if got.LastStatus != StatusRunning || a.Status != "ATTACHED" || a.Address == "" || !strings.HasPrefix(a.DNSName, "ip-") {
			t.Errorf("running: %s, attachment %+v", got.LastStatus, a)
		}
		if got.PullStartedAt.IsZero() || got.PullStoppedAt.IsZero() || got.StartedAt.IsZero() || got.ConnectivityAt.IsZero() {
			t.Errorf("timestamps are missing: %+v", got)
		}
		if _, err := w.StopTask(t.Context(), "", task.ARN, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		got = w.task(task.ID)
		if got.LastStatus != StatusStopped || got.StopCode != StopUser || got.StoppedReason != "Task stopped by user" || *got.Containers[0].ExitCode != 0 {
			t.Errorf("stopped: %s %s %q", got.LastStatus, got.StopCode, got.StoppedReason)
		}
		order := []time.Time{got.CreatedAt, got.PullStartedAt, got.PullStoppedAt, got.StartedAt, got.StoppingAt, got.ExecutionStoppedAt, got.StoppedAt}
		if !slices.IsSortedFunc(order, time.Time.Compare) {
			t.Errorf("timestamps are out of order (spec 1.2): %v", order)
		}
		if n := len(w.eng.Running(nil)); n != 0 || w.eng.Counts().Namespaces != 0 {
			t.Errorf("%d containers and %d namespaces left", n, w.eng.Counts().Namespaces)
		}
	})
}

func TestTask_ThatExitsAtOnceWasRunning(t *testing.T) { // spec/ecs-control-plane.md 1.1, instant exit
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.eng.Script("job:1", sim.Behaviour{ExitAfter: 1, ExitCode: 7})
		task := w.runTask([]taskdef.ContainerDefinition{{Name: "app", Image: "job:1"}}, nil)
		time.Sleep(5 * time.Second)
		got := w.task(task.ID)
		if got.LastStatus != StatusStopped || got.StopCode != StopEssentialExited || got.StartedAt.IsZero() {
			t.Errorf("%s %s, startedAt %v", got.LastStatus, got.StopCode, got.StartedAt)
		}
		if c := got.Containers[0]; *c.ExitCode != 7 || got.StoppedReason != "Essential container in task exited" {
			t.Errorf("exit code %v, reason %q", *c.ExitCode, got.StoppedReason)
		}
	})
}

func TestTask_FailuresToStart(t *testing.T) {
	tests := []struct {
		name      string
		behaviour sim.Behaviour
		container taskdef.ContainerDefinition
		reason    string // of the container, or of the task if the container never came to be
	}{
		{"image cannot be pulled", sim.Behaviour{Missing: true, PullError: "manifest unknown"}, taskdef.ContainerDefinition{}, "CannotPullContainerError: manifest unknown"},
		{"start fails", sim.Behaviour{StartError: `exec: "/nope": no such file`}, taskdef.ContainerDefinition{}, `CannotStartContainerError: exec: "/nope": no such file`},
		{"secret unknown", sim.Behaviour{}, taskdef.ContainerDefinition{Secrets: []taskdef.Secret{{Name: "PW", ValueFrom: "/db/pw"}}}, "ResourceInitializationError: unable to pull secrets"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{})
				w.eng.Script("x:1", tt.behaviour)
				tt.container.Name, tt.container.Image = "app", "x:1"
				task := w.runTask([]taskdef.ContainerDefinition{tt.container}, func(td *taskdef.TaskDefinition, _ *RunTaskInput) {
					td.ExecutionRoleArn = "arn:aws:iam::000000000000:role/exec"
				})
				time.Sleep(5 * time.Second)
				got := w.task(task.ID)
				c := got.Containers[0]
				if got.LastStatus != StatusStopped || got.StopCode != StopTaskFailedToStart || c.ExitCode != nil || !got.StartedAt.IsZero() {
					t.Errorf("%s %s exit %v startedAt %v", got.LastStatus, got.StopCode, c.ExitCode, got.StartedAt)
				}
				if !strings.HasPrefix(c.Reason, tt.reason) || !strings.HasPrefix(got.StoppedReason, tt.reason) {
					t.Errorf("reason %q, stoppedReason %q; want %q", c.Reason, got.StoppedReason, tt.reason)
				}
			})
		})
	}
}

func TestTask_OutOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.eng.Script("fat:1", sim.Behaviour{OOMAfter: time.Second})
		task := w.runTask([]taskdef.ContainerDefinition{{Name: "app", Image: "fat:1"}}, nil)
		time.Sleep(5 * time.Second)
		if c := w.task(task.ID).Containers[0]; c.Reason != outOfMemory || *c.ExitCode != 137 {
			t.Errorf("reason %q, exit code %v", c.Reason, *c.ExitCode)
		}
	})
}

// chain is an init container, a sidecar with a check, and an application that waits for both.
func chain() []taskdef.ContainerDefinition {
	return []taskdef.ContainerDefinition{
		{Name: "app", Image: "app:1", DependsOn: []taskdef.ContainerDependency{{ContainerName: "init", Condition: "SUCCESS"}, {ContainerName: "side", Condition: "HEALTHY"}}},
		{Name: "init", Image: "init:1", Essential: new(false)},
		{Name: "side", Image: "side:1", HealthCheck: &taskdef.HealthCheck{Command: []string{"CMD", "/check"}, Interval: new(5)},
			DependsOn: []taskdef.ContainerDependency{{ContainerName: "init", Condition: "COMPLETE"}}},
	}
}

func TestTask_ContainersStartAndStopByTheirDependencies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.eng.Script("init:1", sim.Behaviour{ExitAfter: 2 * time.Second})
		task := w.runTask(chain(), nil)
		time.Sleep(5 * time.Second)
		got := w.task(task.ID)
		if got.LastStatus != StatusPending || got.container("app").LastStatus != StatusPending {
			t.Errorf("before the sidecar is healthy: task %s, app %s (spec 1.1: it stays PENDING)", got.LastStatus, got.container("app").LastStatus)
		}
		time.Sleep(10 * time.Second)
		got = w.task(task.ID)
		if got.LastStatus != StatusRunning {
			t.Fatalf("task is %s", got.LastStatus)
		}
		init, side, app := got.container("init"), got.container("side"), got.container("app")
		if init.LastStatus != StatusStopped || *init.ExitCode != 0 || side.HealthStatus != HealthHealthy {
			t.Errorf("init %s, side %s", init.LastStatus, side.HealthStatus)
		}
		if !init.FinishedAt.Before(side.StartedAt) || !side.StartedAt.Before(app.StartedAt) {
			t.Errorf("order: init ended %v, side started %v, app started %v", init.FinishedAt, side.StartedAt, app.StartedAt)
		}
		if _, err := w.StopTask(t.Context(), "", task.ID, "enough"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		got = w.task(task.ID)
		if !got.container("app").FinishedAt.Before(got.container("side").FinishedAt) || got.StoppedReason != "enough" {
			t.Errorf("app ended %v, side %v; the order is reversed at stop", got.container("app").FinishedAt, got.container("side").FinishedAt)
		}
	})
}

func TestTask_UnmetDependencyStopsIt(t *testing.T) {
	tests := []struct {
		name   string
		script func(*sim.Sim)
		reason string
	}{
		{"init fails", func(s *sim.Sim) { s.Script("init:1", sim.Behaviour{ExitAfter: time.Second, ExitCode: 3}) }, "did not exit successfully"},
		{"sidecar never healthy", func(s *sim.Sim) {
			s.Script("init:1", sim.Behaviour{ExitAfter: time.Second})
			s.Script("side:1", sim.Behaviour{NeverHealthy: true})
		}, "has timed out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{})
				tt.script(w.eng)
				defs := chain()
				defs[2].StartTimeout = new(20)
				task := w.runTask(defs, nil)
				time.Sleep(time.Minute)
				got := w.task(task.ID)
				c := got.container("app")
				if got.LastStatus != StatusStopped || got.StopCode != StopTaskFailedToStart || c.ExitCode == nil || *c.ExitCode != 143 {
					t.Fatalf("%s %s, app exit %v (task-runtime.md 1.3: synthetic 143)", got.LastStatus, got.StopCode, c.ExitCode)
				}
				if !strings.HasPrefix(c.Reason, "CannotStartContainerError: ") || !strings.Contains(c.Reason, tt.reason) {
					t.Errorf("reason %q; want ... %q", c.Reason, tt.reason)
				}
			})
		})
	}
}

func TestTask_NonEssentialExitLeavesItRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.eng.Script("side:1", sim.Behaviour{ExitAfter: time.Second, ExitCode: 9})
		task := w.runTask([]taskdef.ContainerDefinition{{Name: "app", Image: "app:1"}, {Name: "side", Image: "side:1", Essential: new(false)}}, nil)
		time.Sleep(time.Minute)
		got := w.task(task.ID)
		if got.LastStatus != StatusRunning || got.container("side").LastStatus != StatusStopped || *got.container("side").ExitCode != 9 {
			t.Errorf("%s, side %+v", got.LastStatus, got.container("side"))
		}
	})
}

func TestTask_BridgeHasHostPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		task := w.runTask([]taskdef.ContainerDefinition{{Name: "app", Image: "app:1", PortMappings: []taskdef.PortMapping{{ContainerPort: 80}, {ContainerPort: 81, HostPort: new(8181)}}}}, bridge)
		if task.LastStatus != StatusPending {
			t.Errorf("a bridge task begins as %s; want PENDING (spec 1.1)", task.LastStatus)
		}
		time.Sleep(5 * time.Second)
		got := w.task(task.ID)
		b := got.Containers[0].Bindings
		if got.LastStatus != StatusRunning || len(b) != 2 || got.Attachment != nil {
			t.Fatalf("%s, bindings %+v", got.LastStatus, b)
		}
		for _, p := range b {
			if p.HostPort == 0 || p.ContainerPort == 81 && p.HostPort != 8181 {
				t.Errorf("binding %+v", p)
			}
		}
	})
}

func TestRunTask_EC2ThatDoesNotFit(t *testing.T) { // spec 7.2
	tests := map[string]func(*taskdef.TaskDefinition){
		"RESOURCE:CPU":    func(td *taskdef.TaskDefinition) { td.ContainerDefinitions[0].CPU = 1 << 20 },
		"RESOURCE:MEMORY": func(td *taskdef.TaskDefinition) { td.ContainerDefinitions[0].Memory = new(1 << 20) },
		"RESOURCE:PORTS": func(td *taskdef.TaskDefinition) {
			td.ContainerDefinitions[0].PortMappings = []taskdef.PortMapping{{ContainerPort: 22, HostPort: new(22)}}
		},
	}
	for reason, change := range tests {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{})
				td := &taskdef.TaskDefinition{Family: "big", ContainerDefinitions: []taskdef.ContainerDefinition{{Name: "a", Image: "app:1", Memory: new(64)}}}
				change(td)
				if _, err := w.RegisterTaskDefinition(t.Context(), td); err != nil {
					t.Fatal(err)
				}
				tasks, failures, err := w.RunTask(t.Context(), RunTaskInput{TaskDefinition: "big", LaunchType: LaunchEC2})
				if err != nil || len(tasks) != 0 || len(failures) != 1 || failures[0].Reason != reason {
					t.Errorf("tasks %v, failures %v, %v", tasks, failures, err)
				}
			})
		})
	}
}

func TestRunTask_ClientTokenMakesItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.register("app:1")
		in := RunTaskInput{TaskDefinition: "web", LaunchType: LaunchFargate, Network: subnets, ClientToken: "tok", Count: 2}
		first, _, err := w.RunTask(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := w.RunTask(t.Context(), in)
		if err != nil || len(again) != 2 || first[0].ID != again[0].ID && first[0].ID != again[1].ID {
			t.Errorf("again: %v %v", again, err)
		}
		in.Count = 1
		_, _, err = w.RunTask(t.Context(), in)
		if e, ok := err.(*Error); !ok || e.Kind != Conflict || len(e.ResourceIDs) != 2 {
			t.Errorf("other parameters: %v; want a Conflict with the tasks' ARNs", err)
		}
	})
}

func TestTask_NamespaceDeathStopsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		task := w.runTask([]taskdef.ContainerDefinition{{Name: "app", Image: "app:1"}}, nil)
		time.Sleep(5 * time.Second)
		if err := w.eng.KillNamespace(w.task(task.ID).Namespace); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if got := w.task(task.ID); got.LastStatus != StatusStopped || got.StopCode != StopEssentialExited {
			t.Errorf("%s %s", got.LastStatus, got.StopCode)
		}
	})
}

func TestTask_VanishedContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		task := w.runTask([]taskdef.ContainerDefinition{{Name: "app", Image: "app:1"}}, nil)
		time.Sleep(5 * time.Second)
		w.stop()
		for _, st := range w.eng.Running(func(o engine.Owner) bool { return o.Task == task.ID }) {
			if err := w.eng.RemoveContainer(st.ID); err != nil {
				t.Fatal(err)
			}
		}
		w.start()
		time.Sleep(5 * time.Second)
		got := w.task(task.ID)
		if got.LastStatus != StatusStopped || !strings.HasPrefix(got.Containers[0].Reason, "ContainerVanishedError: ") {
			t.Errorf("%s, reason %q", got.LastStatus, got.Containers[0].Reason)
		}
	})
}

func TestLogs_OutliveTheTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.eng.Script("job:1", sim.Behaviour{ExitAfter: 2 * time.Second, Log: []sim.Line{{Text: "one"}, {After: time.Second, Text: "two", Stream: "stderr"}}})
		task := w.runTask([]taskdef.ContainerDefinition{{Name: "app", Image: "job:1"}}, nil)
		var live []string
		err := w.Logs(t.Context(), LogQuery{Task: task.ID, Follow: true}, func(r LogRecord) error { live = append(live, r.Stream+" "+r.Text); return nil })
		if want := "stdout one|stderr two"; err != nil || strings.Join(live, "|") != want {
			t.Errorf("followed %q, %v; want %q", live, err, want)
		}
		time.Sleep(5 * time.Second)
		if got := w.task(task.ID); got.LastStatus != StatusStopped {
			t.Fatalf("task is %s", got.LastStatus)
		}
		var kept []string
		err = w.Logs(t.Context(), LogQuery{Task: task.ID, Tail: 1}, func(r LogRecord) error { kept = append(kept, r.Container+" "+r.Text); return nil })
		if err != nil || len(kept) != 1 || kept[0] != "app two" {
			t.Errorf("kept %q, %v", kept, err)
		}
	})
}

func TestEngineOutage_DecidesNothingAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.groups.auto = time.Second
		w.register("app:1")
		w.service(3, "tg")
		time.Sleep(time.Minute)
		starts := w.eng.Starts("app:1")
		w.eng.Unavailable(true)
		time.Sleep(10 * time.Minute)
		w.eng.Unavailable(false)
		time.Sleep(time.Minute)
		if n := w.eng.Starts("app:1"); n != starts {
			t.Errorf("%d tasks started because the engine did not answer", n-starts)
		}
		w.eng.Restart(5 * time.Second) // takes every container along
		time.Sleep(3 * time.Minute)
		s := w.get()
		if s.Deployments[0].RunningCount != 3 || !s.Steady {
			t.Errorf("after the engine's restart: %+v\n%s", s.Deployments[0], w.history())
		}
		if v := w.eng.Violations(); len(v) > 0 {
			t.Errorf("violations: %v", v)
		}
	})
}
