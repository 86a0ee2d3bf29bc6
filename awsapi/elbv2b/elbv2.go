// Package elbv2 answers the Elastic Load Balancing v2 API: it translates between the SDK's types and the proxy's, and
// knows how AWS spells things: errors (errors.go), pages (page.go), the account's subnets and security groups. It
// decides nothing about load balancers; that is the proxy's.
package elbv2

import (
	"context"

	"miniecs/awsapi/wire"
	"miniecs/cloud/account"
	"miniecs/proxy2"
)

type handlers struct {
	proxy   *proxy.Proxy
	account account.Account
}

// Service is Elastic Load Balancing v2 on p, in the default VPC of an account. Operations that are not in its table are
// answered by wire.
func Service(p *proxy.Proxy, acct account.Account) wire.Service {
	h := &handlers{proxy: p, account: acct}
	return wire.Service{
		Name: "elasticloadbalancing", Protocol: wire.Query, Version: "2015-12-01",
		Namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
		Ops: map[string]wire.Op{
			"CreateLoadBalancer":             op(h.CreateLoadBalancer),
			"DescribeLoadBalancers":          op(h.DescribeLoadBalancers),
			"DeleteLoadBalancer":             op(h.DeleteLoadBalancer),
			"DescribeLoadBalancerAttributes": op(h.DescribeLoadBalancerAttributes),
			"ModifyLoadBalancerAttributes":   op(h.ModifyLoadBalancerAttributes),
			"SetSubnets":                     op(h.SetSubnets),
			"SetSecurityGroups":              op(h.SetSecurityGroups),

			"CreateTargetGroup":             op(h.CreateTargetGroup),
			"DescribeTargetGroups":          op(h.DescribeTargetGroups),
			"ModifyTargetGroup":             op(h.ModifyTargetGroup),
			"DeleteTargetGroup":             op(h.DeleteTargetGroup),
			"DescribeTargetGroupAttributes": op(h.DescribeTargetGroupAttributes),
			"ModifyTargetGroupAttributes":   op(h.ModifyTargetGroupAttributes),

			"RegisterTargets":      op(h.RegisterTargets),
			"DeregisterTargets":    op(h.DeregisterTargets),
			"DescribeTargetHealth": op(h.DescribeTargetHealth),

			"CreateListener":             op(h.CreateListener),
			"DescribeListeners":          op(h.DescribeListeners),
			"ModifyListener":             op(h.ModifyListener),
			"DeleteListener":             op(h.DeleteListener),
			"DescribeListenerAttributes": op(h.DescribeListenerAttributes),
			"DescribeRules":              op(h.DescribeRules),

			"AddTags":      op(h.AddTags),
			"RemoveTags":   op(h.RemoveTags),
			"DescribeTags": op(h.DescribeTags),

			"DescribeAccountLimits": op(h.DescribeAccountLimits),
		},
	}
}

// op makes an operation whose errors are spelled as AWS does.
func op[In, Out any](fn func(context.Context, *In) (*Out, error)) wire.Op {
	return wire.Handle(func(ctx context.Context, in *In) (*Out, error) {
		out, err := fn(ctx, in)
		return out, spell(err)
	})
}
