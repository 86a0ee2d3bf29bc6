package docker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/docker/docker/api/types/container"

	"miniecs/runtime/engine"
)

// adoptTimeout is how long a running pause has to answer at the daemon's start.
const adoptTimeout = 3 * time.Second

// Adopt takes over what an earlier daemon left: the namespaces of tasks that still run, spares, and nothing else.
func (d *Docker) Adopt(ctx context.Context, inUse []string) (map[string]engine.Namespace, error) {
	p := d.pool
	if _, _, err := d.vpc.ensure(ctx); err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.scanned, p.network, p.adopts = true, d.vpcSubnet(), true
	p.mu.Unlock()
	found, err := d.pauses(ctx)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, id := range inUse {
		wanted[id] = true
	}
	d.learnReach(ctx, found)
	alive := map[string]engine.Namespace{}
	var failed []error
	for _, in := range found {
		n, running := foundNamespace(in, d.vpcSubnet())
		p.remember(n)
		switch {
		case running && wanted[n.ID]:
			// A pause that runs is alive even if it is slow to answer: it is its task's network.
			taken, err := d.greet(ctx, n, in, adoptTimeout)
			if err == nil && !taken {
				_ = p.claim(ctx, n) // an old daemon died between the store and the mark
			}
			p.keep(n)
			alive[n.ID] = n.Namespace
		case running && p.adoptSpare(ctx, n, in):
		default:
			if err := d.remove(ctx, in.ID); err != nil {
				failed = append(failed, fmt.Errorf("remove an old namespace: %w", err))
				continue
			}
			p.release(n.Address)
		}
	}
	p.once.Do(func() { close(p.adopted) })
	p.poke()
	return alive, errors.Join(failed...)
}

// learnReach finds out from the namespaces of an earlier daemon how they are reached: it published their hatches if
// it had to, else one of them must answer at its address.
func (d *Docker) learnReach(ctx context.Context, found []container.InspectResponse) {
	for _, in := range found {
		if d.reach.way() != ReachAuto {
			return
		}
		n, running := foundNamespace(in, d.vpcSubnet())
		if !running {
			continue
		}
		if len(in.NetworkSettings.Ports[hatchPort]) > 0 {
			d.reach.set(ReachHatch)
		} else if _, err := d.hello(ctx, n.key, d.hatch(n), tryTimeout); err == nil {
			d.reach.set(ReachDirect)
		}
	}
}

// pauses inspects every pause of ours.
func (d *Docker) pauses(ctx context.Context) ([]container.InspectResponse, error) {
	list, err := d.cli.ContainerList(ctx, container.ListOptions{All: true, Filters: d.filter(rolePause)})
	if err != nil {
		return nil, wrap(err)
	}
	var all []container.InspectResponse
	for _, c := range list {
		in, err := d.cli.ContainerInspect(ctx, c.ID)
		if err = wrap(err); errors.Is(err, engine.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		all = append(all, in)
	}
	return all, nil
}

// adoptSpare keeps a namespace that no task has, if it was never handed out and its hatch can be reached in the way
// that is used now.
func (p *pool) adoptSpare(ctx context.Context, n *namespace, in container.InspectResponse) bool {
	p.mu.Lock()
	enough := p.asked && len(p.spares) >= p.want
	p.mu.Unlock()
	if enough || p.d.reach.way() == ReachAuto {
		return false
	}
	taken, err := p.d.greet(ctx, n, in, adoptTimeout)
	if err != nil || taken || p.d.reach.way() == ReachHatch && n.hatchPort == 0 {
		return false
	}
	p.keep(n)
	p.mu.Lock()
	p.spares = append(p.spares, n)
	p.mu.Unlock()
	return true
}

// keep adds a namespace to those that are known.
func (p *pool) keep(n *namespace) {
	p.mu.Lock()
	p.all[n.ID] = n
	p.mu.Unlock()
	p.d.reach.add(n)
}

// remember marks an address as given, and lets the next ones come after it.
func (p *pool) remember(n *namespace) {
	if n == nil || !n.Address.IsValid() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used[n.Address] = true
	if p.network.IsValid() && p.network.Contains(n.Address) {
		p.next = max(p.next, number(p.network, n.Address)+1)
	}
}

// scan learns the addresses of namespaces that exist, where Adopt has not done so.
func (p *pool) scan(ctx context.Context) error {
	p.mu.Lock()
	known := p.scanned
	p.scanned = true
	p.mu.Unlock()
	if known {
		return nil
	}
	found, err := p.d.pauses(ctx)
	if err != nil {
		p.mu.Lock()
		p.scanned = false
		p.mu.Unlock()
		return err
	}
	for _, in := range found {
		n, _ := foundNamespace(in, netip.Prefix{})
		p.remember(n)
	}
	return nil
}
