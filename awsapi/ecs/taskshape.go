package ecs

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
)

func (h *handlers) tasks(tasks []runtime.Task, withTags bool) ([]types.Task, error) {
	all := make([]types.Task, 0, len(tasks))
	for _, t := range tasks {
		out, err := h.task(t, withTags)
		if err != nil {
			return nil, err
		}
		all = append(all, *out)
	}
	return all, nil
}

// task gives a task as ECS shows it (ecs-control-plane.md 1.2 to 1.6). Lists are there even when empty; so are tags
// that were not asked for.
func (h *handlers) task(t runtime.Task, withTags bool) (*types.Task, error) {
	out := &types.Task{
		TaskArn: text(t.ARN), ClusterArn: text(t.ClusterARN), TaskDefinitionArn: text(t.TaskDefinitionARN),
		ContainerInstanceArn: text(t.InstanceARN), AvailabilityZone: text(t.AvailabilityZone),
		Group: text(t.Group), StartedBy: text(t.StartedBy), Version: t.Version,
		LaunchType: types.LaunchType(t.LaunchType), CapacityProviderName: text(t.CapacityProvider),
		PlatformVersion: text(t.PlatformVersion), PlatformFamily: text(t.PlatformFamily),
		Cpu: text(t.CPU), Memory: text(t.Memory), EnableExecuteCommand: t.ExecuteCommand,
		DesiredStatus: text(t.DesiredStatus), LastStatus: text(t.LastStatus), HealthStatus: health(t.HealthStatus),
		StopCode: types.TaskStopCode(t.StopCode), StoppedReason: text(t.StoppedReason),
		CreatedAt: moment(t.CreatedAt), ConnectivityAt: moment(t.ConnectivityAt),
		PullStartedAt: moment(t.PullStartedAt), PullStoppedAt: moment(t.PullStoppedAt), StartedAt: moment(t.StartedAt),
		StoppingAt: moment(t.StoppingAt), ExecutionStoppedAt: moment(t.ExecutionStoppedAt), StoppedAt: moment(t.StoppedAt),
		Attachments: attachments(t.Attachment),
		Attributes:  []types.Attribute{},
		Containers:  []types.Container{},
		Tags:        []types.Tag{},
	}
	//lint:ignore SA1019 retired for requests, but still in every answer
	out.InferenceAccelerators = []types.InferenceAccelerator{}
	if !t.ConnectivityAt.IsZero() {
		out.Connectivity = types.ConnectivityConnected
	}
	if h.cfg.CPUArchitecture != "" {
		out.Attributes = append(out.Attributes, types.Attribute{Name: ptr("ecs.cpu-architecture"), Value: &h.cfg.CPUArchitecture})
	}
	if t.EphemeralGiB > 0 {
		out.EphemeralStorage = &types.EphemeralStorage{SizeInGiB: narrow(t.EphemeralGiB)}
	}
	for _, c := range t.Containers {
		out.Containers = append(out.Containers, container(t, c))
	}
	if withTags {
		out.Tags = tagsOut(t.Tags)
	}
	var err error
	out.Overrides, err = overridesOut(t)
	return out, err
}

// overridesOut names every container, overridden or not (ecs-control-plane.md 1.9).
func overridesOut(t runtime.Task) (*types.TaskOverride, error) {
	given := &types.TaskOverride{}
	if err := sdk(t.Overrides, given); err != nil {
		return nil, err
	}
	byName := map[string]types.ContainerOverride{}
	for _, o := range given.ContainerOverrides {
		byName[value(o.Name)] = o
	}
	given.ContainerOverrides = make([]types.ContainerOverride, 0, len(t.Containers))
	for _, c := range t.Containers {
		o := byName[c.Name]
		o.Name = ptr(c.Name)
		given.ContainerOverrides = append(given.ContainerOverrides, o)
	}
	//lint:ignore SA1019 retired for requests, but still in every answer
	given.InferenceAcceleratorOverrides = some(given.InferenceAcceleratorOverrides)
	return given, nil
}

func container(t runtime.Task, c runtime.Container) types.Container {
	out := types.Container{
		ContainerArn: text(c.ARN), TaskArn: text(t.ARN), Name: text(c.Name), Image: text(c.Image),
		ImageDigest: text(c.ImageDigest), RuntimeId: text(c.RuntimeID), LastStatus: text(c.LastStatus),
		HealthStatus: health(c.HealthStatus), ExitCode: narrowPtr(c.ExitCode), Reason: text(c.Reason),
		Cpu:               ptr(strconv.Itoa(c.CPU)),
		NetworkBindings:   []types.NetworkBinding{},
		NetworkInterfaces: []types.NetworkInterface{},
	}
	if c.Memory > 0 {
		out.Memory = ptr(strconv.Itoa(c.Memory))
	}
	if c.Reservation > 0 {
		out.MemoryReservation = ptr(strconv.Itoa(c.Reservation))
	}
	for _, b := range c.Bindings {
		out.NetworkBindings = append(out.NetworkBindings, types.NetworkBinding{
			BindIP: text(b.BindIP), ContainerPort: ptr(narrow(b.ContainerPort)), HostPort: ptr(narrow(b.HostPort)),
			Protocol: types.TransportProtocol(b.Protocol),
		})
	}
	if a := t.Attachment; a != nil && a.Address != "" {
		out.NetworkInterfaces = append(out.NetworkInterfaces, types.NetworkInterface{
			AttachmentId: text(a.ID), PrivateIpv4Address: text(a.Address),
		})
	}
	return out
}

// attachments is the task's network interface. Before it is attached only the subnet is known.
func attachments(a *runtime.Attachment) []types.Attachment {
	if a == nil {
		return []types.Attachment{}
	}
	details := []types.KeyValuePair{}
	for _, d := range []struct{ name, value string }{
		{"subnetId", a.SubnetID},
		{"networkInterfaceId", a.InterfaceID},
		{"macAddress", a.MAC},
		{"privateDnsName", a.DNSName},
		{"privateIPv4Address", a.Address},
	} {
		if d.value != "" {
			details = append(details, types.KeyValuePair{Name: ptr(d.name), Value: ptr(d.value)})
		}
	}
	return []types.Attachment{{
		Id: text(a.ID), Type: ptr("ElasticNetworkInterface"), Status: text(a.Status), Details: details,
	}}
}

func health(status string) types.HealthStatus {
	if status == "" {
		return types.HealthStatusUnknown
	}
	return types.HealthStatus(status)
}
