package proxy

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"sync/atomic"

	"miniecs/internal/arn"
	"miniecs/internal/ids"
)

// listener is a listener at work: what it is, what it does with a request, and the server while Run runs.
type listener struct {
	conf   Listener // written with change and mu held
	route  atomic.Pointer[route]
	server *server // written with change held
}

func newListener(conf Listener) *listener { return &listener{conf: conf} }

// CreateListener makes a listener of the given one's load balancer, protocol, port, actions and tags, and binds its
// port. A repeat with the same settings gives what is there.
func (p *Proxy) CreateListener(ctx context.Context, want Listener) (Listener, error) {
	p.change.Lock()
	made, tell, err := p.createListener(ctx, want)
	p.change.Unlock()
	for _, f := range tell {
		f()
	}
	return made, err
}

func (p *Proxy) createListener(ctx context.Context, want Listener) (Listener, []func(), error) {
	b, err := p.balancer(want.LoadBalancerARN)
	if err != nil {
		return Listener{}, nil, err
	}
	if want.DefaultActions, err = p.completeListener(want); err != nil {
		return Listener{}, nil, err
	}
	if err := checkNewTags(want.Tags); err != nil {
		return Listener{}, nil, err
	}
	theirs := p.listenersOf(b.ARN)
	for _, l := range theirs {
		if l.conf.Port != want.Port {
			continue
		}
		if l.conf.Protocol != want.Protocol || !sameActions(l.conf.DefaultActions, want.DefaultActions) {
			return Listener{}, nil, refuse(CodeDuplicateListener,
				"A listener already exists on this port for this load balancer '%s'", b.ARN)
		}
		return l.conf, nil, nil
	}
	if len(theirs) >= maxListeners {
		return Listener{}, nil, refuse(CodeTooManyListeners, "You've reached the limit on the number of listeners per load balancer.")
	}
	lb := arn.LoadBalancer{Scope: p.scope(), Type: "app", Name: b.Name, ID: b.ARN[len(b.ARN)-16:]}
	id := arn.Listener{LoadBalancer: lb, ID: ids.ELB()}
	want.ARN, want.RuleARN = id.String(), arn.Rule{Listener: id, ID: ids.ELB()}.String()
	l := newListener(want)
	tell, err := p.addListener(ctx, l)
	return l.conf, tell, err
}

// addListener binds before it writes down: the port that is bound is part of the record, and a socket that is bound in
// vain is gone with this process.
func (p *Proxy) addListener(ctx context.Context, l *listener) ([]func(), error) {
	l.route.Store(p.newRoute(l.conf))
	if p.run != nil {
		sockets, port, err := p.bind(ctx, l.conf)
		if err != nil {
			return nil, err
		}
		l.conf.BoundPort = port
		if err := p.commit(ctx, put(kindListener, l.conf.ARN, l.conf)); err != nil {
			closeAll(sockets)
			return nil, err
		}
		p.serve(l, sockets)
	} else if err := p.commit(ctx, put(kindListener, l.conf.ARN, l.conf)); err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.listeners[l.conf.ARN] = l
	p.refresh()
	p.mu.Unlock()
	return p.use(ctx), nil
}

// completeListener checks a listener's settings; it returns the actions with their defaults.
func (p *Proxy) completeListener(l Listener) ([]Action, error) {
	switch {
	case l.Protocol == "":
		return nil, invalid("A listener protocol must be specified")
	case l.Port == 0:
		return nil, invalid("A listener port must be specified")
	case l.Port < 1 || l.Port > 65535:
		return nil, invalid("Listener port '%d' must be between '1-65535' inclusive", l.Port)
	}
	switch l.Protocol {
	case "HTTP":
	case "HTTPS":
		return nil, notYet("listeners with protocol 'HTTPS'")
	case "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC":
		return nil, invalid("Listener protocol '%s' must be one of 'HTTPS, HTTP'", l.Protocol)
	default:
		return nil, refuse(CodeUnsupportedProtocol, "Protocol %s is not supported", l.Protocol)
	}
	if len(l.DefaultActions) == 0 {
		return nil, invalid("A default action must be specified")
	}
	if len(l.DefaultActions) > 1 {
		return nil, refuse(CodeTooManyActions, "You've reached the limit on the number of actions per rule.")
	}
	a := l.DefaultActions[0]
	if err := p.checkAction(&a, l.LoadBalancerARN); err != nil {
		return nil, err
	}
	return []Action{a}, nil
}

func (p *Proxy) checkAction(a *Action, balancer string) error {
	switch a.Type {
	case ActionForward:
		if a.TargetGroup == "" {
			return invalid("A target group must be specified")
		}
		if _, ok := p.groups[a.TargetGroup]; !ok {
			if !isARN[arn.TargetGroup](a.TargetGroup) {
				return invalid("'%s' is not a valid target group ARN", a.TargetGroup)
			}
			return refuse(CodeTargetGroupNotFound, "Target group '%s' not found", a.TargetGroup)
		}
		if users := p.users(a.TargetGroup); len(users) > 0 && !slices.Contains(users, balancer) {
			return refuse(CodeTargetGroupAssociation,
				"The following target groups cannot be associated with more than one load balancer: %s", a.TargetGroup)
		}
		if w := a.weight(); w < 0 || w > 999 {
			return invalid("Target group weight '%d' must be between '0-999' inclusive", w)
		}
		if a.StickySeconds < 0 || a.StickySeconds > 604800 {
			return invalid("Target group stickiness duration must be between 1 and 604800 seconds")
		}
		return nil
	case ActionFixedResponse:
		return a.FixedResponse.validate()
	case "redirect", "authenticate-oidc", "authenticate-cognito", "jwt-validation":
		return notYet("actions of type '%s'", a.Type)
	}
	return refuse(CodeInvalidLoadBalancerAction, "Action type '%s' is not valid", a.Type)
}

