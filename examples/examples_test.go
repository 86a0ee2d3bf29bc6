// Package examples holds no code: its tests read the example folders strictly, in AWS's input shapes, and check that
// their files fit together. Those that run the examples need an engine and are elsewhere.
package examples

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/tailscale/hujson"

	"miniecs/taskdef"
)

// albFile is alb.json: the input shapes of the SDK, whose fields are named as on the wire.
type albFile struct {
	LoadBalancer elb.CreateLoadBalancerInput
	TargetGroups []struct {
		elb.CreateTargetGroupInput
		Attributes []elbtypes.TargetGroupAttribute
	}
	Listeners []elb.CreateListenerInput
	Rules     []elb.CreateRuleInput
}

// miniecsFile is miniecs.json.
type miniecsFile struct {
	Images  map[string]struct{ Guest, Build string }
	Secrets map[string]string
}

var folders = []string{"hello", "crash-loop", "sidecar", "run-task", "from-aws"}

// read reads a file strictly; false if there is none.
func read(t *testing.T, path string, into any) bool {
	t.Helper()
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if b, err = hujson.Standardize(b); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return true
}

// definitions reads the task definitions of a folder.
func definitions(t *testing.T, folder string) map[string]*taskdef.TaskDefinition {
	t.Helper()
	out := map[string]*taskdef.TaskDefinition{}
	for _, name := range []string{"ecs-task-def.json", "broken.json", "failing.json"} {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		td, problems, err := taskdef.Read(b, taskdef.ReadOptions{})
		if err != nil {
			t.Fatalf("%s/%s: %v", folder, name, err)
		}
		for _, p := range problems {
			t.Logf("%s/%s: %+v", folder, name, p)
		}
		if err := taskdef.Validate(td); err != nil {
			t.Errorf("%s/%s: %v", folder, name, err)
		}
		out[name] = td
	}
	return out
}

func TestExamples_FitTogether(t *testing.T) {
	ports := map[int32]string{}
	for _, folder := range folders {
		t.Run(folder, func(t *testing.T) {
			var m miniecsFile
			read(t, filepath.Join(folder, "miniecs.json"), &m)
			defs := definitions(t, folder)
			if defs["ecs-task-def.json"] == nil {
				t.Fatal("no task definition")
			}
			for name, td := range defs {
				checkDefinition(t, name, td, m)
			}
			var svc ecs.CreateServiceInput
			var alb albFile
			if !read(t, filepath.Join(folder, "ecs-service-def.json"), &svc) {
				return
			}
			if !read(t, filepath.Join(folder, "alb.json"), &alb) {
				t.Fatal("a service without alb.json")
			}
			checkService(t, defs["ecs-task-def.json"], svc, alb)
			for _, l := range alb.Listeners {
				if other := ports[*l.Port]; other != "" {
					t.Errorf("listener port %d is that of %s: they could not be up together", *l.Port, other)
				}
				ports[*l.Port] = folder
			}
		})
	}
}

// checkDefinition wants every image to be one that up can make, and every secret to have a value.
func checkDefinition(t *testing.T, name string, td *taskdef.TaskDefinition, m miniecsFile) {
	t.Helper()
	for _, c := range td.ContainerDefinitions {
		if m.Images[c.Image].Guest != "demo" {
			t.Errorf("%s: image %s is not in miniecs.json", name, c.Image)
		}
		for _, s := range c.Secrets {
			if m.Secrets[s.ValueFrom] == "" {
				t.Errorf("%s: secret %s has no value in miniecs.json", name, s.ValueFrom)
			}
		}
	}
}

func checkService(t *testing.T, td *taskdef.TaskDefinition, svc ecs.CreateServiceInput, alb albFile) {
	t.Helper()
	if svc.TaskDefinition != nil {
		t.Error("taskDefinition is the folder's own: leave it out")
	}
	for _, lb := range svc.LoadBalancers {
		i := slices.IndexFunc(alb.TargetGroups, func(g struct {
			elb.CreateTargetGroupInput
			Attributes []elbtypes.TargetGroupAttribute
		}) bool {
			return *g.Name == *lb.TargetGroupArn
		})
		if i < 0 {
			t.Errorf("target group %s is not in alb.json", *lb.TargetGroupArn)
			continue
		}
		if *alb.TargetGroups[i].Port != *lb.ContainerPort || alb.TargetGroups[i].TargetType != elbtypes.TargetTypeEnumIp {
			t.Errorf("target group %s: port %d, type %s", *lb.TargetGroupArn, *alb.TargetGroups[i].Port, alb.TargetGroups[i].TargetType)
		}
		mapped := slices.ContainsFunc(td.ContainerDefinitions, func(c taskdef.ContainerDefinition) bool {
			return c.Name == *lb.ContainerName && len(c.PortMappings) == 1
		})
		if !mapped {
			t.Errorf("no container %s that maps a port", *lb.ContainerName)
		}
	}
	for _, l := range alb.Listeners {
		if len(l.DefaultActions) != 1 || *l.DefaultActions[0].TargetGroupArn != *svc.LoadBalancers[0].TargetGroupArn {
			t.Errorf("listener %d does not forward to the service's target group", *l.Port)
		}
	}
}

// Each folder explains itself, in a form that all share.
func TestExamples_HaveREADMEs(t *testing.T) {
	entries, err := fs.ReadDir(os.DirFS("."), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if !slices.Contains(folders, e.Name()) {
			t.Errorf("folder %s is not tested", e.Name())
		}
		b, err := os.ReadFile(filepath.Join(e.Name(), "README.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, part := range []string{"miniecs ", "**You see**", "**The idea**", "**Often got wrong**"} {
			if !strings.Contains(string(b), part) {
				t.Errorf("%s/README.md has no %q", e.Name(), part)
			}
		}
	}
}
