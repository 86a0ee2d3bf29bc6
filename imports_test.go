// Package miniecs_test guards the picture of style.md section 3: which package may know which.
package miniecs_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed says what of ours each package may import, besides internal helpers; a trailing slash means a folder.
// What is not listed may import nothing of ours.
var allowed = map[string][]string{
	"taskdef":               {},
	"store":                 {},
	"awsapi/wire":           {},
	"runtime/engine":        {},
	"runtime/engine/docker": {"runtime/engine"},
	"runtime/engine/sim":    {"runtime/engine"},
	"runtime/plan":          {"taskdef"},
	"runtime":               {"taskdef", "runtime/plan", "runtime/engine", "store"},
	"proxy":                 {"store"},
	"cloud/account":         {"store"},
	"awsapi/ecs":            {"awsapi/wire", "runtime", "taskdef", "cloud/account"},
	"awsapi/elbv2":          {"awsapi/wire", "proxy", "cloud/account"},
	"awsapi/sts":            {"awsapi/wire", "cloud/account"},
	"awsapi/ec2":            {"awsapi/wire", "cloud/account"},
	"awsapi/autoscaling":    {"awsapi/wire"},
	"stack":                 {"taskdef"},
	"daemon":                {"awsapi/", "cloud/", "proxy", "runtime", "runtime/", "store", "taskdef"},
	"cmd/miniecs":           {"daemon", "stack", "taskdef"},
	"cmd/miniecs-bench":     {"daemon", "stack", "runtime/", "proxy"},
}

// onlyIn says which folders alone may import a module that has one place.
var onlyIn = map[string][]string{
	"github.com/docker/":                   {"runtime/engine/docker"},
	"github.com/aws/aws-sdk-go-v2/service": {"awsapi/", "stack", "cmd/"},
	"github.com/hashicorp/go-multierror":   {"taskdef", "stack", "daemon", "cmd/"},
	"go.etcd.io/bbolt":                     {"store"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		check(t, p)
	}
	if seen < 15 {
		t.Errorf("only %d packages were looked at", seen)
	}
}

func check(t *testing.T, p pkg) {
	name := strings.TrimPrefix(p.ImportPath, "miniecs/")
	helper := strings.HasPrefix(name, "internal/")
	for _, imp := range p.Imports {
		ours, ok := strings.CutPrefix(imp, "miniecs/")
		switch {
		case ok && strings.HasPrefix(ours, "internal/"), ok && strings.HasPrefix(ours, name+"/"):
		case ok && helper:
			t.Errorf("%s imports %s: internal helpers know nothing of ours", name, ours)
		case ok && !within(ours, allowed[name]):
			t.Errorf("%s imports %s, which the picture does not allow", name, ours)
		}
		for module, places := range onlyIn {
			if strings.HasPrefix(imp, module) && !within(name, places) {
				t.Errorf("%s imports %s, which only %v may", name, imp, places)
			}
		}
	}
}

// within says whether a package is one of a list, or in a folder of it.
func within(name string, list []string) bool {
	return slices.ContainsFunc(list, func(l string) bool {
		return name == l || strings.HasSuffix(l, "/") && strings.HasPrefix(name, l)
	})
}
