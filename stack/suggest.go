package stack

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"miniecs/internal/spell"
)

// suggestion says which member was meant by one that is not known, if one is close.
func suggestion(t reflect.Type, key string) string {
	r, _ := utf8.DecodeRuneInString(key)
	var known []string
	for f := range fields(t) {
		name := f.Name
		if first, size := utf8.DecodeRuneInString(name); unicode.IsLower(r) {
			name = string(unicode.ToLower(first)) + name[size:]
		}
		known = append(known, name)
	}
	switch best := spell.Nearest(key, known); {
	case best == "":
		return ""
	case strings.EqualFold(best, key):
		return fmt.Sprintf(": it is spelled %q", best)
	default:
		return fmt.Sprintf("; did you mean %q?", best)
	}
}

// fields gives the members that a file can have; those of an embedded input are the outer's.
func fields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for _, f := range reflect.VisibleFields(t) {
			if f.IsExported() && !f.Anonymous && f.Name != "ResultMetadata" && !yield(f) {
				return
			}
		}
	}
}
