package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"
)

// sockets are a listener's, one for each address.
type sockets []net.Listener

// The ports that a listener moves to, from the last to the first, before the system chooses one: those that the
// daemon publishes when it runs in a container (docker-compose.yml).
const firstSpare, lastSpare = 8080, 8099

// bind binds the port of a listener on all addresses, or another one if that cannot be had. What was bound before is
// tried first, so that a listener that moved stays where it is.
func (p *Proxy) bind(ctx context.Context, l Listener) (sockets, int, error) {
	wanted := l.served()
	s, err := p.bindPort(ctx, wanted)
	if err == nil {
		return s, wanted, nil
	}
	if p.cfg.StrictPorts {
		return nil, 0, refuse(CodeInvalidConfiguration, "Listener port %d cannot be bound: %s", wanted, reason(err))
	}
	others := []int{}
	for port := lastSpare; port >= firstSpare; port-- {
		if port != wanted && !p.promised(port) {
			others = append(others, port)
		}
	}
	// 0 lets the system choose; it chooses for one address, so that another may refuse.
	others = append(others, 0, 0, 0, 0, 0)
	for _, port := range others {
		s, lastErr := p.bindPort(ctx, port)
		if lastErr != nil {
			err = lastErr
			continue
		}
		port = s[0].Addr().(*net.TCPAddr).Port
		p.log.Warn().Str("listener", l.ARN).Int("wanted", l.Port).Int("port", port).
			Str("cause", reason(err)).Msg("listener moved to another port")
		return s, port, nil
	}
	return nil, 0, fmt.Errorf("bind a port for listener %s: %w", l.ARN, err)
}

// promised says whether a listener wants a port or has been given it: nobody else may move there.
func (p *Proxy) promised(port int) bool {
	for _, l := range p.listeners {
		if l.conf.Port == port || l.conf.BoundPort == port {
			return true
		}
	}
	return false
}

// bindPort binds a port on every address that this machine has, or on none.
func (p *Proxy) bindPort(ctx context.Context, port int) (sockets, error) {
	var (
		bound   sockets
		missing error
		lc      net.ListenConfig
	)
	for _, addr := range p.cfg.ListenAddrs {
		s, err := lc.Listen(ctx, "tcp", net.JoinHostPort(addr, strconv.Itoa(port)))
		switch {
		case errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT):
			missing = err // no IPv6 on this machine
		case err != nil:
			closeAll(bound)
			return nil, err
		default:
			bound = append(bound, s)
			port = s.Addr().(*net.TCPAddr).Port
		}
	}
	if len(bound) == 0 {
		return nil, missing
	}
	return slices.Clip(bound), nil
}

func closeAll(s sockets) {
	for _, l := range s {
		l.Close()
	}
}

// reason says in a few words why a port could not be bound.
func reason(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "the port is in use"
	case errors.Is(err, syscall.EACCES):
		return "the port is privileged"
	}
	return err.Error()
}
