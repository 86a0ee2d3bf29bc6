package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// EncodeJSON writes v, a struct or a pointer to one, as AWS JSON. Unlike the SDK's own serializers it
// writes zeros and false, as the services do: `runningCount` is there when it is 0. What is left out:
// nil pointers, nil slices and maps, and empty enums. An empty list that is not nil is written.
func EncodeJSON(v any) ([]byte, error) {
	var e jsonEncoder
	if err := e.value(reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	return e.b.Bytes(), nil
}

type jsonEncoder struct{ b bytes.Buffer }

func (e *jsonEncoder) value(v reflect.Value) error {
	if v.Kind() == reflect.Interface {
		if doc, ok := v.Interface().(interface{ MarshalSmithyDocument() ([]byte, error) }); ok {
			raw, err := doc.MarshalSmithyDocument()
			e.b.Write(raw)
			return err
		}
		v = v.Elem()
	}
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() {
		e.b.WriteString("null")
		return nil
	}
	if name, ok := variantNames[v.Type()]; ok {
		e.b.WriteString("{" + strconv.Quote(name) + ":")
		if err := e.value(v.FieldByName("Value")); err != nil {
			return err
		}
		e.b.WriteByte('}')
		return nil
	}
	if v.Type() == timeType {
		ms := v.Interface().(time.Time).UnixMilli()
		e.b.WriteString(strconv.FormatFloat(float64(ms)/1e3, 'f', -1, 64))
		return nil
	}
	switch v.Kind() {
	case reflect.Struct:
		return e.structure(v)
	case reflect.Slice:
		return e.list(v)
	case reflect.Map:
		return e.mapping(v)
	}
	return e.scalar(v)
}

func (e *jsonEncoder) structure(v reflect.Value) error {
	e.b.WriteByte('{')
	n := 0
	for _, m := range shapeOf(v.Type()).members {
		f := v.Field(m.field)
		if absent(f) {
			continue
		}
		if n > 0 {
			e.b.WriteByte(',')
		}
		n++
		e.b.WriteString(strconv.Quote(m.name) + ":")
		if err := e.value(f); err != nil {
			return err
		}
	}
	e.b.WriteByte('}')
	return nil
}

func (e *jsonEncoder) list(v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		e.b.WriteString(`"` + base64.StdEncoding.EncodeToString(v.Bytes()) + `"`)
		return nil
	}
	e.b.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			e.b.WriteByte(',')
		}
		if err := e.value(v.Index(i)); err != nil {
			return err
		}
	}
	e.b.WriteByte(']')
	return nil
}

func (e *jsonEncoder) mapping(v reflect.Value) error {
	e.b.WriteByte('{')
	for i, k := range sortedMapKeys(v) {
		if i > 0 {
			e.b.WriteByte(',')
		}
		if err := e.text(k.String()); err != nil {
			return err
		}
		e.b.WriteByte(':')
		if err := e.value(v.MapIndex(k)); err != nil {
			return err
		}
	}
	e.b.WriteByte('}')
	return nil
}

func (e *jsonEncoder) scalar(v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		return e.text(v.String())
	case reflect.Bool:
		e.b.WriteString(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int32, reflect.Int64:
		e.b.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.Float32, reflect.Float64:
		f := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%v has no JSON form", f)
		}
		e.b.WriteString(strconv.FormatFloat(f, 'g', -1, v.Type().Bits()))
	default:
		return fmt.Errorf("type %s has no JSON form", v.Type())
	}
	return nil
}

// text writes a string. AWS does not escape <, > and &, which encoding/json would for the sake of HTML.
func (e *jsonEncoder) text(s string) error {
	out := json.NewEncoder(&e.b)
	out.SetEscapeHTML(false)
	if err := out.Encode(s); err != nil {
		return err
	}
	e.b.Truncate(e.b.Len() - 1) // Encode ends with a line feed
	return nil
}

// absent says whether a member has no value at all; a zero number or false is a value.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0 // only enums are bare strings, and "" is none of them
	}
	return false
}

func sortedMapKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		switch {
		case a.String() < b.String():
			return -1
		case a.String() > b.String():
			return 1
		}
		return 0
	})
	return keys
}
