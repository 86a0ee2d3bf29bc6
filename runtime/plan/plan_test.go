package plan

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	// Decisions cost microseconds: ask more often than rapid's hundred times. -rapid.checks overrides.
	if err := flag.Set("rapid.checks", "600"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// Tasks of the tables: id and deployment.

func pending(id, dep string) Task { return Task{ID: id, Deployment: dep} }

func running(id, dep string) Task {
	return Task{ID: id, Deployment: dep, Phase: Running, Healthy: true, RunningSince: t0.Add(-time.Hour)}
}

// young runs for less than HealthyAfter: it counts in 30 s.
func young(id, dep string) Task {
	return Task{ID: id, Deployment: dep, Phase: Running, RunningSince: t0.Add(-10 * time.Second), HealthyAt: t0.Add(30 * time.Second)}
}

func sick(id, dep string) Task {
	t := running(id, dep)
	t.Healthy, t.Unhealthy, t.Why, t.StopReason = false, true, "target health checks", ReasonTargetUnhealthy
	return t
}

func stopping(id, dep string) Task { return Task{ID: id, Deployment: dep, Phase: Stopping} }

func protected(t Task) Task { t.Protected = true; return t }

// completed and progressing are deployments that want n tasks.
func completed(id string, n int) Deployment { return Deployment{ID: id, Desired: n, Completed: true} }

func progressing(id string, n int) Deployment { return Deployment{ID: id, Desired: n} }

func failed(id string, n int) Deployment { return Deployment{ID: id, Desired: n, Failed: true} }

// view is desired/min/max; of the tasks the later ones are the younger.
func view(desired, minimum, maximum int, deployments []Deployment, tasks ...Task) View {
	for i := range tasks {
		tasks[i].CreatedAt = t0.Add(time.Duration(i-len(tasks)) * time.Second)
	}
	return View{Desired: desired, MinHealthyPercent: minimum, MaximumPercent: maximum, Deployments: deployments, Tasks: tasks}
}

type table []struct {
	name string
	view View
	want string
}

func (c table) run(t *testing.T) {
	t.Helper()
	for _, c := range c {
		t.Run(c.name, func(t *testing.T) {
			d := Next(c.view, t0)
			obeys(t, c.view, t0, d)
			got := d.String()
			if !d.Wake.IsZero() {
				got += fmt.Sprintf("wake in %s\n", d.Wake.Sub(t0))
			}
			if got != c.want {
				t.Errorf("in\n%sgot\n%s\nwant\n%s", dump(c.view), got, c.want)
			}
		})
	}
}

type deps = []Deployment

func TestNext_Scales(t *testing.T) {
	one := deps{completed("1", 2)}
	table{
		{"8.1: starts what is missing", view(3, 100, 200, one, running("a", "1")),
			"StartTask 1: 1 of 3 running\nStartTask 1: 1 of 3 running\n"},
		{"8.1: does nothing when all are there", view(2, 100, 200, one, running("a", "1"), running("b", "1")),
			"complete\nsteady\n"},
		{"8.1: a pending task is not started twice", view(2, 100, 200, one, running("a", "1"), pending("b", "1")), ""},
		{"2.6: scale-in takes pending ones first", view(2, 100, 200, one, pending("a", "1"), running("b", "1"), running("c", "1")),
			"StopTask a: scaled in to 2\n"},
		{"2.6: then those that do not count yet", view(1, 100, 200, one, young("a", "1"), running("b", "1"), running("c", "1")),
			"StopTask a: scaled in to 1\nStopTask c: scaled in to 1\nwake in 30s\n"},
		{"2.6: then the youngest", view(1, 100, 200, one, running("a", "1"), running("b", "1"), running("c", "1")),
			"StopTask c: scaled in to 1\nStopTask b: scaled in to 1\n"},
		{"2.6: unhealthy ones before healthy ones", view(1, 100, 200, one, sick("a", "1"), running("b", "1")),
			"StopTask a: unhealthy: target health checks\n"},
		{"2.2: desired 0 stops all", view(0, 100, 200, one, running("a", "1"), pending("b", "1")),
			"StopTask b: scaled in to 0\nStopTask a: scaled in to 0\n"},
		{"2.2: desired 0 is complete once nothing of the old is left", view(0, 100, 200, deps{progressing("2", 0), completed("1", 0)}, stopping("a", "1")),
			""},
		{"2.2: desired 0 is steady", view(0, 100, 200, one), "complete\nsteady\n"},
		{"2.2: stopping tasks take room", view(2, 50, 100, one, running("a", "1"), stopping("b", "1")), ""},
		{"2.4: complete, but not steady while one stops", view(1, 100, 200, one, running("a", "1"), stopping("b", "1")), "complete\n"},
		{"2.6: during a roll-out the old go first", view(1, 100, 200, deps{progressing("2", 2), completed("1", 2)},
			running("a", "1"), running("b", "1"), running("c", "2"), running("d", "2")),
			"StopTask b: replaced by 2\nStopTask a: replaced by 2\nStopTask d: scaled in to 1\n"},
		{"2.6: a roll-out scaled out starts the new revision", view(3, 100, 200, deps{progressing("2", 1), completed("1", 1)},
			running("a", "1"), running("b", "2")),
			"StartTask 2: 1 of 3 running\nStartTask 2: 1 of 3 running\n"},
	}.run(t)
}

func TestNext_Deletes(t *testing.T) {
	all := view(2, 100, 200, deps{progressing("2", 2), completed("1", 2)},
		running("a", "1"), protected(running("b", "1")), pending("c", "2"), stopping("d", "2"))
	all.Deleting = true
	last := view(0, 100, 200, deps{completed("1", 0)}, stopping("a", "1"))
	last.Deleting = true
	gone := view(0, 100, 200, deps{completed("1", 0)})
	gone.Deleting = true
	table{
		{"2.9: DRAINING stops everything, protected or not", all,
			"StopTask b: service deleted\nStopTask a: service deleted\nStopTask c: service deleted\n"},
		{"2.9: INACTIVE when every task is STOPPING", last, "complete\n"},
		{"2.9: or STOPPED", gone, "complete\nsteady\n"},
	}.run(t)
}

func TestNext_ReplacesRevisions(t *testing.T) {
	to2 := deps{progressing("2", 2), completed("1", 2)}
	to3 := deps{progressing("3", 2), progressing("2", 2), completed("1", 2)}
	table{
		{"2.2: the new do not count before 40 s", view(2, 100, 200, to2, running("a", "1"), running("b", "1"), young("c", "2"), young("d", "2")),
			"wake in 30s\n"},
		{"2.2: each new one that counts lets an old one go", view(2, 100, 200, to2, running("a", "1"), running("b", "1"), running("c", "2"), young("d", "2")),
			"StopTask b: replaced by 2\nwake in 30s\n"},
		{"3.2: the old stay while the new die", view(2, 100, 200, to2, running("a", "1"), running("b", "1"), stopping("c", "2"), pending("d", "2")), ""},
		{"3.2: the old stay while the new are unhealthy", view(2, 50, 100, deps{progressing("2", 2), completed("1", 1)}, running("a", "1"), sick("b", "2")),
			"StopTask b: unhealthy: target health checks\n"},
		{"4.1: nothing more of a failed revision is started", view(2, 50, 100, deps{failed("2", 2), completed("1", 1)}, running("a", "1")), ""},
		{"4.3: not even once it is the old one", view(2, 50, 100, deps{progressing("3", 2), failed("2", 2), completed("1", 1)}, running("a", "1")),
			"StartTask 3: 0 of 2 running\n"},
		{"2.3: a third revision stops the second's pending tasks", view(2, 100, 200, to3, running("a", "1"), running("b", "1"), pending("c", "2"), pending("d", "2")),
			"StopTask d: replaced by 3\nStopTask c: replaced by 3\n"},
		{"2.3: and those that do not count yet", view(2, 100, 200, to3, running("a", "1"), running("b", "1"), young("c", "2")),
			"StopTask c: replaced by 3\nStartTask 3: 0 of 2 running\nwake in 30s\n"},
		{"2.3: even where they would be missed", view(2, 100, 200, to3, running("a", "1"), pending("c", "2")),
			"StopTask c: replaced by 3\nStartTask 1: 1 of 2 of the old revision left\nStartTask 3: 0 of 2 running\n"},
		{"2.2: two old revisions together start no more than the lower bound", view(2, 100, 200, deps{progressing("3", 2), completed("2", 2), completed("1", 2)}),
			"StartTask 2: 0 of 2 of the old revision left\nStartTask 2: 0 of 2 of the old revision left\nStartTask 3: 0 of 2 running\nStartTask 3: 0 of 2 running\n"},
		{"2.3: both predecessors serve until the third does", view(2, 100, 200, deps{progressing("3", 2), progressing("2", 1), completed("1", 1)},
			running("a", "1"), running("b", "2")),
			"StartTask 3: 0 of 2 running\nStartTask 3: 0 of 2 running\n"},
		{"2.3: what a superseded revision lacks the third starts", view(2, 100, 200, to3, running("a", "1")),
			"StartTask 1: 1 of 2 of the old revision left\nStartTask 3: 0 of 2 running\nStartTask 3: 0 of 2 running\n"},
		{"2.5: an old task that dies is replaced by its own revision", view(2, 100, 200, to2, running("a", "1"), young("c", "2"), young("d", "2")),
			"StartTask 1: 1 of 2 of the old revision left\nwake in 30s\n"},
		{"2.5: not when the new already serve in its place", view(2, 100, 200, deps{progressing("2", 2), completed("1", 2)}, running("a", "1"), running("c", "2"), young("d", "2")),
			"wake in 30s\n"},
		{"2.5: an unhealthy old task is replaced by its own revision", view(2, 100, 200, to2, running("a", "1"), sick("b", "1"), young("c", "2")),
			"StopTask b: unhealthy: target health checks\nStartTask 1: 1 of 2 of the old revision left\nwake in 30s\n"},
		{"2.2: unless the lower bound does without", view(2, 50, 100, to2, running("a", "1"), sick("b", "1")),
			"StopTask b: unhealthy: target health checks\n"},
		{"2.2: a sick old revision at 0/100 gives way", view(1, 0, 100, deps{progressing("2", 1), completed("1", 1)}),
			"StartTask 2: 0 of 1 running\n"},
		{"8.1: old ones that do not count go before those that do", view(2, 50, 100, to2, running("a", "1"), young("b", "1")),
			"StopTask b: replaced by 2\nwake in 30s\n"},
		{"2.10 #16: not blocked while an old one does not count yet", view(2, 75, 100, to2, running("a", "1"), young("b", "1")), "wake in 30s\n"},
		{"2.10 #16: blocked once it does", view(2, 75, 100, to2, running("a", "1"), running("b", "1")), "blocked\n"},
		{"2.6: protected tasks hold a roll-out open", view(1, 100, 200, deps{progressing("2", 1), completed("1", 1)}, protected(running("a", "1")), running("b", "2")), ""},
		{"2.6: and are not why it is blocked", view(1, 100, 100, deps{progressing("2", 1), completed("1", 1)}, protected(running("a", "1"))), ""},
	}.run(t)
}

func TestNext_ReplacesUnhealthy(t *testing.T) {
	one := deps{completed("1", 2)}
	table{
		{"2.5: starts the replacement first", view(2, 100, 200, one, running("a", "1"), sick("b", "1")), "StartTask 1: 1 unhealthy\n"},
		{"2.5: keeps the unhealthy one until it counts", view(2, 100, 200, one, running("a", "1"), sick("b", "1"), young("c", "1")), "wake in 30s\n"},
		{"2.5: then stops the unhealthy one", view(2, 100, 200, one, running("a", "1"), sick("b", "1"), running("c", "1")),
			"StopTask b: unhealthy: target health checks\n"},
		{"2.5: stops one of the two when the replacement is unhealthy too, and tries again", view(2, 100, 200, one, running("a", "1"), sick("b", "1"), sick("c", "1")),
			"StopTask c: unhealthy: target health checks\nStartTask 1: 1 unhealthy\n"},
		{"2.5: stops one first where the upper bound leaves no room", view(2, 50, 100, one, running("a", "1"), sick("b", "1")),
			"StopTask b: unhealthy: target health checks\n"},
		{"2.5: one at a time", view(2, 50, 100, one, sick("a", "1"), sick("b", "1")), "StopTask b: unhealthy: target health checks\n"},
		{"2.5: and waits until it is gone", view(2, 50, 100, one, sick("a", "1"), stopping("b", "1")), ""},
		{"2.5: then starts the replacement", view(2, 50, 100, one, sick("a", "1")), "StartTask 1: 1 unhealthy\n"},
		{"2.5: and waits until that counts", view(2, 50, 100, one, sick("a", "1"), young("b", "1")), "wake in 30s\n"},
		{"2.5: takes the extra one away after recovery", view(2, 100, 200, one, running("a", "1"), running("b", "1"), running("c", "1")),
			"StopTask c: scaled in to 2\n"},
		{"2.5: stops it even while a protected one does not count yet", view(1, 100, 300, one, running("a", "1"), protected(young("b", "1")), sick("c", "1")),
			"StopTask c: unhealthy: target health checks\nwake in 30s\n"},
		{"2.6: leaves a protected one", view(1, 100, 200, one, protected(sick("a", "1")), running("b", "1")), ""},
	}.run(t)
}

func TestNext_LeavesProtectedTasks(t *testing.T) {
	one := deps{completed("1", 2)}
	table{
		{"2.6: scale-in takes the next one", view(1, 100, 200, one, running("a", "1"), protected(running("b", "1"))), "StopTask a: scaled in to 1\n"},
		{"2.10 #17: too many protected ones are not steady", view(1, 100, 200, one, protected(running("a", "1")), protected(running("b", "1"))), ""},
		{"2.2: scale-in keeps the lower bound while a protected one does not count", view(1, 100, 200, one, running("a", "1"), protected(young("b", "1"))), "wake in 30s\n"},
	}.run(t)
}

func TestDecision_SaysWhatEventsNeed(t *testing.T) {
	v := view(2, 100, 200, deps{completed("1", 2)}, running("a", "1"), sick("b", "1"))
	if a := Next(v, t0).Actions; len(a) != 1 || !a[0].ReplacesUnhealthy || !a[0].Outage {
		t.Errorf("2.10 #2: got %+v, want a start that replaces an unhealthy task", a)
	}
	v = view(1, 100, 200, deps{completed("1", 1)}, sick("b", "1"), running("c", "1"))
	if a := Next(v, t0).Actions; len(a) != 1 || a[0].Reason != ReasonTargetUnhealthy {
		t.Errorf("1.4: got %+v, want a stop for the target's sake", a)
	}
	v = view(4, 50, 100, deps{progressing("2", 4), completed("1", 4)}, running("a", "1"), running("b", "1"), running("c", "1"), running("d", "1"))
	d := Next(v, t0)
	if got := d.OldDesired["1"]; got != 2 {
		t.Errorf("2.4: the old revision wants %d tasks, want 2\n%s", got, d)
	}
	for _, a := range Next(view(1, 100, 200, deps{progressing("1", 1)}), t0).Actions {
		if a.Outage {
			t.Errorf("a first roll-out ends no outage: %+v", a)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	for _, n := range []int{10, 100} {
		for name, v := range map[string]View{"steady": steady(n), "rollout": midway(n)} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					Next(v, t0)
				}
			})
		}
	}
}

// steady is a service of n tasks with nothing to do; midway one with n tasks, half of them of the new revision.
func steady(n int) View {
	var tasks []Task
	for i := range n {
		tasks = append(tasks, running(fmt.Sprintf("t%d", i), "1"))
	}
	return view(n, 100, 200, deps{completed("1", n)}, tasks...)
}

func midway(n int) View {
	var tasks []Task
	for i := range n {
		tasks = append(tasks, running(fmt.Sprintf("t%d", i), []string{"1", "2"}[i%2]))
	}
	return view(n/2, 100, 200, deps{progressing("2", n/2), completed("1", n/2)}, tasks...)
}
