package demo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// app answers requests. There is no path that shows the environment: secrets are in it.
type app struct {
	set      settings
	out      io.Writer
	mux      *http.ServeMux
	hostname string
	started  time.Time
	failing  atomic.Bool // health checks fail
	served   atomic.Int64

	crashOnce sync.Once
	crashed   chan struct{} // closed by /crash
	stopping  chan struct{} // closed at SIGTERM: streams end
}

func newApp(set settings, out io.Writer) *app {
	a := &app{set: set, out: out, started: time.Now(), crashed: make(chan struct{}), stopping: make(chan struct{})}
	var err error
	if a.hostname, err = os.Hostname(); err != nil {
		a.hostname = "unknown"
	}
	a.failing.Store(set.failHealth)
	a.mux = http.NewServeMux()
	a.mux.HandleFunc("/{$}", a.root)
	a.mux.HandleFunc("/health", a.health)
	a.mux.HandleFunc("/headers", a.headers)
	a.mux.HandleFunc("/slow", a.slow)
	a.mux.HandleFunc("/stream", a.stream)
	a.mux.HandleFunc("/crash", a.crash)
	a.mux.HandleFunc("/fail-health", a.failHealth)
	a.mux.HandleFunc("/upstream", a.upstream)
	a.mux.HandleFunc("/file", a.file)
	return a
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.served.Add(1)
	if a.set.logRequests {
		fmt.Fprintf(a.out, "%s %s from %s\n", r.Method, r.URL.Path, r.RemoteAddr)
	}
	if a.set.slow > 0 && r.URL.Path != "/health" {
		wait(r.Context(), a.set.slow, nil)
	}
	a.mux.ServeHTTP(w, r)
}

// who is the line that tells the tasks of a service apart.
func (a *app) who() string {
	return fmt.Sprintf("name=%s version=%s hostname=%s", a.set.name, a.set.version, a.hostname)
}

func (a *app) root(w http.ResponseWriter, r *http.Request) {
	answer(w, r, http.StatusOK, a.who(), map[string]any{
		"name": a.set.name, "version": a.set.version, "hostname": a.hostname,
	})
}

func (a *app) unhealthy() bool {
	return a.failing.Load() || a.set.failAfter > 0 && time.Since(a.started) >= a.set.failAfter
}

func (a *app) health(w http.ResponseWriter, r *http.Request) {
	if a.unhealthy() {
		answer(w, r, http.StatusServiceUnavailable, "unhealthy", map[string]any{"status": "unhealthy"})
		return
	}
	answer(w, r, http.StatusOK, "ok", map[string]any{"status": "ok"})
}

// failHealth makes health checks fail, or pass again.
func (a *app) failHealth(w http.ResponseWriter, r *http.Request) {
	failing := !a.failing.Load()
	a.failing.Store(failing)
	text := "health checks pass again"
	if failing {
		text = "health checks fail from now on; ask again to undo it"
	}
	fmt.Fprintln(a.out, text)
	answer(w, r, http.StatusOK, text, map[string]any{"failing": failing})
}

// headers shows the request as it arrived: what a load balancer added is among it.
func (a *app) headers(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\nHost: %s\n", r.Method, r.RequestURI, r.Proto, r.Host)
	for _, k := range slices.Sorted(maps.Keys(r.Header)) {
		for _, v := range r.Header[k] {
			fmt.Fprintf(&b, "%s: %s\n", k, v)
		}
	}
	answer(w, r, http.StatusOK, strings.TrimSuffix(b.String(), "\n"), map[string]any{
		"method": r.Method, "uri": r.RequestURI, "proto": r.Proto, "host": r.Host, "headers": r.Header, "remote": r.RemoteAddr,
	})
}

// slow answers after ?ms= milliseconds, 1000 without.
func (a *app) slow(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.Atoi(cmp.Or(r.FormValue("ms"), "1000"))
	if err != nil || ms < 0 {
		http.Error(w, "ms is not a number", http.StatusBadRequest)
		return
	}
	if wait(r.Context(), time.Duration(ms)*time.Millisecond, nil) {
		answer(w, r, http.StatusOK, fmt.Sprintf("%s took=%dms", a.who(), ms), map[string]any{"hostname": a.hostname, "ms": ms})
	}
}

// stream sends server-sent events, ?n= of them (for ever without), one each ?ms= milliseconds (1000).
func (a *app) stream(w http.ResponseWriter, r *http.Request) {
	ms, err1 := strconv.Atoi(cmp.Or(r.FormValue("ms"), "1000"))
	n, err2 := strconv.Atoi(cmp.Or(r.FormValue("n"), "0"))
	if err1 != nil || err2 != nil || ms < 0 || n < 0 {
		http.Error(w, "ms and n are numbers", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w).Flush
	for i := 1; ; i++ {
		if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", i, a.who()); err != nil {
			return
		}
		if err := flush(); err != nil || i == n || !wait(r.Context(), time.Duration(ms)*time.Millisecond, a.stopping) {
			return
		}
	}
}

// crash ends the program without an answer.
func (a *app) crash(_ http.ResponseWriter, r *http.Request) {
	a.crashOnce.Do(func() { close(a.crashed) })
	<-r.Context().Done()
}

// upstream answers what the program at UPSTREAM answers: a sidecar, usually.
func (a *app) upstream(w http.ResponseWriter, r *http.Request) {
	if a.set.upstream == "" {
		http.Error(w, "UPSTREAM is not set", http.StatusNotFound)
		return
	}
	_, body, err := ask(r.Context(), a.set.upstream)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	body = strings.TrimSpace(body)
	answer(w, r, http.StatusOK, "upstream says: "+body, map[string]any{"upstream": a.set.upstream, "body": body})
}

// file shows the one file that SHOW_FILE names.
func (a *app) file(w http.ResponseWriter, r *http.Request) {
	if a.set.showFile == "" {
		http.Error(w, "SHOW_FILE is not set", http.StatusNotFound)
		return
	}
	b, err := os.ReadFile(a.set.showFile)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	text := strings.TrimSpace(string(b))
	answer(w, r, http.StatusOK, text, map[string]any{"path": a.set.showFile, "text": text})
}

// answer writes text, or fields as JSON for who asks for it.
func answer(w http.ResponseWriter, r *http.Request, status int, text string, fields map[string]any) {
	w.Header().Set("Cache-Control", "no-store")
	if r.FormValue("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json") {
		body, err := json.Marshal(fields)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(append(body, '\n')) // a client that went away is no concern of ours
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // the same
}
