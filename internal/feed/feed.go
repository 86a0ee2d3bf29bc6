// Package feed is the stream of what happens, for people who watch: builds, pulls, tasks, targets, service events,
// back-offs. It is bounded; a reader that lags is told what it missed and goes on.
package feed

import (
	"context"
	"sync"
	"time"
)

// Item is one thing that happened. Kind is build, pull, task, target, event, backoff, deployment or warning.
type Item struct {
	Cursor  uint64    `json:"cursor"`
	Time    time.Time `json:"time"`
	Kind    string    `json:"kind"`
	Cluster string    `json:"cluster,omitempty"`
	Service string    `json:"service,omitempty"`
	Task    string    `json:"task,omitempty"` // id
	// Subject is what it is about: an image, a container, a target.
	Subject string `json:"subject,omitempty"`
	Status  string `json:"status,omitempty"` // new state, in AWS's words
	Message string `json:"message,omitempty"`
	// Until is when a wait ends (backoff).
	Until time.Time `json:"until,omitzero"`
}

// Feed keeps the newest items. The zero value is not usable; New makes one. All methods may be called concurrently.
type Feed struct {
	mu    sync.Mutex
	items []Item
	next  uint64
	size  int
	wake  chan struct{}
}

// New makes a feed that keeps size items.
func New(size int) *Feed {
	return &Feed{size: size, next: 1, wake: make(chan struct{})}
}

// Publish appends an item and wakes the readers. It never blocks. A nil feed drops it.
func (f *Feed) Publish(it Item) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	it.Cursor = f.next
	f.next++
	if it.Time.IsZero() {
		it.Time = time.Now()
	}
	f.items = append(f.items, it)
	if len(f.items) > 2*f.size {
		f.items = append([]Item(nil), f.items[len(f.items)-f.size:]...)
	}
	close(f.wake)
	f.wake = make(chan struct{})
}

// Cursor is the position after the newest item.
func (f *Feed) Cursor() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next
}

// Since gives the items from cursor on, at once if there are any, else when the first comes. The next cursor to ask
// for is that of the last item plus one. missed counts items that the feed no longer has. Cursor 0 is the start; one that is
// not given yet (of a daemon before this one) is the end.
func (f *Feed) Since(ctx context.Context, cursor uint64) (items []Item, missed uint64, err error) {
	for {
		f.mu.Lock()
		cursor = min(max(cursor, 1), f.next)
		first := f.next - uint64(len(f.items))
		if cursor < first {
			missed, cursor = first-cursor, first
		}
		if cursor < f.next {
			items = append([]Item(nil), f.items[len(f.items)-int(f.next-cursor):]...)
			f.mu.Unlock()
			return items, missed, nil
		}
		wake := f.wake
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, missed, ctx.Err()
		case <-wake:
		}
	}
}
