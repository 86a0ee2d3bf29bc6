package taskdef

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
)

func TestRead_DescribeOutput(t *testing.T) {
	data, err := os.ReadFile("testdata/describe.json")
	if err != nil {
		t.Fatal(err)
	}
	td, warnings, err := Read(data, ReadOptions{})
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, warnings %v", err, warnings)
	}
	if td.Family != "web" || td.TaskDefinitionArn != "" || td.Revision != 0 || td.RegisteredAt != nil || td.Compatibilities != nil {
		t.Errorf("read-only members were kept: %+v", td)
	}
	if len(td.Tags) != 1 || td.Tags[0] != (Tag{"team", "web"}) {
		t.Errorf("tags %v", td.Tags)
	}
	c := td.ContainerDefinitions[0]
	if c.Environment[0] != (KeyValuePair{"EMPTY", ""}) || c.EnvironmentFiles == nil || c.LogConfiguration.SecretOptions == nil || td.EnableFaultInjection == nil {
		t.Errorf("empty members were lost: %+v", c)
	}
	if err := Validate(td); err != nil {
		t.Errorf("what AWS gave out is not valid: %v", err)
	}
	for _, p := range Lint(data, ReadOptions{}) {
		if p.Severity == Error {
			t.Errorf("lint: %s", p)
		}
	}
}

func TestRead_Lenient(t *testing.T) {
	text := "\ufeff{\n // a comment, then a block /* \" */\n \"family\": \"t\", /* { */ \"cpu\": 256, \"memory\": 512, \"networkMode\": null," +
		`"previousStatus": "ACTIVE", "tags": [], "containerDefinitions": [
		{"name": "a", "image": "b", "memory": "64", "essential": "true", "command": [], "links": null, "healthCheck": null, "cpu": 1e1,
		"portMappings": [{"containerPort": "80", "hostPort": null,},],},]}`
	td, warnings, err := Read([]byte(text), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, []byte(`{"family":"t","cpu":"256","memory":"512","tags":[],"containerDefinitions":[{"name":"a","image":"b","cpu":10,"memory":64,"essential":true,"command":[],
		"portMappings":[{"containerPort":80}]}]}`), []byte(marshal(t, td)))
	if len(warnings) != 1 || warnings[0].String() != "4:60: warning: containerDefinitions[0].essential: a string is read as true; AWS wants it without quotes" {
		t.Errorf("warnings %v", warnings)
	}
}

func TestRead_ListOfContainers(t *testing.T) {
	td, _, err := Read([]byte(`[{"name":"a","image":"b"}]`), ReadOptions{Family: "f"})
	if err != nil || td.Family != "f" || len(td.ContainerDefinitions) != 1 {
		t.Errorf("%+v, %v", td, err)
	}
}

func TestRead_Faults(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string // one of the file's faults a line
	}{
		{``, []string{"1:1: the file is empty"}},
		{"\n  \n", []string{"1:1: the file is empty"}},
		{`"x"`, []string{"1:1: want a task definition as a JSON object, got a string"}},
		{`null`, []string{"1:1: want a task definition as a JSON object, got null"}},
		{"# mine\nfamily: web\n", []string{"1:1: this looks like YAML; only JSON is read (comments and trailing commas are fine)"}},
		{"---\n- name: a\n", []string{"1:1: this looks like YAML; only JSON is read (comments and trailing commas are fine)"}},
		{"{\n \"family\": \"é\" \"x\"", []string{`2:16: not JSON: invalid character '"' after object value (expecting ',' or '}')`}},
		{`{"family": `, []string{"1:12: not JSON: parsing value: unexpected EOF"}},
		{`{"family":"t"} x`, []string{"1:16: not JSON: invalid character 'x' after top-level value"}},
		{strings.Repeat("[", 1000), []string{"1:101: more than 100 levels deep"}},
		{`[{"name":"a"}]`, []string{`1:1: this is a list of container definitions: it needs a family; write {"family": "NAME", "containerDefinitions": [...]}`}},
		{`{"Family":"x","ContainerDefinitions":[{"Name":"a"}]}`, []string{"1:1: ContainerDefinitions is spelt as in CloudFormation: this looks like a CloudFormation resource; the API's members begin in lower case (containerDefinitions)"}},
		{`{"Resources":{}}`, []string{"1:1: this looks like a CloudFormation template; want the task definition itself, in the API's spelling"}},
		{`{"Type":"AWS::ECS::TaskDefinition","Properties":{}}`, []string{"1:1: this looks like a CloudFormation resource; want the task definition itself, in the API's spelling"}},
		{`{"serviceName":"s","desiredCount":1}`, []string{"1:1: this looks like a service (CreateService), not a task definition"}},
		{`{"taskDefinition":"web:1","serviceName":"s"}`, []string{"1:19: taskDefinition: a task definition is named here, not given: this looks like a service (CreateService); want the task definition's file"}},
		{`{"taskDefinition":{"family":"t"},"more":1}`, []string{"1:34: more: unknown beside taskDefinition"}},
		{"{\"family\":\"a\",\n\"family\":\"b\"}", []string{"2:1: family: is there twice"}},
		{"{\n\"containerDefinitions\": [{\n  \"enviroment\": [],\n  \"portMapings\": [],\n  \"Image\": \"x\",\n  \"cpu\": \"many\",\n  \"networkMode\": \"host\",\n  \"qqqqqqqqqqqq\": 1\n}], \"image\": \"x\"}", []string{
			"3:3: containerDefinitions[0].enviroment: unknown; did you mean environment?",
			"4:3: containerDefinitions[0].portMapings: unknown; did you mean portMappings?",
			"5:3: containerDefinitions[0].Image: unknown; did you mean image?",
			"6:10: containerDefinitions[0].cpu: want a whole number, got a string",
			"7:3: containerDefinitions[0].networkMode: unknown here; it is a member of the task definition itself",
			"8:3: containerDefinitions[0].qqqqqqqqqqqq: unknown",
			"9:5: image: unknown here; it is a member of a container definition"}},
		{`{"family":1,"containerDefinitions":{},"volumes":[null],"runtimePlatform":[],"ephemeralStorage":{"sizeInGiB":2.5}}`, []string{
			`1:11: family: want a string, got the number 1: write "1"`,
			"1:36: containerDefinitions: want a list, got an object",
			"1:50: volumes[0]: a list has no null",
			"1:74: runtimePlatform: want an object, got a list",
			"1:109: ephemeralStorage.sizeInGiB: want a whole number, got the number 2.5"}},
		{`{"containerDefinitions":[{"memory":3000000000,"essential":1,"privileged":"yes","command":"ls","dockerLabels":{"a":true},"environment":[{"name":"A","value":8080}]}]}`, []string{
			"1:36: containerDefinitions[0].memory: 3000000000 is out of range",
			"1:59: containerDefinitions[0].essential: want true or false, got the number 1",
			"1:74: containerDefinitions[0].privileged: want true or false, got a string",
			"1:90: containerDefinitions[0].command: want a list, got a string",
			`1:115: containerDefinitions[0].dockerLabels.a: want a string, got true: write "true"`,
			`1:156: containerDefinitions[0].environment[0].value: want a string, got the number 8080: write "8080"`}},
	} {
		td, _, err := Read([]byte(test.text), ReadOptions{})
		var got []string
		if all, ok := errors.AsType[*multierror.Error](err); ok {
			for _, e := range all.Errors {
				if _, ok := e.(*FieldError); !ok {
					t.Errorf("%T", e)
				}
				got = append(got, e.Error())
			}
		}
		if td != nil || !slices.Equal(got, test.want) {
			t.Errorf("%.60q\ngot  %s\nwant %s", test.text, strings.Join(got, "\n     "), strings.Join(test.want, "\n     "))
		}
	}
}

