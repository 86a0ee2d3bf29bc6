// Package testkit is what tests of several packages share. It knows nothing of ours: an engine here is only
// something that answers a ping.
package testkit

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"miniecs/internal/guest"
)

// RequireEngine is the variable that makes a missing engine a failure instead of a skipped test.
const RequireEngine = "MINIECS_REQUIRE_ENGINE"

var (
	asked   sync.Once
	problem error
	place   string
	missed  atomic.Int32
)

// Engine gives the address of a Docker Engine. Without one the test is skipped, loudly; with MINIECS_REQUIRE_ENGINE=1
// it fails.
func Engine(t testing.TB) string {
	t.Helper()
	asked.Do(func() { place, problem = findEngine() })
	if problem == nil {
		return place
	}
	text := fmt.Sprintf("NO DOCKER ENGINE at %s: %v", place, problem)
	if os.Getenv(RequireEngine) == "1" {
		t.Fatal(text)
	}
	missed.Add(1)
	t.Skip("SKIP: " + text)
	return ""
}

// Report says how many tests did not run for want of an engine: call it at the end of TestMain, so that it is seen
// without -v.
func Report() {
	if n := missed.Load(); n > 0 {
		fmt.Fprintf(os.Stderr, "SKIP: NO DOCKER ENGINE at %s: %d integration tests did not run\n", place, n)
	}
}

// findEngine looks at DOCKER_HOST, else at the usual socket. Only sockets of this machine are used: tests do not run
// on somebody else's engine.
func findEngine() (string, error) {
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		host = "unix:///var/run/docker.sock"
	}
	path, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return host, fmt.Errorf("tests want an engine behind a unix socket")
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
	client := http.Client{Timeout: 10 * time.Second, Transport: transport}
	resp, err := client.Get("http://docker/_ping")
	if err != nil {
		return host, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return host, fmt.Errorf("ping answers %s", resp.Status)
	}
	return host, nil
}

// Installation makes an id that no other test has.
func Installation(t testing.TB) string {
	t.Helper()
	return "t" + strings.ToLower(rand.Text()[:11])
}

var binaries sync.Map // folder → func() ([]byte, error)

// Binary builds the Go main package in dir, relative to the module's root, as a static Linux program for this
// processor. It is built once a process; Go's cache makes it cheap the next time.
func Binary(t testing.TB, dir string) []byte {
	t.Helper()
	build, _ := binaries.LoadOrStore(dir, sync.OnceValues(func() ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		return guest.Compile(ctx, filepath.Join(root(), filepath.FromSlash(dir)), goruntime.GOARCH)
	}))
	binary, err := build.(func() ([]byte, error))()
	if err != nil {
		t.Fatalf("build %s: %v", dir, err)
	}
	return binary
}

// root is the module's folder, which this file lies two levels below.
func root() string {
	_, file, _, _ := goruntime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Rootfs is a root file system, as a tar, that holds one program at path.
func Rootfs(t testing.TB, path string, binary []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	head := &tar.Header{Name: strings.TrimPrefix(path, "/"), Mode: 0o755, Size: int64(len(binary)), Typeflag: tar.TypeReg}
	if err := w.WriteHeader(head); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(binary); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
