package ecs

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"miniecs/runtime"
	"miniecs/taskdef"
)

var update = flag.Bool("update", false, "rewrite the golden files, except the one that comes from the specification")

// golden compares an answer with testdata, as JSON: absent and null or empty differ, order of members does not.
func golden(t *testing.T, name string, answer []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".json")
	if *update && name != "create-service" {
		var out bytes.Buffer
		if err := json.Indent(&out, answer, "", " "); err != nil {
			t.Fatal(err)
		}
		out.WriteByte('\n')
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object(t, want), object(t, answer)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// The field set observed on AWS (ecs-control-plane.md 8.3).
func TestCreateService_AnswersAsAWSDoes(t *testing.T) {
	status, answer := post(t, newFake(), "CreateService", `{"serviceName": "web", "taskDefinition": "web:7",
		"desiredCount": 2, "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration":
		{"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED"}}}`)
	if status != 200 {
		t.Fatalf("status %d: %s", status, answer)
	}
	golden(t, "create-service", answer)
}

func fargateTask() runtime.Task {
	return runtime.Task{
		ID: "1f0e", ARN: arnPrefix + "task/default/1f0e", Cluster: "default", ClusterARN: arnPrefix + "cluster/default",
		TaskDefinitionARN: arnPrefix + "task-definition/web:7", StartedBy: "ecs-svc/1", Group: "service:web",
		LaunchType: "FARGATE", CapacityProvider: "FARGATE_SPOT", PlatformVersion: "1.4.0", PlatformFamily: "Linux",
		AvailabilityZone: "us-east-1a", CPU: "256", Memory: "512", EphemeralGiB: 20, DesiredStatus: "STOPPED",
		LastStatus: "STOPPED", Version: 6, StopCode: "EssentialContainerExited",
		StoppedReason: "Essential container in task exited", CreatedAt: born, ConnectivityAt: born.Add(time.Second),
		StartedAt: born.Add(2 * time.Second), StoppedAt: born.Add(4500*time.Millisecond + 300*time.Microsecond),
		Attachment: &runtime.Attachment{
			ID: "a-1", Status: "DELETED", SubnetID: "subnet-1", InterfaceID: "eni-1", MAC: "0e:00:00:00:00:01",
			DNSName: "ip-172-31-0-10.ec2.internal", Address: "172.31.0.10",
		},
		Overrides: taskdef.Overrides{ContainerOverrides: []taskdef.ContainerOverride{
			{Name: "sidecar", Command: []string{"sleep", "1"}, CPU: ptr(10)},
		}},
		Containers: []runtime.Container{
			{Name: "app", ARN: arnPrefix + "container/default/1f0e/c-1", Image: "app:1", RuntimeID: "0123456789ab",
				LastStatus: "STOPPED", HealthStatus: "UNKNOWN", ExitCode: ptr(0), Reason: "done", CPU: 128, Memory: 256},
			{Name: "sidecar", Image: "side:1", LastStatus: "STOPPED", Reservation: 64},
		},
		Tags: []runtime.Tag{{Key: "team", Value: "a"}},
	}
}

func TestDescribeTasks_ShowsAFargateTask(t *testing.T) {
	f := newFake()
	f.tasks = []runtime.Task{fargateTask()}
	status, answer := post(t, f, "DescribeTasks", `{"tasks": ["1f0e", "nosuch"], "include": ["TAGS"]}`)
	if status != 200 {
		t.Fatalf("status %d: %s", status, answer)
	}
	golden(t, "describe-tasks-fargate", answer)
}

func TestRunTask_ShowsABridgeTask(t *testing.T) {
	f := newFake()
	f.tasks = []runtime.Task{{
		ID: "2f0e", ARN: arnPrefix + "task/default/2f0e", ClusterARN: arnPrefix + "cluster/default", Group: "family:web",
		TaskDefinitionARN: arnPrefix + "task-definition/web:7", LaunchType: "EC2", DesiredStatus: "RUNNING",
		InstanceARN: arnPrefix + "container-instance/default/0123", LastStatus: "PENDING", Version: 1, CreatedAt: born,
		Containers: []runtime.Container{{Name: "app", Image: "app:1", LastStatus: "PENDING", Bindings: []runtime.PortBinding{
			{BindIP: "0.0.0.0", ContainerPort: 80, HostPort: 32768, Protocol: "tcp"},
		}}},
	}}
	status, answer := post(t, f, "RunTask", `{"taskDefinition": "web"}`)
	if status != 200 {
		t.Fatalf("status %d: %s", status, answer)
	}
	golden(t, "run-task-bridge", answer)
}

func TestDescribeContainerInstances_ShowsTheLocalEngine(t *testing.T) {
	status, answer := post(t, newFake(), "DescribeContainerInstances", `{"containerInstances": ["0123"]}`)
	if status != 200 {
		t.Fatalf("status %d: %s", status, answer)
	}
	golden(t, "describe-container-instances", answer)
}
