package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// server is a listener's sockets and what its requests do now.
type server struct {
	http    *http.Server
	route   atomic.Pointer[route]
	sockets []net.Listener

	ctx context.Context // ends when no request may go on
	end context.CancelCauseFunc
	// busy is read-locked by every request under way, upgraded ones too, of which net/http knows nothing.
	busy sync.RWMutex
}

// route is what a listener does with requests: immutable, replaced whole when listener or balancer change.
type route struct {
	listener  string // ARN
	port      int    // where clients find it: the one that it is bound to
	group     *group // forward
	fixed     *FixedResponse
	idle      time.Duration
	keepAlive time.Duration
	xff       string // append, preserve, remove
	xffPort   bool
	keepHost  bool
	dropBad   bool   // header fields with names that are not [-A-Za-z0-9]+
	dns       string // the balancer's name, for HTTP/1.0 without Host
}

// routeOf reads a listener and its balancer; p.mu is held.
func (p *Proxy) routeOf(l *Listener) *route {
	lb := p.balancers[l.LoadBalancerARN]
	attrs := balancerAttributes
	get := func(k string) string {
		if v, ok := lb.Attributes[k]; ok {
			return v
		}
		return attrs[k].fallback
	}
	seconds := func(k string) time.Duration {
		n, _ := strconv.Atoi(get(k))
		return time.Duration(n) * time.Second
	}
	r := &route{listener: l.ARN, port: cmp.Or(l.BoundPort, l.Port), idle: seconds("idle_timeout.timeout_seconds"), keepAlive: seconds("client_keep_alive.seconds"),
		xff: get("routing.http.xff_header_processing.mode"), xffPort: get("routing.http.xff_client_port.enabled") == "true",
		keepHost: get("routing.http.preserve_host_header.enabled") == "true",
		dropBad:  get("routing.http.drop_invalid_header_fields.enabled") == "true", dns: lb.DNSName}
	for _, a := range l.Actions {
		r.fixed = a.Fixed
		for _, g := range a.Groups {
			r.group = p.groups[g.ARN]
		}
	}
	return r
}

// refreshRoutes makes every listener's route anew; p.mu is held.
func (p *Proxy) refreshRoutes() {
	for arn, s := range p.servers {
		if l := p.listeners[arn]; l != nil {
			s.route.Store(p.routeOf(l))
		}
	}
}

// open binds a listener that was made earlier, where it was bound then.
func (p *Proxy) open(ctx context.Context, l *Listener) error {
	sockets, port, err := p.bind(ctx, l)
	if err != nil {
		return err
	}
	p.mu.Lock()
	moved := l.BoundPort != port
	l.BoundPort = port
	change := record("listener", l.ID, l)
	p.serve(l, sockets)
	p.mu.Unlock()
	if moved {
		return p.commit(ctx, change)
	}
	return nil
}

// serve starts answering on bound sockets. p.mu is held.
func (p *Proxy) serve(l *Listener, sockets []net.Listener) {
	s := &server{sockets: sockets}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	s.route.Store(p.routeOf(l))
	s.http = &http.Server{
		Handler: &handler{p: p, s: s}, ReadHeaderTimeout: time.Minute, IdleTimeout: s.route.Load().idle,
		MaxHeaderBytes: 64 << 10, ErrorLog: stdLog(p.log),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(p.context()) },
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, &connInfo{opened: time.Now()})
		},
	}
	p.servers[l.ARN] = s
	if p.tasks == nil || p.ctx.Err() != nil {
		closeAll(sockets)
		return
	}
	for _, socket := range sockets {
		p.tasks.Go(func() error {
			if err := s.http.Serve(socket); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				p.log.Error().Err(err).Str("listener", l.ARN).Msg("listener ended")
			}
			return nil
		})
	}
	p.log.Info().Str("listener", l.ARN).Int("port", l.Port).Int("bound", l.BoundPort).Msg("listening")
}

func (p *Proxy) context() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx == nil {
		return context.Background()
	}
	return p.ctx
}

// closeGrace is how long requests under way get when a listener closes.
const closeGrace = 3 * time.Second

// shut stops accepting: the port is free.
func (s *server) shut() { closeAll(s.sockets) }

// close lets requests end; upgraded connections are cut. Nothing of the server runs when it returns.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	_ = s.http.Shutdown(ctx)
	s.end(errClosing)
	_ = s.http.Close()
	s.busy.Lock() // for good: a request that comes now is turned away
}

// retire frees a server's port and closes it in the background; nil is nothing to do. p.mu is held.
func (p *Proxy) retire(s *server) {
	if s == nil {
		return
	}
	s.shut()
	if p.tasks != nil && p.ctx.Err() == nil {
		p.tasks.Go(func() error { s.close(); return nil })
		return
	}
	s.end(errClosing)
}

// bind opens a listener's port on every address: the one that it had before, else its own, else a free one
// (design.md 6).
func (p *Proxy) bind(ctx context.Context, l *Listener) ([]net.Listener, int, error) {
	first := l.Port
	if l.BoundPort != 0 {
		first = l.BoundPort
	}
	sockets, err := p.bindPort(ctx, first)
	if err == nil {
		return sockets, first, nil
	}
	if p.cfg.StrictPorts {
		return nil, 0, refuse(CodeInvalidConfiguration, "Listener port %d cannot be bound on this machine: %v", l.Port, err)
	}
	why := "cannot be bound"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = "is in use on this machine"
	case errors.Is(err, syscall.EACCES):
		why = "needs privileges (ports below 1024)"
	}
	for i := range 40 {
		free := 8099 - i // docker-compose.yml publishes 8080-8099
		if free < 8080 {
			if free, err = freePort(ctx, p.cfg.ListenAddrs[0]); err != nil {
				return nil, 0, fmt.Errorf("find a free port: %w", err)
			}
		}
		if sockets, err = p.bindPort(ctx, free); err == nil {
			p.log.Warn().Int("port", l.Port).Int("bound", free).Str("cause", why).Msg("listener moved to a free port")
			return sockets, free, nil
		}
	}
	return nil, 0, fmt.Errorf("listener port %d %s, and no free port was found: %w", l.Port, why, err)
}

func (p *Proxy) bindPort(ctx context.Context, port int) ([]net.Listener, error) {
	var out []net.Listener
	var lc net.ListenConfig
	for _, addr := range p.cfg.ListenAddrs {
		s, err := lc.Listen(ctx, "tcp", net.JoinHostPort(addr, strconv.Itoa(port)))
		if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
			continue // a machine without IPv6
		}
		if err != nil {
			closeAll(out)
			return nil, err
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("none of the addresses %v can be bound", p.cfg.ListenAddrs)
	}
	return out, nil
}

func freePort(ctx context.Context, addr string) (int, error) {
	var lc net.ListenConfig
	s, err := lc.Listen(ctx, "tcp", net.JoinHostPort(addr, "0"))
	if err != nil {
		return 0, err
	}
	defer s.Close()
	return s.Addr().(*net.TCPAddr).Port, nil
}

func closeAll(sockets []net.Listener) {
	for _, s := range sockets {
		_ = s.Close()
	}
}
