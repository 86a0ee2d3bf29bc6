// Package runtime is the domain of miniecs: clusters, families and revisions, services, tasks and container instances,
// and the loops that make what is true chase what is wanted. It knows no AWS protocol, no Docker and no HTTP: the
// engine, the target groups and the store are seams. Read runtime.go first, then service.go and task.go.
package runtime

import (
	"encoding/json"
	"time"

	"miniecs/taskdef"
)

// Status words of ECS (spec/ecs-control-plane.md 1.1, 2.1, 2.4).
const (
	StatusProvisioning   = "PROVISIONING"
	StatusPending        = "PENDING"
	StatusActivating     = "ACTIVATING"
	StatusRunning        = "RUNNING"
	StatusDeactivating   = "DEACTIVATING"
	StatusStopping       = "STOPPING"
	StatusDeprovisioning = "DEPROVISIONING"
	StatusStopped        = "STOPPED"

	StatusActive   = "ACTIVE"
	StatusInactive = "INACTIVE"
	StatusDraining = "DRAINING"
	StatusPrimary  = "PRIMARY"

	RolloutInProgress = "IN_PROGRESS"
	RolloutCompleted  = "COMPLETED"
	RolloutFailed     = "FAILED"

	HealthUnknown   = "UNKNOWN"
	HealthHealthy   = "HEALTHY"
	HealthUnhealthy = "UNHEALTHY"

	StopTaskFailedToStart = "TaskFailedToStart"
	StopEssentialExited   = "EssentialContainerExited"
	StopUser              = "UserInitiated"
	StopScheduler         = "ServiceSchedulerInitiated"

	LaunchFargate = "FARGATE"
	LaunchEC2     = "EC2"
)

// Tag is a key and a value on a resource.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Extra keeps members that were given and that the runtime does not act on, by their name on the wire, so that they
// come back as they were given.
type Extra map[string]json.RawMessage

// Cluster is a named group of services, tasks and container instances.
type Cluster struct {
	Name      string    `json:"name"`
	ARN       string    `json:"arn"`
	Status    string    `json:"status"` // ACTIVE, INACTIVE
	CreatedAt time.Time `json:"createdAt"`
	Tags      []Tag     `json:"tags,omitempty"`
	// Extra holds settings, configuration, capacityProviders, defaultCapacityProviderStrategy, serviceConnectDefaults.
	Extra Extra `json:"extra,omitempty"`
	// InstanceID is the id of the container instance that stands for the local engine (32 hex digits).
	InstanceID   string `json:"instanceId"`
	InstanceTags []Tag  `json:"instanceTags,omitempty"`
}

// ClusterCounts are the derived numbers of a cluster.
type ClusterCounts struct {
	RegisteredInstances, RunningTasks, PendingTasks, ActiveServices int
	// By launch type, for DescribeClusters' statistics.
	RunningEC2, RunningFargate, PendingEC2, PendingFargate int
	ActiveEC2Services, ActiveFargateServices               int
}

// ContainerInstance is a Docker engine as ECS shows it.
type ContainerInstance struct {
	ID, ARN, ClusterName  string
	EC2InstanceID         string // i-…, stable
	Status                string // ACTIVE
	AgentConnected        bool
	CPU, Memory           int // registered: CPU units, MiB
	RemainingCPU          int
	RemainingMemory       int
	PortsTCP, PortsUDP    []int // in use
	RunningTasks, Pending int
	RegisteredAt          time.Time
	Attributes            map[string]string
	EngineVersion         string
	Tags                  []Tag
	Version               int64
}

// NetworkConfiguration is an awsvpcConfiguration.
type NetworkConfiguration struct {
	Subnets        []string `json:"subnets,omitempty"`
	SecurityGroups []string `json:"securityGroups,omitempty"`
	AssignPublicIP string   `json:"assignPublicIp,omitempty"` // ENABLED, DISABLED
}

