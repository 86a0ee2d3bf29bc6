package docker

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/client"

	"miniecs/runtime/engine"
)

// fake answers as an engine does, in process.
func fake(t *testing.T, handle func(w http.ResponseWriter, r *http.Request)) *Docker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		handle(w, r)
	})}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(l) }()
	cli, err := client.NewClientWithOpts(client.WithHost("tcp://"+l.Addr().String()), client.WithVersion("1.41"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close(); server.Close(); <-done })
	return &Docker{cli: cli, gate: newGate(2)}
}

func TestPull_TriesAgainUnlessHopeless(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	for _, c := range []struct {
		name, early, late string
		tries             int
	}{
		{"no such image", "manifest for x:1 not found: manifest unknown: manifest unknown", "", 1},
		{"no login", "Head \"https://x/v2/a/manifests/1\": no basic auth credentials", "", 1},
		{"an error in the stream", "", "unauthorized: authentication required", 1},
		{"a passing error", "dial tcp: lookup x: no such host", "", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			tries := 0
			d := fake(t, func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/images/create") {
					io.WriteString(w, `{"Id":"sha256:1"}`)
					return
				}
				if r.URL.Query().Get("tag") != "1" || r.URL.Query().Get("fromImage") != "example.com/a" {
					t.Errorf("asked for %s", r.URL.RawQuery)
				}
				if auth, _ := base64.URLEncoding.DecodeString(r.Header.Get("X-Registry-Auth")); !strings.Contains(string(auth), `"username":"u"`) {
					t.Errorf("login: got %s", auth)
				}
				tries++
				switch {
				case tries == 2:
					io.WriteString(w, `{"status":"Downloading","id":"l","progressDetail":{"current":1,"total":2}}`)
				case c.early != "":
					w.WriteHeader(http.StatusInternalServerError)
					fmt.Fprintf(w, `{"message":%q}`, c.early)
				default:
					fmt.Fprintf(w, `{"status":"Pulling"}`+"\n"+`{"errorDetail":{"message":%q},"error":%q}`, c.late, c.late)
				}
			})
			var seen []engine.Progress
			id, err := d.Pull(t.Context(), "example.com/a:1", engine.PullOptions{
				Auth: &engine.Auth{Username: "u", Password: "p"}, Progress: func(p engine.Progress) { seen = append(seen, p) },
			})
			if tries != c.tries {
				t.Errorf("got %d tries, want %d", tries, c.tries)
			}
			if c.tries == 1 && (err == nil || !strings.Contains(err.Error(), c.early+c.late)) {
				t.Errorf("got %v, want the engine's text %q", err, c.early+c.late)
			}
			if c.tries == 2 && (err != nil || id != "sha256:1" || len(seen) != 1 || seen[0] != (engine.Progress{Status: "Downloading", Layer: "l", Current: 1, Total: 2})) {
				t.Errorf("got %q, %v, progress %+v", id, err, seen)
			}
		})
	}
}

func TestErrors_Kinds(t *testing.T) {
	for _, c := range []struct {
		code int
		text string
		want error
	}{
		{409, `Conflict. The container name "/x" is already in use by container "1".`, engine.ErrExists},
		{404, "No such image: nope:1", engine.ErrNotFound},
		{404, "No such container: thens", engine.ErrGone},
		{409, "cannot join network of a non running container: 1", engine.ErrGone},
		{500, "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated", engine.ErrPortTaken},
		{500, "Error starting userland proxy: listen tcp4 0.0.0.0:18095: bind: address already in use", engine.ErrPortTaken},
	} {
		d := fake(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.code)
			fmt.Fprintf(w, `{"message":%q}`, c.text)
		})
		d.pool = newPool(d)
		_, err := d.Create(t.Context(), engine.Spec{Name: "x", Network: engine.NetworkAwsvpc, Namespace: "thens"})
		if !errors.Is(err, c.want) || err.Error() != "Error response from daemon: "+c.text {
			t.Errorf("%s: got %v", c.text, err)
		}
	}
	d := fake(t, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	if err := d.Start(t.Context(), "x"); !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("a connection cut off: got %v, want ErrUnavailable", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	d = fake(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if err := d.Start(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("our own deadline: got %v", err)
	}
}
