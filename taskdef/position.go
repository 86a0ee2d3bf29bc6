package taskdef

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// positionOf turns a byte offset into line and column, both from 1; a column is a character, as editors count.
func positionOf(data []byte, offset int) (line, column int) {
	offset = min(max(offset, 0), len(data))
	before := data[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

// syntaxError gives hujson's error its position in characters and its plain words.
func syntaxError(data []byte, err error) *FieldError {
	var line, column int
	if _, scanErr := fmt.Sscanf(err.Error(), "hujson: line %d, column %d:", &line, &column); scanErr != nil {
		return &FieldError{Line: 1, Column: 1, Problem: "not JSON: " + err.Error()}
	}
	offset := 0
	for range line - 1 {
		offset += bytes.IndexByte(data[offset:], '\n') + 1
	}
	problem := err.Error()
	if inner := errors.Unwrap(err); inner != nil {
		problem = inner.Error()
	}
	e := &FieldError{Problem: "not JSON: " + problem}
	e.Line, e.Column = positionOf(data, offset+column-1)
	return e
}

// maxDepth is far more than a definition needs, and little enough for a parser that calls itself.
const maxDepth = 100

// tooDeep finds where brackets nest deeper than maxDepth, outside strings and comments; -1 if nowhere.
func tooDeep(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case c == '/' && bytes.HasPrefix(data[i:], []byte("//")):
			if end := bytes.IndexByte(data[i:], '\n'); end >= 0 {
				i += end
			} else {
				return -1
			}
		case c == '/' && bytes.HasPrefix(data[i:], []byte("/*")):
			if end := bytes.Index(data[i+2:], []byte("*/")); end >= 0 {
				i += 2 + end + 1
			} else {
				return -1
			}
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return i
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}

// looksLikeYAML is asked of what does not begin like JSON.
func looksLikeYAML(data []byte) bool {
	for line := range strings.Lines(string(data[:min(len(data), 4096)])) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "---"), strings.HasPrefix(line, "- "):
			return true
		default:
			key, _, found := strings.Cut(line, ":")
			return found && !strings.ContainsAny(key, "{}[]\"/ ")
		}
	}
	return false
}
