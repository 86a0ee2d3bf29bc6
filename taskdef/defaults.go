package taskdef

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// WithDefaults is a copy of a valid definition as AWS gives it back: what AWS fills in is filled in
// (task-definition.md 8.2, 4.3, 4.6), sizes are plain numbers, compatibilities and requiresAttributes are
// computed. It can be applied again to its own result without a change.
func WithDefaults(td *TaskDefinition) *TaskDefinition {
	out := td.Clone()
	if n := out.TaskCPU(); n > 0 {
		out.CPU = new(strconv.Itoa(n))
	}
	if n := out.TaskMemory(); n > 0 {
		out.Memory = new(strconv.Itoa(n))
	}
	if out.Volumes == nil {
		out.Volumes = []Volume{}
	}
	if out.PlacementConstraints == nil {
		out.PlacementConstraints = []PlacementConstraint{}
	}
	for i := range out.Volumes {
		if e := out.Volumes[i].EFSVolumeConfiguration; e != nil && e.RootDirectory == "" {
			e.RootDirectory = "/"
		}
	}
	for i := range out.ContainerDefinitions {
		out.ContainerDefinitions[i].fill(out.NetworkMode)
	}
	out.Compatibilities = compatibilities(out)
	out.RequiresAttributes = requiresAttributes(out)
	return out
}

// fill gives a container the seven members that AWS always answers, and the defaults inside its ports and its
// health check.
func (c *ContainerDefinition) fill(mode string) {
	if c.Essential == nil {
		c.Essential = new(true)
	}
	if c.PortMappings == nil {
		c.PortMappings = []PortMapping{}
	}
	if c.Environment == nil {
		c.Environment = []KeyValuePair{}
	}
	if c.MountPoints == nil {
		c.MountPoints = []MountPoint{}
	}
	if c.VolumesFrom == nil {
		c.VolumesFrom = []VolumeFrom{}
	}
	if c.SystemControls == nil {
		c.SystemControls = []SystemControl{}
	}
	for i := range c.PortMappings {
		c.PortMappings[i].fill(mode)
	}
	if h := c.HealthCheck; h != nil {
		h.Interval = orDefault(h.Interval, 30)
		h.Timeout = orDefault(h.Timeout, 5)
		h.Retries = orDefault(h.Retries, 3)
	}
}

// fill follows the table "how hostPort comes back" of task-definition.md 4.3; a range has no hostPort.
func (p *PortMapping) fill(mode string) {
	if p.Protocol == "" {
		p.Protocol = "tcp"
	}
	switch {
	case p.ContainerPortRange != "":
	case mode == NetworkModeAwsvpc || mode == NetworkModeHost:
		p.HostPort = new(p.ContainerPort)
	case p.HostPort == nil:
		p.HostPort = new(0)
	}
}

func orDefault(p *int, value int) *int {
	if p == nil {
		return &value
	}
	return p
}

// Equal says whether registering b would give the same as registering a: read-only members and tags are not
// looked at (responses have the tags elsewhere), defaults are, and an empty member is as good as an absent one.
func Equal(a, b *TaskDefinition) bool {
	return reflect.DeepEqual(canonical(a), canonical(b))
}

func canonical(td *TaskDefinition) any {
	n := WithDefaults(td)
	n.dropReadOnly()
	n.Tags = nil
	data, err := json.Marshal(n)
	if err != nil {
		panic(err) // strings, numbers, bools: there is nothing that could fail
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		panic(err)
	}
	return prune(tree)
}

// dropReadOnly clears what AWS adds.
func (td *TaskDefinition) dropReadOnly() {
	td.TaskDefinitionArn, td.Revision, td.Status = "", 0, ""
	td.RequiresAttributes, td.Compatibilities = nil, nil
	td.RegisteredAt, td.RegisteredBy, td.DeregisteredAt, td.DeleteRequestedAt = nil, "", nil, nil
}

// Input is a copy without the read-only members: what can be registered again.
func (td *TaskDefinition) Input() *TaskDefinition {
	out := td.Clone()
	out.dropReadOnly()
	return out
}

// prune takes empty lists and objects out of a JSON tree; list items stay, their places matter.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if member = prune(member); member == nil {
				delete(v, key)
			} else {
				v[key] = member
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}
