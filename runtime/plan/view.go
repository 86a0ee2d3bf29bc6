package plan

import (
	"fmt"
	"strings"
	"time"
)

// View is all that a decision depends on, apart from the time.
type View struct {
	Desired           int
	MinHealthyPercent int
	MaximumPercent    int
	Deployments       []Deployment // PRIMARY first, then those being replaced
	Tasks             []Task       // all that are not STOPPED, in any order
	Deleting          bool         // the service is DRAINING: stop everything
	NoCrashBackoff    bool         // ECS's bare behaviour
	TimeScale         float64      // 0 is 1; waits are divided by it
}

// Deployment is one revision of the service and how its tasks have fared.
type Deployment struct {
	ID        string
	Desired   int  // of an old one: how many of its tasks still serve
	Completed bool // its roll-out was completed: what it starts now ends an outage
	Failed    bool // the circuit breaker tripped: nothing more is started

	StartSteps  int       // rounds in a row of tasks that never reached RUNNING
	StartStepAt time.Time // when the last round ended
	CrashSteps  int       // rounds in a row of tasks that ran less than StableAfter
	CrashStepAt time.Time
}

// Phase is how far a task is.
type Phase int

// Phases of a task: Pending is everything before RUNNING, Stopping everything after the wish to stop.
const (
	Pending Phase = iota
	Running
	Stopping
)

// Task is one task of the service.
type Task struct {
	ID, Deployment string
	Phase          Phase
	CreatedAt      time.Time
	RunningSince   time.Time
	Healthy        bool      // RUNNING and counts as healthy (spec 2.2)
	HealthyAt      time.Time // when it will count if nothing happens; zero: an event will tell
	Unhealthy      bool      // fails a check, past its grace period
	Why            string    // of Unhealthy, for people
	StopReason     Reason    // of Unhealthy
	Protected      bool
}

func (t Task) good() bool { return t.Phase == Running && t.Healthy && !t.Unhealthy }

// Verb is what to do with a task.
type Verb string

// Verbs.
const (
	StartTask Verb = "StartTask"
	StopTask  Verb = "StopTask"
)

// Reason is which of ECS's stoppedReasons a stop has (spec 1.4).
type Reason int

// Reasons.
const (
	ReasonScaling         Reason = iota // Scaling activity initiated by (deployment …)
	ReasonTargetUnhealthy               // Task failed ELB health checks in (target-group …)
	ReasonTaskUnhealthy                 // Task failed container health checks
)

// Action is one thing to do and its cause, in words for people.
type Action struct {
	Verb              Verb
	Task              string // StopTask
	Deployment        string
	Cause             string
	Reason            Reason // StopTask
	Outage            bool   // StartTask: ends an outage, goes first
	ReplacesUnhealthy bool   // StartTask: for the event (spec 2.10 #2)
}

func (a Action) String() string {
	if a.Verb == StartTask {
		return fmt.Sprintf("%s %s: %s", a.Verb, a.Deployment, a.Cause)
	}
	return fmt.Sprintf("%s %s: %s", a.Verb, a.Task, a.Cause)
}

// Wait is why nothing is started yet, and until when.
type Wait struct {
	Until time.Time
	Kind  WaitKind
	Steps int
}

// WaitKind names a pace.
type WaitKind string

// The two paces (design.md 5).
const (
	WaitThrottle WaitKind = "ECS service throttle"
	WaitBackoff  WaitKind = "miniecs back-off"
)

// Decision is what to do now.
type Decision struct {
	Actions    []Action
	Wake       time.Time      // look again then at the latest; zero: when something happens
	Wait       Wait           // zero: nothing waits
	Complete   bool           // PRIMARY is wholly there and healthy, nothing of the others is left
	Steady     bool           // and nothing is stopping
	Blocked    bool           // the percentages allow neither a start nor a stop (spec 2.10 #16)
	OldDesired map[string]int // desired counts of the deployments being replaced
}

// String is the decision as text, one line an action: what tests compare.
func (d Decision) String() string {
	var b strings.Builder
	for _, a := range d.Actions {
		b.WriteString(a.String() + "\n")
	}
	if !d.Wait.Until.IsZero() {
		fmt.Fprintf(&b, "wait: %s after %d\n", d.Wait.Kind, d.Wait.Steps)
	}
	for _, f := range []struct {
		on   bool
		word string
	}{{d.Complete, "complete"}, {d.Steady, "steady"}, {d.Blocked, "blocked"}} {
		if f.on {
			b.WriteString(f.word + "\n")
		}
	}
	return b.String()
}
