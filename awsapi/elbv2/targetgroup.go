package elbv2

import (
	"cmp"
	"context"
	"maps"
	"slices"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/proxy"
)

// CreateTargetGroup makes a target group.
func (h *handlers) CreateTargetGroup(ctx context.Context, in *elb.CreateTargetGroupInput) (*elb.CreateTargetGroupOutput, error) {
	if in.HealthCheckEnabled != nil && !*in.HealthCheckEnabled {
		return nil, invalid("Health check enabled must be true for target groups with target type '%s'", in.TargetType)
	}
	if in.TargetControlPort != nil {
		return nil, &proxy.Error{Code: proxy.CodeInvalidConfiguration, Message: "miniecs does not have target control ports yet"}
	}
	if err := cmp.Or(checkMatcher(in.Matcher), checkTagText(in.Tags),
		checkNumbers(in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds, in.HealthyThresholdCount, in.UnhealthyThresholdCount)); err != nil {
		return nil, err
	}
	g, err := h.p.CreateTargetGroup(ctx, proxy.TargetGroup{
		Name: value(in.Name), Protocol: string(in.Protocol), ProtocolVersion: value(in.ProtocolVersion), Port: int(value(in.Port)),
		VPCID: value(in.VpcId), TargetType: string(in.TargetType), IPAddressType: string(in.IpAddressType), Tags: tagsIn(in.Tags),
		Check: check(in.HealthCheckProtocol, in.HealthCheckPort, in.HealthCheckPath, in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds,
			in.HealthyThresholdCount, in.UnhealthyThresholdCount, in.Matcher),
	})
	if err != nil {
		return nil, err
	}
	return &elb.CreateTargetGroupOutput{TargetGroups: []types.TargetGroup{targetGroup(g)}}, nil
}

// checkMatcher refuses codes of gRPC: all groups are HTTP1.
func checkMatcher(m *types.Matcher) error {
	if m != nil && m.GrpcCode != nil {
		return invalid("A gRPC code can only be matched in target groups with protocol version 'GRPC'")
	}
	return nil
}

func check(protocol types.ProtocolEnum, port, path *string, interval, timeout, up, down *int32, m *types.Matcher) proxy.HealthCheck {
	c := proxy.HealthCheck{Protocol: string(protocol), Port: value(port), Path: value(path), IntervalSeconds: int(value(interval)),
		TimeoutSeconds: int(value(timeout)), HealthyThreshold: int(value(up)), UnhealthyThreshold: int(value(down))}
	if m != nil {
		c.Matcher = value(m.HttpCode)
	}
	return c
}

func targetGroup(g proxy.TargetGroup) types.TargetGroup {
	c := g.Check
	return types.TargetGroup{
		TargetGroupArn: ptr(g.ARN), TargetGroupName: ptr(g.Name), Protocol: types.ProtocolEnum(g.Protocol), ProtocolVersion: ptr(g.ProtocolVersion),
		Port: ptr(int32(g.Port)), VpcId: ptr(g.VPCID), TargetType: types.TargetTypeEnum(g.TargetType), IpAddressType: types.TargetGroupIpAddressTypeEnum(g.IPAddressType),
		HealthCheckEnabled: ptr(true), HealthCheckProtocol: types.ProtocolEnum(c.Protocol), HealthCheckPort: ptr(c.Port), HealthCheckPath: ptr(c.Path),
		HealthCheckIntervalSeconds: ptr(int32(c.IntervalSeconds)), HealthCheckTimeoutSeconds: ptr(int32(c.TimeoutSeconds)),
		HealthyThresholdCount: ptr(int32(c.HealthyThreshold)), UnhealthyThresholdCount: ptr(int32(c.UnhealthyThreshold)),
		Matcher: &types.Matcher{HttpCode: ptr(c.Matcher)}, LoadBalancerArns: append([]string{}, g.LoadBalancers...),
	}
}

// DescribeTargetGroups describes target groups by load balancer, ARN or name, or all.
func (h *handlers) DescribeTargetGroups(_ context.Context, in *elb.DescribeTargetGroupsInput) (*elb.DescribeTargetGroupsOutput, error) {
	ways := 0
	for _, given := range []bool{in.LoadBalancerArn != nil, len(in.TargetGroupArns) > 0, len(in.Names) > 0} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		return nil, invalid("Target group names, target group ARNs, and a load balancer ARN cannot be specified at the same time")
	}
	found, err := h.p.TargetGroups(value(in.LoadBalancerArn), in.TargetGroupArns, in.Names)
	if err != nil {
		return nil, err
	}
	items, next, err := page(found, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &elb.DescribeTargetGroupsOutput{TargetGroups: []types.TargetGroup{}, NextMarker: next}
	for _, g := range items {
		out.TargetGroups = append(out.TargetGroups, targetGroup(g))
	}
	return out, nil
}

