package proxy

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"miniecs/store"
)

// Targets of type ip lie in the VPC or in one of these ranges (alb.md 1.1); loopback is ours.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("127.0.0.0/8"),
}

var instanceIDs = regexp.MustCompile(`^i-[0-9a-f]{8}([0-9a-f]{9})?$`)

// RegisterTargets adds targets to a group: all or none. A Port of 0 is the group's. One that is there stays as it is;
// one that drains is a new target from now on (ELB wants the delay of an ip target to be over first; here addresses
// come back sooner, to another container).
func (p *Proxy) RegisterTargets(ctx context.Context, groupARN string, targets []Target) error {
	p.change.Lock()
	g, fresh, err := p.register(ctx, groupARN, targets)
	p.change.Unlock()
	for _, r := range fresh {
		p.told(g, r.Target, r.Health)
	}
	return err
}

func (p *Proxy) register(ctx context.Context, groupARN string, targets []Target) (*group, []targetRecord, error) {
	g, err := p.group(groupARN)
	if err != nil {
		return nil, nil, err
	}
	if len(targets) == 0 {
		return nil, nil, invalid("A target must be specified")
	}
	health, now := healthNotInUse, time.Now()
	if g.inUse {
		health = healthRegistering
	}
	var fresh []*target
	var records []targetRecord
	var writes []store.Change
	seen := map[targetKey]bool{}
	for _, want := range targets {
		if want, err = g.conf.admit(want); err != nil {
			return nil, nil, err
		}
		if old := g.targets[want.key()]; seen[want.key()] || old != nil && old.Health.State != StateDraining {
			continue
		}
		seen[want.key()] = true
		// A nanosecond each keeps their order for a restart.
		r := targetRecord{Group: g.arn, Target: want, Health: health, Registered: now.Add(time.Duration(len(fresh)))}
		t := p.newTarget(g, r)
		fresh, records, writes = append(fresh, t), append(records, r), append(writes, t.record())
	}
	if len(g.targets)+len(fresh) > maxTargets {
		return nil, nil, refuse(CodeTooManyTargets, "You've reached the limit on the number of targets in target group '%s'", g.arn)
	}
	if len(fresh) == 0 {
		return g, nil, nil
	}
	if err := p.commit(ctx, writes...); err != nil {
		return nil, nil, err
	}
	p.mu.Lock()
	for _, t := range fresh {
		if old := g.targets[t.Target.key()]; old != nil {
			wake(old.poke) // its loop finds that it is not the target any more
		}
		g.add(t)
	}
	g.publish()
	p.mu.Unlock()
	for _, t := range fresh {
		p.startTarget(t)
	}
	return g, records, nil
}

// admit checks a target and fills in what a request leaves out.
func (c *TargetGroup) admit(t Target) (Target, error) {
	if t.Port == 0 {
		t.Port = c.Port
	}
	if t.Port < 1 || t.Port > 65535 {
		return t, invalid("Target port '%d' must be between 1 and 65535", t.Port)
	}
	if c.TargetType == "instance" {
		if !instanceIDs.MatchString(t.ID) {
			return t, invalid("Instance ID '%s' is not valid", t.ID)
		}
		return t, nil
	}
	ip, err := netip.ParseAddr(t.ID)
	if err != nil || !ip.Is4() {
		return t, invalid("The IP address '%s' is not a valid IPv4 address", t.ID)
	}
	if !slices.ContainsFunc(privateRanges, func(r netip.Prefix) bool { return r.Contains(ip) }) {
		return t, refuse(CodeInvalidTarget, "The IP address '%s' is not within the private ranges that a target may have", t.ID)
	}
	return t, nil
}

// DeregisterTargets starts draining and returns: requests in flight go on until the deregistration delay is over, new
// ones go elsewhere. Targets that are not registered are no error. A Port of 0 is the group's. In a group that no
// listener uses there is nothing to drain.
func (p *Proxy) DeregisterTargets(ctx context.Context, groupARN string, targets []Target) error {
	p.change.Lock()
	g, err := p.group(groupARN)
	if err != nil {
		p.change.Unlock()
		return err
	}
	var leaving []*target
	for _, want := range targets {
		if want.Port == 0 {
			want.Port = g.conf.Port
		}
		if t := g.targets[want.key()]; t != nil && t.Health.State != StateDraining && !slices.Contains(leaving, t) {
			leaving = append(leaving, t)
		}
	}
	delay := p.scaled(number(groupAttribute(g.conf.Attributes, "deregistration_delay.timeout_seconds")))
	if !g.inUse {
		delay = 0
	}
	err = p.drain(ctx, g, leaving, delay)
	p.change.Unlock()
	if err != nil {
		return err
	}
	for _, t := range leaving {
		if delay == 0 {
			p.told(g, t.Target, healthNotRegistered)
		} else {
			p.told(g, t.Target, healthDraining)
		}
	}
	return nil
}

