package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Bolt is a Store in one file of bbolt, which also keeps a second daemon out.
type Bolt struct{ db *bbolt.DB }

// OpenBolt opens or makes the file at path. If another process holds it for longer than timeout, the error is ErrLocked.
func OpenBolt(path string, timeout time.Duration) (*Bolt, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: max(timeout, time.Millisecond)})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%w (%s)", ErrLocked, path)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &Bolt{db}, nil
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

// Commit implements Store.
func (b *Bolt) Commit(ctx context.Context, changes ...Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.db.Update(func(tx *bbolt.Tx) error {
		for _, c := range changes {
			bk, err := tx.CreateBucketIfNotExists([]byte(c.Key.Bucket))
			if err != nil {
				return err
			}
			if c.Record == nil {
				err = bk.Delete([]byte(c.Key.ID))
			} else {
				err = bk.Put([]byte(c.Key.ID), c.Record)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Close implements Store.
func (b *Bolt) Close() error { return b.db.Close() }
