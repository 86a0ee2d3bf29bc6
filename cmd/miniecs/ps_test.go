package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const ecsARN = "arn:aws:ecs:us-east-1:000000000000:"

func task(id, revision, status string, age time.Duration) types.Task {
	return types.Task{TaskArn: aws.String(ecsARN + "task/default/" + id), TaskDefinitionArn: aws.String(ecsARN + "task-definition/" + revision),
		LastStatus: &status, DesiredStatus: aws.String("RUNNING"), HealthStatus: types.HealthStatusUnknown, CreatedAt: aws.Time(noon.Add(-age)),
		Attachments: []types.Attachment{{Details: []types.KeyValuePair{{Name: aws.String("privateIPv4Address"), Value: aws.String("172.31.0.10")}}}}}
}

// views are a service that is steady and one in a crash loop.
func views() []serviceView {
	old := task("aaaabbbbccccddddeeeeffff00001111", "web:1", "RUNNING", 3*time.Hour)
	dead := task("bbbbccccddddeeeeffff000011112222", "web:2", "STOPPED", 20*time.Second)
	dead.DesiredStatus, dead.StoppedReason = aws.String("STOPPED"), aws.String("Essential container in task exited")
	dead.Containers = []types.Container{{Name: aws.String("web"), ExitCode: aws.Int32(1)}, {Name: aws.String("side"), Reason: aws.String("never started")}}
	bridge := task("ccccddddeeeeffff0000111122223333", "api:7", "RUNNING", 50*time.Hour)
	bridge.Attachments = nil
	bridge.Containers = []types.Container{{NetworkBindings: []types.NetworkBinding{{HostPort: aws.Int32(32768), ContainerPort: aws.Int32(80)}}}}
	deployment := func(id, status, revision string, desired, running int32, state types.DeploymentRolloutState, age time.Duration) types.Deployment {
		return types.Deployment{Id: aws.String("ecs-svc/" + id), Status: &status, TaskDefinition: aws.String(ecsARN + "task-definition/" + revision),
			DesiredCount: desired, RunningCount: running, RolloutState: state, CreatedAt: aws.Time(noon.Add(-age))}
	}
	return []serviceView{
		{Service: types.Service{ServiceName: aws.String("web"), Status: aws.String("ACTIVE"), DesiredCount: 1, RunningCount: 1, Deployments: []types.Deployment{
			deployment("22", "PRIMARY", "web:2", 1, 0, types.DeploymentRolloutStateInProgress, 70*time.Second),
			deployment("11", "ACTIVE", "web:1", 1, 1, types.DeploymentRolloutStateCompleted, 3*time.Hour)}},
			Tasks: []types.Task{dead, old},
			Attempts: []attempt{
				{Service: "web", Deployment: "ecs-svc/11", Attempts: 1},
				{Service: "web", Deployment: "ecs-svc/22", Attempts: 7, Crashes: 7, NextTry: noon.Add(16 * time.Second), Waiting: "miniecs back-off",
					LastExit: &lastExit{Container: "web", ExitCode: aws.Int(1), Reason: "Essential container in task exited", Ran: "1.2s"}}}},
		{Service: types.Service{ServiceName: aws.String("api"), Status: aws.String("ACTIVE"), DesiredCount: 1, RunningCount: 1, Deployments: []types.Deployment{
			deployment("33", "PRIMARY", "api:7", 1, 1, types.DeploymentRolloutStateCompleted, 50*time.Hour)}}, Tasks: []types.Task{bridge}},
	}
}

func TestWritePS(t *testing.T) {
	var b bytes.Buffer
	writePS(&b, views(), []types.Task{task("ddddeeeeffff00001111222233334444", "job:1", "PENDING", time.Second)}, noon)
	golden(t, "ps.txt", b.String())
	b.Reset()
	writePS(&b, nil, nil, noon)
	golden(t, "ps-nothing.txt", b.String())
}

func TestPrintJSON_AsAWSDoes(t *testing.T) {
	var b bytes.Buffer
	if err := printPS(&b, views()[1:], nil); err != nil {
		t.Fatal(err)
	}
	golden(t, "ps.json", b.String())
}

func TestServiceView_Loop(t *testing.T) {
	v := views()[0]
	at := &v.Attempts[1]
	for _, c := range []struct {
		name string
		set  func()
		want string
	}{
		{"waits", func() {}, "7 attempts since the deployment 1m ago · last exit code 1 after 1.2s (Essential container in task exited) · next try in 16s (miniecs back-off)"},
		{"is at it", func() { at.NextTry = noon.Add(-time.Second) }, "7 attempts since the deployment 1m ago · last exit code 1 after 1.2s (Essential container in task exited) · trying now"},
		{"never started", func() { at.LastExit = &lastExit{Reason: "CannotPullContainerError: no such image"} },
			"7 attempts since the deployment 1m ago · last failure: CannotPullContainerError: no such image · trying now"},
		{"does not fail", func() { at.Crashes = 0 }, ""},
	} {
		c.set()
		if got := v.loop(noon); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestWriteTargets(t *testing.T) {
	var b bytes.Buffer
	target := func(id string, h elb.TargetHealth) elb.TargetHealthDescription {
		return elb.TargetHealthDescription{Target: &elb.TargetDescription{Id: &id, Port: aws.Int32(80)}, TargetHealth: &h}
	}
	writeTargets(&b, []groupView{
		{TargetGroup: elb.TargetGroup{TargetGroupName: aws.String("web"), Protocol: elb.ProtocolEnumHttp, Port: aws.Int32(80), HealthCheckPath: aws.String("/health"), HealthCheckIntervalSeconds: aws.Int32(5)},
			TargetHealthDescription: []elb.TargetHealthDescription{
				target("172.31.0.10", elb.TargetHealth{State: elb.TargetHealthStateEnumHealthy}),
				target("172.31.0.11", elb.TargetHealth{State: elb.TargetHealthStateEnumUnhealthy, Reason: elb.TargetHealthReasonEnumResponseCodeMismatch,
					Description: aws.String("Health checks failed with these codes: [500]")})}},
		{TargetGroup: elb.TargetGroup{TargetGroupName: aws.String("api"), Protocol: elb.ProtocolEnumHttp, Port: aws.Int32(8080), HealthCheckPath: aws.String("/"), HealthCheckIntervalSeconds: aws.Int32(30)}},
	})
	golden(t, "targets.txt", b.String())
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0s", 59 * time.Second: "59s", 90 * time.Second: "1m", 47 * time.Hour: "47h", 50 * time.Hour: "2d"} {
		if got := age(noon, noon.Add(-d)); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
}
