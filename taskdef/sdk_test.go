package taskdef

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
)

// compareMembers fails for each member that one of the two types has and the other has not, all the way down.
func compareMembers(t *testing.T, path string, theirs, ours reflect.Type, extra map[string]bool) {
	t.Helper()
	theirs, ours = element(theirs), element(ours)
	if theirs.Kind() != reflect.Struct || theirs == reflect.TypeFor[time.Time]() {
		return
	}
	if ours.Kind() != reflect.Struct {
		t.Errorf("%s: the SDK has a struct, we have %s", path, ours)
		return
	}
	fields := fieldsOf(ours)
	seen := map[string]bool{}
	for f := range theirs.Fields() {
		if !f.IsExported() {
			continue
		}
		name := strings.ToLower(f.Name[:1]) + f.Name[1:]
		seen[name] = true
		i, ok := fields[name]
		if !ok {
			t.Errorf("%s.%s is missing", path, name)
			continue
		}
		theirType, ourType := f.Type, ours.Field(i).Type
		if element(theirType).Kind() == reflect.Interface { // the one union
			union := element(ourType)
			if union.NumField() != 1 || union.Field(0).Name != "NvidiaMps" {
				t.Errorf("%s.%s: unexpected union %s", path, name, union)
			}
			theirType, ourType = reflect.TypeFor[types.NvidiaMpsAllocation](), union.Field(0).Type
		}
		if list(theirType) != list(ourType) {
			t.Errorf("%s.%s: SDK %s, ours %s", path, name, f.Type, ourType)
		}
		compareMembers(t, path+"."+name, theirType, ourType, nil)
	}
	for name := range fields {
		if !seen[name] && !extra[name] {
			t.Errorf("%s.%s is unknown to the SDK", path, name)
		}
	}
}

func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

func list(t reflect.Type) reflect.Kind {
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		return t.Kind()
	}
	return reflect.Invalid
}

func TestTypes_HaveEveryMemberOfTheSDK(t *testing.T) {
	compareMembers(t, "taskDefinition", reflect.TypeFor[types.TaskDefinition](), reflect.TypeFor[TaskDefinition](), map[string]bool{"tags": true})
	compareMembers(t, "overrides", reflect.TypeFor[types.TaskOverride](), reflect.TypeFor[Overrides](), nil)
	fields := fieldsOf(reflect.TypeFor[TaskDefinition]())
	for f := range reflect.TypeFor[ecs.RegisterTaskDefinitionInput]().Fields() {
		if name := strings.ToLower(f.Name[:1]) + f.Name[1:]; f.IsExported() {
			if _, ok := fields[name]; !ok {
				t.Errorf("RegisterTaskDefinition: %s is missing", name)
			}
		}
	}
}

// snapshot is the body of a golden message that the SDK's module carries, with every member set.
func snapshot(t *testing.T, name string) map[string]json.RawMessage {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/ecs").Output()
	if err != nil {
		t.Skipf("SKIP: no go tool to find the SDK's module with: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), name))
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(data[bytes.IndexByte(data, '{'):], &body); err != nil {
		t.Fatal(err)
	}
	return body
}

func sameJSON(t *testing.T, want, got []byte) {
	t.Helper()
	var w, g any
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTypes_KeepTheSDKsGoldenMessages(t *testing.T) {
	request := snapshot(t, "request_snapshot/RegisterTaskDefinition.request.snap")
	whole, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	response := snapshot(t, "response_snapshot/DescribeTaskDefinition.response.snap")
	for name, want := range map[string][]byte{"request": whole, "response": response["taskDefinition"]} {
		t.Run(name, func(t *testing.T) {
			var td TaskDefinition
			d := json.NewDecoder(bytes.NewReader(want))
			d.DisallowUnknownFields()
			if err := d.Decode(&td); err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(td.Clone())
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, want, got)
		})
	}
	t.Run("overrides", func(t *testing.T) {
		want := snapshot(t, "request_snapshot/RunTask.request.snap")["overrides"]
		var o Overrides
		if err := json.Unmarshal(want, &o); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(o.Clone())
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, want, got)
	})
	t.Run("strict reading", func(t *testing.T) {
		td, warnings, err := Read(whole, ReadOptions{})
		if err != nil || len(warnings) > 0 {
			t.Fatalf("Read: %v, warnings %v", err, warnings)
		}
		got, err := json.Marshal(td)
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, whole, got)
	})
}

func TestTypes_KeepEmptyApartFromAbsent(t *testing.T) {
	const text = `{"family":"t","containerDefinitions":[{"name":"a","cpu":0,"image":"b","command":[],"secrets":[],"interactive":false,` +
		`"environment":[{"name":"E","value":""}],"portMappings":[{"containerPort":80,"hostPort":0}],"dockerLabels":{}}],` +
		`"cpu":"","volumes":[{"name":"v","host":{}}],"requiresCompatibilities":[]}`
	td, _, err := Read([]byte(text), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(td.Clone())
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, []byte(text), got)
}

func TestTimestamp(t *testing.T) {
	at := time.Date(2026, 9, 14, 12, 1, 2, 345_000_000, time.UTC)
	for _, text := range []string{"1789387262.345", "1.789387262345E9", `"2026-09-14T12:01:02.345Z"`, `"2026-09-14T14:01:02.345+02:00"`} {
		var got Timestamp
		if err := json.Unmarshal([]byte(text), &got); err != nil || !got.Equal(at) {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, at)
		}
	}
	out, err := json.Marshal(NewTimestamp(at.Add(999 * time.Microsecond)))
	if err != nil || string(out) != "1789387262.345" {
		t.Errorf("got %s, %v", out, err)
	}
	for _, text := range []string{`"yesterday"`, `true`, `1e99`} {
		if err := json.Unmarshal([]byte(text), new(Timestamp)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}
