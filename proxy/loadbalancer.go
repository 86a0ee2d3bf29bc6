package proxy

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"miniecs/internal/ids"
	"miniecs/store"
)

// CreateLoadBalancer makes a load balancer from Name, Scheme, IPAddressType, Subnets, SecurityGroups, VPCID and Tags.
// The same again gives the first; other settings are refused (alb.md 5.5).
func (p *Proxy) CreateLoadBalancer(ctx context.Context, in LoadBalancer) (LoadBalancer, error) {
	if err := checkName("Load balancer", in.Name); err != nil {
		return LoadBalancer{}, err
	}
	if strings.HasPrefix(in.Name, "internal-") {
		return LoadBalancer{}, refuse(CodeValidation, "Load balancer name '%s' cannot begin with 'internal-'", in.Name)
	}
	if err := checkTags(in.Tags); err != nil {
		return LoadBalancer{}, err
	}
	in.Scheme, in.IPAddressType = cmp.Or(in.Scheme, "internet-facing"), cmp.Or(in.IPAddressType, "ipv4")
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	for _, lb := range p.balancers {
		if lb.Name == in.Name {
			same := lb.Scheme == in.Scheme && lb.IPAddressType == in.IPAddressType && sameSet(lb.Subnets, in.Subnets) && sameSet(lb.SecurityGroups, in.SecurityGroups)
			out := lb.clone()
			p.mu.Unlock()
			if !same {
				return LoadBalancer{}, refuse(CodeDuplicateBalancer, "A load balancer with the same name '%s' exists, but with different settings", in.Name)
			}
			return out, nil
		}
	}
	p.mu.Unlock()
	lb := in
	lb.ID = ids.ELB()
	lb.ARN = p.arn("loadbalancer/app/" + lb.Name + "/" + lb.ID)
	prefix := ""
	if lb.Scheme == "internal" {
		prefix = "internal-"
	}
	lb.DNSName = fmt.Sprintf("%s%s-%s.%s.elb.localhost", prefix, lb.Name, ids.ELBName(), p.cfg.Region)
	lb.CreatedAt = time.Now().Truncate(time.Millisecond)
	lb.Attributes = map[string]string{}
	if err := p.commit(ctx, record("balancer", lb.ID, lb)); err != nil {
		return LoadBalancer{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.balancers[lb.ARN] = &lb
	return lb.clone(), nil
}

// UpdateLoadBalancer replaces subnets, security groups or the address type, whatever is not nil or empty.
func (p *Proxy) UpdateLoadBalancer(ctx context.Context, arn string, subnets, securityGroups []string, addressType string) (LoadBalancer, error) {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	lb := p.balancers[arn]
	if lb == nil {
		p.mu.Unlock()
		return LoadBalancer{}, refuse(CodeLoadBalancerNotFound, "One or more load balancers not found")
	}
	next := lb.clone()
	p.mu.Unlock()
	if subnets != nil {
		next.Subnets = subnets
	}
	if securityGroups != nil {
		next.SecurityGroups = securityGroups
	}
	next.IPAddressType = cmp.Or(addressType, next.IPAddressType)
	if err := p.commit(ctx, record("balancer", next.ID, next)); err != nil {
		return LoadBalancer{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	*lb = next
	return next.clone(), nil
}

// LoadBalancers gives load balancers by ARN, by name, or all, the oldest first. One that is missing fails the call.
func (p *Proxy) LoadBalancers(arns, names []string) ([]LoadBalancer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []LoadBalancer
	for _, arn := range arns {
		lb := p.balancers[arn]
		if lb == nil {
			return nil, refuse(CodeLoadBalancerNotFound, "One or more load balancers not found")
		}
		out = append(out, lb.clone())
	}
	for _, name := range names {
		found := false
		for _, lb := range p.balancers {
			if lb.Name == name {
				out, found = append(out, lb.clone()), true
			}
		}
		if !found {
			return nil, refuse(CodeLoadBalancerNotFound, "Load balancers '[%s]' not found", name)
		}
	}
	if len(arns)+len(names) == 0 {
		for _, lb := range p.balancers {
			out = append(out, lb.clone())
		}
	}
	slices.SortFunc(out, func(a, b LoadBalancer) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ARN, b.ARN))
	})
	return out, nil
}

// DeleteLoadBalancer removes a load balancer and its listeners; target groups and targets stay. A missing one is no
// error (alb.md 5.3).
func (p *Proxy) DeleteLoadBalancer(ctx context.Context, arn string) error {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	lb := p.balancers[arn]
	if lb == nil {
		p.mu.Unlock()
		return nil
	}
	if lb.Attributes["deletion_protection.enabled"] == "true" {
		p.mu.Unlock()
		return refuse(CodeNotPermitted, "Load balancer '%s' cannot be deleted because deletion protection is enabled", arn)
	}
	changes := []store.Change{removal("balancer", lb.ID)}
	var gone []*Listener
	for _, l := range p.listeners {
		if l.LoadBalancerARN == arn {
			gone = append(gone, l)
			changes = append(changes, removal("listener", l.ID))
		}
	}
	p.mu.Unlock()
	if err := p.commit(ctx, changes...); err != nil {
		return err
	}
	for _, l := range gone {
		p.dropListener(l)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.balancers, arn)
	return nil
}

// checkName refuses what is no name of a load balancer or target group (alb.md 1.1, 5.5).
func checkName(what, name string) error {
	switch {
	case name == "":
		return refuse(CodeValidation, "%s name cannot be empty", what)
	case len(name) > 32:
		return refuse(CodeValidation, "%s name '%s' cannot be longer than '32' characters", what, name)
	case strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-"):
		return refuse(CodeValidation, "%s name '%s' cannot begin or end with '-'", what, name)
	case !nameRule.MatchString(name):
		return refuse(CodeValidation, "%s name '%s' can only contain characters that are alphanumeric characters or hyphens(-)", what, name)
	}
	return nil
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return len(a)+len(b) == 0 || reflect.DeepEqual(a, b)
}
