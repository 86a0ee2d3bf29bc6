package daemon

import (
	"time"

	"miniecs/runtime/engine"
	"miniecs/runtime/engine/sim"
)

// Simulated is an engine without containers, for `serve --engine sim`: tasks start in the time that Docker takes and
// behave as the demo application.
func Simulated() engine.Whole {
	return sim.New(sim.Config{CreateLatency: 20 * time.Millisecond, StartLatency: 200 * time.Millisecond,
		StopLatency: 50 * time.Millisecond, NamespaceLatency: 500 * time.Millisecond, PullLatency: time.Second, Jitter: 0.2})
}
