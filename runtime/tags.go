package runtime

import (
	"context"
	"slices"
	"strings"

	"miniecs/taskdef"
)

// taggable finds the tags of a resource by ARN and the key of its record; r.mu is held. A task definition's tags are
// kept in taskdef's type, hence the two functions.
func (r *Runtime) taggable(arn string) (get func() []Tag, set func([]Tag), key string, err error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "ecs" {
		return nil, nil, "", refuse(Invalid, "The specified ARN %q is not valid. Specify a valid ARN and try again.", arn)
	}
	kind, id := cutKey(parts[5])
	on := func(tags *[]Tag) (func() []Tag, func([]Tag)) {
		return func() []Tag { return *tags }, func(t []Tag) { *tags = t }
	}
	switch kind {
	case "cluster":
		if c := r.clusters[id]; c != nil {
			get, set = on(&c.Tags)
			return get, set, "cluster/" + id, nil
		}
	case "service":
		cluster, name := cutKey(id)
		if name == "" {
			return nil, nil, "", refuse(Invalid, "Long arn format must be used for tagging operations")
		}
		if s := r.services[serviceKey{cluster, name}]; s != nil && s.Status != StatusInactive {
			get, set = on(&s.Tags)
			return get, set, "service/" + id, nil
		}
	case "task":
		if t := r.tasks[lastPart(id)]; t != nil {
			get, set = on(&t.Tags)
			return get, set, "task/" + t.ID, nil
		}
	case "task-definition":
		if td, _ := r.findRevision(arn); td != nil {
			return func() []Tag { return tagsOf(td) }, func(t []Tag) { setTags(td, t) },
				"revision/" + strings.Replace(id, ":", "/", 1), nil
		}
	case "container-instance":
		cluster, instance := cutKey(id)
		if c := r.clusters[cluster]; c != nil && c.InstanceID == instance {
			get, set = on(&c.InstanceTags)
			return get, set, "cluster/" + cluster, nil
		}
	}
	return nil, nil, "", refuse(Invalid, "The specified %s was not found. Specify a valid ARN and try again.", kind)
}

func tagsOf(td *taskdef.TaskDefinition) []Tag {
	var out []Tag
	for _, t := range td.Tags {
		out = append(out, Tag(t))
	}
	return out
}

func setTags(td *taskdef.TaskDefinition, tags []Tag) {
	td.Tags = nil
	for _, t := range tags {
		td.Tags = append(td.Tags, taskdef.Tag(t))
	}
}

// TagResource adds tags and replaces the values of existing keys.
func (r *Runtime) TagResource(ctx context.Context, arn string, tags []Tag) error {
	return r.retag(ctx, arn, func(old []Tag) ([]Tag, error) {
		merged := mergeTags(old, tags)
		if len(merged) > 50 {
			return nil, refuse(Invalid, "Tags can not have more than 50 elements.")
		}
		return merged, nil
	})
}

// UntagResource removes tags by key; missing ones are no error.
func (r *Runtime) UntagResource(ctx context.Context, arn string, keys []string) error {
	return r.retag(ctx, arn, func(old []Tag) ([]Tag, error) {
		return slices.DeleteFunc(slices.Clone(old), func(t Tag) bool { return slices.Contains(keys, t.Key) }), nil
	})
}

func (r *Runtime) retag(ctx context.Context, arn string, change func([]Tag) ([]Tag, error)) error {
	r.mu.Lock()
	get, set, key, err := r.taggable(arn)
	if err == nil {
		var tags []Tag
		if tags, err = change(get()); err == nil {
			set(tags)
			r.touch(key)
		}
	}
	r.mu.Unlock()
	if err != nil {
		return err
	}
	return r.save(ctx)
}

// ListTags gives a resource's tags.
func (r *Runtime) ListTags(_ context.Context, arn string) ([]Tag, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	get, _, _, err := r.taggable(arn)
	if err != nil {
		return nil, err
	}
	return slices.Clone(get()), nil
}

// mergeTags gives old with the tags of add, whose values win.
func mergeTags(old, add []Tag) []Tag {
	out := slices.Clone(old)
	for _, t := range add {
		if i := slices.IndexFunc(out, func(o Tag) bool { return o.Key == t.Key }); i >= 0 {
			out[i].Value = t.Value
		} else {
			out = append(out, t)
		}
	}
	return out
}
