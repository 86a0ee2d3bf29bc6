package docker

import (
	"context"
	"slices"
	"sync"
	"time"

	"miniecs/runtime/engine"
)

// gate bounds the heavy calls on the engine and lets the urgent ones go first: on two processors more than two
// starts at once gain nothing and each takes longer, so what shortens an outage must not queue behind what does not
// (design.md 4). Waiters of one priority go in the order in which they came. Spares go when nobody else waits, and
// never hold every place, so that a replacement does not wait for a spare to be finished.
type gate struct {
	mu     sync.Mutex
	width  int
	taken  int
	spares int // of those taken
	queues map[engine.Priority][]*waiter
	quiet  time.Time   // removals and spares wait until then: a start is under way or about to be
	timer  *time.Timer // admits them then
}

type waiter struct {
	priority engine.Priority
	since    time.Time
	ready    chan struct{}
}

// A start takes several calls, and what is done between them beside it makes it slower by as much: removals and spares
// keep away for quietFor after the last of them, but no longer than patience in all.
const (
	quietFor = 200 * time.Millisecond
	patience = 3 * time.Second
)

// hush announces a start: removals and spares keep away.
func (g *gate) hush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hushed()
}

func (g *gate) hushed() { g.quiet = time.Now().Add(quietFor) }

// mayBegin says whether a waiter need not keep away any longer; if it must, it is looked at again in time.
func (g *gate) mayBegin(w *waiter) bool {
	if w.priority < engine.PriorityRemove {
		return true
	}
	until := g.quiet
	if last := w.since.Add(patience); last.Before(until) {
		until = last
	}
	wait := time.Until(until)
	if wait <= 0 {
		return true
	}
	if g.timer != nil {
		g.timer.Stop()
	}
	g.timer = time.AfterFunc(wait, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.admit()
	})
	return false
}

func newGate(width int) *gate {
	return &gate{width: width, queues: map[engine.Priority][]*waiter{}}
}

// enter waits for a place, in the order of ctx's priority; leave gives it back. It fails only with ctx's error.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &waiter{priority: engine.PriorityOf(ctx), since: time.Now(), ready: make(chan struct{})}
	g.mu.Lock()
	if w.priority <= engine.PriorityStart {
		g.hushed()
	}
	g.queues[w.priority] = append(g.queues[w.priority], w)
	g.admit()
	g.mu.Unlock()
	select {
	case <-w.ready:
		return sync.OnceFunc(func() { g.leave(w) }), nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	queue := g.queues[w.priority]
	if i := slices.Index(queue, w); i >= 0 {
		g.queues[w.priority] = slices.Delete(queue, i, i+1)
		g.mu.Unlock()
		return nil, context.Cause(ctx)
	}
	g.mu.Unlock()
	g.leave(w) // it was let in at the same moment
	return nil, context.Cause(ctx)
}

func (g *gate) leave(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.taken--
	if w.priority >= engine.PrioritySpare {
		g.spares--
	}
	if w.priority <= engine.PriorityStart {
		g.hushed()
	}
	g.admit()
}

// admit lets in whom it can. The caller holds the lock.
func (g *gate) admit() {
	for g.taken < g.width {
		w := g.next()
		if w == nil {
			return
		}
		g.taken++
		if w.priority >= engine.PrioritySpare {
			g.spares++
		}
		close(w.ready)
	}
}

// next takes the first waiter of the most urgent class that may enter.
func (g *gate) next() *waiter {
	for p := engine.PriorityReplace; p <= engine.PrioritySpare; p++ {
		queue := g.queues[p]
		if len(queue) == 0 {
			continue
		}
		if p == engine.PrioritySpare && g.spares >= max(g.width-1, 1) || !g.mayBegin(queue[0]) {
			return nil
		}
		g.queues[p] = queue[1:]
		return queue[0]
	}
	return nil
}
