// Package engine is the seam between the runtime and whatever runs containers. It holds only types and small
// interfaces in our own words: runtime/engine/docker implements them on a Docker Engine, runtime/engine/sim on
// virtual time. Read engine.go first; namespace.go is how a task gets its network.
package engine

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"time"
)

// ContainerID is the engine's own id of a container: opaque, unique for ever.
type ContainerID string

// ImageID is the engine's own id of an image: opaque.
type ImageID string

// Errors that the runtime reacts to. Implementations wrap them, with the engine's text after them.
var (
	ErrExists      = errors.New("already exists")       // Create: a container of that name exists
	ErrNotFound    = errors.New("not found")            // the container, image, volume or namespace does not exist
	ErrPortTaken   = errors.New("port is taken")        // Start: a host port cannot be bound
	ErrUnavailable = errors.New("engine unavailable")   // no answer from the engine: nothing is known about the outcome
	ErrGone        = errors.New("namespace is gone")    // the namespace to join no longer runs
	ErrRefused     = errors.New("connection refused")   // Dial: the task answered with a refusal
	ErrTimeout     = errors.New("connection timed out") // Dial: no answer in time
)

// Engine runs containers. Calls may fail half-done: the caller asks List or Inspect what is true.
// Every method may be called from many goroutines.
type Engine interface {
	// Info describes the engine and the machine it runs on.
	Info(ctx context.Context) (Info, error)
	// Image finds an image that is present locally; ErrNotFound if none is.
	Image(ctx context.Context, ref string) (ImageID, error)
	// Pull fetches ref from its registry, with the credentials that the docker CLI would use unless auth is set.
	// progress may be nil. Errors carry the engine's own text.
	Pull(ctx context.Context, ref string, opts PullOptions) (ImageID, error)
	// Create makes a container, not started. ErrExists when the name is taken, ErrNotFound without the image,
	// ErrGone when the namespace to join is gone.
	Create(ctx context.Context, spec Spec) (ContainerID, error)
	// Start starts a created container. Starting a running one is no error. A failed start leaves it created.
	Start(ctx context.Context, id ContainerID) error
	// Stop sends the stop signal and, after grace, SIGKILL; it returns when the container has ended.
	// Stopping an ended one is no error.
	Stop(ctx context.Context, id ContainerID, grace time.Duration) error
	// Remove removes a container, running or not, with its anonymous volumes. A missing one is no error.
	Remove(ctx context.Context, id ContainerID) error
	// Inspect tells everything about one container. id may also be a name. ErrNotFound if there is none.
	Inspect(ctx context.Context, id ContainerID) (Status, error)
	// List gives every task container of this installation, running or not (pauses are not among them:
	// they belong to Namespaces). Exit codes, times and health need Inspect.
	List(ctx context.Context) ([]Status, error)
	// Events yields what happens to this installation's containers, pauses included, from now on, until ctx ends
	// or the stream breaks (an error is yielded last). The first value is an Event of kind EventReady: whatever
	// List and Inspect say after it cannot have missed an event. After an error: open it again, then List.
	Events(ctx context.Context) iter.Seq2[Event, error]
}

// Logs reads what containers wrote.
type Logs interface {
	// Logs yields the lines of one container in order. With opts.Follow it ends when the container ends.
	Logs(ctx context.Context, id ContainerID, opts LogOptions) iter.Seq2[LogLine, error]
}

// Volumes makes and removes named volumes that bear our label.
type Volumes interface {
	CreateVolume(ctx context.Context, v Volume) error    // one that exists under the name is no error
	RemoveVolume(ctx context.Context, name string) error // a missing one is no error; removes only ours
	ListVolumes(ctx context.Context) ([]Volume, error)   // ours
}

// Info describes an engine.
type Info struct {
	Name          string // host name of the engine's machine
	Version       string // "20.10.24"
	APIVersion    string // negotiated
	OS            string // "linux"
	Arch          string // Go's name: amd64, arm64
	CPUs          int
	MemoryBytes   int64
	CgroupVersion string // "1" or "2"
	TaskLimits    bool   // whether a task's own CPU and memory can be enforced as one (design.md 4)
	SystemTime    time.Time
}

// Owner says whose a container is. It is kept in the container's labels and given back by List and Inspect.
type Owner struct {
	Cluster   string // cluster name
	Service   string // service name, empty for a standalone task
	Task      string // task id, 32 hex digits
	TaskARN   string
	Family    string
	Revision  int
	Container string // name in the task definition
}

// Spec is a container to create. Zero values mean the engine's default. Names and owner are derived from ids that
// are in the store already, so that a repeated Create finds the first one.
type Spec struct {
	Name       string
	Owner      Owner
	Image      string
	Platform   string // "linux/arm64", empty: as the image is
	EntryPoint []string
	Command    []string
	Env        []string // K=V
	WorkingDir string
	User       string
	Hostname   string // not with NetworkAwsvpc: the namespace has one
	Labels     map[string]string

	Network    NetworkMode
	Namespace  string        // Namespace.ID to join, with NetworkAwsvpc
	Ports      []PortBinding // with NetworkBridge
	DNS        []string
	DNSSearch  []string
	ExtraHosts []string // "name:ip"
	Links      []string // "container name:alias"
	Sysctls    map[string]string

	CPUShares         int64   // relative weight, at least 2
	CPUQuota          float64 // hard limit in CPUs, 0 none
	Memory            int64   // bytes, hard limit
	MemoryReservation int64   // bytes
	MemorySwap        int64   // bytes, memory and swap together; -1 unlimited
	Swappiness        *int64
	ShmSize           int64
	Ulimits           []Ulimit
	TaskCgroup        bool // put it under the namespace's cgroup, where the task's limits are

	Mounts          []Mount
	VolumesFrom     []string // container names, ":ro" suffix allowed
	Tmpfs           map[string]string
	Devices         []Device
	CapAdd          []string
	CapDrop         []string
	SecurityOpt     []string
	ReadonlyRootfs  bool
	Privileged      bool
	Init            bool
	TTY             bool
	OpenStdin       bool
	PidMode         string
	IpcMode         string
	NetworkDisabled bool

	HealthCheck *HealthCheck // nil: the image's own check is switched off, as ECS ignores it
	StopTimeout time.Duration
	LogDriver   LogDriver
}

