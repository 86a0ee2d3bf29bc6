package wire

import "context"

// Request is what is known of the call that a context belongs to.
type Request struct {
	ID        string // the request id that the answer bears
	Service   string // "ecs"
	Operation string // "CreateCluster"
	Signature Signature
}

type requestKey struct{}

// RequestFrom returns the request that ctx belongs to, or a zero value.
func RequestFrom(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

func withRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}
