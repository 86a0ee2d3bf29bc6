package runtime

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"miniecs/internal/feed"
	"miniecs/runtime/engine"
	"miniecs/runtime/plan"
	"miniecs/store"
	"miniecs/taskdef"
)

// bucket is where the runtime keeps its records; one record an entity, keys like task/ID.
const bucket = "runtime"

// Config is what a runtime works with. Account, Region, Engine and Store are required.
type Config struct {
	Account, Region string
	Engine          engine.Whole
	Store           store.Store
	Targets         Targets // nil: there are no target groups
	Feed            *feed.Feed
	// Secrets gives the value of a secret by its valueFrom.
	Secrets func(ctx context.Context, valueFrom string) (string, bool)
	LogDir  string // where the logs of removed containers are kept; empty: nowhere
	// Subnets and their zones, in order, for tasks whose subnets are not known here.
	Subnets        []Subnet
	PullAlways     bool
	NoCrashBackoff bool
	TimeScale      float64 // 0 is 1
	Spares         int     // namespaces that stand ready while something runs
}

// Subnet is a subnet of the VPC and its zone.
type Subnet struct{ ID, Zone string }

// Runtime is the domain with its loops. It implements API.
type Runtime struct {
	cfg  Config
	eng  engine.Whole
	info engine.Info

	mu       sync.Mutex // guards everything below; never held across a call to the engine or the store
	clusters map[string]*Cluster
	families map[string]*family
	services map[serviceKey]*Service
	tasks    map[string]*Task
	// ofService indexes tasks by their service; STOPPED ones are among them until they are reaped.
	ofService map[serviceKey]map[string]*Task
	loops     map[serviceKey]*loop
	runners   map[string]*runner
	dirty     map[string]struct{}
	fresh     map[string]struct{} // keys of tasks that are in no store yet: nothing is done for them
	unstarted bool                // some that were fresh have no runner yet
	adoptions int                 // begun and ended ones: an odd number is an adoption of namespaces under way
	warned    map[string]bool

	flushing chan struct{} // capacity one: holds a token while a commit is under way
	unsaved  chan struct{} // something is dirty
	synced   atomic.Bool   // what the engine runs is known: decisions may be made

	// Set by Run.
	ctx   context.Context
	group *errgroup.Group
	log   zerolog.Logger
}

type serviceKey struct{ cluster, name string }

// New loads the records and makes a runtime; nothing moves before Run.
func New(ctx context.Context, cfg Config) (*Runtime, error) {
	r := &Runtime{
		cfg: cfg, eng: cfg.Engine,
		clusters: map[string]*Cluster{}, families: map[string]*family{}, services: map[serviceKey]*Service{},
		tasks: map[string]*Task{}, ofService: map[serviceKey]map[string]*Task{}, loops: map[serviceKey]*loop{}, runners: map[string]*runner{},
		dirty: map[string]struct{}{}, fresh: map[string]struct{}{}, warned: map[string]bool{}, unsaved: make(chan struct{}, 1),
		flushing: make(chan struct{}, 1),
		log:      *zerolog.Ctx(ctx),
	}
	info, err := cfg.Engine.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the engine: %w", err)
	}
	r.info = info
	if err := r.load(ctx); err != nil {
		return nil, fmt.Errorf("load the runtime's records: %w", err)
	}
	if r.clusters["default"] == nil {
		if _, err := r.CreateCluster(ctx, Cluster{}); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Run adopts what the engine runs and keeps every task and service going until ctx ends. Containers go on running.
func (r *Runtime) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	r.mu.Lock()
	r.ctx, r.group = ctx, g
	r.mu.Unlock()
	g.Go(func() error { return r.eng.Run(ctx) })
	g.Go(func() error { return r.saveLoop(ctx) })
	g.Go(func() error { return r.watchEngine(ctx) })
	g.Go(func() error { return r.watchTargets(ctx) })
	g.Go(func() error { return r.reapLoop(ctx) })
	g.Go(func() error { // nothing joins the group when it may have been waited for
		<-ctx.Done()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.group = nil
		return nil
	})
	err := g.Wait()
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = nil
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return cmp.Or(err, r.save(last))
}

// started says whether Run has begun; r.mu is held.
func (r *Runtime) started() bool { return r.group != nil && r.ctx.Err() == nil }

func (r *Runtime) scaled(d time.Duration) time.Duration { return plan.Scaled(d, r.cfg.TimeScale) }

// touch marks a record as changed; r.mu is held.
func (r *Runtime) touch(key string) {
	r.dirty[key] = struct{}{}
	select {
	case r.unsaved <- struct{}{}:
	default:
	}
}

