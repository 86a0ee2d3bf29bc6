package wire

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Violation is one member of a request that breaks the service's model.
type Violation struct {
	Path    string   // as on the wire, list members counted from 1: "containerDefinitions.1.name"
	Shape   string   // the SDK's name of the structure that has the member: "ContainerDefinition"
	Missing bool     // a required member that is not there; else an enum
	List    bool     // Missing: the member is a list
	Value   string   // enum: what was given
	Allowed []string // enum: what may be given
}

// maxViolations bounds an answer's length: nobody reads more.
const maxViolations = 10

// checker collects what is wrong with a decoded request.
type checker struct {
	unchecked []string // paths without indices
	found     []Violation
}

// check returns the violations of a decoded input, in the order of its members.
func check(in any, unchecked []string) []Violation {
	if slices.Contains(unchecked, "") {
		return nil
	}
	c := checker{unchecked: unchecked}
	c.value(reflect.ValueOf(in), "", "")
	return c.found
}

// value walks v; path is what Violation has, name the same without indices.
func (c *checker) value(v reflect.Value, path, name string) {
	if len(c.found) >= maxViolations {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			c.value(v.Elem(), path, name)
		}
	case reflect.Struct:
		c.structure(v, path, name)
	case reflect.Slice:
		if !composite(v.Type().Elem()) {
			return
		}
		for i := range v.Len() {
			c.value(v.Index(i), path+"."+strconv.Itoa(i+1), name)
		}
	case reflect.Map:
		if !composite(v.Type().Elem()) {
			return
		}
		for _, k := range sortedMapKeys(v) {
			c.value(v.MapIndex(k), join(path, k.String()), name)
		}
	case reflect.String:
		c.enum(v, path)
	}
}

// composite says whether values of a type can break a rule at all: lists of plain strings can be long.
func composite(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map, reflect.Interface, reflect.Pointer:
		return true
	case reflect.String:
		return t.PkgPath() != ""
	}
	return false
}

func (c *checker) structure(v reflect.Value, path, name string) {
	t := v.Type()
	if t == timeType {
		return
	}
	if variantNames[t] != "" { // a union's variant is written as its value, under the variant's name
		c.value(v.FieldByName("Value"), join(path, variantNames[t]), join(name, variantNames[t]))
		return
	}
	required := requiredMembers[moduleOf(t)+"."+t.Name()]
	for _, m := range shapeOf(t).members {
		f, field := v.Field(m.field), t.Field(m.field)
		at := join(name, m.name)
		if slices.Contains(c.unchecked, at) {
			continue
		}
		if absent(f) && slices.Contains(required, field.Name) && len(c.found) < maxViolations {
			c.found = append(c.found, Violation{
				Path: join(path, m.name), Shape: t.Name(), Missing: true, List: f.Kind() == reflect.Slice,
			})
			continue
		}
		c.value(f, join(path, m.name), at)
	}
}

// enum checks a string whose type lists its values. Empty counts as absent: several clients send it.
func (c *checker) enum(v reflect.Value, path string) {
	if v.Len() == 0 || v.Type().PkgPath() == "" {
		return
	}
	values := v.MethodByName("Values")
	if !values.IsValid() || values.Type().NumIn() != 0 || values.Type().NumOut() != 1 {
		return
	}
	list := values.Call(nil)[0]
	allowed := make([]string, list.Len())
	for i := range allowed {
		allowed[i] = list.Index(i).String()
	}
	if !slices.Contains(allowed, v.String()) {
		c.found = append(c.found, Violation{Path: path, Value: v.String(), Allowed: allowed})
	}
}

// Constraints words violations as most AWS services do, all of them in one message:
//
//	1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null
func Constraints(code string) func([]Violation) error {
	return func(vs []Violation) error {
		texts := make([]string, len(vs))
		for i, v := range vs {
			value, constraint := "null", "Member must not be null"
			if !v.Missing {
				value = "'" + printable(v.Value) + "'"
				constraint = "Member must satisfy enum value set: [" + strings.Join(v.Allowed, ", ") + "]"
			}
			texts[i] = fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, constraintPath(v.Path), constraint)
		}
		plural := "s"
		if len(vs) == 1 {
			plural = ""
		}
		return Errorf(code, "%d validation error%s detected: %s", len(vs), plural, strings.Join(texts, "; "))
	}
}

// constraintPath spells a path as those messages do: actions.1.member.type (alb.md 5.5).
func constraintPath(path string) string {
	parts := strings.Split(path, ".")
	for i, p := range parts {
		if _, err := strconv.Atoi(p); err == nil {
			parts[i] = p + ".member"
		} else {
			parts[i] = lowerFirst(p)
		}
	}
	return strings.Join(parts, ".")
}

// Plain words the first violation in a short sentence, as ECS does (ecs-control-plane.md, the messages):
//
//	Family should not be null or empty.        Tasks cannot be empty.
//	Container.image should not be null or empty.
//	launch type should be one of [EC2,FARGATE,EXTERNAL]
//
// A missing member has one code, a bad enum another.
func Plain(missingCode, enumCode string) func([]Violation) error {
	return func(vs []Violation) error {
		v := vs[0]
		last := v.Path[strings.LastIndexByte(v.Path, '.')+1:]
		if _, err := strconv.Atoi(last); err == nil { // an element of a list of enums: the list's name
			parts := strings.Split(v.Path, ".")
			last = parts[len(parts)-2]
		}
		switch {
		case !v.Missing:
			return Errorf(enumCode, "%s should be one of [%s]", words(last), strings.Join(v.Allowed, ","))
		case v.List:
			return Errorf(missingCode, "%s cannot be empty.", upperFirst(words(last)))
		case strings.Contains(v.Path, "."):
			return Errorf(missingCode, "%s.%s should not be null or empty.", strings.TrimSuffix(v.Shape, "Definition"), last)
		}
		return Errorf(missingCode, "%s should not be null or empty.", upperFirst(words(last)))
	}
}

// words takes a member's name apart: "launchType" is "launch type".
func words(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}
