package ecs

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// object reads a JSON object.
func object(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return out
}

func TestRegisterTaskDefinition_GivesEveryMemberBack(t *testing.T) {
	body := snapshot(t, "RegisterTaskDefinition")
	status, answer := post(t, newFake(), "RegisterTaskDefinition", body)
	if status != 200 {
		t.Fatalf("status %d: %s", status, answer)
	}
	given, got := object(t, []byte(body)), object(t, answer)
	definition := got["taskDefinition"].(map[string]any)
	if diff := cmp.Diff(given["tags"], got["tags"]); diff != "" {
		t.Errorf("tags beside the definition (-given +got):\n%s", diff)
	}
	delete(given, "tags")
	for name, want := range given {
		if diff := cmp.Diff(want, definition[name]); diff != "" {
			t.Errorf("%s (-given +got):\n%s", name, diff)
		}
	}
	if _, ok := definition["tags"]; ok {
		t.Error("tags stand inside the definition")
	}
	if definition["revision"] != 7.0 || definition["registeredAt"] != 1767225600.123 {
		t.Errorf("read-only members: revision %v, registeredAt %v", definition["revision"], definition["registeredAt"])
	}
}

// What is given to CreateService comes back: in the service, or in its deployment.
func TestCreateService_GivesEveryMemberBack(t *testing.T) {
	body := sensible(snapshot(t, "CreateService"))
	status, answer := post(t, newFake(), "CreateService", body)
	if status != 200 {
		t.Fatalf("status %d: %s", status, answer)
	}
	given := object(t, []byte(body))
	service := object(t, answer)["service"].(map[string]any)
	deployment := service["deployments"].([]any)[0].(map[string]any)
	for _, name := range []string{
		"serviceName", "desiredCount", "loadBalancers", "serviceRegistries", "networkConfiguration",
		"healthCheckGracePeriodSeconds", "placementConstraints", "placementStrategy", "tags", "launchType",
	} {
		if diff := cmp.Diff(given[name], service[name]); diff != "" {
			t.Errorf("service: %s (-given +got):\n%s", name, diff)
		}
	}
	for _, name := range []string{
		"networkConfiguration", "serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations",
	} {
		if diff := cmp.Diff(given[name], deployment[name]); diff != "" {
			t.Errorf("deployment: %s (-given +got):\n%s", name, diff)
		}
	}
	asked, got := given["deploymentConfiguration"].(map[string]any), service["deploymentConfiguration"].(map[string]any)
	for _, name := range deploymentExtra {
		if diff := cmp.Diff(asked[name], got[name]); diff != "" {
			t.Errorf("deploymentConfiguration: %s (-given +got):\n%s", name, diff)
		}
	}
}

// What is given to RunTask reaches the runtime.
func TestRunTask_PassesEveryMemberOn(t *testing.T) {
	f := newFake()
	status, answer := post(t, f, "RunTask", sensible(snapshot(t, "RunTask")))
	if status != 200 {
		t.Fatalf("status %d: %s", status, answer)
	}
	for name, given := range map[string]bool{
		"cluster": f.ran.Cluster != "", "taskDefinition": f.ran.TaskDefinition != "", "count": f.ran.Count == 1,
		"launchType": f.ran.LaunchType != "", "capacityProviderStrategy": len(f.ran.CapacityProviders) == 2,
		"platformVersion": f.ran.PlatformVersion != "", "networkConfiguration": f.ran.Network != nil,
		"group": f.ran.Group != "", "startedBy": f.ran.StartedBy != "", "clientToken": f.ran.ClientToken != "",
		"propagateTags": f.ran.PropagateTags != "", "managed tags": f.ran.ManagedTags, "exec": f.ran.ExecuteCommand,
		"containerOverrides": len(f.ran.Overrides.ContainerOverrides) == 2, "cpu override": f.ran.Overrides.CPU != nil,
	} {
		if !given {
			t.Errorf("%s did not reach the runtime: %+v", name, f.ran)
		}
	}
	for _, name := range taskExtra {
		if f.ran.Extra[name] == nil {
			t.Errorf("%s is not among the kept members", name)
		}
	}
}

// sensible makes the repetitions of a snapshot legal: the corpus writes every element of a list twice, but two tags
// must differ and only one item of a strategy may have a base.
func sensible(body string) string {
	return strings.NewReplacer(
		`"tags":[{"key":"__Key__"`, `"tags":[{"key":"__Key0__"`,
		`"capacityProviderStrategy":[{"base":1`, `"capacityProviderStrategy":[{"base":0`,
	).Replace(body)
}
