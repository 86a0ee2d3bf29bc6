package arn

import (
	"regexp"
	"slices"
	"strings"
)

// LoadBalancer is arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/TYPE/NAME/ID, with the
// types app, net and gwy (alb.md 5.2).
type LoadBalancer struct {
	Scope
	Type, Name, ID string
}

// TargetGroup is ...:targetgroup/NAME/ID.
type TargetGroup struct {
	Scope
	Name, ID string
}

// Listener is ...:listener/TYPE/NAME/LOADBALANCER-ID/ID.
type Listener struct {
	LoadBalancer LoadBalancer
	ID           string
}

// Rule is ...:listener-rule/TYPE/NAME/LOADBALANCER-ID/LISTENER-ID/ID.
type Rule struct {
	Listener Listener
	ID       string
}

const elb = "elasticloadbalancing"

func (r LoadBalancer) String() string { return r.format(elb, "loadbalancer", r.Type, r.Name, r.ID) }
func (r TargetGroup) String() string  { return r.format(elb, "targetgroup", r.Name, r.ID) }
func (r Listener) String() string {
	lb := r.LoadBalancer
	return lb.format(elb, "listener", lb.Type, lb.Name, lb.ID, r.ID)
}
func (r Rule) String() string {
	lb := r.Listener.LoadBalancer
	return lb.format(elb, "listener-rule", lb.Type, lb.Name, lb.ID, r.Listener.ID, r.ID)
}

func (r Listener) scope() Scope { return r.LoadBalancer.Scope }
func (r Rule) scope() Scope     { return r.Listener.LoadBalancer.Scope }

var (
	elbNames = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$`)
	elbIDs   = regexp.MustCompile(`^[0-9a-f]{16}$`)
	elbTypes = []string{"app", "net", "gwy"}
)

// parseELB reads what follows the account in an ARN of Elastic Load Balancing; it returns what is
// wrong, or "".
func parseELB(scope Scope, resource string) (Resource, string) {
	kind, rest, _ := strings.Cut(resource, "/")
	parts := strings.Split(rest, "/")
	want := map[string]int{"loadbalancer": 3, "targetgroup": 2, "listener": 4, "listener-rule": 5}[kind]
	switch {
	case want == 0:
		return nil, "the kind of resource is not known"
	case len(parts) != want:
		return nil, "it has a wrong number of parts"
	}
	named := parts
	if kind != "targetgroup" {
		if !slices.Contains(elbTypes, parts[0]) {
			return nil, "the type of the load balancer is not app, net or gwy"
		}
		named = parts[1:]
	}
	if !elbNames.MatchString(named[0]) {
		return nil, "a name may have letters, digits and hyphens between them, 32 at most"
	}
	for _, id := range named[1:] {
		if !elbIDs.MatchString(id) {
			return nil, "an id does not have 16 hexadecimal digits"
		}
	}
	if kind == "targetgroup" {
		return TargetGroup{scope, parts[0], parts[1]}, ""
	}
	lb := LoadBalancer{scope, parts[0], parts[1], parts[2]}
	switch kind {
	case "listener":
		return Listener{lb, parts[3]}, ""
	case "listener-rule":
		return Rule{Listener{lb, parts[3]}, parts[4]}, ""
	}
	return lb, ""
}
