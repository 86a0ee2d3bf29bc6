package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/ecs/document"
	"github.com/hashicorp/go-multierror"
	"github.com/tailscale/hujson"

	"miniecs/taskdef"
)

// decoder reads JSON with comments and trailing commas into the SDK's types, strictly: every member must be one that
// the operation has, with a value of its type, so that nothing that a file says is dropped. It goes on after a fault,
// so that all are found at once. encoding/json takes unknown members in silence and knows no positions.
type decoder struct {
	file string
	data []byte
	errs *multierror.Error
	top  map[string]bool // Go names of the members that the file's outermost object has
}

// decodeFile reads a file into out, a pointer to one of the SDK's input types or to a struct of such.
func decodeFile(file string, data []byte, out any) (*decoder, error) {
	d := &decoder{file: file, data: data, top: map[string]bool{}}
	root, err := hujson.Parse(data)
	if err != nil {
		return d, syntaxError(file, err)
	}
	d.value(&root, reflect.ValueOf(out).Elem(), "")
	return d, d.errs.ErrorOrNil()
}

// syntaxError gives hujson's error the form of the others.
func syntaxError(file string, err error) error {
	var line, column int
	if _, scan := fmt.Sscanf(err.Error(), "hujson: line %d, column %d:", &line, &column); scan != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return fmt.Errorf("%s:%d:%d: not JSON: %w", file, line, column, err)
}

func (d *decoder) fail(at *hujson.Value, path, format string, args ...any) {
	e := &taskdef.FieldError{Path: path, Problem: fmt.Sprintf(format, args...)}
	before := string(d.data[:at.StartOffset])
	e.Line = strings.Count(before, "\n") + 1
	e.Column = utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	d.errs = multierror.Append(d.errs, fmt.Errorf("%s:%w", d.file, e))
	d.errs.ErrorFormat = lines
}

