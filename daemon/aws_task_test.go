package daemon

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ended is how a task ended, as DescribeTasks tells.
type ended struct {
	LastStatus, StopCode, StoppedReason string
	StartedAt                           any
	Containers                          []struct {
		Name, Reason, HealthStatus string
		ExitCode                   *int
	}
}

// ask calls an operation of ECS without the aws command line, which takes most of a second to start.
func (a *aws) ask(op string, in, out any) {
	a.t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		a.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, a.endpoint, bytes.NewReader(b))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113."+op)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(body, out) != nil {
		a.t.Fatalf("%s: %s %s %v", op, resp.Status, body, err)
	}
}

// once runs one task of a definition and waits for its end. run holds the members of RunTask beside the definition.
func (a *aws) once(def, run string) ended {
	a.t.Helper()
	var registered struct {
		TaskDefinition struct{ TaskDefinitionArn string }
	}
	a.ask("RegisterTaskDefinition", json.RawMessage(def), &registered)
	in := map[string]any{}
	if err := json.Unmarshal([]byte(run), &in); err != nil {
		a.t.Fatal(err)
	}
	in["taskDefinition"] = registered.TaskDefinition.TaskDefinitionArn
	var ran struct{ Tasks []struct{ TaskArn string } }
	if a.ask("RunTask", in, &ran); len(ran.Tasks) != 1 {
		a.t.Fatalf("RunTask placed %d tasks", len(ran.Tasks))
	}
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		var got struct{ Tasks []ended }
		a.ask("DescribeTasks", map[string]any{"tasks": []string{ran.Tasks[0].TaskArn}}, &got)
		if got.Tasks[0].LastStatus == "STOPPED" {
			return got.Tasks[0]
		}
		if time.Since(begin) > time.Minute {
			a.t.Fatalf("the task is %s after a minute", got.Tasks[0].LastStatus)
		}
	}
}

// TestAWS_TaskSettings runs what a definition can say of a container, and looks at what the container saw.
func TestAWS_TaskSettings(t *testing.T) {
	a := newAWS(t, Config{})
	host := t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "in"), []byte("from the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(host, 0o777); err != nil {
		t.Fatal(err)
	}
	a.put("secrets", `{"stack":"e2e","values":{"/db/password":"hush"}}`)
	const (
		fargate = `{"launchType":"FARGATE","networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-0a1b2c3d4e5f60718"]}}}`
		onEC2   = `{"launchType":"EC2"}`
	)
	override := strings.TrimSuffix(fargate, "}") + `,"overrides":{"containerOverrides":[{"name":"c","environment":[{"name":"EXIT_CODE","value":"9"}]}]}}`
	def := func(container string) string {
		return `{"family":"s","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512",
			"executionRoleArn":"arn:aws:iam::000000000000:role/e","containerDefinitions":[{"name":"c","image":"` + a.ref + `",` + container + `}]}`
	}
	ec2 := func(mode, container, rest string) string {
		return `{"family":"s","networkMode":"` + mode + `","containerDefinitions":[{"name":"c","image":"` + a.ref + `","memory":64,` + container + `}]` + rest + `}`
	}
	tests := []struct {
		name, def, run string
		exit           int // -1: none
		stopCode       string
		reason         string // of the container, a part
	}{
		{"its command", def(`"command":["write","/tmp/x","y"]`), fargate, 0, "EssentialContainerExited", ""},
		{"a read-only root", def(`"command":["write","/x","y"],"readonlyRootFilesystem":true`), fargate, 1, "EssentialContainerExited", ""},
		{"a user without rights", def(`"command":["write","/x","y"],"user":"65534:65534"`), fargate, 1, "EssentialContainerExited", ""},
		{"a secret with a value", def(`"command":["job"],"environment":[{"name":"REQUIRE_ENV","value":"PW"}],"secrets":[{"name":"PW","valueFrom":"/db/password"}]`), fargate, 0, "EssentialContainerExited", ""},
		{"a secret without", def(`"command":["job"],"secrets":[{"name":"PW","valueFrom":"/db/none"}]`), fargate, -1, "TaskFailedToStart", "ResourceInitializationError: unable to pull secrets"},
		{"more memory than it may have", def(`"environment":[{"name":"ALLOCATE_MB","value":"200"}],"memory":64`), fargate, 137, "EssentialContainerExited", "OutOfMemoryError: Container killed due to memory usage"},
		{"more memory than the task may have", def(`"environment":[{"name":"ALLOCATE_MB","value":"900"}]`), fargate, 137, "EssentialContainerExited", "OutOfMemoryError"},
		{"a program that is not there", def(`"entryPoint":["/nope"]`), fargate, -1, "TaskFailedToStart", "CannotStartContainerError: "},
		{"an image that is not there", strings.Replace(def(`"command":["job"]`), a.ref, "127.0.0.1:1/nope:1", 1), fargate, -1, "TaskFailedToStart", "CannotPullContainerError: "},
		{"a folder of the host", ec2("bridge", `"command":["cat","/data/in"],"mountPoints":[{"sourceVolume":"v","containerPath":"/data","readOnly":true}]`,
			`,"volumes":[{"name":"v","host":{"sourcePath":"`+host+`"}}]`), onEC2, 0, "EssentialContainerExited", ""},
		{"no network", ec2("none", `"command":["job"]`, ""), onEC2, 0, "EssentialContainerExited", ""},
		{"an override", def(`"command":["job"]`), override, 9, "EssentialContainerExited", ""},
		{"a fixed host port", ec2("bridge", `"command":["job"],"portMappings":[{"containerPort":80,"hostPort":18734}]`, ""), onEC2, 0, "EssentialContainerExited", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a.t = t
			got := a.once(tt.def, tt.run)
			c := got.Containers[0]
			exit := -1
			if c.ExitCode != nil {
				exit = *c.ExitCode
			}
			if exit != tt.exit || got.StopCode != tt.stopCode || !strings.Contains(c.Reason, tt.reason) {
				t.Errorf("exit %d, stopCode %s, stoppedReason %q, reason %q; want %d, %s, %q", exit, got.StopCode, got.StoppedReason, c.Reason, tt.exit, tt.stopCode, tt.reason)
			}
			if (got.StartedAt == nil) != (tt.stopCode == "TaskFailedToStart") {
				t.Errorf("startedAt %v with %s", got.StartedAt, got.StopCode)
			}
		})
	}
	a.t = t
	if log, err := os.ReadFile(filepath.Join(a.home, "daemon.log")); err != nil || strings.Contains(string(log), "hush") {
		t.Errorf("a secret is in the log, or there is no log: %v", err)
	}
}

// put puts JSON to a control endpoint.
func (a *aws) put(path, body string) {
	a.t.Helper()
	req, err := http.NewRequest(http.MethodPut, a.endpoint+"/_miniecs/"+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		a.t.Fatal(resp, err)
	}
	resp.Body.Close()
}
