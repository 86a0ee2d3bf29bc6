package runtime

import (
	"context"
	"time"

	"miniecs/taskdef"
)

// API is everything that can be asked of the runtime: what awsapi/ecs translates to. *Runtime implements it. Names of
// clusters, services and tasks may be names, ids or ARNs; an empty cluster is `default`. Errors are *Error; anything
// else is a fault of ours. What is returned is a copy.
type API interface {
	CreateCluster(ctx context.Context, c Cluster) (Cluster, error) // Name, Tags and Extra are read; again gives the first
	UpdateCluster(ctx context.Context, name string, extra Extra) (Cluster, error)
	DescribeClusters(ctx context.Context, names []string) ([]Cluster, []Failure, error)
	ClusterCounts(name string) ClusterCounts
	ListClusters(ctx context.Context) ([]string, error) // ARNs, by name
	DeleteCluster(ctx context.Context, name string) (Cluster, error)

	RegisterTaskDefinition(ctx context.Context, td *taskdef.TaskDefinition) (*taskdef.TaskDefinition, error)
	// DescribeTaskDefinition finds a revision by `family` (newest ACTIVE), `family:revision` or ARN. Tags are in it.
	DescribeTaskDefinition(ctx context.Context, ref string) (*taskdef.TaskDefinition, error)
	DeregisterTaskDefinition(ctx context.Context, ref string) (td *taskdef.TaskDefinition, previousStatus string, err error)
	DeleteTaskDefinitions(ctx context.Context, refs []string) ([]*taskdef.TaskDefinition, []Failure, error)
	// ListTaskDefinitions gives ARNs of a status, of one family (exact) or all ("").
	ListTaskDefinitions(ctx context.Context, family, status string, descending bool) ([]string, error)
	ListFamilies(ctx context.Context, prefix, status string) ([]string, error) // status ACTIVE, INACTIVE, ALL or ""

	RunTask(ctx context.Context, in RunTaskInput) ([]Task, []Failure, error)
	StopTask(ctx context.Context, cluster, task, reason string) (Task, error)
	DescribeTasks(ctx context.Context, cluster string, tasks []string) ([]Task, []Failure, error)
	ListTasks(ctx context.Context, f TaskFilter) ([]string, error)

	CreateService(ctx context.Context, in ServiceInput) (Service, error)
	UpdateService(ctx context.Context, in ServiceUpdate) (Service, error)
	DeleteService(ctx context.Context, cluster, service string, force bool) (Service, error)
	DescribeServices(ctx context.Context, cluster string, services []string) ([]Service, []Failure, error)
	ListServices(ctx context.Context, cluster, launchType, strategy string) ([]string, error)

	DescribeContainerInstances(ctx context.Context, cluster string, ids []string) ([]ContainerInstance, []Failure, error)
	ListContainerInstances(ctx context.Context, cluster, status string) ([]string, error)

	// Tags of any resource by ARN.
	TagResource(ctx context.Context, arn string, tags []Tag) error
	UntagResource(ctx context.Context, arn string, keys []string) error
	ListTags(ctx context.Context, arn string) ([]Tag, error)
}

// RunTaskInput is what RunTask and StartTask take.
type RunTaskInput struct {
	Cluster            string
	TaskDefinition     string
	Count              int // 0 is 1
	LaunchType         string
	CapacityProviders  []CapacityProviderItem
	PlatformVersion    string
	Network            *NetworkConfiguration
	Overrides          taskdef.Overrides
	Group, StartedBy   string
	ClientToken        string
	ContainerInstances []string // StartTask
	PropagateTags      string
	ManagedTags        bool
	ExecuteCommand     bool
	Tags               []Tag
	Extra              Extra // placementConstraints, placementStrategy, volumeConfigurations, referenceId
}

// TaskFilter selects tasks; empty members select all. DesiredStatus "" is RUNNING.
type TaskFilter struct {
	Cluster, ContainerInstance, Family, Service, StartedBy, LaunchType, DesiredStatus string
}

// ServiceInput is what CreateService takes. Nil pointers are members that were not given.
type ServiceInput struct {
	Cluster            string
	Name               string
	TaskDefinition     string
	DesiredCount       *int
	ClientToken        string
	LaunchType         string
	CapacityProviders  []CapacityProviderItem
	PlatformVersion    string
	Network            *NetworkConfiguration
	LoadBalancers      []ServiceLoadBalancer
	Deployment         DeploymentInput
	GracePeriodSeconds *int
	SchedulingStrategy string
	Controller         string // deploymentController.type; only ECS is done
	PropagateTags      string
	ManagedTags        bool
	ExecuteCommand     bool
	AZRebalancing      string
	Role               string
	CreatedBy          string // ARN of the caller
	Tags               []Tag
	Extra              Extra
}

// DeploymentInput holds the members of deploymentConfiguration that were given.
type DeploymentInput struct {
	Given                           bool
	MinimumHealthy, Maximum         *int
	CircuitBreaker, CircuitRollback *bool
	Strategy                        string
	BakeTimeMinutes                 *int
	Extra                           Extra
}

// ServiceUpdate is what UpdateService takes. Nil members are left as they are.
type ServiceUpdate struct {
	Cluster            string
	Service            string
	TaskDefinition     string // empty: as it is
	DesiredCount       *int
	ForceNewDeployment bool
	CapacityProviders  []CapacityProviderItem
	PlatformVersion    string
	Network            *NetworkConfiguration
	LoadBalancers      *[]ServiceLoadBalancer
	Deployment         DeploymentInput
	GracePeriodSeconds *int
	PropagateTags      string
	ManagedTags        *bool
	ExecuteCommand     *bool
	AZRebalancing      string
	Extra              Extra
}

// Attempt is how a deployment's loop stands: what `miniecs ps` shows beside AWS's own fields.
type Attempt struct {
	Cluster        string    `json:"cluster"`
	Service        string    `json:"service"`
	Deployment     string    `json:"deployment"`
	TaskDefinition string    `json:"taskDefinition"`
	Status         string    `json:"status"` // PRIMARY, ACTIVE
	Attempts       int       `json:"attempts"`
	Crashes        int       `json:"crashes"`      // rounds of tasks that ran less than a minute, in a row
	FailedStarts   int       `json:"failedStarts"` // rounds of tasks that never ran, in a row
	LastExit       *LastExit `json:"lastExit,omitempty"`
	NextTry        time.Time `json:"nextTry,omitzero"`
	Waiting        string    `json:"waiting,omitempty"` // why: "miniecs back-off", "ECS service throttle"
}
