package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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

func (u *up) observeGroups(ctx context.Context) error {
	if len(u.s.groups) == 0 {
		return nil
	}
	all, err := u.c.allGroups(ctx)
	if err != nil {
		return err
	}
	for _, g := range u.s.groups {
		name := aws.ToString(g.Name)
		i := slices.IndexFunc(all, func(t types.TargetGroup) bool { return aws.ToString(t.TargetGroupName) == name })
		if i < 0 {
			continue
		}
		arn := aws.ToString(all[i].TargetGroupArn)
		tags, err := u.c.elbTags(ctx, []string{arn})
		if err != nil {
			return err
		}
		if owner := tags[arn][Tag]; owner != u.s.Name {
			return u.strange("target group", name, owner)
		}
		fixed := assign(&elb.ModifyTargetGroupInput{}, g.CreateTargetGroupInput, changed(g.CreateTargetGroupInput, all[i]))
		if len(fixed) > 0 {
			return &ImmutableError{"target group", name, fixed}
		}
		u.groups[name] = arn
		u.existing = append(u.existing, all[i])
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

func (u *up) group(ctx context.Context, g *groupInput) error {
	name := aws.ToString(g.Name)
	status, detail := Unchanged, ""
	if arn, ok := u.groups[name]; ok {
		i := slices.IndexFunc(u.existing, func(t types.TargetGroup) bool { return aws.ToString(t.TargetGroupArn) == arn })
		if members := changed(g.CreateTargetGroupInput, u.existing[i]); len(members) > 0 {
			in := &elb.ModifyTargetGroupInput{TargetGroupArn: &arn}
			assign(in, g.CreateTargetGroupInput, members)
			if _, err := u.c.ELB.ModifyTargetGroup(ctx, in); err != nil {
				return fmt.Errorf("modify target group %s: %w", name, u.c.Explain(err))
			}
			status, detail = Updated, list(members)
		}
	} else {
		in := g.CreateTargetGroupInput
		in.Tags = append(slices.Clone(in.Tags), u.s.elbTag())
		if in.VpcId == nil && in.TargetType != types.TargetTypeEnumLambda {
			v, err := u.inVPC(ctx)
			if err != nil {
				return err
			}
			in.VpcId = &v.id
		}
		out, err := u.c.ELB.CreateTargetGroup(ctx, &in)
		if err != nil {
			return fmt.Errorf("create target group %s: %w", name, u.c.Explain(err))
		}
		u.groups[name] = aws.ToString(out.TargetGroups[0].TargetGroupArn)
		status = Created
	}
	keys, err := u.groupAttributes(ctx, name, g.Attributes)
	if err != nil {
		return err
	}
	if len(keys) > 0 && status != Created {
		status, detail = Updated, strings.TrimPrefix(detail+", "+list(keys), ", ")
	}
	u.say("target group", name, status, detail)
	return nil
}

// groupAttributes sets the attributes that differ, and gives their keys.
func (u *up) groupAttributes(ctx context.Context, name string, want []types.TargetGroupAttribute) ([]string, error) {
	if len(want) == 0 {
		return nil, nil
	}
	arn := u.groups[name]
	out, err := u.c.ELB.DescribeTargetGroupAttributes(ctx, &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &arn})
	if err != nil {
		return nil, fmt.Errorf("describe the attributes of target group %s: %w", name, u.c.Explain(err))
	}
	have := map[string]string{}
	for _, a := range out.Attributes {
		have[aws.ToString(a.Key)] = aws.ToString(a.Value)
	}
	in, keys := &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: &arn}, []string(nil)
	for _, a := range want {
		if v, ok := have[aws.ToString(a.Key)]; !ok || v != aws.ToString(a.Value) {
			in.Attributes, keys = append(in.Attributes, a), append(keys, aws.ToString(a.Key))
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	if _, err := u.c.ELB.ModifyTargetGroupAttributes(ctx, in); err != nil {
		return nil, fmt.Errorf("set the attributes of target group %s: %w", name, u.c.Explain(err))
	}
	return keys, nil
}

func (u *up) loadBalancer(ctx context.Context) error {
	name := aws.ToString(u.s.balancer.Name)
	status, detail := Unchanged, ""
	if u.balancer == nil {
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
		u.balancer, status = &out.LoadBalancers[0], Created
	} else if members := changed(u.s.balancer.CreateLoadBalancerInput, u.balancer); len(members) > 0 {
		if err := u.modifyBalancer(ctx, members); err != nil {
			return fmt.Errorf("modify load balancer %s: %w", name, u.c.Explain(err))
		}
		status, detail = Updated, list(members)
	}
	keys, err := u.balancerAttributes(ctx, name)
	if err != nil {
		return err
	}
	if len(keys) > 0 && status != Created {
		status, detail = Updated, strings.TrimPrefix(detail+", "+list(keys), ", ")
	}
	u.say("load balancer", name, status, detail)
	return nil
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

func (c *Client) allGroups(ctx context.Context) ([]types.TargetGroup, error) {
	var all []types.TargetGroup
	pages := elb.NewDescribeTargetGroupsPaginator(c.ELB, &elb.DescribeTargetGroupsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe target groups: %w", c.Explain(err))
		}
		all = append(all, page.TargetGroups...)
	}
	slices.SortFunc(all, func(a, b types.TargetGroup) int {
		return cmp.Compare(aws.ToString(a.TargetGroupName), aws.ToString(b.TargetGroupName))
	})
	return all, nil
}