// lines writes several errors one a line.
func lines(errs []error) string {
	var b strings.Builder
	for i, e := range errs {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// rules is the member of alb.json that is known and cannot be made: only an empty list is taken.
type rules struct{}

var (
	timeType     = reflect.TypeFor[time.Time]()
	rulesType    = reflect.TypeFor[rules]()
	documentType = reflect.TypeFor[document.Interface]()
)

func (d *decoder) value(v *hujson.Value, to reflect.Value, path string) {
	if lit, ok := v.Value.(hujson.Literal); ok && string(lit) == "null" {
		return // absent, as for AWS
	}
	switch {
	case to.Kind() == reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		d.value(v, to.Elem(), path)
	case to.Type() == timeType:
		d.time(v, to, path)
	case to.Type() == rulesType:
		if arr, ok := v.Value.(*hujson.Array); !ok || len(arr.Elements) > 0 {
			d.fail(v, path, "a listener's rules cannot be made yet, its DefaultActions can")
		}
	case to.Type() == documentType:
		d.document(v, to, path)
	case to.Kind() == reflect.Struct:
		d.object(v, to, path)
	case to.Kind() == reflect.Map:
		d.table(v, to, path)
	case to.Kind() == reflect.Slice:
		d.list(v, to, path)
	default:
		d.scalar(v, to, path)
	}
}

func (d *decoder) object(v *hujson.Value, to reflect.Value, path string) {
	d.members(v, path, func(name *hujson.Value, key string, member *hujson.Value) {
		f, ok := member2field(to.Type(), key)
		if !ok {
			d.fail(name, path, "unknown member %q%s", key, suggestion(to.Type(), key))
			return
		}
		if path == "" {
			d.top[f.Name] = true
		}
		d.value(member, to.FieldByIndex(f.Index), join(path, key))
	})
}

// members calls f for each member of an object; a name that is there twice is a fault.
func (d *decoder) members(v *hujson.Value, path string, f func(name *hujson.Value, key string, member *hujson.Value)) {
	obj, ok := v.Value.(*hujson.Object)
	if !ok {
		d.fail(v, path, "want an object, got %s", kindOf(v))
		return
	}
	seen := map[string]bool{}
	for i := range obj.Members {
		m := &obj.Members[i]
		key := m.Name.Value.(hujson.Literal).String()
		if seen[key] {
			d.fail(&m.Name, path, "%q is there twice", key)
			continue
		}
		seen[key] = true
		f(&m.Name, key, &m.Value)
	}
}

// member2field finds a member by its name on the wire: Go's name, its first letter in either case (libraries.md 3.4).
func member2field(t reflect.Type, key string) (reflect.StructField, bool) {
	first, size := utf8.DecodeRuneInString(key)
	f, ok := t.FieldByName(string(unicode.ToUpper(first)) + key[size:])
	return f, ok && f.IsExported() && !f.Anonymous && f.Name != "ResultMetadata"
}

func (d *decoder) table(v *hujson.Value, to reflect.Value, path string) {
	m := reflect.MakeMap(to.Type())
	d.members(v, path, func(_ *hujson.Value, key string, member *hujson.Value) {
		e := reflect.New(to.Type().Elem()).Elem()
		d.value(member, e, join(path, key))
		m.SetMapIndex(reflect.ValueOf(key).Convert(to.Type().Key()), e)
	})
	to.Set(m)
}

func (d *decoder) list(v *hujson.Value, to reflect.Value, path string) {
	arr, ok := v.Value.(*hujson.Array)
	if !ok {
		d.fail(v, path, "want a list, got %s", kindOf(v))
		return
	}
	s := reflect.MakeSlice(to.Type(), len(arr.Elements), len(arr.Elements))
	for i := range arr.Elements {
		d.value(&arr.Elements[i], s.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	to.Set(s)
}

func (d *decoder) scalar(v *hujson.Value, to reflect.Value, path string) {
	lit, _ := v.Value.(hujson.Literal)
	switch to.Kind() {
	case reflect.String:
		if lit.Kind() != '"' {
			d.fail(v, path, "want a string, got %s", kindOf(v))
			return
		}
		d.text(v, lit.String(), to, path)
	case reflect.Bool:
		if s := string(lit); s != "true" && s != "false" {
			d.fail(v, path, "want true or false, got %s", kindOf(v))
			return
		}
		to.SetBool(string(lit) == "true")
	case reflect.Int32, reflect.Int64, reflect.Int:
		n, err := strconv.ParseInt(string(lit), 10, to.Type().Bits())
		if err != nil {
			d.fail(v, path, "want a whole number, got %s", kindOf(v))
			return
		}
		to.SetInt(n)
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(string(lit), 64)
		if err != nil {
			d.fail(v, path, "want a number, got %s", kindOf(v))
			return
		}
		to.SetFloat(n)
	default:
		d.fail(v, path, "miniecs cannot read a %s from a file", to.Type())
	}
}

// text sets a string; one of an enum (all of the SDK's have the method Values) must be among its values.
func (d *decoder) text(v *hujson.Value, s string, to reflect.Value, path string) {
	if m := to.MethodByName("Values"); m.IsValid() {
		values := m.Call(nil)[0]
		var known []string
		for i := range values.Len() {
			known = append(known, values.Index(i).String())
		}
		if !contains(known, s) {
			d.fail(v, path, "want one of %s, got %q", strings.Join(known, ", "), s)
			return
		}
	}
	to.SetString(s)
}

func (d *decoder) time(v *hujson.Value, to reflect.Value, path string) {
	lit, _ := v.Value.(hujson.Literal)
	if lit.Kind() == '"' {
		if t, err := time.Parse(time.RFC3339Nano, lit.String()); err == nil {
			to.Set(reflect.ValueOf(t))
			return
		}
	} else if n, err := strconv.ParseFloat(string(lit), 64); err == nil {
		to.Set(reflect.ValueOf(time.UnixMilli(int64(n * 1000))))
		return
	}
	d.fail(v, path, "want a time, got %s", kindOf(v))
}

func (d *decoder) document(v *hujson.Value, to reflect.Value, path string) {
	std := v.Clone()
	std.Standardize()
	var tree any
	if err := json.Unmarshal(std.Pack(), &tree); err != nil {
		d.fail(v, path, "%v", err)
		return
	}
	to.Set(reflect.ValueOf(document.NewLazyDocument(tree)))
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// kindOf says what a value is, without its text: it could be a secret's.
func kindOf(v *hujson.Value) string {
	switch x := v.Value.(type) {
	case *hujson.Object:
		return "an object"
	case *hujson.Array:
		return "a list"
	case hujson.Literal:
		switch x.Kind() {
		case '"':
			return "a string"
		case 't', 'f':
			return string(x)
		case '0':
			return "the number " + string(x)
		}
	}
	return "null"
}
