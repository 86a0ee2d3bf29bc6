package elbv2

import (
	"context"
	"maps"
	"slices"
	"strings"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/proxy"
)

// CreateLoadBalancer makes an application load balancer; it answers provisioning, and is active at the next look.
func (h *handlers) CreateLoadBalancer(ctx context.Context, in *elb.CreateLoadBalancerInput) (*elb.CreateLoadBalancerOutput, error) {
	if in.Type != "" && in.Type != types.LoadBalancerTypeEnumApplication {
		return nil, &proxy.Error{Code: proxy.CodeInvalidConfiguration, Message: "miniecs does not have load balancers of type '" + string(in.Type) + "' yet; use application"}
	}
	subnets := slices.Clone(in.Subnets)
	for _, m := range in.SubnetMappings {
		subnets = append(subnets, value(m.SubnetId))
	}
	if len(subnets) == 0 {
		return nil, invalid("You must specify subnets: at least two subnets in two different Availability Zones must be specified")
	}
	if err := h.checkSubnets(subnets); err != nil {
		return nil, err
	}
	if err := checkTagText(in.Tags); err != nil {
		return nil, err
	}
	groups := in.SecurityGroups
	if len(groups) == 0 {
		groups = []string{h.acct.VPC.SecurityGroup.ID}
	}
	lb, err := h.p.CreateLoadBalancer(ctx, proxy.LoadBalancer{Name: value(in.Name), Scheme: string(in.Scheme), IPAddressType: string(in.IpAddressType),
		Subnets: subnets, SecurityGroups: groups, VPCID: h.acct.VPC.ID, Tags: tagsIn(in.Tags)})
	if err != nil {
		return nil, err
	}
	out := h.loadBalancer(lb)
	out.State.Code = types.LoadBalancerStateEnumProvisioning
	return &elb.CreateLoadBalancerOutput{LoadBalancers: []types.LoadBalancer{out}}, nil
}

// checkSubnets wants two subnets in two zones (alb.md 5.5). Names that are not ours are accepted: each counts as a
// zone of its own.
func (h *handlers) checkSubnets(subnets []string) error {
	zones := map[string]bool{}
	for _, id := range subnets {
		zone := id
		if s, ok := h.acct.Subnet(id); ok {
			zone = s.Zone.Name
		}
		if zones[zone] {
			return &proxy.Error{Code: proxy.CodeInvalidConfiguration, Message: "A load balancer cannot be attached to multiple subnets in the same Availability Zone"}
		}
		zones[zone] = true
	}
	if len(zones) < 2 {
		return invalid("At least two subnets in two different Availability Zones must be specified")
	}
	return nil
}

