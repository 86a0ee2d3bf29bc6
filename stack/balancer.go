package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// urlTag is borne by a listener that had to move to another port, and by its load balancer (design.md 6).
const urlTag = "miniecs:url"

func (u *up) observeBalancer(ctx context.Context) error {
	if u.s.balancer == nil {
		return nil
	}
	name := aws.ToString(u.s.balancer.Name)
	out, err := u.c.ELB.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Names: []string{name}})
	if _, ok := errors.AsType[*types.LoadBalancerNotFoundException](err); ok {
		return nil
	}
	if err != nil {
		return fmt.Errorf("describe load balancer %s: %w", name, u.c.Explain(err))
	}
	u.balancer = &out.LoadBalancers[0]
	tags, err := u.c.elbTags(ctx, []string{aws.ToString(u.balancer.LoadBalancerArn)})
	if err != nil {
		return err
	}
	if owner := tags[aws.ToString(u.balancer.LoadBalancerArn)][Tag]; owner != u.s.Name {
		return u.strange("load balancer", name, owner)
	}
	differ := changed(u.s.balancer.CreateLoadBalancerInput, u.balancer)
	differ = slices.DeleteFunc(differ, func(m string) bool { return m == "SecurityGroups" || m == "IpAddressType" })
	if len(differ) > 0 {
		return &ImmutableError{"load balancer", name, differ}
	}
	return nil
}

// balance makes target groups, load balancer and listeners.
func (u *up) balance(ctx context.Context, res *Result) error {
	for i := range u.s.groups {
		if err := u.group(ctx, &u.s.groups[i]); err != nil {
			return err
		}
	}
	if u.s.balancer == nil {
		return nil
	}
	if err := u.loadBalancer(ctx); err != nil {
		return err
	}
	return u.listeners(ctx, res)
}

func (u *up) loadBalancer(ctx context.Context) error {
	name := aws.ToString(u.s.balancer.Name)
	var what []string // changed
	made := u.balancer == nil
	var err error
	if made {
		err = u.createBalancer(ctx, name)
	} else {
		what, err = u.updateBalancer(ctx, name)
	}
	if err != nil {
		return err
	}
	keys, err := u.balancerAttributes(ctx, name)
	if err != nil {
		return err
	}
	if made {
		u.say("load balancer", name, Created, "")
		return nil
	}
	what = append(what, keys...)
	u.say("load balancer", name, status(len(what) > 0), list(what))
	return nil
}

func (u *up) createBalancer(ctx context.Context, name string) error {
	in := u.s.balancer.CreateLoadBalancerInput
	in.Tags = append(slices.Clone(in.Tags), u.s.elbTag())
	if len(in.Subnets)+len(in.SubnetMappings) == 0 {
		v, err := u.inVPC(ctx)
		if err != nil {
			return err
		}
		in.Subnets = v.subnets
	}
	out, err := u.c.ELB.CreateLoadBalancer(ctx, &in)
	if err != nil {
		return fmt.Errorf("create load balancer %s: %w", name, u.c.Explain(err))
	}
	u.balancer = &out.LoadBalancers[0]
	return nil
}

// updateBalancer changes what differs and gives its names.
func (u *up) updateBalancer(ctx context.Context, name string) ([]string, error) {
	members := changed(u.s.balancer.CreateLoadBalancerInput, u.balancer)
	if len(members) > 0 {
		if err := u.modifyBalancer(ctx, members); err != nil {
			return nil, fmt.Errorf("modify load balancer %s: %w", name, u.c.Explain(err))
		}
	}
	tagged, err := u.elbRetag(ctx, aws.ToString(u.balancer.LoadBalancerArn), u.s.balancer.Tags)
	if tagged {
		members = append(members, "Tags")
	}
	return members, err
}

// modifyBalancer uses the operation that each changeable member has.
func (u *up) modifyBalancer(ctx context.Context, members []string) error {
	var errs []error
	if slices.Contains(members, "SecurityGroups") {
		_, err := u.c.ELB.SetSecurityGroups(ctx, &elb.SetSecurityGroupsInput{LoadBalancerArn: u.balancer.LoadBalancerArn, SecurityGroups: u.s.balancer.SecurityGroups})
		errs = append(errs, err)
	}
	if slices.Contains(members, "IpAddressType") {
		_, err := u.c.ELB.SetIpAddressType(ctx, &elb.SetIpAddressTypeInput{LoadBalancerArn: u.balancer.LoadBalancerArn, IpAddressType: u.s.balancer.IpAddressType})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (u *up) balancerAttributes(ctx context.Context, name string) ([]string, error) {
	if len(u.s.balancer.Attributes) == 0 {
		return nil, nil
	}
	arn := u.balancer.LoadBalancerArn
	out, err := u.c.ELB.DescribeLoadBalancerAttributes(ctx, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: arn})
	if err != nil {
		return nil, fmt.Errorf("describe the attributes of load balancer %s: %w", name, u.c.Explain(err))
	}
	have := map[string]string{}
	for _, a := range out.Attributes {
		have[aws.ToString(a.Key)] = aws.ToString(a.Value)
	}
	in, keys := &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: arn}, []string(nil)
	for _, a := range u.s.balancer.Attributes {
		if v, ok := have[aws.ToString(a.Key)]; !ok || v != aws.ToString(a.Value) {
			in.Attributes, keys = append(in.Attributes, a), append(keys, aws.ToString(a.Key))
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	if _, err := u.c.ELB.ModifyLoadBalancerAttributes(ctx, in); err != nil {
		return nil, fmt.Errorf("set the attributes of load balancer %s: %w", name, u.c.Explain(err))
	}
	return keys, nil
}

// elbTags gives tags by ARN and key; AWS takes 20 ARNs at once.
func (c *Client) elbTags(ctx context.Context, arns []string) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	for chunk := range slices.Chunk(arns, 20) {
		out, err := c.ELB.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: chunk})
		if err != nil {
			return nil, fmt.Errorf("describe tags: %w", c.Explain(err))
		}
		for _, d := range out.TagDescriptions {
			tags := map[string]string{}
			for _, t := range d.Tags {
				tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
			}
			all[aws.ToString(d.ResourceArn)] = tags
		}
	}
	return all, nil
}
