package ec2

import (
	"path"
	"slices"
	"strings"

	"miniecs/awsapi/wire"
)

// filter is one condition of a Describe call: the resource must have one of the values.
type filter struct {
	Name   string   `wire:"Name"`
	Values []string `wire:"Value"`
}

// attributes are a resource's values by filter name.
type attributes map[string]string

// tagFilters begin the names of filters by tag, which match nothing here: nothing has tags.
var tagFilters = []string{"tag:", "tag-key", "tag-value"}

// sift returns the resources that match all filters. A filter that none of the resources knows is an
// error, as on EC2.
func sift[T any](all []T, filters []filter, describe func(T) attributes) ([]T, error) {
	out := []T{}
	for _, r := range all {
		ok, err := matches(describe(r), filters)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, r)
		}
	}
	return out, nil
}

func matches(of attributes, filters []filter) (bool, error) {
	all := true
	for _, f := range filters {
		value, known := of[f.Name]
		switch {
		case slices.ContainsFunc(tagFilters, func(p string) bool { return strings.HasPrefix(f.Name, p) }):
			all = false
		case !known:
			return false, wire.Errorf("InvalidParameterValue", "The filter '%s' is invalid", f.Name)
		case !slices.ContainsFunc(f.Values, func(pattern string) bool { return like(pattern, value) }):
			all = false
		}
	}
	return all, nil
}

// like matches EC2's wildcards, * and ?, case-sensitively; a backslash takes a wildcard's meaning away.
func like(pattern, value string) bool {
	// path.Match knows one wildcard more, and its * stops at a slash, which CIDR blocks have.
	pattern = strings.NewReplacer("[", `\[`, "/", "\x00").Replace(pattern)
	ok, err := path.Match(pattern, strings.ReplaceAll(value, "/", "\x00"))
	return ok && err == nil
}

// unknown returns the first id that is none of the known ones: naming what is not there is an error.
func unknown(asked, known []string) (string, bool) {
	for _, id := range asked {
		if !slices.Contains(known, id) {
			return id, true
		}
	}
	return "", false
}

// named says whether a resource was asked for: by one of the ids, or by no id at all.
func named(id string, asked []string) bool { return len(asked) == 0 || slices.Contains(asked, id) }

func boolean(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
