package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/rs/zerolog"

	"miniecs/runtime/engine"
)

const (
	firstAddress  = 10 // number in the range of the first address given; those below are left to the network
	spareCheck    = 15 * time.Second
	spareTimeout  = time.Second // for a spare to answer that it still is one
	makeBackoff   = time.Second
	makeBackoffTo = 30 * time.Second
)

// pool makes namespaces ahead of their use, hands each out once, and knows all that exist.
type pool struct {
	d *Docker

	mu      sync.Mutex
	want    int  // meaningful once asked
	asked   bool // Want was called
	making  int  // spares under way
	spares  []*namespace
	all     map[string]*namespace // by id: spares and those of tasks
	takers  []*taker              // wait for the gate, and would take a spare instead
	scanned bool                  // addresses of namespaces from an earlier start are known
	used    map[netip.Addr]bool
	next    uint32 // number of the address to give next: round robin, so that one just freed rests
	network netip.Prefix

	wake    chan struct{}
	adopted chan struct{} // closed when the first Adopt is through
	adopts  bool          // it has begun
	once    sync.Once
}

// taker is a Take that found no spare and makes its own; whichever is ready first is its.
type taker struct {
	priority engine.Priority
	got      chan *namespace
	cancel   context.CancelFunc
}

func newPool(d *Docker) *pool {
	return &pool{
		d: d, all: map[string]*namespace{}, used: map[netip.Addr]bool{}, next: firstAddress,
		wake: make(chan struct{}, 1), adopted: make(chan struct{}),
	}
}

// Take hands out a namespace: a spare that still answers, else a new one.
func (d *Docker) Take(ctx context.Context) (engine.Namespace, error) {
	p := d.pool
	d.gate.hush()
	for {
		n := p.pop()
		if n == nil {
			break
		}
		if p.claim(ctx, n) == nil {
			p.poke()
			return n.Namespace, nil
		}
		p.discard(ctx, n)
	}
	p.poke()
	for {
		n, err := p.takeNew(ctx)
		if err != nil {
			return engine.Namespace{}, err
		}
		if err := p.claim(ctx, n); err == nil {
			return n.Namespace, nil
		} else if ctx.Err() != nil {
			return engine.Namespace{}, context.Cause(ctx)
		}
		p.discard(ctx, n)
	}
}

// takeNew makes a namespace, or gets one that became ready while it waited for its turn.
func (p *pool) takeNew(ctx context.Context) (*namespace, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &taker{priority: engine.PriorityOf(ctx), got: make(chan *namespace, 1), cancel: cancel}
	p.mu.Lock()
	p.takers = append(p.takers, t)
	slices.SortStableFunc(p.takers, func(a, b *taker) int { return int(a.priority - b.priority) })
	p.mu.Unlock()
	leave, err := p.d.gate.enter(waiting)
	p.forget(t)
	select {
	case n := <-t.got:
		if err == nil {
			leave()
		}
		return n, nil
	default:
	}
	if err != nil {
		return nil, err
	}
	defer leave()
	return p.make(ctx)
}

func (p *pool) forget(t *taker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.takers, t); i >= 0 {
		p.takers = slices.Delete(p.takers, i, i+1)
	}
}

// pop takes the oldest spare off the list.
func (p *pool) pop() *namespace {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.spares) == 0 {
		return nil
	}
	n := p.spares[0]
	p.spares = p.spares[1:]
	return n
}

// claim tells the pause that it is a task's now. A pause that does not answer, or is one already, is not handed out;
// a daemon that dies right after this finds the mark at its next start.
func (p *pool) claim(ctx context.Context, n *namespace) error {
	ctx, cancel := context.WithTimeout(ctx, spareTimeout)
	defer cancel()
	return p.d.askHatch(ctx, p.d.hatch(n), func(conn net.Conn) error { return n.key.Take(conn) })
}

// make makes a namespace; the caller has a place in the gate.
func (p *pool) make(ctx context.Context) (*namespace, error) {
	if err := p.scan(ctx); err != nil {
		return nil, err
	}
	n, err := p.d.makeNamespace(ctx, p.address)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.all[n.ID] = n
	p.mu.Unlock()
	p.d.reach.add(n)
	return n, nil
}

