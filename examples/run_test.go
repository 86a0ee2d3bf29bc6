package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
)

// program is the built command line with a daemon of its own: a home, an endpoint, an installation on the engine.
type program struct {
	t    *testing.T
	path string
	env  []string
}

// newProgram builds miniecs once for the test, and takes everything down when it ends.
func newProgram(t *testing.T) *program {
	t.Helper()
	if err := exec.Command("docker", "version").Run(); err != nil {
		if os.Getenv("MINIECS_REQUIRE_ENGINE") == "1" {
			t.Fatalf("NO DOCKER ENGINE: %v", err)
		}
		t.Skipf("SKIP: NO DOCKER ENGINE (docker version: %v): the examples were not run", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + l.Addr().String()
	_ = l.Close()
	p := &program{t: t, path: filepath.Join(t.TempDir(), "miniecs"),
		env: append(os.Environ(), "MINIECS_HOME="+filepath.Join(t.TempDir(), "home"), "MINIECS_ENDPOINT="+endpoint)}
	build := exec.Command("go", "build", "-o", p.path, "../cmd/miniecs")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		p.run(0, "down", "--all")
		p.run(0, "quit")
		p.nothingLeft()
	})
	return p
}

// run runs a verb and wants its exit code; it gives what was written to standard output.
func (p *program) run(code int, args ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Env = p.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		p.t.Fatal(err)
	}
	if got != code {
		p.t.Fatalf("miniecs %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errs.String())
	}
	return out.String()
}

// nothingLeft wants no object of the installation in the engine: down and quit leave none.
func (p *program) nothingLeft() {
	p.t.Helper()
	var home string
	for _, e := range p.env {
		if v, ok := strings.CutPrefix(e, "MINIECS_HOME="); ok {
			home = v
		}
	}
	db, err := os.ReadFile(filepath.Join(home, "state.db"))
	if err != nil {
		p.t.Fatal(err)
	}
	m := regexp.MustCompile(`"installation":"([0-9a-f]+)"`).FindSubmatch(db)
	if m == nil {
		p.t.Fatal("the installation's id is not in its store")
	}
	label := "label=miniecs=" + string(m[1])
	for _, list := range [][]string{{"ps", "-aq"}, {"network", "ls", "-q"}, {"volume", "ls", "-q"}, {"images", "-q"}} {
		out, err := exec.Command("docker", append(list, "--filter", label)...).Output()
		if err != nil || len(bytes.TrimSpace(out)) > 0 {
			p.t.Errorf("docker %s with our label: %s %v", strings.Join(list, " "), out, err)
		}
	}
}

var lastURL = regexp.MustCompile(`(?m)^\s*(http://localhost:\d+)\s*$`)

// up brings a stack up and gives the URL that was printed.
func (p *program) up(args ...string) string {
	p.t.Helper()
	out := p.run(0, append([]string{"up", "-d"}, args...)...)
	m := lastURL.FindAllStringSubmatch(out, -1)
	if m == nil {
		p.t.Fatalf("up printed no URL:\n%s", out)
	}
	return m[len(m)-1][1]
}

func (p *program) get(url string) string {
	p.t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("GET %s: %s %s %v", url, resp.Status, body, err)
	}
	return string(body)
}

var hostname = regexp.MustCompile(`hostname=(ip-172-\d+-\d+-\d+)`)

func TestHello(t *testing.T) {
	p := newProgram(t)
	url := p.up("hello")
	hosts := map[string]bool{}
	for range 9 {
		body := p.get(url)
		m := hostname.FindStringSubmatch(body)
		if m == nil || !strings.Contains(body, "name=web version=1") {
			t.Fatalf("answer %q", body)
		}
		hosts[m[1]] = true
	}
	if len(hosts) != 3 {
		t.Errorf("%d tasks answered: %v; want 3", len(hosts), hosts)
	}
	tasks := func() string { return p.run(0, "ps", "-o", "json") }
	before := ids(t, tasks())
	if p.up("hello"); strings.Join(ids(t, tasks()), " ") != strings.Join(before, " ") {
		t.Error("up twice changed the tasks")
	}
	p.edited(url, before, tasks)
	p.run(0, "down", "hello")
	if n := ids(t, tasks()); len(n) != 0 {
		t.Errorf("tasks %v after down", n)
	}
}

// edited rolls an edit of the example: the new version answers, and no old task is left.
func (p *program) edited(url string, before []string, tasks func() string) {
	p.t.Helper()
	dir := filepath.Join(p.t.TempDir(), "hello")
	if err := os.CopyFS(dir, os.DirFS("hello")); err != nil {
		p.t.Fatal(err)
	}
	file := filepath.Join(dir, "ecs-task-def.json")
	b, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(b, []byte(`"value": "1"`), []byte(`"value": "2"`), 1), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.up(dir)
	if body := p.get(url); !strings.Contains(body, "version=2") {
		p.t.Errorf("after the edit: %q", body)
	}
	for _, id := range ids(p.t, tasks()) {
		if strings.Contains(strings.Join(before, " "), id) {
			p.t.Errorf("task %s of the old revision is still there", id)
		}
	}
}

