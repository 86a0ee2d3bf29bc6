// Package taskdef is a library without state about ECS task definitions: their types, strict reading
// of files with line and column, AWS's validation rules and messages, the defaults that AWS fills in,
// the Fargate table of CPU and memory, references to secrets, and overrides.
//
// It knows nothing of revisions, of clusters or of how a task is run. The rules and their sources are
// in spec/task-definition.md, which comments quote as "task-definition.md 7.2". Begin with types.go;
// Read, Validate and WithDefaults are the way of a definition from a file to a registered one.
package taskdef

// In all types of this package a nil slice, map or pointer is a member that is absent, and an empty one
// is a member that was given empty: AWS keeps the two apart (task-definition.md 8.2). The tag is
// omitzero and not omitempty, because only the former writes an empty list as [].
// Optional strings are plain strings, "" meaning absent, except where AWS tells the two apart.

// TaskDefinition is what RegisterTaskDefinition takes and what every operation gives back.
type TaskDefinition struct {
	TaskDefinitionArn       string                 `json:"taskDefinitionArn,omitzero"` // read-only
	Family                  string                 `json:"family,omitzero"`
	ContainerDefinitions    []ContainerDefinition  `json:"containerDefinitions,omitzero"`
	TaskRoleArn             string                 `json:"taskRoleArn,omitzero"`
	ExecutionRoleArn        string                 `json:"executionRoleArn,omitzero"`
	NetworkMode             string                 `json:"networkMode,omitzero"`
	Revision                int                    `json:"revision,omitzero"` // read-only
	Volumes                 []Volume               `json:"volumes,omitzero"`
	Status                  string                 `json:"status,omitzero"`             // read-only
	RequiresAttributes      []Attribute            `json:"requiresAttributes,omitzero"` // read-only
	PlacementConstraints    []PlacementConstraint  `json:"placementConstraints,omitzero"`
	Compatibilities         []string               `json:"compatibilities,omitzero"` // read-only
	RuntimePlatform         *RuntimePlatform       `json:"runtimePlatform,omitzero"`
	RequiresCompatibilities []string               `json:"requiresCompatibilities,omitzero"`
	CPU                     *string                `json:"cpu,omitzero"`    // "" is an error of its own
	Memory                  *string                `json:"memory,omitzero"` // "" is an error of its own
	InferenceAccelerators   []InferenceAccelerator `json:"inferenceAccelerators,omitzero"`
	PidMode                 string                 `json:"pidMode,omitzero"`
	IpcMode                 string                 `json:"ipcMode,omitzero"`
	ProxyConfiguration      *ProxyConfiguration    `json:"proxyConfiguration,omitzero"`
	RegisteredAt            *Timestamp             `json:"registeredAt,omitzero"`      // read-only
	DeregisteredAt          *Timestamp             `json:"deregisteredAt,omitzero"`    // read-only
	DeleteRequestedAt       *Timestamp             `json:"deleteRequestedAt,omitzero"` // read-only
	RegisteredBy            string                 `json:"registeredBy,omitzero"`      // read-only
	EphemeralStorage        *EphemeralStorage      `json:"ephemeralStorage,omitzero"`
	EnableFaultInjection    *bool                  `json:"enableFaultInjection,omitzero"`

	// Tags are a member of the request only. In responses they stand beside the definition.
	Tags []Tag `json:"tags,omitzero"`
}

// Values of networkMode.
const (
	NetworkModeBridge = "bridge"
	NetworkModeHost   = "host"
	NetworkModeAwsvpc = "awsvpc"
	NetworkModeNone   = "none"
)

// Values of status.
const (
	StatusActive           = "ACTIVE"
	StatusInactive         = "INACTIVE"
	StatusDeleteInProgress = "DELETE_IN_PROGRESS"
)

// Values of compatibilities and requiresCompatibilities.
const (
	EC2              = "EC2"
	Fargate          = "FARGATE"
	External         = "EXTERNAL"
	ManagedInstances = "MANAGED_INSTANCES"
)

// Volume is a volume of the task; at most one of its configurations is set.
type Volume struct {
	Name                                    string                                   `json:"name,omitzero"`
	Host                                    *HostVolume                              `json:"host,omitzero"`
	DockerVolumeConfiguration               *DockerVolumeConfiguration               `json:"dockerVolumeConfiguration,omitzero"`
	EFSVolumeConfiguration                  *EFSVolumeConfiguration                  `json:"efsVolumeConfiguration,omitzero"`
	S3FilesVolumeConfiguration              *S3FilesVolumeConfiguration              `json:"s3filesVolumeConfiguration,omitzero"`
	FSxWindowsFileServerVolumeConfiguration *FSxWindowsFileServerVolumeConfiguration `json:"fsxWindowsFileServerVolumeConfiguration,omitzero"`
	ConfiguredAtLaunch                      *bool                                    `json:"configuredAtLaunch,omitzero"`
}

