package miniecs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"miniecs/internal/testkit"
)

// The daemon as a container, as docker-compose.yml describes it: its image is made without a registry, a stack comes
// up in it and answers, and nothing is left behind.
func TestCompose(t *testing.T) {
	testkit.Engine(t)
	if _, err := exec.LookPath("docker-compose"); err != nil {
		if os.Getenv(testkit.RequireEngine) == "1" {
			t.Fatalf("NO DOCKER-COMPOSE: %v", err)
		}
		t.Skipf("SKIP: NO DOCKER-COMPOSE (%v): the daemon was not run as a container", err)
	}
	dir, project := t.TempDir(), testkit.Installation(t)
	bin, image, addr := filepath.Join(dir, "miniecs"), project+":latest", freeAddr(t)
	if err := os.WriteFile(bin, testkit.Binary(t, "cmd/miniecs"), 0o755); err != nil {
		t.Fatal(err)
	}
	miniecs := func(args ...string) string {
		return command(t, bin, append([]string{"--endpoint", "http://" + addr, "--home", filepath.Join(dir, "home")}, args...)...)
	}
	override := filepath.Join(dir, "override.yml")
	text := fmt.Sprintf("version: \"3.8\"\nservices:\n  miniecs:\n    image: %s\n    command: [serve, --listen, %q]\n", image, addr)
	if err := os.WriteFile(override, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	compose := func(args ...string) string {
		return command(t, "docker-compose", append([]string{"-p", project, "-f", "docker-compose.yml", "-f", override}, args...)...)
	}

	miniecs("image", "--tag", image)
	t.Cleanup(func() { command(t, "docker", "rmi", image) })
	t.Cleanup(func() { compose("down", "-v") })
	compose("up", "-d", "miniecs")
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(compose("logs", "--no-color", "--tail", "50"))
		}
	})
	installation := awaitDaemon(t, addr)
	t.Cleanup(func() {
		miniecs("down", "--all")
		miniecs("quit")
		nothingLeft(t, installation)
	})
	out := miniecs("up", "-d", "examples/hello")
	url := regexp.MustCompile(`(?m)^\s*(http://localhost:\d+)\s*$`).FindStringSubmatch(out)
	if url == nil {
		t.Fatalf("up printed no URL:\n%s", out)
	}
	if body := get(t, url[1]); !strings.Contains(body, "name=web version=1") {
		t.Errorf("%s answers %q", url[1], body)
	}
}

// command runs a program, wants it to succeed and gives what it wrote.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// awaitDaemon waits until the daemon answers, and gives its installation.
func awaitDaemon(t *testing.T, addr string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get("http://" + addr + "/_miniecs/version")
		if err == nil {
			var v struct{ Home, Installation string }
			err = json.NewDecoder(resp.Body).Decode(&v)
			resp.Body.Close()
			if err != nil || v.Home != "/var/lib/miniecs" || v.Installation == "" {
				t.Fatalf("the daemon says %+v (%v)", v, err)
			}
			return v.Installation
		}
		if time.Now().After(deadline) {
			t.Fatalf("the daemon does not answer: %v", err)
		}
	}
}

// nothingLeft wants no object of the installation in the engine.
func nothingLeft(t *testing.T, installation string) {
	t.Helper()
	for _, kind := range [][]string{{"ps", "-aq"}, {"network", "ls", "-q"}, {"volume", "ls", "-q"}, {"images", "-q"}} {
		if left := command(t, "docker", append(kind, "--filter", "label=miniecs="+installation)...); left != "" {
			t.Errorf("docker %s still shows %s", strings.Join(kind, " "), left)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %q %v", url, resp.Status, body, err)
	}
	return string(body)
}
