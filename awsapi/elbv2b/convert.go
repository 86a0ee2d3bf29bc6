package elbv2

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/awsapi/wire"
	"miniecs/proxy2"
)

func tagsIn(tags []types.Tag) []proxy.Tag {
	out := make([]proxy.Tag, len(tags))
	for i, t := range tags {
		out[i] = proxy.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)}
	}
	return out
}

func tagsOut(tags []proxy.Tag) []types.Tag {
	out := make([]types.Tag, len(tags))
	for i, t := range tags {
		out[i] = types.Tag{Key: aws.String(t.Key), Value: aws.String(t.Value)}
	}
	return out
}

// hostedZone is CanonicalHostedZoneId of Application Load Balancers, which is AWS's own for a region; ours resolve
// nothing, one value serves all.
const hostedZone = "Z35SXDOTRQ7X7K"

func loadBalancerOut(b proxy.LoadBalancer) types.LoadBalancer {
	zones := make([]types.AvailabilityZone, len(b.Subnets))
	for i, s := range b.Subnets {
		zones[i] = types.AvailabilityZone{ZoneName: aws.String(s.Zone), SubnetId: aws.String(s.ID), LoadBalancerAddresses: []types.LoadBalancerAddress{}}
	}
	return types.LoadBalancer{
		LoadBalancerArn: aws.String(b.ARN), LoadBalancerName: aws.String(b.Name), DNSName: aws.String(b.DNSName),
		CanonicalHostedZoneId: aws.String(hostedZone), CreatedTime: aws.Time(b.CreatedTime),
		Scheme: types.LoadBalancerSchemeEnum(b.Scheme), VpcId: aws.String(b.VPCID), Type: types.LoadBalancerTypeEnumApplication,
		State:             &types.LoadBalancerState{Code: types.LoadBalancerStateEnum(b.State)},
		AvailabilityZones: zones, SecurityGroups: b.SecurityGroups, IpAddressType: types.IpAddressType(b.IPAddressType),
	}
}

func targetGroupOut(g proxy.TargetGroup) types.TargetGroup {
	hc := g.HealthCheck
	return types.TargetGroup{
		TargetGroupArn: aws.String(g.ARN), TargetGroupName: aws.String(g.Name), Protocol: types.ProtocolEnum(g.Protocol),
		ProtocolVersion: aws.String(g.ProtocolVersion), Port: aws.Int32(int32(g.Port)), VpcId: aws.String(g.VPCID),
		TargetType: types.TargetTypeEnum(g.TargetType), IpAddressType: types.TargetGroupIpAddressTypeEnum(g.IPAddressType),
		HealthCheckEnabled: aws.Bool(true), HealthCheckProtocol: types.ProtocolEnum(hc.Protocol), HealthCheckPort: aws.String(hc.Port),
		HealthCheckPath: aws.String(hc.Path), HealthCheckIntervalSeconds: aws.Int32(int32(hc.IntervalSeconds)),
		HealthCheckTimeoutSeconds: aws.Int32(int32(hc.TimeoutSeconds)), HealthyThresholdCount: aws.Int32(int32(hc.HealthyThreshold)),
		UnhealthyThresholdCount: aws.Int32(int32(hc.UnhealthyThreshold)), Matcher: &types.Matcher{HttpCode: aws.String(hc.Matcher)},
		LoadBalancerArns: g.LoadBalancers,
	}
}

func listenerOut(l proxy.Listener) types.Listener {
	return types.Listener{
		ListenerArn: aws.String(l.ARN), LoadBalancerArn: aws.String(l.LoadBalancerARN), Protocol: types.ProtocolEnum(l.Protocol),
		Port: aws.Int32(int32(l.Port)), DefaultActions: actionsOut(l.DefaultActions),
	}
}

