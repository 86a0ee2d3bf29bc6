package wire

import (
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// maxFormDepth is deeper than any member of a Query service: a longer name is nobody's.
const maxFormDepth = 32

// DecodeForm fills the struct that v points to from a Query request's parameters and returns those that
// the struct does not have.
func DecodeForm(form url.Values, v any) (unknown []string, err error) {
	d := decoder{form: true}
	tree := map[string]any{}
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names) // `Tags=` before `Tags.member.1...`: the longer name wins, each time
	for _, name := range names {
		if values := form[name]; len(values) > 0 && !protocolParameter(name) && !plant(tree, name, values[0]) {
			d.unknown = append(d.unknown, name)
		}
	}
	err = d.assign(reflect.ValueOf(v).Elem(), tree, "")
	return d.unknown, err
}

// protocolParameter says whether a parameter belongs to the protocol and not to the operation: what
// selects the operation, and a signature in the query string.
func protocolParameter(name string) bool {
	return name == "Action" || name == "Version" || strings.HasPrefix(name, "X-Amz-")
}

// plant puts a value into the tree under its dotted name.
func plant(tree map[string]any, name, value string) bool {
	parts := strings.SplitN(name, ".", maxFormDepth+1)
	if len(parts) > maxFormDepth {
		return false
	}
	node := tree
	for _, p := range parts[:len(parts)-1] {
		next, ok := node[p].(map[string]any)
		if !ok {
			next = map[string]any{}
			node[p] = next
		}
		node = next
	}
	last := parts[len(parts)-1]
	if _, taken := node[last].(map[string]any); !taken {
		node[last] = value
	}
	return true
}

// formList reads a list: {member: {1: a, 2: b}}, the same without `member` in EC2's dialect, or an empty
// string, which is how clients spell an empty list. Numbers may have gaps (alb.md 5.1).
func formList(src any) ([]any, bool) {
	if s, ok := src.(string); ok {
		return []any{}, s == ""
	}
	m, ok := src.(map[string]any)
	if !ok {
		return nil, false
	}
	if inner, ok := m["member"]; ok && len(m) == 1 {
		if m, ok = inner.(map[string]any); !ok {
			return []any{}, inner == ""
		}
	}
	type item struct {
		n int
		v any
	}
	items := make([]item, 0, len(m))
	for k, v := range m {
		n, err := strconv.Atoi(k)
		if err != nil || n < 0 {
			return nil, false
		}
		items = append(items, item{n, v})
	}
	slices.SortFunc(items, func(a, b item) int { return a.n - b.n })
	out := make([]any, len(items))
	for i, x := range items {
		out[i] = x.v
	}
	return out, true
}

// formMap reads a map: {entry: {1: {key: k, value: v}}}.
func formMap(src any) (map[string]any, bool) {
	if s, ok := src.(string); ok {
		return map[string]any{}, s == ""
	}
	m, ok := src.(map[string]any)
	if !ok {
		return nil, false
	}
	if inner, ok := m["entry"].(map[string]any); ok {
		m = inner
	}
	entries, ok := formList(m)
	if !ok {
		return nil, false
	}
	out := make(map[string]any, len(entries))
	for _, e := range entries {
		pair, ok := e.(map[string]any)
		if !ok {
			return nil, false
		}
		key, ok := pair["key"].(string)
		if !ok {
			return nil, false
		}
		out[key] = pair["value"]
	}
	return out, true
}
