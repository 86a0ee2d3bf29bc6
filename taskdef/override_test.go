package taskdef

import (
	"encoding/json"
	"strings"
	"testing"
)

func overrides(t *testing.T, text string) Overrides {
	t.Helper()
	var o Overrides
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestApply(t *testing.T) {
	td := WithDefaults(definition(t, role, `a.command=["sleep","1"]`, `a.environment=[{"name":"A","value":"1"},{"name":"B","value":"2"}]`, `+={"name":"b","image":"x","memory":4}`))
	before := marshal(t, td)
	out, err := Apply(td, overrides(t, `{"cpu":"1 vCPU","memory":"2 GB","taskRoleArn":"r","ephemeralStorage":{"sizeInGiB":30},
		"containerOverrides":[{"name":"a","command":["echo"],"environment":[{"name":"C","value":"3"},{"name":"A","value":""}],"cpu":5,"memory":128,"memoryReservation":32,
		"resourceRequirements":[{"type":"GPU","value":"1"}]},{"name":"b"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, []byte(`{"name":"a","image":"busybox","cpu":5,"memory":128,"memoryReservation":32,"command":["echo"],"essential":true,
		"environment":[{"name":"A","value":""},{"name":"B","value":"2"},{"name":"C","value":"3"}],"resourceRequirements":[{"type":"GPU","value":"1"}],
		"portMappings":[],"mountPoints":[],"volumesFrom":[],"systemControls":[]}`), []byte(marshal(t, out.ContainerDefinitions[0])))
	if *out.CPU != "1024" || *out.Memory != "2048" || out.TaskRoleArn != "r" || !strings.HasSuffix(out.ExecutionRoleArn, "exec") || out.EphemeralStorage.SizeInGiB != 30 {
		t.Errorf("task: %s", marshal(t, out))
	}
	if marshal(t, td) != before {
		t.Error("the definition was changed")
	}
}

func TestApply_Refuses(t *testing.T) {
	td := WithDefaults(definition(t, role, fargate, awsvpc, cpu256, memory512, `a.secrets=[{"name":"S","valueFrom":"p"}]`))
	for text, want := range map[string]string{
		`{"containerOverrides":[{"name":"nope"}]}`: "Override for container named nope is not a container in the TaskDefinition.",
		`{"cpu":"x"}`:       cpuError,
		`{"memory":"4096"}`: noFargate,
		`{"containerOverrides":[{"name":"a","memory":600}]}`:                                    "The 'memory' setting for container 'a' is greater than for the task",
		`{"containerOverrides":[{"name":"a","environment":[{"name":"S","value":"x"}]}]}`:        "The secret name must be unique and not shared with any new or existing environment variables set on the container, such as 'S'.",
		`{"containerOverrides":[{"name":"a","command":["` + strings.Repeat("x", 8192) + `"]}]}`: "Container Overrides length must be at most 8192",
	} {
		out, err := Apply(td, overrides(t, text))
		if e := First(err); out != nil || e == nil || e.Message != want {
			t.Errorf("%.80s: got %v, want %q", text, err, want)
		}
	}
}

func TestOverrides_Complete(t *testing.T) {
	td := definition(t, `+={"name":"b","image":"x","memory":4}`)
	got := overrides(t, `{"containerOverrides":[{"name":"b","cpu":0}]}`).Complete(td)
	sameJSON(t, []byte(`{"containerOverrides":[{"name":"b","cpu":0},{"name":"a"}],"inferenceAcceleratorOverrides":[]}`), []byte(marshal(t, got)))
}
