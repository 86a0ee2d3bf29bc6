package plan

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyView is a view that nobody would call sensible: the rules hold in it all the same.
func anyView(t *rapid.T) View {
	v := View{
		Desired:           rapid.IntRange(0, 6).Draw(t, "desired"),
		MinHealthyPercent: rapid.SampledFrom([]int{0, 25, 50, 75, 100}).Draw(t, "minimum"),
		MaximumPercent:    rapid.SampledFrom([]int{100, 125, 150, 200}).Draw(t, "maximum"),
		Deleting:          rapid.IntRange(0, 19).Draw(t, "deleting") == 0,
		NoCrashBackoff:    rapid.Bool().Draw(t, "noBackoff"),
		TimeScale:         rapid.SampledFrom([]float64{0, 1, 10}).Draw(t, "scale"),
	}
	ago := func(what string) time.Time {
		return t0.Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, what)) * time.Second)
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "deployments") {
		v.Deployments = append(v.Deployments, Deployment{
			ID: fmt.Sprint(3 - i), Desired: rapid.IntRange(0, 6).Draw(t, "of"),
			StartSteps: rapid.SampledFrom([]int{0, 0, 0, 1, 3, 12}).Draw(t, "starts"), StartStepAt: ago("startStepAt"),
			CrashSteps: rapid.SampledFrom([]int{0, 0, 0, 1, 3, 12}).Draw(t, "crashes"), CrashStepAt: ago("crashStepAt"),
		})
		d := &v.Deployments[i]
		switch rapid.SampledFrom([]string{"COMPLETED", "COMPLETED", "IN_PROGRESS", "FAILED"}).Draw(t, "rollout") {
		case "COMPLETED":
			d.Completed = true
		case "FAILED":
			d.Failed = true
		}
	}
	for i := range rapid.IntRange(0, 12).Draw(t, "tasks") {
		task := Task{ID: fmt.Sprintf("t%d", i), Deployment: rapid.SampledFrom(v.Deployments).Draw(t, "its").ID,
			Phase: rapid.SampledFrom([]Phase{Pending, Running, Running, Running, Stopping}).Draw(t, "phase"), CreatedAt: ago("created")}
		if task.Phase == Running {
			task.RunningSince = task.CreatedAt
			task.HealthyAt = task.CreatedAt.Add(HealthyAfter)
			task.Healthy = !task.HealthyAt.After(t0)
			task.Unhealthy = rapid.IntRange(0, 4).Draw(t, "unhealthy") == 0
		}
		task.Protected = rapid.IntRange(0, 5).Draw(t, "protected") == 0
		v.Tasks = append(v.Tasks, task)
	}
	return v
}

// obeys checks what is true of every decision.
func obeys(t failer, v View, now time.Time, d Decision) {
	t.Helper()
	bad := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("%s\nin\n%sdecided\n%s", fmt.Sprintf(format, args...), dump(v), d)
	}
	lower, upper := bounds(v)
	tasks, deps := map[string]Task{}, map[string]Deployment{}
	for _, task := range v.Tasks {
		tasks[task.ID] = task
	}
	for _, dep := range v.Deployments {
		deps[dep.ID] = dep
	}
	starts, healthy := 0, healthyOf(v)
	startsOf, replacedOf := map[string]int{}, map[string]int{}
	for _, a := range d.Actions {
		switch a.Verb {
		case StopTask:
			task, ok := tasks[a.Task]
			if !ok || task.Phase == Stopping || task.Deployment != a.Deployment {
				bad("%s cannot be stopped", a.Task)
			}
			delete(tasks, a.Task) // once
			if task.Protected && !v.Deleting {
				bad("%s is protected (spec 2.6)", a.Task)
			}
			if task.Phase == Running && task.Healthy && !task.Unhealthy {
				if healthy--; healthy < lower && !v.Deleting {
					bad("stopping %s leaves %d healthy, the lower bound is %d (spec 2.2)", a.Task, healthy, lower)
				}
			}
			if !task.Unhealthy {
				replacedOf[a.Deployment]++
			}
		case StartTask:
			starts++
			startsOf[a.Deployment]++
			if dep, ok := deps[a.Deployment]; !ok || dep.Failed || v.Deleting {
				bad("nothing of %q may be started", a.Deployment)
			}
		}
	}
	if starts > 0 && len(v.Tasks)+starts > upper {
		bad("%d tasks are there, %d more are above the upper bound %d (spec 2.2)", len(v.Tasks), starts, upper)
	}
	for id, n := range startsOf {
		if replacedOf[id] > 0 {
			bad("starts %d of deployment %s and stops %d of it", n, id, replacedOf[id])
		}
		if n > v.Desired {
			bad("starts %d of deployment %s", n, id)
		}
	}
	if (d.Complete || d.Blocked) && len(d.Actions) > 0 || d.Complete && d.Blocked || d.Steady && !d.Complete {
		bad("contradicts itself")
	}
	if d.Blocked && upper > lower {
		bad("is not blocked: lower bound %d, upper bound %d (spec 2.2)", lower, upper)
	}
	if !d.Wake.IsZero() && !d.Wake.After(now) {
		bad("wakes in the past: %s", d.Wake)
	}
	if u := d.Wait.Until; !u.IsZero() && (!u.After(now) || d.Wake.IsZero() || d.Wake.After(u)) {
		bad("waits until %s, wakes at %s", u, d.Wake)
	}
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func TestNext_ObeysTheBoundsInAnyView(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyView(t)
		obeys(t, v, t0, Next(v, t0))
	})
}

