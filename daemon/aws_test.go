package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"miniecs/internal/guest"
	"miniecs/internal/ids"
	"miniecs/runtime/engine/docker"
	"miniecs/store"
)

// aws is a daemon on the real engine, and the real aws command line as its client.
type aws struct {
	t        *testing.T
	cli      string
	endpoint string
	home     string
	ref      string // of the demonstration application's image, this daemon's own
	cancel   context.CancelFunc
	ended    chan error
	cfg      Config
}

// needEngine skips loudly without an engine; in CI that is a failure.
func needEngine(t *testing.T) {
	t.Helper()
	eng, err := docker.New(t.Context(), docker.Config{Installation: "probe", PauseBinary: pauseBinary})
	if err == nil {
		_ = eng.Close()
		return
	}
	if os.Getenv("MINIECS_REQUIRE_ENGINE") == "1" {
		t.Fatalf("NO DOCKER ENGINE: %v", err)
	}
	t.Skipf("SKIP: NO DOCKER ENGINE: %v", err)
}

func newAWS(t *testing.T, cfg Config) *aws {
	t.Helper()
	needEngine(t)
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("SKIP: NO aws COMMAND LINE on this machine: the end-to-end test did not run")
	}
	a := &aws{t: t, cli: cli, home: t.TempDir(), ref: "demo-e2e-" + ids.Hex(4) + ":1", cfg: cfg}
	a.cfg.Home, a.cfg.Listen = a.home, "127.0.0.1:0"
	log, err := os.Create(filepath.Join(a.home, "daemon.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	a.cfg.Log = log
	a.start()
	t.Cleanup(a.close)
	a.image()
	return a
}

func (a *aws) start() {
	a.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel, a.ended = cancel, make(chan error, 1)
	ready := make(chan string, 1)
	cfg := a.cfg
	cfg.Ready = func(addr string) { ready <- addr }
	go func() { a.ended <- Run(ctx, cfg) }()
	select {
	case addr := <-ready:
		a.endpoint = "http://" + addr
	case err := <-a.ended:
		a.t.Fatal(err)
	}
}

// close takes everything down: services, tasks, then what the daemon itself holds.
func (a *aws) close() {
	for _, arn := range a.list("ecs list-services --query serviceArns") {
		a.run("ecs delete-service --force --service " + arn)
	}
	for _, arn := range a.list("ecs list-tasks --query taskArns") {
		a.run("ecs stop-task --task " + arn)
	}
	for range 300 {
		resp, err := http.Post(a.endpoint+"/_miniecs/quit", "", nil)
		if err != nil {
			a.t.Error(err)
			break
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	select {
	case err := <-a.ended:
		if err != nil {
			a.t.Error(err)
		}
	case <-time.After(20 * time.Second):
		a.t.Error("the daemon does not quit")
	}
	a.cancel()
}

// image makes the demonstration application's image over the control endpoint.
func (a *aws) image() {
	a.t.Helper()
	p, err := guest.Binary(a.t.Context(), guest.Demo, "amd64")
	if err != nil {
		a.t.Fatal(err)
	}
	rootfs, err := p.Rootfs()
	if err != nil {
		a.t.Fatal(err)
	}
	q := url.Values{"ref": {a.ref}, "kind": {"import"}, "entrypoint": p.EntryPoint()}
	req, err := http.NewRequest(http.MethodPut, a.endpoint+"/_miniecs/images?"+q.Encode(), bytes.NewReader(rootfs))
	if err != nil {
		a.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		a.t.Fatal(resp, err)
	}
	resp.Body.Close()
}

// try runs aws with the words of args; quotes are not understood.
func (a *aws) try(args string, more ...string) (string, error) {
	a.t.Helper()
	cmd := exec.Command(a.cli, append(append([]string{"--endpoint-url", a.endpoint, "--output", "json"}, strings.Fields(args)...), more...)...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (a *aws) run(args string, more ...string) string {
	a.t.Helper()
	out, err := a.try(args, more...)
	if err != nil {
		a.t.Fatalf("aws %s: %v\n%s", args, err, out)
	}
	return out
}

// text runs aws and gives one string of its answer.
func (a *aws) text(args string, more ...string) string {
	a.t.Helper()
	var s string
	if out := a.run(args, more...); json.Unmarshal([]byte(out), &s) != nil {
		a.t.Fatalf("aws %s answers no string: %s", args, out)
	}
	return s
}

func (a *aws) list(args string) (l []string) {
	a.t.Helper()
	if out := a.run(args); json.Unmarshal([]byte(out), &l) != nil {
		a.t.Fatalf("aws %s answers no list: %s", args, out)
	}
	return l
}

// until asks until aws answers so: its waiters look every 15 s, which is long for a test.
func (a *aws) until(args, want string) {
	a.t.Helper()
	got := ""
	for begin := time.Now(); time.Since(begin) < 2*time.Minute; {
		if got = a.run(args); got == want {
			return
		}
	}
	a.t.Fatalf("aws %s: %s; want %s", args, got, want)
}

// stable waits for a steady service, and then asks the real waiter.
func (a *aws) stable(service string) {
	a.t.Helper()
	a.until("ecs describe-services --query services[0].deployments[].rolloutState|[length(@),[0]] --services "+service, "[\n    1,\n    \"COMPLETED\"\n]")
	a.until("ecs describe-services --query services[0].runningCount==services[0].desiredCount --services "+service, "true")
	a.run("ecs wait services-stable --services " + service)
}

// inService waits for healthy targets, and then asks the real waiter.
func (a *aws) inService(group string) {
	a.t.Helper()
	a.until("elbv2 describe-target-health --query TargetHealthDescriptions[?TargetHealth.State!='healthy']|length(@) --target-group-arn "+group, "0")
	a.run("elbv2 wait target-in-service --target-group-arn " + group)
}

// register registers a revision of the demonstration application with variables.
func (a *aws) register(family string, env map[string]string, extra string) string {
	a.t.Helper()
	vars := []map[string]string{}
	for k, v := range env {
		vars = append(vars, map[string]string{"name": k, "value": v})
	}
	b, err := json.Marshal(vars)
	if err != nil {
		a.t.Fatal(err)
	}
	if extra == "" {
		extra = `"networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512"`
	}
	def := fmt.Sprintf(`{"family":%q,%s,"containerDefinitions":[{"name":"web","image":%q,"memory":64,"portMappings":[{"containerPort":80}],"environment":%s}]}`, family, extra, a.ref, b)
	return a.text("ecs register-task-definition --query taskDefinition.taskDefinitionArn --cli-input-json", def)
}

// balancer makes a load balancer, a target group and a listener; it gives the group's ARN and where it answers.
func (a *aws) balancer(name, targetType string) (group, at string) {
	a.t.Helper()
	subnets := a.list("ec2 describe-subnets --query Subnets[].SubnetId")
	vpc := a.text("ec2 describe-vpcs --query Vpcs[0].VpcId")
	lb := a.text("elbv2 create-load-balancer --query LoadBalancers[0].LoadBalancerArn --name " + name + " --subnets " + strings.Join(subnets, " "))
	a.run("elbv2 wait load-balancer-available --load-balancer-arns " + lb)
	group = a.text("elbv2 create-target-group --query TargetGroups[0].TargetGroupArn --protocol HTTP --port 80 --health-check-path /health " +
		"--health-check-interval-seconds 5 --health-check-timeout-seconds 2 --healthy-threshold-count 2 --target-type " + targetType + " --name " + name + " --vpc-id " + vpc)
	a.run("elbv2 modify-target-group-attributes --target-group-arn " + group + " --attributes Key=deregistration_delay.timeout_seconds,Value=2")
	a.run("elbv2 create-listener --protocol HTTP --port 8090 --load-balancer-arn " + lb + " --default-actions Type=forward,TargetGroupArn=" + group)
	at = "http://127.0.0.1:8090"
	if moved := a.list("elbv2 describe-tags --resource-arns " + lb + " --query TagDescriptions[0].Tags[?Key=='miniecs:url'].Value"); len(moved) > 0 {
		at = moved[0]
	}
	return group, at
}

func (a *aws) get(url string) (int, string) {
	a.t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

const network = " --network-configuration awsvpcConfiguration={subnets=[subnet-0a1b2c3d4e5f60718]}"

// TestAWS is a service's whole life through the aws command line: register, run, scale, roll, break, repair, delete.
func TestAWS(t *testing.T) {
	for _, reach := range []string{docker.ReachDirect, docker.ReachHatch} {
		t.Run(reach, func(t *testing.T) { lifeOfAService(newAWS(t, Config{Reach: reach})) })
	}
}

func lifeOfAService(a *aws) {
	t := a.t
	group, url := a.balancer("life", "ip")
	if code, body := a.get(url); code != 503 || !strings.Contains(body, "503 Service Temporarily Unavailable") {
		t.Errorf("without targets: %d %s", code, body)
	}
	a.register("life", map[string]string{"VERSION": "1"}, "")
	a.run("ecs create-service --service-name life --task-definition life --desired-count 2 --launch-type FARGATE" + network +
		" --load-balancers targetGroupArn=" + group + ",containerName=web,containerPort=80")
	a.stable("life")
	tasks := a.list("ecs list-tasks --service-name life --query taskArns")
	a.run("ecs wait tasks-running --tasks " + strings.Join(tasks, " "))
	a.inService(group)
	a.wantHosts(url, 2, "version=1")

	a.run("ecs update-service --service life --desired-count 3")
	a.stable("life")
	a.inService(group)
	a.wantHosts(url, 3, "version=1")

	second := a.register("life", map[string]string{"VERSION": "2"}, "")
	a.run("ecs update-service --service life --task-definition life")
	a.stable("life")
	a.wantHosts(url, 3, "version=2")

	a.register("life", map[string]string{"CRASH_AFTER": "0s", "EXIT_CODE": "5", "START_DELAY": "60s"}, "")
	a.run("ecs update-service --service life --task-definition life")
	deadline := time.Now().Add(time.Minute)
	for {
		stopped := a.list("ecs list-tasks --service-name life --desired-status STOPPED --query taskArns")
		if len(stopped) > 0 && strings.Contains(a.run("ecs describe-tasks --query tasks[].[stopCode,stoppedReason,containers[0].exitCode] --tasks "+strings.Join(stopped[:min(len(stopped), 9)], " ")),
			`5`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the broken revision is not tried")
		}
		time.Sleep(200 * time.Millisecond)
	}
	a.wantHosts(url, 3, "version=2") // the old tasks serve on
	if state := a.text("ecs describe-services --services life --query services[0].deployments[0].rolloutState"); state != "IN_PROGRESS" {
		t.Errorf("rolloutState %s; nothing rolls back by itself", state)
	}
	a.run("ecs update-service --service life --task-definition " + second)
	a.stable("life")
	a.wantHosts(url, 3, "version=2")

	if out, err := a.try("ecs delete-service --service life"); err == nil || !strings.Contains(out, "The service cannot be stopped while it is scaled above 0.") {
		t.Errorf("delete without force: %s %v", out, err)
	}
	a.run("ecs delete-service --service life --force")
	a.until("ecs describe-services --query services[0].status --services life", `"INACTIVE"`)
	a.run("ecs wait services-inactive --services life")
}

// wantHosts wants so many tasks to answer in turn, all with the version.
func (a *aws) wantHosts(url string, n int, version string) {
	a.t.Helper()
	hosts := map[string]bool{}
	for range 3 * n {
		code, body := a.get(url)
		if code != 200 || !strings.Contains(body, version) || !strings.Contains(body, "hostname=ip-172-") {
			a.t.Fatalf("answer %d %q; want %s", code, body, version)
		}
		_, host, _ := strings.Cut(body, "hostname=")
		hosts[host] = true
	}
	if len(hosts) != n {
		a.t.Errorf("%d tasks answered: %v; want %d", len(hosts), hosts, n)
	}
}

// TestAWS_RunTask runs one-off tasks in every network mode.
func TestAWS_RunTask(t *testing.T) {
	a := newAWS(t, Config{})
	for mode, extra := range map[string]string{
		"awsvpc": "", "bridge": `"networkMode":"bridge"`, "host": `"networkMode":"host"`,
	} {
		family := "job-" + mode
		a.register(family, map[string]string{"PORT": "18733", "CRASH_AFTER": "2s", "EXIT_CODE": "4"}, extra)
		launch := " --launch-type EC2"
		if mode == "awsvpc" {
			launch = " --launch-type FARGATE" + network
		}
		arn := a.text("ecs run-task --query tasks[0].taskArn --task-definition " + family + launch)
		a.until("ecs describe-tasks --query tasks[0].lastStatus --tasks "+arn, `"STOPPED"`)
		a.run("ecs wait tasks-stopped --tasks " + arn)
		var got []struct {
			StopCode, StoppedReason, LastStatus string
			Containers                          []struct {
				ExitCode        *int
				NetworkBindings []struct{ HostPort, ContainerPort int }
			}
		}
		if err := json.Unmarshal([]byte(a.run("ecs describe-tasks --query tasks --tasks "+arn)), &got); err != nil {
			t.Fatal(err)
		}
		task := got[0]
		if task.StopCode != "EssentialContainerExited" || task.Containers[0].ExitCode == nil || *task.Containers[0].ExitCode != 4 {
			t.Errorf("%s: %+v", mode, task)
		}
		if b := task.Containers[0].NetworkBindings; mode == "bridge" && (len(b) != 1 || b[0].HostPort == 0 || b[0].ContainerPort != 80) {
			t.Errorf("bridge: bindings %+v", b)
		}
	}
}

// TestAWS_BridgeService serves through an instance target group: dynamic host ports.
func TestAWS_BridgeService(t *testing.T) {
	a := newAWS(t, Config{})
	group, url := a.balancer("bridge", "instance")
	a.register("bridge", map[string]string{"VERSION": "b"}, `"networkMode":"bridge"`)
	a.run("ecs create-service --service-name bridge --task-definition bridge --desired-count 2 --launch-type EC2" +
		" --load-balancers targetGroupArn=" + group + ",containerName=web,containerPort=80")
	a.stable("bridge")
	a.inService(group)
	if code, body := a.get(url); code != 200 || !strings.Contains(body, "version=b") {
		t.Errorf("%d %s", code, body)
	}
}

func TestRun_RefusesASecondDaemonOnTheSameState(t *testing.T) {
	home := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	eng := Simulated()
	defer eng.Close()
	go func() {
		ended <- Run(ctx, Config{Home: home, Listen: "127.0.0.1:0", Engine: eng, Ready: func(a string) { ready <- a }})
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	if err := Run(t.Context(), Config{Home: home, Listen: "127.0.0.1:0", Engine: eng}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second daemon: %v; want store.ErrLocked", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
