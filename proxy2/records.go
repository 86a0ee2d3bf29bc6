package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"miniecs/store"
)

// bucket is the proxy's own in the store. Ids are the kind, a colon and the ARN; a target's has its address too.
const bucket = "proxy"

const (
	kindBalancer = "lb"
	kindListener = "listener"
	kindGroup    = "group"
	kindTarget   = "target"
)

// recordVersion is that of all records; a later one is not ours to read.
const recordVersion = 1

type record[T any] struct {
	Version int
	Entity  T
}

// targetRecord is a registered target. Its health is kept so that a restarted daemon serves at once.
type targetRecord struct {
	Group      string
	Target     Target
	Health     Health
	Registered time.Time
	DrainUntil time.Time `json:",omitzero"`
}

func key(kind, id string) store.Key { return store.Key{Bucket: bucket, ID: kind + ":" + id} }

func put[T any](kind, id string, entity T) store.Change {
	raw, err := json.Marshal(record[T]{recordVersion, entity})
	if err != nil {
		panic(err) // strings, numbers and times
	}
	return store.Change{Key: key(kind, id), Record: raw}
}

func drop(kind, id string) store.Change { return store.Change{Key: key(kind, id)} }

func (t *target) record() store.Change { return put(kindTarget, t.recordID(), t.targetRecord) }
func (t *target) recordID() string     { return t.Group + " " + t.Target.String() }

func read[T any](k store.Key, raw store.Record) (T, error) {
	var r record[T]
	if err := json.Unmarshal(raw, &r); err != nil {
		return r.Entity, fmt.Errorf("record %s: %w", k.ID, err)
	}
	if r.Version != recordVersion {
		return r.Entity, fmt.Errorf("record %s has version %d, this program reads %d", k.ID, r.Version, recordVersion)
	}
	return r.Entity, nil
}

// load reads everything; targets come last, for they need their groups.
func (p *Proxy) load(ctx context.Context) error {
	records, err := p.cfg.Store.Load(ctx, bucket)
	if err != nil {
		return err
	}
	var targets []targetRecord
	for k, raw := range records {
		switch kind, _, _ := strings.Cut(k.ID, ":"); kind {
		case kindBalancer:
			b, err := read[LoadBalancer](k, raw)
			if err != nil {
				return err
			}
			p.balancers[b.ARN] = &b
		case kindListener:
			l, err := read[Listener](k, raw)
			if err != nil {
				return err
			}
			p.listeners[l.ARN] = newListener(l)
		case kindGroup:
			g, err := read[TargetGroup](k, raw)
			if err != nil {
				return err
			}
			p.groups[g.ARN] = newGroup(g)
		case kindTarget:
			t, err := read[targetRecord](k, raw)
			if err != nil {
				return err
			}
			targets = append(targets, t)
		default:
			return fmt.Errorf("record %s is of no kind that this program knows", k.ID)
		}
	}
	slices.SortStableFunc(targets, func(a, b targetRecord) int { return a.Registered.Compare(b.Registered) })
	for _, t := range targets {
		if g := p.groups[t.Group]; g != nil {
			g.add(p.newTarget(g, t))
		}
	}
	p.refresh()
	return nil
}

// commit writes changes down; nothing has happened yet when it fails.
func (p *Proxy) commit(ctx context.Context, changes ...store.Change) error {
	if err := p.cfg.Store.Commit(ctx, changes...); err != nil {
		return fmt.Errorf("write down a change of the load balancers: %w", err)
	}
	return nil
}
