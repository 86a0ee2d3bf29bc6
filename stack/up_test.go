package stack_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"miniecs/daemon"
	"miniecs/runtime/engine/sim"
	"miniecs/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a daemon on the simulated engine, and what was asked of it.
type world struct {
	client *stack.Client
	calls  *calls
	port   int // free, for a listener
}

// calls keeps the operations that change something, with their bodies.
type calls struct {
	mu   sync.Mutex
	made []call
}

type call struct{ op, body string }

func (c *calls) RoundTrip(r *http.Request) (*http.Response, error) {
	op := r.Header.Get("X-Amz-Target")
	op = op[strings.LastIndexByte(op, '.')+1:]
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if form, err := url.ParseQuery(string(body)); err == nil && op == "" {
			op = form.Get("Action")
		}
		if op != "" && !strings.HasPrefix(op, "Describe") && !strings.HasPrefix(op, "List") {
			c.mu.Lock()
			c.made = append(c.made, call{op, string(body)})
			c.mu.Unlock()
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// take gives the calls since the last time.
func (c *calls) take() (made []call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	made, c.made = c.made, nil
	return made
}

func ops(made []call) string {
	var out []string
	for _, m := range made {
		out = append(out, m.op)
	}
	return strings.Join(out, " ")
}

func start(t *testing.T) *world {
	t.Helper()
	eng := sim.New(sim.Config{})
	ready, ended := make(chan string, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	cfg := daemon.Config{Home: t.TempDir(), Listen: "127.0.0.1:0", Engine: eng, Region: "us-east-1", ListenAddrs: []string{"127.0.0.1"},
		Ready: func(addr string) { ready <- addr }}
	go func() { ended <- daemon.Run(ctx, cfg) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the daemon ended with %v", err)
		}
		_ = eng.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	select {
	case addr := <-ready:
		c := &calls{}
		return &world{client: stack.NewClientWith("http://"+addr, "us-east-1", &http.Client{Transport: c}), calls: c, port: freePort(t)}
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return nil
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// web is a stack folder with everything; the names carry the stack's.
func (w *world) web(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "ecs-task-def.json", `{
  "family": "NAME", // a comment
  "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
  "containerDefinitions": [{"name": "web", "image": "demo", "portMappings": [{"containerPort": 80}], "environment": [{"name": "V", "value": "1"}]}],
}`)
	put(t, dir, "ecs-service-def.json", `{"serviceName": "NAME", "desiredCount": 2, "launchType": "FARGATE",
  "loadBalancers": [{"targetGroupArn": "NAME", "containerName": "web", "containerPort": 80}]}`)
	put(t, dir, "alb.json", fmt.Sprintf(`{
  "loadBalancer": {"Name": "NAME"},
  "targetGroups": [{"Name": "NAME", "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "HealthCheckIntervalSeconds": 5,
    "HealthCheckTimeoutSeconds": 2, "attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]}],
  "listeners": [{"Protocol": "HTTP", "Port": %d, "DefaultActions": [{"Type": "forward", "TargetGroupArn": "NAME"}]}],
}`, w.port))
	return dir
}

// put writes a file of a stack folder, whose name stands for NAME.
func put(t *testing.T, dir, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), []byte(strings.ReplaceAll(text, "NAME", filepath.Base(dir))), 0o644); err != nil {
		t.Fatal(err)
	}
}

// edit replaces a part of a file.
func edit(t *testing.T, dir, file, old, new string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil || !strings.Contains(string(data), old) {
		t.Fatalf("%s holds no %q: %v", file, old, err)
	}
	put(t, dir, file, strings.Replace(string(data), old, new, 1))
}

// up brings a folder up and gives its steps, one a line.
func (w *world) up(t *testing.T, dir string, o stack.Options) (string, stack.Result, error) {
	t.Helper()
	s, err := stack.Load(dir, o)
	if err != nil {
		return "", stack.Result{}, err
	}
	var steps strings.Builder
	res, err := s.Up(t.Context(), w.client, func(s stack.Step) {
		fmt.Fprintln(&steps, strings.TrimSpace(strings.Join([]string{s.Kind, s.Name, s.Status, s.Detail}, " ")))
	})
	return steps.String(), res, err
}

func (w *world) mustUp(t *testing.T, dir string) (string, stack.Result) {
	t.Helper()
	steps, res, err := w.up(t, dir, stack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return steps, res
}

func TestUp_TwiceChangesNothing(t *testing.T) {
	w := start(t)
	dir := w.web(t, "web")
	steps, res := w.mustUp(t, dir)
	listener := fmt.Sprintf("listener HTTP:%d", w.port)
	want := "task definition web:1 registered\ntarget group web created\nload balancer web created\n" + listener + " created\nservice web created desiredCount 2\n"
	if d := cmp.Diff(want, steps); d != "" {
		t.Errorf("steps of the first up (-want +got):\n%s", d)
	}
	if url := fmt.Sprintf("http://localhost:%d", w.port); !res.Changed || len(res.URLs) != 1 || res.URLs[0] != url {
		t.Errorf("got %+v, want the URL %s", res, url)
	}
	w.calls.take()
	steps, res = w.mustUp(t, dir)
	want = "task definition web:1 unchanged\ntarget group web unchanged\nload balancer web unchanged\n" + listener + " unchanged\nservice web unchanged\n"
	if d := cmp.Diff(want, steps); d != "" {
		t.Errorf("steps of the second up (-want +got):\n%s", d)
	}
	if made := w.calls.take(); len(made) > 0 || res.Changed {
		t.Errorf("the second up called %s; changed is %v", ops(made), res.Changed)
	}
}

func TestUp_SendsWhatChanged(t *testing.T) {
	w := start(t)
	dir := w.web(t, "web")
	w.mustUp(t, dir)
	w.calls.take()
	for _, c := range []struct {
		name, file, old, new string
		ops, body            string // the calls, and a part of the last one's body
		not                  string // what it must not have
	}{
		{"a comment", "ecs-task-def.json", "a comment", "another", "", "", ""},
		{"a default that is spelled out", "ecs-task-def.json", `"name": "web", "image"`, `"name": "web", "essential": true, "image"`, "", "", ""},
		{"the environment", "ecs-task-def.json", `"value": "1"`, `"value": "2"`, "RegisterTaskDefinition UpdateService", `"taskDefinition":"arn:aws:ecs:us-east-1:000000000000:task-definition/web:2"`, "desiredCount"},
		{"the count", "ecs-service-def.json", `"desiredCount": 2`, `"desiredCount": 3`, "UpdateService", `"desiredCount":3`, "taskDefinition"},
		{"no count", "ecs-service-def.json", `"desiredCount": 3,`, ``, "", "", ""},
		{"a percentage", "ecs-service-def.json", `"launchType"`, `"deploymentConfiguration": {"maximumPercent": 150}, "launchType"`, "UpdateService", `"maximumPercent":150`, "loadBalancers"},
		{"the health check", "alb.json", `"HealthCheckIntervalSeconds": 5`, `"HealthCheckIntervalSeconds": 6`, "ModifyTargetGroup", "HealthCheckIntervalSeconds=6", "HealthCheckTimeoutSeconds"},
		{"an attribute", "alb.json", `"Value": "0"`, `"Value": "7"`, "ModifyTargetGroupAttributes", "Value=7", "HealthCheck"},
		{"a tag of the service", "ecs-service-def.json", `"launchType"`, `"tags": [{"key": "team", "value": "a"}], "launchType"`, "TagResource", `"team"`, "miniecs"},
		{"a tag of the definition", "ecs-task-def.json", `"family"`, `"tags": [{"key": "team", "value": "a"}], "family"`, "TagResource", `"team"`, "miniecs"},
		{"a tag of the balancer", "alb.json", `{"Name": "web"}`, `{"Name": "web", "Tags": [{"Key": "team", "Value": "a"}]}`, "AddTags", "team", "miniecs"},
		{"the listener's port", "alb.json", fmt.Sprint(w.port), fmt.Sprint(freePort(t)), "DeleteListener CreateListener", "Port=", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			edit(t, dir, c.file, c.old, c.new)
			steps, _ := w.mustUp(t, dir)
			made := w.calls.take()
			if ops(made) != c.ops {
				t.Fatalf("called %q, want %q; steps:\n%s", ops(made), c.ops, steps)
			}
			if c.ops == "" {
				return
			}
			body := made[len(made)-1].body
			if !strings.Contains(body, c.body) || c.not != "" && strings.Contains(body, c.not) {
				t.Errorf("sent %s\nwant %s in it and no %q", body, c.body, c.not)
			}
		})
	}
}

func TestUp_RefusesBeforeItChangesAnything(t *testing.T) {
	w := start(t)
	dir := w.web(t, "web")
	w.mustUp(t, dir)
	other := w.web(t, "other")
	for _, c := range []struct{ name, dir, file, old, new, want string }{
		{"the launch type", dir, "ecs-service-def.json", "FARGATE", "EXTERNAL", "service web exists, and its LaunchType cannot be changed: give it another name, or take the stack down first"},
		{"the group's port", dir, "alb.json", `"Port": 80`, `"Port": 81`, "target group web exists, and its Port cannot be changed: give it another name, or take the stack down first"},
		{"the balancer's scheme", dir, "alb.json", `{"Name": "web"}`, `{"Name": "web", "Scheme": "internal"}`, "load balancer web exists, and its Scheme cannot be changed: give it another name, or take the stack down first"},
		{"a target group of no name", dir, "ecs-service-def.json", `"targetGroupArn": "web"`, `"targetGroupArn": "wbe"`, "there is no target group wbe: alb.json has none of that name, and neither has the daemon"},
		{"a listener's", dir, "alb.json", `"TargetGroupArn": "web"`, `"TargetGroupArn": "wbe"`, "there is no target group wbe: alb.json has none of that name, and neither has the daemon"},
		{"a service of another stack", other, "ecs-service-def.json", `"serviceName": "other"`, `"serviceName": "web"`, "service web exists, but is of stack web and not of other: give it another name, or remove it"},
		{"a balancer of another stack", other, "alb.json", `{"Name": "other"}`, `{"Name": "web"}`, "load balancer web exists, but is of stack web and not of other: give it another name, or remove it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, err := os.ReadFile(filepath.Join(c.dir, c.file))
			if err != nil {
				t.Fatal(err)
			}
			defer put(t, c.dir, c.file, string(before))
			edit(t, c.dir, c.file, c.old, c.new)
			edit(t, c.dir, "ecs-task-def.json", `"value": "`, `"value": "x`)
			w.calls.take()
			_, _, err = w.up(t, c.dir, stack.Options{})
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if made := w.calls.take(); len(made) > 0 {
				t.Errorf("it called %s before it refused", ops(made))
			}
		})
	}
}

func TestUp_TakesAnotherDefinition(t *testing.T) {
	w := start(t)
	dir := w.web(t, "web")
	w.mustUp(t, dir)
	put(t, dir, "broken.json", `{"family": "NAME", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
  "containerDefinitions": [{"name": "web", "image": "broken", "portMappings": [{"containerPort": 80}]}]}`)
	steps, _, err := w.up(t, dir, stack.Options{TaskDef: "broken.json"})
	if err != nil || !strings.Contains(steps, "service web updated TaskDefinition web:2") {
		t.Errorf("got %v and\n%s", err, steps)
	}
}

func TestUp_MakesTheClusterAndFillsInTheNetwork(t *testing.T) {
	w := start(t)
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "ecs-task-def.json", `{"family": "f", "networkMode": "awsvpc", "containerDefinitions": [{"name": "c", "image": "i", "memory": 64}]}`)
	put(t, dir, "ecs-service-def.json", `{"cluster": "prod"}`)
	steps, _ := w.mustUp(t, dir)
	if want := "task definition f:1 registered\ncluster prod created\nservice small created desiredCount 1\n"; steps != want {
		t.Errorf("got\n%swant\n%s", steps, want)
	}
	for _, m := range w.calls.take() {
		if m.op == "CreateService" && !strings.Contains(m.body, `"subnets":["subnet-`) {
			t.Errorf("no subnets in %s", m.body)
		}
	}
	if steps, _ := w.mustUp(t, dir); strings.Contains(steps, "created") || strings.Contains(steps, "updated") {
		t.Errorf("again:\n%s", steps)
	}
	if err := stack.Down(t.Context(), w.client, "small", nil); err != nil {
		t.Fatal(err)
	}
	if made := ops(w.calls.take()); made != "DeleteService DeregisterTaskDefinition DeleteTaskDefinitions DeleteCluster" {
		t.Errorf("down called %s", made)
	}
}

