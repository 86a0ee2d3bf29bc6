package runtime

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"miniecs/internal/ids"
	"miniecs/taskdef"
)

// newTask makes the record of a task in its first state; it isn't in the runtime yet. r.mu is held.
func (r *Runtime) newTask(c *Cluster, td *taskdef.TaskDefinition, in RunTaskInput, group string) (*Task, error) {
	td, err := taskdef.Apply(td, in.Overrides)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	id := ids.Task()
	t := &Task{
		ID: id, ARN: r.arn("task", c.Name, id), Cluster: c.Name, ClusterARN: c.ARN,
		TaskDefinitionARN: td.TaskDefinitionArn, StartedBy: in.StartedBy, Group: group, ClientToken: in.ClientToken,
		LaunchType: in.LaunchType, CPU: fmtInt(td.TaskCPU()), Memory: fmtInt(td.TaskMemory()),
		DesiredStatus: StatusRunning, LastStatus: StatusProvisioning, HealthStatus: HealthUnknown, Version: 1,
		CreatedAt: now, Overrides: in.Overrides, ExecuteCommand: in.ExecuteCommand, Tags: slices.Clone(in.Tags),
		Extra: maps.Clone(in.Extra), Network: in.Network,
	}
	subnet := ""
	if in.Network != nil && len(in.Network.Subnets) > 0 {
		subnet = in.Network.Subnets[int(now.UnixNano()/1000)%len(in.Network.Subnets)]
	}
	t.AvailabilityZone = r.zone(subnet)
	switch {
	case in.LaunchType == LaunchEC2:
		t.InstanceARN = r.arn("container-instance", c.Name, c.InstanceID)
	default:
		t.PlatformVersion, t.PlatformFamily = resolvedPlatform(in.PlatformVersion), "Linux"
		t.EphemeralGiB = ephemeral(td)
	}
	if len(in.CapacityProviders) > 0 {
		t.CapacityProvider = in.CapacityProviders[0].Provider
	}
	if td.NetworkMode == taskdef.NetworkModeAwsvpc {
		t.Attachment = &Attachment{ID: ids.UUID(), Status: "PRECREATED", SubnetID: subnet, InterfaceID: ids.EC2("eni")}
	} else if in.LaunchType == LaunchEC2 { // placed at once: no work before PENDING (spec 1.1)
		t.LastStatus = StatusPending
	}
	for i := range td.ContainerDefinitions {
		t.Containers = append(t.Containers, r.newContainer(c, t, &td.ContainerDefinitions[i]))
	}
	return t, nil
}

func (r *Runtime) newContainer(c *Cluster, t *Task, def *taskdef.ContainerDefinition) Container {
	return Container{
		Name: def.Name, ARN: r.arn("container", c.Name, t.ID, ids.UUID()), Image: def.Image,
		EngineName: fmt.Sprintf("ecs-%s-%s", def.Name, t.ID), LastStatus: StatusPending, HealthStatus: HealthUnknown,
		CPU: def.CPU, Memory: taskdef.Value(def.Memory), Reservation: taskdef.Value(def.MemoryReservation),
		Essential: def.IsEssential(),
		HasCheck:  def.HealthCheck != nil && len(def.HealthCheck.Command) > 0 && def.HealthCheck.Command[0] != "NONE",
	}
}

// addTask puts a new task into the runtime, marked to be saved; its runner starts when it is durable. r.mu is held.
func (r *Runtime) addTask(t *Task) {
	r.index(t)
	r.fresh["task/"+t.ID] = struct{}{}
	r.touch("task/" + t.ID)
	r.publishTask(t)
}

// resolvedPlatform is the platform version that LATEST means (spec 8.3).
func resolvedPlatform(asked string) string {
	if asked == "" || asked == "LATEST" {
		return "1.4.0"
	}
	return asked
}

// launchType resolves launch type and strategy to FARGATE or EC2, and what the definition must support.
func launchType(in string, providers []CapacityProviderItem) (string, error) {
	switch {
	case in != "" && len(providers) > 0:
		return "", refuse(Invalid, "Specify either Launch Type or Capacity Provider Strategy, but not both.")
	case in == "" && len(providers) > 0:
		for _, p := range providers {
			if p.Provider != "FARGATE" && p.Provider != "FARGATE_SPOT" {
				return "", refuse(Invalid, "The specified capacity provider '%s' was not found.", p.Provider)
			}
		}
		return LaunchFargate, nil
	case in == "":
		return LaunchEC2, nil
	case in == LaunchEC2 || in == LaunchFargate:
		return in, nil
	case in == "EXTERNAL" || in == "MANAGED_INSTANCES":
		return "", refuse(Invalid, "miniecs has no capacity of launch type %s; use FARGATE or EC2.", in)
	}
	return "", refuse(Client, "launch type should be one of [EC2,FARGATE,EXTERNAL]")
}

// platformVersions are Fargate's on Linux.
var platformVersions = []string{"", "LATEST", "1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0"}

// checkPlatform refuses a platform version that does not exist, and any on EC2.
func checkPlatform(launch, version string) error {
	switch {
	case launch == LaunchEC2 && version != "":
		return refuse(Invalid, "The platform version must be null when specifying an EC2 launch type.")
	case !slices.Contains(platformVersions, version):
		return refuse(PlatformUnknown, "The platform version %s is unknown.", version)
	}
	return nil
}

// checkLaunch refuses a definition on a launch type that it does not support, and a missing network.
func checkLaunch(td *taskdef.TaskDefinition, launch string, network *NetworkConfiguration) error {
	if launch == LaunchFargate && !slices.Contains(td.Compatibilities, taskdef.Fargate) {
		return refuse(Invalid, "Task definition does not support launch_type FARGATE.")
	}
	if td.NetworkMode != taskdef.NetworkModeAwsvpc {
		if network != nil {
			return refuse(Invalid, "Network Configuration is not valid for the given networkMode of this task definition.")
		}
		return nil
	}
	switch {
	case network == nil:
		return refuse(Invalid, "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	case len(network.Subnets) == 0:
		return refuse(Invalid, "subnets can not be empty.")
	case len(network.Subnets) > 16:
		return refuse(Invalid, "subnets can have at most 16 items.")
	case len(network.SecurityGroups) > 5:
		return refuse(Invalid, "securityGroups can have at most 5 items.")
	}
	return nil
}
