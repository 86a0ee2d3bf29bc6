package taskdef

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Overrides are what RunTask and StartTask change of a definition for one task.
type Overrides struct {
	ContainerOverrides            []ContainerOverride    `json:"containerOverrides,omitzero"`
	CPU                           *string                `json:"cpu,omitzero"`
	InferenceAcceleratorOverrides []InferenceAccelerator `json:"inferenceAcceleratorOverrides,omitzero"`
	ExecutionRoleArn              string                 `json:"executionRoleArn,omitzero"`
	Memory                        *string                `json:"memory,omitzero"`
	TaskRoleArn                   string                 `json:"taskRoleArn,omitzero"`
	EphemeralStorage              *EphemeralStorage      `json:"ephemeralStorage,omitzero"`
}

// ContainerOverride changes one container, found by its name.
type ContainerOverride struct {
	Name                 string                `json:"name,omitzero"`
	Command              []string              `json:"command,omitzero"`
	Environment          []KeyValuePair        `json:"environment,omitzero"`
	EnvironmentFiles     []EnvironmentFile     `json:"environmentFiles,omitzero"`
	CPU                  *int                  `json:"cpu,omitzero"`
	Memory               *int                  `json:"memory,omitzero"`
	MemoryReservation    *int                  `json:"memoryReservation,omitzero"`
	ResourceRequirements []ResourceRequirement `json:"resourceRequirements,omitzero"`
}

// MaxOverridesSize is how many characters of JSON RunTask takes as overrides (ecs-control-plane.md 1.9).
const MaxOverridesSize = 8192

// Apply gives the definition that one task runs with. Variables of an override replace those of the same name
// or are added; a command, files of variables and a size replace the whole member; what an override leaves out
// stays. td and o are not changed. Errors are *ValidationErrors; their texts are from public reports, since no
// source of the specification has them.
func Apply(td *TaskDefinition, o Overrides) (*TaskDefinition, error) {
	if data, err := json.Marshal(o); err != nil || len(data) > MaxOverridesSize {
		return nil, overrideError("overrides", "Container Overrides length must be at most %d", MaxOverridesSize)
	}
	out, o := td.Clone(), o.Clone()
	if o.TaskRoleArn != "" {
		out.TaskRoleArn = o.TaskRoleArn
	}
	if o.ExecutionRoleArn != "" {
		out.ExecutionRoleArn = o.ExecutionRoleArn
	}
	if o.EphemeralStorage != nil {
		out.EphemeralStorage = o.EphemeralStorage
	}
	if err := applySizes(out, o); err != nil {
		return nil, err
	}
	for i, c := range o.ContainerOverrides {
		path := fmt.Sprintf("overrides.containerOverrides[%d]", i)
		target := out.Container(c.Name)
		if target == nil {
			return nil, overrideError(path+".name", "Override for container named %s is not a container in the TaskDefinition.", c.Name)
		}
		c.apply(target)
	}
	if err := checkOverridden(out); err != nil {
		return nil, err
	}
	return out, nil
}

func overrideError(path, format string, args ...any) error {
	return &ValidationError{Code: CodeInvalidParameter, Message: fmt.Sprintf(format, args...), Path: path}
}

// applySizes takes the spellings that a definition takes.
func applySizes(out *TaskDefinition, o Overrides) error {
	if o.CPU != nil {
		n, err := ParseCPU(*o.CPU)
		if err != nil {
			return err
		}
		out.CPU = new(strconv.Itoa(n))
	}
	if o.Memory != nil {
		n, err := ParseMemory(*o.Memory)
		if err != nil {
			return err
		}
		out.Memory = new(strconv.Itoa(n))
	}
	return nil
}

func (o *ContainerOverride) apply(c *ContainerDefinition) {
	if len(o.Command) > 0 {
		c.Command = o.Command
	}
	for _, kv := range o.Environment {
		i := slices.IndexFunc(c.Environment, func(have KeyValuePair) bool { return have.Name == kv.Name })
		if i >= 0 {
			c.Environment = slices.DeleteFunc(c.Environment, func(have KeyValuePair) bool { return have.Name == kv.Name })
			c.Environment = slices.Insert(c.Environment, i, kv)
		} else {
			c.Environment = append(c.Environment, kv)
		}
	}
	if len(o.EnvironmentFiles) > 0 {
		c.EnvironmentFiles = o.EnvironmentFiles
	}
	if o.CPU != nil {
		c.CPU = *o.CPU
	}
	if o.Memory != nil {
		c.Memory = o.Memory
	}
	if o.MemoryReservation != nil {
		c.MemoryReservation = o.MemoryReservation
	}
	for _, r := range o.ResourceRequirements {
		c.ResourceRequirements = slices.DeleteFunc(c.ResourceRequirements, func(have ResourceRequirement) bool { return have.Type == r.Type })
		c.ResourceRequirements = append(c.ResourceRequirements, r)
	}
}

// checkOverridden looks again at the rules that an override can break; the rest held at registration.
func checkOverridden(td *TaskDefinition) error {
	v := &validator{td: td}
	v.eachContainer((*validator).containerMemory)
	v.taskSums()
	v.eachContainer((*validator).environment)
	v.ephemeralStorage()
	if td.Requires(Fargate) {
		fargateSize(&v.problems, td)
	}
	if len(v.problems) > 0 {
		return v.problems[0]
	}
	return nil
}

// Complete is how a task's overrides come back: every container has an entry, if only its name
// (ecs-control-plane.md 1.9).
func (o Overrides) Complete(td *TaskDefinition) Overrides {
	out := o.Clone()
	for _, c := range td.ContainerDefinitions {
		if !slices.ContainsFunc(out.ContainerOverrides, func(have ContainerOverride) bool { return have.Name == c.Name }) {
			out.ContainerOverrides = append(out.ContainerOverrides, ContainerOverride{Name: c.Name})
		}
	}
	if out.InferenceAcceleratorOverrides == nil {
		out.InferenceAcceleratorOverrides = []InferenceAccelerator{}
	}
	return out
}
