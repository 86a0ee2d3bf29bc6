package ecs

import (
	"context"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
	"miniecs/taskdef"
)

func (h *handlers) RegisterTaskDefinition(ctx context.Context, in *awsecs.RegisterTaskDefinitionInput) (*awsecs.RegisterTaskDefinitionOutput, error) {
	var td taskdef.TaskDefinition
	if err := domain(in, &td); err != nil {
		return nil, err
	}
	registered, err := h.api.RegisterTaskDefinition(ctx, &td)
	if err != nil {
		return nil, err
	}
	out, err := definition(registered)
	if err != nil {
		return nil, err
	}
	answer := &awsecs.RegisterTaskDefinitionOutput{TaskDefinition: out}
	if len(registered.Tags) > 0 { // without tags there is no such key here (task-definition.md 6.2)
		answer.Tags = definitionTags(registered)
	}
	return answer, nil
}

func (h *handlers) DescribeTaskDefinition(ctx context.Context, in *awsecs.DescribeTaskDefinitionInput) (*awsecs.DescribeTaskDefinitionOutput, error) {
	with, err := includes(in.Include)
	if err != nil {
		return nil, err
	}
	td, err := h.api.DescribeTaskDefinition(ctx, value(in.TaskDefinition))
	if err != nil {
		return nil, err
	}
	out, err := definition(td)
	if err != nil {
		return nil, err
	}
	answer := &awsecs.DescribeTaskDefinitionOutput{TaskDefinition: out, Tags: []types.Tag{}}
	if with(types.TaskDefinitionFieldTags) {
		answer.Tags = definitionTags(td)
	}
	return answer, nil
}

// DeregisterTaskDefinition answers without previousStatus: the SDK's type has no place for that member, and no client
// reads it (task-definition.md 8.1).
func (h *handlers) DeregisterTaskDefinition(ctx context.Context, in *awsecs.DeregisterTaskDefinitionInput) (*awsecs.DeregisterTaskDefinitionOutput, error) {
	td, _, err := h.api.DeregisterTaskDefinition(ctx, value(in.TaskDefinition))
	if err != nil {
		return nil, err
	}
	out, err := definition(td)
	return &awsecs.DeregisterTaskDefinitionOutput{TaskDefinition: out}, err
}

func (h *handlers) DeleteTaskDefinitions(ctx context.Context, in *awsecs.DeleteTaskDefinitionsInput) (*awsecs.DeleteTaskDefinitionsOutput, error) {
	if err := first(
		notEmpty("Task definitions", len(in.TaskDefinitions)),
		atMost("Task definitions", len(in.TaskDefinitions), 10),
	); err != nil {
		return nil, err
	}
	deleted, failures, err := h.api.DeleteTaskDefinitions(ctx, in.TaskDefinitions)
	if err != nil {
		return nil, err
	}
	answer := &awsecs.DeleteTaskDefinitionsOutput{TaskDefinitions: []types.TaskDefinition{}, Failures: failuresOut(failures)}
	for _, td := range deleted {
		out, err := definition(td)
		if err != nil {
			return nil, err
		}
		answer.TaskDefinitions = append(answer.TaskDefinitions, *out)
	}
	return answer, nil
}

// ListTaskDefinitions takes familyPrefix as a whole family (ecs-control-plane.md 7.1).
func (h *handlers) ListTaskDefinitions(ctx context.Context, in *awsecs.ListTaskDefinitionsInput) (*awsecs.ListTaskDefinitionsOutput, error) {
	status := in.Status
	if status == "" {
		status = types.TaskDefinitionStatusActive
	}
	family := value(in.FamilyPrefix)
	all, err := h.api.ListTaskDefinitions(ctx, family, string(status), in.Sort == types.SortOrderDesc)
	if err != nil {
		return nil, err
	}
	items, next, err := page(all, in.MaxResults, in.NextToken, hundreds, "definitions", family, string(status), string(in.Sort))
	return &awsecs.ListTaskDefinitionsOutput{TaskDefinitionArns: items, NextToken: next}, err
}

// ListTaskDefinitionFamilies shows families with and without ACTIVE revisions unless a status is given.
func (h *handlers) ListTaskDefinitionFamilies(ctx context.Context, in *awsecs.ListTaskDefinitionFamiliesInput) (*awsecs.ListTaskDefinitionFamiliesOutput, error) {
	prefix := value(in.FamilyPrefix)
	all, err := h.api.ListFamilies(ctx, prefix, string(in.Status))
	if err != nil {
		return nil, err
	}
	items, next, err := page(all, in.MaxResults, in.NextToken, hundreds, "families", prefix, string(in.Status))
	return &awsecs.ListTaskDefinitionFamiliesOutput{Families: items, NextToken: next}, err
}

// definition gives a definition in the SDK's type, which has no tags: they stand beside it.
func definition(td *taskdef.TaskDefinition) (*types.TaskDefinition, error) {
	out := &types.TaskDefinition{}
	if err := sdk(td, out); err != nil {
		return nil, err
	}
	return out, nil
}

func definitionTags(td *taskdef.TaskDefinition) []types.Tag {
	tags := make([]runtime.Tag, len(td.Tags))
	for i, t := range td.Tags {
		tags[i] = runtime.Tag(t)
	}
	return tagsOut(tags)
}
