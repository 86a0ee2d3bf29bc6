package sim

import (
	"fmt"
	"slices"
	"time"

	"miniecs/runtime/engine"
)

// What happens to an engine behind its user's back, and what a test asks afterwards.

// KillContainer ends a running container as `docker kill` does: exit code 137. id may be a name.
func (s *Sim) KillContainer(id engine.ContainerID) error { return s.ExitContainer(id, 137) }

// ExitContainer ends a running container with that code.
func (s *Sim) ExitContainer(id engine.ContainerID, code int) error {
	return s.behind(id, func(c *container) { s.end(c, code) })
}

// OOMContainer has a running container killed for memory.
func (s *Sim) OOMContainer(id engine.ContainerID) error {
	return s.behind(id, func(c *container) {
		if c.running() {
			s.oom(c)
		}
	})
}

// RemoveContainer removes a container as `docker rm -f` does.
func (s *Sim) RemoveContainer(id engine.ContainerID) error { return s.behind(id, s.destroy) }

// SetHealth makes the health check of a running container say h from now on.
func (s *Sim) SetHealth(id engine.ContainerID, h engine.Health) error {
	return s.behind(id, func(c *container) {
		if c.running() && c.status.Health != h {
			s.setHealth(c, h)
		}
	})
}

func (s *Sim) behind(id engine.ContainerID, f func(*container)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(id)
	if err == nil {
		f(c)
	}
	return err
}

// KillNamespace kills the pause that holds a namespace.
func (s *Sim) KillNamespace(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ns := s.namespaces[id]
	if ns == nil {
		return fmt.Errorf("%w: %s", engine.ErrNotFound, id)
	}
	s.kill(ns)
	return nil
}

// TakePort has a stranger's program listen on a host port.
func (s *Sim) TakePort(port int, protocol string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hostPorts[hostPort{port, protocol}] = nil
}

// DropEvents loses all events until it is switched off again; the streams stay open.
func (s *Sim) DropEvents(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropEvents = on
}

// BreakEvents ends all event streams with an error.
func (s *Sim) BreakEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.breakStreams(fmt.Errorf("%w: %w", engine.ErrUnavailable, errBroken))
}

// Unavailable begins or ends an outage in which the engine does not answer. Containers run on, and end, meanwhile;
// of the calls under way some have taken effect.
func (s *Sim) Unavailable(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setDown(on)
}

func (s *Sim) setDown(on bool) {
	if on && !s.down {
		s.breakStreams(errDown)
		s.abandon(errDown)
	}
	s.down = on
	if !on {
		s.wake()
	}
}

// Restart is an engine that restarts: every container and namespace is dead, nothing was told of it, and nothing
// answers for that long.
func (s *Sim) Restart(downtime time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setDown(true)
	for _, c := range s.sorted() {
		s.end(c, 137)
	}
	for _, ns := range s.sortedNamespaces() {
		s.kill(ns)
	}
	if downtime <= 0 {
		s.setDown(false)
		return
	}
	s.clock.at(time.Now().Add(downtime), "", func() { s.setDown(false) })
}

// Fail makes the next calls of op fail with err, after their latency. With done they take effect all the same.
func (s *Sim) Fail(op Op, times int, err error, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[op] = &fault{times: times, err: err, done: done}
}

// Counts are numbers of what the engine did and holds.
type Counts struct {
	Created, Started, FailedStarts, Removed, Pulls, NamespacesMade int // so far
	Running, PeakRunning                                           int
	Containers, Namespaces, Spares, Volumes                        int // present now, spares among the namespaces
}

// Counts gives the numbers.
func (s *Sim) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.counts
	n.Containers, n.Namespaces, n.Spares, n.Volumes = len(s.containers), len(s.namespaces), len(s.spares), len(s.volumes)
	return n
}

// Starts counts the starts of containers of an image, failed ones among them.
func (s *Sim) Starts(image string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts[image]
}

// Running gives what runs and fits, oldest first; a nil fit takes all.
func (s *Sim) Running(fit func(engine.Owner) bool) []engine.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []engine.Status
	for _, c := range s.sorted() {
		if c.running() && (fit == nil || fit(c.spec.Owner)) {
			out = append(out, c.snapshot())
		}
	}
	return out
}

// Violations tells what the engine's user did against the rules of the seam, in order: a namespace used by two tasks,
// or by a container before it was taken, or released under its containers; a container started twice.
func (s *Sim) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

func (s *Sim) violate(format string, args ...any) {
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}
