package pause

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	lineTimeout = 10 * time.Second       // a connection must have said its line by then
	dialLimit   = 5 * time.Minute        // longest deadline of a DIAL
	waitForWait = 500 * time.Millisecond // how long a program waits for the daemon's next WAIT, once it had one
)

// Server answers at a namespace's hatch, and for 169.254.170.2.
type Server struct {
	Token    string
	Greeting Greeting   // as of the start; Taken is kept by the server
	Address  netip.Addr // the task's own

	taken    atomic.Bool
	attached atomic.Bool      // the daemon has sent a WAIT
	waiting  chan *waitingEnd // handed to a program that asks
	conns    sync.WaitGroup
}

// waitingEnd is a connection of the daemon that waits for a program's request.
type waitingEnd struct {
	conn   net.Conn
	idle   chan struct{} // closed when nobody reads from it any more
	hungUp bool          // why: the daemon has gone; valid once idle is closed
	done   chan struct{} // closed when the program has been served
}

// Serve accepts on both listeners until ctx ends, and then returns without waiting for relays: the process ends.
func (s *Server) Serve(ctx context.Context, hatch, metadata net.Listener) error {
	s.waiting = make(chan *waitingEnd)
	stop := context.AfterFunc(ctx, func() { hatch.Close(); metadata.Close() })
	defer stop()
	failed := make(chan error, 2)
	go func() { failed <- s.accept(ctx, hatch, s.answer) }()
	go func() { failed <- s.accept(ctx, metadata, s.program) }()
	err := errors.Join(<-failed, <-failed)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *Server) accept(ctx context.Context, l net.Listener, serve func(context.Context, net.Conn)) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				time.Sleep(10 * time.Millisecond) // out of file descriptors: it passes
				continue
			}
			return err
		}
		s.conns.Go(func() { serve(ctx, conn) })
	}
}

// answer serves one connection of the hatch.
func (s *Server) answer(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(lineTimeout))
	line, rest, err := readLine(conn)
	if err != nil {
		return
	}
	conn.SetDeadline(time.Time{})
	words := strings.Fields(line)
	if len(words) < 4 || words[0] != magic {
		return // not one of ours: it learns nothing
	}
	if subtle.ConstantTimeCompare([]byte(words[1]), []byte(s.Token)) != 1 ||
		words[2] != AnyGeneration && words[2] != s.Greeting.Generation {
		io.WriteString(conn, "GONE\n")
		return
	}
	switch verb := words[3]; {
	case verb == "HELLO":
		g := s.Greeting
		g.Taken = s.taken.Load()
		text, _ := json.Marshal(g) // plain fields always marshal
		fmt.Fprintf(conn, "OK %s\n", text)
	case verb == "TAKE":
		if !s.taken.CompareAndSwap(false, true) {
			io.WriteString(conn, "ERROR the namespace is taken\n")
			return
		}
		io.WriteString(conn, "OK\n")
	case verb == "DIAL" && len(words) == 6:
		s.dial(ctx, conn, words[4], words[5], rest)
	case verb == "WAIT":
		s.wait(ctx, conn)
	default:
		fmt.Fprintf(conn, "ERROR unknown request %.20q\n", verb)
	}
}

// dial relays to a port at the task's own address, so that a program that listens on 127.0.0.1 only is as
// unreachable as on ECS.
func (s *Server) dial(ctx context.Context, conn net.Conn, port, millis string, rest []byte) {
	number, err := strconv.ParseUint(port, 10, 16)
	wait, waitErr := strconv.ParseInt(millis, 10, 64)
	if err != nil || waitErr != nil || wait <= 0 {
		io.WriteString(conn, "ERROR bad port or deadline\n")
		return
	}
	timeout := min(time.Duration(min(wait, dialLimit.Milliseconds()))*time.Millisecond, dialLimit)
	dialer := net.Dialer{Timeout: timeout, KeepAlive: -1}
	up, err := dialer.DialContext(ctx, "tcp4", netip.AddrPortFrom(s.Address, uint16(number)).String())
	if err != nil {
		io.WriteString(conn, refusal(err))
		return
	}
	defer up.Close()
	if _, err := io.WriteString(conn, "OK\n"); err != nil {
		return
	}
	if len(rest) > 0 {
		if _, err := up.Write(rest); err != nil {
			return
		}
	}
	relay(conn, up)
}

// refusal says what became of a dial: the proxy needs the difference for 502 and 504.
func refusal(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "REFUSED\n"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "TIMEOUT\n"
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return "TIMEOUT\n"
	}
	return fmt.Sprintf("ERROR %.200s\n", strings.ReplaceAll(err.Error(), "\n", " "))
}

// wait holds a connection of the daemon until a program asks, or the daemon ends it.
func (s *Server) wait(ctx context.Context, conn net.Conn) {
	s.attached.Store(true)
	end := &waitingEnd{conn: conn, idle: make(chan struct{}), done: make(chan struct{})}
	go func() { // the daemon says nothing before OK: a read ends only when it hangs up, or is interrupted
		defer close(end.idle)
		var one [1]byte
		_, err := conn.Read(one[:])
		end.hungUp = !errors.Is(err, os.ErrDeadlineExceeded)
	}()
	select {
	case s.waiting <- end:
		<-end.done
	case <-end.idle:
	case <-ctx.Done():
	}
}

// daemon gives a waiting connection of the daemon, nil if there is none.
func (s *Server) daemon(ctx context.Context) *waitingEnd {
	var patience <-chan time.Time
	if s.attached.Load() {
		timer := time.NewTimer(waitForWait)
		defer timer.Stop()
		patience = timer.C
	} else {
		now := make(chan time.Time)
		close(now)
		patience = now
	}
	for {
		select {
		case end := <-s.waiting:
			end.conn.SetReadDeadline(time.Unix(1, 0))
			<-end.idle
			if end.hungUp {
				close(end.done)
				continue
			}
			end.conn.SetReadDeadline(time.Time{})
			return end
		case <-patience:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// program serves a program of the task that asked 169.254.170.2.
func (s *Server) program(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	end := s.daemon(ctx)
	if end == nil {
		unavailable(conn)
		return
	}
	defer close(end.done)
	if _, err := io.WriteString(end.conn, "OK\n"); err != nil {
		unavailable(conn)
		return
	}
	relay(end.conn, conn)
}

// unavailable answers at once: SDKs would otherwise wait for seconds (task-runtime.md 4.4).
func unavailable(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(time.Second))
	var head [4096]byte
	n := 0
	for n < len(head) && !bytes.Contains(head[:n], []byte("\r\n\r\n")) {
		m, err := conn.Read(head[n:])
		if err != nil {
			break
		}
		n += m
	}
	const body = `{"code":"ServiceUnavailable","message":"miniecs does not answer here yet","HTTPErrorCode":503}` + "\n"
	fmt.Fprintf(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
}

// readLine reads the first line; rest is what came with it.
func readLine(r io.Reader) (line string, rest []byte, err error) {
	buf := make([]byte, 0, lineLimit)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if i := bytes.IndexByte(buf, '\n'); i >= 0 {
			return string(buf[:i]), buf[i+1:], nil
		}
		if err != nil {
			return "", nil, err
		}
		if len(buf) == cap(buf) {
			return "", nil, errors.New("line too long")
		}
	}
}
