package sim

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"miniecs/runtime/engine"
)

// container is a simulated container.
type container struct {
	serial    int
	hostname  string
	spec      engine.Spec
	status    engine.Status
	behaviour Behaviour
	items     []*item       // what is still to happen to it while it runs
	ended     chan struct{} // closed when it ends or is removed; made by the first start
	waiters   []*call       // Stops that wait for its end
	conns     map[net.Conn]struct{}
	bound     []hostPort
}

func (c *container) running() bool { return c.status.State == engine.StateRunning }

// age is how long it has been running.
func (c *container) age() time.Duration { return time.Since(c.status.StartedAt) }

// Create makes a container.
func (s *Sim) Create(ctx context.Context, spec engine.Spec) (engine.ContainerID, error) {
	var id engine.ContainerID
	err := s.do(ctx, OpCreate, spec.Name, s.latency(s.cfg.CreateLatency, OpCreate, spec.Name), func() error {
		c, err := s.create(spec)
		if err == nil {
			id = c.status.ID
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

func (s *Sim) create(spec engine.Spec) (*container, error) {
	if old := s.names[spec.Name]; old != nil {
		return nil, fmt.Errorf("%w: Conflict. The container name %q is already in use by container %q",
			engine.ErrExists, "/"+spec.Name, old.status.ID)
	}
	ref := s.refOf(spec.Image)
	img := s.localImage(ref)
	if img == nil {
		return nil, fmt.Errorf("%w: No such image: %s", engine.ErrNotFound, spec.Image)
	}
	if err := s.join(spec); err != nil {
		return nil, err
	}
	for _, m := range spec.Mounts {
		if _, ok := s.volumes[m.Volume]; m.Volume != "" && !ok { // Docker makes one, without our label
			s.violate("container %s mounts volume %s, which was not created", spec.Name, m.Volume)
		}
	}
	s.serial++
	s.created[spec.Name]++
	c := &container{serial: s.serial, spec: spec, hostname: spec.Hostname, conns: map[net.Conn]struct{}{}}
	c.status = engine.Status{
		ID:        engine.ContainerID(s.id(spec.Name, fmt.Sprint(s.created[spec.Name]))),
		Name:      spec.Name,
		Owner:     spec.Owner,
		State:     engine.StateCreated,
		Image:     spec.Image,
		ImageID:   img.id,
		Namespace: spec.Namespace,
		CreatedAt: time.Now(),
	}
	if ns := s.namespaces[spec.Namespace]; ns != nil && spec.Network == engine.NetworkAwsvpc {
		ns.joined[c] = struct{}{}
		c.hostname = ns.Hostname
	}
	s.containers[c.status.ID] = c
	s.names[spec.Name] = c
	s.counts.Created++
	return c, nil
}

// id makes 64 hex digits out of words.
func (s *Sim) id(words ...string) string {
	var b strings.Builder
	for i := range 4 {
		fmt.Fprintf(&b, "%016x", s.hash(append(words, string(rune('0'+i)))...))
	}
	return b.String()
}

// find gives a container by id or name.
func (s *Sim) find(id engine.ContainerID) (*container, error) {
	if c := s.containers[id]; c != nil {
		return c, nil
	}
	if c := s.names[string(id)]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("%w: No such container: %s", engine.ErrNotFound, id)
}

// nameOf gives a name for latencies and order; the id when there is no such container (any more).
func (s *Sim) nameOf(id engine.ContainerID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, err := s.find(id); err == nil {
		return c.spec.Name
	}
	return string(id)
}

// Start starts a container.
func (s *Sim) Start(ctx context.Context, id engine.ContainerID) error {
	name := s.nameOf(id)
	return s.do(ctx, OpStart, name, s.latency(s.startLatency(id), OpStart, name), func() error {
		c, err := s.find(id)
		if err != nil {
			return err
		}
		return s.start(c)
	})
}

// startLatency is how long the next start of a container takes.
func (s *Sim) startLatency(id engine.ContainerID) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(id)
	if err != nil || c.running() {
		return 0
	}
	b := s.behaviourOf(c.spec, s.starts[s.refOf(c.spec.Image)]+1)
	return cmp.Or(b.StartLatency, s.cfg.StartLatency)
}

func (s *Sim) start(c *container) error {
	switch {
	case c.running():
		return nil
	case c.status.State == engine.StateExited:
		s.violate("container %s was started again after its end", c.spec.Name)
	}
	if ns := c.spec.Namespace; c.spec.Network == engine.NetworkAwsvpc && !s.alive(ns) {
		return s.startFailed(c, fmt.Errorf("%w: cannot join network of a non running container: %s", engine.ErrGone, ns))
	}
	ref := s.refOf(c.spec.Image)
	s.starts[ref]++
	b := s.behaviourOf(c.spec, s.starts[ref])
	if b.StartError != "" {
		err := fmt.Errorf("%s", b.StartError)
		if b.PortTaken {
			err = fmt.Errorf("%w: %s", engine.ErrPortTaken, b.StartError)
		}
		return s.startFailed(c, err)
	}
	if err := s.bind(c); err != nil {
		return s.startFailed(c, err)
	}
	c.behaviour = b
	c.ended = make(chan struct{})
	st := &c.status
	st.State, st.StartedAt, st.FinishedAt = engine.StateRunning, time.Now(), time.Time{}
	st.ExitCode, st.OOMKilled, st.Error, st.Health = 0, false, "", engine.HealthNone
	s.counts.Started++
	s.counts.Running++
	s.counts.PeakRunning = max(s.counts.PeakRunning, s.counts.Running)
	s.emit(c, engine.EventStart)
	s.arrange(c)
	return nil
}

func (s *Sim) startFailed(c *container, err error) error {
	c.status.Error = err.Error()
	s.counts.FailedStarts++
	return err
}

// arrange schedules what the behaviour says about a container that starts now.
func (s *Sim) arrange(c *container) {
	b, start := c.behaviour, c.status.StartedAt
	at := func(d time.Duration, run func()) {
		c.items = append(c.items, s.clock.at(start.Add(d), c.spec.Name, run))
	}
	if b.ExitAfter > 0 {
		jitter := time.Duration(s.fraction("exit", string(c.status.ID)) * float64(b.ExitJitter))
		at(b.ExitAfter+jitter, func() { s.end(c, b.ExitCode) })
	}
	if b.OOMAfter > 0 {
		at(b.OOMAfter, func() { s.oom(c) })
	}
	if c.spec.HealthCheck == nil {
		return
	}
	c.status.Health = engine.HealthStarting
	for _, t := range b.turns(*c.spec.HealthCheck) {
		at(t.after, func() { s.setHealth(c, t.health) })
	}
}

func (s *Sim) oom(c *container) {
	c.status.OOMKilled = true
	s.emit(c, engine.EventOOM)
	s.end(c, 137)
}

func (s *Sim) setHealth(c *container, h engine.Health) {
	c.status.Health = h
	c.status.HealthLog = "simulated: " + string(h)
	s.emit(c, engine.EventHealth)
}

// end is the end of a running container.
func (s *Sim) end(c *container, code int) {
	if !c.running() {
		return
	}
	c.status.State, c.status.FinishedAt, c.status.ExitCode = engine.StateExited, time.Now(), code
	for _, it := range c.items {
		s.clock.cancel(it)
	}
	c.items = nil
	s.unbind(c)
	c.hangUp()
	close(c.ended)
	s.counts.Running--
	s.emit(c, engine.EventDie)
	for _, w := range c.waiters {
		s.finish(w, nil)
	}
	c.waiters = nil
}

// Stop ends a container as its behaviour answers the stop signal.
func (s *Sim) Stop(ctx context.Context, id engine.ContainerID, grace time.Duration) error {
	name := s.nameOf(id)
	var waiter *call
	err := s.do(ctx, OpStop, name, s.latency(s.cfg.StopLatency, OpStop, name), func() error {
		c, err := s.find(id)
		if err != nil || !c.running() {
			return err
		}
		waiter = s.terminate(c, grace)
		return nil
	})
	if err != nil || waiter == nil {
		return err
	}
	return s.wait(ctx, waiter)
}

// terminate sends the stop signal; the call that it gives is done when the container has ended.
func (s *Sim) terminate(c *container, grace time.Duration) *call {
	w := s.begin(string(OpStop) + "/" + c.spec.Name)
	c.waiters = append(c.waiters, w)
	after, code := c.behaviour.StopAfter, c.behaviour.StopCode
	if c.behaviour.IgnoreSIGTERM || after > grace {
		after, code = grace, 137
	}
	if after <= 0 {
		s.end(c, code)
		return w
	}
	c.items = append(c.items, s.clock.at(time.Now().Add(after), c.spec.Name, func() { s.end(c, code) }))
	return w
}

// Remove removes a container.
func (s *Sim) Remove(ctx context.Context, id engine.ContainerID) error {
	name := s.nameOf(id)
	return s.do(ctx, OpRemove, name, s.latency(s.cfg.RemoveLatency, OpRemove, name), func() error {
		if c, err := s.find(id); err == nil {
			s.destroy(c)
		}
		return nil
	})
}

func (s *Sim) destroy(c *container) {
	s.end(c, 137)
	delete(s.containers, c.status.ID)
	delete(s.names, c.spec.Name)
	if ns := s.namespaces[c.spec.Namespace]; ns != nil {
		delete(ns.joined, c)
	}
	s.counts.Removed++
	s.emit(c, engine.EventDestroy)
}

// Inspect tells everything about a container.
func (s *Sim) Inspect(ctx context.Context, id engine.ContainerID) (engine.Status, error) {
	var st engine.Status
	err := s.do(ctx, OpInspect, string(id), 0, func() error {
		c, err := s.find(id)
		if err == nil {
			st = c.snapshot()
		}
		return err
	})
	return st, err
}

// List gives all containers, oldest first, without what only Inspect tells.
func (s *Sim) List(ctx context.Context) ([]engine.Status, error) {
	var out []engine.Status
	err := s.do(ctx, OpList, "", 0, func() error {
		for _, c := range s.sorted() {
			st := c.snapshot()
			st.StartedAt, st.FinishedAt, st.ExitCode, st.OOMKilled = time.Time{}, time.Time{}, 0, false
			st.Error, st.Health, st.HealthLog = "", engine.HealthNone, ""
			out = append(out, st)
		}
		return nil
	})
	return out, err
}

func (c *container) snapshot() engine.Status {
	st := c.status
	st.Ports = slices.Clone(st.Ports)
	st.Addresses = maps.Clone(st.Addresses)
	return st
}

func (s *Sim) sorted() []*container {
	return slices.SortedFunc(maps.Values(s.containers), func(a, b *container) int { return cmp.Compare(a.serial, b.serial) })
}
