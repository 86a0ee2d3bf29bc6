package proxy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"miniecs/internal/arn"
	"miniecs/store"
)

// Config is what a Proxy needs from outside.
type Config struct {
	Store   store.Store
	Dialer  Dialer
	Account string
	Region  string
	VPCID   string // the default VPC, of a load balancer and of a target group that names none
	// ListenAddrs are the addresses on which listeners bind; 127.0.0.1 and ::1 when empty.
	ListenAddrs []string
	// StrictPorts makes a port that cannot be bound an error; otherwise the listener moves to a free one.
	StrictPorts bool
	// TimeScale divides the durations that users set (intervals, delays, idle timeouts); 0 is 1.
	TimeScale float64
	// Told, if set, hears of every change of a target's health, from the goroutine that made it. It must not block.
	Told func(group string, t Target, h Health)
}

// Proxy is the load balancers of one account and region. All methods may be called concurrently, before Run as well:
// what is made before is served by Run.
type Proxy struct {
	cfg     Config
	changes *changes
	log     zerolog.Logger // for what the data plane has to say

	// change serialises what changes anything; it is held across the store's commit. mu guards the fields below and is
	// held briefly, so that reading never waits for a disk. Entities are immutable values, replaced whole.
	change    sync.Mutex
	mu        sync.RWMutex
	balancers map[string]*LoadBalancer
	listeners map[string]*listener
	groups    map[string]*group
	run       *run // nil unless Run runs
}

// run is one call of Run: what it has started and waits for.
type run struct {
	ctx context.Context // the daemon's: targets and listeners live longer than the call that made them
	wg  sync.WaitGroup
}

// New loads what the store has of load balancers. Nothing is bound or checked before Run.
func New(ctx context.Context, cfg Config) (*Proxy, error) {
	if len(cfg.ListenAddrs) == 0 {
		cfg.ListenAddrs = []string{"127.0.0.1", "::1"}
	}
	if cfg.TimeScale <= 0 {
		cfg.TimeScale = 1
	}
	p := &Proxy{
		cfg: cfg, changes: newChanges(), log: *zerolog.Ctx(ctx),
		balancers: map[string]*LoadBalancer{}, listeners: map[string]*listener{}, groups: map[string]*group{},
	}
	if err := p.load(ctx); err != nil {
		return nil, fmt.Errorf("load the load balancers: %w", err)
	}
	return p, nil
}

// errStopping is why requests are cut off when Run ends.
var errStopping = errors.New("the load balancer is stopping")

// Run binds the listeners, checks the targets and serves until ctx ends. Then it accepts no more, gives requests a few
// seconds to finish, and returns when everything has ended. It fails if a port cannot be had, with StrictPorts only.
func (p *Proxy) Run(ctx context.Context) error {
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	r := &run{ctx: inner}
	err := p.start(r)
	if err == nil {
		p.changes.forward(ctx)
	}
	p.stop()
	cancel(errStopping)
	r.wg.Wait()
	p.mu.Lock()
	for _, g := range p.groups {
		for _, t := range g.targets {
			t.closeIdle()
		}
	}
	p.mu.Unlock()
	return err
}

// start brings to life what is known; from then on, what is new comes to life at once.
func (p *Proxy) start(r *run) error {
	p.change.Lock()
	tell, err := p.begin(r)
	p.change.Unlock()
	for _, f := range tell {
		f()
	}
	return err
}

func (p *Proxy) begin(r *run) ([]func(), error) {
	p.mu.Lock()
	p.run = r
	p.mu.Unlock()
	for _, l := range p.sortedListeners() {
		if err := p.open(r.ctx, l); err != nil {
			return nil, err
		}
	}
	tell := p.use(r.ctx) // what a crash came between
	for _, g := range p.groups {
		for _, t := range g.order {
			p.startTarget(t)
		}
	}
	return tell, nil
}

// stop ends the listeners, all at the same time.
func (p *Proxy) stop() {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	p.run = nil
	all := slices.Collect(maps.Values(p.listeners))
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, l := range all {
		if s := l.server; s != nil {
			l.server = nil
			wg.Go(s.close)
		}
	}
	wg.Wait()
}

// scaled is a user's duration on this proxy's clock.
func (p *Proxy) scaled(seconds int) time.Duration {
	return time.Duration(float64(seconds) * float64(time.Second) / p.cfg.TimeScale)
}

// patience is like scaled, for waits on somebody's answer: the world behind does not run faster, so that less than a
// second is only what the user asked for.
func (p *Proxy) patience(seconds int) time.Duration {
	d := time.Duration(seconds) * time.Second
	return max(p.scaled(seconds), min(d, time.Second))
}

// Changed yields the ARN of a target group some of whose targets changed: registered, in another state, gone. Look
// again. Changes of a group that nobody has received yet are one. It yields while Run runs and is never closed.
func (p *Proxy) Changed() <-chan string { return p.changes.out }

func (p *Proxy) scope() arn.Scope {
	return arn.Scope{Partition: "aws", Region: p.cfg.Region, Account: p.cfg.Account}
}

// told says that a target's health has changed.
func (p *Proxy) told(g *group, t Target, h Health) {
	p.changes.add(g.arn)
	if p.cfg.Told != nil {
		p.cfg.Told(g.arn, t, h)
	}
	p.log.Info().Str("target_group", g.arn).Stringer("target", t).Str("to", h.State).Str("cause", h.Reason).Msg("target state changed")
}