func TestUp_BareDefinition(t *testing.T) {
	w := start(t)
	file := filepath.Join(w.web(t, "Web_app"), "ecs-task-def.json")
	steps, res, err := w.up(t, file, stack.Options{})
	want := "task definition Web_app:1 registered\ntarget group Web-app created\nload balancer Web-app created\nlistener HTTP:8080 created\nservice Web_app created desiredCount 1\n"
	if err != nil || steps != want || len(res.URLs) != 1 {
		t.Errorf("got %v, %+v and\n%swant\n%s", err, res, steps, want)
	}
	if again, _, err := w.up(t, file, stack.Options{}); err != nil || strings.Contains(again, "updated") || strings.Contains(again, "created") {
		t.Errorf("again: %v\n%s", err, again)
	}
	var sent string
	for _, m := range w.calls.take() {
		sent += m.body + "\n"
	}
	for _, quick := range []string{"HealthCheckIntervalSeconds=5", "HealthyThresholdCount=2", "Matcher.HttpCode=200-499", "deregistration_delay.timeout_seconds&Attributes.member.1.Value=5"} {
		if !strings.Contains(sent, quick) {
			t.Errorf("no %s in\n%s", quick, sent)
		}
	}
}

// What miniecs.json beside a bare definition says of images holds, and what is wrong with it is told.
func TestLoad_BareWithImages(t *testing.T) {
	w := &world{port: 8080}
	dir := w.web(t, "web")
	put(t, dir, "miniecs.json", `{"images": {"demo": {"guest": "demon"}}}`)
	_, err := stack.Load(filepath.Join(dir, "ecs-task-def.json"), stack.Options{})
	if want := filepath.Join(dir, "miniecs.json") + `: image demo: the only guest is "demo"`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestDown_RemovesItsOwnOnly(t *testing.T) {
	w := start(t)
	one := w.web(t, "one")
	w.mustUp(t, one)
	w.port = freePort(t)
	two := w.web(t, "two")
	w.mustUp(t, two)
	names, err := stack.Stacks(t.Context(), w.client)
	if d := cmp.Diff([]string{"one", "two"}, names); err != nil || d != "" {
		t.Errorf("stacks: %v\n%s", err, d)
	}
	w.calls.take()
	if err := stack.Down(t.Context(), w.client, "one", nil); err != nil {
		t.Fatal(err)
	}
	if got, want := ops(w.calls.take()), "DeleteListener DeleteService DeleteLoadBalancer DeleteTargetGroup DeregisterTaskDefinition DeleteTaskDefinitions"; got != want {
		t.Errorf("called %s\nwant   %s", got, want)
	}
	if steps, _ := w.mustUp(t, two); strings.Contains(steps, "created") {
		t.Errorf("the other stack lost something:\n%s", steps)
	}
	if err := stack.Down(t.Context(), w.client, "one", nil); err != nil {
		t.Errorf("down again: %v", err)
	}
	if steps, _ := w.mustUp(t, one); !strings.Contains(steps, "task definition one:2 registered\n") || !strings.Contains(steps, "service one created") {
		t.Errorf("up after down:\n%s", steps)
	}
	if err := stack.DownAll(t.Context(), w.client, nil); err != nil {
		t.Fatal(err)
	}
	if names, err := stack.Stacks(t.Context(), w.client); err != nil || len(names) > 0 {
		t.Errorf("left after down --all: %v, %v", names, err)
	}
}

func TestLoad_Faults(t *testing.T) {
	w := &world{port: 8080}
	for _, c := range []struct{ name, file, text, want string }{
		{"an invalid definition", "ecs-task-def.json", `{"family": "f", "containerDefinitions": [{"name": "a", "imag": "i", "memory": 64}]}`, "DIR/ecs-task-def.json:1:56: error: containerDefinitions[0].imag: unknown"},
		{"an unknown member of the service", "ecs-service-def.json", `{"desired": 1}`, `DIR/ecs-service-def.json:1:2: unknown member "desired"`},
		{"a task definition in the service", "ecs-service-def.json", `{"taskDefinition": "x"}`, "ecs-service-def.json: taskDefinition: leave it out, the folder's own is meant"},
		{"a misspelt member of the balancer", "alb.json", `{"loadBalancer": {"Shceme": "internal"}}`, `DIR/alb.json:1:19: loadBalancer: unknown member "Shceme"; did you mean "Scheme"?`},
		{"a misspelt member of ours", "miniecs.json", `{"image": {}}`, `DIR/miniecs.json:1:2: unknown member "image"; did you mean "images"?`},
		{"rules", "alb.json", `{"rules": [{"Priority": 1}]}`, "DIR/alb.json:1:11: rules: a listener's rules cannot be made yet, its DefaultActions can"},
		{"listeners alone", "alb.json", `{"listeners": [{"Port": 1}]}`, "alb.json: there are listeners, but no loadBalancer"},
		{"one port twice", "alb.json", `{"loadBalancer": {}, "listeners": [{"Port": 1}, {"Port": 1}]}`, "alb.json: two listeners have port 1"},
		{"a group without a name", "alb.json", `{"targetGroups": [{"Port": 1}]}`, "alb.json: targetGroups[0] has no Name"},
		{"an image from nowhere", "miniecs.json", `{"images": {"a": {}}}`, `DIR/miniecs.json: image a: want either "build" (a folder) or "guest"`},
		{"an unknown guest", "miniecs.json", `{"images": {"a": {"guest": "x"}}}`, `DIR/miniecs.json: image a: the only guest is "demo"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := w.web(t, "web")
			put(t, dir, c.file, c.text)
			_, err := stack.Load(dir, stack.Options{})
			want := strings.ReplaceAll(c.want, "DIR", dir)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}
