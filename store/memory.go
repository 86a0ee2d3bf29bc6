package store

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
)

// Memory is a Store that forgets with the process.
type Memory struct {
	mu      sync.Mutex
	records map[Key]Record
	closed  bool
}

// NewMemory makes an empty Memory.
func NewMemory() *Memory { return &Memory{records: map[Key]Record{}} }

var errClosed = errors.New("the store is closed")

// Load implements Store.
func (m *Memory) Load(_ context.Context, bucket string) (iter.Seq2[Key, Record], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[string]Record{}
	for k, r := range m.records {
		if k.Bucket == bucket {
			found[k.ID] = slices.Clone(r)
		}
	}
	return sorted(bucket, found), nil
}

// Commit implements Store.
func (m *Memory) Commit(ctx context.Context, changes ...Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errClosed
	}
	for _, c := range changes {
		if c.Record == nil {
			delete(m.records, c.Key)
		} else {
			m.records[c.Key] = slices.Clone(c.Record)
		}
	}
	return nil
}

// Close implements Store.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

func sorted(bucket string, found map[string]Record) iter.Seq2[Key, Record] {
	return func(yield func(Key, Record) bool) {
		for _, id := range slices.Sorted(maps.Keys(found)) {
			if !yield(Key{bucket, id}, found[id]) {
				return
			}
		}
	}
}
