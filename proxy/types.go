package proxy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Tag is a key and a value on a resource.
type Tag struct{ Key, Value string }

// LoadBalancer is an application load balancer.
type LoadBalancer struct {
	ARN            string
	ID             string // the ARN's last part
	Name           string
	DNSName        string
	Scheme         string // internet-facing, internal
	IPAddressType  string
	Subnets        []string
	SecurityGroups []string
	VPCID          string
	CreatedAt      time.Time
	Attributes     map[string]string // those that differ from their defaults
	Tags           []Tag
}

// Listener is a port of a load balancer and what its requests are for.
type Listener struct {
	ARN             string
	ID              string
	LoadBalancerARN string
	Port            int
	Protocol        string // HTTP
	Actions         []Action
	Attributes      map[string]string
	Tags            []Tag
	RuleARN         string // of the default rule
	BoundPort       int    // where it really listens; 0 until it was bound
}

// Action is what a rule does with a request.
type Action struct {
	Type   string // forward, fixed-response
	Order  int
	Groups []WeightedGroup // forward
	Simple bool            // given as TargetGroupArn, not as ForwardConfig
	Fixed  *FixedResponse  // fixed-response
}

// WeightedGroup is a target group of a forward action.
type WeightedGroup struct {
	ARN    string
	Weight int
}

// FixedResponse is an answer that the balancer makes itself.
type FixedResponse struct {
	StatusCode  string
	ContentType string
	Body        string
}

// TargetGroup is the registry of targets and how their health is checked. Durations are in seconds.
type TargetGroup struct {
	ARN, ID, Name   string
	Protocol        string // HTTP
	ProtocolVersion string // HTTP1
	Port            int
	VPCID           string
	TargetType      string // instance, ip
	IPAddressType   string
	Check           HealthCheck
	Attributes      map[string]string // those that differ from their defaults
	Tags            []Tag
	LoadBalancers   []string `json:"-"` // ARNs, derived from the listeners
}

// HealthCheck says when a target is healthy (alb.md 1.2).
type HealthCheck struct {
	Protocol           string
	Port               string // traffic-port or a number
	Path               string
	IntervalSeconds    int
	TimeoutSeconds     int
	HealthyThreshold   int
	UnhealthyThreshold int
	Matcher            string // "200", "200-299,404"
}

// Target is where requests go: an address (or an instance's id) and a port.
type Target struct {
	ID   string
	Port int
	Zone string
}

func (t Target) String() string { return fmt.Sprintf("%s:%d", t.ID, t.Port) }

// Health states of a target (alb.md 1.3).
const (
	StateInitial   = "initial"
	StateHealthy   = "healthy"
	StateUnhealthy = "unhealthy"
	StateDraining  = "draining"
	StateUnused    = "unused"
)

// Health is how a target is doing. Reason and Description are empty when it is healthy.
type Health struct{ State, Reason, Description string }

// The healths that do not depend on what a check found (alb.md 1.4).
var (
	registering   = Health{StateInitial, "Elb.RegistrationInProgress", "Target registration is in progress"}
	checking      = Health{StateInitial, "Elb.InitialHealthChecking", "Initial health checks in progress"}
	healthy       = Health{State: StateHealthy}
	draining      = Health{StateDraining, "Target.DeregistrationInProgress", "Target deregistration is in progress"}
	notRegistered = Health{StateUnused, "Target.NotRegistered", "Target is not registered to the target group"}
	notInUse      = Health{StateUnused, "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"}
)

// TargetHealth is a registered target and how it is doing.
type TargetHealth struct {
	Target
	Health
	CheckPort string // resolved
}

var nameRule = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)

func cutKey(key string) (head, tail string) {
	head, tail, _ = strings.Cut(key, "/")
	return head, tail
}

func (lb *LoadBalancer) clone() LoadBalancer {
	out := *lb
	out.Attributes, out.Tags = maps.Clone(lb.Attributes), slices.Clone(lb.Tags)
	return out
}

func (l *Listener) clone() Listener {
	out := *l
	out.Attributes, out.Tags, out.Actions = maps.Clone(l.Attributes), slices.Clone(l.Tags), slices.Clone(l.Actions)
	return out
}

// groupsOf are the target groups that actions forward to.
func groupsOf(actions []Action) []string {
	var out []string
	for _, a := range actions {
		for _, g := range a.Groups {
			out = append(out, g.ARN)
		}
	}
	return out
}

func (p *Proxy) arn(resource string) string {
	return fmt.Sprintf("arn:aws:elasticloadbalancing:%s:%s:%s", p.cfg.Region, p.cfg.Account, resource)
}
