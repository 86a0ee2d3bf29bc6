package arn

import (
	"regexp"
	"strconv"
	"strings"
)

// Cluster is arn:aws:ecs:REGION:ACCOUNT:cluster/NAME.
type Cluster struct {
	Scope
	Name string
}

// Service is ...:service/CLUSTER/NAME.
type Service struct {
	Scope
	Cluster, Name string
}

// Task is ...:task/CLUSTER/ID.
type Task struct {
	Scope
	Cluster, ID string
}

// Container is ...:container/CLUSTER/TASK/ID.
type Container struct {
	Scope
	Cluster, Task, ID string
}

// TaskDefinition is ...:task-definition/FAMILY:REVISION.
type TaskDefinition struct {
	Scope
	Family   string
	Revision int
}

// ContainerInstance is ...:container-instance/CLUSTER/ID.
type ContainerInstance struct {
	Scope
	Cluster, ID string
}

// CapacityProvider is ...:capacity-provider/NAME.
type CapacityProvider struct {
	Scope
	Name string
}

// TaskSet is ...:task-set/CLUSTER/SERVICE/ID, with an ID of the form ecs-svc/DIGITS.
type TaskSet struct {
	Scope
	Cluster, Service, ID string
}

// ServiceDeployment is ...:service-deployment/CLUSTER/SERVICE/ID.
type ServiceDeployment struct {
	Scope
	Cluster, Service, ID string
}

// ServiceRevision is ...:service-revision/CLUSTER/SERVICE/DIGITS.
type ServiceRevision struct {
	Scope
	Cluster, Service, ID string
}

func (r Cluster) String() string { return r.format("ecs", "cluster", r.Name) }
func (r Service) String() string { return r.format("ecs", "service", r.Cluster, r.Name) }
func (r Task) String() string    { return r.format("ecs", "task", r.Cluster, r.ID) }
func (r Container) String() string {
	return r.format("ecs", "container", r.Cluster, r.Task, r.ID)
}
func (r TaskDefinition) String() string {
	return r.format("ecs", "task-definition", r.Family+":"+strconv.Itoa(r.Revision))
}
func (r ContainerInstance) String() string {
	return r.format("ecs", "container-instance", r.Cluster, r.ID)
}
func (r CapacityProvider) String() string { return r.format("ecs", "capacity-provider", r.Name) }
func (r TaskSet) String() string {
	return r.format("ecs", "task-set", r.Cluster, r.Service, r.ID)
}
func (r ServiceDeployment) String() string {
	return r.format("ecs", "service-deployment", r.Cluster, r.Service, r.ID)
}
func (r ServiceRevision) String() string {
	return r.format("ecs", "service-revision", r.Cluster, r.Service, r.ID)
}

var (
	ecsNames   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	hexIDs     = regexp.MustCompile(`^[0-9a-f]{32}$`)
	uuids      = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	decimals   = regexp.MustCompile(`^[0-9]{1,20}$`)
	deployment = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// taskID says whether id is the id of a task or a container instance: 32 hexadecimal digits today, a
// UUID in the years before, which clients may still have noted down.
func taskID(id string) bool { return hexIDs.MatchString(id) || uuids.MatchString(id) }

const badName = "a name may have letters, digits, hyphens and underscores, 255 at most"

// parseECS reads what follows the account in an ARN of ECS; it returns what is wrong, or "".
func parseECS(scope Scope, resource string) (Resource, string) {
	kind, rest, _ := strings.Cut(resource, "/")
	parts := strings.Split(rest, "/")
	if kind == "task-set" && len(parts) == 4 {
		parts = []string{parts[0], parts[1], parts[2] + "/" + parts[3]}
	}
	want := map[string]int{
		"cluster": 1, "service": 2, "task": 2, "container": 3, "task-definition": 1, "container-instance": 2,
		"capacity-provider": 1, "task-set": 3, "service-deployment": 3, "service-revision": 3,
	}[kind]
	switch {
	case want == 0:
		return nil, "the kind of resource is not known"
	case len(parts) == want-1 && (kind == "service" || kind == "task" || kind == "container-instance"):
		return nil, "the short format without a cluster name is no longer in use"
	case len(parts) != want:
		return nil, "it has a wrong number of parts"
	}
	if kind == "task-definition" {
		return parseTaskDefinition(scope, parts[0])
	}
	if !ecsNames.MatchString(parts[0]) {
		return nil, badName
	}
	switch kind {
	case "cluster":
		return Cluster{scope, parts[0]}, ""
	case "capacity-provider":
		return CapacityProvider{scope, parts[0]}, ""
	case "task", "container", "container-instance":
		return parseByID(scope, kind, parts)
	}
	return parseOfService(scope, kind, parts)
}

func parseTaskDefinition(scope Scope, s string) (Resource, string) {
	family, revision, ok := strings.Cut(s, ":")
	if !ecsNames.MatchString(family) {
		return nil, badName
	}
	n, err := strconv.ParseInt(revision, 10, 32)
	if !ok || err != nil || n < 1 || strconv.FormatInt(n, 10) != revision {
		return nil, "the revision is not a number from 1"
	}
	return TaskDefinition{scope, family, int(n)}, ""
}

func parseByID(scope Scope, kind string, parts []string) (Resource, string) {
	if !taskID(parts[1]) {
		return nil, "the id does not have 32 hexadecimal digits"
	}
	switch kind {
	case "task":
		return Task{scope, parts[0], parts[1]}, ""
	case "container-instance":
		return ContainerInstance{scope, parts[0], parts[1]}, ""
	}
	if !uuids.MatchString(parts[2]) {
		return nil, "the id of the container is not a UUID"
	}
	return Container{scope, parts[0], parts[1], parts[2]}, ""
}

func parseOfService(scope Scope, kind string, parts []string) (Resource, string) {
	if !ecsNames.MatchString(parts[1]) {
		return nil, badName
	}
	switch kind {
	case "service":
		return Service{scope, parts[0], parts[1]}, ""
	case "service-deployment":
		if !deployment.MatchString(parts[2]) {
			return nil, "the id of the service deployment is not valid"
		}
		return ServiceDeployment{scope, parts[0], parts[1], parts[2]}, ""
	case "service-revision":
		if !decimals.MatchString(parts[2]) {
			return nil, "the id of the service revision is not a number"
		}
		return ServiceRevision{scope, parts[0], parts[1], parts[2]}, ""
	}
	if digits, ok := strings.CutPrefix(parts[2], "ecs-svc/"); !ok || !decimals.MatchString(digits) {
		return nil, "the id of the task set has not the form ecs-svc/DIGITS"
	}
	return TaskSet{scope, parts[0], parts[1], parts[2]}, ""
}