// ServiceLoadBalancer ties a container port to a target group.
type ServiceLoadBalancer struct {
	TargetGroupARN   string          `json:"targetGroupArn,omitempty"`
	LoadBalancerName string          `json:"loadBalancerName,omitempty"`
	ContainerName    string          `json:"containerName,omitempty"`
	ContainerPort    int             `json:"containerPort,omitempty"`
	Advanced         json.RawMessage `json:"advancedConfiguration,omitempty"`
}

// CapacityProviderItem is one item of a capacity provider strategy.
type CapacityProviderItem struct {
	Provider string `json:"capacityProvider"`
	Weight   int    `json:"weight"`
	Base     int    `json:"base"`
}

// DeploymentConfiguration holds the two percentages and what else steers a roll-out.
type DeploymentConfiguration struct {
	MinimumHealthyPercent int    `json:"minimumHealthyPercent"`
	MaximumPercent        int    `json:"maximumPercent"`
	CircuitBreaker        bool   `json:"circuitBreaker"`
	CircuitRollback       bool   `json:"circuitRollback"`
	Strategy              string `json:"strategy"` // ROLLING
	BakeTimeMinutes       int    `json:"bakeTimeInMinutes"`
	// Extra holds deploymentCircuitBreaker (whole, as given), alarms, lifecycleHooks, …
	Extra Extra `json:"extra,omitempty"`
}

// Service keeps a number of tasks of one task definition running.
type Service struct {
	Name               string `json:"name"`
	ARN                string `json:"arn"`
	Cluster            string `json:"cluster"` // name
	ClusterARN         string `json:"clusterArn"`
	Status             string `json:"status"` // ACTIVE, DRAINING, INACTIVE
	DesiredCount       int    `json:"desiredCount"`
	ClientToken        string `json:"clientToken,omitempty"`
	SpecHash           string `json:"specHash,omitempty"` // of what CreateService was given: its replay is recognised by it
	SchedulingStrategy string `json:"schedulingStrategy"` // REPLICA

	TaskDefinitionARN  string                  `json:"taskDefinition"`
	LaunchType         string                  `json:"launchType,omitempty"` // empty with a strategy
	CapacityProviders  []CapacityProviderItem  `json:"capacityProviderStrategy,omitempty"`
	PlatformVersion    string                  `json:"platformVersion,omitempty"` // as asked: LATEST
	Network            *NetworkConfiguration   `json:"networkConfiguration,omitempty"`
	LoadBalancers      []ServiceLoadBalancer   `json:"loadBalancers,omitempty"`
	Deployment         DeploymentConfiguration `json:"deploymentConfiguration"`
	GracePeriodSeconds int                     `json:"healthCheckGracePeriodSeconds"`
	GracePeriodSet     bool                    `json:"gracePeriodSet,omitempty"`
	PropagateTags      string                  `json:"propagateTags"` // NONE, SERVICE, TASK_DEFINITION
	ManagedTags        bool                    `json:"enableECSManagedTags"`
	ExecuteCommand     bool                    `json:"enableExecuteCommand"`
	AZRebalancing      string                  `json:"availabilityZoneRebalancing"`
	Role               string                  `json:"role,omitempty"`
	CreatedBy          string                  `json:"createdBy,omitempty"`
	CreatedAt          time.Time               `json:"createdAt"`
	InactiveAt         time.Time               `json:"inactiveAt,omitzero"`
	Tags               []Tag                   `json:"tags,omitempty"`
	// Extra holds serviceRegistries, placementConstraints, placementStrategy, serviceConnectConfiguration,
	// volumeConfigurations, vpcLatticeConfigurations, deploymentController, …
	Extra Extra `json:"extra,omitempty"`

	Deployments []Deployment   `json:"deployments"`      // PRIMARY first
	Events      []ServiceEvent `json:"events"`           // newest first, at most 100
	Steady      bool           `json:"steady,omitempty"` // the steady state has been announced
}

