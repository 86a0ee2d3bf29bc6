package elbv2

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/proxy2"
)

func (h *handlers) CreateTargetGroup(ctx context.Context, in *elb.CreateTargetGroupInput) (*elb.CreateTargetGroupOutput, error) {
	if in.TargetControlPort != nil {
		return nil, notYet("TargetControlPort")
	}
	hc, err := healthCheckIn(in.HealthCheckEnabled, in.Matcher, healthNumbers{in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds,
		in.HealthyThresholdCount, in.UnhealthyThresholdCount})
	if err != nil {
		return nil, err
	}
	hc.Protocol, hc.Port, hc.Path = string(in.HealthCheckProtocol), aws.ToString(in.HealthCheckPort), aws.ToString(in.HealthCheckPath)
	if in.Port != nil && *in.Port == 0 {
		return nil, invalid("Target group port '0' must be between 1 and 65535")
	}
	if in.VpcId == nil {
		return nil, invalid("A VPC ID must be specified")
	}
	g, err := h.proxy.CreateTargetGroup(ctx, proxy.TargetGroup{
		Name: aws.ToString(in.Name), TargetType: string(in.TargetType), Protocol: string(in.Protocol), ProtocolVersion: aws.ToString(in.ProtocolVersion),
		Port: int(aws.ToInt32(in.Port)), VPCID: aws.ToString(in.VpcId), IPAddressType: string(in.IpAddressType), HealthCheck: hc, Tags: tagsIn(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &elb.CreateTargetGroupOutput{TargetGroups: []types.TargetGroup{targetGroupOut(g)}}, nil
}

// healthNumbers are a health check's: interval, timeout, healthy and unhealthy threshold.
type healthNumbers [4]*int32

// healthCheckIn reads what creation and modification have in common. Zeros are refused here: the proxy takes them for
// what was not given.
func healthCheckIn(enabled *bool, m *types.Matcher, n healthNumbers) (proxy.HealthCheck, error) {
	if enabled != nil && !*enabled {
		return proxy.HealthCheck{}, invalid("Health check enabled must be true for target groups with target type 'instance' or 'ip'")
	}
	for _, v := range n {
		if v != nil && *v < 1 {
			return proxy.HealthCheck{}, invalid("Health check setting '%d' is out of range", *v)
		}
	}
	var hc proxy.HealthCheck
	if m != nil {
		if m.GrpcCode != nil {
			return hc, invalid("Matcher GrpcCode is only supported for target groups with protocol version 'GRPC'")
		}
		hc.Matcher = aws.ToString(m.HttpCode)
	}
	hc.IntervalSeconds, hc.TimeoutSeconds = int(aws.ToInt32(n[0])), int(aws.ToInt32(n[1]))
	hc.HealthyThreshold, hc.UnhealthyThreshold = int(aws.ToInt32(n[2])), int(aws.ToInt32(n[3]))
	return hc, nil
}

func (h *handlers) ModifyTargetGroup(ctx context.Context, in *elb.ModifyTargetGroupInput) (*elb.ModifyTargetGroupOutput, error) {
	hc, err := healthCheckIn(in.HealthCheckEnabled, in.Matcher, healthNumbers{in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds,
		in.HealthyThresholdCount, in.UnhealthyThresholdCount})
	if err != nil {
		return nil, err
	}
	hc.Protocol, hc.Port, hc.Path = string(in.HealthCheckProtocol), aws.ToString(in.HealthCheckPort), aws.ToString(in.HealthCheckPath)
	g, err := h.proxy.ModifyTargetGroup(ctx, aws.ToString(in.TargetGroupArn), hc)
	if err != nil {
		return nil, err
	}
	return &elb.ModifyTargetGroupOutput{TargetGroups: []types.TargetGroup{targetGroupOut(g)}}, nil
}

func (h *handlers) DescribeTargetGroups(_ context.Context, in *elb.DescribeTargetGroupsInput) (*elb.DescribeTargetGroupsOutput, error) {
	ways := 0
	for _, given := range []bool{len(in.Names) > 0, len(in.TargetGroupArns) > 0, in.LoadBalancerArn != nil} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		return nil, invalid("Target group names, target group ARNs, and a load balancer ARN cannot be specified at the same time")
	}
	found, err := h.proxy.TargetGroups(in.TargetGroupArns, in.Names, aws.ToString(in.LoadBalancerArn))
	if err != nil {
		return nil, err
	}
	found, next, err := page(found, func(g proxy.TargetGroup) string { return g.ARN }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &elb.DescribeTargetGroupsOutput{TargetGroups: []types.TargetGroup{}, NextMarker: next}
	for _, g := range found {
		out.TargetGroups = append(out.TargetGroups, targetGroupOut(g))
	}
	return out, nil
}

func (h *handlers) DeleteTargetGroup(ctx context.Context, in *elb.DeleteTargetGroupInput) (*elb.DeleteTargetGroupOutput, error) {
	return nil, h.proxy.DeleteTargetGroup(ctx, aws.ToString(in.TargetGroupArn))
}

func (h *handlers) DescribeTargetGroupAttributes(_ context.Context, in *elb.DescribeTargetGroupAttributesInput) (*elb.DescribeTargetGroupAttributesOutput, error) {
	all, err := h.proxy.TargetGroupAttributes(aws.ToString(in.TargetGroupArn))
	if err != nil {
		return nil, err
	}
	return &elb.DescribeTargetGroupAttributesOutput{Attributes: groupAttributesOut(all)}, nil
}

func (h *handlers) ModifyTargetGroupAttributes(ctx context.Context, in *elb.ModifyTargetGroupAttributesInput) (*elb.ModifyTargetGroupAttributesOutput, error) {
	var set []proxy.Tag
	for _, a := range in.Attributes {
		set = append(set, proxy.Tag{Key: aws.ToString(a.Key), Value: aws.ToString(a.Value)})
	}
	all, err := h.proxy.ModifyTargetGroupAttributes(ctx, aws.ToString(in.TargetGroupArn), set)
	if err != nil {
		return nil, err
	}
	return &elb.ModifyTargetGroupAttributesOutput{Attributes: groupAttributesOut(all)}, nil
}

func groupAttributesOut(all []proxy.Tag) []types.TargetGroupAttribute {
	out := make([]types.TargetGroupAttribute, len(all))
	for i, a := range all {
		out[i] = types.TargetGroupAttribute{Key: aws.String(a.Key), Value: aws.String(a.Value)}
	}
	return out
}

func (h *handlers) RegisterTargets(ctx context.Context, in *elb.RegisterTargetsInput) (*elb.RegisterTargetsOutput, error) {
	targets, err := targetsIn(in.Targets)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(targets, func(t proxy.Target) bool { return t.Zone != "" && t.Zone != "all" && !h.zone(t.Zone) }); i >= 0 {
		return nil, invalid("You must specify a valid Availability Zone or select 'all' for all enabled Availability zones, since the IP address '%s' is outside the VPC", targets[i].ID)
	}
	return nil, h.proxy.RegisterTargets(ctx, aws.ToString(in.TargetGroupArn), targets)
}

func (h *handlers) zone(name string) bool {
	for _, z := range h.account.Zones() {
		if z.Name == name {
			return true
		}
	}
	return false
}

func (h *handlers) DeregisterTargets(ctx context.Context, in *elb.DeregisterTargetsInput) (*elb.DeregisterTargetsOutput, error) {
	targets, err := targetsIn(in.Targets)
	if err != nil {
		return nil, err
	}
	return nil, h.proxy.DeregisterTargets(ctx, aws.ToString(in.TargetGroupArn), targets)
}

func (h *handlers) DescribeTargetHealth(_ context.Context, in *elb.DescribeTargetHealthInput) (*elb.DescribeTargetHealthOutput, error) {
	targets, err := targetsIn(in.Targets)
	if err != nil {
		return nil, err
	}
	found, err := h.proxy.DescribeTargetHealth(aws.ToString(in.TargetGroupArn), targets)
	if err != nil {
		return nil, err
	}
	anomalies := len(in.Include) > 0
	out := &elb.DescribeTargetHealthOutput{TargetHealthDescriptions: []types.TargetHealthDescription{}}
	for _, d := range found {
		t := targetHealthOut(d)
		if anomalies { // nothing is detected: every target is normal
			t.AnomalyDetection = &types.AnomalyDetection{Result: types.AnomalyResultEnumNormal, MitigationInEffect: types.MitigationInEffectEnumNo}
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, t)
	}
	return out, nil
}

// limits are AWS's own numbers (alb.md 5.7).
var limits = []struct {
	name string
	most int
}{
	{"target-groups", 3000}, {"application-load-balancers", 50}, {"network-load-balancers", 50}, {"gateway-load-balancers", 100},
	{"listeners-per-application-load-balancer", 50}, {"listeners-per-network-load-balancer", 50},
	{"rules-per-application-load-balancer", 100}, {"condition-values-per-alb-rule", 5}, {"condition-wildcards-per-alb-rule", 5},
	{"target-groups-per-application-load-balancer", 100}, {"target-groups-per-action-on-application-load-balancer", 5},
	{"target-groups-per-action-on-network-load-balancer", 1}, {"certificates-per-application-load-balancer", 25},
	{"certificates-per-network-load-balancer", 25}, {"targets-per-target-group", 1000}, {"targets-per-application-load-balancer", 1000},
	{"target-id-registrations-per-application-load-balancer", 1000}, {"targets-per-network-load-balancer", 3000},
	{"targets-per-availability-zone-per-network-load-balancer", 500},
}

func (h *handlers) DescribeAccountLimits(_ context.Context, in *elb.DescribeAccountLimitsInput) (*elb.DescribeAccountLimitsOutput, error) {
	all := make([]types.Limit, len(limits))
	for i, l := range limits {
		all[i] = types.Limit{Name: aws.String(l.name), Max: aws.String(strconv.Itoa(l.most))}
	}
	some, next, err := page(all, func(l types.Limit) string { return *l.Name }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeAccountLimitsOutput{Limits: some, NextMarker: next}, nil
}
