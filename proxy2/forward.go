package proxy

import (
	"context"
	"io"
	stdlog "log"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// forwarder brings requests to targets.
type forwarder struct {
	reverse *httputil.ReverseProxy
	log     zerolog.Logger
}

// exchange is one request on its way to a target, found again by its context.
type exchange struct {
	route  *route
	target *target
	idle   *idleTimer
}

type (
	exchangeKey struct{}
	openedKey   struct{}
)

func withOpened(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, openedKey{}, at)
}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

func (p *Proxy) newForwarder() *forwarder {
	f := &forwarder{log: p.log}
	f.reverse = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      byTarget{},
		FlushInterval:  -1,
		BufferPool:     buffers{},
		ErrorHandler:   f.fail,
		ModifyResponse: watchBody,
		ErrorLog:       stdlog.New(debugWriter{p.log}, "", 0),
	}
	return f
}

// serve answers one request.
func (f *forwarder) serve(w http.ResponseWriter, r *http.Request, rt *route) {
	if opened, ok := r.Context().Value(openedKey{}).(time.Time); ok && time.Since(opened) > rt.keepAlive {
		w.Header().Set("Connection", "close") // alb.md 3.3: one more request, then the connection ends
	}
	switch {
	case r.Method == http.MethodTrace || r.Method == http.MethodConnect:
		writePage(w, r, http.StatusMethodNotAllowed)
	case addresses(r.Header) > maxAddresses:
		writePage(w, r, statusTooManyAddresses)
	case rt.action.fixed != nil:
		rt.action.fixed.write(w)
	case rt.action.group != nil:
		f.forward(w, r, rt)
	default:
		writePage(w, r, http.StatusServiceUnavailable)
	}
}

func (f *forwarder) forward(w http.ResponseWriter, r *http.Request, rt *route) {
	t := rt.action.group.picker.Load().pick()
	if t == nil {
		writePage(w, r, http.StatusServiceUnavailable)
		return
	}
	defer t.release()
	ctx, cut := context.WithCancelCause(r.Context())
	defer cut(nil)
	defer context.AfterFunc(t.life, func() { cut(context.Cause(t.life)) })()
	x := &exchange{rt, t, newIdleTimer(rt.idle, cut)}
	defer x.idle.stop()
	r = r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &watchedRequest{ReadCloser: r.Body, idle: x.idle}
		// A target may answer while the client still sends: streams go both ways. HTTP/1 always can.
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		// Whoever cuts the request off must not wait for a client that sends nothing.
		defer context.AfterFunc(ctx, func() { _ = rc.SetReadDeadline(time.Now()) })()
	}
	w.Header()["Content-Type"] = nil // what the target does not say, net/http must not guess
	f.reverse.ServeHTTP(w, r)
}

// rewrite prepares the request to the target.
func rewrite(pr *httputil.ProxyRequest) {
	x := exchangeOf(pr.In.Context())
	pr.Out.URL.Scheme, pr.Out.URL.Host = "http", x.target.Target.String()
	pr.Out.URL.RawQuery = pr.In.URL.RawQuery // as it came, whatever it is
	x.route.rewriteHeaders(pr.In, pr.Out, time.Now())
}

// byTarget sends a request by its target's own transport.
type byTarget struct{}

func (byTarget) RoundTrip(r *http.Request) (*http.Response, error) {
	return exchangeOf(r.Context()).target.transport.RoundTrip(r)
}

// fail answers when the target did not (alb.md 3.8). A client that is gone hears nothing (460 in the logs).
func (f *forwarder) fail(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	cause := context.Cause(r.Context())
	status := http.StatusBadGateway
	switch {
	case cause == errSilentClient:
		status = http.StatusRequestTimeout
	case cause == errSilentTarget:
		status = http.StatusGatewayTimeout
	case cause == errDrained, cause == errStopping:
	case cause != nil: // the client is gone
	case isTimeout(err):
		status = http.StatusGatewayTimeout
	}
	if cause != nil && r.ContentLength != 0 {
		w.Header().Set("Connection", "close") // the rest of the body will not be read
	}
	f.log.Debug().Err(err).Str("target_group", x.target.Group).Stringer("target", x.target.Target).Int("status", status).
		AnErr("cause", cause).Msg("request failed")
	writePage(w, r, status)
}

// buffers are what bodies are copied through.
type buffers struct{}

const bufferSize = 32 << 10

var bufferPool = sync.Pool{New: func() any { return new([bufferSize]byte) }}

func (buffers) Get() []byte  { return bufferPool.Get().(*[bufferSize]byte)[:] }
func (buffers) Put(b []byte) { bufferPool.Put((*[bufferSize]byte)(b)) }

// debugWriter brings what net/http logs to ours: it is about clients that went away and the like.
type debugWriter struct{ log zerolog.Logger }

func (d debugWriter) Write(b []byte) (int, error) {
	d.log.Debug().Str("cause", string(b)).Msg("http")
	return len(b), nil
}

var _ io.Writer = debugWriter{}
