package elbv2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/awsapi/wire"
	"miniecs/proxy2"
)

func (h *handlers) CreateLoadBalancer(ctx context.Context, in *elb.CreateLoadBalancerInput) (*elb.CreateLoadBalancerOutput, error) {
	switch {
	case in.Type != "" && in.Type != types.LoadBalancerTypeEnumApplication:
		return nil, notYet("load balancers of type '" + string(in.Type) + "'")
	case in.CustomerOwnedIpv4Pool != nil:
		return nil, notYet("CustomerOwnedIpv4Pool")
	case in.IpamPools != nil:
		return nil, notYet("IpamPools")
	case in.EnablePrefixForIpv6SourceNat != "":
		return nil, invalid("EnablePrefixForIpv6SourceNat is only supported for load balancers of type 'network'")
	}
	subnets, err := h.subnets(in.Subnets, in.SubnetMappings)
	if err != nil {
		return nil, err
	}
	groups, err := h.securityGroups(in.SecurityGroups)
	if err != nil {
		return nil, err
	}
	b, err := h.proxy.CreateLoadBalancer(ctx, proxy.LoadBalancer{
		Name: aws.ToString(in.Name), Scheme: string(in.Scheme), IPAddressType: string(in.IpAddressType), VPCID: h.account.VPC.ID,
		Subnets: subnets, SecurityGroups: groups, Tags: tagsIn(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &elb.CreateLoadBalancerOutput{LoadBalancers: []types.LoadBalancer{loadBalancerOut(b)}}, nil
}

// subnets resolves subnets given in one of the two forms.
func (h *handlers) subnets(named []string, mappings []types.SubnetMapping) ([]proxy.Subnet, error) {
	if len(named) > 0 && len(mappings) > 0 {
		return nil, invalid("You must specify either subnets or subnet mappings, not both")
	}
	for _, m := range mappings {
		if m.AllocationId != nil || m.IPv6Address != nil || m.PrivateIPv4Address != nil || m.SourceNatIpv6Prefix != nil {
			return nil, wire.Errorf(proxy.CodeInvalidConfiguration, "Addresses cannot be specified for the subnets of load balancers of type 'application'")
		}
		named = append(named, aws.ToString(m.SubnetId))
	}
	out := make([]proxy.Subnet, 0, len(named))
	for _, id := range named {
		s, ok := h.account.Subnet(id)
		if !ok {
			return nil, wire.Errorf("SubnetNotFound", "The subnet ID '%s' does not exist", id)
		}
		out = append(out, proxy.Subnet{ID: s.ID, Zone: s.Zone.Name})
	}
	return out, nil
}

// securityGroups gives the default one for none.
func (h *handlers) securityGroups(ids []string) ([]string, error) {
	own := h.account.VPC.SecurityGroup.ID
	if len(ids) == 0 {
		return []string{own}, nil
	}
	if slices.ContainsFunc(ids, func(id string) bool { return id != own }) {
		return nil, wire.Errorf(proxy.CodeInvalidConfiguration, "One or more security groups are invalid")
	}
	return ids, nil
}

func (h *handlers) DescribeLoadBalancers(_ context.Context, in *elb.DescribeLoadBalancersInput) (*elb.DescribeLoadBalancersOutput, error) {
	switch {
	case len(in.LoadBalancerArns) > 0 && len(in.Names) > 0:
		return nil, invalid("Load balancer names and load balancer ARNs cannot be specified at the same time")
	case len(in.LoadBalancerArns) > 20:
		return nil, invalid("The number of load balancer ARNs cannot be greater than '20'")
	}
	found, err := h.proxy.LoadBalancers(in.LoadBalancerArns, in.Names)
	if err != nil {
		return nil, err
	}
	found, next, err := page(found, func(b proxy.LoadBalancer) string { return b.ARN }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &elb.DescribeLoadBalancersOutput{LoadBalancers: []types.LoadBalancer{}, NextMarker: next}
	for _, b := range found {
		out.LoadBalancers = append(out.LoadBalancers, loadBalancerOut(b))
	}
	return out, nil
}

func (h *handlers) DeleteLoadBalancer(ctx context.Context, in *elb.DeleteLoadBalancerInput) (*elb.DeleteLoadBalancerOutput, error) {
	return nil, h.proxy.DeleteLoadBalancer(ctx, aws.ToString(in.LoadBalancerArn))
}

func (h *handlers) DescribeLoadBalancerAttributes(_ context.Context, in *elb.DescribeLoadBalancerAttributesInput) (*elb.DescribeLoadBalancerAttributesOutput, error) {
	all, err := h.proxy.LoadBalancerAttributes(aws.ToString(in.LoadBalancerArn))
	if err != nil {
		return nil, err
	}
	return &elb.DescribeLoadBalancerAttributesOutput{Attributes: balancerAttributesOut(all)}, nil
}

func (h *handlers) ModifyLoadBalancerAttributes(ctx context.Context, in *elb.ModifyLoadBalancerAttributesInput) (*elb.ModifyLoadBalancerAttributesOutput, error) {
	var set []proxy.Tag
	for _, a := range in.Attributes {
		set = append(set, proxy.Tag{Key: aws.ToString(a.Key), Value: aws.ToString(a.Value)})
	}
	all, err := h.proxy.ModifyLoadBalancerAttributes(ctx, aws.ToString(in.LoadBalancerArn), set)
	if err != nil {
		return nil, err
	}
	return &elb.ModifyLoadBalancerAttributesOutput{Attributes: balancerAttributesOut(all)}, nil
}

func balancerAttributesOut(all []proxy.Tag) []types.LoadBalancerAttribute {
	out := make([]types.LoadBalancerAttribute, len(all))
	for i, a := range all {
		out[i] = types.LoadBalancerAttribute{Key: aws.String(a.Key), Value: aws.String(a.Value)}
	}
	return out
}

func (h *handlers) SetSubnets(ctx context.Context, in *elb.SetSubnetsInput) (*elb.SetSubnetsOutput, error) {
	if in.IpAddressType != "" && in.IpAddressType != types.IpAddressTypeIpv4 || in.EnablePrefixForIpv6SourceNat != "" {
		return nil, notYet("IP address types other than 'ipv4'")
	}
	subnets, err := h.subnets(in.Subnets, in.SubnetMappings)
	if err != nil {
		return nil, err
	}
	id := aws.ToString(in.LoadBalancerArn)
	if err := h.proxy.SetSubnets(ctx, id, subnets); err != nil {
		return nil, err
	}
	return &elb.SetSubnetsOutput{AvailabilityZones: loadBalancerOut(proxy.LoadBalancer{Subnets: subnets}).AvailabilityZones, IpAddressType: types.IpAddressTypeIpv4}, nil
}

func (h *handlers) SetSecurityGroups(ctx context.Context, in *elb.SetSecurityGroupsInput) (*elb.SetSecurityGroupsOutput, error) {
	if in.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic != "" {
		return nil, invalid("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic is only supported for load balancers of type 'network'")
	}
	groups, err := h.securityGroups(in.SecurityGroups)
	if err != nil {
		return nil, err
	}
	if err := h.proxy.SetSecurityGroups(ctx, aws.ToString(in.LoadBalancerArn), groups); err != nil {
		return nil, err
	}
	return &elb.SetSecurityGroupsOutput{SecurityGroupIds: groups}, nil
}
