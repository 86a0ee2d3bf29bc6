package proxy

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"miniecs/internal/ids"
	"miniecs/store"
)

// group is a target group with its targets.
type group struct {
	TargetGroup
	Targets []*target

	used   bool                   // a listener forwards to it; guarded by Proxy.mu
	picker atomic.Pointer[picker] // replaced whole whenever a target's state changes
}

func (g *group) change() store.Change { return record("group", g.ID, g) }

// delay is how long a deregistered target drains.
func (g *group) delay() time.Duration {
	n, err := strconv.Atoi(g.Attributes["deregistration_delay.timeout_seconds"])
	if err != nil {
		n = 300
	}
	return time.Duration(n) * time.Second
}

// find finds a registered target, draining or not; Proxy.mu is held.
func (g *group) find(id string, port int) *target {
	for _, t := range g.Targets {
		if t.ID == id && t.Port == port {
			return t
		}
	}
	return nil
}

// group finds a target group by ARN; p.mu is held.
func (p *Proxy) group(arn string) (*group, error) {
	if !strings.Contains(arn, ":targetgroup/") {
		return nil, refuse(CodeValidation, "'%s' is not a valid target group ARN", arn)
	}
	g := p.groups[arn]
	if g == nil {
		return nil, refuse(CodeTargetGroupNotFound, "One or more target groups not found")
	}
	return g, nil
}

// balancersOf are the load balancers whose listeners forward to a group; p.mu is held.
func (p *Proxy) balancersOf(arn string) []string {
	var out []string
	for _, l := range p.listeners {
		if slices.Contains(groupsOf(l.Actions), arn) && !slices.Contains(out, l.LoadBalancerARN) {
			out = append(out, l.LoadBalancerARN)
		}
	}
	return out
}

// describe is a copy with what is derived; p.mu is held.
func (p *Proxy) describe(g *group) TargetGroup {
	out := g.TargetGroup
	out.Attributes, out.Tags = maps.Clone(g.Attributes), slices.Clone(g.Tags)
	out.LoadBalancers = p.balancersOf(g.ARN)
	return out
}

