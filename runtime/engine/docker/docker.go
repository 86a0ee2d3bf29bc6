// Package docker runs containers on a Docker Engine: it implements everything that package engine declares. It is
// the only package that imports the Docker SDK, and no Docker type leaves it. It knows nothing of ECS beyond the
// words in package engine. Read docker.go first, then pool.go: how namespaces are made ahead, and reach.go: how a
// connection gets into one.
package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/client"

	"miniecs/runtime/engine"
)

// Config says which engine to use and as whom.
type Config struct {
	// Host is where the engine listens ("unix:///var/run/docker.sock"); empty: as the docker CLI finds it.
	Host string
	// Installation is whose objects are ours: everything made bears the label miniecs=<Installation>.
	Installation string
	// Home is the installation's folder of state.
	Home string
	// PauseBinary gives the static Linux program that holds a task's namespace (cmd/pause), for a processor in
	// Go's spelling. It is asked once, when the first namespace is made.
	PauseBinary func(ctx context.Context, arch string) ([]byte, error)
	// Subnet is the range of the VPC's network; empty: the one that exists, else the first free one of a list.
	Subnet string
	// Reach says how to get into a namespace: "direct" (its address), "hatch" (a port published on loopback), or
	// "auto", the default: direct if the first namespace answers that way.
	Reach string
	// Workers bounds the heavy calls on the engine at one time; 0: as many as it has processors.
	Workers int
}

// Ways to reach a namespace.
const (
	ReachAuto   = "auto"
	ReachDirect = "direct"
	ReachHatch  = "hatch"
)

// Docker is a Docker Engine as the runtime sees it. All methods may be called from many goroutines.
type Docker struct {
	cfg   Config
	cli   *client.Client
	host  string // where the engine listens
	info  engine.Info
	gate  *gate
	pool  *pool
	vpc   *vpc
	reach *reach

	ownName          func() (string, error) // this machine's host name
	createMountpoint bool                   // API 1.42: bind mounts in their long form may make the host's folder
	warnRules        sync.Once              // a namespace's rules are missing: it is the same for all
	pauseMu          sync.Mutex
	pauseImage       string // reference of the pause's image, empty until it is known to be there
}

var _ engine.Whole = (*Docker)(nil)

// New connects to an engine. It fails with engine.ErrUnavailable and what to do about it when none answers.
func New(ctx context.Context, cfg Config) (*Docker, error) {
	if cfg.Installation == "" {
		return nil, errors.New("an installation id is missing")
	}
	switch cfg.Reach {
	case "":
		cfg.Reach = ReachAuto
	case ReachAuto, ReachDirect, ReachHatch:
	default:
		return nil, fmt.Errorf("reach %q is none of auto, direct, hatch", cfg.Reach)
	}
	place, err := locate(cfg.Host)
	if err != nil {
		return nil, err
	}
	cli, err := place.client()
	if err != nil {
		return nil, err
	}
	d := &Docker{cfg: cfg, cli: cli, host: place.host, ownName: os.Hostname}
	if err := d.connect(ctx); err != nil {
		cli.Close()
		return nil, err
	}
	workers := cfg.Workers
	if workers <= 0 {
		workers = max(d.info.CPUs, 1)
	}
	d.gate = newGate(workers)
	d.vpc = &vpc{d: d}
	d.reach = newReach(d)
	d.pool = newPool(d)
	return d, nil
}

// connect asks the engine what it is, so that the API version is negotiated from here on.
func (d *Docker) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	info, err := d.Info(ctx)
	if err != nil {
		return fmt.Errorf("docker engine at %s: %w", d.host, err)
	}
	if info.OS != "linux" {
		return fmt.Errorf("docker engine at %s runs %s containers: switch it to Linux containers", d.host, info.OS)
	}
	d.info = info
	d.createMountpoint = atLeast(info.APIVersion, "1.42")
	return nil
}

// Close ends the connections to the engine. Containers and namespaces stay as they are.
func (d *Docker) Close() error { return d.cli.Close() }

// Host is where the engine listens.
func (d *Docker) Host() string { return d.host }

// Info describes the engine.
func (d *Docker) Info(ctx context.Context) (engine.Info, error) {
	in, err := d.cli.Info(ctx)
	if err != nil {
		return engine.Info{}, wrap(err)
	}
	now, err := time.Parse(time.RFC3339Nano, in.SystemTime)
	if err != nil {
		now = time.Now()
	}
	return engine.Info{
		Name: in.Name, Version: in.ServerVersion, APIVersion: d.cli.ClientVersion(),
		OS: in.OSType, Arch: goArch(in.Architecture),
		CPUs: in.NCPU, MemoryBytes: in.MemTotal, CgroupVersion: in.CgroupVersion,
		// A cgroup that holds the pause's process can have limited children on version 1 only, and only the
		// cgroupfs driver takes a path of ours as a parent (design.md 4).
		TaskLimits: in.CgroupVersion == "1" && in.CgroupDriver == "cgroupfs" && in.MemoryLimit && in.CPUCfsQuota,
		SystemTime: now,
	}, nil
}

// local tells whether the engine listens on a socket of this machine.
func (d *Docker) local() bool {
	return strings.HasPrefix(d.host, "unix://") || strings.HasPrefix(d.host, "npipe://")
}

// goArch gives Go's name of a machine that the engine names as uname does.
func goArch(machine string) string {
	switch machine {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "armv7l", "armv6l":
		return "arm"
	case "i386", "i686":
		return "386"
	}
	return machine
}

// atLeast compares API versions such as "1.41".
func atLeast(version, least string) bool {
	var a, b, c, d int
	if _, err := fmt.Sscanf(version, "%d.%d", &a, &b); err != nil {
		return false
	}
	if _, err := fmt.Sscanf(least, "%d.%d", &c, &d); err != nil {
		return false
	}
	return a > c || a == c && b >= d
}

// loopback is where ports published on the engine's host answer.
func (d *Docker) loopback(port int) string {
	return net.JoinHostPort(d.reach.host, fmt.Sprint(port))
}
