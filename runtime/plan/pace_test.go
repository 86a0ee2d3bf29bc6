package plan

import (
	"slices"
	"testing"
	"time"
)

func TestThrottleWait(t *testing.T) {
	var got []time.Duration
	for n := range 11 {
		got = append(got, ThrottleWait(n))
	}
	want := []time.Duration{0, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute,
		8 * time.Minute, 16 * time.Minute, 27 * time.Minute, 27 * time.Minute}
	if !slices.Equal(got, want) {
		t.Errorf("3.1: got %v, want %v", got, want)
	}
	if ThrottleWait(-1) != 0 || ThrottleWait(1<<40) != 27*time.Minute {
		t.Errorf("3.1: beyond the steps: %s, %s", ThrottleWait(-1), ThrottleWait(1<<40))
	}
	if Throttled(2) || !Throttled(3) {
		t.Errorf("3.1: the event is due after three rounds")
	}
}

func TestCrashWait(t *testing.T) {
	var got []time.Duration
	for n := range 10 {
		got = append(got, CrashWait(n))
	}
	s := time.Second
	want := []time.Duration{0, 0, s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s}
	if !slices.Equal(got, want) || CrashWait(1<<40) != time.Minute {
		t.Errorf("design.md 5: got %v, want %v", got, want)
	}
}

