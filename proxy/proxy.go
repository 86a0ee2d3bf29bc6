// Package proxy is the ALB: load balancers, listeners, target groups, and the data plane that sends requests to healthy
// targets. It knows nothing of ECS and nothing of how a target is reached: that is the Dialer's. The control plane
// (loadbalancer.go, listener.go, targetgroup.go, target.go) changes records; the data plane (serve.go, forward.go)
// reads immutable snapshots and never waits for it. The rules are spec/alb.md, quoted as "alb.md 1.3".
package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"miniecs/store"
)

// bucket is where the proxy keeps its records; keys are like group/ID.
const bucket = "proxy"

// Dialer opens a connection to a target. How (its address, a relay, a published port) is not ours to know. An error
// that has Timeout() true means that no answer came (504), any other that the target refused (502).
type Dialer interface {
	Dial(ctx context.Context, t Target) (net.Conn, error)
}

// Config is what a proxy works with. Store, Dialer, Account and Region are required.
type Config struct {
	Store           store.Store
	Dialer          Dialer
	Account, Region string
	VPCID           string
	ListenAddrs     []string // addresses that listeners bind; empty: 127.0.0.1 and ::1
	StrictPorts     bool     // a port that cannot be bound is an error; else the listener moves to a free one
	TimeScale       float64  // divides intervals, timeouts of checks and delays; 0 is 1
	// Told, if set, hears of every change of a target's state. It must not block and not call the proxy.
	Told func(group string, t Target, h Health)
}

// Proxy holds all load balancers of an account and region. All methods may be called concurrently.
type Proxy struct {
	cfg Config
	log zerolog.Logger

	change sync.Mutex // one change of the control plane at a time, across its commit

	mu        sync.Mutex               // guards what follows; never held across I/O
	balancers map[string]*LoadBalancer // by ARN
	listeners map[string]*Listener     // by ARN
	groups    map[string]*group        // by ARN
	servers   map[string]*server       // by listener ARN
	dirty     map[string]struct{}      // groups whose health is to be saved
	notify    map[string]struct{}      // groups whose change is to be told

	unsaved, untold chan struct{} // wake-ups of save and tell, of capacity one
	changed         chan string

	// Set by Run.
	ctx   context.Context
	tasks *errgroup.Group
}

// New loads the records; nothing is bound or checked before Run.
func New(ctx context.Context, cfg Config) (*Proxy, error) {
	if len(cfg.ListenAddrs) == 0 {
		cfg.ListenAddrs = []string{"127.0.0.1", "::1"}
	}
	p := &Proxy{
		cfg: cfg, log: *zerolog.Ctx(ctx), balancers: map[string]*LoadBalancer{}, listeners: map[string]*Listener{},
		groups: map[string]*group{}, servers: map[string]*server{}, dirty: map[string]struct{}{}, notify: map[string]struct{}{},
		unsaved: make(chan struct{}, 1), untold: make(chan struct{}, 1), changed: make(chan string),
	}
	records, err := cfg.Store.Load(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("load the load balancers: %w", err)
	}
	for key, rec := range records {
		if err := p.decode(key.ID, rec); err != nil {
			return nil, fmt.Errorf("record %s: %w", key.ID, err)
		}
	}
	for _, g := range p.groups {
		g.used = p.balancersOf(g.ARN) != nil
		for _, t := range g.Targets {
			t.settle(g.used) // a crash may have come between a listener's record and its group's
		}
		g.publish()
	}
	return p, nil
}

func (p *Proxy) decode(key string, rec []byte) error {
	switch kind, _ := cutKey(key); kind {
	case "balancer":
		lb := new(LoadBalancer)
		if err := json.Unmarshal(rec, lb); err != nil {
			return err
		}
		p.balancers[lb.ARN] = lb
	case "listener":
		l := new(Listener)
		if err := json.Unmarshal(rec, l); err != nil {
			return err
		}
		p.listeners[l.ARN] = l
	case "group":
		g := new(group)
		if err := json.Unmarshal(rec, g); err != nil {
			return err
		}
		for _, t := range g.Targets {
			t.revive(p)
			t.leaving.Store(t.Health.State == StateDraining)
		}
		p.groups[g.ARN] = g
	}
	return nil
}

