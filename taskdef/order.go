package taskdef

import (
	"fmt"
	"strings"
)

// ConditionCreate is a condition that no definition can name: volumesFrom implies it, and it holds once the
// source is created (task-runtime.md 1.4).
const ConditionCreate = "CREATE"

// CycleError is a set of containers that wait for each other, so that none can ever start.
type CycleError struct {
	Containers []string // each waits for the next, the last for the first
}

func (e *CycleError) Error() string {
	return fmt.Sprintf("containers wait for each other: %s -> %s", strings.Join(e.Containers, " -> "), e.Containers[0])
}

// Dependencies is what must be true before the container starts: its dependsOn, and what links, volumesFrom
// and the awsfirelens log driver imply (task-runtime.md 1.4). Names that the definition lacks are left out.
func (td *TaskDefinition) Dependencies(c *ContainerDefinition) []ContainerDependency {
	var deps []ContainerDependency
	add := func(name, condition string) {
		d := ContainerDependency{ContainerName: name, Condition: condition}
		for _, have := range deps {
			if have == d {
				return
			}
		}
		if td.Container(name) != nil {
			deps = append(deps, d)
		}
	}
	for _, d := range c.DependsOn {
		add(d.ContainerName, d.Condition)
	}
	for _, l := range c.Links {
		name, _, _ := strings.Cut(l, ":")
		add(name, ConditionStart)
	}
	for _, v := range c.VolumesFrom {
		add(v.SourceContainer, ConditionCreate)
	}
	if router := td.LogRouter(); router != nil && router.Name != c.Name &&
		c.LogConfiguration != nil && c.LogConfiguration.LogDriver == "awsfirelens" && !router.waitsFor(c.Name) {
		add(router.Name, ConditionStart)
	}
	return deps
}

// LogRouter is the container with a firelensConfiguration, nil if there is none.
func (td *TaskDefinition) LogRouter() *ContainerDefinition {
	for i := range td.ContainerDefinitions {
		if td.ContainerDefinitions[i].FirelensConfiguration != nil {
			return &td.ContainerDefinitions[i]
		}
	}
	return nil
}

func (c *ContainerDefinition) waitsFor(name string) bool {
	for _, d := range c.DependsOn {
		if d.ContainerName == name {
			return true
		}
	}
	return false
}

// StartOrder lists the containers so that each comes after all it depends on, and otherwise as the definition
// has them. Stopping goes the other way. The error is a *CycleError.
func (td *TaskDefinition) StartOrder() ([]string, error) {
	return td.sorted(func(c *ContainerDefinition) []string {
		var names []string
		for _, d := range td.Dependencies(c) {
			names = append(names, d.ContainerName)
		}
		return names
	})
}

// sorted is a depth-first walk along the edges.
func (td *TaskDefinition) sorted(edges func(*ContainerDefinition) []string) ([]string, error) {
	var (
		order, trail []string
		done         = map[string]bool{}
		visit        func(name string) error
	)
	visit = func(name string) error {
		c := td.Container(name)
		if done[name] || c == nil {
			return nil
		}
		for i, t := range trail {
			if t == name {
				return &CycleError{Containers: append([]string(nil), trail[i:]...)}
			}
		}
		trail = append(trail, name)
		for _, next := range edges(c) {
			if err := visit(next); err != nil {
				return err
			}
		}
		trail = trail[:len(trail)-1]
		done[name] = true
		order = append(order, name)
		return nil
	}
	for i := range td.ContainerDefinitions {
		if err := visit(td.ContainerDefinitions[i].Name); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// dependsOnCycle looks along dependsOn only: links and volumesFrom are not known to be followed at
// registration (task-definition.md 7.2).
func (td *TaskDefinition) dependsOnCycle() error {
	_, err := td.sorted(func(c *ContainerDefinition) []string {
		var names []string
		for _, d := range c.DependsOn {
			names = append(names, d.ContainerName)
		}
		return names
	})
	return err
}
