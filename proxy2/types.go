package proxy

import (
	"context"
	"net"
	"strconv"
	"time"
)

// Target is what a target group forwards to. ID is an IP address or an instance's id. (ID, Port) is its key.
type Target struct {
	ID   string
	Port int
	Zone string `json:",omitempty"` // as given at registration: an availability zone, "all" or nothing
}

// String gives "10.0.0.1:80".
func (t Target) String() string { return net.JoinHostPort(t.ID, strconv.Itoa(t.Port)) }

type targetKey struct {
	id   string
	port int
}

func (t Target) key() targetKey { return targetKey{t.ID, t.Port} }

// Dialer opens a connection to a target. How (its address, a relay, a published port) is not ours to know. A target
// that does not answer is an error with Timeout() true or one that is context.DeadlineExceeded: the client sees 504;
// any other error is a 502.
type Dialer interface {
	Dial(ctx context.Context, target Target) (net.Conn, error)
}

// Tag is a user's label on a resource.
type Tag struct{ Key, Value string }

// Subnet is where a load balancer has a node.
type Subnet struct{ ID, Zone string }

// LoadBalancer is an Application Load Balancer. What the methods of Proxy return shares memory with the proxy: read only.
type LoadBalancer struct {
	ARN            string
	Name           string
	DNSName        string
	Scheme         string // internet-facing, internal
	VPCID          string
	State          string // provisioning in the answer of the creation, then active
	IPAddressType  string
	CreatedTime    time.Time
	Subnets        []Subnet
	SecurityGroups []string
	Attributes     map[string]string // what was set; the others have their defaults
	Tags           []Tag
}

// Listener is a port of a load balancer.
type Listener struct {
	ARN             string
	RuleARN         string // of the default rule
	LoadBalancerARN string
	Protocol        string
	Port            int // as the user wants it
	BoundPort       int // on which it is served here: another one if Port could not be had; 0 before the first Run
	DefaultActions  []Action
	Tags            []Tag
	RuleTags        []Tag
}

// URL is where people reach the listener.
func (l Listener) URL() string { return "http://localhost:" + strconv.Itoa(l.served()) }

func (l Listener) served() int {
	if l.BoundPort != 0 {
		return l.BoundPort
	}
	return l.Port
}

// The types of Action that are supported.
const (
	ActionForward       = "forward"
	ActionFixedResponse = "fixed-response"
)

// Action is what a listener does with a request.
type Action struct {
	Type          string
	Order         int            // 0 when not given
	TargetGroup   string         // forward: the ARN
	Weight        *int           // forward: of the one group; nil is 1, with 0 it gets no request
	StickySeconds int            // forward: the duration of a stickiness that is off; kept, without effect
	FixedResponse *FixedResponse // fixed-response
}

func (a Action) weight() int {
	if a.Weight == nil {
		return 1
	}
	return *a.Weight
}

// FixedResponse is an answer that needs no target.
type FixedResponse struct {
	StatusCode  string // "200"
	ContentType string // empty when not given
	MessageBody string
}

// TargetGroup is a set of targets and how they are checked.
type TargetGroup struct {
	ARN             string
	Name            string
	TargetType      string // instance, ip
	Protocol        string // HTTP
	ProtocolVersion string // HTTP1
	Port            int
	VPCID           string
	IPAddressType   string
	HealthCheck     HealthCheck
	Attributes      map[string]string // what was set; the others have their defaults
	Tags            []Tag
	LoadBalancers   []string `json:"-"` // ARNs, of those with a listener that forwards here
}

// HealthCheck is how the targets of a group are checked.
type HealthCheck struct {
	Protocol           string // HTTP
	Port               string // a number or traffic-port
	Path               string
	IntervalSeconds    int
	TimeoutSeconds     int
	HealthyThreshold   int
	UnhealthyThreshold int
	Matcher            string // "200,301-302"
}

// The states of a target.
const (
	StateInitial   = "initial"
	StateHealthy   = "healthy"
	StateUnhealthy = "unhealthy"
	StateDraining  = "draining"
	StateUnused    = "unused"
)

// Health is how a target is doing. Reason and Description are empty when it is healthy.
type Health struct{ State, Reason, Description string }

// The states' reasons and texts (alb.md 1.4).
var (
	healthRegistering   = Health{StateInitial, "Elb.RegistrationInProgress", "Target registration is in progress"}
	healthChecking      = Health{StateInitial, "Elb.InitialHealthChecking", "Initial health checks in progress"}
	healthHealthy       = Health{State: StateHealthy}
	healthTimeout       = Health{StateUnhealthy, "Target.Timeout", "Request timed out"}
	healthFailed        = Health{StateUnhealthy, "Target.FailedHealthChecks", "Health checks failed"}
	healthDraining      = Health{StateDraining, "Target.DeregistrationInProgress", "Target deregistration is in progress"}
	healthNotInUse      = Health{StateUnused, "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"}
	healthNotRegistered = Health{StateUnused, "Target.NotRegistered", "Target is not registered to the target group"}
)

// mismatch is unhealthy by an answer that the matcher does not allow.
func mismatch(status int) Health {
	return Health{StateUnhealthy, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [" + strconv.Itoa(status) + "]"}
}

// TargetDescription is a target with its health.
type TargetDescription struct {
	Target          Target
	HealthCheckPort int
	Health          Health
}
