package taskdef

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// FieldError is one fault of a file: not JSON, an unknown member, a wrong type.
type FieldError struct {
	Path         string // containerDefinitions[0].portMappings[1].hostPort; "" is the whole file
	Line, Column int    // from 1; columns count characters
	Problem      string
}

func (e *FieldError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Problem)
	}
	return fmt.Sprintf("%d:%d: %s: %s", e.Line, e.Column, e.Path, e.Problem)
}

// Codes of AWS's errors that a ValidationError can have.
const (
	CodeClient           = "ClientException"
	CodeInvalidParameter = "InvalidParameterException"
)

// ValidationError is one rule of AWS's that a definition breaks, in AWS's words.
type ValidationError struct {
	Code    string // CodeClient or CodeInvalidParameter
	Message string // what the API answers, to the letter
	Path    string // where, in the spelling of FieldError; for people
	Hint    string // what Message leaves unsaid; for people, never over the API
}

func (e *ValidationError) Error() string { return e.Message }

// First is the problem that the API reports: AWS stops at the first. It is nil if err holds none.
func First(err error) *ValidationError {
	first, _ := errors.AsType[*ValidationError](err)
	return first
}

// problems gathers ValidationErrors in AWS's order of checking.
type problems []*ValidationError

func (p *problems) client(path, format string, args ...any) *ValidationError {
	return p.add(CodeClient, path, fmt.Sprintf(format, args...))
}

func (p *problems) parameter(path, format string, args ...any) *ValidationError {
	return p.add(CodeInvalidParameter, path, fmt.Sprintf(format, args...))
}

func (p *problems) add(code, path, message string) *ValidationError {
	e := &ValidationError{Code: code, Message: message, Path: path}
	*p = append(*p, e)
	return e
}

// hint adds what a person may want to know beside AWS's words.
func (e *ValidationError) hint(format string, args ...any) { e.Hint = fmt.Sprintf(format, args...) }

func (p problems) err() error {
	var all *multierror.Error
	for _, e := range p {
		all = multierror.Append(all, e)
	}
	return all.ErrorOrNil()
}

// oneOf reports a value outside an enumeration. Only the message for log drivers is known
// (task-definition.md 7.8); the others follow its pattern.
func (p *problems) oneOf(path, what, value string, allowed ...string) {
	if value == "" {
		return
	}
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	p.client(path, "%s is not a valid %s. Must be one of [%s]", value, what, strings.Join(allowed, ","))
}
