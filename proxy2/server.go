package proxy

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"sync"
	"time"
)

// server serves one listener: its sockets, its connections, its requests in flight.
type server struct {
	http    *http.Server
	sockets sockets
	cut     context.CancelCauseFunc // cuts requests off
	serving sync.RWMutex            // held for reading by each request, for writing by who waits for all of them
	wg      sync.WaitGroup          // the accept loops

	idle struct {
		sync.Mutex
		timers map[net.Conn]*time.Timer
		closed bool
	}
}

const (
	shutdownGrace     = 3 * time.Second
	maxRequestHeader  = 64 << 10 // alb.md 3.9
	headerReadTimeout = 60 * time.Second
)

// open binds a listener and serves it, when Run starts.
func (p *Proxy) open(ctx context.Context, l *listener) error {
	sockets, port, err := p.bind(ctx, l.conf)
	if err != nil {
		return fmt.Errorf("listener %s: %w", l.conf.ARN, err)
	}
	if next := l.conf; port != next.BoundPort {
		next.BoundPort = port
		if err := p.writeListener(ctx, l, next); err != nil {
			closeAll(sockets)
			return err
		}
	}
	p.serve(l, sockets)
	return nil
}

// serve accepts connections on sockets that are bound. change is held and Run runs.
func (p *Proxy) serve(l *listener, on sockets) {
	ctx, cut := context.WithCancelCause(p.run.ctx)
	s := &server{sockets: on, cut: cut}
	s.idle.timers = map[net.Conn]*time.Timer{}
	forward, id := p.newForwarder(), l.conf.ARN
	s.http = &http.Server{
		ReadHeaderTimeout: headerReadTimeout,
		MaxHeaderBytes:    maxRequestHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       func(ctx context.Context, _ net.Conn) context.Context { return withOpened(ctx, time.Now()) },
		ErrorLog:          stdlog.New(debugWriter{p.log}, "", 0),
	}
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.serving.TryRLock() {
			w.Header().Set("Connection", "close")
			writePage(w, r, http.StatusServiceUnavailable)
			return
		}
		defer s.serving.RUnlock()
		forward.serve(w, r, l.route.Load())
	})
	s.http.ConnState = func(c net.Conn, state http.ConnState) { s.watchIdle(c, state, l.route.Load().idle) }
	for _, socket := range on {
		s.wg.Go(func() {
			if err := s.http.Serve(socket); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				p.log.Error().Err(err).Str("listener", id).Msg("listener stopped accepting")
			}
		})
	}
	l.server = s
}

// endServer closes a listener's port at once; its requests finish behind the caller's back. change is held.
func (p *Proxy) endServer(l *listener) {
	if s := l.server; s != nil {
		l.server = nil
		closeAll(s.sockets)
		p.run.wg.Go(s.close)
	}
}

// close accepts no more, gives the requests a few seconds, cuts the rest off, and returns when all have ended.
func (s *server) close() {
	closeAll(s.sockets)
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	// Connections that were handed over to a websocket are not counted by Shutdown: they are cut off below.
	if err := s.http.Shutdown(ctx); err != nil {
		s.cut(errStopping)
		s.http.Close()
	}
	s.cut(errStopping)
	s.serving.Lock()
	//lint:ignore SA2001 waiting for the readers is all
	s.serving.Unlock()
	s.wg.Wait()
	s.stopIdle()
}

// watchIdle closes connections on which no request comes for the idle timeout, which may be another for each turn:
// net/http's own is fixed once.
func (s *server) watchIdle(c net.Conn, state http.ConnState, idle time.Duration) {
	s.idle.Lock()
	defer s.idle.Unlock()
	if t := s.idle.timers[c]; t != nil {
		t.Stop()
		delete(s.idle.timers, c)
	}
	if (state == http.StateIdle || state == http.StateNew) && !s.idle.closed {
		s.idle.timers[c] = time.AfterFunc(idle, func() { c.Close() })
	}
}

func (s *server) stopIdle() {
	s.idle.Lock()
	defer s.idle.Unlock()
	s.idle.closed = true
	for c, t := range s.idle.timers {
		t.Stop()
		delete(s.idle.timers, c)
	}
}
