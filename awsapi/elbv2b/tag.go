package elbv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func (h *handlers) AddTags(ctx context.Context, in *elb.AddTagsInput) (*elb.AddTagsOutput, error) {
	return nil, h.proxy.AddTags(ctx, in.ResourceArns, tagsIn(in.Tags))
}

func (h *handlers) RemoveTags(ctx context.Context, in *elb.RemoveTagsInput) (*elb.RemoveTagsOutput, error) {
	return nil, h.proxy.RemoveTags(ctx, in.ResourceArns, in.TagKeys)
}

func (h *handlers) DescribeTags(_ context.Context, in *elb.DescribeTagsInput) (*elb.DescribeTagsOutput, error) {
	if len(in.ResourceArns) > 20 {
		return nil, invalid("The number of resource ARNs cannot be greater than '20'")
	}
	out := &elb.DescribeTagsOutput{TagDescriptions: []types.TagDescription{}}
	for _, id := range in.ResourceArns {
		tags, err := h.proxy.Tags(id)
		if err != nil {
			return nil, err
		}
		out.TagDescriptions = append(out.TagDescriptions, types.TagDescription{ResourceArn: aws.String(id), Tags: tagsOut(tags)})
	}
	return out, nil
}
