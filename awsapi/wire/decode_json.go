package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
)

// DecodeJSON fills the struct that v points to from an AWS JSON message and returns the paths of members
// that the struct does not have. An empty message is an empty structure. Nesting is limited by
// encoding/json (10,000 levels), so a message of brackets ends in an error, not in an exhausted stack.
func DecodeJSON(body []byte, v any) (unknown []string, err error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	in := json.NewDecoder(bytes.NewReader(body))
	in.UseNumber()
	var tree any
	if err := in.Decode(&tree); err != nil {
		return nil, &DecodeError{Problem: syntaxProblem(err)}
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, &DecodeError{Problem: "The message has more than one JSON value."}
	}
	if tree == nil {
		return nil, &DecodeError{Problem: "The message is not a JSON structure."}
	}
	var d decoder
	err = d.assign(reflect.ValueOf(v).Elem(), tree, "")
	return d.unknown, err
}

// syntaxProblem words an error of encoding/json without the bytes of the message.
func syntaxProblem(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "Unexpected end of JSON input."
	}
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		return "The message is not valid JSON: " + bad.Error() + "."
	}
	return "The message is not valid JSON."
}
