package sim

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// Op names a call of the engine, for Fail.
type Op string

// The calls that Fail can make fail.
const (
	OpPull      Op = "pull"
	OpCreate    Op = "create"
	OpStart     Op = "start"
	OpStop      Op = "stop"
	OpRemove    Op = "remove"
	OpInspect   Op = "inspect"
	OpList      Op = "list"
	OpTake      Op = "take" // while it stands, spares are not handed out either
	OpSpare     Op = "spare"
	OpLimit     Op = "limit"
	OpRelease   Op = "release"
	OpVolume    Op = "volume"
	OpBuild     Op = "build"
	OpRemoveAll Op = "remove-all"
)

// call is one that is under way: it waits for its latency, or for a container to end.
type call struct {
	key  string
	item *item
	done chan error // holds one
}

// fault is what Fail arranged.
type fault struct {
	times int
	err   error
	done  bool
}

// do waits for d, runs fn with the lock held and gives its error. A cancelled ctx, an outage or Close end the wait.
func (s *Sim) do(ctx context.Context, op Op, name string, d time.Duration, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if err := s.up(); err != nil {
		s.mu.Unlock()
		return err
	}
	if f := s.takeFault(op); f != nil {
		run := fn
		fn = func() error {
			if f.done {
				_ = run() // the caller is told of f.err whatever came of it: that is the fault
			}
			return f.err
		}
	}
	if d <= 0 {
		defer s.mu.Unlock()
		return fn()
	}
	c := s.begin(string(op) + "/" + name)
	c.item = s.clock.at(time.Now().Add(d), c.key, func() { s.finish(c, fn()) })
	s.mu.Unlock()
	return s.wait(ctx, c)
}

// takeFault gives the fault that the next call of op meets, nil without one.
func (s *Sim) takeFault(op Op) *fault {
	f := s.faults[op]
	if f == nil {
		return nil
	}
	if f.times--; f.times <= 0 {
		delete(s.faults, op)
	}
	return f
}

func (s *Sim) begin(key string) *call {
	c := &call{key: key, done: make(chan error, 1)}
	s.pending[c] = struct{}{}
	return c
}

func (s *Sim) finish(c *call, err error) {
	if _, ok := s.pending[c]; ok {
		delete(s.pending, c)
		c.done <- err
	}
}

func (s *Sim) wait(ctx context.Context, c *call) error {
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
	}
	s.mu.Lock()
	if _, ok := s.pending[c]; ok {
		s.clock.cancel(c.item)
		s.finish(c, ctx.Err())
	}
	s.mu.Unlock()
	return <-c.done
}

// abandon ends every call under way with err. As with a real engine that stops answering, some of them take effect
// all the same and some never do: the seed decides.
func (s *Sim) abandon(err error) {
	for _, c := range slices.SortedFunc(maps.Keys(s.pending), func(a, b *call) int { return cmp.Compare(a.key, b.key) }) {
		delete(s.pending, c) // first: what the item runs may try to finish it
		if c.item != nil {
			s.clock.cancel(c.item)
			if s.hash("abandon", c.key)%2 == 0 {
				c.item.run()
			}
		}
		c.done <- err
	}
}