// save makes everything durable that was touched before the call. Callers that come together share a commit.
func (r *Runtime) save(ctx context.Context) error {
	select {
	case r.flushing <- struct{}{}:
		defer func() { <-r.flushing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.mu.Lock()
	changes := make([]store.Change, 0, len(r.dirty))
	for key := range r.dirty {
		rec, err := r.encode(key)
		if err != nil {
			r.mu.Unlock()
			return fmt.Errorf("encode %s: %w", key, err)
		}
		changes = append(changes, store.Change{Key: store.Key{Bucket: bucket, ID: key}, Record: rec})
	}
	clear(r.dirty)
	r.mu.Unlock()
	if len(changes) == 0 {
		return nil
	}
	if err := r.cfg.Store.Commit(ctx, changes...); err != nil {
		r.mu.Lock()
		for _, c := range changes {
			r.dirty[c.Key.ID] = struct{}{}
		}
		r.mu.Unlock()
		return fmt.Errorf("save state: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range changes {
		if _, ok := r.fresh[c.Key.ID]; ok {
			delete(r.fresh, c.Key.ID)
			r.unstarted = true
		}
	}
	return nil
}

// saveLoop saves what nobody waits for, and tries again what could not be saved.
func (r *Runtime) saveLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.unsaved:
		}
		for r.save(ctx) != nil && ctx.Err() == nil {
			r.log.Error().Msg("state cannot be saved; trying again")
			sleep(ctx, time.Second)
		}
		r.mu.Lock()
		late := r.unstarted // who made them was told of a failure and went away
		r.mu.Unlock()
		if late {
			r.startRunners()
		}
	}
}

// encode gives the record of a key, nil when its entity is gone; r.mu is held.
func (r *Runtime) encode(key string) ([]byte, error) {
	kind, id := cutKey(key)
	var v any
	switch kind {
	case "cluster":
		if c, ok := r.clusters[id]; ok {
			v = c
		}
	case "service":
		cluster, name := cutKey(id)
		if s, ok := r.services[serviceKey{cluster, name}]; ok {
			v = s
		}
	case "task":
		if t, ok := r.tasks[id]; ok {
			v = t
		}
	case "family":
		if f, ok := r.families[id]; ok {
			v = f
		}
	case "revision":
		fam, rev := cutKey(id)
		if f, ok := r.families[fam]; ok {
			if td, ok := f.revisions[rev]; ok {
				v = td
			}
		}
	}
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

func (r *Runtime) load(ctx context.Context) error {
	records, err := r.cfg.Store.Load(ctx, bucket)
	if err != nil {
		return err
	}
	for key, rec := range records {
		if err := r.decode(key.ID, rec); err != nil {
			return fmt.Errorf("record %s: %w", key.ID, err)
		}
	}
	return nil
}

func (r *Runtime) decode(key string, rec []byte) error {
	kind, id := cutKey(key)
	switch kind {
	case "cluster":
		c := new(Cluster)
		r.clusters[id] = c
		return json.Unmarshal(rec, c)
	case "service":
		s := new(Service)
		cluster, name := cutKey(id)
		r.services[serviceKey{cluster, name}] = s
		return json.Unmarshal(rec, s)
	case "task":
		t := new(Task)
		if err := json.Unmarshal(rec, t); err != nil {
			return err
		}
		r.index(t)
	case "family":
		return json.Unmarshal(rec, r.family(id))
	case "revision":
		fam, rev := cutKey(id)
		td := new(taskdef.TaskDefinition)
		r.family(fam).revisions[rev] = td
		return json.Unmarshal(rec, td)
	}
	return nil // a record of a newer version: left as it is
}

// index puts a task into the maps; r.mu is held.
func (r *Runtime) index(t *Task) {
	r.tasks[t.ID] = t
	if t.Service == "" {
		return
	}
	key := serviceKey{t.Cluster, t.Service}
	if r.ofService[key] == nil {
		r.ofService[key] = map[string]*Task{}
	}
	r.ofService[key][t.ID] = t
}

// forget removes a task's record; r.mu is held.
func (r *Runtime) forget(t *Task) {
	delete(r.tasks, t.ID)
	delete(r.fresh, "task/"+t.ID)
	key := serviceKey{t.Cluster, t.Service}
	delete(r.ofService[key], t.ID)
	if len(r.ofService[key]) == 0 {
		delete(r.ofService, key)
	}
	r.touch("task/" + t.ID)
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
