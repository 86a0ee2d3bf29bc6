package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// queryTime is how Query services write a timestamp.
const queryTime = "2006-01-02T15:04:05.000Z"

// EncodeXML writes the answer of a Query operation: its output in an ActionResult element, which is there
// even when it is empty, and the request id (alb.md 5.1).
func EncodeXML(action, namespace, requestID string, v any) ([]byte, error) {
	e := xmlEncoder{item: "member"}
	fmt.Fprintf(&e.b, `<%sResponse xmlns="%s"><%sResult>`, action, namespace, action)
	if err := e.value(reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	fmt.Fprintf(&e.b, "</%sResult><ResponseMetadata>", action)
	e.element("RequestId", requestID)
	fmt.Fprintf(&e.b, "</ResponseMetadata></%sResponse>", action)
	return e.b.Bytes(), nil
}

// encodeEC2 writes the answer of an EC2 operation: members directly in the response, lists of `item`.
func encodeEC2(action, namespace, requestID string, v any) ([]byte, error) {
	e := xmlEncoder{item: "item"}
	e.b.WriteString(xml.Header)
	fmt.Fprintf(&e.b, `<%sResponse xmlns="%s">`, action, namespace)
	e.element("requestId", requestID)
	if err := e.value(reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	fmt.Fprintf(&e.b, "</%sResponse>", action)
	return e.b.Bytes(), nil
}

type xmlEncoder struct {
	b    bytes.Buffer
	item string // the element of a list
}

func (e *xmlEncoder) value(v reflect.Value) error {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	if v.Type() == timeType {
		e.b.WriteString(v.Interface().(time.Time).UTC().Format(queryTime))
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

func (e *xmlEncoder) structure(v reflect.Value) error {
	for _, m := range shapeOf(v.Type()).members {
		f := v.Field(m.field)
		if absent(f) {
			continue
		}
		e.b.WriteString("<" + m.name + ">")
		if err := e.value(f); err != nil {
			return err
		}
		e.b.WriteString("</" + m.name + ">")
	}
	return nil
}

func (e *xmlEncoder) list(v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		e.b.WriteString(base64.StdEncoding.EncodeToString(v.Bytes()))
		return nil
	}
	for i := range v.Len() {
		e.b.WriteString("<" + e.item + ">")
		if err := e.value(v.Index(i)); err != nil {
			return err
		}
		e.b.WriteString("</" + e.item + ">")
	}
	return nil
}

func (e *xmlEncoder) mapping(v reflect.Value) error {
	for _, k := range sortedMapKeys(v) {
		e.b.WriteString("<entry>")
		e.element("key", k.String())
		e.b.WriteString("<value>")
		if err := e.value(v.MapIndex(k)); err != nil {
			return err
		}
		e.b.WriteString("</value></entry>")
	}
	return nil
}

func (e *xmlEncoder) scalar(v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		return xml.EscapeText(&e.b, []byte(v.String()))
	case reflect.Bool:
		e.b.WriteString(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int32, reflect.Int64:
		e.b.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.Float32, reflect.Float64:
		e.b.WriteString(strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()))
	default:
		return fmt.Errorf("type %s has no XML form", v.Type())
	}
	return nil
}

// element writes an element with text in it.
func (e *xmlEncoder) element(name, text string) {
	e.b.WriteString("<" + name + ">")
	_ = xml.EscapeText(&e.b, []byte(text)) // a bytes.Buffer does not fail
	e.b.WriteString("</" + name + ">")
}