// HostVolume is a bind mount, or a scratch volume when SourcePath is empty.
type HostVolume struct {
	SourcePath string `json:"sourcePath,omitzero"`
}

// Values of a Docker volume's scope.
const (
	ScopeTask   = "task"
	ScopeShared = "shared"
)

// DockerVolumeConfiguration is a volume that the engine makes; scope is task unless given.
type DockerVolumeConfiguration struct {
	Scope         string            `json:"scope,omitzero"`
	Autoprovision *bool             `json:"autoprovision,omitzero"`
	Driver        string            `json:"driver,omitzero"`
	DriverOpts    map[string]string `json:"driverOpts,omitzero"`
	Labels        map[string]string `json:"labels,omitzero"`
}

// EFSVolumeConfiguration is a volume on an EFS file system.
type EFSVolumeConfiguration struct {
	FileSystemID          string                  `json:"fileSystemId,omitzero"`
	RootDirectory         string                  `json:"rootDirectory,omitzero"`
	TransitEncryption     string                  `json:"transitEncryption,omitzero"`
	TransitEncryptionPort *int                    `json:"transitEncryptionPort,omitzero"`
	AuthorizationConfig   *EFSAuthorizationConfig `json:"authorizationConfig,omitzero"`
}

// EFSAuthorizationConfig says how an EFS volume is authorized.
type EFSAuthorizationConfig struct {
	AccessPointID string `json:"accessPointId,omitzero"`
	IAM           string `json:"iam,omitzero"`
}

// S3FilesVolumeConfiguration is a volume on an S3 Files file system.
type S3FilesVolumeConfiguration struct {
	FileSystemArn         string `json:"fileSystemArn,omitzero"`
	RootDirectory         string `json:"rootDirectory,omitzero"`
	TransitEncryptionPort *int   `json:"transitEncryptionPort,omitzero"`
	AccessPointArn        string `json:"accessPointArn,omitzero"`
}

// FSxWindowsFileServerVolumeConfiguration is a volume on FSx for Windows File Server.
type FSxWindowsFileServerVolumeConfiguration struct {
	FileSystemID        string                  `json:"fileSystemId,omitzero"`
	RootDirectory       string                  `json:"rootDirectory,omitzero"`
	AuthorizationConfig *FSxAuthorizationConfig `json:"authorizationConfig,omitzero"`
}

// FSxAuthorizationConfig names the credentials of an FSx volume.
type FSxAuthorizationConfig struct {
	CredentialsParameter string `json:"credentialsParameter,omitzero"`
	Domain               string `json:"domain,omitzero"`
}

// Attribute is a capability that the task needs of a container instance.
type Attribute struct {
	Name       string `json:"name,omitzero"`
	Value      string `json:"value,omitzero"`
	TargetType string `json:"targetType,omitzero"`
	TargetID   string `json:"targetId,omitzero"`
}

// PlacementConstraint is a rule of placement; on a definition the type is always memberOf.
type PlacementConstraint struct {
	Type       string `json:"type,omitzero"`
	Expression string `json:"expression,omitzero"`
}

// RuntimePlatform is the processor and operating system that the images are for. What is omitted acts as
// X86_64 and LINUX but stays absent in responses.
type RuntimePlatform struct {
	CPUArchitecture       string `json:"cpuArchitecture,omitzero"`
	OperatingSystemFamily string `json:"operatingSystemFamily,omitzero"`
}

// InferenceAccelerator is a member that AWS retired: it is read so that it can be refused.
type InferenceAccelerator struct {
	DeviceName string `json:"deviceName,omitzero"`
	DeviceType string `json:"deviceType,omitzero"`
}

// ProxyConfiguration is the App Mesh proxy of a task.
type ProxyConfiguration struct {
	Type          string         `json:"type,omitzero"`
	ContainerName string         `json:"containerName,omitzero"`
	Properties    []KeyValuePair `json:"properties,omitzero"`
}

// EphemeralStorage is the size of a Fargate task's scratch space.
type EphemeralStorage struct {
	SizeInGiB int `json:"sizeInGiB"`
}

// Tag is a tag of the request.
type Tag struct {
	Key   string `json:"key,omitzero"`
	Value string `json:"value"`
}

// KeyValuePair is a variable of the environment, or a property of the proxy.
type KeyValuePair struct {
	Name  string `json:"name,omitzero"`
	Value string `json:"value"` // an empty value is a value (task-definition.md 10.3)
}

// Value is what p points to, or the zero value when the member is absent.
func Value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