// actionsOut gives a forward action in both its forms, as AWS does (alb.md 2.4).
func actionsOut(actions []proxy.Action) []types.Action {
	out := make([]types.Action, len(actions))
	for i, a := range actions {
		out[i] = types.Action{Type: types.ActionTypeEnum(a.Type)}
		if a.Order != 0 {
			out[i].Order = aws.Int32(int32(a.Order))
		}
		if f := a.FixedResponse; f != nil {
			out[i].FixedResponseConfig = &types.FixedResponseActionConfig{StatusCode: aws.String(f.StatusCode), ContentType: some(f.ContentType), MessageBody: some(f.MessageBody)}
		}
		if a.TargetGroup == "" {
			continue
		}
		weight, sticky := int32(1), &types.TargetGroupStickinessConfig{Enabled: aws.Bool(false)}
		if a.Weight != nil {
			weight = int32(*a.Weight)
		}
		if a.StickySeconds != 0 {
			sticky.DurationSeconds = aws.Int32(int32(a.StickySeconds))
		}
		out[i].TargetGroupArn = aws.String(a.TargetGroup)
		out[i].ForwardConfig = &types.ForwardActionConfig{
			TargetGroups:                []types.TargetGroupTuple{{TargetGroupArn: aws.String(a.TargetGroup), Weight: aws.Int32(weight)}},
			TargetGroupStickinessConfig: sticky,
		}
	}
	return out
}

func actionsIn(actions []types.Action) ([]proxy.Action, error) {
	out := make([]proxy.Action, len(actions))
	for i, a := range actions {
		if a.Order != nil && (*a.Order < 1 || *a.Order > 50000) {
			return nil, invalid("Action order '%d' must be between '1-50000' inclusive", *a.Order)
		}
		out[i] = proxy.Action{Type: string(a.Type), Order: int(aws.ToInt32(a.Order))}
		switch out[i].Type {
		case proxy.ActionForward:
			if err := forwardIn(a, &out[i]); err != nil {
				return nil, err
			}
		case proxy.ActionFixedResponse:
			if f := a.FixedResponseConfig; f != nil {
				out[i].FixedResponse = &proxy.FixedResponse{StatusCode: aws.ToString(f.StatusCode), ContentType: aws.ToString(f.ContentType), MessageBody: aws.ToString(f.MessageBody)}
			}
		}
	}
	return out, nil
}

// forwardIn reads both forms of a forward action; given together they must name the same group.
func forwardIn(a types.Action, out *proxy.Action) error {
	out.TargetGroup = aws.ToString(a.TargetGroupArn)
	if a.ForwardConfig == nil {
		return nil
	}
	groups := a.ForwardConfig.TargetGroups
	if len(groups) > 1 {
		return notYet("forward actions with more than one target group")
	}
	if len(groups) == 1 {
		named := aws.ToString(groups[0].TargetGroupArn)
		if out.TargetGroup != "" && out.TargetGroup != named {
			return wire.Errorf(proxy.CodeInvalidLoadBalancerAction, "You can specify both a target group ARN and a forward configuration only if both name the same target group")
		}
		out.TargetGroup = named
		if w := groups[0].Weight; w != nil {
			weight := int(*w)
			out.Weight = &weight
		}
	}
	if s := a.ForwardConfig.TargetGroupStickinessConfig; s != nil {
		if aws.ToBool(s.Enabled) {
			return notYet("target group stickiness")
		}
		out.StickySeconds = int(aws.ToInt32(s.DurationSeconds))
	}
	return nil
}

func targetsIn(targets []types.TargetDescription) ([]proxy.Target, error) {
	out := make([]proxy.Target, len(targets))
	for i, t := range targets {
		if p := t.Port; p != nil && (*p < 1 || *p > 65535) {
			return nil, invalid("Target port '%d' must be between 1 and 65535", *p)
		}
		out[i] = proxy.Target{ID: aws.ToString(t.Id), Port: int(aws.ToInt32(t.Port)), Zone: aws.ToString(t.AvailabilityZone)}
	}
	return out, nil
}

func targetHealthOut(d proxy.TargetDescription) types.TargetHealthDescription {
	return types.TargetHealthDescription{
		Target:          &types.TargetDescription{Id: aws.String(d.Target.ID), Port: aws.Int32(int32(d.Target.Port)), AvailabilityZone: some(d.Target.Zone)},
		HealthCheckPort: aws.String(strconv.Itoa(d.HealthCheckPort)),
		TargetHealth: &types.TargetHealth{State: types.TargetHealthStateEnum(d.Health.State), Reason: types.TargetHealthReasonEnum(d.Health.Reason),
			Description: some(d.Health.Description)},
		AdministrativeOverride: &types.AdministrativeOverride{State: types.TargetAdministrativeOverrideStateEnumNoOverride,
			Reason: types.TargetAdministrativeOverrideReasonEnumNoOverrideEngaged, Description: aws.String("No override is currently active on target")},
	}
}

// some is nil for an empty string: the member is left out of the answer.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