// The planner owns nothing of the caller's: neither the elements nor the room behind them.
func TestNext_LeavesTheViewAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyView(t)
		v.Deployments = append(v.Deployments, Deployment{ID: "behind"})[:len(v.Deployments)]
		v.Tasks = append(v.Tasks, Task{ID: "behind"})[:len(v.Tasks)]
		before := clone(v)
		Next(v, t0)
		if v.Deployments[:len(v.Deployments)+1][len(v.Deployments)].ID != "behind" || v.Tasks[:len(v.Tasks)+1][len(v.Tasks)].ID != "behind" {
			t.Fatalf("wrote behind the end of the caller's slices")
		}
		if !slices.Equal(v.Deployments, before.Deployments) || !slices.Equal(v.Tasks, before.Tasks) {
			t.Fatalf("got\n%swant\n%s", dump(v), dump(before))
		}
	})
}

// The runtime keeps tasks in a map: their order must say nothing.
func TestNext_DecidesTheSameInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyView(t)
		first, again := Next(v, t0), Next(v, t0)
		if !reflect.DeepEqual(first, again) {
			t.Fatalf("the same view again: got\n%+v\nwant\n%+v", again, first)
		}
		shuffled := clone(v)
		if len(v.Tasks) > 0 {
			shuffled.Tasks = rapid.Permutation(v.Tasks).Draw(t, "order")
		}
		if got := Next(shuffled, t0); !reflect.DeepEqual(got, first) {
			t.Fatalf("in another order: got\n%+v\nwant\n%+v\nin\n%s", got, first, dump(v))
		}
	})
}

// Wake is the latest time to look again: until then, with nothing happening, the decision stands.
func TestNext_StandsUntilWake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyView(t)
		now := Next(v, t0)
		last := 2 * time.Hour
		if !now.Wake.IsZero() {
			last = now.Wake.Sub(t0) - 1
		}
		if last <= 0 {
			return
		}
		later := time.Duration(rapid.Int64Range(0, int64(last)).Draw(t, "later"))
		if got := Next(v, t0.Add(later)); !reflect.DeepEqual(got, now) {
			t.Fatalf("%s later: got\n%+v\nwant\n%+v\nin\n%s", later, got, now, dump(v))
		}
	})
}

// anyWorld is a service with its first revision complete; every decision in it is checked.
func anyWorld(t *rapid.T, tb testing.TB) *world {
	w := newWorld(tb, rapid.IntRange(1, 5).Draw(t, "desired"), rapid.SampledFrom([]int{0, 25, 50, 75, 100}).Draw(t, "minimum"),
		rapid.SampledFrom([]int{100, 125, 150, 200}).Draw(t, "maximum"))
	w.v.NoCrashBackoff = rapid.Bool().Draw(t, "noBackoff")
	w.tb = rapidTB{tb, t}
	w.check = func(before View, d Decision) {
		obeys(t, before, w.now, d)
		if !slices.Equal(before.Deployments, w.v.Deployments) || !slices.Equal(before.Tasks, w.v.Tasks) {
			t.Fatalf("the view was changed: got\n%swant\n%s", dump(w.v), dump(before))
		}
	}
	return w
}

