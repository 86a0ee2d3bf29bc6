package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Causes that end requests under way.
var (
	errDeregistered = errors.New("the deregistration delay ran out")
	errClosing      = errors.New("the balancer is closing")
	errNoAnswer     = errors.New("the target did not answer")
)

// maxTargets is ELB's quota of targets in a group.
const maxTargets = 1000

// registerDelay is how long a registration takes before the first health check.
const registerDelay = 300 * time.Millisecond

// target is a registered target: what is kept of it, and its kept connections, which die with it.
type target struct {
	Target
	Health     Health
	DrainUntil time.Time `json:",omitzero"`

	leaving   atomic.Bool // it drains, or is gone
	transport *http.Transport
	ctx       context.Context // ends when requests to it must
	end       context.CancelCauseFunc
	poke      chan struct{} // settings changed: look again

	// Consecutive results of checks; guarded by Proxy.mu, as Health is.
	passed, failed int
}

// revive makes what is not kept in the store.
func (t *target) revive(p *Proxy) {
	t.poke = make(chan struct{}, 1)
	t.ctx, t.end = context.WithCancelCause(context.Background())
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx, t.Target) }
	t.transport = &http.Transport{
		DialContext: dial, DisableCompression: true, MaxIdleConnsPerHost: 512, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: 32 << 10, WriteBufferSize: 16 << 10, ReadBufferSize: 16 << 10,
	}
}

// hurry makes the target's loop look at its settings again.
func (t *target) hurry() { wake(t.poke) }

// settle gives a target the state that follows from whether its group is used; what a check found stays.
func (t *target) settle(used bool) {
	switch {
	case t.Health.State == StateDraining:
		if !used { // nothing can be in flight any more
			t.DrainUntil = time.Now()
		}
	case !used:
		t.Health = notInUse
	case t.Health.State == StateUnused:
		t.Health = checking
	}
}

// RegisterTargets adds targets to a group; those that are registered are left alone. An address that drains cannot be
// added before its delay is over, an instance can (alb.md 1.3). A port of 0 is the group's.
func (p *Proxy) RegisterTargets(ctx context.Context, arn string, targets []Target) error {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	g, err := p.group(arn)
	if err != nil {
		p.mu.Unlock()
		return err
	}
	var fresh, again []*target
	for _, in := range targets {
		if in.Port == 0 {
			in.Port = g.Port
		}
		if err := checkTarget(g, in); err != nil {
			p.mu.Unlock()
			return err
		}
		switch old := g.find(in.ID, in.Port); {
		case old != nil && old.Health.State == StateDraining && g.TargetType == "instance":
			again = append(again, old)
		case old != nil && old.Health.State == StateDraining:
			p.mu.Unlock()
			return refuse(CodeInvalidTarget, "The following targets are deregistering and cannot be registered again yet: '%s'", in.ID)
		case old != nil || slices.ContainsFunc(fresh, func(t *target) bool { return t.ID == in.ID && t.Port == in.Port }):
		default:
			t := &target{Target: in, Health: notInUse}
			if g.used {
				t.Health = registering
			}
			t.revive(p)
			fresh = append(fresh, t)
		}
	}
	if len(g.Targets)+len(fresh) > maxTargets {
		p.mu.Unlock()
		return refuse(CodeTooManyTargets, "You've reached the limit on the number of targets")
	}
	if len(fresh)+len(again) == 0 {
		p.mu.Unlock()
		return nil
	}
	next := &group{TargetGroup: g.TargetGroup}
	for _, t := range g.Targets {
		if slices.Contains(again, t) {
			t = &target{Target: t.Target, Health: registering}
		}
		next.Targets = append(next.Targets, t)
	}
	next.Targets = append(next.Targets, fresh...)
	change := next.change()
	p.mu.Unlock()
	if err := p.commit(ctx, change); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g.Targets = append(g.Targets, fresh...)
	for _, t := range fresh {
		p.attend(g, t)
	}
	for _, t := range again {
		if g.find(t.ID, t.Port) != t { // it drained while we wrote
			t = &target{Target: t.Target}
			t.revive(p)
			g.Targets = append(g.Targets, t)
			p.attend(g, t)
		}
		t.leaving.Store(false)
		t.Health, t.DrainUntil = registering, time.Time{}
		t.settle(g.used)
		t.hurry()
	}
	p.moved(g, len(again) > 0)
	return nil
}