// LogDriver is the engine's own log driver; the zero value is one that we can read, bounded in size.
type LogDriver struct {
	Name    string
	Options map[string]string
}

// NetworkMode is a task definition's networkMode.
type NetworkMode string

// The network modes of ECS.
const (
	NetworkAwsvpc NetworkMode = "awsvpc"
	NetworkBridge NetworkMode = "bridge"
	NetworkHost   NetworkMode = "host"
	NetworkNone   NetworkMode = "none"
)

// PortBinding publishes a container port of a bridge task. HostPort 0 asks for a dynamic one.
type PortBinding struct {
	ContainerPort int
	HostPort      int
	Protocol      string // tcp, udp
	HostIP        string // empty in a Spec: loopback
}

// Ulimit is one resource limit.
type Ulimit struct {
	Name       string
	Soft, Hard int64
}

// Mount is a named volume or a folder of the engine's host in a container.
type Mount struct {
	Volume   string // name of a volume, or
	HostPath string // a path on the engine's host, made if missing
	Target   string
	ReadOnly bool
}

// Device is a device of the engine's host.
type Device struct {
	HostPath, ContainerPath string
	Permissions             string // "rwm"
}

// HealthCheck is a container health check. Test begins with CMD or CMD-SHELL.
type HealthCheck struct {
	Test                           []string
	Interval, Timeout, StartPeriod time.Duration
	Retries                        int
}

// State is what a container does.
type State string

// States of a container.
const (
	StateCreated State = "created"
	StateRunning State = "running"
	StateExited  State = "exited"
)

// Health is what a container's health check says.
type Health string

// Health values; HealthNone without a check.
const (
	HealthNone      Health = ""
	HealthStarting  Health = "starting"
	HealthHealthy   Health = "healthy"
	HealthUnhealthy Health = "unhealthy"
)

// Status is what is true of a container.
type Status struct {
	ID         ContainerID
	Name       string
	Owner      Owner
	State      State
	Image      string // as it was asked for
	ImageID    ImageID
	Namespace  string // the one it joined
	CreatedAt  time.Time
	StartedAt  time.Time // zero: never started
	FinishedAt time.Time // zero: runs, or its start failed
	ExitCode   int       // meaningful only with FinishedAt
	OOMKilled  bool
	Error      string // the engine's text of a failed start
	Health     Health
	HealthLog  string                // output of the last probe, at most 1024 characters
	Ports      []PortBinding         // as bound
	Addresses  map[string]netip.Addr // bridge tasks: by network
}

// EventKind is a kind of event.
type EventKind string

// Kinds of events.
const (
	EventReady   EventKind = "ready"   // the stream is open
	EventStart   EventKind = "start"   // a container started
	EventDie     EventKind = "die"     // a container ended; ExitCode is set
	EventOOM     EventKind = "oom"     // a process of it was killed for memory
	EventHealth  EventKind = "health"  // its health changed; Health is set
	EventDestroy EventKind = "destroy" // it was removed
)

// Event is something that happened to a container, or to a namespace when Namespace is set.
type Event struct {
	Kind      EventKind
	Container ContainerID
	Name      string
	Owner     Owner
	Namespace string // set when it is a namespace (its pause) that the event is about
	ExitCode  int
	Health    Health
	Time      time.Time
}

// Auth is a registry login.
type Auth struct{ Username, Password string }

// PullOptions says how to pull. Progress gets whole lines fit for a person; it may be nil.
type PullOptions struct {
	Platform string
	Auth     *Auth
	Progress func(Progress)
}

// Progress is how far a pull has come.
type Progress struct {
	Status         string // "Downloading", "Extracting", ...
	Layer          string
	Current, Total int64
}

// LogOptions selects log lines.
type LogOptions struct {
	Since  time.Time // inclusive; zero: from the start
	Tail   int       // the last n lines, 0 all
	Follow bool
}

// LogLine is one line without its newline. Stream is stdout or stderr.
type LogLine struct {
	Time   time.Time
	Stream string
	Text   string
}

// Volume is a named volume of ours.
type Volume struct {
	Name    string
	Task    string // id of the task whose it is, empty: it outlives tasks
	Driver  string
	Options map[string]string
	Labels  map[string]string
}

// Priority orders work on a busy engine: lower goes first (design.md 4).
type Priority int

// Priorities of work on the engine.
const (
	PriorityReplace Priority = iota // ends an outage
	PriorityStart                   // scale-out, roll-out
	PriorityStop
	PriorityRemove
	PrioritySpare // namespaces made ahead
)

type priorityKey struct{}

// WithPriority marks the work that ctx is for.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

// PriorityOf gives the priority that ctx carries; PriorityStart without one.
func PriorityOf(ctx context.Context) Priority {
	if p, ok := ctx.Value(priorityKey{}).(Priority); ok {
		return p
	}
	return PriorityStart
}

// TemporaryError marks a failure that may pass if the call is made again.
type TemporaryError struct{ Err error }

func (e *TemporaryError) Error() string { return e.Err.Error() }
func (e *TemporaryError) Unwrap() error { return e.Err }
