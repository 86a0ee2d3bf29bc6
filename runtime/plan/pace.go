package plan

import "time"

// StableAfter is how long a task must run to show that its deployment does not crash (design.md 5).
const StableAfter = time.Minute

// HealthyAfter is when a task without target and container check counts as healthy (spec 2.2).
const HealthyAfter = 40 * time.Second

// Throttled says that the throttle's event is due: three rounds of tasks that never ran (spec 3.1; the count is ours).
func Throttled(startSteps int) bool { return startSteps >= 3 }

// ThrottleWait says how long a deployment waits after n rounds of tasks that never reached RUNNING. Only the cap of 27
// minutes is documented (developer guide, "service throttle logic"); the steps are ours. It never becomes giving up.
func ThrottleWait(n int) time.Duration {
	steps := []time.Duration{0, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
		4 * time.Minute, 8 * time.Minute, 16 * time.Minute}
	if n < len(steps) {
		return steps[max(n, 0)]
	}
	return 27 * time.Minute
}

// CrashWait says how long a deployment waits after n rounds of tasks that ran and died within StableAfter: 0, 1, 2, 4,
// … 60 s. ECS itself does not wait at all; a laptop is not a region (design.md 5).
func CrashWait(n int) time.Duration {
	if n < 2 {
		return 0
	}
	return min(time.Second<<min(n-2, 6), time.Minute)
}

// wait is what the deployment's pace asks for.
func (d Deployment) wait(v View, now time.Time) (w Wait) {
	if d.StartSteps > 0 {
		w = Wait{d.StartStepAt.Add(Scaled(ThrottleWait(d.StartSteps), v.TimeScale)), WaitThrottle, d.StartSteps}
	}
	if n := d.crashSteps(v, now); n > 0 && !v.NoCrashBackoff {
		if at := d.CrashStepAt.Add(Scaled(CrashWait(n), v.TimeScale)); at.After(w.Until) {
			w = Wait{at, WaitBackoff, n}
		}
	}
	return w
}

// crashSteps is CrashSteps, or 0 once a task that was up at the last crash, or started since, has stayed up.
func (d Deployment) crashSteps(v View, now time.Time) int {
	for _, t := range v.Tasks {
		if t.Deployment != d.ID || t.Phase != Running {
			continue
		}
		if at := t.RunningSince.Add(Scaled(StableAfter, v.TimeScale)); at.After(d.CrashStepAt) && !at.After(now) {
			return 0
		}
	}
	return d.CrashSteps
}

// CrashSteps is what the deployment's count of crash rounds is at a time: what the next crash adds to.
func CrashSteps(v View, deployment string, now time.Time) int {
	for _, d := range v.Deployments {
		if d.ID == deployment {
			return d.crashSteps(v, now)
		}
	}
	return 0
}

// Scaled divides a duration by a time scale; 0 is 1.
func Scaled(d time.Duration, scale float64) time.Duration {
	if scale <= 0 || scale == 1 {
		return d
	}
	return time.Duration(float64(d) / scale)
}
