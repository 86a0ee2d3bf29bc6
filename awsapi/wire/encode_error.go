package wire

import (
	"encoding/xml"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/aws/smithy-go"
)

// jsonCode is how JSON services spell a code that the protocols share: with "Exception" at the end.
// "InternalFailure" is the same in both.
func jsonCode(code string) string {
	if c, ok := jsonCodes[code]; ok {
		return c
	}
	switch code {
	case "MissingAuthenticationToken", "IncompleteSignature", "RequestExpired", "RequestEntityTooLarge", "IncompleteBody":
		return code + "Exception"
	}
	return code
}

// encodeError writes an error in the form of a protocol.
func encodeError(p Protocol, namespace, requestID, code string, err smithy.APIError) []byte {
	if p == JSON {
		return jsonError(code, err)
	}
	e := xmlEncoder{}
	if p == EC2 {
		e.b.WriteString(xml.Header + "<Response><Errors><Error>")
		e.element("Code", code)
		e.element("Message", err.ErrorMessage())
		e.b.WriteString("</Error></Errors>")
		e.element("RequestID", requestID)
		e.b.WriteString("</Response>")
		return e.b.Bytes()
	}
	side := "Sender"
	if statusOf(err) >= 500 {
		side = "Receiver"
	}
	e.b.WriteString("<ErrorResponse")
	if namespace != "" {
		fmt.Fprintf(&e.b, ` xmlns="%s"`, namespace)
	}
	e.b.WriteString("><Error>")
	e.element("Type", side)
	e.element("Code", code)
	e.element("Message", err.ErrorMessage())
	e.b.WriteString("</Error>")
	e.element("RequestId", requestID)
	e.b.WriteString("</ErrorResponse>")
	return e.b.Bytes()
}

// jsonError writes code, message and whatever else the error type has: ConflictException names resources.
func jsonError(code string, err smithy.APIError) []byte {
	var e jsonEncoder
	e.b.WriteString(`{"__type":` + strconv.Quote(code) + `,"message":`)
	_ = e.text(err.ErrorMessage()) // a string and a bytes.Buffer: neither fails
	v := reflect.ValueOf(err)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct && moduleOf(v.Type()) != "" {
		for _, m := range shapeOf(v.Type()).members {
			f := v.Field(m.field)
			if strings.EqualFold(m.name, "message") || absent(f) {
				continue
			}
			before := e.b.Len()
			e.b.WriteString("," + strconv.Quote(m.name) + ":")
			if e.value(f) != nil {
				e.b.Truncate(before)
			}
		}
	}
	e.b.WriteByte('}')
	return e.b.Bytes()
}
