package engine

import (
	"context"
	"net"
	"net/netip"
)

// Namespace is a network of its own that a task's containers join, so that they share localhost and one address.
// It is used by one task only and never again (design.md 4).
type Namespace struct {
	ID       string // stable, in the store before a container joins
	Address  netip.Addr
	MAC      string
	Gateway  netip.Addr
	Subnet   netip.Prefix // the whole VPC range
	Hostname string       // ip-172-31-0-10.ec2.internal
}

// Namespaces makes namespaces ahead of their use.
type Namespaces interface {
	// Network makes sure that the VPC's network is there and gives its range. It is the same at every start.
	Network(ctx context.Context) (netip.Prefix, error)
	// Take hands out a namespace that runs and answered the handshake, a spare if there is one. The caller commits
	// its ID before the first container joins. A namespace that was taken and is not in a later Adopt is removed.
	Take(ctx context.Context) (Namespace, error)
	// Limit bounds everything that joins the namespace: CPUs (0 none) and bytes (0 none). It does nothing where
	// Info.TaskLimits is false.
	Limit(ctx context.Context, id string, cpus float64, memory int64) error
	// Release ends and removes a namespace; its containers are removed already. A missing one is no error.
	Release(ctx context.Context, id string) error
	// Adopt says which namespaces tasks still use; it gives those that still run. All others that exist become
	// spares, if they answer the handshake and are wanted, or are removed. Call it once, before Take.
	Adopt(ctx context.Context, inUse []string) (alive map[string]Namespace, err error)
	// Want sets how many spares to keep; 0 keeps none. It returns at once.
	Want(spares int)
	// Spares counts those that stand ready now.
	Spares() int
	// Run makes spares until ctx ends, then returns; namespaces stay.
	Run(ctx context.Context) error
}

// Reacher connects to a port of a task, by the way that works from here (directly or through the namespace's hatch).
type Reacher interface {
	// Dial connects to an address of a namespace. Errors wrap ErrRefused, ErrTimeout or ErrGone.
	Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
	// DialHost connects to a port published on the engine's host (bridge and host mode).
	DialHost(ctx context.Context, port int) (net.Conn, error)
}

// Images puts images into the engine without a registry.
type Images interface {
	// Import makes an image FROM scratch out of a root file system (a tar) under ref. entrypoint is what it runs.
	Import(ctx context.Context, ref string, rootfs []byte, opts ImportOptions) (ImageID, error)
	// Build makes an image from a build context (a tar with a Dockerfile) under ref; progress gets output lines.
	Build(ctx context.Context, ref string, buildContext []byte, progress func(string)) (ImageID, error)
	// ListImages gives references of images that bear our label.
	ListImages(ctx context.Context) ([]string, error)
	// RemoveImage removes one that bears our label; a missing one, or one in use, is no error.
	RemoveImage(ctx context.Context, ref string) error
}

// ImportOptions configures an imported image.
type ImportOptions struct {
	EntryPoint []string
	Env        []string
	WorkingDir string
	Labels     map[string]string
	Arch       string
}

// Whole is everything that an engine package offers.
type Whole interface {
	Engine
	Logs
	Volumes
	Namespaces
	Reacher
	Images
	// RemoveAll removes every object of this installation: containers, namespaces, volumes, networks, images.
	RemoveAll(ctx context.Context) error
	Close() error
}
