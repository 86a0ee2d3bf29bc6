package sim

import (
	"context"
	"errors"
	"iter"
	"time"

	"miniecs/runtime/engine"
)

// subscriber is one open event stream.
type subscriber struct {
	queue []engine.Event
	err   error         // the stream is broken
	more  chan struct{} // holds one
}

// Events yields what happens from now on.
func (s *Sim) Events(ctx context.Context) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		sub, err := s.subscribe(ctx)
		if err != nil {
			yield(engine.Event{}, err)
			return
		}
		defer s.unsubscribe(sub)
		if !yield(engine.Event{Kind: engine.EventReady, Time: time.Now()}, nil) {
			return
		}
		for {
			select {
			case <-ctx.Done():
				return
			case <-sub.more:
			}
			events, err := s.collect(sub)
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(engine.Event{}, err)
				return
			}
		}
	}
}

func (s *Sim) subscribe(ctx context.Context) (*subscriber, error) {
	if err := s.reachable(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := &subscriber{more: make(chan struct{}, 1)}
	s.subscribers = append(s.subscribers, sub)
	return sub, nil
}

func (s *Sim) unsubscribe(sub *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.subscribers {
		if other == sub {
			s.subscribers = append(s.subscribers[:i:i], s.subscribers[i+1:]...)
			return
		}
	}
}

func (s *Sim) collect(sub *subscriber) ([]engine.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := sub.queue
	sub.queue = nil
	return events, sub.err
}

func (s *Sim) emit(c *container, kind engine.EventKind) {
	s.publish(engine.Event{
		Kind: kind, Container: c.status.ID, Name: c.status.Name, Owner: c.status.Owner,
		ExitCode: c.status.ExitCode, Health: c.status.Health,
	})
}

func (s *Sim) emitNamespace(ns *namespace, kind engine.EventKind) {
	e := engine.Event{Kind: kind, Name: ns.ID, Namespace: ns.ID}
	if kind == engine.EventDie {
		e.ExitCode = 137
	}
	s.publish(e)
}

func (s *Sim) publish(e engine.Event) {
	if s.dropEvents {
		return
	}
	e.Time = time.Now()
	for _, sub := range s.subscribers {
		sub.queue = append(sub.queue, e)
		sub.wake()
	}
}

func (sub *subscriber) wake() {
	select {
	case sub.more <- struct{}{}:
	default:
	}
}

var errBroken = errors.New("unexpected EOF")

func (s *Sim) breakStreams(err error) {
	for _, sub := range s.subscribers {
		sub.err = err
		sub.wake()
	}
	s.subscribers = nil
}
