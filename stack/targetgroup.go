package stack

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

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

func (u *up) group(ctx context.Context, g *groupInput) error {
	name := aws.ToString(g.Name)
	arn, there := u.groups[name]
	var what []string // changed
	var err error
	if there {
		what, err = u.updateGroup(ctx, name, arn, g)
	} else {
		err = u.createGroup(ctx, name, g)
	}
	if err != nil {
		return err
	}
	keys, err := u.groupAttributes(ctx, name, g.Attributes)
	if err != nil {
		return err
	}
	if !there {
		u.say("target group", name, Created, "")
		return nil
	}
	what = append(what, keys...)
	u.say("target group", name, status(len(what) > 0), list(what))
	return nil
}

func (u *up) createGroup(ctx context.Context, name string, g *groupInput) error {
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
	return nil
}

// updateGroup changes what differs and gives its names.
func (u *up) updateGroup(ctx context.Context, name, arn string, g *groupInput) ([]string, error) {
	i := slices.IndexFunc(u.existing, func(t types.TargetGroup) bool { return aws.ToString(t.TargetGroupArn) == arn })
	members := changed(g.CreateTargetGroupInput, u.existing[i])
	if len(members) > 0 {
		in := &elb.ModifyTargetGroupInput{TargetGroupArn: &arn}
		assign(in, g.CreateTargetGroupInput, members)
		if _, err := u.c.ELB.ModifyTargetGroup(ctx, in); err != nil {
			return nil, fmt.Errorf("modify target group %s: %w", name, u.c.Explain(err))
		}
	}
	tagged, err := u.elbRetag(ctx, arn, g.Tags)
	if tagged {
		members = append(members, "Tags")
	}
	return members, err
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
