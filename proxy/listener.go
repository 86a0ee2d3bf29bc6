package proxy

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strconv"

	"miniecs/internal/ids"
)

// CreateListener makes a listener of LoadBalancerARN, Port, Protocol, Actions and Tags, and opens it. The same again
// gives the first (alb.md 5.3).
func (p *Proxy) CreateListener(ctx context.Context, in Listener) (Listener, error) {
	if err := checkTags(in.Tags); err != nil {
		return Listener{}, err
	}
	if err := checkListener(in.Port, in.Protocol); err != nil {
		return Listener{}, err
	}
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	lb := p.balancers[in.LoadBalancerARN]
	if lb == nil {
		p.mu.Unlock()
		return Listener{}, refuse(CodeLoadBalancerNotFound, "One or more load balancers not found")
	}
	if err := p.checkActions(in.Actions, lb.ARN); err != nil {
		p.mu.Unlock()
		return Listener{}, err
	}
	if old := p.listenerOn(lb.ARN, in.Port); old != nil {
		out := old.clone()
		p.mu.Unlock()
		if out.Protocol != in.Protocol || !reflect.DeepEqual(out.Actions, in.Actions) {
			return Listener{}, refuse(CodeDuplicateListener, "A listener already exists on this port for this load balancer '%s'", lb.ARN)
		}
		return out, nil
	}
	l := in
	l.ID = ids.ELB()
	l.ARN = p.arn("listener/app/" + lb.Name + "/" + lb.ID + "/" + l.ID)
	l.RuleARN = p.arn("listener-rule/app/" + lb.Name + "/" + lb.ID + "/" + l.ID + "/" + ids.ELB())
	p.mu.Unlock()
	return p.addListener(ctx, &l)
}

