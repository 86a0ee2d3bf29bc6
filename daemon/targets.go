package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"miniecs/internal/feed"
	"miniecs/proxy"
	"miniecs/runtime"
	"miniecs/runtime/engine"
)

// dialer reaches a target for the proxy: a task's address by the engine's way, an instance's port on its host.
type dialer struct{ eng engine.Whole }

func (d dialer) Dial(ctx context.Context, t proxy.Target) (net.Conn, error) {
	if strings.HasPrefix(t.ID, "i-") {
		return timely(d.eng.DialHost(ctx, t.Port))
	}
	addr, err := netip.ParseAddr(t.ID)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", t.ID, err)
	}
	return timely(d.eng.Dial(ctx, netip.AddrPortFrom(addr, uint16(t.Port))))
}

// timely tells a target that does not answer from one that refuses, in the proxy's terms.
func timely(c net.Conn, err error) (net.Conn, error) {
	if errors.Is(err, engine.ErrTimeout) {
		return nil, fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	return c, err
}

// targets are the proxy's target groups as the runtime sees them.
type targets struct{ p *proxy.Proxy }

func newTargets(p *proxy.Proxy) runtime.Targets { return targets{p} }

func (t targets) Register(ctx context.Context, group string, tg runtime.Target) error {
	return t.p.RegisterTargets(ctx, group, []proxy.Target{{ID: tg.ID, Port: tg.Port}})
}

func (t targets) Deregister(ctx context.Context, group string, tg runtime.Target) error {
	err := t.p.DeregisterTargets(ctx, group, []proxy.Target{{ID: tg.ID, Port: tg.Port}})
	var refusal *proxy.Error
	if errors.As(err, &refusal) && refusal.Code == proxy.CodeTargetGroupNotFound {
		return nil // deleted with everything in it
	}
	return err
}

func (t targets) Health(group string, tg runtime.Target) runtime.TargetHealth {
	return runtime.TargetHealth(t.p.Health(group, tg.ID, tg.Port))
}

func (t targets) Group(_ context.Context, group string) (runtime.GroupInfo, bool) {
	g, ok := t.p.FindTargetGroup(group)
	return runtime.GroupInfo{ARN: g.ARN, TargetType: g.TargetType, HasListener: len(g.LoadBalancers) > 0}, ok
}

func (t targets) Changed() <-chan string { return t.p.Changed() }

// tellTarget puts a target's change into the feed, for people who watch.
func tellTarget(f *feed.Feed) func(group string, t proxy.Target, h proxy.Health) {
	return func(group string, t proxy.Target, h proxy.Health) {
		f.Publish(feed.Item{Kind: "target", Subject: group + " " + t.String(), Status: h.State, Message: h.Description})
	}
}

func (d *daemon) proxyConfig() proxy.Config {
	return proxy.Config{
		Store: d.store, Dialer: dialer{d.eng}, Account: d.settings.Account, Region: d.settings.Region, VPCID: d.account.VPC.ID,
		ListenAddrs: d.cfg.ListenAddrs, StrictPorts: d.cfg.StrictPorts, TimeScale: d.cfg.TimeScale, Told: tellTarget(d.feed),
	}
}
