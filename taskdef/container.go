package taskdef

// ContainerDefinition is one container of a task.
type ContainerDefinition struct {
	Name                   string                 `json:"name,omitzero"`
	Image                  string                 `json:"image,omitzero"`
	RepositoryCredentials  *RepositoryCredentials `json:"repositoryCredentials,omitzero"`
	CPU                    int                    `json:"cpu"`                        // absent acts as 0 and comes back as 0
	Memory                 *int                   `json:"memory,omitzero"`            // MiB, hard limit
	MemoryReservation      *int                   `json:"memoryReservation,omitzero"` // MiB, soft limit
	Links                  []string               `json:"links,omitzero"`
	PortMappings           []PortMapping          `json:"portMappings,omitzero"`
	Essential              *bool                  `json:"essential,omitzero"` // see IsEssential
	RestartPolicy          *RestartPolicy         `json:"restartPolicy,omitzero"`
	EntryPoint             []string               `json:"entryPoint,omitzero"`
	Command                []string               `json:"command,omitzero"`
	Environment            []KeyValuePair         `json:"environment,omitzero"`
	EnvironmentFiles       []EnvironmentFile      `json:"environmentFiles,omitzero"`
	MountPoints            []MountPoint           `json:"mountPoints,omitzero"`
	VolumesFrom            []VolumeFrom           `json:"volumesFrom,omitzero"`
	LinuxParameters        *LinuxParameters       `json:"linuxParameters,omitzero"`
	Secrets                []Secret               `json:"secrets,omitzero"`
	DependsOn              []ContainerDependency  `json:"dependsOn,omitzero"`
	StartTimeout           *int                   `json:"startTimeout,omitzero"` // seconds
	StopTimeout            *int                   `json:"stopTimeout,omitzero"`  // seconds
	VersionConsistency     string                 `json:"versionConsistency,omitzero"`
	Hostname               string                 `json:"hostname,omitzero"`
	User                   string                 `json:"user,omitzero"`
	WorkingDirectory       string                 `json:"workingDirectory,omitzero"`
	DisableNetworking      *bool                  `json:"disableNetworking,omitzero"`
	Privileged             *bool                  `json:"privileged,omitzero"`
	ReadonlyRootFilesystem *bool                  `json:"readonlyRootFilesystem,omitzero"`
	DNSServers             []string               `json:"dnsServers,omitzero"`
	DNSSearchDomains       []string               `json:"dnsSearchDomains,omitzero"`
	ExtraHosts             []HostEntry            `json:"extraHosts,omitzero"`
	DockerSecurityOptions  []string               `json:"dockerSecurityOptions,omitzero"`
	Interactive            *bool                  `json:"interactive,omitzero"`
	PseudoTerminal         *bool                  `json:"pseudoTerminal,omitzero"`
	DockerLabels           map[string]string      `json:"dockerLabels,omitzero"`
	Ulimits                []Ulimit               `json:"ulimits,omitzero"`
	LogConfiguration       *LogConfiguration      `json:"logConfiguration,omitzero"`
	HealthCheck            *HealthCheck           `json:"healthCheck,omitzero"`
	SystemControls         []SystemControl        `json:"systemControls,omitzero"`
	ResourceRequirements   []ResourceRequirement  `json:"resourceRequirements,omitzero"`
	FirelensConfiguration  *FirelensConfiguration `json:"firelensConfiguration,omitzero"`
	CredentialSpecs        []string               `json:"credentialSpecs,omitzero"`
}

// IsEssential says whether the task ends with this container; an absent member means it does.
func (c *ContainerDefinition) IsEssential() bool { return c.Essential == nil || *c.Essential }

// RepositoryCredentials names the secret that opens a private registry.
type RepositoryCredentials struct {
	CredentialsParameter string `json:"credentialsParameter,omitzero"`
}

// PortMapping is a port, or a range of ports, of a container.
type PortMapping struct {
	ContainerPort      int    `json:"containerPort,omitzero"`
	HostPort           *int   `json:"hostPort,omitzero"` // 0 in bridge mode: the engine chooses
	Protocol           string `json:"protocol,omitzero"`
	Name               string `json:"name,omitzero"`
	AppProtocol        string `json:"appProtocol,omitzero"`
	ContainerPortRange string `json:"containerPortRange,omitzero"`
}

// RestartPolicy restarts a container inside its task.
type RestartPolicy struct {
	Enabled              *bool `json:"enabled,omitzero"`
	IgnoredExitCodes     []int `json:"ignoredExitCodes,omitzero"`
	RestartAttemptPeriod *int  `json:"restartAttemptPeriod,omitzero"` // seconds
}

// EnvironmentFile is a file of variables in S3.
type EnvironmentFile struct {
	Value string `json:"value,omitzero"`
	Type  string `json:"type,omitzero"`
}

