package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// t0 is when every world begins.
var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is a service without an engine: it applies decisions as the runtime does and lets tasks go on. Tasks have no
// checks, so they count as healthy HealthyAfter after RUNNING, unless their revision's nature says otherwise.
type world struct {
	tb     testing.TB
	v      View
	now    time.Time
	nature map[string]nature // by deployment; good if absent
	tasks  int
	check  func(before View, d Decision)
}

// nature is what becomes of a revision's tasks.
type nature string

const (
	good     nature = ""
	noStart  nature = "never reaches RUNNING"
	crashes  nature = "dies after RUNNING"
	sickens  nature = "fails its checks"
	undecide nature = "never healthy nor unhealthy"
)

// newWorld is a service whose first revision, "1", is complete.
func newWorld(tb testing.TB, desired, minimum, maximum int) *world {
	tb.Helper()
	w := &world{tb: tb, now: t0, nature: map[string]nature{}}
	w.v = View{Desired: desired, MinHealthyPercent: minimum, MaximumPercent: maximum}
	w.deploy("1", good)
	w.settle(100)
	if !w.v.Deployments[0].Completed {
		tb.Fatalf("the first roll-out of %d/%d/%d did not complete: %+v", desired, minimum, maximum, w.v)
	}
	return w
}

func (w *world) deploy(id string, n nature) {
	w.nature[id] = n
	w.v.Deployments = slices.Insert(w.v.Deployments, 0, Deployment{ID: id, Desired: w.v.Desired})
}

func (w *world) scale(n int) { w.v.Desired = n }

// decide asks once and does what it is told. The log is the decision's text.
func (w *world) decide() Decision {
	before := clone(w.v)
	d := Next(w.v, w.now)
	if w.check != nil {
		w.check(before, d)
	}
	for i := range w.v.Deployments {
		if dep := &w.v.Deployments[i]; i > 0 {
			dep.Desired = d.OldDesired[dep.ID]
		} else {
			dep.Desired = w.v.Desired
		}
	}
	for _, a := range d.Actions {
		switch a.Verb {
		case StopTask:
			w.task(a.Task).Phase = Stopping
		case StartTask:
			w.tasks++
			w.v.Tasks = append(w.v.Tasks, Task{ID: fmt.Sprintf("t%d", w.tasks), Deployment: a.Deployment, CreatedAt: w.now})
		}
	}
	if primary := &w.v.Deployments[0]; d.Complete && !primary.Failed {
		primary.Completed = true
	}
	w.v.Deployments = slices.DeleteFunc(w.v.Deployments, func(dep Deployment) bool {
		return dep.ID != w.v.Deployments[0].ID && w.count(dep.ID) == 0 && (d.Complete || d.OldDesired[dep.ID] == 0)
	})
	return d
}

// decideAll decides until there is nothing to do, as the runtime's loop does. What was started must not be stopped in
// the same breath, and the breath must end.
func (w *world) decideAll() (log string, d Decision) {
	w.tb.Helper()
	w.pass(time.Millisecond) // since what happened last; deciding takes none
	first := w.tasks
	for range 10 {
		d = w.decide()
		log += d.String()
		for _, a := range d.Actions {
			var n int
			if _, err := fmt.Sscanf(a.Task, "t%d", &n); err == nil && n > first {
				w.tb.Fatalf("started and stopped %s in one breath:\n%s%s", a.Task, log, dump(w.v))
			}
		}
		if len(d.Actions) == 0 {
			return log, d
		}
	}
	w.tb.Fatalf("still not done:\n%s%s", log, dump(w.v))
	return "", Decision{}
}

// settle lets things happen until nothing does any more, or for a number of rounds. The transcript has a line for
// each thing that happened, and under it what was decided.
func (w *world) settle(rounds int) (transcript string, d Decision) {
	w.tb.Helper()
	var b strings.Builder
	for range rounds {
		log, d := w.decideAll()
		b.WriteString(log)
		what := w.happen(d)
		if what == "" {
			return b.String(), d
		}
		b.WriteString("-- " + what + "\n")
	}
	_, d = w.decideAll()
	return b.String(), d
}

