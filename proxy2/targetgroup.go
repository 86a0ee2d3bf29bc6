package proxy

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"miniecs/internal/arn"
	"miniecs/internal/ids"
	"miniecs/store"
)

var names = regexp.MustCompile(`^[A-Za-z0-9-]*$`)

// checkName checks a load balancer's or a target group's name; what is "Load balancer" or "Target group".
func checkName(what, name string) error {
	switch {
	case name == "":
		return invalid("%s name cannot be empty", what)
	case len(name) > 32:
		return invalid("%s name '%s' cannot be longer than '32' characters", what, name)
	case !names.MatchString(name):
		return invalid("%s name '%s' can only contain characters that are alphanumeric characters or hyphens(-)", what, name)
	case strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-"):
		return invalid("%s name '%s' cannot begin or end with '-'", what, name)
	}
	return nil
}

// CreateTargetGroup makes a target group of the given one's name, protocol, port and health check; what is empty gets
// ELB's default. A repeat with the same settings gives what is there.
func (p *Proxy) CreateTargetGroup(ctx context.Context, want TargetGroup) (TargetGroup, error) {
	if err := p.complete(&want); err != nil {
		return TargetGroup{}, err
	}
	if err := checkNewTags(want.Tags); err != nil {
		return TargetGroup{}, err
	}
	p.change.Lock()
	defer p.change.Unlock()
	for _, g := range p.groups {
		if g.conf.Name != want.Name {
			continue
		}
		if !g.conf.same(want) {
			return TargetGroup{}, refuse(CodeDuplicateTargetGroupName,
				"A target group with the same name '%s' exists, but with different settings", want.Name)
		}
		return p.view(g), nil
	}
	if len(p.groups) >= maxTargetGroups {
		return TargetGroup{}, refuse(CodeTooManyTargetGroups, "You've reached the limit on the number of target groups for your AWS account.")
	}
	want.ARN = arn.TargetGroup{Scope: p.scope(), Name: want.Name, ID: ids.ELB()}.String()
	if err := p.commit(ctx, put(kindGroup, want.ARN, want)); err != nil {
		return TargetGroup{}, err
	}
	g := newGroup(want)
	p.mu.Lock()
	p.groups[want.ARN] = g
	p.mu.Unlock()
	return p.view(g), nil
}

// same says whether a creation with these settings would have made this group.
func (c *TargetGroup) same(o TargetGroup) bool {
	return c.TargetType == o.TargetType && c.Protocol == o.Protocol && c.ProtocolVersion == o.ProtocolVersion &&
		c.Port == o.Port && c.VPCID == o.VPCID && c.IPAddressType == o.IPAddressType && c.HealthCheck == o.HealthCheck
}

// complete checks a new group's settings and fills in the defaults (alb.md 1.1, 1.2).
func (p *Proxy) complete(c *TargetGroup) error {
	if err := checkName("Target group", c.Name); err != nil {
		return err
	}
	c.TargetType = cmp.Or(c.TargetType, "instance")
	switch c.TargetType {
	case "instance", "ip":
	case "lambda", "alb":
		return notYet("target groups with target type '%s'", c.TargetType)
	default:
		return invalid("Target type '%s' is not valid", c.TargetType)
	}
	switch {
	case c.Protocol == "":
		return invalid("A protocol must be specified")
	case c.Port == 0:
		return invalid("A port must be specified")
	case c.Port < 1 || c.Port > 65535:
		return invalid("Target group port '%d' must be between 1 and 65535", c.Port)
	}
	switch c.Protocol {
	case "HTTP":
	case "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC":
		return notYet("target groups with protocol '%s'", c.Protocol)
	default:
		return refuse(CodeUnsupportedProtocol, "Protocol %s is not supported", c.Protocol)
	}
	c.ProtocolVersion = cmp.Or(c.ProtocolVersion, "HTTP1")
	switch c.ProtocolVersion {
	case "HTTP1":
	case "HTTP2", "GRPC":
		return notYet("target groups with protocol version '%s'", c.ProtocolVersion)
	default:
		return invalid("Protocol version '%s' is not valid", c.ProtocolVersion)
	}
	c.IPAddressType = cmp.Or(c.IPAddressType, "ipv4")
	if c.IPAddressType != "ipv4" {
		return notYet("target groups with IP address type '%s'", c.IPAddressType)
	}
	c.VPCID = cmp.Or(c.VPCID, p.cfg.VPCID)
	if c.VPCID == "" {
		return invalid("A VPC ID must be specified")
	}
	if p.cfg.VPCID != "" && c.VPCID != p.cfg.VPCID {
		return invalid("The VPC ID '%s' is not found", c.VPCID)
	}
	c.HealthCheck = c.HealthCheck.over(HealthCheck{Protocol: "HTTP", Port: "traffic-port", Path: "/", IntervalSeconds: 30,
		TimeoutSeconds: 5, HealthyThreshold: 5, UnhealthyThreshold: 2, Matcher: "200"})
	return c.HealthCheck.validate()
}

// over gives the settings of hc where there are any, and those of usual elsewhere.
func (hc HealthCheck) over(usual HealthCheck) HealthCheck {
	return HealthCheck{
		cmp.Or(hc.Protocol, usual.Protocol), cmp.Or(hc.Port, usual.Port), cmp.Or(hc.Path, usual.Path),
		cmp.Or(hc.IntervalSeconds, usual.IntervalSeconds), cmp.Or(hc.TimeoutSeconds, usual.TimeoutSeconds),
		cmp.Or(hc.HealthyThreshold, usual.HealthyThreshold), cmp.Or(hc.UnhealthyThreshold, usual.UnhealthyThreshold),
		cmp.Or(hc.Matcher, usual.Matcher),
	}
}

