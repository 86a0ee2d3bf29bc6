package sim

import (
	"cmp"
	"container/heap"
	"sync"
	"time"
)

// clock runs what is due, in one goroutine and in a fixed order (time, then key, then order of arrival): with a timer
// for each, what falls on one instant of virtual time would happen in another order in every run.
type clock struct {
	mu    *sync.Mutex // the engine's: held while an item runs
	items items
	timer *time.Timer
	seq   int
}

// item is something that happens at a time.
type item struct {
	at    time.Time
	key   string
	seq   int
	index int // in the heap; -1 when it ran or was removed
	run   func()
}

// at arranges for run to be called, with the lock held, at t.
func (c *clock) at(t time.Time, key string, run func()) *item {
	c.seq++
	it := &item{at: t, key: key, seq: c.seq, run: run}
	heap.Push(&c.items, it)
	if it.index == 0 {
		c.arm()
	}
	return it
}

// cancel takes an item out; one that ran already is no error.
func (c *clock) cancel(it *item) {
	if it != nil && it.index >= 0 {
		heap.Remove(&c.items, it.index)
		if len(c.items) == 0 && c.timer != nil {
			c.timer.Stop()
		}
	}
}

func (c *clock) arm() {
	if len(c.items) == 0 {
		return
	}
	d := max(0, time.Until(c.items[0].at))
	if c.timer == nil {
		c.timer = time.AfterFunc(d, c.fire)
		return
	}
	c.timer.Reset(d)
}

func (c *clock) fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.items) > 0 && !c.items[0].at.After(time.Now()) {
		heap.Pop(&c.items).(*item).run()
	}
	c.arm()
}

type items []*item

func (h items) Len() int { return len(h) }

func (h items) Less(i, j int) bool {
	return cmp.Or(h[i].at.Compare(h[j].at), cmp.Compare(h[i].key, h[j].key), cmp.Compare(h[i].seq, h[j].seq)) < 0
}

func (h items) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *items) Push(x any) {
	it := x.(*item)
	it.index = len(*h)
	*h = append(*h, it)
}

func (h *items) Pop() any {
	old := *h
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	it.index = -1
	return it
}