// MountPoint mounts a volume of the task.
type MountPoint struct {
	SourceVolume  string `json:"sourceVolume,omitzero"`
	ContainerPath string `json:"containerPath,omitzero"`
	ReadOnly      *bool  `json:"readOnly,omitzero"`
}

// VolumeFrom mounts what another container mounts, and starts after it.
type VolumeFrom struct {
	SourceContainer string `json:"sourceContainer,omitzero"`
	ReadOnly        *bool  `json:"readOnly,omitzero"`
}

// Secret is a variable (or a log option) whose value comes from SSM or Secrets Manager; see ParseSecretRef.
type Secret struct {
	Name      string `json:"name,omitzero"`
	ValueFrom string `json:"valueFrom,omitzero"`
}

// Values of a dependency's condition.
const (
	ConditionStart    = "START"
	ConditionComplete = "COMPLETE"
	ConditionSuccess  = "SUCCESS"
	ConditionHealthy  = "HEALTHY"
)

// ContainerDependency says what must be true of another container before this one starts.
type ContainerDependency struct {
	ContainerName string `json:"containerName,omitzero"`
	Condition     string `json:"condition,omitzero"`
}

// HostEntry is a line of the container's hosts file.
type HostEntry struct {
	Hostname  string `json:"hostname,omitzero"`
	IPAddress string `json:"ipAddress,omitzero"`
}

// Ulimit is a limit of the container's processes.
type Ulimit struct {
	Name      string `json:"name,omitzero"`
	SoftLimit int    `json:"softLimit"`
	HardLimit int    `json:"hardLimit"`
}

// LogConfiguration says where the container's output goes.
type LogConfiguration struct {
	LogDriver     string            `json:"logDriver,omitzero"`
	Options       map[string]string `json:"options,omitzero"`
	SecretOptions []Secret          `json:"secretOptions,omitzero"`
}

// HealthCheck is the container's health check; times are in seconds.
type HealthCheck struct {
	Command     []string `json:"command,omitzero"`
	Interval    *int     `json:"interval,omitzero"`
	Timeout     *int     `json:"timeout,omitzero"`
	Retries     *int     `json:"retries,omitzero"`
	StartPeriod *int     `json:"startPeriod,omitzero"`
}

// SystemControl is a kernel parameter of the container's namespaces.
type SystemControl struct {
	Namespace string `json:"namespace,omitzero"`
	Value     string `json:"value,omitzero"`
}

// ResourceRequirement asks for GPUs or other devices.
type ResourceRequirement struct {
	Value           string           `json:"value,omitzero"`
	Type            string           `json:"type,omitzero"`
	SharingStrategy *SharingStrategy `json:"sharingStrategy,omitzero"`
}

// SharingStrategy says how containers share a GPU.
type SharingStrategy struct {
	NvidiaMps *NvidiaMpsAllocation `json:"nvidiaMps,omitzero"`
}

// NvidiaMpsAllocation is a share of a GPU under NVIDIA's Multi-Process Service.
type NvidiaMpsAllocation struct {
	Memory            *int `json:"memory,omitzero"` // MiB
	MaxComputePercent *int `json:"maxComputePercent,omitzero"`
}

// FirelensConfiguration makes the container the task's log router.
type FirelensConfiguration struct {
	Type    string            `json:"type,omitzero"`
	Options map[string]string `json:"options,omitzero"`
}

// LinuxParameters are the Linux-only settings of a container.
type LinuxParameters struct {
	Capabilities       *KernelCapabilities `json:"capabilities,omitzero"`
	Devices            []Device            `json:"devices,omitzero"`
	InitProcessEnabled *bool               `json:"initProcessEnabled,omitzero"`
	SharedMemorySize   *int                `json:"sharedMemorySize,omitzero"` // MiB
	Tmpfs              []Tmpfs             `json:"tmpfs,omitzero"`
	MaxSwap            *int                `json:"maxSwap,omitzero"` // MiB
	Swappiness         *int                `json:"swappiness,omitzero"`
}

// KernelCapabilities are capabilities without the CAP_ prefix: drop first, then add.
type KernelCapabilities struct {
	Add  []string `json:"add,omitzero"`
	Drop []string `json:"drop,omitzero"`
}

// Device is a device of the host.
type Device struct {
	HostPath      string   `json:"hostPath,omitzero"`
	ContainerPath string   `json:"containerPath,omitzero"`
	Permissions   []string `json:"permissions,omitzero"`
}

// Tmpfs is a file system in memory.
type Tmpfs struct {
	ContainerPath string   `json:"containerPath,omitzero"`
	Size          int      `json:"size"` // MiB
	MountOptions  []string `json:"mountOptions,omitzero"`
}
