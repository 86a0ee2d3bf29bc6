package wire

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// The SDK's modules ship golden messages: every operation with every member set. They are the
// conformance corpus of both decoders and of the JSON encoder (libraries.md 3.1).

// moduleFolder is where the module cache has an SDK module.
func moduleFolder(t testing.TB, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", sdkServices+module).Output()
	if err != nil || len(out) == 0 {
		t.Fatalf("find module %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}

// clientOp is one operation of an SDK client: its types, found by reflection.
type clientOp struct {
	name    string
	in, out reflect.Type
}

func clientOps(client any) []clientOp {
	var ops []clientOp
	t := reflect.TypeOf(client)
	for i := range t.NumMethod() {
		m := t.Method(i).Type // (client, ctx, *In, ...optFns) (*Out, error)
		if m.NumIn() == 4 && m.NumOut() == 2 && strings.HasSuffix(m.In(2).String(), "Input") {
			ops = append(ops, clientOp{t.Method(i).Name, m.In(2).Elem(), m.Out(0).Elem()})
		}
	}
	return ops
}

func snapshotBody(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	i := strings.Index(string(raw), "Content-Type:")
	_, body, ok := strings.Cut(string(raw[max(i, 0):]), "\n\n")
	if i < 0 || !ok {
		t.Fatalf("%s has no body", file)
	}
	return strings.TrimSpace(body)
}

func sameJSON(t *testing.T, want, got []byte) {
	t.Helper()
	var w, g any
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if !reflect.DeepEqual(w, g) {
		t.Errorf("want %s\ngot  %s", want, got)
	}
}

func TestCorpus_Requests(t *testing.T) {
	for _, svc := range []struct {
		module string
		client any
		least  int
	}{
		{"ecs", &ecs.Client{}, 88}, {"elasticloadbalancingv2", &elasticloadbalancingv2.Client{}, 51}, {"sts", &sts.Client{}, 11},
	} {
		ops := clientOps(svc.client)
		if len(ops) < svc.least {
			t.Errorf("%s has %d operations, want at least %d", svc.module, len(ops), svc.least)
		}
		dir := moduleFolder(t, svc.module)
		for _, op := range ops {
			t.Run(svc.module+"/"+op.name, func(t *testing.T) {
				body := snapshotBody(t, filepath.Join(dir, "request_snapshot", op.name+".request.snap"))
				in := reflect.New(op.in).Interface()
				if strings.HasPrefix(body, "{") {
					unknown, err := DecodeJSON([]byte(body), in)
					if err != nil || len(unknown) > 0 {
						t.Fatalf("decode: %v, unknown %v", err, unknown)
					}
					out, err := EncodeJSON(in)
					if err != nil {
						t.Fatal(err)
					}
					sameJSON(t, []byte(body), out)
				} else {
					sameForm(t, body, in)
				}
				for _, v := range check(in, nil) {
					if v.Missing || !strings.HasPrefix(v.Value, "__") { // the corpus has no real values
						t.Errorf("the checks refuse it: %+v", v)
					}
				}
			})
		}
	}
}

// sameForm decodes a form and compares with what the value is written as again.
func sameForm(t *testing.T, body string, in any) {
	t.Helper()
	form, err := url.ParseQuery(body)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := DecodeForm(form, in)
	if err != nil || len(unknown) > 0 {
		t.Fatalf("decode: %v, unknown %v", err, unknown)
	}
	form.Del("Action")
	form.Del("Version")
	if got := encodeForm(in).Encode(); got != form.Encode() {
		t.Errorf("want %s\ngot  %s", form.Encode(), got)
	}
}

func TestCorpus_Responses(t *testing.T) {
	dir := moduleFolder(t, "ecs")
	for _, op := range clientOps(&ecs.Client{}) {
		t.Run(op.name, func(t *testing.T) {
			body := snapshotBody(t, filepath.Join(dir, "response_snapshot", op.name+".response.snap"))
			out := reflect.New(op.out).Interface()
			unknown, err := DecodeJSON([]byte(body), out)
			if err != nil || len(unknown) > 0 {
				t.Fatalf("decode: %v, unknown %v", err, unknown)
			}
			got, err := EncodeJSON(out)
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, []byte(body), got)
		})
	}
}
