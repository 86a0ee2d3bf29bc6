package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Bolt is a Store in one file of bbolt, which also keeps a second daemon out.
type Bolt struct {
	db *bbolt.DB

	writing sync.Mutex // one transaction at a time
	mu      sync.Mutex // guards waiting; never held across I/O
	waiting []*commit
}

// OpenBolt opens or makes the file at path. If another process holds it for longer than timeout, the error is ErrLocked.
func OpenBolt(path string, timeout time.Duration) (*Bolt, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: max(timeout, time.Millisecond)})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%w (%s)", ErrLocked, path)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &Bolt{db: db}, nil
}

// Load implements Store.
func (b *Bolt) Load(_ context.Context, bucket string) (iter.Seq2[Key, Record], error) {
	found := map[string]Record{}
	err := b.db.View(func(tx *bbolt.Tx) error {
		bk := tx.Bucket([]byte(bucket))
		if bk == nil {
			return nil
		}
		return bk.ForEach(func(k, v []byte) error { found[string(k)] = slices.Clone(v); return nil })
	})
	if err != nil {
		return nil, fmt.Errorf("read bucket %s: %w", bucket, err)
	}
	return sorted(bucket, found), nil
}

// commit is one caller's changes, waiting for a transaction to carry them.
type commit struct {
	changes []Change
	done    chan error // of capacity one
}

// Commit implements Store. Callers that come while another transaction is being synced share the next one: a hundred
// small commits at once cost a few syncs, and a lone one waits for nobody.
func (b *Bolt) Commit(ctx context.Context, changes ...Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mine := &commit{changes: changes, done: make(chan error, 1)}
	b.mu.Lock()
	b.waiting = append(b.waiting, mine)
	b.mu.Unlock()

	b.writing.Lock()
	defer b.writing.Unlock()
	select {
	case err := <-mine.done: // an earlier caller's transaction took it along
		return err
	default:
	}
	b.mu.Lock()
	batch := b.waiting
	b.waiting = nil
	b.mu.Unlock()
	b.write(batch)
	return <-mine.done
}

// write commits a batch in one transaction. If that fails each is tried alone, so that nobody fails for another's
// changes.
func (b *Bolt) write(batch []*commit) {
	err := b.db.Update(func(tx *bbolt.Tx) error {
		for _, c := range batch {
			if err := apply(tx, c.changes); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range batch {
		if err != nil && len(batch) > 1 {
			c.done <- b.db.Update(func(tx *bbolt.Tx) error { return apply(tx, c.changes) })
			continue
		}
		c.done <- err
	}
}

func apply(tx *bbolt.Tx, changes []Change) error {
	for _, c := range changes {
		bk, err := tx.CreateBucketIfNotExists([]byte(c.Key.Bucket))
		if err != nil {
			return fmt.Errorf("bucket %q: %w", c.Key.Bucket, err)
		}
		if c.Record == nil {
			err = bk.Delete([]byte(c.Key.ID))
		} else {
			err = bk.Put([]byte(c.Key.ID), c.Record)
		}
		if err != nil {
			return fmt.Errorf("record %q of bucket %q: %w", c.Key.ID, c.Key.Bucket, err)
		}
	}
	return nil
}

// Close implements Store.
func (b *Bolt) Close() error { return b.db.Close() }
