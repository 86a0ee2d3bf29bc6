package wire

import (
	"context"
	"path"
	"reflect"
	"strings"
)

// Protocol is how a service's messages are written.
type Protocol int

const (
	// JSON is AWS JSON 1.0 or 1.1; the operation is named in the X-Amz-Target header.
	JSON Protocol = iota
	// Query takes a form (or a query string) with Action and Version and answers XML.
	Query
	// EC2 is EC2's dialect of Query: flattened lists in, `item` elements out, its own error document.
	// The SDK's EC2 types do not carry its member names: use structs with `wire:"name"` tags.
	EC2
)

// Service is one AWS service: how it is addressed and what answers.
type Service struct {
	Name         string // as in a signature's credential scope: "ecs", "elasticloadbalancing"
	Protocol     Protocol
	TargetPrefix string // JSON: what precedes the operation in X-Amz-Target
	Version      string // Query and EC2: the API version, "2015-12-01"
	Namespace    string // Query and EC2: the XML namespace of answers
	Ops          map[string]Op

	// FaultCode is the error code of an unexpected failure; "InternalFailure" when empty. ECS says
	// ServerException.
	FaultCode string
	// Invalid words what is wrong with a request's members: required ones that are missing, values
	// that are none of an enum. Nil is Constraints("ValidationException") for JSON and
	// Constraints("ValidationError") for the others.
	Invalid func([]Violation) error
}

// Op is one operation: see Handle.
type Op struct {
	in        reflect.Type
	call      func(ctx context.Context, in any) (any, error)
	unchecked []string
}

// Handle makes an operation of a typed function. In and Out are structs, the SDK's input and output
// types as a rule. A nil *Out with a nil error answers an empty output.
func Handle[In, Out any](fn func(context.Context, *In) (*Out, error)) Op {
	return Op{
		in: reflect.TypeFor[In](),
		call: func(ctx context.Context, in any) (any, error) {
			out, err := fn(ctx, in.(*In))
			if err != nil {
				return nil, err
			}
			if out == nil {
				out = new(Out)
			}
			return out, nil
		},
	}
}

// Unchecked leaves the check of these members, and of all that is in them, to the handler, for it has
// better words than the general ones. Members are named as on the wire, with dots and without indices:
// "containerDefinitions.name". Without an argument nothing is checked.
func (o Op) Unchecked(members ...string) Op {
	if len(members) == 0 {
		members = []string{""}
	}
	o.unchecked = append(append([]string{}, o.unchecked...), members...)
	return o
}

// module is the SDK module that a service's types come from ("ecs"), which is the key of the generated
// tables; "" for types of our own.
func (s *Service) module() string {
	for _, op := range s.Ops {
		if m := moduleOf(op.in); m != "" {
			return m
		}
	}
	return ""
}

const sdkServices = "github.com/aws/aws-sdk-go-v2/service/"

// moduleOf names the SDK module that a type belongs to.
func moduleOf(t reflect.Type) string {
	p, ok := strings.CutPrefix(t.PkgPath(), sdkServices)
	if !ok {
		return ""
	}
	return strings.TrimSuffix(path.Clean(p), "/types")
}
