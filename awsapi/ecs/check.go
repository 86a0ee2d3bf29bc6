package ecs

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
)

// enum is a string type of the SDK that knows its values.
type enum[T any] interface {
	~string
	Values() []T
}

func list[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return strings.Join(words, ",")
}

// known says whether a value is in its enumeration; an absent one is.
func known[T enum[T]](v T) bool { return v == "" || slices.Contains(v.Values(), v) }

// launchType refuses an unknown launch type with its own message and type (ecs-control-plane.md 7.5).
func launchType(t types.LaunchType) error {
	switch t {
	case "", types.LaunchTypeEc2, types.LaunchTypeFargate, types.LaunchTypeExternal, types.LaunchTypeManagedInstances:
		return nil
	}
	return client("launch type should be one of [EC2,FARGATE,EXTERNAL]")
}

// includes checks the values of `include` and tells what is asked for (task-definition.md 7.8; the double brackets are
// AWS's).
func includes[T enum[T]](given []T) (func(T) bool, error) {
	asked := map[T]bool{}
	for _, g := range given {
		if g == "" || !known(g) {
			return nil, invalid("%s is not a valid value for include. The value must be one of [[%s]]",
				string(g), strings.ReplaceAll(list(g.Values()), ",", ", "))
		}
		asked[g] = true
	}
	return func(v T) bool { return asked[v] }, nil
}

// atMost refuses a batch that is too long (ecs-control-plane.md 7.1). AWS's words are not known.
func atMost(what string, n, limit int) error {
	if n > limit {
		return invalid("%s can have at most %d items.", what, limit)
	}
	return nil
}

// first gives the first error: AWS reports no more.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Limits of tags (ecs-control-plane.md 7.3).
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// tagsIn checks the tags of a request and gives them in the runtime's type.
func tagsIn(tags []types.Tag) ([]runtime.Tag, error) {
	if len(tags) > maxTags {
		return nil, invalid("The maximum number of tags is %d.", maxTags)
	}
	var all []runtime.Tag
	seen := map[string]bool{}
	for _, t := range tags {
		tag := runtime.Tag{Key: value(t.Key), Value: value(t.Value)}
		if err := checkTag(tag); err != nil {
			return nil, err
		}
		if seen[tag.Key] {
			return nil, invalid("Duplicate tag keys found: %s", tag.Key)
		}
		seen[tag.Key] = true
		all = append(all, tag)
	}
	return all, nil
}

func checkTag(t runtime.Tag) error {
	switch {
	case t.Key == "" || utf8.RuneCountInString(t.Key) > maxTagKey:
		return invalid("Tag keys must have between 1 and %d characters.", maxTagKey)
	case utf8.RuneCountInString(t.Value) > maxTagValue:
		return invalid("Tag values must have at most %d characters.", maxTagValue)
	case reserved(t.Key) || reserved(t.Value):
		return invalid("Tag keys and values must not begin with aws: %s", t.Key)
	}
	for _, s := range []string{t.Key, t.Value} {
		for _, r := range s {
			if !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r) {
				return invalid("Some tags contain invalid characters. " +
					"Valid characters: UTF-8 letters, spaces, numbers and _ . / = + - : @.")
			}
		}
	}
	return nil
}

func reserved(s string) bool { return len(s) >= 4 && strings.EqualFold(s[:4], "aws:") }

// tagsOut never gives nil: where tags are shown at all, none are an empty list.
func tagsOut(tags []runtime.Tag) []types.Tag {
	all := make([]types.Tag, len(tags))
	for i, t := range tags {
		all[i] = types.Tag{Key: ptr(t.Key), Value: ptr(t.Value)}
	}
	return all
}

// notEmpty refuses an empty batch (ecs-control-plane.md 7.5: "Tasks cannot be empty.").
func notEmpty(what string, n int) error {
	if n == 0 {
		return invalid("%s cannot be empty.", what)
	}
	return nil
}
