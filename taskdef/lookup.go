package taskdef

import (
	"slices"
	"strings"
)

// Requires says whether the definition names a launch type in requiresCompatibilities.
func (td *TaskDefinition) Requires(launchType string) bool {
	return slices.Contains(td.RequiresCompatibilities, launchType)
}

// Windows says whether the definition is for a Windows family.
func (td *TaskDefinition) Windows() bool {
	return td.RuntimePlatform != nil && strings.HasPrefix(td.RuntimePlatform.OperatingSystemFamily, "WINDOWS")
}

// Container finds a container by its name; nil if there is none.
func (td *TaskDefinition) Container(name string) *ContainerDefinition {
	for i := range td.ContainerDefinitions {
		if td.ContainerDefinitions[i].Name == name {
			return &td.ContainerDefinitions[i]
		}
	}
	return nil
}

// CompatibleWith says whether a normalised definition can be run with a launch type.
func (td *TaskDefinition) CompatibleWith(launchType string) bool {
	return slices.Contains(td.Compatibilities, launchType)
}
