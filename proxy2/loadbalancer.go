package proxy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"miniecs/internal/arn"
	"miniecs/internal/ids"
	"miniecs/store"
)

// CreateLoadBalancer makes an Application Load Balancer of the given one's name, scheme, subnets, security groups and
// tags. The answer says provisioning, as ELB's; it is active from then on. A repeat with the same settings gives what
// is there.
func (p *Proxy) CreateLoadBalancer(ctx context.Context, want LoadBalancer) (LoadBalancer, error) {
	if err := p.completeBalancer(&want); err != nil {
		return LoadBalancer{}, err
	}
	p.change.Lock()
	defer p.change.Unlock()
	for _, b := range p.balancers {
		if b.Name != want.Name {
			continue
		}
		if !b.same(want) {
			return LoadBalancer{}, refuse(CodeDuplicateLoadBalancerName,
				"A load balancer with the same name '%s' exists, but with different settings", want.Name)
		}
		return *b, nil
	}
	if len(p.balancers) >= maxLoadBalancers {
		return LoadBalancer{}, refuse(CodeTooManyLoadBalancers, "You've reached the limit on the number of load balancers for your AWS account.")
	}
	want.ARN = arn.LoadBalancer{Scope: p.scope(), Type: "app", Name: want.Name, ID: ids.ELB()}.String()
	want.DNSName = fmt.Sprintf("%s-%s.%s.elb.localhost", want.Name, ids.ELBName(), p.cfg.Region)
	if want.Scheme == "internal" {
		want.DNSName = "internal-" + want.DNSName
	}
	want.CreatedTime, want.State = time.Now().UTC().Truncate(time.Millisecond), "active"
	if err := p.commit(ctx, put(kindBalancer, want.ARN, want)); err != nil {
		return LoadBalancer{}, err
	}
	p.mu.Lock()
	p.balancers[want.ARN] = &want
	p.mu.Unlock()
	answer := want
	answer.State = "provisioning"
	return answer, nil
}

func (p *Proxy) completeBalancer(b *LoadBalancer) error {
	if err := checkName("Load balancer", b.Name); err != nil {
		return err
	}
	if strings.HasPrefix(b.Name, "internal-") {
		return invalid("Load balancer name '%s' cannot begin with 'internal-'", b.Name)
	}
	b.Scheme = cmp.Or(b.Scheme, "internet-facing")
	if b.Scheme != "internet-facing" && b.Scheme != "internal" {
		return invalid("Scheme '%s' must be one of '[internet-facing, internal]'", b.Scheme)
	}
	b.IPAddressType = cmp.Or(b.IPAddressType, "ipv4")
	if b.IPAddressType != "ipv4" {
		return notYet("load balancers with IP address type '%s'", b.IPAddressType)
	}
	if err := checkSubnets(b.Subnets); err != nil {
		return err
	}
	b.VPCID = cmp.Or(b.VPCID, p.cfg.VPCID)
	return checkNewTags(b.Tags)
}

func checkSubnets(subnets []Subnet) error {
	zones := map[string]bool{}
	for _, s := range subnets {
		if zones[s.Zone] {
			return refuse(CodeInvalidConfiguration, "A load balancer cannot be attached to multiple subnets in the same Availability Zone")
		}
		zones[s.Zone] = true
	}
	if len(zones) < 2 {
		return invalid("At least two subnets in two different Availability Zones must be specified")
	}
	return nil
}

// same says whether a creation with these settings would have made this load balancer.
func (b *LoadBalancer) same(o LoadBalancer) bool {
	return b.Scheme == o.Scheme && b.VPCID == o.VPCID && b.IPAddressType == o.IPAddressType &&
		sameSet(b.Subnets, o.Subnets) && sameSet(b.SecurityGroups, o.SecurityGroups)
}

func sameSet[T comparable](a, b []T) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x T) bool { return !slices.Contains(b, x) })
}

// SetSubnets replaces the subnets.
func (p *Proxy) SetSubnets(ctx context.Context, id string, subnets []Subnet) error {
	return p.changeBalancer(ctx, id, func(b *LoadBalancer) error {
		b.Subnets = subnets
		return checkSubnets(subnets)
	})
}

// SetSecurityGroups replaces the security groups, which filter nothing here.
func (p *Proxy) SetSecurityGroups(ctx context.Context, id string, groups []string) error {
	return p.changeBalancer(ctx, id, func(b *LoadBalancer) error {
		b.SecurityGroups = groups
		return nil
	})
}

// changeBalancer replaces a load balancer by an edited one. Maps and slices in it are shared: edit replaces them whole.
func (p *Proxy) changeBalancer(ctx context.Context, id string, edit func(*LoadBalancer) error) error {
	p.change.Lock()
	defer p.change.Unlock()
	b, err := p.balancer(id)
	if err != nil {
		return err
	}
	next := *b
	if err := edit(&next); err != nil {
		return err
	}
	if err := p.commit(ctx, put(kindBalancer, id, next)); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.balancers[id] = &next
	p.refresh()
	return nil
}

// DeleteLoadBalancer deletes a load balancer with its listeners; its groups and their targets stay, unused. One that is
// gone is no error.
func (p *Proxy) DeleteLoadBalancer(ctx context.Context, id string) error {
	p.change.Lock()
	tell, err := p.deleteBalancer(ctx, id)
	p.change.Unlock()
	for _, f := range tell {
		f()
	}
	return err
}

func (p *Proxy) deleteBalancer(ctx context.Context, id string) ([]func(), error) {
	b, err := p.balancer(id)
	if refusal, ok := err.(*Error); ok && refusal.Code == CodeLoadBalancerNotFound {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if balancerAttribute(b.Attributes, "deletion_protection.enabled") == "true" {
		return nil, refuse(CodeOperationNotPermitted, "Load balancer '%s' cannot be deleted because deletion protection is enabled", id)
	}
	writes := []store.Change{drop(kindBalancer, id)}
	theirs := p.listenersOf(id)
	for _, l := range theirs {
		writes = append(writes, drop(kindListener, l.conf.ARN))
	}
	if err := p.commit(ctx, writes...); err != nil {
		return nil, err
	}
	p.mu.Lock()
	delete(p.balancers, id)
	p.mu.Unlock()
	return p.dropListeners(ctx, theirs), nil
}

// LoadBalancers gives the load balancers with the ARNs and the names, or all, by name. Naming one that is not there is
// an error.
func (p *Proxy) LoadBalancers(arns, named []string) ([]LoadBalancer, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	found := []LoadBalancer{}
	for _, id := range arns {
		b, err := p.balancer(id)
		if err != nil {
			return nil, err
		}
		found = append(found, *b)
	}
	all := slices.SortedFunc(maps.Values(p.balancers), func(a, b *LoadBalancer) int { return cmp.Compare(a.Name, b.Name) })
	missing := []string{}
	for _, name := range named {
		if i := slices.IndexFunc(all, func(b *LoadBalancer) bool { return b.Name == name }); i >= 0 {
			found = append(found, *all[i])
		} else {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, refuse(CodeLoadBalancerNotFound, "Load balancers '[%s]' not found", strings.Join(missing, ", "))
	}
	if len(arns)+len(named) == 0 {
		for _, b := range all {
			found = append(found, *b)
		}
	}
	return found, nil
}
