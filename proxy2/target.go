package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// target is a registered target: its record, its connections, and the loop that checks it. The record's fields are
// Health and DrainUntil are written with change and mu held; the others never change.
type target struct {
	targetRecord
	group     *group
	transport *http.Transport // its own, so that kept connections end with it
	checks    *http.Transport // a new connection for each check
	inFlight  atomic.Int64
	draining  atomic.Bool

	poke   chan struct{}   // look again
	life   context.Context // ends, with a cause, when requests in flight are to be cut off
	end    context.CancelCauseFunc
	passes int // consecutive checks; the loop's own
	fails  int
}

// errDrained is why a request is cut off when the deregistration delay is over: the client sees 502 (alb.md 1.6).
var errDrained = errors.New("the deregistration delay is over")

const (
	connectTimeout = 10 * time.Second // alb.md 3.3
	// keepIdle is shorter than the keep-alive time of any usual server (Node.js: 5 s), so that a request does not meet
	// a connection that the target is just closing. ELB keeps them longer and answers 502 then.
	keepIdle          = 3 * time.Second
	maxResponseHeader = 32 << 10 // alb.md 3.9
)

func (p *Proxy) newTarget(g *group, r targetRecord) *target {
	t := &target{targetRecord: r, group: g, poke: make(chan struct{}, 1)}
	// Not the context of a request or of Run: a target lives from registration until it is gone.
	t.life, t.end = context.WithCancelCause(context.Background())
	t.draining.Store(r.Health.State == StateDraining)
	t.transport = &http.Transport{
		DialContext:            p.dial(t.life, r.Target),
		DisableCompression:     true,
		MaxIdleConnsPerHost:    1 << 16,
		IdleConnTimeout:        keepIdle,
		MaxResponseHeaderBytes: maxResponseHeader,
		WriteBufferSize:        16 << 10, ReadBufferSize: 16 << 10,
	}
	t.checks = &http.Transport{
		DialContext:            func(ctx context.Context, _, addr string) (net.Conn, error) { return p.dialCheck(ctx, t, addr) },
		DisableCompression:     true,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
	return t
}

// dial makes connections for requests. A transport may dial on after the request that asked is gone; the target's life
// bounds it as well.
func (p *Proxy) dial(life context.Context, t Target) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		defer context.AfterFunc(life, cancel)()
		return p.cfg.Dialer.Dial(ctx, t)
	}
}

// acquire counts a request in, unless the target drains. The count comes first: whoever starts draining after it sees
// the request.
func (t *target) acquire() bool {
	t.inFlight.Add(1)
	if t.draining.Load() {
		t.release()
		return false
	}
	return true
}

func (t *target) release() {
	if t.inFlight.Add(-1) == 0 && t.draining.Load() {
		t.closeIdle()
	}
}

func (t *target) closeIdle() {
	t.transport.CloseIdleConnections()
	t.checks.CloseIdleConnections()
}

// startTarget starts a target's loop if Run runs. change is held.
func (p *Proxy) startTarget(t *target) {
	if r := p.run; r != nil {
		r.wg.Go(func() { p.live(r.ctx, t) })
	}
}

// live is the loop of one target, until it is gone: unused targets wait, draining ones end at their time, the others
// are checked at a fixed interval, whatever the answer takes (alb.md 1.2).
func (p *Proxy) live(ctx context.Context, t *target) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time // when the last check began
	for {
		state, until, interval := p.look(t)
		switch {
		case state == StateDraining:
			if wait := time.Until(until); wait > 0 {
				timer.Reset(wait)
			} else {
				p.remove(ctx, t)
				return
			}
		case state == StateUnused:
			timer.Stop()
			last, t.passes, t.fails = time.Time{}, 0, 0
		case last.IsZero() || time.Since(last) >= interval:
			last = time.Now()
			p.checkNow(ctx, t)
			continue
		default:
			timer.Reset(time.Until(last.Add(interval)))
		}
		select {
		case <-ctx.Done():
			return
		case <-t.life.Done():
			return
		case <-t.poke:
		case <-timer.C:
		}
	}
}

// look says what a target's loop has to do; a target that is gone drains no more.
func (p *Proxy) look(t *target) (state string, until time.Time, interval time.Duration) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return t.Health.State, t.DrainUntil, p.scaled(t.group.conf.HealthCheck.IntervalSeconds)
}

// remove ends a target whose deregistration delay is over.
func (p *Proxy) remove(ctx context.Context, t *target) {
	p.change.Lock()
	if t.group.targets[t.Target.key()] != t { // registered again, or its group deleted
		p.change.Unlock()
		return
	}
	if err := p.commit(ctx, drop(kindTarget, t.recordID())); err != nil {
		// It is gone all the same; after a restart it drains for a moment.
		p.log.Error().Err(err).Stringer("target", t.Target).Msg("deregistration not written down")
	}
	p.mu.Lock()
	t.group.forget(t)
	t.group.publish()
	p.mu.Unlock()
	p.change.Unlock()
	t.end(errDrained)
	t.closeIdle()
	p.told(t.group, t.Target, healthNotRegistered)
}

// setHealth makes a target's state known, unless its loop has been overtaken: it drains, is not in use or is gone.
func (p *Proxy) setHealth(ctx context.Context, t *target, h Health) {
	p.change.Lock()
	from := t.Health
	overtaken := t.group.targets[t.Target.key()] != t || from.State == StateDraining || from.State == StateUnused
	if overtaken || from == h {
		p.change.Unlock()
		return
	}
	r := t.targetRecord
	r.Health = h
	if err := p.commit(ctx, put(kindTarget, t.recordID(), r)); err != nil && ctx.Err() == nil {
		p.log.Error().Err(err).Stringer("target", t.Target).Msg("target state not written down")
	}
	p.mu.Lock()
	t.Health = h
	t.group.publish()
	p.mu.Unlock()
	p.change.Unlock()
	if h.State == StateUnhealthy {
		t.transport.CloseIdleConnections()
	}
	p.told(t.group, t.Target, h)
}
