package ecs

import (
	"context"
	"unicode/utf8"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/awsapi/wire"
	"miniecs/runtime"
	"miniecs/taskdef"
)

// Limits of RunTask and StartTask (ecs-control-plane.md 1.9, 7.1).
const (
	maxCount          = 10
	maxOverrides      = 8192
	maxStartedBy      = 128
	maxStartTaskBy    = 36
	maxRunTaskToken   = 64
	maxStartInstances = 10
	maxTasks          = 100
)

// Members of a task that the runtime keeps and does not act on.
var taskExtra = []string{"placementConstraints", "placementStrategy", "volumeConfigurations", "referenceId"}

func (h *handlers) RunTask(ctx context.Context, in *awsecs.RunTaskInput) (*awsecs.RunTaskOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err := first(err,
		launchType(in.LaunchType),
		noLonger("clientToken", in.ClientToken, maxRunTaskToken),
		noLonger("startedBy", in.StartedBy, maxStartedBy),
		strategyRules(in.CapacityProviderStrategy),
		overrideRules(in.Overrides),
	); err != nil {
		return nil, err
	}
	if in.Count != nil && (*in.Count < 1 || *in.Count > maxCount) {
		return nil, invalid("count should be between 1 and %d.", maxCount)
	}
	extra, err := pick(in, taskExtra...)
	if err != nil {
		return nil, err
	}
	overrides, err := overridesIn(in.Overrides)
	if err != nil {
		return nil, err
	}
	strategy, err := h.strategy(ctx, in.Cluster, in.LaunchType, in.CapacityProviderStrategy)
	if err != nil {
		return nil, err
	}
	run, failures, err := h.api.RunTask(ctx, runtime.RunTaskInput{
		Cluster: value(in.Cluster), TaskDefinition: value(in.TaskDefinition), Count: int(value(in.Count)),
		LaunchType: string(in.LaunchType), CapacityProviders: strategy,
		PlatformVersion: value(in.PlatformVersion), Network: networkIn(in.NetworkConfiguration), Overrides: overrides,
		Group: value(in.Group), StartedBy: value(in.StartedBy), ClientToken: value(in.ClientToken),
		PropagateTags: string(in.PropagateTags), ManagedTags: in.EnableECSManagedTags,
		ExecuteCommand: in.EnableExecuteCommand, Tags: tags, Extra: extra,
	})
	if err != nil {
		return nil, err
	}
	tasks, err := h.tasks(run, true)
	return &awsecs.RunTaskOutput{Tasks: tasks, Failures: failuresOut(failures)}, err
}

// StartTask starts one task on each of the named instances; there is no capacity provider and no launch type.
func (h *handlers) StartTask(ctx context.Context, in *awsecs.StartTaskInput) (*awsecs.StartTaskOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err := first(err,
		noLonger("startedBy", in.StartedBy, maxStartTaskBy),
		overrideRules(in.Overrides),
	); err != nil {
		return nil, err
	}
	if len(in.ContainerInstances) == 0 {
		return nil, client("Container Instances cannot be empty.")
	}
	if err := atMost("Container instances", len(in.ContainerInstances), maxStartInstances); err != nil {
		return nil, err
	}
	extra, err := pick(in, taskExtra...)
	if err != nil {
		return nil, err
	}
	overrides, err := overridesIn(in.Overrides)
	if err != nil {
		return nil, err
	}
	run, failures, err := h.api.RunTask(ctx, runtime.RunTaskInput{
		Cluster: value(in.Cluster), TaskDefinition: value(in.TaskDefinition), Count: len(in.ContainerInstances),
		LaunchType: runtime.LaunchEC2, ContainerInstances: in.ContainerInstances,
		Network: networkIn(in.NetworkConfiguration), Overrides: overrides,
		Group: value(in.Group), StartedBy: value(in.StartedBy),
		PropagateTags: string(in.PropagateTags), ManagedTags: in.EnableECSManagedTags,
		ExecuteCommand: in.EnableExecuteCommand, Tags: tags, Extra: extra,
	})
	if err != nil {
		return nil, err
	}
	tasks, err := h.tasks(run, true)
	return &awsecs.StartTaskOutput{Tasks: tasks, Failures: failuresOut(failures)}, err
}

func (h *handlers) StopTask(ctx context.Context, in *awsecs.StopTaskInput) (*awsecs.StopTaskOutput, error) {
	stopped, err := h.api.StopTask(ctx, value(in.Cluster), value(in.Task), value(in.Reason))
	if err != nil {
		return nil, err
	}
	out, err := h.task(stopped, true)
	return &awsecs.StopTaskOutput{Task: out}, err
}

func (h *handlers) DescribeTasks(ctx context.Context, in *awsecs.DescribeTasksInput) (*awsecs.DescribeTasksOutput, error) {
	with, err := includes(in.Include)
	if err := first(err, notEmpty("Tasks", len(in.Tasks)), atMost("Tasks", len(in.Tasks), maxTasks)); err != nil {
		return nil, err
	}
	found, failures, err := h.api.DescribeTasks(ctx, value(in.Cluster), in.Tasks)
	if err != nil {
		return nil, err
	}
	tasks, err := h.tasks(found, with(types.TaskFieldTags))
	return &awsecs.DescribeTasksOutput{Tasks: tasks, Failures: failuresOut(failures)}, err
}

func (h *handlers) ListTasks(ctx context.Context, in *awsecs.ListTasksInput) (*awsecs.ListTasksOutput, error) {
	if err := launchType(in.LaunchType); err != nil {
		return nil, err
	}
	f := runtime.TaskFilter{
		Cluster: value(in.Cluster), ContainerInstance: value(in.ContainerInstance), Family: value(in.Family),
		Service: value(in.ServiceName), StartedBy: value(in.StartedBy), LaunchType: string(in.LaunchType),
		DesiredStatus: string(in.DesiredStatus),
	}
	all, err := h.api.ListTasks(ctx, f)
	if err != nil {
		return nil, err
	}
	items, next, err := page(all, in.MaxResults, in.NextToken, hundreds, "tasks",
		f.Cluster, f.ContainerInstance, f.Family, f.Service, f.StartedBy, f.LaunchType, f.DesiredStatus)
	return &awsecs.ListTasksOutput{TaskArns: items, NextToken: next}, err
}

func noLonger(what string, s *string, limit int) error {
	if utf8.RuneCountInString(value(s)) > limit {
		return invalid("%s can have at most %d characters.", what, limit)
	}
	return nil
}

func overrideRules(o *types.TaskOverride) error {
	if o == nil {
		return nil
	}
	data, err := wire.EncodeJSON(o)
	if err == nil && len(data) > maxOverrides {
		return invalid("Overrides can have at most %d characters.", maxOverrides)
	}
	return err
}

func overridesIn(o *types.TaskOverride) (taskdef.Overrides, error) {
	var out taskdef.Overrides
	if o == nil {
		return out, nil
	}
	err := domain(o, &out)
	return out, err
}