func TestNext_Waits(t *testing.T) {
	ago := func(d time.Duration) time.Time { return t0.Add(-d) }
	crashed := func(n int, at time.Time) Deployment {
		return Deployment{ID: "1", Desired: 2, Completed: true, CrashSteps: n, CrashStepAt: at}
	}
	unstarted := func(n int, at time.Time) Deployment {
		return Deployment{ID: "1", Desired: 2, StartSteps: n, StartStepAt: at}
	}
	upFor := func(id string, d time.Duration) Task {
		task := running(id, "1")
		task.RunningSince = ago(d)
		return task
	}
	with := func(v View, do func(*View)) View { do(&v); return v }
	start2 := "StartTask 1: 0 of 2 running\nStartTask 1: 0 of 2 running\n"

	table{
		{"3.1: throttles after a round that never ran", view(2, 100, 200, deps{unstarted(1, ago(time.Second))}),
			"wait: ECS service throttle after 1\nwake in 4s\n"},
		{"3.1: up to 27 minutes", view(2, 100, 200, deps{unstarted(40, t0)}), "wait: ECS service throttle after 40\nwake in 27m0s\n"},
		{"3.1: tries again then, and never gives up", view(2, 100, 200, deps{unstarted(40, ago(27*time.Minute))}), start2},
		{"3.1: leaves the tasks that are there alone", view(2, 100, 200, deps{unstarted(3, t0)}, upFor("a", time.Hour)),
			"wait: ECS service throttle after 3\nwake in 30s\n"},
		{"3.1: a new deployment starts at once", view(2, 100, 200, deps{{ID: "2"}, unstarted(9, t0)}),
			"StartTask 2: 0 of 2 running\nStartTask 2: 0 of 2 running\n"},
		{"3.1: a throttled new revision leaves the old one serving", view(1, 100, 200, deps{{ID: "2", StartSteps: 2, StartStepAt: t0}, completed("1", 1)}, running("a", "1")),
			"wait: ECS service throttle after 2\nwake in 10s\n"},

		{"design 5: the first crash is replaced at once", view(2, 100, 200, deps{crashed(1, t0)}, upFor("a", time.Hour)), "StartTask 1: 1 of 2 running\n"},
		{"design 5: the second after 1 s", view(2, 100, 200, deps{crashed(2, t0)}, upFor("a", time.Hour)),
			"wait: miniecs back-off after 2\nwake in 1s\n"},
		{"design 5: the fifth after 8 s", view(2, 100, 200, deps{crashed(5, ago(time.Second))}), "wait: miniecs back-off after 5\nwake in 7s\n"},
		{"design 5: never more than 60 s", view(2, 100, 200, deps{crashed(50, t0)}), "wait: miniecs back-off after 50\nwake in 1m0s\n"},
		{"design 5: the wait is over", view(2, 100, 200, deps{crashed(5, ago(8*time.Second))}), start2},
		{"design 5: a task that was up at the crash and stayed up resets it", view(2, 100, 200, deps{crashed(9, ago(20*time.Second))}, upFor("a", time.Minute)),
			"StartTask 1: 1 of 2 running\n"},
		{"design 5: one that had stayed up long before does not", view(2, 100, 200, deps{crashed(9, ago(20*time.Second))}, upFor("a", time.Hour)),
			"wait: miniecs back-off after 9\nwake in 40s\n"},
		{"design 5: looks again when one will have stayed up", view(2, 100, 200, deps{crashed(9, ago(20*time.Second))}, upFor("a", 50*time.Second)),
			"wait: miniecs back-off after 9\nwake in 10s\n"},
		{"design 5: another deployment's task says nothing", view(2, 100, 200, deps{{ID: "2", CrashSteps: 9, CrashStepAt: ago(20 * time.Second)}, completed("1", 2)}, upFor("a", time.Minute), upFor("b", time.Minute)),
			"wait: miniecs back-off after 9\nwake in 40s\n"},
		{"design 5: a new deployment does not wait, only the old one does", view(2, 100, 200, deps{{ID: "2"}, crashed(9, t0)}),
			"StartTask 2: 0 of 2 running\nStartTask 2: 0 of 2 running\nwait: miniecs back-off after 9\nwake in 1m0s\n"},
		{"design 5: --crash-backoff=off is ECS's bare behaviour", with(view(2, 100, 200, deps{crashed(9, t0)}), func(v *View) { v.NoCrashBackoff = true }), start2},
		{"3.1: which keeps the throttle", with(view(2, 100, 200, deps{unstarted(1, t0)}), func(v *View) { v.NoCrashBackoff = true }),
			"wait: ECS service throttle after 1\nwake in 5s\n"},
		{"design 5: the longer of both waits counts", view(2, 100, 200, deps{{ID: "1", StartSteps: 1, StartStepAt: t0, CrashSteps: 9, CrashStepAt: t0}}),
			"wait: miniecs back-off after 9\nwake in 1m0s\n"},
		{"design 7: the time scale divides the throttle", with(view(2, 100, 200, deps{unstarted(3, t0)}), func(v *View) { v.TimeScale = 10 }),
			"wait: ECS service throttle after 3\nwake in 3s\n"},
		{"design 7: and the back-off", with(view(2, 100, 200, deps{crashed(9, t0)}), func(v *View) { v.TimeScale = 10 }),
			"wait: miniecs back-off after 9\nwake in 6s\n"},
		{"design 7: and what is stable", with(view(2, 100, 200, deps{crashed(9, ago(time.Second))}, upFor("a", 6*time.Second)), func(v *View) { v.TimeScale = 10 }),
			"StartTask 1: 1 of 2 running\n"},
		{"2.2: no wait where there is no room", view(1, 100, 100, deps{crashed(9, t0)}, stopping("a", "1")), ""},
	}.run(t)
}

func TestCrashSteps(t *testing.T) {
	v := view(2, 100, 200, deps{{ID: "1", CrashSteps: 4, CrashStepAt: t0.Add(-20 * time.Second)}}, running("a", "1"))
	v.Tasks[0].RunningSince = t0.Add(-50 * time.Second)
	for _, c := range []struct {
		deployment string
		after      time.Duration
		want       int
	}{{"1", 0, 4}, {"1", 10*time.Second - 1, 4}, {"1", 10 * time.Second, 0}, {"none", 0, 0}} {
		if got := CrashSteps(v, c.deployment, t0.Add(c.after)); got != c.want {
			t.Errorf("design 5: %s after %s: got %d, want %d", c.deployment, c.after, got, c.want)
		}
	}
}

func TestScaled(t *testing.T) {
	for _, c := range []struct {
		scale float64
		want  time.Duration
	}{{0, time.Minute}, {1, time.Minute}, {-3, time.Minute}, {60, time.Second}, {0.5, 2 * time.Minute}} {
		if got := Scaled(time.Minute, c.scale); got != c.want {
			t.Errorf("scale %v: got %s, want %s", c.scale, got, c.want)
		}
	}
}
