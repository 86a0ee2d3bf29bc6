package ecs

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
	"miniecs/runtime/engine/sim"
	"miniecs/store"
)

// live runs a client of a whole runtime on the simulated engine, in virtual time.
func live(t *testing.T, test func(t *testing.T, ctx context.Context, client *awsecs.Client)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := runtime.New(ctx, runtime.Config{
			Account: "111122223333", Region: "us-east-1", Engine: sim.New(sim.Config{}), Store: store.NewMemory(),
		})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		test(t, ctx, sdkClient(r))
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func registerWeb(t *testing.T, ctx context.Context, client *awsecs.Client) {
	t.Helper()
	out, err := client.RegisterTaskDefinition(ctx, &awsecs.RegisterTaskDefinitionInput{
		Family: ptr("web"), NetworkMode: types.NetworkModeAwsvpc, Cpu: ptr("0.25 vCPU"), Memory: ptr("0.5 GB"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: ptr("app"), Image: ptr("demo"), PortMappings: []types.PortMapping{{ContainerPort: ptr(int32(80))}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := value(out.TaskDefinition.Cpu) + "/" + value(out.TaskDefinition.Memory); got != "256/512" {
		t.Errorf("registered with cpu/memory %s, want 256/512", got)
	}
	if !slices.Contains(out.TaskDefinition.Compatibilities, types.CompatibilityFargate) {
		t.Errorf("compatibilities %v", out.TaskDefinition.Compatibilities)
	}
}

var subnet = &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-1"}}}

// The life of a service, seen by the waiters of the SDK (ecs-control-plane.md 7.4).
func TestLive_ServiceFromCreateToInactive(t *testing.T) {
	live(t, func(t *testing.T, ctx context.Context, client *awsecs.Client) {
		registerWeb(t, ctx, client)
		_, err := client.CreateService(ctx, &awsecs.CreateServiceInput{
			ServiceName: ptr("web"), TaskDefinition: ptr("web"), DesiredCount: ptr(int32(3)),
			LaunchType: types.LaunchTypeFargate, NetworkConfiguration: subnet,
		})
		if err != nil {
			t.Fatal(err)
		}
		described := &awsecs.DescribeServicesInput{Services: []string{"web"}}
		if err := awsecs.NewServicesStableWaiter(client).Wait(ctx, described, 10*time.Minute); err != nil {
			t.Fatalf("services-stable: %v", err)
		}
		tasks, err := client.ListTasks(ctx, &awsecs.ListTasksInput{ServiceName: ptr("web")})
		if err != nil || len(tasks.TaskArns) != 3 {
			t.Fatalf("tasks %v, %v", tasks, err)
		}
		running := &awsecs.DescribeTasksInput{Tasks: tasks.TaskArns}
		if err := awsecs.NewTasksRunningWaiter(client).Wait(ctx, running, time.Minute); err != nil {
			t.Errorf("tasks-running: %v", err)
		}
		out, err := client.DescribeTasks(ctx, running)
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range out.Tasks {
			if len(task.Attachments) != 1 || len(task.Attachments[0].Details) != 5 || len(task.Containers[0].NetworkInterfaces) != 1 {
				t.Errorf("task without an interface: %+v", task.Attachments)
			}
		}
		if _, err := client.DeleteService(ctx, &awsecs.DeleteServiceInput{Service: ptr("web"), Force: ptr(true)}); err != nil {
			t.Fatal(err)
		}
		if err := awsecs.NewServicesInactiveWaiter(client).Wait(ctx, described, 10*time.Minute); err != nil {
			t.Errorf("services-inactive: %v", err)
		}
		if err := awsecs.NewTasksStoppedWaiter(client).Wait(ctx, running, 10*time.Minute); err != nil {
			t.Errorf("tasks-stopped: %v", err)
		}
	})
}

func TestLive_RunAndStopTask(t *testing.T) {
	live(t, func(t *testing.T, ctx context.Context, client *awsecs.Client) {
		registerWeb(t, ctx, client)
		run, err := client.RunTask(ctx, &awsecs.RunTaskInput{
			TaskDefinition: ptr("web:1"), LaunchType: types.LaunchTypeFargate, NetworkConfiguration: subnet, StartedBy: ptr("me"),
		})
		if err != nil || len(run.Tasks) != 1 {
			t.Fatalf("run: %+v, %v", run, err)
		}
		one := &awsecs.DescribeTasksInput{Tasks: []string{value(run.Tasks[0].TaskArn)}}
		if err := awsecs.NewTasksRunningWaiter(client).Wait(ctx, one, 10*time.Minute); err != nil {
			t.Fatalf("tasks-running: %v", err)
		}
		if _, err := client.StopTask(ctx, &awsecs.StopTaskInput{Task: run.Tasks[0].TaskArn, Reason: ptr("enough")}); err != nil {
			t.Fatal(err)
		}
		if err := awsecs.NewTasksStoppedWaiter(client).Wait(ctx, one, 10*time.Minute); err != nil {
			t.Fatalf("tasks-stopped: %v", err)
		}
		out, err := client.DescribeTasks(ctx, one)
		if err != nil {
			t.Fatal(err)
		}
		task := out.Tasks[0]
		if task.StopCode != types.TaskStopCodeUserInitiated || value(task.StoppedReason) != "enough" || task.StartedAt == nil || task.StoppedAt == nil {
			t.Errorf("stopped task: %s %q, %v to %v", task.StopCode, value(task.StoppedReason), task.StartedAt, task.StoppedAt)
		}
	})
}

// The error texts that are known (ecs-control-plane.md 7.5, task-definition.md 9 and 12), through the whole.
func TestLive_RefusesInAWSsWords(t *testing.T) {
	r, err := runtime.New(t.Context(), runtime.Config{
		Account: "111122223333", Region: "us-east-1", Engine: sim.New(sim.Config{}), Store: store.NewMemory(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := post(t, r, "RegisterTaskDefinition", `{"family": "web", "networkMode": "awsvpc",
		"containerDefinitions": [{"name": "app", "image": "demo", "memory": 64}]}`); status != 200 {
		t.Fatalf("register: %s", answer)
	}
	for _, c := range []struct{ operation, body, code, message string }{
		{"ListTasks", `{"cluster": "nosuch"}`, "ClusterNotFoundException", "Cluster not found."},
		{"DescribeTaskDefinition", `{"taskDefinition": "nosuch"}`, "ClientException", "Unable to describe task definition."},
		{"DescribeTaskDefinition", `{"taskDefinition": "web:abc"}`, "InvalidParameterException", "Invalid task definition: Invalid revision number."},
		{"DeregisterTaskDefinition", `{"taskDefinition": "web"}`, "InvalidParameterException", "Revision is missing"},
		{"RunTask", `{"taskDefinition": "nosuch"}`, "ClientException", "TaskDefinition not found."},
		{"RunTask", `{"taskDefinition": "web"}`, "InvalidParameterException",
			"Network Configuration must be provided when networkMode 'awsvpc' is specified."},
		{"RunTask", `{"taskDefinition": "web", "networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}`,
			"InvalidParameterException", "subnets can not be empty."},
		{"RunTask", `{"taskDefinition": "web", "networkConfiguration": {"awsvpcConfiguration": {}}}`,
			"InvalidParameterException", "subnets can not be empty."},
		{"RunTask", `{"taskDefinition": "web", "launchType": "EC2", "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}`,
			"InvalidParameterException", "Specify either Launch Type or Capacity Provider Strategy, but not both."},
		{"StopTask", `{"task": "nosuch"}`, "InvalidParameterException", "The referenced task was not found."},
		{"UpdateService", `{"service": "nosuch"}`, "ServiceNotFoundException", "Service not found."},
		{"DeleteService", `{"service": "nosuch"}`, "ServiceNotFoundException", "Service not found."},
		{"RegisterTaskDefinition", `{"family": "t", "cpu": "", "containerDefinitions": [{"name": "a", "image": "b", "memory": 64}]}`,
			"InvalidParameterException", "Invalid 'cpu' setting for task."},
		{"RegisterTaskDefinition", `{"family": "t", "containerDefinitions": [{"name": "a", "image": "b"}]}`,
			"ClientException", "Invalid setting for container 'a'. At least one of 'memory' or 'memoryReservation' must be specified."},
	} {
		status, answer := post(t, r, c.operation, c.body)
		got := object(t, answer)
		if status != 400 || got["__type"] != c.code || got["message"] != c.message {
			t.Errorf("%s %s: got %d %s, want %s: %s", c.operation, c.body, status, answer, c.code, c.message)
		}
	}
}
