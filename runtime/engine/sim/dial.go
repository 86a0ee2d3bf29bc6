package sim

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"miniecs/runtime/engine"
)

// Dial connects to a task's address: one end of a pipe, the other served by the Handler of the container that listens.
func (s *Sim) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrTimeout, err)
	}
	s.mu.Lock()
	ns := s.addresses[addr.Addr()]
	if ns == nil || !ns.alive {
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: dial tcp %s", engine.ErrGone, addr)
	}
	var found *container
	for c := range ns.joined {
		if c.accepts(int(addr.Port())) && (found == nil || c.prefers(found, int(addr.Port()))) {
			found = c
		}
	}
	return s.connect(ctx, found, "dial tcp "+addr.String()) // unlocks
}

// DialHost connects to a port that a bridge container publishes or a host container listens on.
func (s *Sim) DialHost(ctx context.Context, port int) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrTimeout, err)
	}
	s.mu.Lock()
	var found *container
	if c := s.hostPorts[hostPort{port, "tcp"}]; c != nil {
		for _, p := range c.status.Ports {
			if p.HostPort == port && c.accepts(p.ContainerPort) {
				found = c
			}
		}
	}
	if found == nil {
		for _, c := range s.sorted() {
			if c.spec.Network == engine.NetworkHost && c.running() && slices.Contains(c.behaviour.Listen, port) {
				found = c
				break
			}
		}
	}
	return s.connect(ctx, found, fmt.Sprintf("dial tcp 127.0.0.1:%d", port)) // unlocks
}

// accepts says whether a connection to port is met by somebody.
func (c *container) accepts(port int) bool {
	b := c.behaviour
	return c.running() && (b.ListenAny || b.NoAnswer || slices.Contains(b.Listen, port)) && c.age() >= b.ListenAfter
}

// prefers orders containers of one task that both accept: who names the port, then who is older.
func (c *container) prefers(other *container, port int) bool {
	mine, others := slices.Contains(c.behaviour.Listen, port), slices.Contains(other.behaviour.Listen, port)
	if mine != others {
		return mine
	}
	return c.serial < other.serial
}

// connect hands a pipe to the server. It is called with the lock held and gives it back.
func (s *Sim) connect(ctx context.Context, c *container, what string) (net.Conn, error) {
	if c == nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: %s", engine.ErrRefused, what)
	}
	if c.behaviour.NoAnswer {
		s.mu.Unlock()
		<-ctx.Done()
		return nil, fmt.Errorf("%w: %s", engine.ErrTimeout, what)
	}
	near, far := net.Pipe()
	c.conns[far] = struct{}{}
	listener := s.serve()
	s.mu.Unlock()
	if err := listener.put(ctx, &servedConn{Conn: far, sim: s, container: c}); err != nil {
		_ = far.Close() // a pipe's Close cannot fail
		return nil, fmt.Errorf("%w: %s: %w", engine.ErrTimeout, what, err)
	}
	return near, nil
}

// servedConn is the container's end of a connection.
type servedConn struct {
	net.Conn
	sim       *Sim
	container *container
}

func (c *servedConn) Close() error {
	c.sim.mu.Lock()
	delete(c.container.conns, c.Conn)
	c.sim.mu.Unlock()
	return c.Conn.Close()
}

// hangUp cuts a container's connections.
func (c *container) hangUp() {
	for conn := range c.conns {
		_ = conn.Close() // a pipe's Close cannot fail
	}
	clear(c.conns)
}

type containerKey struct{}

// serve gives the listener of the one server that stands for all containers, started at the first connection.
func (s *Sim) serve() *pipeListener {
	if s.server != nil {
		return s.listener
	}
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := r.Context().Value(containerKey{}).(*container)
			if h := c.behaviour.Handler; h != nil {
				h.ServeHTTP(w, r)
				return
			}
			c.answer(w, r)
		}),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, containerKey{}, conn.(*servedConn).container)
		},
		ConnState: l.track,
	}
	s.server, s.listener = srv, l
	l.running.Go(func() { _ = srv.Serve(l) }) // it ends with ErrServerClosed, by Close
	return l
}

// answer is what a container without a Handler says.
func (c *container) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.URL.Path == "/health" {
		if !c.behaviour.passes(c.age()) {
			http.Error(w, "unhealthy", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
		return
	}
	env := environment(c.spec.Env)
	name, version := env["NAME"], env["VERSION"]
	if name == "" {
		name = c.spec.Owner.Container
	}
	if version == "" {
		version = fmt.Sprint(c.spec.Owner.Revision)
	}
	fmt.Fprintf(w, "name=%s version=%s hostname=%s\n", name, version, c.hostname)
}

func environment(env []string) map[string]string {
	out := map[string]string{}
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok {
			out[k] = v
		}
	}
	return out
}

// pipeListener is a net.Listener of connections that are handed to it.
type pipeListener struct {
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
	running sync.WaitGroup // the server's loop and its connections
}

func (l *pipeListener) put(ctx context.Context, c net.Conn) error {
	select {
	case l.conns <- c:
		return nil
	case <-l.closed:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

// track counts connections, so that Close can wait for them. A hijacked one is its handler's own.
func (l *pipeListener) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		l.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		l.running.Done()
	}
}

func (l *pipeListener) wait() { l.running.Wait() }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "sim" }
