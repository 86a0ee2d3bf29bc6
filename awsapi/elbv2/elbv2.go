// Package elbv2 answers the Elastic Load Balancing v2 API: it translates between the SDK's types and the proxy's, and
// knows how AWS spells things: pages, conflicts of parameters, what an answer always carries. It decides nothing about
// load balancers; that is the proxy's. Read this file first; errors.go has the exceptions.
package elbv2

import (
	"context"
	"slices"
	"strconv"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/awsapi/wire"
	"miniecs/cloud/account"
	"miniecs/proxy"
)

type handlers struct {
	p    *proxy.Proxy
	acct account.Account
}

// Service is Elastic Load Balancing v2 on p. Operations that are not in its table are answered by wire.
func Service(p *proxy.Proxy, acct account.Account) wire.Service {
	h := &handlers{p, acct}
	return wire.Service{
		Name: "elasticloadbalancing", Protocol: wire.Query, Version: "2015-12-01",
		Namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
		Ops: map[string]wire.Op{
			"CreateLoadBalancer":             op(h.CreateLoadBalancer),
			"DescribeLoadBalancers":          op(h.DescribeLoadBalancers),
			"DeleteLoadBalancer":             op(h.DeleteLoadBalancer),
			"DescribeLoadBalancerAttributes": op(h.DescribeLoadBalancerAttributes),
			"ModifyLoadBalancerAttributes":   op(h.ModifyLoadBalancerAttributes),
			"SetSecurityGroups":              op(h.SetSecurityGroups),
			"SetSubnets":                     op(h.SetSubnets),
			"SetIpAddressType":               op(h.SetIPAddressType),

			"CreateTargetGroup":             op(h.CreateTargetGroup),
			"DescribeTargetGroups":          op(h.DescribeTargetGroups),
			"ModifyTargetGroup":             op(h.ModifyTargetGroup),
			"DeleteTargetGroup":             op(h.DeleteTargetGroup),
			"DescribeTargetGroupAttributes": op(h.DescribeTargetGroupAttributes),
			"ModifyTargetGroupAttributes":   op(h.ModifyTargetGroupAttributes),
			"RegisterTargets":               op(h.RegisterTargets),
			"DeregisterTargets":             op(h.DeregisterTargets),
			"DescribeTargetHealth":          op(h.DescribeTargetHealth),

			"CreateListener":             op(h.CreateListener),
			"DescribeListeners":          op(h.DescribeListeners),
			"ModifyListener":             op(h.ModifyListener),
			"DeleteListener":             op(h.DeleteListener),
			"DescribeListenerAttributes": op(h.DescribeListenerAttributes),
			"DescribeRules":              op(h.DescribeRules),

			"AddTags":      op(h.AddTags),
			"RemoveTags":   op(h.RemoveTags),
			"DescribeTags": op(h.DescribeTags),

			"DescribeAccountLimits": op(h.DescribeAccountLimits), "DescribeCapacityReservation": op(h.DescribeCapacityReservation),
		},
	}
}