// Run binds the listeners, checks the targets and serves until ctx ends. Requests under way get a few seconds to end.
func (p *Proxy) Run(ctx context.Context) error {
	tasks, ctx := errgroup.WithContext(ctx)
	p.mu.Lock()
	p.ctx, p.tasks = ctx, tasks
	listeners := make([]*Listener, 0, len(p.listeners))
	for _, l := range p.listeners {
		listeners = append(listeners, l)
	}
	for _, g := range p.groups {
		for _, t := range g.Targets {
			p.attend(g, t)
		}
	}
	p.mu.Unlock()
	tasks.Go(func() error { return p.save(ctx) })
	tasks.Go(func() error { return p.tell(ctx) })
	for _, l := range listeners {
		if err := p.open(ctx, l); err != nil {
			p.log.Error().Err(err).Str("listener", l.ARN).Msg("listener cannot be opened")
		}
	}
	<-ctx.Done()
	p.mu.Lock()
	servers := make([]*server, 0, len(p.servers))
	for _, s := range p.servers {
		servers = append(servers, s)
	}
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, s := range servers {
		s.shut()
		wg.Go(s.close)
	}
	wg.Wait()
	err := tasks.Wait()
	p.closeTargets()
	if ctx.Err() != nil {
		err = nil
	}
	return err
}

// closeTargets ends the kept connections to all targets.
func (p *Proxy) closeTargets() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.groups {
		for _, t := range g.Targets {
			t.transport.CloseIdleConnections()
		}
	}
}

// save writes changed health down, until ctx ends. It takes its turn among the changes of the control plane: a record
// made before a registration must not be written after it.
func (p *Proxy) save(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.unsaved:
		}
		p.change.Lock()
		p.mu.Lock()
		var changes []store.Change
		for arn := range p.dirty {
			if g := p.groups[arn]; g != nil {
				changes = append(changes, g.change())
			}
		}
		clear(p.dirty)
		p.mu.Unlock()
		if len(changes) > 0 {
			if err := p.cfg.Store.Commit(ctx, changes...); err != nil && ctx.Err() == nil {
				p.log.Error().Err(err).Msg("health not saved") // it is found out again after a restart
			}
		}
		p.change.Unlock()
	}
}

// tell yields changed groups, until ctx ends. While nobody listens, further changes gather.
func (p *Proxy) tell(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.untold:
		}
		p.mu.Lock()
		told := slices.Sorted(maps.Keys(p.notify))
		clear(p.notify)
		p.mu.Unlock()
		for _, arn := range told {
			select {
			case <-ctx.Done():
				return nil
			case p.changed <- arn:
			}
		}
	}
}

// Changed yields the ARN of a target group whose targets' states changed. Several changes of a group may be told as one.
func (p *Proxy) Changed() <-chan string { return p.changed }

// moved notes that targets of a group changed: the picker is made anew, the rest follows in save and tell. p.mu is held.
func (p *Proxy) moved(g *group, save bool) {
	g.publish()
	p.notify[g.ARN] = struct{}{}
	wake(p.untold)
	if save {
		p.dirty[g.ARN] = struct{}{}
		wake(p.unsaved)
	}
}

// wake makes the loop that waits on c look again; several wake-ups merge.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// commit makes records durable.
func (p *Proxy) commit(ctx context.Context, changes ...store.Change) error {
	if err := p.cfg.Store.Commit(ctx, changes...); err != nil {
		return fmt.Errorf("save the load balancers: %w", err)
	}
	return nil
}

func record(kind, id string, v any) store.Change {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own plain types
	}
	return store.Change{Key: store.Key{Bucket: bucket, ID: kind + "/" + id}, Record: b}
}

func removal(kind, id string) store.Change {
	return store.Change{Key: store.Key{Bucket: bucket, ID: kind + "/" + id}}
}

func (p *Proxy) scaled(d time.Duration) time.Duration {
	if p.cfg.TimeScale <= 0 || p.cfg.TimeScale == 1 {
		return d
	}
	return time.Duration(float64(d) / p.cfg.TimeScale)
}