// DescribeLoadBalancers describes load balancers by ARN or name, or all.
func (h *handlers) DescribeLoadBalancers(_ context.Context, in *elb.DescribeLoadBalancersInput) (*elb.DescribeLoadBalancersOutput, error) {
	if len(in.LoadBalancerArns) > 0 && len(in.Names) > 0 {
		return nil, invalid("Load balancer names and load balancer ARNs cannot be specified at the same time")
	}
	if len(in.LoadBalancerArns) > 20 {
		return nil, invalid("Up to 20 load balancers can be described in one call")
	}
	for _, arn := range in.LoadBalancerArns {
		if !strings.Contains(arn, ":loadbalancer/") {
			return nil, invalid("'%s' is not a valid load balancer ARN", arn)
		}
	}
	found, err := h.p.LoadBalancers(in.LoadBalancerArns, in.Names)
	if err != nil {
		return nil, err
	}
	items, next, err := page(found, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &elb.DescribeLoadBalancersOutput{LoadBalancers: []types.LoadBalancer{}, NextMarker: next}
	for _, lb := range items {
		out.LoadBalancers = append(out.LoadBalancers, h.loadBalancer(lb))
	}
	return out, nil
}

func (h *handlers) loadBalancer(lb proxy.LoadBalancer) types.LoadBalancer {
	out := types.LoadBalancer{
		LoadBalancerArn: ptr(lb.ARN), LoadBalancerName: ptr(lb.Name), DNSName: ptr(lb.DNSName), CanonicalHostedZoneId: ptr("Z35SXDOTRQ7X7K"),
		CreatedTime: ptr(lb.CreatedAt), Scheme: types.LoadBalancerSchemeEnum(lb.Scheme), VpcId: ptr(lb.VPCID), Type: types.LoadBalancerTypeEnumApplication,
		State: &types.LoadBalancerState{Code: types.LoadBalancerStateEnumActive}, SecurityGroups: lb.SecurityGroups,
		IpAddressType: types.IpAddressType(lb.IPAddressType), AvailabilityZones: []types.AvailabilityZone{},
	}
	zones := h.acct.Zones()
	for i, id := range lb.Subnets {
		zone := zones[i%len(zones)].Name
		if s, ok := h.acct.Subnet(id); ok {
			zone = s.Zone.Name
		}
		out.AvailabilityZones = append(out.AvailabilityZones, types.AvailabilityZone{ZoneName: ptr(zone), SubnetId: ptr(id), LoadBalancerAddresses: []types.LoadBalancerAddress{}})
	}
	return out
}

// DeleteLoadBalancer removes a load balancer and its listeners.
func (h *handlers) DeleteLoadBalancer(ctx context.Context, in *elb.DeleteLoadBalancerInput) (*elb.DeleteLoadBalancerOutput, error) {
	arn := value(in.LoadBalancerArn)
	if !strings.Contains(arn, ":loadbalancer/") {
		return nil, invalid("'%s' is not a valid load balancer ARN", arn)
	}
	return &elb.DeleteLoadBalancerOutput{}, h.p.DeleteLoadBalancer(ctx, arn)
}

// DescribeLoadBalancerAttributes describes all attributes.
func (h *handlers) DescribeLoadBalancerAttributes(_ context.Context, in *elb.DescribeLoadBalancerAttributesInput) (*elb.DescribeLoadBalancerAttributesOutput, error) {
	attrs, err := h.p.LoadBalancerAttributes(value(in.LoadBalancerArn))
	return &elb.DescribeLoadBalancerAttributesOutput{Attributes: balancerAttributes(attrs)}, err
}

// ModifyLoadBalancerAttributes merges attributes and answers all.
func (h *handlers) ModifyLoadBalancerAttributes(ctx context.Context, in *elb.ModifyLoadBalancerAttributesInput) (*elb.ModifyLoadBalancerAttributesOutput, error) {
	given := map[string]string{}
	for _, a := range in.Attributes {
		given[value(a.Key)] = value(a.Value)
	}
	attrs, err := h.p.ModifyLoadBalancerAttributes(ctx, value(in.LoadBalancerArn), given)
	return &elb.ModifyLoadBalancerAttributesOutput{Attributes: balancerAttributes(attrs)}, err
}

func balancerAttributes(attrs map[string]string) []types.LoadBalancerAttribute {
	out := []types.LoadBalancerAttribute{}
	for _, k := range slices.Sorted(maps.Keys(attrs)) {
		out = append(out, types.LoadBalancerAttribute{Key: ptr(k), Value: ptr(attrs[k])})
	}
	return out
}

// SetSecurityGroups replaces the security groups.
func (h *handlers) SetSecurityGroups(ctx context.Context, in *elb.SetSecurityGroupsInput) (*elb.SetSecurityGroupsOutput, error) {
	lb, err := h.p.UpdateLoadBalancer(ctx, value(in.LoadBalancerArn), nil, append([]string{}, in.SecurityGroups...), "")
	return &elb.SetSecurityGroupsOutput{SecurityGroupIds: lb.SecurityGroups}, err
}

// SetSubnets replaces the subnets.
func (h *handlers) SetSubnets(ctx context.Context, in *elb.SetSubnetsInput) (*elb.SetSubnetsOutput, error) {
	subnets := slices.Clone(in.Subnets)
	for _, m := range in.SubnetMappings {
		subnets = append(subnets, value(m.SubnetId))
	}
	if err := h.checkSubnets(subnets); err != nil {
		return nil, err
	}
	lb, err := h.p.UpdateLoadBalancer(ctx, value(in.LoadBalancerArn), subnets, nil, string(in.IpAddressType))
	if err != nil {
		return nil, err
	}
	shape := h.loadBalancer(lb)
	return &elb.SetSubnetsOutput{AvailabilityZones: shape.AvailabilityZones, IpAddressType: shape.IpAddressType}, nil
}

// SetIPAddressType replaces the address type.
func (h *handlers) SetIPAddressType(ctx context.Context, in *elb.SetIpAddressTypeInput) (*elb.SetIpAddressTypeOutput, error) {
	lb, err := h.p.UpdateLoadBalancer(ctx, value(in.LoadBalancerArn), nil, nil, string(in.IpAddressType))
	return &elb.SetIpAddressTypeOutput{IpAddressType: types.IpAddressType(lb.IPAddressType)}, err
}

// DescribeCapacityReservation answers that nothing is reserved: Terraform asks it of every load balancer that it reads.
func (h *handlers) DescribeCapacityReservation(_ context.Context, in *elb.DescribeCapacityReservationInput) (*elb.DescribeCapacityReservationOutput, error) {
	if _, err := h.p.LoadBalancers([]string{value(in.LoadBalancerArn)}, nil); err != nil {
		return nil, err
	}
	return &elb.DescribeCapacityReservationOutput{CapacityReservationState: []types.ZonalCapacityReservationState{}}, nil
}
