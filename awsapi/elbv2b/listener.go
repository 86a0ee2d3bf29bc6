package elbv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/awsapi/wire"
	"miniecs/proxy2"
)

func (h *handlers) CreateListener(ctx context.Context, in *elb.CreateListenerInput) (*elb.CreateListenerOutput, error) {
	want, err := listenerIn(in.Protocol, in.Port, in.DefaultActions, tls{in.Certificates, in.SslPolicy, in.AlpnPolicy, in.MutualAuthentication})
	if err != nil {
		return nil, err
	}
	want.LoadBalancerARN, want.Tags = aws.ToString(in.LoadBalancerArn), tagsIn(in.Tags)
	l, err := h.proxy.CreateListener(ctx, want)
	if err != nil {
		return nil, err
	}
	return &elb.CreateListenerOutput{Listeners: []types.Listener{listenerOut(l)}}, nil
}

// tls is what only HTTPS and TLS listeners have.
type tls struct {
	certificates []types.Certificate
	policy       *string
	alpn         []string
	mutual       *types.MutualAuthenticationAttributes
}

func listenerIn(protocol types.ProtocolEnum, port *int32, actions []types.Action, t tls) (proxy.Listener, error) {
	l := proxy.Listener{Protocol: string(protocol), Port: int(aws.ToInt32(port))}
	if port != nil && (*port < 1 || *port > 65535) {
		return l, invalid("Listener port '%d' must be between '1-65535' inclusive", *port)
	}
	// The protocol comes first: an HTTPS listener is refused as such.
	if protocol == types.ProtocolEnumHttp || protocol == "" {
		switch {
		case len(t.certificates) > 0:
			return l, wire.Errorf(proxy.CodeInvalidConfiguration, "Certificates cannot be specified for HTTP listeners")
		case t.policy != nil:
			return l, wire.Errorf(proxy.CodeInvalidConfiguration, "An SSL policy cannot be specified for HTTP listeners")
		case len(t.alpn) > 0:
			return l, wire.Errorf(proxy.CodeInvalidConfiguration, "An ALPN policy cannot be specified for HTTP listeners")
		case t.mutual != nil && aws.ToString(t.mutual.Mode) != "off":
			return l, wire.Errorf(proxy.CodeInvalidConfiguration, "Mutual authentication cannot be specified for HTTP listeners")
		}
	}
	var err error
	l.DefaultActions, err = actionsIn(actions)
	return l, err
}

func (h *handlers) ModifyListener(ctx context.Context, in *elb.ModifyListenerInput) (*elb.ModifyListenerOutput, error) {
	set, err := listenerIn(in.Protocol, in.Port, in.DefaultActions, tls{in.Certificates, in.SslPolicy, in.AlpnPolicy, in.MutualAuthentication})
	if err != nil {
		return nil, err
	}
	l, err := h.proxy.ModifyListener(ctx, aws.ToString(in.ListenerArn), set)
	if err != nil {
		return nil, err
	}
	return &elb.ModifyListenerOutput{Listeners: []types.Listener{listenerOut(l)}}, nil
}

func (h *handlers) DescribeListeners(_ context.Context, in *elb.DescribeListenersInput) (*elb.DescribeListenersOutput, error) {
	switch {
	case in.LoadBalancerArn == nil && len(in.ListenerArns) == 0:
		return nil, invalid("You must specify either listener ARNs or a load balancer ARN")
	case in.LoadBalancerArn != nil && len(in.ListenerArns) > 0:
		return nil, invalid("Listener ARNs and a load balancer ARN cannot be specified at the same time")
	}
	found, err := h.proxy.Listeners(in.ListenerArns, aws.ToString(in.LoadBalancerArn))
	if err != nil {
		return nil, err
	}
	found, next, err := page(found, func(l proxy.Listener) string { return l.ARN }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &elb.DescribeListenersOutput{Listeners: []types.Listener{}, NextMarker: next}
	for _, l := range found {
		out.Listeners = append(out.Listeners, listenerOut(l))
	}
	return out, nil
}

func (h *handlers) DeleteListener(ctx context.Context, in *elb.DeleteListenerInput) (*elb.DeleteListenerOutput, error) {
	return nil, h.proxy.DeleteListener(ctx, aws.ToString(in.ListenerArn))
}

func (h *handlers) DescribeListenerAttributes(_ context.Context, in *elb.DescribeListenerAttributesInput) (*elb.DescribeListenerAttributesOutput, error) {
	all, err := h.proxy.ListenerAttributes(aws.ToString(in.ListenerArn))
	if err != nil {
		return nil, err
	}
	out := &elb.DescribeListenerAttributesOutput{}
	for _, a := range all {
		out.Attributes = append(out.Attributes, types.ListenerAttribute{Key: aws.String(a.Key), Value: aws.String(a.Value)})
	}
	return out, nil
}

// DescribeRules gives the default rules: there are no others yet.
func (h *handlers) DescribeRules(_ context.Context, in *elb.DescribeRulesInput) (*elb.DescribeRulesOutput, error) {
	var found []proxy.Listener
	var err error
	switch {
	case in.ListenerArn == nil && len(in.RuleArns) == 0:
		return nil, invalid("You must specify either listener rule ARNs or a listener ARN")
	case in.ListenerArn != nil && len(in.RuleArns) > 0:
		return nil, invalid("Listener rule ARNs and a listener ARN cannot be specified at the same time")
	case in.ListenerArn != nil:
		found, err = h.proxy.Listeners([]string{*in.ListenerArn}, "")
	default:
		found, err = h.proxy.RuleListeners(in.RuleArns)
	}
	if err != nil {
		return nil, err
	}
	found, next, err := page(found, func(l proxy.Listener) string { return l.RuleARN }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &elb.DescribeRulesOutput{Rules: []types.Rule{}, NextMarker: next}
	for _, l := range found {
		out.Rules = append(out.Rules, types.Rule{RuleArn: aws.String(l.RuleARN), Priority: aws.String("default"), IsDefault: aws.Bool(true),
			Conditions: []types.RuleCondition{}, Actions: actionsOut(l.DefaultActions), Transforms: []types.RuleTransform{}})
	}
	return out, nil
}