// happen is the next thing that happens by itself: what stops is stopped, then what is pending runs, then time passes.
func (w *world) happen(d Decision) string {
	if ids := w.where(func(t Task) bool { return t.Phase == Stopping }); len(ids) > 0 {
		w.gone(ids...)
		return "stopped " + strings.Join(ids, " ")
	}
	if ids := w.where(func(t Task) bool { return t.Phase == Pending }); len(ids) > 0 {
		for _, id := range ids {
			if w.nature[w.task(id).Deployment] == noStart {
				w.die(id)
			} else {
				w.run(id)
			}
		}
		return "running " + strings.Join(ids, " ")
	}
	if ids := w.where(func(t Task) bool { return w.nature[t.Deployment] == crashes }); len(ids) > 0 {
		w.pass(10 * time.Second)
		w.die(ids...)
		return "died " + strings.Join(ids, " ")
	}
	if ids := w.where(func(t Task) bool { return w.nature[t.Deployment] == sickens && !t.Unhealthy }); len(ids) > 0 {
		w.pass(10 * time.Second)
		w.sicken(ids...)
		return "unhealthy " + strings.Join(ids, " ")
	}
	if !d.Wake.IsZero() {
		passed := d.Wake.Sub(w.now)
		w.pass(passed)
		return "+" + passed.Round(time.Second).String()
	}
	return ""
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	for i := range w.v.Tasks {
		if t := &w.v.Tasks[i]; t.Phase == Running && !t.HealthyAt.IsZero() && !t.HealthyAt.After(w.now) {
			t.Healthy = true
		}
	}
}

func (w *world) run(ids ...string) {
	for _, id := range ids {
		t := w.task(id)
		t.Phase, t.RunningSince = Running, w.now
		if w.nature[t.Deployment] != undecide {
			t.HealthyAt = w.now.Add(Scaled(HealthyAfter, w.v.TimeScale))
		}
		if d := w.deployment(t.Deployment); d != nil {
			d.StartSteps = 0
		}
	}
}

// die ends tasks by themselves and counts that as runtime/exits.go does.
func (w *world) die(ids ...string) {
	for _, id := range ids {
		t, d := *w.task(id), w.deployment(w.task(id).Deployment)
		w.gone(id)
		switch {
		case d == nil || t.Phase == Stopping:
		case t.Phase == Pending:
			if d.StartSteps == 0 || t.CreatedAt.After(d.StartStepAt) {
				d.StartSteps++
				d.StartStepAt = w.now
			}
		case w.now.Sub(t.RunningSince) >= Scaled(StableAfter, w.v.TimeScale):
			d.CrashSteps = 0
		case d.CrashSteps == 0 || t.CreatedAt.After(d.CrashStepAt):
			d.CrashSteps = CrashSteps(w.v, d.ID, w.now) + 1
			d.CrashStepAt = w.now
		}
	}
}

func (w *world) sicken(ids ...string) {
	for _, id := range ids {
		t := w.task(id)
		t.Unhealthy, t.Why, t.StopReason = true, "container health checks", ReasonTaskUnhealthy
	}
}

func (w *world) gone(ids ...string) {
	w.v.Tasks = slices.DeleteFunc(w.v.Tasks, func(t Task) bool { return slices.Contains(ids, t.ID) })
}

func (w *world) where(is func(Task) bool) (ids []string) {
	for _, t := range w.v.Tasks {
		if is(t) {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

func (w *world) task(id string) *Task {
	for i := range w.v.Tasks {
		if w.v.Tasks[i].ID == id {
			return &w.v.Tasks[i]
		}
	}
	w.tb.Fatalf("no task %q in %s", id, dump(w.v))
	return nil
}

func (w *world) deployment(id string) *Deployment {
	for i := range w.v.Deployments {
		if w.v.Deployments[i].ID == id {
			return &w.v.Deployments[i]
		}
	}
	return nil
}

func (w *world) count(deployment string) int {
	return len(w.where(func(t Task) bool { return t.Deployment == deployment }))
}

func clone(v View) View {
	v.Deployments, v.Tasks = slices.Clone(v.Deployments), slices.Clone(v.Tasks)
	return v
}

func bounds(v View) (lower, upper int) {
	return (v.Desired*v.MinHealthyPercent + 99) / 100, v.Desired * v.MaximumPercent / 100
}

func healthyOf(v View) (n int) {
	for _, t := range v.Tasks {
		if t.Phase == Running && t.Healthy && !t.Unhealthy {
			n++
		}
	}
	return n
}

// dump is a view for failure messages.
func dump(v View) string {
	var b strings.Builder
	lower, upper := bounds(v)
	fmt.Fprintf(&b, "desired %d, %d/%d: L %d, U %d\n", v.Desired, v.MinHealthyPercent, v.MaximumPercent, lower, upper)
	for _, d := range v.Deployments {
		fmt.Fprintf(&b, "deployment %s desired %d completed %v failed %v starts %d crashes %d\n",
			d.ID, d.Desired, d.Completed, d.Failed, d.StartSteps, d.CrashSteps)
	}
	for _, t := range v.Tasks {
		fmt.Fprintf(&b, "task %s of %s phase %d healthy %v unhealthy %v protected %v\n",
			t.ID, t.Deployment, t.Phase, t.Healthy, t.Unhealthy, t.Protected)
	}
	return b.String()
}