// drain takes targets out of the group, at once or after a delay. change is held.
func (p *Proxy) drain(ctx context.Context, g *group, leaving []*target, delay time.Duration) error {
	records := make([]targetRecord, len(leaving))
	writes := make([]store.Change, len(leaving))
	for i, t := range leaving {
		records[i] = t.targetRecord
		records[i].Health, records[i].DrainUntil = healthDraining, time.Now().Add(delay)
		if delay == 0 {
			writes[i] = drop(kindTarget, t.recordID())
		} else {
			writes[i] = put(kindTarget, t.recordID(), records[i])
		}
	}
	if len(writes) == 0 {
		return nil
	}
	if err := p.commit(ctx, writes...); err != nil {
		return err
	}
	p.mu.Lock()
	for i, t := range leaving {
		t.Health, t.DrainUntil = records[i].Health, records[i].DrainUntil
		t.draining.Store(true)
		if delay == 0 {
			g.forget(t)
		}
	}
	g.publish()
	p.mu.Unlock()
	for _, t := range leaving {
		if delay == 0 {
			t.end(errDrained)
		}
		t.closeIdle()
		wake(t.poke)
	}
	return nil
}

// Health gives the state of a target: unused with Target.NotRegistered when it is not there (any more).
func (p *Proxy) Health(groupARN, id string, port int) Health {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if g := p.groups[groupARN]; g != nil {
		if t := g.targets[targetKey{id, port}]; t != nil {
			return t.Health
		}
	}
	return healthNotRegistered
}

// DescribeTargetHealth describes the targets of a group, or those named, which need not be registered.
func (p *Proxy) DescribeTargetHealth(groupARN string, named []Target) ([]TargetDescription, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	g, err := p.group(groupARN)
	if err != nil {
		return nil, err
	}
	describe := func(t Target, h Health) TargetDescription {
		return TargetDescription{t, g.conf.HealthCheck.port(t.Port), h}
	}
	found := []TargetDescription{}
	if len(named) == 0 {
		for _, t := range g.order {
			found = append(found, describe(t.Target, t.Health))
		}
		return found, nil
	}
	for _, want := range named {
		if want.Port == 0 {
			want.Port = g.conf.Port
		}
		if t := g.targets[want.key()]; t != nil {
			found = append(found, describe(t.Target, t.Health))
		} else {
			found = append(found, describe(want, healthNotRegistered))
		}
	}
	return found, nil
}

// use brings targets in line with whether a listener forwards to their group: unused ones begin to be checked, or all
// become unused; what drains is done then, for no request can be in flight. change is held, mu is not; the caller
// tells what is returned once change is not held.
func (p *Proxy) use(ctx context.Context) (tell []func()) {
	for _, g := range p.groups {
		if len(g.targets) == 0 {
			continue
		}
		var gone []*target
		var writes []store.Change
		records := map[*target]targetRecord{}
		for _, t := range g.order {
			r := t.targetRecord
			switch {
			case g.inUse && r.Health.State == StateUnused:
				r.Health = healthRegistering
			case !g.inUse && r.Health.State == StateDraining:
				gone = append(gone, t)
				continue
			case !g.inUse && r.Health != healthNotInUse:
				r.Health = healthNotInUse
			default:
				continue
			}
			records[t] = r
			writes = append(writes, put(kindTarget, t.recordID(), r))
			tell = append(tell, func() { p.told(g, r.Target, r.Health) })
		}
		for _, t := range gone {
			tell = append(tell, func() { p.told(g, t.Target, healthNotRegistered) })
		}
		if err := p.drain(ctx, g, gone, 0); err != nil {
			p.log.Error().Err(err).Str("target_group", g.arn).Msg("deregistration not written down")
		}
		if len(writes) == 0 {
			continue
		}
		if err := p.commit(ctx, writes...); err != nil {
			p.log.Error().Err(err).Str("target_group", g.arn).Msg("target states not written down")
		}
		p.mu.Lock()
		for t, r := range records {
			t.Health = r.Health
		}
		g.publish()
		p.mu.Unlock()
		for t := range records {
			wake(t.poke)
		}
	}
	return tell
}
