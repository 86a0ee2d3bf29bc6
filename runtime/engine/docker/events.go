package docker

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"miniecs/runtime/engine"
)

// Keep-alive of the event stream: after a laptop's sleep it may be dead without saying so (task-runtime.md 6.4).
const (
	pingInterval = 30 * time.Second
	pingTimeout  = 10 * time.Second
)

// Events yields what happens to our containers, from EventReady on.
func (d *Docker) Events(ctx context.Context) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		outer := ctx
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		now, err := d.since(ctx)
		if err != nil {
			yield(engine.Event{}, err)
			return
		}
		messages, failed := d.cli.Events(ctx, events.ListOptions{Since: now, Filters: d.wanted()})
		var stream error
		select {
		case stream = <-failed: // it could not be opened
		default:
			if !yield(engine.Event{Kind: engine.EventReady, Time: time.Now()}, nil) {
				return
			}
			alive := make(chan struct{})
			go func() { defer close(alive); d.keepAlive(ctx, cancel) }()
			defer func() { cancel(nil); <-alive }()
			var ok bool
			if stream, ok = d.forward(messages, failed, yield); !ok {
				return
			}
		}
		if outer.Err() != nil {
			return
		}
		if cause := context.Cause(ctx); cause != nil {
			stream = cause
		}
		yield(engine.Event{}, &engine.TemporaryError{Err: &callError{kind: engine.ErrUnavailable, err: fmt.Errorf("event stream ended: %w", stream)}})
	}
}

// since is the engine's time now, as its API takes it. The engine sends the head of its answer before it listens
// for events itself, so what happens in between is asked for by time.
func (d *Docker) since(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	info, err := d.Info(ctx)
	if err != nil {
		return "", err
	}
	return stamp(info.SystemTime), nil
}

// stamp is a time as the engine's filters take it, to the nanosecond.
func stamp(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }

// wanted asks for what the runtime acts on. Each health probe makes three more events that would only flood the
// stream.
func (d *Docker) wanted() filters.Args {
	args := d.filter("")
	args.Add("type", string(events.ContainerEventType))
	for _, action := range []events.Action{events.ActionStart, events.ActionDie, events.ActionOOM, events.ActionHealthStatus, events.ActionDestroy} {
		args.Add("event", string(action))
	}
	return args
}

// forward yields until the stream ends, whose error it returns, or until the consumer has enough (false).
func (d *Docker) forward(messages <-chan events.Message, failed <-chan error, yield func(engine.Event, error) bool) (error, bool) {
	for {
		select {
		case m := <-messages:
			e, ok := eventOf(m)
			if !ok {
				continue
			}
			if e.Namespace != "" && (e.Kind == engine.EventDie || e.Kind == engine.EventDestroy) {
				d.pool.died(e.Namespace)
			}
			if !yield(e, nil) {
				return nil, false
			}
		case err := <-failed:
			return err, true
		}
	}
}

// keepAlive ends the stream when the engine does not answer on another connection.
func (d *Docker) keepAlive(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ping, cancel := context.WithTimeout(ctx, pingTimeout)
		_, err := d.cli.Ping(ping)
		cancel()
		if err != nil && ctx.Err() == nil {
			end(fmt.Errorf("the engine does not answer: %w", err))
			return
		}
	}
}

// eventOf translates one event; ok is false for what the runtime does not want.
func eventOf(m events.Message) (e engine.Event, ok bool) {
	attributes := m.Actor.Attributes
	e = engine.Event{
		Container: engine.ContainerID(m.Actor.ID), Name: attributes["name"], Owner: ownerOf(attributes),
		Time: time.Unix(0, m.TimeNano),
	}
	switch attributes[labelRole] {
	case roleTask:
	case rolePause:
		e.Namespace = m.Actor.ID
	default:
		return e, false
	}
	action, value, _ := strings.Cut(string(m.Action), ":")
	switch events.Action(action) {
	case events.ActionStart:
		e.Kind = engine.EventStart
	case events.ActionDie:
		e.Kind = engine.EventDie
		e.ExitCode, _ = strconv.Atoi(attributes["exitCode"])
	case events.ActionOOM:
		e.Kind = engine.EventOOM
	case events.ActionDestroy:
		e.Kind = engine.EventDestroy
	case events.ActionHealthStatus:
		e.Kind, e.Health = engine.EventHealth, engine.Health(strings.TrimSpace(value))
	default:
		return e, false
	}
	return e, true
}