// rapidTB fails the property, not the test, so that rapid can shrink.
type rapidTB struct {
	testing.TB
	t *rapid.T
}

func (r rapidTB) Helper()                           { r.t.Helper() }
func (r rapidTB) Fatalf(format string, args ...any) { r.t.Fatalf(format, args...) }

// chaos is what may happen to tasks at any time. Each step ends with the service's decisions.
func (w *world) chaos(t *rapid.T, revision *int) map[string]func(*rapid.T) {
	one := func(t *rapid.T, is func(Task) bool, do func(id string)) {
		ids := w.where(is)
		if len(ids) == 0 {
			t.Skip("none")
		}
		do(rapid.SampledFrom(ids).Draw(t, "task"))
	}
	running := func(t Task) bool { return t.Phase == Running }
	return map[string]func(*rapid.T){
		"stopped": func(t *rapid.T) {
			one(t, func(t Task) bool { return t.Phase == Stopping }, func(id string) { w.gone(id) })
		},
		"runs": func(t *rapid.T) {
			one(t, func(t Task) bool { return t.Phase == Pending && w.nature[t.Deployment] != noStart }, func(id string) { w.run(id) })
		},
		"dies": func(t *rapid.T) { one(t, func(Task) bool { return true }, func(id string) { w.die(id) }) },
		"sickens": func(t *rapid.T) {
			one(t, running, func(id string) { w.sicken(id) })
		},
		"recovers": func(t *rapid.T) {
			one(t, func(t Task) bool { return t.Unhealthy }, func(id string) { w.task(id).Unhealthy = false })
		},
		"protected": func(t *rapid.T) {
			one(t, running, func(id string) { w.task(id).Protected = !w.task(id).Protected })
		},
		"passes": func(t *rapid.T) {
			w.pass(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
		},
		"scales": func(t *rapid.T) { w.scale(rapid.IntRange(0, 5).Draw(t, "desired")) },
		"deploys": func(t *rapid.T) {
			*revision++
			w.deploy(fmt.Sprint(*revision), rapid.SampledFrom([]nature{good, noStart, crashes, sickens, undecide}).Draw(t, "nature"))
		},
		"breaks": func(t *rapid.T) {
			if p := &w.v.Deployments[0]; !p.Completed {
				p.Failed = true
			}
		},
		"": func(t *rapid.T) { w.decideAll() },
	}
}

// Whatever happened, a good revision becomes complete and the service steady, in bounded rounds: spec 2.2 allows only
// one thing to hold it up, two percentages that leave no room between them.
func TestNext_GoodRevisionCompletes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w, revision := anyWorld(rt, t), 1
		rt.Repeat(w.chaos(rt, &revision))
		for i := range w.v.Tasks {
			w.v.Tasks[i].Protected = false
		}
		w.deploy("good", good)
		transcript, d := w.settle(60 * (w.v.Desired + 1))
		lower, upper := bounds(w.v)
		if !d.Steady && upper > lower {
			rt.Fatalf("did not become steady:\n%s%s", tail(transcript), dump(w.v))
		}
		if !d.Steady {
			return
		}
		// A steady service stays steady, however often it is asked.
		for range 3 {
			w.pass(time.Duration(rapid.IntRange(0, math.MaxInt32).Draw(rt, "later")))
			if got := w.decide().String(); got != "complete\nsteady\n" {
				rt.Fatalf("a steady service did something:\n%s%s", got, dump(w.v))
			}
		}
	})
}

func tail(s string) string { return s[max(0, len(s)-1500):] }

// A revision that never becomes healthy takes no more of the old one than the lower bound allows (spec 2.2, 3.2).
func TestNext_BadRevisionNeverTakesTheLastGoodTask(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := anyWorld(rt, t)
		lower, _ := bounds(w.v)
		for i := range rapid.IntRange(1, 3).Draw(rt, "revisions") {
			w.deploy(fmt.Sprint(2+i), rapid.SampledFrom([]nature{noStart, crashes, sickens, undecide}).Draw(rt, "nature"))
			_, d := w.settle(rapid.IntRange(0, 30).Draw(rt, "rounds"))
			if n := healthyOf(w.v); n < lower || d.Complete {
				rt.Fatalf("%d healthy tasks are left, complete %v; want %d:\n%s", n, d.Complete, lower, dump(w.v))
			}
		}
	})
}
