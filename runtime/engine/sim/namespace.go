package sim

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"miniecs/runtime/engine"
)

var (
	subnet       = netip.MustParsePrefix("172.31.0.0/16")
	gateway      = netip.MustParseAddr("172.31.0.1")
	firstAddress = netip.MustParseAddr("172.31.0.10")
)

// namespace is a simulated network namespace.
type namespace struct {
	engine.Namespace
	serial int
	alive  bool
	taken  bool
	task   string // whose it is, from the first container that joined
	joined map[*container]struct{}
	cpus   float64
	memory int64
}

func (s *Sim) sortedNamespaces() []*namespace {
	return slices.SortedFunc(maps.Values(s.namespaces), func(a, b *namespace) int { return cmp.Compare(a.serial, b.serial) })
}

// Network gives the range of the simulated VPC.
func (s *Sim) Network(ctx context.Context) (netip.Prefix, error) {
	return subnet, s.reachable(ctx)
}

// Take hands out a namespace: a spare at once, or a new one after Config.NamespaceLatency.
func (s *Sim) Take(ctx context.Context) (engine.Namespace, error) {
	if ns, ok := s.takeSpare(ctx); ok {
		return ns, nil
	}
	var out engine.Namespace
	err := s.do(ctx, OpTake, "", s.cfg.NamespaceLatency, func() error {
		ns, err := s.makeNamespace()
		if err == nil {
			ns.taken, out = true, ns.Namespace
		}
		return err
	})
	if err != nil {
		return engine.Namespace{}, err
	}
	return out, nil
}

func (s *Sim) takeSpare(ctx context.Context) (engine.Namespace, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil || s.down || s.faults[OpTake] != nil || len(s.spares) == 0 {
		return engine.Namespace{}, false
	}
	ns := s.spares[0]
	s.spares = s.spares[1:]
	ns.taken = true
	s.wake()
	return ns.Namespace, true
}

