package runtime

import "context"

// Target is an address and a port in a target group: ID is a private address (target type ip) or an instance's id.
type Target struct {
	ID   string
	Port int
}

// TargetHealth is how a target is doing, in ELB's words: initial, healthy, unhealthy, draining, unused.
type TargetHealth struct{ State, Reason, Description string }

// GroupInfo is what CreateService must know of a target group.
type GroupInfo struct {
	ARN         string // as this installation knows it
	TargetType  string // ip, instance
	HasListener bool   // a load balancer forwards to it
}

// Targets is what the runtime needs of a load balancer. daemon implements it on proxy.
type Targets interface {
	// Register adds a target; again is a no-op.
	Register(ctx context.Context, group string, t Target) error
	// Deregister returns at once; draining goes on. A target that is not registered is no error.
	Deregister(ctx context.Context, group string, t Target) error
	// Health gives the state of a target; "unused" when it is not registered (any more).
	Health(group string, t Target) TargetHealth
	// Group finds a target group by ARN; one of another account or region by its name. ok is false if there is none.
	Group(ctx context.Context, group string) (info GroupInfo, ok bool)
	// Changed yields the ARN of a group whose health or draining changed: look again. It never blocks the sender.
	Changed() <-chan string
}
