package proxy

import (
	"cmp"
	"slices"

	"miniecs/internal/arn"
)

// The finders below are called with mu or change held. An ARN that could not be one is told from one that is unknown.

func (p *Proxy) balancer(id string) (*LoadBalancer, error) {
	if b := p.balancers[id]; b != nil {
		return b, nil
	}
	if !isARN[arn.LoadBalancer](id) {
		return nil, invalid("'%s' is not a valid load balancer ARN", id)
	}
	return nil, refuse(CodeLoadBalancerNotFound, "One or more load balancers not found")
}

func (p *Proxy) listener(id string) (*listener, error) {
	if l := p.listeners[id]; l != nil {
		return l, nil
	}
	if !isARN[arn.Listener](id) {
		return nil, invalid("'%s' is not a valid listener ARN", id)
	}
	return nil, refuse(CodeListenerNotFound, "One or more listeners not found")
}

// ruleOwner finds the listener whose default rule has the ARN.
func (p *Proxy) ruleOwner(id string) (*listener, error) {
	for _, l := range p.listeners {
		if l.conf.RuleARN == id {
			return l, nil
		}
	}
	if !isARN[arn.Rule](id) {
		return nil, invalid("'%s' is not a valid listener rule ARN", id)
	}
	return nil, refuse(CodeRuleNotFound, "One or more rules not found")
}

func (p *Proxy) group(id string) (*group, error) {
	if g := p.groups[id]; g != nil {
		return g, nil
	}
	if !isARN[arn.TargetGroup](id) {
		return nil, invalid("'%s' is not a valid target group ARN", id)
	}
	return nil, refuse(CodeTargetGroupNotFound, "One or more target groups not found")
}

func isARN[T arn.Resource](s string) bool {
	r, err := arn.Parse(s)
	if err != nil {
		return false
	}
	_, ok := r.(T)
	return ok
}

// users are the ARNs of the load balancers that forward to a group.
func (p *Proxy) users(group string) []string {
	found := []string{}
	for _, l := range p.listeners {
		if l.conf.forwardsTo(group) {
			found = append(found, l.conf.LoadBalancerARN)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func (p *Proxy) listenersOf(balancer string) []*listener {
	return slices.DeleteFunc(p.sortedListeners(), func(l *listener) bool { return l.conf.LoadBalancerARN != balancer })
}

// sortedListeners are all, by load balancer and port.
func (p *Proxy) sortedListeners() []*listener {
	all := make([]*listener, 0, len(p.listeners))
	for _, l := range p.listeners {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *listener) int {
		return cmp.Or(cmp.Compare(a.conf.LoadBalancerARN, b.conf.LoadBalancerARN), cmp.Compare(a.conf.Port, b.conf.Port))
	})
	return all
}

func forwardsTo(actions []Action, group string) bool {
	return slices.ContainsFunc(actions, func(a Action) bool { return a.Type == ActionForward && a.TargetGroup == group })
}

func (l Listener) forwardsTo(group string) bool { return forwardsTo(l.DefaultActions, group) }

// FindTargetGroup finds a target group by its ARN; one of another account or region by its name, so that files from AWS
// work unchanged.
func (p *Proxy) FindTargetGroup(id string) (TargetGroup, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if g := p.groups[id]; g != nil {
		return p.view(g), true
	}
	r, err := arn.Parse(id)
	if err != nil {
		return TargetGroup{}, false
	}
	foreign, ok := r.(arn.TargetGroup)
	if !ok || foreign.Region == p.cfg.Region && foreign.Account == p.cfg.Account {
		return TargetGroup{}, false
	}
	for _, g := range p.groups {
		if g.conf.Name == foreign.Name {
			return p.view(g), true
		}
	}
	return TargetGroup{}, false
}

// view is a group as its users see it.
func (p *Proxy) view(g *group) TargetGroup {
	out := *g.conf
	out.LoadBalancers = p.users(g.arn)
	return out
}