var fixedStatus = regexp.MustCompile(`^[245][0-9][0-9]$`)

func (f *FixedResponse) validate() error {
	types := []string{"", "text/plain", "text/css", "text/html", "application/javascript", "application/json"}
	switch {
	case f == nil:
		return invalid("A fixed response configuration must be specified")
	case !fixedStatus.MatchString(f.StatusCode):
		return invalid("Fixed response status code '%s' must be 2XX, 4XX or 5XX", f.StatusCode)
	case !slices.Contains(types, f.ContentType):
		return invalid("Fixed response content type '%s' must be one of '[text/plain, text/css, text/html, application/javascript, application/json]'", f.ContentType)
	case len(f.MessageBody) > 1024:
		return invalid("Fixed response message body cannot be longer than '1024' characters")
	}
	return nil
}

func sameActions(a, b []Action) bool {
	return slices.EqualFunc(a, b, func(x, y Action) bool {
		fx, fy := cmp.Or(x.FixedResponse, &FixedResponse{}), cmp.Or(y.FixedResponse, &FixedResponse{})
		return x.Type == y.Type && x.TargetGroup == y.TargetGroup && x.weight() == y.weight() && x.StickySeconds == y.StickySeconds && *fx == *fy
	})
}

// ModifyListener replaces what set has: Protocol, Port, DefaultActions. Another port is bound before the old one is
// given up.
func (p *Proxy) ModifyListener(ctx context.Context, id string, set Listener) (Listener, error) {
	p.change.Lock()
	changed, tell, err := p.modifyListener(ctx, id, set)
	p.change.Unlock()
	for _, f := range tell {
		f()
	}
	return changed, err
}

func (p *Proxy) modifyListener(ctx context.Context, id string, set Listener) (Listener, []func(), error) {
	l, err := p.listener(id)
	if err != nil {
		return Listener{}, nil, err
	}
	next := l.conf
	next.Protocol, next.Port = cmp.Or(set.Protocol, next.Protocol), cmp.Or(set.Port, next.Port)
	if len(set.DefaultActions) > 0 {
		next.DefaultActions = set.DefaultActions
	}
	if next.DefaultActions, err = p.completeListener(next); err != nil {
		return Listener{}, nil, err
	}
	moves := next.Port != l.conf.Port
	if moves && slices.ContainsFunc(p.listenersOf(next.LoadBalancerARN), func(o *listener) bool { return o.conf.Port == next.Port }) {
		return Listener{}, nil, invalid("Listener port '%d' is already in use", next.Port)
	}
	var sockets sockets
	if moves {
		next.BoundPort = 0
		if p.run != nil {
			if sockets, next.BoundPort, err = p.bind(ctx, next); err != nil {
				return Listener{}, nil, err
			}
		}
	}
	if err := p.commit(ctx, put(kindListener, id, next)); err != nil {
		closeAll(sockets)
		return Listener{}, nil, err
	}
	p.mu.Lock()
	l.conf = next
	p.refresh()
	p.mu.Unlock()
	if moves && p.run != nil {
		p.endServer(l)
		p.serve(l, sockets)
	}
	return next, p.use(ctx), nil
}

// DeleteListener deletes a listener; its port is free when it returns, requests in flight finish.
func (p *Proxy) DeleteListener(ctx context.Context, id string) error {
	p.change.Lock()
	l, err := p.listener(id)
	if err == nil {
		err = p.commit(ctx, drop(kindListener, id))
	}
	var tell []func()
	if err == nil {
		tell = p.dropListeners(ctx, []*listener{l})
	}
	p.change.Unlock()
	for _, f := range tell {
		f()
	}
	return err
}

// dropListeners ends listeners that are out of the store already. change is held.
func (p *Proxy) dropListeners(ctx context.Context, gone []*listener) []func() {
	p.mu.Lock()
	for _, l := range gone {
		delete(p.listeners, l.conf.ARN)
	}
	p.refresh()
	p.mu.Unlock()
	for _, l := range gone {
		p.endServer(l)
	}
	return p.use(ctx)
}

// Listeners gives the listeners with the ARNs, or those of a load balancer by port.
func (p *Proxy) Listeners(arns []string, balancer string) ([]Listener, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	found := []Listener{}
	if len(arns) == 0 {
		if _, err := p.balancer(balancer); err != nil {
			return nil, err
		}
		for _, l := range p.listenersOf(balancer) {
			found = append(found, l.conf)
		}
		return found, nil
	}
	for _, id := range arns {
		l, err := p.listener(id)
		if err != nil {
			return nil, err
		}
		found = append(found, l.conf)
	}
	return found, nil
}

// RuleListeners gives the listeners whose default rules have the ARNs.
func (p *Proxy) RuleListeners(arns []string) ([]Listener, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	found := []Listener{}
	for _, id := range arns {
		l, err := p.ruleOwner(id)
		if err != nil {
			return nil, err
		}
		found = append(found, l.conf)
	}
	return found, nil
}

// writeListener replaces a listener's settings. change is held.
func (p *Proxy) writeListener(ctx context.Context, l *listener, next Listener) error {
	if err := p.commit(ctx, put(kindListener, next.ARN, next)); err != nil {
		return err
	}
	p.mu.Lock()
	l.conf = next
	p.refresh()
	p.mu.Unlock()
	return nil
}
