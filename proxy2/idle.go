package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Why a request is cut off by the idle timeout.
var (
	errSilentClient = errors.New("the client sent nothing for the idle timeout")
	errSilentTarget = errors.New("the target sent nothing for the idle timeout")
)

// idleTimer cuts a request off when no byte moves, in either direction, for the idle timeout (alb.md 3.3).
type idleTimer struct {
	after   time.Duration
	timer   *time.Timer
	reading atomic.Bool // we wait for the client's body
}

func newIdleTimer(after time.Duration, cut context.CancelCauseFunc) *idleTimer {
	i := &idleTimer{after: after}
	i.timer = time.AfterFunc(after, func() {
		if i.reading.Load() {
			cut(errSilentClient)
		} else {
			cut(errSilentTarget)
		}
	})
	return i
}

func (i *idleTimer) moved() { i.timer.Reset(i.after) }
func (i *idleTimer) stop()  { i.timer.Stop() }

// watchedRequest is the client's body.
type watchedRequest struct {
	io.ReadCloser
	idle *idleTimer
}

func (b *watchedRequest) Read(p []byte) (int, error) {
	b.idle.reading.Store(true)
	n, err := b.ReadCloser.Read(p)
	b.idle.reading.Store(false)
	if n > 0 {
		b.idle.moved()
	}
	return n, err
}

// watchBody puts the idle timer into a response: its body, or the connection that it hands over (websocket).
func watchBody(res *http.Response) error {
	idle := exchangeOf(res.Request.Context()).idle
	idle.moved()
	if rw, ok := res.Body.(io.ReadWriteCloser); ok {
		res.Body = watchedTunnel{rw, idle}
	} else {
		res.Body = watchedResponse{res.Body, idle}
	}
	return nil
}

type watchedResponse struct {
	io.ReadCloser
	idle *idleTimer
}

func (b watchedResponse) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.idle.moved()
	}
	return n, err
}

type watchedTunnel struct {
	io.ReadWriteCloser
	idle *idleTimer
}

func (t watchedTunnel) Read(p []byte) (int, error) {
	n, err := t.ReadWriteCloser.Read(p)
	if n > 0 {
		t.idle.moved()
	}
	return n, err
}

func (t watchedTunnel) Write(p []byte) (int, error) {
	n, err := t.ReadWriteCloser.Write(p)
	if n > 0 {
		t.idle.moved()
	}
	return n, err
}
