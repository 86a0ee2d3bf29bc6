// Package store keeps durable records: opaque bytes under a bucket and an id. Every domain has a bucket of its own and
// loads only that; a Commit of several changes happens whole or not at all. Bolt is for the daemon, Memory for tests.
package store

import (
	"context"
	"errors"
	"iter"
)

// Key names a record.
type Key struct{ Bucket, ID string }

// Record is an encoded entity; what is in it is its owner's business.
type Record []byte

// Change puts a record under a key; a nil Record deletes what is there.
type Change struct {
	Key    Key
	Record Record
}

// ErrLocked says that another daemon holds the file.
var ErrLocked = errors.New("the state is in use by another daemon")

// Store keeps records. All methods may be called concurrently.
type Store interface {
	// Load gives all records of a bucket, in the order of their ids.
	Load(ctx context.Context, bucket string) (iter.Seq2[Key, Record], error)
	// Commit makes all changes or none; they are durable when it returns nil.
	Commit(ctx context.Context, changes ...Change) error
	// Close releases the store. Commits that come later fail.
	Close() error
}