// ModifyTargetGroup changes the health check.
func (h *handlers) ModifyTargetGroup(ctx context.Context, in *elb.ModifyTargetGroupInput) (*elb.ModifyTargetGroupOutput, error) {
	if in.HealthCheckEnabled != nil && !*in.HealthCheckEnabled {
		return nil, invalid("Health check enabled must be true for this target group")
	}
	if err := cmp.Or(checkMatcher(in.Matcher),
		checkNumbers(in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds, in.HealthyThresholdCount, in.UnhealthyThresholdCount)); err != nil {
		return nil, err
	}
	g, err := h.p.ModifyTargetGroup(ctx, value(in.TargetGroupArn), check(in.HealthCheckProtocol, in.HealthCheckPort, in.HealthCheckPath,
		in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds, in.HealthyThresholdCount, in.UnhealthyThresholdCount, in.Matcher))
	if err != nil {
		return nil, err
	}
	return &elb.ModifyTargetGroupOutput{TargetGroups: []types.TargetGroup{targetGroup(g)}}, nil
}

// DeleteTargetGroup removes a target group.
func (h *handlers) DeleteTargetGroup(ctx context.Context, in *elb.DeleteTargetGroupInput) (*elb.DeleteTargetGroupOutput, error) {
	return &elb.DeleteTargetGroupOutput{}, h.p.DeleteTargetGroup(ctx, value(in.TargetGroupArn))
}

// DescribeTargetGroupAttributes describes all attributes.
func (h *handlers) DescribeTargetGroupAttributes(_ context.Context, in *elb.DescribeTargetGroupAttributesInput) (*elb.DescribeTargetGroupAttributesOutput, error) {
	attrs, err := h.p.TargetGroupAttributes(value(in.TargetGroupArn))
	return &elb.DescribeTargetGroupAttributesOutput{Attributes: groupAttributes(attrs)}, err
}

// ModifyTargetGroupAttributes merges attributes and answers all.
func (h *handlers) ModifyTargetGroupAttributes(ctx context.Context, in *elb.ModifyTargetGroupAttributesInput) (*elb.ModifyTargetGroupAttributesOutput, error) {
	given := map[string]string{}
	for _, a := range in.Attributes {
		given[value(a.Key)] = value(a.Value)
	}
	attrs, err := h.p.ModifyTargetGroupAttributes(ctx, value(in.TargetGroupArn), given)
	return &elb.ModifyTargetGroupAttributesOutput{Attributes: groupAttributes(attrs)}, err
}

func groupAttributes(attrs map[string]string) []types.TargetGroupAttribute {
	out := []types.TargetGroupAttribute{}
	for _, k := range slices.Sorted(maps.Keys(attrs)) {
		out = append(out, types.TargetGroupAttribute{Key: ptr(k), Value: ptr(attrs[k])})
	}
	return out
}

func targetsIn(in []types.TargetDescription) []proxy.Target {
	var out []proxy.Target
	for _, t := range in {
		out = append(out, proxy.Target{ID: value(t.Id), Port: int(value(t.Port)), Zone: value(t.AvailabilityZone)})
	}
	return out
}

// RegisterTargets registers targets.
func (h *handlers) RegisterTargets(ctx context.Context, in *elb.RegisterTargetsInput) (*elb.RegisterTargetsOutput, error) {
	if err := checkTargets(in.Targets); err != nil {
		return nil, err
	}
	return &elb.RegisterTargetsOutput{}, h.p.RegisterTargets(ctx, value(in.TargetGroupArn), targetsIn(in.Targets))
}

// DeregisterTargets deregisters targets; they drain.
func (h *handlers) DeregisterTargets(ctx context.Context, in *elb.DeregisterTargetsInput) (*elb.DeregisterTargetsOutput, error) {
	if err := checkTargets(in.Targets); err != nil {
		return nil, err
	}
	return &elb.DeregisterTargetsOutput{}, h.p.DeregisterTargets(ctx, value(in.TargetGroupArn), targetsIn(in.Targets))
}

// DescribeTargetHealth describes the health of targets.
func (h *handlers) DescribeTargetHealth(_ context.Context, in *elb.DescribeTargetHealthInput) (*elb.DescribeTargetHealthOutput, error) {
	if err := checkTargets(in.Targets); err != nil {
		return nil, err
	}
	found, err := h.p.TargetHealth(value(in.TargetGroupArn), targetsIn(in.Targets))
	if err != nil {
		return nil, err
	}
	out := &elb.DescribeTargetHealthOutput{TargetHealthDescriptions: []types.TargetHealthDescription{}}
	for _, t := range found {
		d := types.TargetHealthDescription{
			HealthCheckPort: ptr(t.CheckPort), Target: &types.TargetDescription{Id: ptr(t.ID), Port: ptr(int32(t.Port))},
			TargetHealth: &types.TargetHealth{State: types.TargetHealthStateEnum(t.State), Reason: types.TargetHealthReasonEnum(t.Reason)},
			AdministrativeOverride: &types.AdministrativeOverride{State: types.TargetAdministrativeOverrideStateEnumNoOverride,
				Reason:      types.TargetAdministrativeOverrideReasonEnumNoOverrideEngaged,
				Description: ptr("No override is currently active on target")},
		}
		if slices.Contains(in.Include, types.DescribeTargetHealthInputIncludeEnumAnomaly) || slices.Contains(in.Include, types.DescribeTargetHealthInputIncludeEnumAll) {
			d.AnomalyDetection = &types.AnomalyDetection{Result: types.AnomalyResultEnumNormal, MitigationInEffect: types.MitigationInEffectEnumNo}
		}
		if t.Zone != "" {
			d.Target.AvailabilityZone = ptr(t.Zone)
		}
		if t.Description != "" {
			d.TargetHealth.Description = ptr(t.Description)
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, d)
	}
	return out, nil
}
