package wire

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"
)

// Error is an error with a code of one of the protocols' own, for what the SDK has no type for. Handlers
// return the SDK's error types, or this.
type Error struct {
	Code    string
	Message string
	Status  int // HTTP; 0 is 400
}

// Errorf makes an Error with status 400.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string        { return e.Code + ": " + e.Message }
func (e *Error) ErrorCode() string    { return e.Code }
func (e *Error) ErrorMessage() string { return e.Message }

// ErrorFault says whose fault it is, by the status.
func (e *Error) ErrorFault() smithy.ErrorFault {
	if e.Status >= 500 {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// HTTPStatusCode is the status of the answer.
func (e *Error) HTTPStatusCode() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

var _ smithy.APIError = (*Error)(nil)

// statuses has the errors whose HTTP status is neither 400 nor, for the server's faults, 500: the
// SDK's types do not carry it (alb.md 5.4; the ECS module's response snapshots).
var statuses = map[string]int{
	"AccessDeniedException":   http.StatusForbidden,
	"PriorRequestNotComplete": http.StatusTooManyRequests,
	"HealthUnavailable":       http.StatusInternalServerError,
	"InsufficientCapacity":    http.StatusInternalServerError,
}

// statusOf gives the HTTP status of an API error.
func statusOf(err smithy.APIError) int {
	if s, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		return s.HTTPStatusCode()
	}
	if s, ok := statuses[err.ErrorCode()]; ok {
		return s
	}
	if err.ErrorFault() == smithy.FaultServer {
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// DecodeError says which member of a request could not be read as its type, or what is wrong with the
// message as a whole (no Path).
type DecodeError struct {
	Path    string // "containerDefinitions.1.cpu": list members are counted from 1, as AWS does
	Problem string
}

func (e *DecodeError) Error() string {
	if e.Path == "" {
		return e.Problem
	}
	return fmt.Sprintf("%s (at '%s')", e.Problem, e.Path)
}
