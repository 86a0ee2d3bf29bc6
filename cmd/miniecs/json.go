package main

import (
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// printJSON prints a value for programs, AWS's types in AWS's shapes: as `aws --output json` does.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(shape(reflect.ValueOf(v)))
}

// printJSONLine prints one of many values that come over time, on a line of its own.
func printJSONLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(shape(reflect.ValueOf(v)))
}

// shape turns the SDK's types, which have no JSON names, into what AWS sends: ECS's members begin in lower case,
// ELBv2's do not, and what is nil or an empty enum is left out.
func shape(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return shape(v.Elem())
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = shape(v.Index(i))
		}
		return list
	case reflect.Map:
		m := map[string]any{}
		for _, k := range v.MapKeys() {
			m[k.String()] = shape(v.MapIndex(k))
		}
		return m
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return t.Format(time.RFC3339Nano)
		}
		return members(v)
	case reflect.Invalid:
		return nil
	}
	return v.Interface()
}

func members(v reflect.Value) map[string]any {
	m, sdk := map[string]any{}, strings.HasPrefix(v.Type().PkgPath(), "github.com/aws/")
	for i := range v.NumField() {
		f, member := v.Type().Field(i), v.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || f.Name == "ResultMetadata":
			continue
		case sdk && absent(member), strings.HasPrefix(options, "omit") && member.IsZero():
			continue
		case tag == "":
			tag = f.Name
			if strings.Contains(v.Type().PkgPath(), "/service/ecs") {
				first, size := utf8.DecodeRuneInString(tag)
				tag = string(unicode.ToLower(first)) + tag[size:]
			}
		}
		m[tag] = shape(member)
	}
	return m
}

// absent says whether AWS would leave a member out: numbers and bools are always there.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	return false
}