// makeNamespace makes one that runs.
func (s *Sim) makeNamespace() (*namespace, error) {
	addr, err := s.freeAddress()
	if err != nil {
		return nil, err
	}
	s.serial++
	s.nextNS++
	b := addr.As4()
	ns := &namespace{serial: s.serial, alive: true, joined: map[*container]struct{}{}, Namespace: engine.Namespace{
		ID:       fmt.Sprintf("ns-%d", s.nextNS),
		Address:  addr,
		MAC:      fmt.Sprintf("02:42:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3]),
		Gateway:  gateway,
		Subnet:   subnet,
		Hostname: "ip-" + strings.ReplaceAll(addr.String(), ".", "-") + ".ec2.internal",
	}}
	s.namespaces[ns.ID] = ns
	s.addresses[addr] = ns
	s.counts.NamespacesMade++
	s.emitNamespace(ns, engine.EventStart)
	return ns, nil
}

// freeAddress goes round the range, so that an address is not given again while it may still be draining somewhere.
func (s *Sim) freeAddress() (netip.Addr, error) {
	for range 1 << (32 - subnet.Bits()) {
		addr := s.nextAddr
		s.nextAddr = addr.Next()
		if !subnet.Contains(s.nextAddr.Next()) { // the last one is the broadcast address
			s.nextAddr = firstAddress
		}
		if _, used := s.addresses[addr]; !used {
			return addr, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("no free address in %s", subnet)
}

// join checks a container that is to be made in a namespace, and joins it to it.
func (s *Sim) join(spec engine.Spec) error {
	if spec.Network != engine.NetworkAwsvpc {
		return nil
	}
	ns := s.namespaces[spec.Namespace]
	if ns == nil || !ns.alive {
		return fmt.Errorf("%w: cannot join network of a non running container: %s", engine.ErrGone, spec.Namespace)
	}
	switch {
	case !ns.taken:
		s.violate("container %s joins namespace %s, which was not taken", spec.Name, ns.ID)
	case ns.task == "":
		ns.task = spec.Owner.Task
	case ns.task != spec.Owner.Task:
		s.violate("namespace %s of task %s is used again by task %s", ns.ID, ns.task, spec.Owner.Task)
	}
	return nil
}

// alive says whether a namespace runs.
func (s *Sim) alive(id string) bool {
	ns := s.namespaces[id]
	return ns != nil && ns.alive
}

func (s *Sim) sortedIn(ns *namespace) []*container {
	return slices.SortedFunc(maps.Keys(ns.joined), func(a, b *container) int { return cmp.Compare(a.serial, b.serial) })
}

// Limit keeps the limits of a namespace.
func (s *Sim) Limit(ctx context.Context, id string, cpus float64, memory int64) error {
	return s.do(ctx, OpLimit, id, 0, func() error {
		if !s.alive(id) {
			return fmt.Errorf("%w: %s", engine.ErrGone, id)
		}
		s.namespaces[id].cpus, s.namespaces[id].memory = cpus, memory
		return nil
	})
}

// Release removes a namespace.
func (s *Sim) Release(ctx context.Context, id string) error {
	return s.do(ctx, OpRelease, id, 0, func() error {
		ns := s.namespaces[id]
		if ns == nil {
			return nil
		}
		if !ns.taken {
			s.violate("namespace %s was released without having been taken", id)
		}
		for _, c := range s.sortedIn(ns) {
			s.violate("namespace %s was released with container %s in it", id, c.spec.Name)
		}
		s.release(ns)
		return nil
	})
}

func (s *Sim) release(ns *namespace) {
	s.kill(ns)
	delete(s.namespaces, ns.ID)
	delete(s.addresses, ns.Address)
	s.emitNamespace(ns, engine.EventDestroy)
}

// kill ends a namespace's pause; what joined it runs on without a network, as with Docker.
func (s *Sim) kill(ns *namespace) {
	if !ns.alive {
		return
	}
	ns.alive = false
	for i, spare := range s.spares {
		if spare == ns {
			s.spares = append(s.spares[:i:i], s.spares[i+1:]...)
			s.wake()
			break
		}
	}
	for c := range ns.joined {
		c.hangUp()
	}
	s.emitNamespace(ns, engine.EventDie)
}

// Adopt keeps the namespaces in use, makes spares of those that were never taken as far as they are wanted, and
// removes the others.
func (s *Sim) Adopt(ctx context.Context, inUse []string) (map[string]engine.Namespace, error) {
	if err := s.reachable(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	used := map[string]bool{}
	for _, id := range inUse {
		used[id] = true
	}
	out := map[string]engine.Namespace{}
	s.spares = nil
	for _, ns := range s.sortedNamespaces() {
		switch {
		case used[ns.ID] && ns.alive:
			ns.taken = true
			out[ns.ID] = ns.Namespace
		case !used[ns.ID] && ns.alive && !ns.taken && len(s.spares) < s.want:
			s.spares = append(s.spares, ns)
		default:
			s.release(ns)
		}
	}
	s.wake()
	return out, nil
}

// Want sets how many spares Run keeps.
func (s *Sim) Want(spares int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.want = max(0, spares)
	for len(s.spares) > s.want {
		s.release(s.spares[len(s.spares)-1])
	}
	s.wake()
}

// Spares counts the namespaces that stand ready.
func (s *Sim) Spares() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.spares)
}

func (s *Sim) wake() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// Run makes spares, one at a time, until ctx ends.
func (s *Sim) Run(ctx context.Context) error {
	for {
		var again <-chan time.Time // after a failure nothing else wakes it
		for s.lacksSpare() {
			if err := s.do(ctx, OpSpare, "", s.cfg.NamespaceLatency, s.makeSpare); err != nil {
				again = time.After(retrySpare)
				break
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.poke:
		case <-again:
		}
	}
}

const retrySpare = 5 * time.Second

func (s *Sim) makeSpare() error {
	if len(s.spares) >= s.want {
		return nil
	}
	ns, err := s.makeNamespace()
	if err == nil {
		s.spares = append(s.spares, ns)
	}
	return err
}

func (s *Sim) lacksSpare() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.spares) < s.want && !s.down
}
