package taskdef

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity of a problem.
type Severity string

// An error is refused by AWS or cannot be read; a warning is accepted.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Problem is something that Lint found in a file, or that Read warns about.
type Problem struct {
	Line, Column int // from 1
	Path         string
	Severity     Severity
	Message      string
}

func (p Problem) String() string {
	at := ""
	if p.Path != "" {
		at = p.Path + ": "
	}
	return fmt.Sprintf("%d:%d: %s: %s%s", p.Line, p.Column, p.Severity, at, p.Message)
}

// Lint finds all problems of a file at once, in the order of the file: what cannot be read, what AWS would
// refuse, and what is accepted but has no effect here.
func Lint(data []byte, o ReadOptions) []Problem {
	r := read(data, o)
	found := slices.Clone(r.warnings)
	for _, e := range r.errs {
		found = append(found, Problem{Line: e.Line, Column: e.Column, Path: e.Path, Severity: Error, Message: e.Problem})
	}
	if r.td != nil {
		for _, e := range validate(r.td) {
			if r.caused(e.Path) {
				continue
			}
			message := e.Message
			if e.Hint != "" {
				message += " (" + e.Hint + ")"
			}
			found = append(found, r.at(e.Path, Error, message))
		}
		for _, n := range Ineffective(r.td) {
			found = append(found, r.at(n.Path, Warning, n.Message))
		}
	}
	slices.SortStableFunc(found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return found
}

// caused says whether a broken rule only follows from a member that could not be read.
func (r *reading) caused(path string) bool {
	for p := path; p != ""; p = parent(p) {
		if r.suspects[p] {
			return true
		}
	}
	return false
}

// at gives a path its position, or that of the nearest thing around it that is in the file.
func (r *reading) at(path string, severity Severity, message string) Problem {
	p := Problem{Path: path, Severity: severity, Message: message}
	for around := path; ; around = parent(around) {
		if offset, ok := r.where[around]; ok || around == "" {
			p.Line, p.Column = positionOf(r.data, offset)
			return p
		}
	}
}

func parent(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }
