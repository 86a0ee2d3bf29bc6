package proxy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

type connKey struct{}

// connInfo is a client connection.
type connInfo struct{ opened time.Time }

type forwardKey struct{}

// forwarding is one request on its way to a target.
type forwarding struct {
	route  *route
	target *target
	cancel context.CancelCauseFunc
	sent   time.Time // when it got its first connection
}

// gotConn hears of the connection that the request goes out on. http.Transport sends a request without a body again
// when a kept connection broke before the first byte of an answer. That is safe and wanted when the target had closed
// it; but a target that kept silent for the idle timeout has been asked, and is not asked twice.
func (f *forwarding) gotConn(httptrace.GotConnInfo) {
	switch {
	case f.sent.IsZero():
		f.sent = time.Now()
	case time.Since(f.sent) >= f.route.idle:
		f.cancel(errNoAnswer)
	}
}

// handler answers the requests of one listener.
type handler struct {
	p *Proxy
	s *server
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.s.busy.TryRLock() {
		page(w, http.StatusServiceUnavailable)
		return
	}
	defer h.s.busy.RUnlock()
	rt := h.s.route.Load()
	if info, ok := r.Context().Value(connKey{}).(*connInfo); ok && time.Since(info.opened) > rt.keepAlive {
		w.Header().Set("Connection", "close") // alb.md 3.3: one more request is served
	}
	switch {
	case r.Method == http.MethodTrace:
		page(w, http.StatusMethodNotAllowed)
	case tooManyForwarders(r.Header["X-Forwarded-For"]):
		page(w, 463)
	case rt.fixed != nil:
		fixed(w, r, rt.fixed)
	case rt.group == nil:
		page(w, http.StatusServiceUnavailable)
	default:
		h.forward(w, r, rt)
	}
}

// forward sends a request to the group's next target. No other is tried: ELB does not retry (alb.md 3.3).
func (h *handler) forward(w http.ResponseWriter, r *http.Request, rt *route) {
	t := rt.group.pick()
	if t == nil {
		page(w, http.StatusServiceUnavailable)
		return
	}
	f := &forwarding{route: rt, target: t}
	ctx, cancel := context.WithCancelCause(context.WithValue(r.Context(), forwardKey{}, f))
	defer cancel(nil)
	f.cancel = cancel
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: f.gotConn})
	defer context.AfterFunc(h.s.ctx, func() { cancel(errClosing) })()
	// A request still under way when the deregistration delay ends is cut (alb.md 1.6).
	defer context.AfterFunc(t.ctx, func() { cancel(errDeregistered) })()
	r = r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex() // the target may answer before it has read all
		r.Body = &idleBody{ReadCloser: r.Body, rc: rc, idle: rt.idle}
	}
	w.Header()["Content-Type"] = nil // what the target does not say is not guessed
	reverse.ServeHTTP(w, r)
	if t.leaving.Load() {
		t.transport.CloseIdleConnections() // the one that this request gave back
	}
}

// reverse is the standard library's reverse proxy; which target it goes to is in the request's context.
var reverse = &httputil.ReverseProxy{
	Rewrite:       rewrite,
	Transport:     toTarget{},
	FlushInterval: -1, // streams reach the client as they come
	BufferPool:    buffers{},
	ErrorHandler:  failed,
	ErrorLog:      log.New(io.Discard, "", 0), // failed tells
}

// toTarget sends a request over its target's own connections.
type toTarget struct{}

func (toTarget) RoundTrip(r *http.Request) (*http.Response, error) {
	return r.Context().Value(forwardKey{}).(*forwarding).target.transport.RoundTrip(r)
}

// failed answers for a target that did not (alb.md 3.8).
func failed(w http.ResponseWriter, r *http.Request, err error) {
	f := r.Context().Value(forwardKey{}).(*forwarding)
	cause := context.Cause(r.Context())
	status := http.StatusBadGateway
	var slow *slowClientError
	switch {
	case errors.As(err, &slow):
		status = http.StatusRequestTimeout
	case errors.Is(cause, errDeregistered), errors.Is(cause, errClosing):
	case errors.Is(cause, errNoAnswer):
		status = http.StatusGatewayTimeout
	case r.Context().Err() != nil:
		return // the client is gone (460): nobody reads an answer
	case timedOut(err):
		status = http.StatusGatewayTimeout
	}
	zerolog.Ctx(r.Context()).Debug().Err(err).Str("target", f.target.String()).Int("status", status).Msg("request failed")
	page(w, status)
}

