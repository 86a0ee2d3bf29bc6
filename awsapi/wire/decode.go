package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// decoder fills a Go value from the value tree of a message: what encoding/json makes of JSON
// (json.Number, string, bool, nil, []any, map[string]any), or strings and maps of them for a form.
type decoder struct {
	form    bool     // everything is text, lists and maps are spelled with numbers
	unknown []string // paths of members that the shape does not have; AWS ignores them, and so do we
}

var timeType = reflect.TypeFor[time.Time]()

// latest is the end of the year 9999, in seconds: beyond, a time has no RFC 3339 form.
const latest = 253402300799

// assign sets dst from src. A null leaves it alone: for AWS, null and absent are the same.
func (d *decoder) assign(dst reflect.Value, src any, path string) error {
	if src == nil {
		return nil
	}
	if dst.Kind() == reflect.Pointer {
		v := reflect.New(dst.Type().Elem())
		if err := d.assign(v.Elem(), src, path); err != nil {
			return err
		}
		dst.Set(v)
		return nil
	}
	if dst.Type() == timeType {
		return d.timestamp(dst, src, path)
	}
	switch dst.Kind() {
	case reflect.Struct:
		return d.structure(dst, src, path)
	case reflect.Slice:
		if dst.Type().Elem().Kind() == reflect.Uint8 {
			return d.blob(dst, src, path)
		}
		return d.list(dst, src, path)
	case reflect.Map:
		return d.mapping(dst, src, path)
	case reflect.Interface:
		return d.open(dst, src, path)
	}
	return d.scalar(dst, src, path)
}

func (d *decoder) structure(dst reflect.Value, src any, path string) error {
	m, ok := src.(map[string]any)
	if !ok {
		return mismatch(src, "a structure", path)
	}
	s := shapeOf(dst.Type())
	for _, name := range sortedKeys(m) { // in order, so that of several problems the same is reported each time
		f, ok := s.lookup(name)
		if !ok {
			d.unknown = append(d.unknown, join(path, name))
			continue
		}
		if err := d.assign(dst.Field(f.field), m[name], join(path, f.name)); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) list(dst reflect.Value, src any, path string) error {
	items, ok := src.([]any)
	if d.form {
		items, ok = formList(src)
	}
	if !ok {
		return mismatch(src, "a list", path)
	}
	out := reflect.MakeSlice(dst.Type(), len(items), len(items))
	for i, v := range items {
		if err := d.assign(out.Index(i), v, path+"."+strconv.Itoa(i+1)); err != nil {
			return err
		}
	}
	dst.Set(out)
	return nil
}

func (d *decoder) mapping(dst reflect.Value, src any, path string) error {
	m, ok := src.(map[string]any)
	if d.form {
		m, ok = formMap(src)
	}
	if !ok {
		return mismatch(src, "a map", path)
	}
	out := reflect.MakeMapWithSize(dst.Type(), len(m))
	for _, k := range sortedKeys(m) {
		if m[k] == nil {
			continue
		}
		v := reflect.New(dst.Type().Elem()).Elem()
		if err := d.assign(v, m[k], join(path, k)); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(k).Convert(dst.Type().Key()), v)
	}
	dst.Set(out)
	return nil
}

// open sets what the SDK declares as an interface: a union, of which one variant is given, or a document.
func (d *decoder) open(dst reflect.Value, src any, path string) error {
	if construct := documents[dst.Type()]; construct != nil {
		dst.Set(reflect.ValueOf(construct(plain(src))))
		return nil
	}
	known := variants[dst.Type()]
	if known == nil {
		return fmt.Errorf("type %s at '%s' is not registered as a union or document", dst.Type(), path)
	}
	m, ok := src.(map[string]any)
	if !ok {
		return mismatch(src, "a union", path)
	}
	for _, name := range sortedKeys(m) {
		if m[name] == nil {
			continue
		}
		t, ok := known[name]
		if !ok {
			d.unknown = append(d.unknown, join(path, name))
			continue
		}
		if !dst.IsNil() {
			return &DecodeError{path, "only one member of a union can be set"}
		}
		v := reflect.New(t)
		if err := d.assign(v.Elem().FieldByName("Value"), m[name], join(path, name)); err != nil {
			return err
		}
		dst.Set(v)
	}
	return nil
}

