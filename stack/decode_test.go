package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/google/go-cmp/cmp"
)

func TestDecode_Faults(t *testing.T) {
	for _, c := range []struct {
		name, file, want string
	}{
		{"an unknown member", `{"desiredCoun": 1}`, `f:1:2: unknown member "desiredCoun"; did you mean "desiredCount"?`},
		{"two letters swapped, deep down", `{"loadBalancers": [{"contianerPort": 1}]}`, `f:1:21: loadBalancers[0]: unknown member "contianerPort"; did you mean "containerPort"?`},
		{"nothing like it", `{"replicas": 1}`, `f:1:2: unknown member "replicas"`},
		{"the wrong case", `{"desiredcount": 1}`, `f:1:2: unknown member "desiredcount": it is spelled "desiredCount"`},
		{"a member of another object", "{\n  \"networkConfiguration\": {\"subnets\": []}}", `f:2:28: networkConfiguration: unknown member "subnets"`},
		{"a wrong type", `{"desiredCount": "three"}`, `f:1:18: desiredCount: want a whole number, got a string`},
		{"a fraction", `{"desiredCount": 1.5}`, `f:1:18: desiredCount: want a whole number, got the number 1.5`},
		{"a number for a string", `{"serviceName": 7}`, `f:1:17: serviceName: want a string, got the number 7`},
		{"a list for an object", `{"networkConfiguration": []}`, `f:1:26: networkConfiguration: want an object, got a list`},
		{"an object for a list", `{"loadBalancers": {}}`, `f:1:19: loadBalancers: want a list, got an object`},
		{"no bool", `{"enableExecuteCommand": "yes"}`, `f:1:26: enableExecuteCommand: want true or false, got a string`},
		{"no value of the enum", `{"launchType": "FARGAT"}`, `f:1:16: launchType: want one of EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES, got "FARGAT"`},
		{"a member twice", `{"serviceName": "a", "serviceName": "b"}`, `f:1:22: "serviceName" is there twice`},
		{"a place in a list", "{\"loadBalancers\": [{}, {\"containerPort\": true}]}", `f:1:42: loadBalancers[1].containerPort: want a whole number, got true`},
		{"all at once", `{"a": 1, "b": 2}`, "f:1:2: unknown member \"a\"\nf:1:10: unknown member \"b\""},
		{"what is no member of the wire", `{"resultMetadata": {}}`, `f:1:2: unknown member "resultMetadata"`},
		{"no JSON", `{"a"}`, "f:1:5: not JSON: invalid character '}' after object name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := decodeFile("f", []byte(c.file), &ecs.CreateServiceInput{})
			if err == nil || err.Error() != c.want {
				t.Errorf("%s:\ngot  %v\nwant %s", c.file, err, c.want)
			}
		})
	}
}

// Every member of the operation must arrive: the SDK's golden request, read by us, is sent again by the SDK unchanged.
func TestDecode_EveryMember(t *testing.T) {
	for _, op := range []string{"CreateService", "RegisterTaskDefinition"} {
		t.Run(op, func(t *testing.T) {
			golden := snapshot(t, op)
			var sent []byte
			c := NewClientWith("http://127.0.0.1:1", "eu-central-1", &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				sent, _ = io.ReadAll(r.Body)
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
			})})
			var err error
			switch op {
			case "CreateService":
				var in ecs.CreateServiceInput
				if _, err = decodeFile("golden", golden, &in); err == nil {
					_, err = c.ECS.CreateService(context.Background(), &in)
				}
			case "RegisterTaskDefinition":
				var in ecs.RegisterTaskDefinitionInput
				if _, err = decodeFile("golden", golden, &in); err == nil {
					_, err = c.ECS.RegisterTaskDefinition(context.Background(), &in)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := json.Unmarshal(sent, &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(golden, &want); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("members were lost (-golden +sent):\n%s", d)
			}
		})
	}
}

// ELBv2's members have Go's names, so encoding/json writes what a file would hold.
func TestDecode_EveryMemberOfELB(t *testing.T) {
	for _, in := range []any{&elb.CreateLoadBalancerInput{}, &elb.CreateTargetGroupInput{}, &elb.CreateListenerInput{}} {
		fill(reflect.ValueOf(in).Elem())
		data, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		out := reflect.New(reflect.TypeOf(in).Elem())
		if _, err := decodeFile("f", data, out.Interface()); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if !reflect.DeepEqual(in, out.Interface()) {
			t.Errorf("%T: got %+v, want %+v", in, out.Interface(), in)
		}
	}
}

// fill sets everything.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		e := reflect.New(v.Type().Elem()).Elem()
		fill(e)
		v.SetMapIndex(reflect.ValueOf("k").Convert(v.Type().Key()), e)
	case reflect.String:
		v.SetString("s")
		if m := v.MethodByName("Values"); m.IsValid() {
			v.Set(m.Call(nil)[0].Index(0))
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(7)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// snapshot is the body of a golden request that ships inside the SDK's module.
func snapshot(t *testing.T, op string) []byte {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Skip("SKIP: no build information, so the SDK's golden requests were not found")
	}
	for _, m := range info.Deps {
		if m.Path != "github.com/aws/aws-sdk-go-v2/service/ecs" {
			continue
		}
		for _, root := range append(filepath.SplitList(os.Getenv("GOPATH")), filepath.Join(os.Getenv("HOME"), "go")) {
			file := filepath.Join(root, "pkg", "mod", m.Path+"@"+m.Version, "request_snapshot", op+".request.snap")
			if data, err := os.ReadFile(file); err == nil {
				if i := bytes.IndexByte(data, '{'); i >= 0 {
					return data[i:]
				}
			}
		}
	}
	t.Skipf("SKIP: THE SDK'S GOLDEN REQUEST OF %s IS NOT IN THE MODULE CACHE", op)
	return nil
}

// Whatever a file holds, reading it ends with a value or with faults that name the file.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"serviceName": "web", "desiredCount": 3, /* a */ "loadBalancers": [{"containerPort": 80,}],} // b`))
	f.Add([]byte(`{"deploymentConfiguration": {"lifecycleHooks": [{"hookDetails": {"a": [1, null]}}]}, "tags": null}`))
	f.Add([]byte(`{"serviceConnectConfiguration": {"logConfiguration": {"options": {"k": "v"}}}}`))
	f.Add([]byte(`[1e400, "\ud800"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := decodeFile("f", data, &ecs.CreateServiceInput{}); err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("%q: %v", data, err)
		}
	})
}
