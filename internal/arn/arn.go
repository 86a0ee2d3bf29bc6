// Package arn reads and writes the Amazon Resource Names of ECS and Elastic Load Balancing, strictly:
// a name that AWS could not have given out is refused with an Error that says why. Each kind of
// resource is a small comparable type; Parse reads any of them and As one that the caller expects.
//
// Only the long format is known: the short one (no cluster name in the ARN of a service, task or
// container instance) has not been given out since 2021 (ecs-control-plane.md 0.2).
package arn

import (
	"fmt"
	"regexp"
	"strings"
)

// Scope says where a resource lives. An empty Partition means "aws".
type Scope struct {
	Partition, Region, Account string
}

// Resource is one of the types of this package.
type Resource interface {
	fmt.Stringer
	scope() Scope
}

// Error says why a text is not an ARN, or not one of the wanted kind.
type Error struct {
	ARN     string // as given
	Problem string // a phrase without the ARN in it
}

func (e *Error) Error() string { return fmt.Sprintf("'%s' is not a valid ARN: %s", e.ARN, e.Problem) }

// maxLength is longer than any ARN that AWS gives out.
const maxLength = 2048

var (
	partitions = regexp.MustCompile(`^aws(-[a-z]+)*$`)
	regions    = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$`)
	accounts   = regexp.MustCompile(`^[0-9]{12}$`)
)

// Is says whether s looks like an ARN rather than a bare name: requests take either in most places.
func Is(s string) bool { return strings.HasPrefix(s, "arn:") }

// Parse reads the ARN of any resource of ECS or Elastic Load Balancing. The error is an *Error.
func Parse(s string) (Resource, error) {
	if len(s) > maxLength {
		return nil, &Error{s[:64] + "...", "it is too long"}
	}
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return nil, &Error{s, "it has not the form arn:partition:service:region:account:resource"}
	}
	scope := Scope{Partition: parts[1], Region: parts[3], Account: parts[4]}
	switch {
	case !partitions.MatchString(scope.Partition):
		return nil, &Error{s, "the partition is not valid"}
	case !regions.MatchString(scope.Region):
		return nil, &Error{s, "the region is not valid"}
	case !accounts.MatchString(scope.Account):
		return nil, &Error{s, "the account is not a number of 12 digits"}
	}
	var (
		r       Resource
		problem string
	)
	switch parts[2] {
	case "ecs":
		r, problem = parseECS(scope, parts[5])
	case "elasticloadbalancing":
		r, problem = parseELB(scope, parts[5])
	default:
		problem = "the service is neither ecs nor elasticloadbalancing"
	}
	if problem != "" {
		return nil, &Error{s, problem}
	}
	return r, nil
}

// As reads the ARN of one kind of resource: arn.As[arn.Cluster](s). The error is an *Error.
func As[T Resource](s string) (T, error) {
	var none T
	r, err := Parse(s)
	if err != nil {
		return none, err
	}
	want, ok := r.(T)
	if !ok {
		return none, &Error{s, fmt.Sprintf("it names a %s, not a %s", kindOf(r), kindOf(none))}
	}
	return want, nil
}

// ScopeOf returns where a resource lives.
func ScopeOf(r Resource) Scope { return r.scope() }

// kindOf gives the words for a type: "TaskDefinition" becomes "task definition".
func kindOf(r Resource) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", r), "arn.")
	var b strings.Builder
	for i, c := range name {
		if i > 0 && c >= 'A' && c <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

func (s Scope) format(service string, resource ...string) string {
	partition := s.Partition
	if partition == "" {
		partition = "aws"
	}
	return "arn:" + partition + ":" + service + ":" + s.Region + ":" + s.Account + ":" + strings.Join(resource, "/")
}

func (s Scope) scope() Scope { return s }
