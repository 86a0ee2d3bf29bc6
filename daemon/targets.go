package daemon

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"miniecs/proxy"
	"miniecs/runtime/engine"
)

// dialer reaches a target for the proxy: a task's address by the engine's way, an instance's port on its host.
type dialer struct{ eng engine.Whole }

func (d dialer) Dial(ctx context.Context, t proxy.Target) (net.Conn, error) {
	if strings.HasPrefix(t.ID, "i-") {
		return d.eng.DialHost(ctx, t.Port)
	}
	addr, err := netip.ParseAddr(t.ID)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", t.ID, err)
	}
	return d.eng.Dial(ctx, netip.AddrPortFrom(addr, uint16(t.Port)))
}
