package arn

import (
	"errors"
	"strings"
	"testing"
)

var (
	here = Scope{"aws", "eu-central-1", "000000000000"}
	lb   = LoadBalancer{here, "app", "web", "50dc6c495c0c9188"}
)

const (
	hex32 = "1dc5c17a422b4dc4b493371970c6c4d6"
	uuid  = "8b0a3b9c-1f2e-4d5a-9c6b-7a8f9e0d1c2b"
	ecs   = "arn:aws:ecs:eu-central-1:000000000000:"
	elbv2 = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:"
)

var known = []struct {
	text string
	want Resource
}{
	{ecs + "cluster/default", Cluster{here, "default"}},
	{ecs + "service/default/web", Service{here, "default", "web"}},
	{ecs + "task/default/" + hex32, Task{here, "default", hex32}},
	{ecs + "task/default/" + uuid, Task{here, "default", uuid}},
	{ecs + "container/default/" + hex32 + "/" + uuid, Container{here, "default", hex32, uuid}},
	{ecs + "task-definition/web:12", TaskDefinition{here, "web", 12}},
	{ecs + "container-instance/default/" + hex32, ContainerInstance{here, "default", hex32}},
	{ecs + "capacity-provider/FARGATE", CapacityProvider{here, "FARGATE"}},
	{ecs + "task-set/default/web/ecs-svc/0327562177077820032", TaskSet{here, "default", "web", "ecs-svc/0327562177077820032"}},
	{ecs + "service-deployment/default/web/ejGvqq2ilnbKT9qj0vLJe", ServiceDeployment{here, "default", "web", "ejGvqq2ilnbKT9qj0vLJe"}},
	{ecs + "service-revision/default/web/4980306466373577095", ServiceRevision{here, "default", "web", "4980306466373577095"}},
	{"arn:aws-us-gov:ecs:us-gov-west-1:123456789012:cluster/c", Cluster{Scope{"aws-us-gov", "us-gov-west-1", "123456789012"}, "c"}},
	{elbv2 + "loadbalancer/app/web/50dc6c495c0c9188", lb},
	{elbv2 + "targetgroup/web-tg/73e2d6bc24d8a067", TargetGroup{here, "web-tg", "73e2d6bc24d8a067"}},
	{elbv2 + "listener/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2", Listener{lb, "f2f7dc8efc522ab2"}},
	{elbv2 + "listener-rule/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee",
		Rule{Listener{lb, "f2f7dc8efc522ab2"}, "9683b2d02a6cabee"}},
}

func TestParse_ReadsAndWritesEveryKind(t *testing.T) {
	for _, c := range known {
		got, err := Parse(c.text)
		if err != nil || got != c.want {
			t.Errorf("Parse(%q) = %#v, %v; want %#v", c.text, got, err, c.want)
			continue
		}
		if got.String() != c.text {
			t.Errorf("%#v is written %q, want %q", got, got, c.text)
		}
	}
}

func TestParse_Refuses(t *testing.T) {
	for _, c := range []struct{ text, problem string }{
		{"", "form"},
		{"default", "form"},
		{"arn:aws:ecs:eu-central-1:000000000000", "form"},
		{"ARN:aws:ecs:eu-central-1:000000000000:cluster/c", "form"},
		{"arn:azure:ecs:eu-central-1:000000000000:cluster/c", "partition"},
		{"arn:aws:ecs:Frankfurt:000000000000:cluster/c", "region"},
		{"arn:aws:ecs::000000000000:cluster/c", "region"},
		{"arn:aws:ecs:eu-central-1:1:cluster/c", "account"},
		{"arn:aws:s3:eu-central-1:000000000000:cluster/c", "service"},
		{ecs + "klaster/c", "kind"},
		{ecs + "cluster", "name"},
		{ecs + "cluster/", "name"},
		{ecs + "cluster/a/b", "number of parts"},
		{ecs + "cluster/a b", "name"},
		{ecs + "cluster/a\n", "name"},
		{ecs + "cluster/" + strings.Repeat("x", 256), "name"},
		{ecs + "service/web", "short format"},
		{ecs + "task/" + hex32, "short format"},
		{ecs + "task/default/" + hex32[1:], "32"},
		{ecs + "task/default/" + strings.ToUpper(hex32), "32"},
		{ecs + "container/default/" + hex32 + "/web", "UUID"},
		{ecs + "task-definition/web", "revision"},
		{ecs + "task-definition/web:0", "revision"},
		{ecs + "task-definition/web:01", "revision"},
		{ecs + "task-definition/web:+1", "revision"},
		{ecs + "task-definition/web:99999999999", "revision"},
		{ecs + "task-definition/:1", "name"},
		{ecs + "task-set/default/web/12", "task set"},
		{ecs + "service-revision/default/web/x", "number"},
		{ecs + "service-deployment/default/web/x y", "service deployment"},
		{ecs + "service/default/web?", "name"},
		{elbv2 + "loadbalancer/app/web", "number of parts"},
		{elbv2 + "loadbalancer/alb/web/50dc6c495c0c9188", "type"},
		{elbv2 + "loadbalancer/app/-web/50dc6c495c0c9188", "name"},
		{elbv2 + "targetgroup/web/50dc", "16"},
		{elbv2 + "trust/web/50dc6c495c0c9188", "kind"},
		{ecs + strings.Repeat("x", 5000), "long"},
	} {
		got, err := Parse(c.text)
		bad, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(bad.Problem, c.problem) {
			t.Errorf("Parse(%.80q) = %v, %v; want an Error about %q", c.text, got, err, c.problem)
		}
	}
}

func TestAs_SaysWhichKindItFound(t *testing.T) {
	if c, err := As[Cluster](ecs + "cluster/default"); err != nil || c.Name != "default" {
		t.Errorf("As[Cluster] = %v, %v", c, err)
	}
	_, err := As[TargetGroup](ecs + "task-definition/web:1")
	want := "'" + ecs + "task-definition/web:1' is not a valid ARN: it names a task definition, not a target group"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := As[Cluster]("nonsense"); err == nil {
		t.Error("As accepted nonsense")
	}
}

func TestString_FillsInThePartition(t *testing.T) {
	c := Cluster{Scope{Region: "us-east-1", Account: "000000000000"}, "default"}
	if got, want := c.String(), "arn:aws:ecs:us-east-1:000000000000:cluster/default"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := ScopeOf(Rule{Listener{lb, "x"}, "y"}); got != here {
		t.Errorf("ScopeOf(rule) = %v", got)
	}
	if !Is(c.String()) || Is("default") {
		t.Error("Is does not tell an ARN from a name")
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range known {
		f.Add(c.text)
	}
	f.Add("arn:aws:ecs:::")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err == nil && r.String() != s {
			t.Errorf("%q was read and written as %q", s, r)
		}
		if (r == nil) == (err == nil) {
			t.Errorf("Parse(%q) = %v, %v", s, r, err)
		}
	})
}
