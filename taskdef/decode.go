package taskdef

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"

	"miniecs/internal/spell"
)

// decoder reads a syntax tree into our types by reflection and goes on behind a fault, so that all of them are
// found at once, each with its place. A decoder of the encoding/json family stops at the first.
type decoder struct {
	data     []byte
	errs     []*FieldError
	warnings []Problem
	where    map[string]int  // path to offset, of everything that was read
	suspects map[string]bool // paths whose member is there but could not be read
}

func (d *decoder) fail(path string, offset int, format string, args ...any) {
	e := &FieldError{Path: path, Problem: fmt.Sprintf(format, args...)}
	e.Line, e.Column = positionOf(d.data, offset)
	d.errs = append(d.errs, e)
	d.suspects[path] = true
}

func (d *decoder) warn(path string, offset int, format string, args ...any) {
	p := Problem{Path: path, Severity: Warning, Message: fmt.Sprintf(format, args...)}
	p.Line, p.Column = positionOf(d.data, offset)
	d.warnings = append(d.warnings, p)
}

// value reads v into target.
func (d *decoder) value(v *hujson.Value, target reflect.Value, path string) {
	d.where[path] = v.StartOffset
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		d.value(v, target.Elem(), path)
	case reflect.Struct:
		d.structure(v, target, path)
	case reflect.Slice:
		d.list(v, target, path)
	case reflect.Map:
		d.stringMap(v, target, path)
	case reflect.String:
		d.text(v, target, path)
	case reflect.Int:
		d.integer(v, target, path)
	case reflect.Bool:
		d.boolean(v, target, path)
	default:
		panic("taskdef: no rule for " + target.Type().String())
	}
}

func (d *decoder) structure(v *hujson.Value, target reflect.Value, path string) {
	object, ok := v.Value.(*hujson.Object)
	if !ok {
		d.fail(path, v.StartOffset, "want an object, got %s", describe(v))
		return
	}
	d.members(object, path, func(name, at string, member *hujson.ObjectMember) {
		i, known := fieldsOf(target.Type())[name]
		switch {
		case !known:
			d.unknown(name, path, at, member.Name.StartOffset, target.Type())
		case target.Field(i).Type() == reflect.TypeFor[*Timestamp]():
			// read-only members are left out before; nothing else is a time
		default:
			d.value(&member.Value, target.Field(i), at)
		}
	})
}

// members calls do for each member that is not null, and reports names that are there twice.
func (d *decoder) members(object *hujson.Object, path string, do func(name, at string, member *hujson.ObjectMember)) {
	seen := map[string]bool{}
	for i := range object.Members {
		member := &object.Members[i]
		name := member.Name.Value.(hujson.Literal).String()
		at := join(path, name)
		if seen[name] {
			d.fail(at, member.Name.StartOffset, "is there twice")
			continue
		}
		seen[name] = true
		if !isNull(&member.Value) {
			do(name, at, member)
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// unknown names the member that was probably meant, or the place where the member would be right.
func (d *decoder) unknown(name, path, at string, offset int, in reflect.Type) {
	if guess := spell.Nearest(name, slices.Sorted(maps.Keys(fieldsOf(in)))); guess != "" {
		d.fail(at, offset, "unknown; did you mean %s?", guess)
		d.suspects[join(path, guess)] = true
		return
	}
	_, ofTask := fieldsOf(reflect.TypeFor[TaskDefinition]())[name]
	_, ofContainer := fieldsOf(reflect.TypeFor[ContainerDefinition]())[name]
	switch {
	case ofTask && path != "":
		d.fail(at, offset, "unknown here; it is a member of the task definition itself")
	case ofContainer && path == "":
		d.fail(at, offset, "unknown here; it is a member of a container definition")
	default:
		d.fail(at, offset, "unknown")
	}
}

func (d *decoder) list(v *hujson.Value, target reflect.Value, path string) {
	array, ok := v.Value.(*hujson.Array)
	if !ok {
		d.fail(path, v.StartOffset, "want a list, got %s", describe(v))
		return
	}
	target.Set(reflect.MakeSlice(target.Type(), len(array.Elements), len(array.Elements)))
	for i := range array.Elements {
		at := fmt.Sprintf("%s[%d]", path, i)
		if isNull(&array.Elements[i]) {
			d.fail(at, array.Elements[i].StartOffset, "a list has no null")
			continue
		}
		d.value(&array.Elements[i], target.Index(i), at)
	}
}

func (d *decoder) stringMap(v *hujson.Value, target reflect.Value, path string) {
	object, ok := v.Value.(*hujson.Object)
	if !ok {
		d.fail(path, v.StartOffset, "want an object, got %s", describe(v))
		return
	}
	target.Set(reflect.MakeMap(target.Type()))
	d.members(object, path, func(name, at string, member *hujson.ObjectMember) {
		value := reflect.New(target.Type().Elem()).Elem()
		d.value(&member.Value, value, at)
		target.SetMapIndex(reflect.ValueOf(name), value)
	})
}

// text wants a string. The task's cpu and memory may be numbers (task-definition.md 10.3).
func (d *decoder) text(v *hujson.Value, target reflect.Value, path string) {
	literal, _ := v.Value.(hujson.Literal)
	switch {
	case literal.Kind() == '"':
		target.SetString(literal.String())
	case literal.Kind() == '0' && (path == "cpu" || path == "memory"):
		target.SetString(string(literal))
	case literal != nil:
		d.fail(path, v.StartOffset, "want a string, got %s: write %q", describe(v), string(literal))
	default:
		d.fail(path, v.StartOffset, "want a string, got %s", describe(v))
	}
}

// integer takes numbers that are whole, and numbers in strings, as CloudFormation writes them.
func (d *decoder) integer(v *hujson.Value, target reflect.Value, path string) {
	literal, _ := v.Value.(hujson.Literal)
	text := string(literal)
	if literal.Kind() == '"' {
		text = strings.TrimSpace(literal.String())
	} else if literal.Kind() != '0' {
		d.fail(path, v.StartOffset, "want a number, got %s", describe(v))
		return
	}
	number, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || number != math.Trunc(number):
		d.fail(path, v.StartOffset, "want a whole number, got %s", describe(v))
	case number < math.MinInt32 || number > math.MaxInt32:
		d.fail(path, v.StartOffset, "%s is out of range", text)
	default:
		target.SetInt(int64(number))
	}
}

func (d *decoder) boolean(v *hujson.Value, target reflect.Value, path string) {
	literal, _ := v.Value.(hujson.Literal)
	switch {
	case literal.Kind() == 't' || literal.Kind() == 'f':
		target.SetBool(literal.Kind() == 't')
	case literal.Kind() == '"' && (literal.String() == "true" || literal.String() == "false"):
		target.SetBool(literal.String() == "true")
		d.warn(path, v.StartOffset, "a string is read as %s; AWS wants it without quotes", literal.String())
	default:
		d.fail(path, v.StartOffset, "want true or false, got %s", describe(v))
	}
}

func isNull(v *hujson.Value) bool {
	literal, ok := v.Value.(hujson.Literal)
	return ok && literal.Kind() == 'n'
}

// describe names a value for a message. It shows numbers and words, never a string: it may be private.
func describe(v *hujson.Value) string {
	switch v.Value.Kind() {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case '0':
		return "the number " + v.Value.(hujson.Literal).String()
	}
	return v.Value.(hujson.Literal).String()
}