// op spells the handler's errors as AWS does.
func op[In, Out any](f func(context.Context, *In) (*Out, error)) wire.Op {
	return wire.Handle(func(ctx context.Context, in *In) (*Out, error) {
		out, err := f(ctx, in)
		return out, spell(err)
	})
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func ptr[T any](v T) *T { return &v }

func invalid(format string, args ...any) error {
	return wire.Errorf(proxy.CodeValidation, format, args...)
}

// page cuts one page out of all: the marker is the position of the next item (alb.md 5.7).
func page[T any](all []T, marker *string, size *int32) (items []T, next *string, err error) {
	start := 0
	if m := value(marker); m != "" {
		start, err = strconv.Atoi(m)
		if err != nil || start < 1 || start > len(all) {
			return nil, nil, invalid("The specified marker '%s' is not valid", m)
		}
	}
	n := 400
	if size != nil {
		if n = int(*size); n < 1 || n > 400 {
			return nil, nil, invalid("1 validation error detected: Value '%d' at 'pageSize' failed to satisfy constraint: Member must have value between 1 and 400", n)
		}
	}
	end := min(start+n, len(all))
	items = slices.Clone(all[start:end])
	if items == nil {
		items = []T{}
	}
	if end < len(all) {
		next = ptr(strconv.Itoa(end))
	}
	return items, next, nil
}

func tagsIn(in []types.Tag) []proxy.Tag {
	var out []proxy.Tag
	for _, t := range in {
		out = append(out, proxy.Tag{Key: value(t.Key), Value: value(t.Value)})
	}
	return out
}

// AddTags adds tags to resources.
func (h *handlers) AddTags(ctx context.Context, in *elb.AddTagsInput) (*elb.AddTagsOutput, error) {
	if err := checkTagText(in.Tags); err != nil {
		return nil, err
	}
	return &elb.AddTagsOutput{}, h.p.AddTags(ctx, in.ResourceArns, tagsIn(in.Tags))
}

// RemoveTags removes tags from resources.
func (h *handlers) RemoveTags(ctx context.Context, in *elb.RemoveTagsInput) (*elb.RemoveTagsOutput, error) {
	return &elb.RemoveTagsOutput{}, h.p.RemoveTags(ctx, in.ResourceArns, in.TagKeys)
}

// DescribeTags describes the tags of at most 20 resources.
func (h *handlers) DescribeTags(_ context.Context, in *elb.DescribeTagsInput) (*elb.DescribeTagsOutput, error) {
	if len(in.ResourceArns) > 20 {
		return nil, invalid("Up to 20 resources can be described in one call")
	}
	out := &elb.DescribeTagsOutput{TagDescriptions: []types.TagDescription{}}
	for _, arn := range in.ResourceArns {
		tags, err := h.p.Tags(arn)
		if err != nil {
			return nil, err
		}
		d := types.TagDescription{ResourceArn: ptr(arn), Tags: []types.Tag{}}
		for _, t := range tags {
			d.Tags = append(d.Tags, types.Tag{Key: ptr(t.Key), Value: ptr(t.Value)})
		}
		out.TagDescriptions = append(out.TagDescriptions, d)
	}
	return out, nil
}

// limits are ELB's quotas (alb.md 5.7).
var limits = [][2]string{
	{"target-groups", "3000"}, {"application-load-balancers", "50"}, {"network-load-balancers", "50"}, {"gateway-load-balancers", "100"},
	{"listeners-per-application-load-balancer", "50"}, {"listeners-per-network-load-balancer", "50"},
	{"rules-per-application-load-balancer", "100"}, {"condition-values-per-alb-rule", "5"}, {"condition-wildcards-per-alb-rule", "5"},
	{"target-groups-per-application-load-balancer", "100"}, {"target-groups-per-action-on-application-load-balancer", "5"},
	{"target-groups-per-action-on-network-load-balancer", "1"}, {"certificates-per-application-load-balancer", "25"},
	{"certificates-per-network-load-balancer", "25"}, {"targets-per-target-group", "1000"}, {"targets-per-application-load-balancer", "1000"},
	{"target-id-registrations-per-application-load-balancer", "1000"}, {"targets-per-network-load-balancer", "3000"},
	{"targets-per-availability-zone-per-network-load-balancer", "500"},
}

// DescribeAccountLimits describes the quotas.
func (h *handlers) DescribeAccountLimits(_ context.Context, in *elb.DescribeAccountLimitsInput) (*elb.DescribeAccountLimitsOutput, error) {
	var all []types.Limit
	for _, l := range limits {
		all = append(all, types.Limit{Name: ptr(l[0]), Max: ptr(l[1])})
	}
	items, next, err := page(all, in.Marker, in.PageSize)
	return &elb.DescribeAccountLimitsOutput{Limits: items, NextMarker: next}, err
}
