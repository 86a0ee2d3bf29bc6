package elbv2

import (
	"cmp"
	"context"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/proxy"
)

// CreateListener makes a listener.
func (h *handlers) CreateListener(ctx context.Context, in *elb.CreateListenerInput) (*elb.CreateListenerOutput, error) {
	if len(in.Certificates) > 0 || in.SslPolicy != nil || len(in.AlpnPolicy) > 0 || in.MutualAuthentication != nil {
		return nil, &proxy.Error{Code: proxy.CodeUnsupportedProtocol, Message: "miniecs does not have HTTPS listeners yet; use HTTP"}
	}
	if err := cmp.Or(checkForwards(in.DefaultActions), checkFixed(in.DefaultActions), checkTagText(in.Tags)); err != nil {
		return nil, err
	}
	l, err := h.p.CreateListener(ctx, proxy.Listener{LoadBalancerARN: value(in.LoadBalancerArn), Port: int(value(in.Port)),
		Protocol: string(in.Protocol), Actions: actionsIn(in.DefaultActions), Tags: tagsIn(in.Tags)})
	if err != nil {
		return nil, err
	}
	return &elb.CreateListenerOutput{Listeners: []types.Listener{listener(l)}}, nil
}

// checkForwards refuses forwards that contradict themselves or ask for what the proxy does not have (alb.md 2.4).
func checkForwards(in []types.Action) error {
	for _, a := range in {
		f := a.ForwardConfig
		if f == nil {
			continue
		}
		if a.TargetGroupArn != nil && len(f.TargetGroups) > 0 && (len(f.TargetGroups) > 1 || value(f.TargetGroups[0].TargetGroupArn) != *a.TargetGroupArn) {
			return invalid("You cannot specify both a target group ARN and a forward configuration with other target groups")
		}
		if s := f.TargetGroupStickinessConfig; s != nil && value(s.Enabled) {
			return &proxy.Error{Code: proxy.CodeInvalidAction, Message: "miniecs does not have target group stickiness yet"}
		}
		for _, g := range f.TargetGroups {
			if w := value(g.Weight); w < 0 || w > 999 {
				return invalid("Target group weight '%d' must be between '0-999' inclusive", w)
			} else if g.Weight != nil && w == 0 {
				return &proxy.Error{Code: proxy.CodeInvalidAction, Message: "miniecs does not have weighted forwards yet: a weight of 0 is not possible"}
			}
		}
	}
	return nil
}

func actionsIn(in []types.Action) []proxy.Action {
	var out []proxy.Action
	for _, a := range in {
		p := proxy.Action{Type: string(a.Type), Order: int(value(a.Order))}
		if a.TargetGroupArn != nil {
			p.Simple, p.Groups = true, []proxy.WeightedGroup{{ARN: *a.TargetGroupArn, Weight: 1}}
		} else if a.ForwardConfig != nil {
			for _, g := range a.ForwardConfig.TargetGroups {
				w := proxy.WeightedGroup{ARN: value(g.TargetGroupArn), Weight: 1}
				if g.Weight != nil {
					w.Weight = int(*g.Weight)
				}
				p.Groups = append(p.Groups, w)
			}
		}
		if f := a.FixedResponseConfig; f != nil {
			p.Fixed = &proxy.FixedResponse{StatusCode: value(f.StatusCode), ContentType: value(f.ContentType), Body: value(f.MessageBody)}
		}
		out = append(out, p)
	}
	return out
}

// actions answers both forms of a forward, as AWS does (alb.md 2.4).
func actions(in []proxy.Action) []types.Action {
	out := []types.Action{}
	for _, p := range in {
		a := types.Action{Type: types.ActionTypeEnum(p.Type)}
		if p.Order != 0 {
			a.Order = ptr(int32(p.Order))
		}
		if len(p.Groups) > 0 {
			if len(p.Groups) == 1 {
				a.TargetGroupArn = ptr(p.Groups[0].ARN)
			}
			a.ForwardConfig = &types.ForwardActionConfig{TargetGroupStickinessConfig: &types.TargetGroupStickinessConfig{Enabled: ptr(false)}}
			for _, g := range p.Groups {
				a.ForwardConfig.TargetGroups = append(a.ForwardConfig.TargetGroups, types.TargetGroupTuple{TargetGroupArn: ptr(g.ARN), Weight: ptr(int32(g.Weight))})
			}
		}
		if f := p.Fixed; f != nil {
			a.FixedResponseConfig = &types.FixedResponseActionConfig{StatusCode: ptr(f.StatusCode)}
			if f.ContentType != "" {
				a.FixedResponseConfig.ContentType = ptr(f.ContentType)
			}
			if f.Body != "" {
				a.FixedResponseConfig.MessageBody = ptr(f.Body)
			}
		}
		out = append(out, a)
	}
	return out
}