// Deployment is one revision being rolled out, or being replaced.
type Deployment struct {
	ID                string                 `json:"id"`     // ecs-svc/N
	Status            string                 `json:"status"` // PRIMARY, ACTIVE
	TaskDefinitionARN string                 `json:"taskDefinition"`
	DesiredCount      int                    `json:"desiredCount"`
	RolloutState      string                 `json:"rolloutState"`
	RolloutReason     string                 `json:"rolloutStateReason"`
	CreatedAt         time.Time              `json:"createdAt"`
	UpdatedAt         time.Time              `json:"updatedAt"`
	LaunchType        string                 `json:"launchType,omitempty"`
	CapacityProviders []CapacityProviderItem `json:"capacityProviderStrategy,omitempty"`
	PlatformVersion   string                 `json:"platformVersion,omitempty"` // resolved: 1.4.0
	Network           *NetworkConfiguration  `json:"networkConfiguration,omitempty"`
	LoadBalancers     []ServiceLoadBalancer  `json:"loadBalancers,omitempty"`
	FailedTasks       int                    `json:"failedTasks"`

	// Derived when a service is described.
	PendingCount int `json:"-"`
	RunningCount int `json:"-"`

	// What `miniecs ps` shows of a loop, and what paces it.
	Attempts    int       `json:"attempts"`             // tasks started since the deployment began
	StartStep   int       `json:"startStep,omitempty"`  // rounds of tasks that never ran
	StartStepAt time.Time `json:"startStepAt,omitzero"` // when the last of them ended
	CrashStep   int       `json:"crashStep,omitempty"`  // rounds of tasks that ran less than a minute
	CrashStepAt time.Time `json:"crashStepAt,omitzero"`
	LastExit    *LastExit `json:"lastExit,omitempty"`
	NextTry     time.Time `json:"nextTry,omitzero"`    // when the pace allows the next start; zero: nothing waits
	Throttled   bool      `json:"throttled,omitempty"` // the throttle event was written
}

// LastExit is how the last task of a deployment that ended by itself ended.
type LastExit struct {
	Task      string    `json:"task"`
	Container string    `json:"container"`
	ExitCode  *int      `json:"exitCode,omitempty"`
	Reason    string    `json:"reason"`
	StopCode  string    `json:"stopCode"`
	At        time.Time `json:"at"`
	Ran       string    `json:"ran,omitempty"` // how long it ran, "1.2s"
}

// ServiceEvent is a line of a service's history, in ECS's words.
type ServiceEvent struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	Message   string    `json:"message"`
}

