package taskdef

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"github.com/hashicorp/go-multierror"
	"github.com/tailscale/hujson"
)

// ReadOptions say what a file leaves open.
type ReadOptions struct {
	// Family makes a definition of a file that is only a list of containers (Terraform's
	// container_definitions). Without it such a file is refused. A definition's own family is not replaced.
	Family string
}

// maxFile is how large a file may be before it is not looked at. AWS takes 64 KiB of definition; comments and
// indentation come on top.
const maxFile = 4 << 20

// Read reads a file that a person or a tool wrote, strictly: JSON with comments and trailing commas, in the input
// shape of RegisterTaskDefinition or as describe-task-definition and the console give it (task-definition.md 10).
// Read-only members and nulls are dropped. The error holds a *FieldError for each fault; warnings are what was
// read, but not as AWS would. Whether the definition is valid is Validate's question.
func Read(data []byte, o ReadOptions) (*TaskDefinition, []Problem, error) {
	r := read(data, o)
	if len(r.errs) == 0 {
		return r.td, r.warnings, nil
	}
	var all *multierror.Error
	for _, e := range r.errs {
		all = multierror.Append(all, e)
	}
	return nil, r.warnings, all.ErrorOrNil()
}

// reading is what came of a file: td is as much of it as could be read, nil if nothing.
type reading struct {
	decoder
	td *TaskDefinition
}

func read(data []byte, o ReadOptions) *reading {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	r := &reading{decoder: decoder{data: data, where: map[string]int{}, suspects: map[string]bool{}}}
	root, ok := r.parse()
	if !ok {
		return r
	}
	td := &TaskDefinition{}
	switch top := root.Value.(type) {
	case *hujson.Array:
		if o.Family == "" {
			r.fail("", root.StartOffset, "this is a list of container definitions: it needs a family; write {\"family\": \"NAME\", \"containerDefinitions\": [...]}")
			return r
		}
		td.Family = o.Family
		r.value(root, reflect.ValueOf(&td.ContainerDefinitions).Elem(), "containerDefinitions")
	case *hujson.Object:
		if !r.unwrap(top, root, td) {
			return r
		}
	default:
		r.fail("", root.StartOffset, "want a task definition as a JSON object, got %s", describe(root))
		return r
	}
	r.td = td
	return r
}

// parse makes the syntax tree, or says what else the file seems to be.
func (r *reading) parse() (*hujson.Value, bool) {
	text := bytes.TrimSpace(r.data)
	deep := -1
	if len(r.data) <= maxFile {
		deep = tooDeep(r.data)
	}
	switch {
	case len(text) == 0:
		r.fail("", 0, "the file is empty")
	case len(r.data) > maxFile:
		r.fail("", 0, "the file has %d bytes; a task definition has at most %d", len(r.data), MaxSize)
	case text[0] != '{' && text[0] != '[' && looksLikeYAML(text):
		r.fail("", 0, "this looks like YAML; only JSON is read (comments and trailing commas are fine)")
	case deep >= 0:
		r.fail("", deep, "more than %d levels deep", maxDepth)
	default:
		root, err := hujson.Parse(r.data)
		if err == nil {
			return &root, true
		}
		r.errs = append(r.errs, syntaxError(r.data, err))
	}
	return nil, false
}

// readOnly members are in responses; they are dropped without a word (task-definition.md 10.3).
var readOnly = map[string]bool{"taskDefinitionArn": true, "revision": true, "status": true, "requiresAttributes": true,
	"compatibilities": true, "registeredAt": true, "registeredBy": true, "deregisteredAt": true,
	"deleteRequestedAt": true, "previousStatus": true}

// unwrap reads the definition, or the one inside the answer of describe-task-definition, whose tags stand beside
// it. It is false if the file is something else.
func (r *reading) unwrap(top *hujson.Object, root *hujson.Value, td *TaskDefinition) bool {
	inner, wrapped := member(top, "taskDefinition")
	if !wrapped {
		if why := otherFile(top); why != "" {
			r.fail("", root.StartOffset, "%s", why)
			return false
		}
		r.definition(root, td)
		return true
	}
	if inner.Value.Kind() != '{' {
		r.fail("taskDefinition", inner.StartOffset, "%s", serviceFile(inner))
		return false
	}
	for i := range top.Members {
		m := &top.Members[i]
		switch name := m.Name.Value.(hujson.Literal).String(); name {
		case "taskDefinition", "tags", "ResponseMetadata":
		default:
			r.fail(name, m.Name.StartOffset, "unknown beside taskDefinition")
		}
	}
	if object := inner.Value.(*hujson.Object); len(object.Members) > 0 {
		if why := otherFile(object); why != "" {
			r.fail("taskDefinition", inner.StartOffset, "%s", why)
			return false
		}
	}
	r.definition(inner, td)
	if outer, ok := member(top, "tags"); ok && td.Tags == nil && !isNull(outer) {
		r.value(outer, reflect.ValueOf(&td.Tags).Elem(), "tags")
	}
	return true
}

func (r *reading) definition(v *hujson.Value, td *TaskDefinition) {
	object := *v.Value.(*hujson.Object)
	kept := make([]hujson.ObjectMember, 0, len(object.Members))
	for _, m := range object.Members {
		if !readOnly[m.Name.Value.(hujson.Literal).String()] {
			kept = append(kept, m)
		}
	}
	object.Members = kept
	writable := *v
	writable.Value = &object
	r.value(&writable, reflect.ValueOf(td).Elem(), "")
}

func member(object *hujson.Object, name string) (*hujson.Value, bool) {
	for i := range object.Members {
		if object.Members[i].Name.Value.(hujson.Literal).String() == name {
			return &object.Members[i].Value, true
		}
	}
	return nil, false
}

func serviceFile(v *hujson.Value) string {
	if v.Value.Kind() == '"' {
		return "a task definition is named here, not given: this looks like a service (CreateService); want the task definition's file"
	}
	return "want an object, got " + describe(v)
}

// otherFile recognises what people take for a task definition, so that one line says it instead of an error for
// each member.
func otherFile(top *hujson.Object) string {
	for _, name := range []string{"ContainerDefinitions", "Family"} {
		if _, ok := member(top, name); ok {
			return fmt.Sprintf("%s is spelt as in CloudFormation: this looks like a CloudFormation resource; the API's members begin in lower case (%s)",
				name, strings.ToLower(name[:1])+name[1:])
		}
	}
	if _, ok := member(top, "Resources"); ok {
		return "this looks like a CloudFormation template; want the task definition itself, in the API's spelling"
	}
	if kind, ok := member(top, "Type"); ok && kind.Value.Kind() == '"' {
		return "this looks like a CloudFormation resource; want the task definition itself, in the API's spelling"
	}
	if _, ok := member(top, "serviceName"); ok {
		return "this looks like a service (CreateService), not a task definition"
	}
	return ""
}