// CreateTargetGroup makes a target group; members that are zero get ELB's defaults (alb.md 1.2). The same again gives
// the first; other settings are refused.
func (p *Proxy) CreateTargetGroup(ctx context.Context, in TargetGroup) (TargetGroup, error) {
	if err := in.complete(); err != nil {
		return TargetGroup{}, err
	}
	if err := checkTags(in.Tags); err != nil {
		return TargetGroup{}, err
	}
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	for _, g := range p.groups {
		if g.Name != in.Name {
			continue
		}
		same := g.Protocol == in.Protocol && g.Port == in.Port && g.VPCID == in.VPCID && g.TargetType == in.TargetType &&
			g.ProtocolVersion == in.ProtocolVersion && g.IPAddressType == in.IPAddressType && g.Check == in.Check
		out := p.describe(g)
		p.mu.Unlock()
		if !same {
			return TargetGroup{}, refuse(CodeDuplicateGroup, "A target group with the same name '%s' exists, but with different settings", in.Name)
		}
		return out, nil
	}
	p.mu.Unlock()
	g := &group{TargetGroup: in}
	g.ID, g.Attributes = ids.ELB(), map[string]string{}
	g.ARN = p.arn("targetgroup/" + g.Name + "/" + g.ID)
	if err := p.commit(ctx, g.change()); err != nil {
		return TargetGroup{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups[g.ARN] = g
	g.publish()
	return p.describe(g), nil
}

// complete fills in defaults and refuses what is impossible or not done yet.
func (g *TargetGroup) complete() error {
	if err := checkName("Target group", g.Name); err != nil {
		return err
	}
	if strings.Contains(g.Name, "--") {
		return refuse(CodeValidation, "Target group name '%s' cannot contain '--'", g.Name)
	}
	g.TargetType, g.IPAddressType = cmp.Or(g.TargetType, "instance"), cmp.Or(g.IPAddressType, "ipv4")
	switch g.TargetType {
	case "instance", "ip":
	case "lambda", "alb":
		return refuse(CodeInvalidConfiguration, "miniecs does not have target type '%s' yet", g.TargetType)
	default:
		return refuse(CodeValidation, "Target type '%s' must be one of '[instance, ip, lambda, alb]'", g.TargetType)
	}
	switch {
	case g.Protocol == "":
		return refuse(CodeValidation, "A protocol must be specified")
	case g.Protocol != "HTTP":
		return refuse(CodeUnsupportedProtocol, "miniecs does not have target groups of protocol %s yet; use HTTP", g.Protocol)
	case g.Port == 0:
		return refuse(CodeValidation, "A port must be specified")
	case g.Port < 1 || g.Port > 65535:
		return refuse(CodeValidation, "Port '%d' must be between '1-65535' inclusive", g.Port)
	case g.VPCID == "":
		return refuse(CodeValidation, "A VPC ID must be specified")
	}
	g.ProtocolVersion = cmp.Or(g.ProtocolVersion, "HTTP1")
	if g.ProtocolVersion != "HTTP1" {
		return refuse(CodeInvalidConfiguration, "miniecs does not have protocol version %s yet; use HTTP1", g.ProtocolVersion)
	}
	return g.Check.complete()
}

func (c *HealthCheck) complete() error {
	c.Protocol, c.Port, c.Path = cmp.Or(c.Protocol, "HTTP"), cmp.Or(c.Port, "traffic-port"), cmp.Or(c.Path, "/")
	timeoutGiven := c.TimeoutSeconds != 0
	c.IntervalSeconds, c.TimeoutSeconds = cmp.Or(c.IntervalSeconds, 30), cmp.Or(c.TimeoutSeconds, 5)
	c.HealthyThreshold, c.UnhealthyThreshold = cmp.Or(c.HealthyThreshold, 5), cmp.Or(c.UnhealthyThreshold, 2)
	c.Matcher = cmp.Or(c.Matcher, "200")
	if !timeoutGiven && c.TimeoutSeconds >= c.IntervalSeconds { // the default must fit an interval of 5 s
		c.TimeoutSeconds = max(2, c.IntervalSeconds-1)
	}
	return c.check()
}

func (c *HealthCheck) check() error {
	ranges := []struct {
		name      string
		value     int
		low, high int
	}{
		{"Health check interval", c.IntervalSeconds, 5, 300}, {"Health check timeout", c.TimeoutSeconds, 2, 120},
		{"Healthy threshold count", c.HealthyThreshold, 2, 10}, {"Unhealthy threshold count", c.UnhealthyThreshold, 2, 10},
	}
	for _, r := range ranges {
		if r.value < r.low || r.value > r.high {
			return refuse(CodeValidation, "%s must be greater than or equal to '%d' and less than or equal to '%d'", r.name, r.low, r.high)
		}
	}
	switch {
	case c.TimeoutSeconds >= c.IntervalSeconds:
		return refuse(CodeValidation, "Health check timeout '%d' must be smaller than the interval '%d'", c.TimeoutSeconds, c.IntervalSeconds)
	case c.Protocol != "HTTP":
		return refuse(CodeUnsupportedProtocol, "miniecs does not have health checks of protocol %s yet; use HTTP", c.Protocol)
	case !strings.HasPrefix(c.Path, "/") || len(c.Path) > 1024 || strings.ContainsAny(c.Path, " \r\n"):
		return refuse(CodeValidation, "Health check path '%s' must begin with '/' and be at most 1024 characters", c.Path)
	case c.Port != "traffic-port" && !between(1, 65535)(c.Port):
		return refuse(CodeValidation, "Health check port '%s' must be 'traffic-port' or in the range '1-65535'", c.Port)
	}
	_, err := parseMatcher(c.Matcher)
	return err
}

// parseMatcher reads "200,202" and "200-299"; codes of an ALB are from 200 to 499 (alb.md 1.2).
func parseMatcher(s string) ([][2]int, error) {
	bad := refuse(CodeValidation, "Health check matcher HTTP code '%s' must be within '200-499' inclusive", s)
	var out [][2]int
	for part := range strings.SplitSeq(s, ",") {
		low, high, ranged := strings.Cut(strings.TrimSpace(part), "-")
		a, err := strconv.Atoi(low)
		b := a
		if err == nil && ranged {
			b, err = strconv.Atoi(high)
		}
		if err != nil || a < 200 || b > 499 || a > b {
			return nil, bad
		}
		out = append(out, [2]int{a, b})
	}
	return out, nil
}

// ModifyTargetGroup changes the health check; zero members are left as they are. The running checks take it over.
func (p *Proxy) ModifyTargetGroup(ctx context.Context, arn string, in HealthCheck) (TargetGroup, error) {
	var out TargetGroup
	err := p.changeGroup(ctx, arn, func(g *group) error {
		c := g.Check
		c.Protocol, c.Port, c.Path = cmp.Or(in.Protocol, c.Protocol), cmp.Or(in.Port, c.Port), cmp.Or(in.Path, c.Path)
		c.IntervalSeconds, c.TimeoutSeconds = cmp.Or(in.IntervalSeconds, c.IntervalSeconds), cmp.Or(in.TimeoutSeconds, c.TimeoutSeconds)
		c.HealthyThreshold, c.UnhealthyThreshold = cmp.Or(in.HealthyThreshold, c.HealthyThreshold), cmp.Or(in.UnhealthyThreshold, c.UnhealthyThreshold)
		c.Matcher = cmp.Or(in.Matcher, c.Matcher)
		if err := c.check(); err != nil {
			return err
		}
		g.Check = c
		return nil
	})
	if err != nil {
		return out, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.groups[arn]; g != nil {
		for _, t := range g.Targets {
			t.hurry()
		}
		out = p.describe(g)
	}
	return out, nil
}

// changeGroup changes a copy of a group's settings, commits it, and takes it over.
func (p *Proxy) changeGroup(ctx context.Context, arn string, f func(*group) error) error {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	g, err := p.group(arn)
	if err != nil {
		p.mu.Unlock()
		return err
	}
	next := &group{TargetGroup: g.TargetGroup, Targets: g.Targets}
	next.Attributes, next.Tags = maps.Clone(g.Attributes), slices.Clone(g.Tags)
	if err = f(next); err != nil {
		p.mu.Unlock()
		return err
	}
	change := next.change()
	p.mu.Unlock()
	if err := p.commit(ctx, change); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g.TargetGroup = next.TargetGroup
	g.publish()
	return nil
}

// TargetGroups gives target groups by load balancer, by ARN, by name, or all, by name.
func (p *Proxy) TargetGroups(balancer string, arns, names []string) ([]TargetGroup, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []TargetGroup{}
	for _, arn := range arns {
		g, err := p.group(arn)
		if err != nil {
			return nil, err
		}
		out = append(out, p.describe(g))
	}
	for _, name := range names {
		g := p.groupNamed(name)
		if g == nil {
			return nil, refuse(CodeTargetGroupNotFound, "One or more target groups not found")
		}
		out = append(out, p.describe(g))
	}
	if balancer != "" && p.balancers[balancer] == nil {
		return nil, refuse(CodeLoadBalancerNotFound, "Load balancers '[%s]' not found", balancer)
	}
	if len(arns)+len(names) == 0 {
		for _, g := range p.groups {
			if balancer == "" || slices.Contains(p.balancersOf(g.ARN), balancer) {
				out = append(out, p.describe(g))
			}
		}
	}
	slices.SortFunc(out, func(a, b TargetGroup) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

func (p *Proxy) groupNamed(name string) *group {
	for _, g := range p.groups {
		if g.Name == name {
			return g
		}
	}
	return nil
}

// FindTargetGroup finds a group by ARN; one of another account or region by its name. That is how files written for
// AWS keep working.
func (p *Proxy) FindTargetGroup(arn string) (TargetGroup, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groups[arn]
	if g == nil {
		if _, rest, ok := strings.Cut(arn, ":targetgroup/"); ok && !strings.HasPrefix(arn, p.arn("")) {
			name, _ := cutKey(rest)
			g = p.groupNamed(name)
		}
	}
	if g == nil {
		return TargetGroup{}, false
	}
	return p.describe(g), true
}

// DeleteTargetGroup removes a group that no listener forwards to. A missing one is no error.
func (p *Proxy) DeleteTargetGroup(ctx context.Context, arn string) error {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	g, err := p.group(arn)
	if err != nil {
		p.mu.Unlock()
		if e, ok := err.(*Error); ok && e.Code == CodeTargetGroupNotFound {
			return nil
		}
		return err
	}
	if p.balancersOf(arn) != nil {
		p.mu.Unlock()
		return refuse(CodeResourceInUse, "Target group '%s' is currently in use by a listener or a rule", arn)
	}
	p.mu.Unlock()
	if err := p.commit(ctx, removal("group", g.ID)); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.groups, arn)
	for _, t := range g.Targets {
		t.end(errDeregistered)
	}
	g.Targets = nil
	p.moved(g, false)
	return nil
}
