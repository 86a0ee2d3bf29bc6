package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"miniecs/daemon"
	"miniecs/runtime/engine/sim"
)

// cli is the command line beside a daemon on the simulated engine.
type cli struct {
	t    *testing.T
	addr string
	home string
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	eng := sim.New(sim.Config{})
	ready, ended := make(chan string, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	c := &cli{t: t, home: t.TempDir()}
	cfg := daemon.Config{Home: c.home, Listen: "127.0.0.1:0", Engine: eng, Region: "us-east-1", ListenAddrs: []string{"127.0.0.1"},
		Version: buildVersion(), Ready: func(addr string) { ready <- addr }}
	go func() { ended <- daemon.Run(ctx, cfg) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = eng.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	select {
	case c.addr = <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return c
}

// do runs a command and gives what it wrote; the exit code must be as said.
func (c *cli) do(code int, args ...string) string {
	c.t.Helper()
	var out, errOut bytes.Buffer
	args = append([]string{"--endpoint", "http://" + c.addr, "--home", c.home, "--region", "us-east-1"}, args...)
	if got := run(args, &out, &errOut); got != code {
		c.t.Fatalf("miniecs %s: exit code %d, want %d\n%s%s", strings.Join(args[6:], " "), got, code, out.String(), errOut.String())
	}
	return out.String() + errOut.String()
}

// has fails unless text matches all patterns.
func (c *cli) has(text string, patterns ...string) {
	c.t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(text) {
			c.t.Errorf("no %q in\n%s", p, text)
		}
	}
}

func folder(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	dir := filepath.Join(t.TempDir(), "web")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"ecs-task-def.json": `{"family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
			"containerDefinitions": [{"name": "web", "image": "demo", "portMappings": [{"containerPort": 80}]}]}`,
		"ecs-service-def.json": `{"desiredCount": 2, "launchType": "FARGATE", "loadBalancers": [{"targetGroupArn": "web", "containerName": "web", "containerPort": 80}]}`,
		"alb.json": fmt.Sprintf(`{"loadBalancer": {"Name": "web"}, "targetGroups": [{"Name": "web", "Protocol": "HTTP", "Port": 80, "TargetType": "ip",
			"attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]}],
			"listeners": [{"Protocol": "HTTP", "Port": %d, "DefaultActions": [{"Type": "forward", "TargetGroupArn": "web"}]}]}`, port),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestVerbs(t *testing.T) {
	c, dir := newCLI(t), folder(t)
	c.has(c.do(0, "ps"), "^Nothing runs")
	c.has(c.do(0, "up", "-d", dir), "^task definition  web:1  registered$", "^service          web  created  desiredCount 2$", "2 running, 0 pending, steady$", "^http://localhost:[0-9]+$")
	c.has(c.do(0, "up", "-d", dir), "^service          web  unchanged$")
	c.has(c.do(0, "ps"), "^service web  ACTIVE  2 desired, 2 running, 0 pending, steady$", "RUNNING")
	var ps struct {
		Services []struct{ ServiceName string }
		Tasks    []struct{ TaskArn string }
	}
	text := c.do(0, "ps", "-o", "json")
	c.has(text, `"runningCount": 2,`, `"pendingCount": 0,`, `"taskArn": "arn:`)
	if err := json.Unmarshal([]byte(text), &ps); err != nil || len(ps.Services) != 1 || len(ps.Tasks) != 2 {
		t.Fatalf("ps -o json: %v, %+v", err, ps)
	}
	c.has(c.do(0, "targets"), "^target group web ", ":80 ")
	c.has(c.do(0, "targets", "web"), "^target group web ")
	c.has(c.do(0, "targets", "-o", "json"), `"TargetGroupName": "web"`, `"State": "healthy"`)
	c.has(c.do(1, "targets", "nope"), "neither a target group nor a stack")
	c.has(c.do(0, "events", "web"), `\(service web\) has started 2 tasks`)
	c.has(c.do(1, "events", "nope"), "there is no service nope in cluster default")
	c.has(c.do(0, "scale", "web", "1"), "^service web: 1 desired")
	c.has(c.do(1, "scale", "nope", "1"), "^miniecs: ServiceNotFoundException: ")
	id := shortTask(ps.Tasks[0].TaskArn)
	c.do(0, "logs", "--tail", "3", "web")
	c.do(0, "logs", id)
	c.has(c.do(0, "stop", "--reason", "a test", id), "^task "+id+": ")
	c.has(c.do(1, "stop", "ffffffff"), "there is no task ffffffff in cluster default")
	c.has(c.do(2, "stop", "ff"), `"ff" is too short for a task`)
	c.has(c.do(1, "logs", "nope"), "there is no service and no task nope in cluster default")
	c.has(c.do(0, "logs", "web", "-c", "nope"), "container nope wrote nothing, or there is none of that name")
	c.has(c.do(0, "run", "-d", "web:1"), "^[0-9a-f]{32}$")
	c.has(c.do(1, "run", "nope"), "^miniecs: nope is no folder or file, and no task definition that can be run: ClientException: Unable to describe task definition")
	c.has(c.do(0, "version"), "^daemon  ")
	c.has(c.do(1, "quit"), "take them down first")
	c.has(c.do(0, "down", dir), "^listener .* removed$", "^service          web  removed$")
	c.has(c.do(1, "down", "web"), "neither a folder nor a stack web")
	c.do(0, "down", "--all")
	c.has(c.do(0, "ps"), "^Nothing runs")
	c.has(c.do(0, "quit"), "^the daemon has ended$")
}

func TestUp_RefusesAnotherDaemon(t *testing.T) {
	c, dir := newCLI(t), folder(t)
	home := c.home
	c.home = t.TempDir()
	c.has(c.do(1, "up", "-d", dir), "has the home "+regexp.QuoteMeta(home)+", not ")
	stranger := http.Server{Handler: http.NotFoundHandler()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = stranger.Serve(l) }()
	defer stranger.Close()
	c.addr = l.Addr().String()
	c.has(c.do(1, "up", "-d", dir), "is not a daemon of miniecs: it answers 404 Not Found; end what listens there, or choose another place with --endpoint")
}