// Task is a running instance of a task definition.
type Task struct {
	ID                string `json:"id"` // 32 hex digits
	ARN               string `json:"arn"`
	Cluster           string `json:"cluster"` // name
	ClusterARN        string `json:"clusterArn"`
	TaskDefinitionARN string `json:"taskDefinitionArn"`
	Service           string `json:"service,omitempty"`    // name
	Deployment        string `json:"deployment,omitempty"` // ecs-svc/N
	StartedBy         string `json:"startedBy,omitempty"`
	Group             string `json:"group"`
	ClientToken       string `json:"clientToken,omitempty"`
	LaunchType        string `json:"launchType"`
	CapacityProvider  string `json:"capacityProviderName,omitempty"`
	PlatformVersion   string `json:"platformVersion,omitempty"`
	PlatformFamily    string `json:"platformFamily,omitempty"`
	InstanceARN       string `json:"containerInstanceArn,omitempty"` // EC2 tasks
	AvailabilityZone  string `json:"availabilityZone,omitempty"`
	CPU               string `json:"cpu,omitempty"`
	Memory            string `json:"memory,omitempty"`
	EphemeralGiB      int    `json:"ephemeralStorageGiB,omitempty"`

	DesiredStatus string `json:"desiredStatus"` // RUNNING, STOPPED
	LastStatus    string `json:"lastStatus"`
	HealthStatus  string `json:"healthStatus"`
	Version       int64  `json:"version"`
	StopCode      string `json:"stopCode,omitempty"`
	StoppedReason string `json:"stoppedReason,omitempty"`

	CreatedAt          time.Time `json:"createdAt"`
	ConnectivityAt     time.Time `json:"connectivityAt,omitzero"`
	PullStartedAt      time.Time `json:"pullStartedAt,omitzero"`
	PullStoppedAt      time.Time `json:"pullStoppedAt,omitzero"`
	StartedAt          time.Time `json:"startedAt,omitzero"` // zero: RUNNING was never reached
	StoppingAt         time.Time `json:"stoppingAt,omitzero"`
	ExecutionStoppedAt time.Time `json:"executionStoppedAt,omitzero"`
	StoppedAt          time.Time `json:"stoppedAt,omitzero"`

	Containers     []Container           `json:"containers"`
	Attachment     *Attachment           `json:"attachment,omitempty"` // awsvpc
	Network        *NetworkConfiguration `json:"networkConfiguration,omitempty"`
	Overrides      taskdef.Overrides     `json:"overrides,omitzero"`
	ExecuteCommand bool                  `json:"enableExecuteCommand,omitempty"`
	Tags           []Tag                 `json:"tags,omitempty"`
	Extra          Extra                 `json:"extra,omitempty"`

	Namespace string       `json:"namespace,omitempty"` // committed before a container joins
	Targets   []TaskTarget `json:"targets,omitempty"`
	Replaces  bool         `json:"replaces,omitempty"` // ends an outage: goes first on the engine
}

// TaskTarget is a task's place in a target group.
type TaskTarget struct {
	Group string `json:"group"` // ARN
	ID    string `json:"id"`    // private address, or the instance's id
	Port  int    `json:"port"`
	State string `json:"state"` // registered, draining; gone ones are dropped
}

// Container is one container of a task.
type Container struct {
	Name         string        `json:"name"`
	ARN          string        `json:"arn"`
	Image        string        `json:"image"`
	ImageDigest  string        `json:"imageDigest,omitempty"`
	EngineName   string        `json:"engineName"` // name of the container in the engine
	RuntimeID    string        `json:"runtimeId,omitempty"`
	LastStatus   string        `json:"lastStatus"` // PENDING, RUNNING, STOPPED
	HealthStatus string        `json:"healthStatus"`
	ExitCode     *int          `json:"exitCode,omitempty"`
	Reason       string        `json:"reason,omitempty"`
	StartedAt    time.Time     `json:"startedAt,omitzero"`
	FinishedAt   time.Time     `json:"finishedAt,omitzero"`
	Bindings     []PortBinding `json:"networkBindings,omitempty"`
	CPU          int           `json:"cpu"`
	Memory       int           `json:"memory,omitempty"`
	Reservation  int           `json:"memoryReservation,omitempty"`
	Essential    bool          `json:"essential"`
	HasCheck     bool          `json:"hasCheck,omitempty"`
}

// PortBinding is a host port of a bridge or host task.
type PortBinding struct {
	BindIP        string `json:"bindIP"`
	ContainerPort int    `json:"containerPort"`
	HostPort      int    `json:"hostPort"`
	Protocol      string `json:"protocol"`
}

// Attachment is a task's elastic network interface.
type Attachment struct {
	ID          string `json:"id"`     // UUID
	Status      string `json:"status"` // PRECREATED, ATTACHING, ATTACHED, DELETED
	SubnetID    string `json:"subnetId"`
	InterfaceID string `json:"networkInterfaceId"` // eni-…
	MAC         string `json:"macAddress"`
	DNSName     string `json:"privateDnsName"`
	Address     string `json:"privateIPv4Address"`
}

// Failure is an item of a `failures` list.
type Failure struct{ ARN, Reason, Detail string }