// slowClientError says that the client sent nothing of its body for the idle timeout.
type slowClientError struct{ err error }

func (e *slowClientError) Error() string { return "the client sends nothing: " + e.err.Error() }

// idleBody is a request's body with the idle timeout between two reads.
type idleBody struct {
	io.ReadCloser
	rc   *http.ResponseController
	idle time.Duration
}

func (b *idleBody) Read(buf []byte) (int, error) {
	_ = b.rc.SetReadDeadline(time.Now().Add(b.idle))
	n, err := b.ReadCloser.Read(buf)
	if err != nil {
		_ = b.rc.SetReadDeadline(time.Time{})
		if err != io.EOF && timedOut(err) {
			err = &slowClientError{err}
		}
	}
	return n, err
}

// dialTimeout is how long a target may take to accept a connection (alb.md 3.3).
const dialTimeout = 10 * time.Second

// dial connects to a target. The connection ends when nothing moves on it for the balancer's idle timeout.
func (p *Proxy) dial(ctx context.Context, t Target) (net.Conn, error) {
	idle := time.Minute
	if f, ok := ctx.Value(forwardKey{}).(*forwarding); ok {
		idle = f.route.idle
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := p.cfg.Dialer.Dial(ctx, t)
	if err != nil {
		return nil, err
	}
	return &idleConn{Conn: c, idle: idle}, nil
}

// idleConn ends when no byte moves in either direction for a time.
type idleConn struct {
	net.Conn
	idle time.Duration
}

func (c *idleConn) Read(b []byte) (int, error) {
	_ = c.SetReadDeadline(time.Now().Add(c.idle))
	return c.Conn.Read(b)
}

func (c *idleConn) Write(b []byte) (int, error) {
	_ = c.SetDeadline(time.Now().Add(c.idle)) // a waiting Read gets the longer time too
	return c.Conn.Write(b)
}

// CloseWrite ends one direction, for upgraded connections.
func (c *idleConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return c.Conn.Close()
}

type buffers struct{}

var bufferPool = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

func (buffers) Get() []byte  { return *bufferPool.Get().(*[]byte) }
func (buffers) Put(b []byte) { bufferPool.Put(&b) }

// fixed answers with a fixed response.
func fixed(w http.ResponseWriter, r *http.Request, f *FixedResponse) {
	code, _ := strconv.Atoi(f.StatusCode)
	head := w.Header()
	head.Set("Server", "awselb/2.0")
	head.Set("Content-Type", cmp.Or(f.ContentType, "text/plain")+"; charset=utf-8") // alb.md 2.4
	head.Set("Content-Length", strconv.Itoa(len(f.Body)))
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, f.Body)
	}
}

// texts are ELB's own names of statuses, where they differ from Go's (alb.md 3.8).
var texts = map[int]string{408: "Request Time-out", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out",
	405: "Not Allowed", 413: "Request Entity Too Large", 414: "Request-URI Too Large"}

// page answers with ELB's own page. Codes that only ELB has bear none.
func page(w http.ResponseWriter, code int) {
	head := w.Header()
	last := head["Connection"]
	clear(head)
	if last != nil {
		head["Connection"] = last
	}
	head.Set("Server", "awselb/2.0")
	text, ok := texts[code]
	if !ok {
		text = http.StatusText(code)
	}
	if text == "" {
		head.Set("Content-Length", "0")
		w.WriteHeader(code)
		return
	}
	title := strconv.Itoa(code) + " " + text
	var b bytes.Buffer
	for _, line := range []string{"<html>", "<head><title>" + title + "</title></head>", "<body>", "<center><h1>" + title + "</h1></center>", "</body>", "</html>"} {
		b.WriteString(line + "\r\n")
	}
	head.Set("Content-Type", "text/html")
	head.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes())
}

// stdLog passes what net/http logs on, at debug: it is about clients, not about us.
func stdLog(l zerolog.Logger) *log.Logger { return log.New(logLine{l}, "", 0) }

type logLine struct{ l zerolog.Logger }

func (w logLine) Write(b []byte) (int, error) {
	w.l.Debug().Str("cause", strings.TrimSpace(string(b))).Msg("client connection")
	return len(b), nil
}
