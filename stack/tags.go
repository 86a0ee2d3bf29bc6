package stack

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// Tags of existing resources have operations of their own. What the file has and the resource lacks is added; what
// only the resource has stays, since others tag too.

// retag adds the missing tags to a resource of ECS, and says whether there were any.
func (u *up) retag(ctx context.Context, arn string, want, have []types.Tag) (bool, error) {
	var missing []types.Tag
	for _, t := range want {
		if !hasTag(have, t) {
			missing = append(missing, t)
		}
	}
	if len(missing) == 0 {
		return false, nil
	}
	if _, err := u.c.ECS.TagResource(ctx, &ecs.TagResourceInput{ResourceArn: &arn, Tags: missing}); err != nil {
		return false, fmt.Errorf("tag %s: %w", revision(arn), u.c.Explain(err))
	}
	return true, nil
}

func hasTag(have []types.Tag, t types.Tag) bool {
	for _, h := range have {
		if aws.ToString(h.Key) == aws.ToString(t.Key) {
			return aws.ToString(h.Value) == aws.ToString(t.Value)
		}
	}
	return false
}

// elbRetag is retag for Elastic Load Balancing.
func (u *up) elbRetag(ctx context.Context, arn string, want []elbtypes.Tag) (bool, error) {
	if len(want) == 0 {
		return false, nil
	}
	all, err := u.c.elbTags(ctx, []string{arn})
	if err != nil {
		return false, err
	}
	var missing []elbtypes.Tag
	for _, t := range want {
		if v, ok := all[arn][aws.ToString(t.Key)]; !ok || v != aws.ToString(t.Value) {
			missing = append(missing, t)
		}
	}
	if len(missing) == 0 {
		return false, nil
	}
	if _, err := u.c.ELB.AddTags(ctx, &elb.AddTagsInput{ResourceArns: []string{arn}, Tags: missing}); err != nil {
		return false, fmt.Errorf("tag %s: %w", arn, u.c.Explain(err))
	}
	return true, nil
}

// retagDefinition tags a revision that says what the file says, except for its tags.
func (u *up) retagDefinition(ctx context.Context, arn string) (bool, error) {
	if len(u.def.Tags) == 0 {
		return false, nil
	}
	out, err := u.c.ECS.ListTagsForResource(ctx, &ecs.ListTagsForResourceInput{ResourceArn: &arn})
	if err != nil {
		return false, fmt.Errorf("list the tags of %s: %w", revision(arn), u.c.Explain(err))
	}
	var want []types.Tag
	for _, t := range u.def.Tags {
		want = append(want, types.Tag{Key: aws.String(t.Key), Value: aws.String(t.Value)})
	}
	return u.retag(ctx, arn, want, out.Tags)
}
