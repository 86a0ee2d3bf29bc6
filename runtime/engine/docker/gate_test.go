package docker

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"miniecs/runtime/engine"
)

func TestGate_UrgentFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		leave, err := g.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		var all sync.WaitGroup
		for _, w := range []struct {
			name string
			p    engine.Priority
		}{
			{"spare", engine.PrioritySpare}, {"remove", engine.PriorityRemove}, {"start 1", engine.PriorityStart},
			{"start 2", engine.PriorityStart}, {"replace", engine.PriorityReplace},
		} {
			all.Go(func() {
				leave, err := g.enter(engine.WithPriority(t.Context(), w.p))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, w.name)
				mu.Unlock()
				time.Sleep(time.Second)
				leave()
				leave() // a second time does nothing
			})
			synctest.Wait()
		}
		leave()
		all.Wait()
		if diff := cmp.Diff([]string{"replace", "start 1", "start 2", "remove", "spare"}, order); diff != "" {
			t.Error(diff)
		}
		if g.taken != 0 || g.spares != 0 {
			t.Errorf("after all left: %d taken, %d spares", g.taken, g.spares)
		}
	})
}

func TestGate_SparesLeaveAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		spare := engine.WithPriority(t.Context(), engine.PrioritySpare)
		first, err := g.enter(spare)
		if err != nil {
			t.Fatal(err)
		}
		waiting, cancel := context.WithCancel(spare)
		second := make(chan error, 1)
		go func() {
			_, err := g.enter(waiting)
			second <- err
		}()
		synctest.Wait()
		leave, err := g.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leave()
		cancel()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("second spare: got %v, want it to wait until it was cancelled", err)
		}
		first()
		if g.taken != 0 || len(g.queues[engine.PrioritySpare]) != 0 {
			t.Errorf("left: %d taken, %d queued", g.taken, len(g.queues[engine.PrioritySpare]))
		}
	})
}
