package docker

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"miniecs/runtime/engine"
)

// callError is a failed call: what kind it is for the runtime, and the engine's own text for the user. ECS shows
// that text after a name of its own (task-runtime.md 1.8), so nothing is put before it.
type callError struct {
	kind error // one of engine's sentinels, or nil
	err  error
}

func (e *callError) Error() string { return e.err.Error() }

func (e *callError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.err}
	}
	return []error{e.kind, e.err}
}

// wrap sorts an error of the engine. What is unknown stays as it is.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*callError](err); ok {
		return err
	}
	text := err.Error()
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case unreachable(err):
		return &engine.TemporaryError{Err: &callError{kind: engine.ErrUnavailable, err: err}}
	case portTaken(text):
		return &callError{kind: engine.ErrPortTaken, err: err}
	case strings.Contains(text, "cannot join network of a non running container"),
		strings.Contains(text, "cannot join network namespace of"):
		return &callError{kind: engine.ErrGone, err: err}
	case errdefs.IsConflict(err) && strings.Contains(text, "is already in use by container"):
		return &callError{kind: engine.ErrExists, err: err}
	case errdefs.IsNotFound(err):
		return &callError{kind: engine.ErrNotFound, err: err}
	}
	return err
}

// wrapJoin is wrap for calls on a container that joins a namespace: there "No such container" means the
// namespace, if it names it.
func wrapJoin(err error, namespace string) error {
	err = wrap(err)
	if namespace != "" && errors.Is(err, engine.ErrNotFound) && strings.Contains(err.Error(), namespace) {
		return &callError{kind: engine.ErrGone, err: err}
	}
	return err
}

// portTaken knows the texts of a host port that cannot be bound (task-runtime.md 6.2).
func portTaken(text string) bool {
	return strings.Contains(text, "port is already allocated") ||
		strings.Contains(text, "bind: address already in use") ||
		strings.Contains(text, "Ports are not available")
}

// unreachable tells whether the engine gave no answer, so that nothing is known about the outcome.
func unreachable(err error) bool {
	if client.IsErrConnectionFailed(err) {
		return true
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	_, ok := errors.AsType[*net.OpError](err)
	return ok
}

// isBeingRemoved knows the conflict of two removals at one time.
func isBeingRemoved(err error) bool {
	return strings.Contains(err.Error(), "is already in progress")
}
