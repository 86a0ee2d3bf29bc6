package sim

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"miniecs/runtime/engine"
)

// Ten thousand containers for an hour of virtual time, each ended one replaced: what tests of the runtime build on.
func TestSim_TenThousandContainers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Seed: 1, StartLatency: 300 * time.Millisecond})
		s.Script("app:1", Behaviour{ExitAfter: 10 * time.Minute, ExitJitter: time.Hour, ExitCode: 1})
		end := time.Now().Add(time.Hour)
		var wg sync.WaitGroup
		for i := range 10_000 {
			wg.Go(func() { keepRunning(t, s, fmt.Sprintf("t%05d", i), end) })
		}
		wg.Wait()
		n := s.Counts()
		if n.Started < 12_000 || n.PeakRunning != 10_000 || len(s.Violations()) != 0 {
			t.Errorf("%+v, violations %v", n, s.Violations())
		}
	})
}

func keepRunning(t *testing.T, s *Sim, task string, end time.Time) {
	ctx, cancel := context.WithDeadline(t.Context(), end)
	defer cancel()
	for n := 0; ; n++ {
		ns := take(t, s)
		id := run(t, s, spec(fmt.Sprint(task, "-", n), "app", "app:1", ns))
		for _, err := range s.Logs(ctx, id, engine.LogOptions{Follow: true}) { // there are none: it waits for the end
			t.Error(err)
		}
		if ctx.Err() != nil {
			return
		}
		if err := s.Remove(t.Context(), id); err != nil {
			t.Error(err)
		}
		if err := s.Release(t.Context(), ns.ID); err != nil {
			t.Error(err)
		}
		if !time.Now().Before(end.Add(-time.Second)) {
			return
		}
	}
}