// A value may be private: no message shows one.
func TestRead_KeepsStringsToItself(t *testing.T) {
	_, _, err := Read([]byte(`{"containerDefinitions":[{"cpu":"hunter2","environment":"hunter2","essential":"hunter2"}]}`), ReadOptions{})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestLint(t *testing.T) {
	text := `{
  "family": "web app",
  "requiresCompatibilities": ["FARGATE"],
  "networkMode": "awsvpc",
  "cpu": "256", "memory": 4096,
  "containerDefinitions": [
    {
      "name": "web",
      "imge": "nginx",
      "memory": "lots",
      "portMappings": [{"containerPort": 80, "hostPort": 8080}],
      "mountPoints": [{"sourceVolume": "nope", "containerPath": "/x"}],
      "restartPolicy": {"enabled": true}
    }
  ]
}`
	want := []string{
		"2:13: error: family: Family contains invalid characters. (1 to 255 letters, digits, hyphens and underscores)",
		"5:10: error: cpu: " + noFargate + " (256 CPU goes with 512 1024 2048 MiB)",
		"9:7: error: containerDefinitions[0].imge: unknown; did you mean image?",
		"10:17: error: containerDefinitions[0].memory: want a whole number, got a string",
		"11:58: error: containerDefinitions[0].portMappings[0].hostPort: When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
		"12:40: error: containerDefinitions[0].mountPoints[0].sourceVolume: Unknown volume 'nope'.",
		"13:24: warning: containerDefinitions[0].restartPolicy: container web: restartPolicy is kept; the container is not restarted inside its task",
	}
	var got []string
	for _, p := range Lint([]byte(text), ReadOptions{}) {
		got = append(got, p.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := Lint([]byte(`{"family":"t","containerDefinitions":[{"name":"a","image":"b","memory":64}]}`), ReadOptions{}); len(got) > 0 {
		t.Errorf("a plain definition: %v", got)
	}
	big := fmt.Sprintf(`{"family":"t","containerDefinitions":[{"name":"a","image":"b","memory":64,"command":[%q]}]}`, strings.Repeat("x", MaxSize))
	if got := Lint([]byte(big), ReadOptions{}); len(got) != 1 || !strings.Contains(got[0].Message, "Max allowed length is '65536' bytes.") {
		t.Errorf("a big definition: %.200v", got)
	}
}

func FuzzRead(f *testing.F) {
	seed, err := os.ReadFile("testdata/describe.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	for _, s := range []string{"", "\ufeff{}", "[{}]", `{"taskDefinition":null}`, `{"containerDefinitions":[{"cpu":"1","x":1}]}`, `{"a":1,}//`, "a: b", `/*`, `{"taskDefinition":{"tags":[]},"tags":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		td, _, err := Read(data, ReadOptions{Family: "f"})
		if (td == nil) != (err != nil) {
			t.Fatalf("definition %v with error %v", td, err)
		}
		lines := strings.Count(string(data), "\n") + 1
		for _, p := range Lint(data, ReadOptions{Family: "f"}) {
			if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Message == "" {
				t.Fatalf("%d lines, problem %+v", lines, p)
			}
		}
		if td == nil {
			return
		}
		full := WithDefaults(td)
		if !Equal(td, full) {
			t.Fatal("a definition differs from itself with defaults")
		}
		if again, _, err := Read([]byte(marshal(t, td)), ReadOptions{}); err != nil || !Equal(td, again) {
			t.Fatalf("a definition differs from itself written and read: %v", err)
		}
		if Validate(td) == nil && Validate(full) != nil {
			t.Fatalf("a valid definition is not valid with its defaults: %v", Validate(full))
		}
		_, _ = full.StartOrder()
	})
}
