package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"miniecs/taskdef"
)

// Ports that the agent keeps for itself on an instance (spec/ecs-control-plane.md 0.4).
var reservedPorts = []int{22, 2375, 2376, 51678, 51679, 51680}

// instance describes the container instance of a cluster; r.mu is held.
func (r *Runtime) instance(c *Cluster) ContainerInstance {
	i := ContainerInstance{
		ID: c.InstanceID, ARN: r.arn("container-instance", c.Name, c.InstanceID), ClusterName: c.Name,
		EC2InstanceID: instanceID(c.InstanceID), Status: StatusActive, AgentConnected: r.synced.Load(),
		CPU: r.info.CPUs * 1024, Memory: int(r.info.MemoryBytes >> 20),
		PortsTCP: slices.Clone(reservedPorts), RegisteredAt: c.CreatedAt, EngineVersion: r.info.Version,
		Tags: slices.Clone(c.InstanceTags), Version: 1, Attributes: r.instanceAttributes(),
	}
	i.RemainingCPU, i.RemainingMemory = i.CPU, i.Memory
	for _, t := range r.tasks {
		if t.Cluster != c.Name || t.LaunchType != LaunchEC2 || t.LastStatus == StatusStopped {
			continue
		}
		n := r.needs(t)
		i.RemainingCPU -= n.cpu
		i.RemainingMemory -= n.memory
		i.PortsTCP = append(i.PortsTCP, n.tcp...)
		i.PortsUDP = append(i.PortsUDP, n.udp...)
		switch {
		case t.DesiredStatus == StatusStopped:
		case t.LastStatus == StatusRunning:
			i.RunningTasks++
		default:
			i.Pending++
		}
	}
	return i
}

func (r *Runtime) instanceAttributes() map[string]string {
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[r.info.Arch]
	a := map[string]string{"ecs.os-type": "linux", "ecs.cpu-architecture": arch, "ecs.instance-type": "local"}
	if len(r.cfg.Subnets) > 0 {
		a["ecs.availability-zone"] = r.cfg.Subnets[0].Zone
	}
	return a
}

// instanceID is the EC2 instance that a container instance is: the same for ever.
func instanceID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return "i-0" + hex.EncodeToString(sum[:8])
}

// needs is what a task takes of its container instance.
type needs struct {
	cpu, memory int
	tcp, udp    []int
}

func (r *Runtime) needs(t *Task) needs {
	td, err := r.definition(t)
	if err != nil {
		return needs{}
	}
	n := needs{cpu: td.TaskCPU(), memory: td.TaskMemory()}
	for _, c := range td.ContainerDefinitions {
		if td.TaskCPU() == 0 {
			n.cpu += c.CPU
		}
		if td.TaskMemory() == 0 { // a soft limit counts before the hard one (spec 0.4)
			if c.MemoryReservation != nil {
				n.memory += *c.MemoryReservation
			} else {
				n.memory += taskdef.Value(c.Memory)
			}
		}
		n.addPorts(td.NetworkMode, c)
	}
	return n
}

func (n *needs) addPorts(mode string, c taskdef.ContainerDefinition) {
	if mode == taskdef.NetworkModeAwsvpc || mode == taskdef.NetworkModeNone {
		return
	}
	for _, p := range c.PortMappings {
		port := taskdef.Value(p.HostPort)
		switch {
		case port == 0:
		case p.Protocol == "udp":
			n.udp = append(n.udp, port)
		default:
			n.tcp = append(n.tcp, port)
		}
	}
}

// misfit says why a task does not fit on an instance: the reason of a RunTask failure and the words of the service
// event (spec 2.10 #10, 7.2). Empty: it fits.
func (i ContainerInstance) misfit(n needs) (reason, event string) {
	clash := func(want, have []int) bool {
		return slices.ContainsFunc(want, func(p int) bool { return slices.Contains(have, p) })
	}
	switch {
	case clash(n.tcp, i.PortsTCP) || clash(n.udp, i.PortsUDP):
		return "RESOURCE:PORTS", "is already using a port required by your task"
	case n.cpu > i.RemainingCPU:
		return "RESOURCE:CPU", "has insufficient CPU units available"
	case n.memory > i.RemainingMemory:
		return "RESOURCE:MEMORY", "has insufficient memory available"
	}
	return "", ""
}

// DescribeContainerInstances describes instances by id or ARN.
func (r *Runtime) DescribeContainerInstances(_ context.Context, cluster string, refs []string) ([]ContainerInstance, []Failure, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.cluster(cluster)
	if err != nil {
		return nil, nil, err
	}
	if len(refs) == 0 {
		return nil, nil, refuse(Client, "Container Instances cannot be empty.")
	}
	var out []ContainerInstance
	var failures []Failure
	for _, ref := range refs {
		if id := lastPart(ref); id == c.InstanceID {
			out = append(out, r.instance(c))
		} else {
			failures = append(failures, Failure{ARN: r.arn("container-instance", c.Name, id), Reason: "MISSING"})
		}
	}
	return out, failures, nil
}

// ListContainerInstances gives the ARN of the cluster's instance, unless another status than ACTIVE is asked for.
func (r *Runtime) ListContainerInstances(_ context.Context, cluster, status string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.cluster(cluster)
	if err != nil {
		return nil, err
	}
	if status != "" && status != StatusActive {
		return nil, nil
	}
	return []string{r.arn("container-instance", c.Name, c.InstanceID)}, nil
}

// zone is the availability zone of a subnet; the first one for subnets that are not ours.
func (r *Runtime) zone(subnet string) string {
	for _, s := range r.cfg.Subnets {
		if s.ID == subnet {
			return s.Zone
		}
	}
	if len(r.cfg.Subnets) > 0 {
		return r.cfg.Subnets[0].Zone
	}
	return r.cfg.Region + "a"
}

func ephemeral(td *taskdef.TaskDefinition) int {
	if td.EphemeralStorage != nil {
		return td.EphemeralStorage.SizeInGiB
	}
	return 20
}

func fmtInt(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func taskName(id string) string { return fmt.Sprintf("(task %s)", id) }
