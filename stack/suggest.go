package stack

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// suggestion says which member was meant by one that is not known, if one is close.
func suggestion(t reflect.Type, key string) string {
	if len(key) > 64 { // no name is as long
		return ""
	}
	r, _ := utf8.DecodeRuneInString(key)
	best, least := "", max(2, len(key)/3)+1
	for f := range fields(t) {
		name := f.Name
		if first, size := utf8.DecodeRuneInString(name); unicode.IsLower(r) {
			name = string(unicode.ToLower(first)) + name[size:]
		}
		if d := distance(strings.ToLower(key), strings.ToLower(name)); d < least && d < len(name) {
			best, least = name, d
		}
	}
	switch {
	case best == "":
		return ""
	case least == 0:
		return fmt.Sprintf(": it is spelled %q", best)
	}
	return fmt.Sprintf("; did you mean %q?", best)
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

// distance is how many letters must be changed, added, left out, or swapped with their neighbour.
func distance(a, b string) int {
	before, above := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
