package proxy

import (
	"context"
	"sync"
)

// changes are the groups whose change nobody has received yet, in the order of their first change.
type changes struct {
	mu      sync.Mutex
	pending map[string]bool
	order   []string
	poke    chan struct{}
	out     chan string
}

func newChanges() *changes {
	return &changes{pending: map[string]bool{}, poke: make(chan struct{}, 1), out: make(chan string)}
}

// add never blocks.
func (c *changes) add(group string) {
	c.mu.Lock()
	if !c.pending[group] {
		c.pending[group] = true
		c.order = append(c.order, group)
	}
	c.mu.Unlock()
	wake(c.poke)
}

// forward hands the changes out until ctx ends. A group stops pending before it is offered: a change after its
// receiver has looked makes it pend again.
func (c *changes) forward(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.poke:
		}
		for group, ok := c.next(); ok; group, ok = c.next() {
			select {
			case <-ctx.Done():
				c.add(group)
				return
			case c.out <- group:
			}
		}
	}
}

func (c *changes) next() (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.order) == 0 {
		return "", false
	}
	group := c.order[0]
	c.order = c.order[1:]
	delete(c.pending, group)
	return group, true
}

// wake makes a loop look again, unless it is about to.
func wake(poke chan struct{}) {
	select {
	case poke <- struct{}{}:
	default:
	}
}
