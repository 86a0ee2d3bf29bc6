package stack_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/stack"
)

// small is a stack of a definition for Fargate and a service that leaves the most out.
func small(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "ecs-task-def.json", `{"family": "f", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
		"containerDefinitions": [{"name": "c", "image": "i"}]}`)
	put(t, dir, "ecs-service-def.json", `{}`)
	return dir
}

func (w *world) service(t *testing.T, name string) types.Service {
	t.Helper()
	out, err := w.client.ECS.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Services: []string{name}})
	if err != nil || len(out.Services) != 1 {
		t.Fatalf("describe %s: %v, %+v", name, err, out)
	}
	return out.Services[0]
}

func TestUp_AfterADelete(t *testing.T) {
	w, dir := start(t), small(t)
	for range 5 {
		w.mustUp(t, dir)
		if _, err := w.client.ECS.DeleteService(t.Context(), &ecs.DeleteServiceInput{Service: aws.String("small"), Force: aws.Bool(true)}); err != nil {
			t.Fatal(err)
		}
		if steps, _ := w.mustUp(t, dir); !strings.HasSuffix(steps, "service small created desiredCount 1\n") {
			t.Errorf("got\n%s", steps)
		}
	}
}

func TestUp_ServiceOfAFargateDefinition(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		name, needs, service string
		want                 types.LaunchType
	}{
		{"nothing said", `["FARGATE"]`, `{}`, types.LaunchTypeFargate},
		{"either would do", `["EC2", "FARGATE"]`, `{}`, types.LaunchTypeEc2},
		{"said", `["EC2", "FARGATE"]`, `{"launchType": "FARGATE"}`, types.LaunchTypeFargate},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := small(t)
			edit(t, dir, "ecs-task-def.json", `["FARGATE"]`, c.needs)
			put(t, dir, "ecs-service-def.json", c.service)
			w.mustUp(t, dir)
			if got := w.service(t, "small").LaunchType; got != c.want {
				t.Errorf("launch type %q, want %q", got, c.want)
			}
			if steps, res := w.mustUp(t, dir); res.Changed {
				t.Errorf("again:\n%s", steps)
			}
			if err := stack.Down(t.Context(), w.client, "small", nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A revision that says the same but is not the stack's is not taken for its own: Down would leave it.
func TestUp_TakesNoRevisionOfOthers(t *testing.T) {
	w, dir := start(t), small(t)
	def := &ecs.RegisterTaskDefinitionInput{Family: aws.String("f"), NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		ContainerDefinitions:    []types.ContainerDefinition{{Name: aws.String("c"), Image: aws.String("i")}}}
	byHand := func() {
		t.Helper()
		if _, err := w.client.ECS.RegisterTaskDefinition(t.Context(), def); err != nil {
			t.Fatal(err)
		}
	}
	byHand()
	if steps, _ := w.mustUp(t, dir); !strings.HasPrefix(steps, "task definition f:2 registered\n") {
		t.Errorf("beside one by hand:\n%s", steps)
	}
	byHand()
	if steps, _ := w.mustUp(t, dir); steps != "task definition f:2 unchanged\nservice small unchanged\n" {
		t.Errorf("below one by hand:\n%s", steps)
	}
	if err := stack.Down(t.Context(), w.client, "small", nil); err != nil {
		t.Fatal(err)
	}
	for status, want := range map[types.TaskDefinitionStatus]string{types.TaskDefinitionStatusActive: "f:1 f:3", types.TaskDefinitionStatusInactive: ""} {
		out, err := w.client.ECS.ListTaskDefinitions(t.Context(), &ecs.ListTaskDefinitionsInput{Status: status})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, arn := range out.TaskDefinitionArns {
			got = append(got, arn[strings.LastIndexByte(arn, '/')+1:])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("after down %s are %v, want %s", status, got, want)
		}
	}
}