// checkTarget refuses what cannot be a target of the group (alb.md 1.1, 5.5). Loopback and the tasks' own network are
// allowed beside ELB's ranges.
func checkTarget(g *group, t Target) error {
	if t.Port < 1 || t.Port > 65535 {
		return refuse(CodeValidation, "Port '%d' must be between '1-65535' inclusive", t.Port)
	}
	if g.TargetType == "instance" {
		if !strings.HasPrefix(t.ID, "i-") {
			return refuse(CodeValidation, "Instance ID '%s' is not valid", t.ID)
		}
		return nil
	}
	addr, err := netip.ParseAddr(t.ID)
	if err != nil || !addr.Is4() {
		return refuse(CodeValidation, "The IP address '%s' is not a valid IPv4 address", t.ID)
	}
	if !addr.IsPrivate() && !addr.IsLoopback() && !netip.MustParsePrefix("100.64.0.0/10").Contains(addr) {
		return refuse(CodeValidation, "The IP address '%s' is not in a private range: targets must be in the VPC or in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10", t.ID)
	}
	return nil
}

// DeregisterTargets starts draining; it returns at once. Targets that are not registered are no error (alb.md 1.6).
// A port of 0 is the group's.
func (p *Proxy) DeregisterTargets(ctx context.Context, arn string, targets []Target) error {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	g, err := p.group(arn)
	if err != nil {
		p.mu.Unlock()
		return err
	}
	now := time.Now()
	delay := p.scaled(g.delay())
	if !g.used {
		delay = 0 // nothing can be in flight
	}
	var leaving []*target
	next := &group{TargetGroup: g.TargetGroup}
	for _, t := range g.Targets {
		named := slices.ContainsFunc(targets, func(in Target) bool {
			return in.ID == t.ID && (in.Port == t.Port || in.Port == 0 && t.Port == g.Port)
		})
		switch {
		case !named || t.Health.State == StateDraining:
			next.Targets = append(next.Targets, t)
		case delay == 0:
			leaving = append(leaving, t)
		default:
			leaving = append(leaving, t)
			next.Targets = append(next.Targets, &target{Target: t.Target, Health: draining, DrainUntil: now.Add(delay)})
		}
	}
	change := next.change()
	p.mu.Unlock()
	if len(leaving) == 0 {
		return nil
	}
	if err := p.commit(ctx, change); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range leaving {
		p.drain(g, t, now.Add(delay), delay == 0)
	}
	p.moved(g, false)
	return nil
}

// drain takes a target out of the picker and closes its idle connections; its loop ends it when the delay is over.
// p.mu is held.
func (p *Proxy) drain(g *group, t *target, until time.Time, now bool) {
	p.say(g, t, draining)
	t.Health, t.DrainUntil = draining, until
	t.leaving.Store(true)
	g.publish()
	t.transport.CloseIdleConnections()
	if now {
		p.drop(g, t)
		return
	}
	t.hurry()
}

// drop ends a target for good: requests that still run get a 502. p.mu is held.
func (p *Proxy) drop(g *group, t *target) {
	g.Targets = slices.DeleteFunc(g.Targets, func(o *target) bool { return o == t })
	t.end(errDeregistered)
	t.transport.CloseIdleConnections()
	p.say(g, t, notRegistered)
	p.moved(g, true)
}

// TargetHealth tells how targets are doing: the named ones, or all that are registered. One that is not registered is
// unused, which is no error (alb.md 1.4).
func (p *Proxy) TargetHealth(arn string, named []Target) ([]TargetHealth, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, err := p.group(arn)
	if err != nil {
		return nil, err
	}
	out := []TargetHealth{}
	if len(named) == 0 {
		for _, t := range g.Targets {
			out = append(out, TargetHealth{t.Target, t.Health, g.checkPort(t.Target)})
		}
		return out, nil
	}
	for _, in := range named {
		if in.Port == 0 {
			in.Port = g.Port
		}
		h := TargetHealth{in, notRegistered, g.checkPort(in)}
		if t := g.find(in.ID, in.Port); t != nil {
			h = TargetHealth{t.Target, t.Health, g.checkPort(t.Target)}
		}
		out = append(out, h)
	}
	return out, nil
}

// Health tells how one target is doing; unused when the group or the target is not there.
func (p *Proxy) Health(arn string, id string, port int) Health {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.groups[arn]; g != nil {
		if t := g.find(id, port); t != nil {
			return t.Health
		}
	}
	return notRegistered
}

// say logs a change of a target's state; p.mu is held.
func (p *Proxy) say(g *group, t *target, to Health) {
	if t.Health.State == to.State {
		return
	}
	p.log.Info().Str("target_group", g.Name).Str("target", t.String()).Str("from", t.Health.State).Str("to", to.State).
		Str("cause", to.Description).Msg("target changed")
	if p.cfg.Told != nil {
		p.cfg.Told(g.Name, t.Target, to)
	}
}
