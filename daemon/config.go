// Package daemon wires store, engine, runtime, proxy and the AWS protocols into one Run. It is the only place where
// runtime and proxy meet. Read run.go first; control.go is what AWS has no operation for (/_miniecs/).
package daemon

import (
	"context"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"time"

	"github.com/rs/zerolog"

	"miniecs/runtime/engine"
)

// Config is what a daemon is started with. The zero value is usable: Docker as the docker CLI finds it, the user's
// data directory, 127.0.0.1:4566.
type Config struct {
	Home    string // state folder; empty: DefaultHome
	Listen  string // address of the door; empty: 127.0.0.1:4566
	Account string // 12 digits; empty: 000000000000
	Region  string // empty: the one in the store, else AWS_REGION, AWS_DEFAULT_REGION, us-east-1
	// EngineHost is where the engine listens ("unix:///var/run/docker.sock"); empty: as the docker CLI finds it.
	EngineHost string
	// Engine, if set, is used instead of Docker (the simulated engine, tests). Run does not close it.
	Engine engine.Whole
	// Reach says how the proxy gets to tasks: auto, direct, hatch. Empty is auto.
	Reach string
	// Subnet is the range of the VPC's network; empty: the first free one of a list.
	Subnet string
	// Spares is how many task namespaces stand ready at rest: 0 is the default (2), negative none.
	Spares int
	// PullPolicy is "missing" (the default: what is present is used) or "always".
	PullPolicy string
	// NoCrashBackoff gives ECS's bare behaviour: a task that ran and died is replaced at once, for ever.
	NoCrashBackoff bool
	// StrictPorts makes a listener port that cannot be bound an error; else it moves to a free one.
	StrictPorts bool
	// TimeScale makes the durations that users wrote pass faster: 10 is ten times as fast. 0 is 1.
	TimeScale float64
	// AllowHosts are further names that a Host header may carry.
	AllowHosts []string
	// VerifySignatures checks SigV4 in full, with the secret "miniecs" for every access key.
	VerifySignatures bool
	// ListenAddrs are the addresses that the ALB's listeners bind; empty: 127.0.0.1 and ::1.
	ListenAddrs []string
	// Log receives the daemon's log; nil: nothing is written.
	Log io.Writer
	// LogLevel is the least level that is written; the zero value is debug.
	LogLevel zerolog.Level
	// Version is what /_miniecs/version says; empty: the build's own.
	Version string
	// Ready is called once, when the door is open, with its address.
	Ready func(addr string)
}

// VersionInfo is what GET /_miniecs/version answers.
type VersionInfo struct {
	Version      string    `json:"version"` // of the build: equal builds are equal strings
	Home         string    `json:"home"`
	PID          int       `json:"pid"`
	Account      string    `json:"account"`
	Region       string    `json:"region"`
	Installation string    `json:"installation"`
	Engine       string    `json:"engine"` // "docker 20.10.24 (API 1.41) at unix:///var/run/docker.sock"
	Arch         string    `json:"arch"`   // of the engine, Go's name
	StartedAt    time.Time `json:"startedAt"`
}

// DefaultHome is $MINIECS_HOME, else `miniecs` in the user's data directory.
func DefaultHome() string {
	if h := os.Getenv("MINIECS_HOME"); h != "" {
		return h
	}
	if goruntime.GOOS == "linux" {
		if d := os.Getenv("XDG_DATA_HOME"); d != "" {
			return filepath.Join(d, "miniecs")
		}
		if h, err := os.UserHomeDir(); err == nil {
			return filepath.Join(h, ".local", "share", "miniecs")
		}
	}
	if d, err := os.UserConfigDir(); err == nil {
		return filepath.Join(d, "miniecs")
	}
	return ".miniecs"
}

// Check is one line of `miniecs doctor`.
type Check struct {
	Name   string `json:"name"`   // "engine", "port 4566", "cgroups", ...
	Level  string `json:"level"`  // ok, warning, problem
	Detail string `json:"detail"` // what was found
	Remedy string `json:"remedy,omitempty"`
}

// Signatures that cmd/miniecs uses, besides Run (implemented in doctor.go and image.go).
var (
	_ func(context.Context, Config) []Check                 = Doctor
	_ func(context.Context, Config, string) (string, error) = MakeImage
)