// ids are the ARNs of the tasks that `ps -o json` tells.
func ids(t *testing.T, out string) []string {
	t.Helper()
	var v struct{ Tasks []struct{ TaskArn string } }
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var arns []string
	for _, k := range v.Tasks {
		arns = append(arns, k.TaskArn)
	}
	return arns
}

func TestCrashLoop(t *testing.T) {
	p := newProgram(t)
	url := p.up("crash-loop")
	p.run(0, "up", "--no-wait", "crash-loop", "--task-def", filepath.Join("crash-loop", "broken.json"))
	loop := regexp.MustCompile(`([4-9]|\d\d+) attempts since the deployment.*last exit code 1 after .*next try in \d+s \(miniecs back-off\)`)
	deadline := time.Now().Add(90 * time.Second)
	for {
		if body := p.get(url); !strings.Contains(body, "version=good") {
			t.Fatalf("while the new revision crashes: %q", body)
		}
		out := p.run(0, "ps")
		if loop.MatchString(out) {
			if !strings.Contains(out, "IN_PROGRESS") {
				t.Errorf("the roll-out is not IN_PROGRESS:\n%s", out)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("ps shows no crash loop:\n%s", out)
		}
		time.Sleep(200 * time.Millisecond)
	}
	p.up("crash-loop") // fixed by hand: the good revision again
	if body := p.get(url); !strings.Contains(body, "version=good") {
		t.Errorf("after the fix: %q", body)
	}
}

func TestSidecar(t *testing.T) {
	p := newProgram(t)
	url := p.up("sidecar")
	for path, want := range map[string]string{"": "name=app", "/upstream": "name=proxy", "/file": "written by the init container"} {
		if body := p.get(url + path); !strings.Contains(body, want) {
			t.Errorf("GET %s: %q; want ... %s", path, body, want)
		}
	}
}

func TestRunTask(t *testing.T) {
	p := newProgram(t)
	out := p.run(0, "run", "run-task")
	if !strings.Contains(out, "job") {
		t.Errorf("the job's lines are not shown: %q", out)
	}
	p.run(3, "run", "run-task", "--task-def", filepath.Join("run-task", "failing.json"))
}

func TestFromAWS(t *testing.T) {
	p := newProgram(t)
	url := p.up("from-aws")
	if body := p.get(url); !strings.Contains(body, "name=orders version=2.14.0") {
		t.Errorf("answer %q", body)
	}
	if out := p.run(0, "logs", "orders"); !strings.Contains(out, "/orders  ") {
		t.Errorf("what awslogs would have sent is not in the logs: %q", out)
	}
	p.run(0, "lint", filepath.Join("from-aws", "ecs-task-def.json"))
}

// TestKilledDaemon kills the daemon without warning and starts it again: nothing restarts, and the ALB serves at once.
func TestKilledDaemon(t *testing.T) {
	p := newProgram(t)
	url := p.up("hello")
	before := ids(t, p.run(0, "ps", "-o", "json"))
	started := p.containers()
	var v struct {
		Daemon struct{ PID int }
	}
	if err := json.Unmarshal([]byte(p.run(0, "version", "-o", "json")), &v); err != nil || v.Daemon.PID == 0 {
		t.Fatal(v, err)
	}
	if err := kill(v.Daemon.PID); err != nil {
		t.Fatal(err)
	}
	p.run(0, "up", "--no-wait", "hello") // starts the daemon again
	begin := time.Now()
	for {
		resp, err := http.Get(url)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("the first answer after the restart is %s", resp.Status)
			}
			break
		}
		if time.Since(begin) > 5*time.Second {
			t.Fatalf("the ALB does not serve after the restart: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("the ALB served %s after the API answered", time.Since(begin).Round(time.Millisecond))
	p.up("hello")
	if after := ids(t, p.run(0, "ps", "-o", "json")); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("tasks %v before, %v after", before, after)
	}
	if now := p.containers(); now != started {
		t.Errorf("containers before:\n%s\nafter:\n%s", started, now)
	}
}

// containers tells the tasks' containers and when they were started.
func (p *program) containers() string {
	p.t.Helper()
	var v struct {
		Tasks []struct{ Containers []struct{ RuntimeId string } }
	}
	if err := json.Unmarshal([]byte(p.run(0, "ps", "-o", "json")), &v); err != nil {
		p.t.Fatal(err)
	}
	var out strings.Builder
	for _, k := range v.Tasks {
		for _, c := range k.Containers {
			b, err := exec.Command("docker", "inspect", "-f", "{{.State.StartedAt}} {{.State.Running}}", c.RuntimeId).Output()
			if err != nil {
				p.t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s %s", c.RuntimeId, b)
		}
	}
	return out.String()
}

func kill(pid int) error {
	proc, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return proc.Kill()
}
