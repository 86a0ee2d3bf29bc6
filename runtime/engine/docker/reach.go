package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"miniecs/internal/pause"
	"miniecs/runtime/engine"
)

const (
	dialTimeout  = 10 * time.Second // of a Dial whose context has no deadline
	helloTimeout = 5 * time.Second  // for a pause to begin to answer
	tryTimeout   = 2 * time.Second  // for the first pause to show that addresses are routable
)

// reach knows how to get into namespaces from here. The way is found out with the first namespace and then holds
// until the daemon ends.
type reach struct {
	host string // name of the engine's host, for published ports
	dial func(ctx context.Context, address string) (net.Conn, error)
	mode atomic.Pointer[string] // ReachAuto while it is not known
	mu   sync.RWMutex
	all  map[netip.Addr]*namespace // namespaces by address
}

func newReach(d *Docker) *reach {
	r := &reach{host: d.hostName(), dial: dialTCP, all: map[netip.Addr]*namespace{}}
	r.set(d.cfg.Reach)
	return r
}

func (r *reach) way() string     { return *r.mode.Load() }
func (r *reach) set(mode string) { r.mode.Store(&mode) }

func (r *reach) add(n *namespace) {
	r.mu.Lock()
	r.all[n.Address] = n
	r.mu.Unlock()
}

func (r *reach) drop(n *namespace) {
	r.mu.Lock()
	if r.all[n.Address] == n {
		delete(r.all, n.Address)
	}
	r.mu.Unlock()
}

func (r *reach) at(a netip.Addr) *namespace {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.all[a]
}

// Reach says which way is used: direct, hatch, or auto while no namespace has shown it.
func (d *Docker) Reach() string { return d.reach.way() }

// Dial connects to a port of a task.
func (d *Docker) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	n := d.reach.at(addr.Addr())
	if n == nil && d.pool.awaitAdopted(ctx) {
		n = d.reach.at(addr.Addr())
	}
	if n == nil {
		if subnet, ok := d.pool.subnet(); ok && subnet.Contains(addr.Addr()) {
			return nil, fmt.Errorf("dial %s: %w", addr, engine.ErrGone)
		}
	}
	ctx, cancel := deadline(ctx, dialTimeout)
	defer cancel()
	var conn net.Conn
	var err error
	if n != nil && d.reach.way() == ReachHatch {
		conn, err = d.dialHatch(ctx, n, addr.Port())
	} else {
		conn, err = d.reach.dial(ctx, addr.String())
	}
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, dialError(err))
	}
	return conn, nil
}

// dialHatch has the pause connect. The pause gives up a little before us, so that its answer still arrives.
func (d *Docker) dialHatch(ctx context.Context, n *namespace, port uint16) (net.Conn, error) {
	conn, err := d.reach.dial(ctx, d.hatch(n))
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil, engine.ErrGone // nobody publishes that port any more
		}
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	until, _ := ctx.Deadline()
	err = n.key.Dial(conn, port, time.Until(until)*9/10)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return nil, engine.ErrGone // the engine's proxy took the call for a pause that is no more
		}
		return nil, err
	}
	return conn, nil
}

// hatch is where a namespace's hatch answers.
func (d *Docker) hatch(n *namespace) string {
	if n.hatchPort != 0 && d.reach.way() != ReachDirect {
		return d.loopback(n.hatchPort)
	}
	return netip.AddrPortFrom(n.Address, pause.HatchPort).String()
}

// DialHost connects to a port published on the engine's host.
func (d *Docker) DialHost(ctx context.Context, port int) (net.Conn, error) {
	ctx, cancel := deadline(ctx, dialTimeout)
	defer cancel()
	conn, err := d.reach.dial(ctx, d.loopback(port))
	if err != nil {
		return nil, fmt.Errorf("dial host port %d: %w", port, dialError(err))
	}
	return conn, nil
}

// hostName is where the engine's host answers for ports that it publishes on loopback. From inside a container of a
// desktop's engine that is another name.
func (d *Docker) hostName() string {
	if _, err := os.Stat("/.dockerenv"); err == nil && !d.sameMachine() {
		return "host.docker.internal"
	}
	return "127.0.0.1"
}

// deadline makes sure that ctx has one.
func deadline(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}

// dialTCP connects; Go sets TCP_NODELAY on every connection.
func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address)
}

// dialError sorts a failed dial for the proxy.
func dialError(err error) error {
	switch {
	case errors.Is(err, engine.ErrGone), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, pause.ErrGone):
		return engine.ErrGone
	case errors.Is(err, pause.ErrRefused), errors.Is(err, syscall.ECONNREFUSED):
		return engine.ErrRefused
	case errors.Is(err, pause.ErrTimeout), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return engine.ErrTimeout
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return engine.ErrGone
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return engine.ErrTimeout
	}
	return err
}

// hello asks a pause who it is, again and again until it answers: its listener comes a moment after its start.
func (d *Docker) hello(ctx context.Context, key pause.Key, address string, limit time.Duration) (pause.Greeting, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for wait := 2 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		g, err := d.helloOnce(ctx, key, address)
		if err == nil || errors.Is(err, pause.ErrGone) {
			return g, err
		}
		if !rest(ctx, wait) {
			return g, fmt.Errorf("no answer at the hatch %s: %w", address, err)
		}
	}
}

func (d *Docker) helloOnce(ctx context.Context, key pause.Key, address string) (g pause.Greeting, err error) {
	err = d.askHatch(ctx, address, func(conn net.Conn) error {
		g, err = key.Hello(conn)
		return err
	})
	return g, err
}

// askHatch opens a hatch for one short exchange.
func (d *Docker) askHatch(ctx context.Context, address string, ask func(net.Conn) error) error {
	conn, err := d.reach.dial(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	return ask(conn)
}
