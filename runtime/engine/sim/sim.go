// Package sim is a container engine that runs nothing: containers are records, time is timers, and what an image does
// is scripted ("exits 1 after 3 s", "its pull fails twice"). In a testing/synctest bubble its time is virtual, so an
// hour of ten thousand tasks takes a moment; outside one it is what `--engine sim` runs on. It deliberately knows
// nothing of tasks and services. Read sim.go, then behaviour.go, container.go and, for what a test can do to it,
// chaos.go.
package sim

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"miniecs/runtime/engine"
)

// Config says what the simulated engine is like. The zero value is an engine that does everything at once.
type Config struct {
	Seed   uint64  // of everything that looks random: equal seeds and equal calls give equal runs
	Jitter float64 // 0.2 makes each latency up to a fifth longer, by the seed and the container's name

	CreateLatency    time.Duration // of Create
	StartLatency     time.Duration // of Start; a container runs after it
	StopLatency      time.Duration // before the stop signal arrives
	RemoveLatency    time.Duration // of Remove
	NamespaceLatency time.Duration // to make a namespace; Take is immediate while spares stand
	PullLatency      time.Duration // of Pull, unless the image's behaviour has its own

	CPUs         int   // 8 if 0
	MemoryBytes  int64 // 16 GiB if 0
	NoTaskLimits bool  // Info.TaskLimits is false
	Default      func(n int, spec engine.Spec) Behaviour
}

// Sim is a simulated engine. It outlives Close: containers run on, and the same value can be handed to a second
// daemon, which is how a daemon's restart is tested.
type Sim struct {
	cfg Config

	mu      sync.Mutex
	clock   clock
	pending map[*call]struct{}
	down    bool
	faults  map[Op]*fault

	serial     int // of whatever is made, for order
	containers map[engine.ContainerID]*container
	names      map[string]*container
	created    map[string]int // by name: how often one was made
	hostPorts  map[hostPort]*container
	nextPort   int
	nextBridge int

	namespaces map[string]*namespace
	addresses  map[netip.Addr]*namespace
	spares     []*namespace
	want       int
	poke       chan struct{} // wakes Run
	nextNS     int
	nextAddr   netip.Addr

	images  map[string]*image
	byID    map[engine.ImageID]string
	volumes map[string]engine.Volume

	byImage     map[string]Script
	byContainer map[string]Script
	starts      map[string]int // by image
	pulls       map[string]int // by image

	subscribers []*subscriber
	dropEvents  bool

	server   *http.Server
	listener *pipeListener

	counts     Counts
	violations []string
}

var _ engine.Whole = (*Sim)(nil)

// New makes an engine without containers.
func New(cfg Config) *Sim {
	cfg.CPUs = cmp.Or(cfg.CPUs, 8)
	cfg.MemoryBytes = cmp.Or(cfg.MemoryBytes, 16<<30)
	if cfg.Default == nil {
		cfg.Default = Demo
	}
	s := &Sim{cfg: cfg, poke: make(chan struct{}, 1)}
	s.clock.mu = &s.mu
	s.byImage, s.byContainer = map[string]Script{}, map[string]Script{}
	s.starts, s.pulls = map[string]int{}, map[string]int{}
	s.pending = map[*call]struct{}{}
	s.faults = map[Op]*fault{}
	s.created = map[string]int{}
	s.wipe()
	return s
}

// wipe sets the engine's objects back to none.
func (s *Sim) wipe() {
	s.containers = map[engine.ContainerID]*container{}
	s.names = map[string]*container{}
	s.hostPorts = map[hostPort]*container{}
	s.namespaces = map[string]*namespace{}
	s.addresses = map[netip.Addr]*namespace{}
	s.spares = nil
	s.images = map[string]*image{}
	s.byID = map[engine.ImageID]string{}
	s.volumes = map[string]engine.Volume{}
	s.nextAddr = firstAddress
	s.nextPort = firstHostPort
}

// Info describes the simulated machine.
func (s *Sim) Info(ctx context.Context) (engine.Info, error) {
	if err := s.reachable(ctx); err != nil {
		return engine.Info{}, err
	}
	return engine.Info{
		Name: "sim", Version: "sim", APIVersion: "1.41", OS: "linux", Arch: "amd64",
		CPUs: s.cfg.CPUs, MemoryBytes: s.cfg.MemoryBytes, CgroupVersion: "2",
		TaskLimits: !s.cfg.NoTaskLimits, SystemTime: time.Now(),
	}, nil
}

// Close ends what this client of the engine holds: event streams, connections, waiting calls. Containers and
// namespaces run on, and the engine can be used again.
func (s *Sim) Close() error {
	s.mu.Lock()
	s.breakStreams(fmt.Errorf("%w: closed", engine.ErrUnavailable))
	s.abandon(fmt.Errorf("%w: closed", engine.ErrUnavailable))
	for _, c := range s.containers {
		c.hangUp()
	}
	server, listener := s.server, s.listener
	s.server, s.listener = nil, nil
	s.want = 0
	s.mu.Unlock()
	if server == nil {
		return nil
	}
	err := server.Close()
	listener.wait()
	return err
}

// RemoveAll removes every container, namespace, volume and image; scripts and counters stay.
func (s *Sim) RemoveAll(ctx context.Context) error {
	return s.do(ctx, OpRemoveAll, "", 0, func() error {
		for _, c := range s.sorted() {
			s.destroy(c)
		}
		for _, ns := range s.sortedNamespaces() {
			s.release(ns)
		}
		s.wipe()
		return nil
	})
}

// reachable is the part that every reading call begins with.
func (s *Sim) reachable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up()
}

// up fails during an outage.
func (s *Sim) up() error {
	if s.down {
		return errDown
	}
	return nil
}

var errDown = fmt.Errorf("%w: Cannot connect to the Docker daemon. Is the docker daemon running?", engine.ErrUnavailable)

// latency is d and its jitter for one thing done to name: by hash, so that it does not depend on who asks first.
func (s *Sim) latency(d time.Duration, op Op, name string) time.Duration {
	return d + time.Duration(float64(d)*s.cfg.Jitter*s.fraction(string(op), name))
}

// fraction is a number in [0,1) that depends on the seed and the words only.
func (s *Sim) fraction(words ...string) float64 {
	return float64(s.hash(words...)>>11) / (1 << 53)
}

func (s *Sim) hash(words ...string) uint64 {
	h := fnv.New64a()
	var seed [8]byte
	binary.LittleEndian.PutUint64(seed[:], s.cfg.Seed)
	h.Write(seed[:])
	for _, w := range words {
		h.Write([]byte(w))
		h.Write([]byte{0})
	}
	x := h.Sum64() // FNV's high bits move little between similar words: mix them (splitmix64)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