// address gives the next free address, and how to give it back.
func (p *pool) address() (netip.Addr, func(), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	subnet := p.d.vpcSubnet()
	p.network = subnet
	end := number(subnet, dynamicRange(subnet).Addr())
	for range end {
		if p.next < firstAddress || p.next >= end {
			p.next = firstAddress
		}
		a := nth(subnet, p.next)
		p.next++
		last := a.As4()[3]
		if last == 0 || last == 255 || p.used[a] {
			continue
		}
		p.used[a] = true
		return a, func() { p.release(a) }, nil
	}
	return netip.Addr{}, nil, fmt.Errorf("no address is free in %s", subnet)
}

func (p *pool) release(a netip.Addr) {
	p.mu.Lock()
	delete(p.used, a)
	p.mu.Unlock()
}

// discard removes a namespace that is of no use; failures are left to the next Adopt.
func (p *pool) discard(ctx context.Context, n *namespace) {
	ctx = engine.WithPriority(context.WithoutCancel(ctx), engine.PriorityRemove)
	if err := p.d.Release(ctx, n.ID); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("namespace not removed")
	}
}

// Release ends and removes a namespace.
func (d *Docker) Release(ctx context.Context, id string) error {
	if err := d.Remove(ctx, engine.ContainerID(id)); err != nil {
		return err
	}
	d.pool.gone(id)
	return nil
}

// gone forgets a namespace that does not exist any more.
func (p *pool) gone(id string) {
	p.mu.Lock()
	n := p.all[id]
	delete(p.all, id)
	p.spares = slices.DeleteFunc(p.spares, func(s *namespace) bool { return s.ID == id })
	if n != nil {
		delete(p.used, n.Address)
	}
	p.mu.Unlock()
	if n != nil {
		p.d.reach.drop(n)
	}
}

// died hears from the engine's events that a pause has ended: it is no spare any more.
func (p *pool) died(id string) {
	p.mu.Lock()
	before := len(p.spares)
	p.spares = slices.DeleteFunc(p.spares, func(s *namespace) bool { return s.ID == id })
	lost := len(p.spares) < before
	p.mu.Unlock()
	if lost {
		p.poke()
	}
}

// cgroup is where the containers of a namespace go so that its limits hold for all of them; empty: nowhere.
func (p *pool) cgroup(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.all[id]; n != nil && p.d.info.TaskLimits {
		return n.cgroup
	}
	return ""
}

// awaitAdopted waits, while the namespaces of an earlier daemon are looked through, until they are known: the proxy
// serves already, and its targets are not gone because they are not yet found. It says whether they are.
func (p *pool) awaitAdopted(ctx context.Context) bool {
	p.mu.Lock()
	begun := p.adopts
	p.mu.Unlock()
	if !begun {
		return false
	}
	select {
	case <-p.adopted:
		return true
	case <-ctx.Done():
		return false
	}
}

// subnet is the VPC's range once an address was given or adopted from it.
func (p *pool) subnet() (netip.Prefix, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.network, p.network.IsValid()
}

func (d *Docker) vpcSubnet() netip.Prefix {
	d.vpc.mu.Lock()
	defer d.vpc.mu.Unlock()
	return d.vpc.subnet
}

// Limit bounds everything that joins a namespace, by the limits of its pause, whose cgroup they are in.
func (d *Docker) Limit(ctx context.Context, id string, cpus float64, memory int64) error {
	if !d.info.TaskLimits || d.pool.cgroup(id) == "" {
		return nil
	}
	var r container.Resources
	if cpus > 0 {
		r.CPUPeriod, r.CPUQuota = cfsPeriod, quota(cpus)
	}
	if memory > 0 {
		r.Memory, r.MemorySwap = memory, memory
	}
	if cpus <= 0 && memory <= 0 {
		return nil
	}
	_, err := d.cli.ContainerUpdate(ctx, id, container.UpdateConfig{Resources: r})
	if err = wrap(err); errors.Is(err, engine.ErrNotFound) {
		return &callError{kind: engine.ErrGone, err: err}
	}
	return err
}