// addListener binds and serves a listener; one that had the same ARN is closed.
func (p *Proxy) addListener(ctx context.Context, l *Listener) (Listener, error) {
	sockets, port, err := p.bind(ctx, l)
	if err != nil {
		return Listener{}, err
	}
	l.BoundPort = port
	if err := p.commit(ctx, record("listener", l.ID, l)); err != nil {
		closeAll(sockets)
		return Listener{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.servers[l.ARN]
	p.listeners[l.ARN] = l
	p.refreshUse()
	p.serve(l, sockets)
	p.retire(before)
	return l.clone(), nil
}

func (p *Proxy) listenerOn(balancer string, port int) *Listener {
	for _, l := range p.listeners {
		if l.LoadBalancerARN == balancer && l.Port == port {
			return l
		}
	}
	return nil
}

func checkListener(port int, protocol string) error {
	switch {
	case port == 0:
		return refuse(CodeValidation, "A listener port must be specified")
	case port < 1 || port > 65535:
		return refuse(CodeValidation, "Port '%d' must be between '1-65535' inclusive", port)
	case protocol == "":
		return refuse(CodeValidation, "A listener protocol must be specified")
	case protocol == "HTTP":
		return nil
	case protocol == "HTTPS":
		return refuse(CodeUnsupportedProtocol, "miniecs does not have HTTPS listeners yet; use HTTP")
	}
	return refuse(CodeUnsupportedProtocol, "Protocol %s is not supported", protocol)
}

// checkActions refuses what is no list of actions, or not done yet. p.mu is held.
func (p *Proxy) checkActions(actions []Action, balancer string) error {
	if len(actions) == 0 {
		return refuse(CodeValidation, "A default action must be specified")
	}
	if len(actions) > 1 {
		return refuse(CodeInvalidAction, "miniecs does not have authentication actions yet: one default action is allowed")
	}
	switch a := actions[0]; a.Type {
	case "forward":
		return p.checkForward(a, balancer)
	case "fixed-response":
		return checkFixed(a.Fixed)
	case "redirect", "authenticate-oidc", "authenticate-cognito", "jwt-validation":
		return refuse(CodeInvalidAction, "miniecs does not have %s actions yet; use forward or fixed-response", a.Type)
	default:
		return refuse(CodeValidation, "1 validation error detected: Value '%s' at 'actions.1.member.type' failed to satisfy constraint: "+
			"Member must satisfy enum value set: [forward, authenticate-oidc, authenticate-cognito, redirect, fixed-response, jwt-validation]", a.Type)
	}
}

func (p *Proxy) checkForward(a Action, balancer string) error {
	if len(a.Groups) == 0 {
		return refuse(CodeValidation, "A target group ARN must be specified")
	}
	if len(a.Groups) > 1 {
		return refuse(CodeInvalidAction, "miniecs does not have weighted forwards to several target groups yet")
	}
	arn := a.Groups[0].ARN
	if p.groups[arn] == nil {
		return refuse(CodeTargetGroupNotFound, "Target group '%s' not found", arn)
	}
	for _, other := range p.balancersOf(arn) {
		if other != balancer {
			return refuse(CodeAssociationLimit, "The following target groups cannot be associated with more than one load balancer: %s", arn)
		}
	}
	return nil
}

func checkFixed(f *FixedResponse) error {
	if f == nil {
		return refuse(CodeValidation, "A fixed-response action must have a fixed response configuration")
	}
	code, err := strconv.Atoi(f.StatusCode)
	if err != nil || code < 200 || code > 599 || code >= 300 && code < 400 {
		return refuse(CodeValidation, "Fixed response status code '%s' must be 2XX, 4XX or 5XX", f.StatusCode)
	}
	if len(f.Body) > 1024 {
		return refuse(CodeValidation, "Fixed response message body cannot be longer than '1024' characters")
	}
	return nil
}

// ModifyListener replaces what is not zero: Port, Protocol, Actions. Requests see the change at once, whole.
func (p *Proxy) ModifyListener(ctx context.Context, in Listener) (Listener, error) {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	l := p.listeners[in.ARN]
	if l == nil {
		p.mu.Unlock()
		return Listener{}, refuse(CodeListenerNotFound, "One or more listeners not found")
	}
	next := l.clone()
	next.Port, next.Protocol = cmp.Or(in.Port, l.Port), cmp.Or(in.Protocol, l.Protocol)
	if in.Actions != nil {
		next.Actions = in.Actions
	}
	err := checkListener(next.Port, next.Protocol)
	if err == nil {
		err = p.checkActions(next.Actions, next.LoadBalancerARN)
	}
	if other := p.listenerOn(next.LoadBalancerARN, next.Port); err == nil && other != nil && other != l {
		err = refuse(CodeValidation, "Listener port '%d' is already in use", next.Port)
	}
	p.mu.Unlock()
	if err != nil {
		return Listener{}, err
	}
	if next.Port != l.Port {
		next.BoundPort = 0
		return p.addListener(ctx, &next) // the new port is open before the old one closes
	}
	if err := p.commit(ctx, record("listener", next.ID, next)); err != nil {
		return Listener{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	*l = next
	p.refreshUse()
	p.refreshRoutes()
	return l.clone(), nil
}

// Listeners gives listeners by ARN or of a load balancer, by port.
func (p *Proxy) Listeners(balancer string, arns []string) ([]Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []Listener{}
	for _, arn := range arns {
		l := p.listeners[arn]
		if l == nil {
			return nil, refuse(CodeListenerNotFound, "One or more listeners not found")
		}
		out = append(out, l.clone())
	}
	if len(arns) == 0 {
		if p.balancers[balancer] == nil {
			return nil, refuse(CodeLoadBalancerNotFound, "One or more load balancers not found")
		}
		for _, l := range p.listeners {
			if l.LoadBalancerARN == balancer {
				out = append(out, l.clone())
			}
		}
	}
	slices.SortFunc(out, func(a, b Listener) int { return cmp.Compare(a.Port, b.Port) })
	return out, nil
}

// DeleteListener closes a listener; requests under way end.
func (p *Proxy) DeleteListener(ctx context.Context, arn string) error {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	l := p.listeners[arn]
	p.mu.Unlock()
	if l == nil {
		return refuse(CodeListenerNotFound, "One or more listeners not found")
	}
	if err := p.commit(ctx, removal("listener", l.ID)); err != nil {
		return err
	}
	p.dropListener(l)
	return nil
}

// dropListener takes a listener out; its port is free when it returns, while requests under way may still end.
func (p *Proxy) dropListener(l *Listener) {
	p.mu.Lock()
	delete(p.listeners, l.ARN)
	s := p.servers[l.ARN]
	delete(p.servers, l.ARN)
	p.refreshUse()
	p.retire(s)
	p.mu.Unlock()
}

// refreshUse finds out which groups get traffic: the targets of the others are unused and are not checked
// (alb.md 1.3). p.mu is held.
func (p *Proxy) refreshUse() {
	for _, g := range p.groups {
		used := p.balancersOf(g.ARN) != nil
		if used == g.used {
			continue
		}
		g.used = used
		for _, t := range g.Targets {
			t.settle(used)
			t.hurry()
		}
		p.moved(g, true)
	}
}

// ListenerOfRule finds the listener whose default rule has an ARN.
func (p *Proxy) ListenerOfRule(arn string) (Listener, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.listeners {
		if l.RuleARN == arn {
			return l.clone(), true
		}
	}
	return Listener{}, false
}
