package taskdef

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