func listener(l proxy.Listener) types.Listener {
	return types.Listener{ListenerArn: ptr(l.ARN), LoadBalancerArn: ptr(l.LoadBalancerARN), Port: ptr(int32(l.Port)),
		Protocol: types.ProtocolEnum(l.Protocol), DefaultActions: actions(l.Actions)}
}

// DescribeListeners describes listeners of a load balancer, or by ARN.
func (h *handlers) DescribeListeners(_ context.Context, in *elb.DescribeListenersInput) (*elb.DescribeListenersOutput, error) {
	if in.LoadBalancerArn == nil && len(in.ListenerArns) == 0 {
		return nil, invalid("You must specify either listener ARNs or a load balancer ARN")
	}
	found, err := h.p.Listeners(value(in.LoadBalancerArn), in.ListenerArns)
	if err != nil {
		return nil, err
	}
	items, next, err := page(found, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &elb.DescribeListenersOutput{Listeners: []types.Listener{}, NextMarker: next}
	for _, l := range items {
		out.Listeners = append(out.Listeners, listener(l))
	}
	return out, nil
}

// ModifyListener changes a listener.
func (h *handlers) ModifyListener(ctx context.Context, in *elb.ModifyListenerInput) (*elb.ModifyListenerOutput, error) {
	if len(in.Certificates) > 0 || in.SslPolicy != nil || len(in.AlpnPolicy) > 0 || in.MutualAuthentication != nil {
		return nil, &proxy.Error{Code: proxy.CodeUnsupportedProtocol, Message: "miniecs does not have HTTPS listeners yet; use HTTP"}
	}
	if err := cmp.Or(checkForwards(in.DefaultActions), checkFixed(in.DefaultActions), checkPort(in.Port)); err != nil {
		return nil, err
	}
	l, err := h.p.ModifyListener(ctx, proxy.Listener{ARN: value(in.ListenerArn), Port: int(value(in.Port)), Protocol: string(in.Protocol),
		Actions: actionsIn(in.DefaultActions)})
	if err != nil {
		return nil, err
	}
	return &elb.ModifyListenerOutput{Listeners: []types.Listener{listener(l)}}, nil
}

// DeleteListener removes a listener.
func (h *handlers) DeleteListener(ctx context.Context, in *elb.DeleteListenerInput) (*elb.DeleteListenerOutput, error) {
	return &elb.DeleteListenerOutput{}, h.p.DeleteListener(ctx, value(in.ListenerArn))
}

// DescribeListenerAttributes describes the attribute that every HTTP listener has; none can be changed yet.
func (h *handlers) DescribeListenerAttributes(_ context.Context, in *elb.DescribeListenerAttributesInput) (*elb.DescribeListenerAttributesOutput, error) {
	if _, err := h.p.Listeners("", []string{value(in.ListenerArn)}); err != nil {
		return nil, err
	}
	return &elb.DescribeListenerAttributesOutput{Attributes: []types.ListenerAttribute{
		{Key: ptr("routing.http.response.server.enabled"), Value: ptr("true")},
	}}, nil
}

// DescribeRules describes the default rule of a listener: there are no others yet.
func (h *handlers) DescribeRules(_ context.Context, in *elb.DescribeRulesInput) (*elb.DescribeRulesOutput, error) {
	switch {
	case in.ListenerArn == nil && len(in.RuleArns) == 0:
		return nil, invalid("You must specify either listener rule ARNs or a listener ARN")
	case in.ListenerArn != nil && len(in.RuleArns) > 0:
		return nil, invalid("Listener rule ARNs and a listener ARN cannot be specified at the same time")
	}
	var rules []types.Rule
	if in.ListenerArn != nil {
		found, err := h.p.Listeners("", []string{*in.ListenerArn})
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule(found[0]))
	}
	for _, arn := range in.RuleArns {
		l, ok := h.p.ListenerOfRule(arn)
		if !ok {
			return nil, &proxy.Error{Code: proxy.CodeRuleNotFound, Message: "One or more rules not found"}
		}
		rules = append(rules, rule(l))
	}
	items, next, err := page(rules, in.Marker, in.PageSize)
	return &elb.DescribeRulesOutput{Rules: items, NextMarker: next}, err
}

func rule(l proxy.Listener) types.Rule {
	return types.Rule{RuleArn: ptr(l.RuleARN), Priority: ptr("default"), IsDefault: ptr(true), Conditions: []types.RuleCondition{}, Actions: actions(l.Actions)}
}
