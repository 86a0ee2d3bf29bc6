package ecs

import (
	"context"
	"maps"
	"slices"
	"strconv"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
)

const maxInstances = 100

func (h *handlers) ListContainerInstances(ctx context.Context, in *awsecs.ListContainerInstancesInput) (*awsecs.ListContainerInstancesOutput, error) {
	if err := instanceStatus(in.Status); err != nil {
		return nil, err
	}
	if value(in.Filter) != "" {
		return nil, client("miniecs does not evaluate the cluster query language: leave out the filter '%s'", *in.Filter)
	}
	all, err := h.api.ListContainerInstances(ctx, value(in.Cluster), string(in.Status))
	if err != nil {
		return nil, err
	}
	items, next, err := page(all, in.MaxResults, in.NextToken, hundreds, "instances", value(in.Cluster), string(in.Status))
	return &awsecs.ListContainerInstancesOutput{ContainerInstanceArns: items, NextToken: next}, err
}

// instanceStatus knows more states than AWS's message names (ecs-control-plane.md 7.5).
func instanceStatus(s types.ContainerInstanceStatus) error {
	if !known(s) {
		return invalid("Container instance status should be one of [ACTIVE, DRAINING]")
	}
	return nil
}

func (h *handlers) DescribeContainerInstances(ctx context.Context, in *awsecs.DescribeContainerInstancesInput) (*awsecs.DescribeContainerInstancesOutput, error) {
	with, err := includes(in.Include)
	if err != nil {
		return nil, err
	}
	if len(in.ContainerInstances) == 0 {
		return nil, client("Container Instances cannot be empty.")
	}
	if err := atMost("Container instances", len(in.ContainerInstances), maxInstances); err != nil {
		return nil, err
	}
	found, failures, err := h.api.DescribeContainerInstances(ctx, value(in.Cluster), in.ContainerInstances)
	if err != nil {
		return nil, err
	}
	out := &awsecs.DescribeContainerInstancesOutput{
		ContainerInstances: []types.ContainerInstance{}, Failures: failuresOut(failures),
	}
	for _, i := range found {
		out.ContainerInstances = append(out.ContainerInstances, instance(i, with))
	}
	return out, nil
}

// instance gives a container instance (ecs-control-plane.md 8.4). Its remaining ports are those in use, as on AWS.
func instance(i runtime.ContainerInstance, with func(types.ContainerInstanceField) bool) types.ContainerInstance {
	out := types.ContainerInstance{
		ContainerInstanceArn: text(i.ARN), Ec2InstanceId: text(i.EC2InstanceID), Status: text(i.Status),
		AgentConnected: i.AgentConnected, Version: i.Version, RegisteredAt: moment(i.RegisteredAt),
		RunningTasksCount: narrow(i.RunningTasks), PendingTasksCount: narrow(i.Pending),
		RegisteredResources: resources(i.CPU, i.Memory, reservedPorts, nil),
		RemainingResources:  resources(i.RemainingCPU, i.RemainingMemory, withReserved(i.PortsTCP), i.PortsUDP),
		VersionInfo: &types.VersionInfo{
			AgentVersion: ptr(agentVersion), AgentHash: ptr(agentHash), DockerVersion: ptr("DockerVersion: " + i.EngineVersion),
		},
		Attributes:  []types.Attribute{},
		Attachments: []types.Attachment{},
		Tags:        []types.Tag{},
	}
	for _, name := range slices.Sorted(maps.Keys(i.Attributes)) {
		out.Attributes = append(out.Attributes, types.Attribute{Name: ptr(name), Value: text(i.Attributes[name])})
	}
	if with(types.ContainerInstanceFieldTags) {
		out.Tags = tagsOut(i.Tags)
	}
	if with(types.ContainerInstanceFieldContainerInstanceHealth) {
		out.HealthStatus = &types.ContainerInstanceHealthStatus{
			OverallStatus: types.InstanceHealthCheckStateOk, Details: []types.InstanceHealthCheckResult{},
		}
	}
	return out
}

// The agent whose behaviour spec/task-runtime.md describes: some tools compare versions.
const (
	agentVersion = "1.105.1"
	agentHash    = "miniecs"
)

// reservedPorts are never given to a task (ecs-control-plane.md 0.4).
var reservedPorts = []int{22, 2375, 2376, 51678, 51679, 51680}

func withReserved(ports []int) []int {
	all := slices.Concat(reservedPorts, ports)
	slices.Sort(all)
	return slices.Compact(all)
}

func resources(cpu, memory int, tcp, udp []int) []types.Resource {
	return []types.Resource{
		{Name: ptr("CPU"), Type: ptr("INTEGER"), IntegerValue: narrow(cpu)},
		{Name: ptr("MEMORY"), Type: ptr("INTEGER"), IntegerValue: narrow(memory)},
		{Name: ptr("PORTS"), Type: ptr("STRINGSET"), StringSetValue: words(tcp)},
		{Name: ptr("PORTS_UDP"), Type: ptr("STRINGSET"), StringSetValue: words(udp)},
	}
}

func words(ports []int) []string {
	all := make([]string, len(ports))
	for i, p := range ports {
		all[i] = strconv.Itoa(p)
	}
	return all
}
