package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"miniecs/internal/guest"
	"miniecs/internal/testkit"
)

// installed is the built program with a home and an endpoint of its own, on a real engine.
type installed struct {
	t         *testing.T
	path, url string
	home      string
}

// install builds the program. What it made in the engine is removed when the test ends.
func install(t *testing.T) *installed {
	t.Helper()
	testkit.Engine(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := &installed{t: t, path: filepath.Join(t.TempDir(), "miniecs"), url: "http://" + l.Addr().String(), home: t.TempDir()}
	if err := os.WriteFile(p.path, testkit.Binary(t, "cmd/miniecs"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.do(0, "down", "--all")
		p.do(0, "quit")
	})
	return p
}

// do runs a verb, wants its exit code and gives all that it wrote.
func (p *installed) do(code int, args ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, append([]string{"--endpoint", p.url, "--home", p.home}, args...)...)
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok || ok && exit.ExitCode() != code || err == nil && code != 0 {
		p.t.Fatalf("miniecs %s: %v, want exit code %d\n%s", strings.Join(args, " "), err, code, out)
	}
	return string(out)
}

// program prints its name, so that the log tells which image ran.
const program = `package main

import (
	"fmt"
	"os"
)

func main() { fmt.Println("this is", os.Args[0]) }
`

// built is a stack of two images that `up` makes: one from a Dockerfile, one from a Go main package.
func built(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "built")
	for name, text := range map[string]string{
		"ecs-task-def.json": `{"family": "built", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
			"containerDefinitions": [
				{"name": "first", "image": "built/docker:v1", "essential": false},
				{"name": "second", "image": "built/go", "dependsOn": [{"containerName": "first", "condition": "SUCCESS"}]}]}`,
		"miniecs.json":      `{"images": {"built/docker:v1": {"build": "docker"}, "built/go": {"build": "go"}}}`,
		"docker/Dockerfile": "FROM scratch\nCOPY program /from-dockerfile\nENTRYPOINT [\"/from-dockerfile\"]\n",
		"go/go.mod":         "module example.com/gomain\n\ngo 1.22\n",
		"go/main.go":        program,
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	binary, err := guest.Compile(t.Context(), filepath.Join(dir, "go"), goruntime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "docker", "program"), binary, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Images of miniecs.json are really built, run, built again after an edit only, and removed.
func TestRun_BuildsImages(t *testing.T) {
	p, dir := install(t), built(t)
	c := &cli{t: t}
	c.has(p.do(0, "run", dir), `image +built/docker:v1-[0-9a-f]{12} +built$`, `image +built/go:[0-9a-f]{12} +built$`,
		`this is /from-dockerfile`, `this is /go`)
	c.has(p.do(0, "run", dir), `image +built/docker:v1-[0-9a-f]{12} +unchanged$`, `image +built/go:[0-9a-f]{12} +unchanged$`, `built:1 +unchanged$`)
	main := filepath.Join(dir, "go", "main.go")
	if err := os.WriteFile(main, []byte(strings.Replace(program, "this is", "edited is", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	c.has(p.do(0, "run", dir), `image +built/docker:v1-[0-9a-f]{12} +unchanged$`, `image +built/go:[0-9a-f]{12} +built$`, `built:2 +registered$`, `edited is /go`)
	if err := os.WriteFile(main, []byte("package main\n\nfunc main() { nothing() }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.has(p.do(1, "run", dir), `^miniecs: image built/go: go build in .*`, `main.go:3:15: undefined: nothing`)
	c.has(p.do(0, "down", dir), `image +built/docker:v1-[0-9a-f]{12} +removed$`, `image +built/go:[0-9a-f]{12} +removed$`)
	if err := os.WriteFile(filepath.Join(dir, "docker", "Dockerfile"), []byte("FROM scratch\nCOPY nothing /\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.has(p.do(1, "run", dir), `^miniecs: make image built/docker:v1-[0-9a-f]{12}: .*nothing`)
}