func (hc HealthCheck) validate() error {
	switch hc.Protocol {
	case "HTTP":
	case "HTTPS":
		return notYet("health checks with protocol 'HTTPS'")
	default:
		return invalid("Health check protocol '%s' is not supported for target groups with protocol 'HTTP'", hc.Protocol)
	}
	if n, err := strconv.Atoi(hc.Port); hc.Port != "traffic-port" && (err != nil || n < 1 || n > 65535) {
		return invalid("Health check port '%s' must be 'traffic-port' or between '1-65535' inclusive", hc.Port)
	}
	if !strings.HasPrefix(hc.Path, "/") || len(hc.Path) > 1024 || !printable(hc.Path) {
		return invalid("Health check path '%s' must begin with '/' and have at most 1024 printable characters", hc.Path)
	}
	for _, limit := range []struct {
		what           string
		is, least, top int
	}{
		{"interval", hc.IntervalSeconds, 5, 300},
		{"timeout", hc.TimeoutSeconds, 2, 120},
		{"healthy threshold count", hc.HealthyThreshold, 2, 10},
		{"unhealthy threshold count", hc.UnhealthyThreshold, 2, 10},
	} {
		if limit.is < limit.least || limit.is > limit.top {
			return invalid("Health check %s '%d' must be between '%d-%d' inclusive", limit.what, limit.is, limit.least, limit.top)
		}
	}
	if hc.TimeoutSeconds >= hc.IntervalSeconds {
		return invalid("Health check timeout '%d' must be smaller than the interval '%d'", hc.TimeoutSeconds, hc.IntervalSeconds)
	}
	for part := range strings.SplitSeq(hc.Matcher, ",") {
		low, high, ok := parseRange(part)
		if !ok || low < 200 || high > 499 {
			return invalid("Health check matcher HTTP code '%s' must be within '200-499' inclusive", hc.Matcher)
		}
	}
	return nil
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// ModifyTargetGroup changes the health check; what is empty stays.
func (p *Proxy) ModifyTargetGroup(ctx context.Context, id string, set HealthCheck) (TargetGroup, error) {
	err := p.changeGroup(ctx, id, func(c *TargetGroup) error {
		c.HealthCheck = set.over(c.HealthCheck)
		return c.HealthCheck.validate()
	})
	if err != nil {
		return TargetGroup{}, err
	}
	found, err := p.TargetGroups([]string{id}, nil, "")
	if err != nil {
		return TargetGroup{}, err
	}
	return found[0], nil
}

// changeGroup replaces a group's settings by edited ones. Maps and slices in it are shared: edit replaces them whole.
func (p *Proxy) changeGroup(ctx context.Context, id string, edit func(*TargetGroup) error) error {
	p.change.Lock()
	defer p.change.Unlock()
	g, err := p.group(id)
	if err != nil {
		return err
	}
	next := *g.conf
	if err := edit(&next); err != nil {
		return err
	}
	if err := p.commit(ctx, put(kindGroup, id, next)); err != nil {
		return err
	}
	p.mu.Lock()
	g.conf = &next
	g.publish()
	p.mu.Unlock()
	for _, t := range g.order {
		wake(t.poke) // the interval may be another
	}
	return nil
}

// DeleteTargetGroup deletes a group with its targets, unless a listener forwards to it. One that is gone is no error.
func (p *Proxy) DeleteTargetGroup(ctx context.Context, id string) error {
	p.change.Lock()
	defer p.change.Unlock()
	g, err := p.group(id)
	if refusal, ok := err.(*Error); ok && refusal.Code == CodeTargetGroupNotFound {
		return nil
	} else if err != nil {
		return err
	}
	if len(p.users(id)) > 0 {
		return refuse(CodeResourceInUse, "Target group '%s' is currently in use by a listener or a rule", id)
	}
	writes := []store.Change{drop(kindGroup, id)}
	for _, t := range g.order {
		writes = append(writes, drop(kindTarget, t.recordID()))
	}
	if err := p.commit(ctx, writes...); err != nil {
		return err
	}
	p.mu.Lock()
	delete(p.groups, id)
	p.mu.Unlock()
	for _, t := range g.order {
		t.end(errDrained)
		t.closeIdle()
	}
	p.changes.add(id)
	return nil
}

// TargetGroups gives the groups with the ARNs, or with the names, or of a load balancer, or all, by name. Naming one
// that is not there is an error.
func (p *Proxy) TargetGroups(arns, named []string, balancer string) ([]TargetGroup, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if balancer != "" {
		if _, err := p.balancer(balancer); err != nil {
			return nil, err
		}
	}
	found := []TargetGroup{}
	for _, id := range arns {
		g, err := p.group(id)
		if err != nil {
			return nil, err
		}
		found = append(found, p.view(g))
	}
	all := slices.SortedFunc(maps.Values(p.groups), func(a, b *group) int { return cmp.Compare(a.conf.Name, b.conf.Name) })
	for _, name := range named {
		i := slices.IndexFunc(all, func(g *group) bool { return g.conf.Name == name })
		if i < 0 {
			return nil, refuse(CodeTargetGroupNotFound, "One or more target groups not found")
		}
		found = append(found, p.view(all[i]))
	}
	if len(arns)+len(named) > 0 {
		return found, nil
	}
	for _, g := range all {
		if v := p.view(g); balancer == "" || slices.Contains(v.LoadBalancers, balancer) {
			found = append(found, v)
		}
	}
	return found, nil
}