func (d *decoder) blob(dst reflect.Value, src any, path string) error {
	s, ok := src.(string)
	if !ok {
		return mismatch(src, "a Blob", path)
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return &DecodeError{path, "the value is not base64"}
	}
	dst.SetBytes(b)
	return nil
}

func (d *decoder) timestamp(dst reflect.Value, src any, path string) error {
	switch s := src.(type) {
	case json.Number:
		f, err := s.Float64()
		if err != nil || math.Abs(f) > latest {
			return mismatch(src, "a Timestamp", path)
		}
		dst.Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(f * 1e3))).UTC()))
		return nil
	case string: // what forms have; JSON clients that send it are understood, too
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return &DecodeError{path, "the value is not a timestamp like 2006-01-02T15:04:05Z"}
		}
		dst.Set(reflect.ValueOf(t.UTC()))
		return nil
	}
	return mismatch(src, "a Timestamp", path)
}

func (d *decoder) scalar(dst reflect.Value, src any, path string) error {
	switch dst.Kind() {
	case reflect.String:
		s, ok := src.(string)
		if !ok {
			return mismatch(src, "a String", path)
		}
		dst.SetString(s)
	case reflect.Bool:
		b, ok := src.(bool)
		if s, text := src.(string); d.form && text {
			b, ok = s == "true", s == "true" || s == "false"
		}
		if !ok {
			return mismatch(src, "a Boolean", path)
		}
		dst.SetBool(b)
	case reflect.Int32, reflect.Int64:
		n, ok := d.integer(src, dst.Type().Bits())
		if !ok {
			return mismatch(src, "an Integer", path)
		}
		dst.SetInt(n)
	case reflect.Float32, reflect.Float64:
		s, ok := d.number(src)
		f, err := strconv.ParseFloat(s, dst.Type().Bits())
		if !ok || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return mismatch(src, "a Double", path)
		}
		dst.SetFloat(f)
	default:
		return fmt.Errorf("type %s at '%s' has no wire form", dst.Type(), path)
	}
	return nil
}

// integer reads a whole number; 2.0 and 1e3 are whole, too, and some clients write them so.
func (d *decoder) integer(src any, bits int) (int64, bool) {
	s, ok := d.number(src)
	if !ok {
		return 0, false
	}
	if n, err := strconv.ParseInt(s, 10, bits); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if d.form || err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	n := int64(f)
	return n, bits == 64 || n == int64(int32(n))
}

// number gives the digits of a number: a number in JSON, text in a form.
func (d *decoder) number(src any) (string, bool) {
	switch s := src.(type) {
	case json.Number:
		return s.String(), true
	case string:
		return s, d.form
	}
	return "", false
}

// mismatch is the complaint about a value of the wrong type. The words are those of AWS's JSON services;
// "Start of list found where not expected." has no value in it, since that can be a secret.
func mismatch(src any, want, path string) error {
	found := "VALUE"
	switch v := src.(type) {
	case map[string]any:
		return &DecodeError{path, "Start of structure or map found where not expected."}
	case []any:
		return &DecodeError{path, "Start of list found where not expected."}
	case string:
		found = "STRING_VALUE"
	case json.Number:
		found = "NUMBER_VALUE"
	case bool:
		found = "FALSE_VALUE"
		if v {
			found = "TRUE_VALUE"
		}
	}
	return &DecodeError{path, found + " can not be converted to " + want}
}

// plain turns the numbers of a document into Go's, which the SDK's document marshaler knows.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = plain(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = plain(x)
		}
		return out
	}
	return v
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
