package sim

import (
	"net/http"
	"time"

	"miniecs/runtime/engine"
)

// Behaviour is what a container of an image does. The zero value runs until it is stopped, ends with 0 at SIGTERM,
// passes its health check at the first probe and listens nowhere.
type Behaviour struct {
	// The image.
	Missing      bool          // not present locally until it is pulled
	PullError    string        // text of a failing pull
	PullFailures int           // how many pulls fail; 0: all, if PullError is set
	PullLatency  time.Duration // instead of Config.PullLatency

	// The start.
	StartError   string        // text of a failing start; the container stays created
	PortTaken    bool          // the failing start is one of a host port (ErrPortTaken)
	StartLatency time.Duration // instead of Config.StartLatency

	// The end.
	ExitAfter     time.Duration // it ends by itself that long after its start; 0: never, 1: at once
	ExitJitter    time.Duration // and up to that much later, by the seed
	ExitCode      int
	OOMAfter      time.Duration // killed for memory: events oom and die, exit code 137
	IgnoreSIGTERM bool          // only SIGKILL ends it
	StopAfter     time.Duration // how long it takes to end after SIGTERM
	StopCode      int           // exit code after SIGTERM

	// Its health check, if the container has one, and /health of the default Handler.
	NeverHealthy   bool
	HealthyAfter   time.Duration // probes fail before that
	UnhealthyAfter time.Duration // probes fail from then on; 0: never

	// What it answers.
	Listen      []int         // ports that accept connections
	ListenAny   bool          // all of them do
	ListenAfter time.Duration // none before that
	NoAnswer    bool          // connections are neither accepted nor refused
	Handler     http.Handler  // nil: 200 (503 when its probes fail) for /health, else who answers, as the demo does

	Log []Line
}

// Line is a line of a container's log, written After its start.
type Line struct {
	After  time.Duration
	Stream string // stdout if empty
	Text   string
}

// Script says how the n-th container to start of an image behaves, counted from 1. n is 0 when it is the image itself
// that is asked about (Missing, PullError).
type Script func(n int, spec engine.Spec) Behaviour

// Script sets the behaviour of an image's containers that start from now on.
func (s *Sim) Script(image string, b Behaviour) {
	s.ScriptFunc(image, func(int, engine.Spec) Behaviour { return b })
}

// ScriptFunc is Script for a behaviour that differs from start to start.
func (s *Sim) ScriptFunc(image string, f Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byImage[image] = f
}

// ScriptContainer sets the behaviour of containers of that name, whatever their image: the name in the task
// definition, or the engine's.
func (s *Sim) ScriptContainer(name string, b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byContainer[name] = func(int, engine.Spec) Behaviour { return b }
}

// behaviourOf gives the behaviour of a container whose start is the n-th of its image. It may be asked twice.
func (s *Sim) behaviourOf(spec engine.Spec, n int) Behaviour {
	for _, f := range []Script{s.byContainer[spec.Name], s.byContainer[spec.Owner.Container], s.byImage[s.refOf(spec.Image)]} {
		if f != nil {
			return f(n, spec)
		}
	}
	return s.cfg.Default(n, spec)
}

// behaviourOfImage gives the behaviour of an image itself.
func (s *Sim) behaviourOfImage(ref string) Behaviour {
	if f := s.byImage[ref]; f != nil {
		return f(0, engine.Spec{Image: ref})
	}
	return s.cfg.Default(0, engine.Spec{Image: ref})
}

// passes says whether a probe passes that long after the start.
func (b Behaviour) passes(age time.Duration) bool {
	if b.NeverHealthy || age < b.HealthyAfter {
		return false
	}
	return b.UnhealthyAfter <= 0 || age < b.UnhealthyAfter
}

// turn is a change of health.
type turn struct {
	after  time.Duration
	health engine.Health
}

// turns gives the changes of health of a container that starts now, without running a probe for each interval of its
// life: probes are at 1, 2, 3, ... intervals; the first that passes makes it healthy; `Retries` failures in a row make
// it unhealthy, not counting those inside the start period of one that was never healthy (task-runtime.md, health).
func (b Behaviour) turns(check engine.HealthCheck) []turn {
	interval, retries := check.Interval, check.Retries
	if interval <= 0 {
		interval = 30 * time.Second
	}
	if retries <= 0 {
		retries = 3
	}
	var out []turn
	healthy := probeAt(interval, b.HealthyAfter)
	// While it is not healthy yet.
	firstCounted := probeAt(interval, max(check.StartPeriod, 0)+1)
	lost := firstCounted + time.Duration(retries-1)*interval
	if b.NeverHealthy || lost < healthy {
		out = append(out, turn{lost, engine.HealthUnhealthy})
	}
	if b.NeverHealthy {
		return out
	}
	// It passes between HealthyAfter and UnhealthyAfter, if a probe falls in there.
	fails := b.UnhealthyAfter
	if fails <= 0 {
		return append(out, turn{healthy, engine.HealthHealthy})
	}
	if healthy < fails {
		bad := probeAt(interval, fails) + time.Duration(retries-1)*interval
		return append(out, turn{healthy, engine.HealthHealthy}, turn{bad, engine.HealthUnhealthy})
	}
	if len(out) == 0 {
		out = append(out, turn{lost, engine.HealthUnhealthy})
	}
	return out
}

// probeAt is when the first probe at or after t is.
func probeAt(interval, t time.Duration) time.Duration {
	return max(1, (t+interval-1)/interval) * interval
}
