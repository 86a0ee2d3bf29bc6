package ecs

import (
	"context"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
)

func (h *handlers) TagResource(ctx context.Context, in *awsecs.TagResourceInput) (*awsecs.TagResourceOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	return &awsecs.TagResourceOutput{}, h.api.TagResource(ctx, value(in.ResourceArn), tags)
}

func (h *handlers) UntagResource(ctx context.Context, in *awsecs.UntagResourceInput) (*awsecs.UntagResourceOutput, error) {
	return &awsecs.UntagResourceOutput{}, h.api.UntagResource(ctx, value(in.ResourceArn), in.TagKeys)
}

func (h *handlers) ListTagsForResource(ctx context.Context, in *awsecs.ListTagsForResourceInput) (*awsecs.ListTagsForResourceOutput, error) {
	tags, err := h.api.ListTags(ctx, value(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	return &awsecs.ListTagsForResourceOutput{Tags: tagsOut(tags)}, nil
}
