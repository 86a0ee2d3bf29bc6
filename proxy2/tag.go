package proxy

import (
	"context"
	"slices"
	"strings"

	"miniecs/internal/arn"
	"miniecs/store"
)

// URLTag is a tag that load balancers with a listener bear, and listeners: where they are reached from this machine.
// It is not stored: it says what is true.
const URLTag = "miniecs:url"

// checkNewTags checks the tags that a creation brings.
func checkNewTags(tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case t.Key == "" || len(t.Key) > 128:
			return invalid("Tag key '%s' must have between 1 and 128 characters", t.Key)
		case len(t.Value) > 256:
			return invalid("Tag value of '%s' cannot be longer than '256' characters", t.Key)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return invalid("Tag key '%s' cannot begin with 'aws:'", t.Key)
		case seen[t.Key]:
			return refuse(CodeDuplicateTagKeys, "A tag key was specified more than once.")
		}
		seen[t.Key] = true
	}
	if len(tags) > maxTags {
		return refuse(CodeTooManyTags, "You've reached the limit on the number of tags for this resource.")
	}
	return nil
}

// tagged finds a resource's tags and how to replace them. change or mu is held.
func (p *Proxy) tagged(id string) (tags []Tag, write func([]Tag) (store.Change, func()), err error) {
	r, err := arn.Parse(id)
	if err != nil {
		return nil, nil, invalid("'%s' is not a valid ARN", id)
	}
	switch r.(type) {
	case arn.LoadBalancer:
		b, err := p.balancer(id)
		if err != nil {
			return nil, nil, err
		}
		return b.Tags, func(tags []Tag) (store.Change, func()) {
			next := *b
			next.Tags = tags
			return put(kindBalancer, id, next), func() { p.balancers[id] = &next }
		}, nil
	case arn.TargetGroup:
		g, err := p.group(id)
		if err != nil {
			return nil, nil, err
		}
		return g.conf.Tags, func(tags []Tag) (store.Change, func()) {
			next := *g.conf
			next.Tags = tags
			return put(kindGroup, id, next), func() { g.conf = &next }
		}, nil
	case arn.Listener:
		l, err := p.listener(id)
		if err != nil {
			return nil, nil, err
		}
		return l.conf.Tags, func(tags []Tag) (store.Change, func()) {
			next := l.conf
			next.Tags = tags
			return put(kindListener, next.ARN, next), func() { l.conf.Tags = tags }
		}, nil
	case arn.Rule:
		l, err := p.ruleOwner(id)
		if err != nil {
			return nil, nil, err
		}
		return l.conf.RuleTags, func(tags []Tag) (store.Change, func()) {
			next := l.conf
			next.RuleTags = tags
			return put(kindListener, next.ARN, next), func() { l.conf.RuleTags = tags }
		}, nil
	}
	return nil, nil, invalid("'%s' is not a valid ARN", id)
}

// Tags gives the tags of a load balancer, target group, listener or default rule.
func (p *Proxy) Tags(id string) ([]Tag, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	tags, _, err := p.tagged(id)
	if err != nil {
		return nil, err
	}
	if url, ok := p.url(id); ok {
		tags = append(slices.Clone(tags), Tag{URLTag, url})
	}
	return tags, nil
}

// url is where a load balancer (its lowest port) or a listener is reached.
func (p *Proxy) url(id string) (string, bool) {
	if l := p.listeners[id]; l != nil {
		return l.conf.URL(), true
	}
	if theirs := p.listenersOf(id); len(theirs) > 0 {
		return theirs[0].conf.URL(), true
	}
	return "", false
}

// AddTags adds tags to resources, in place of those with the same keys. If one resource is unknown, none is changed.
func (p *Proxy) AddTags(ctx context.Context, arns []string, tags []Tag) error {
	if err := checkNewTags(tags); err != nil {
		return err
	}
	if slices.ContainsFunc(tags, func(t Tag) bool { return t.Key == URLTag }) {
		return invalid("Tag key '%s' is kept by miniecs itself", URLTag)
	}
	return p.retag(ctx, arns, func(old []Tag) []Tag {
		out := slices.Clone(old)
		for _, t := range tags {
			if i := slices.IndexFunc(out, func(o Tag) bool { return o.Key == t.Key }); i >= 0 {
				out[i] = t
			} else {
				out = append(out, t)
			}
		}
		return out
	})
}

// RemoveTags removes tags by their keys; keys that are not there are no error.
func (p *Proxy) RemoveTags(ctx context.Context, arns, keys []string) error {
	return p.retag(ctx, arns, func(old []Tag) []Tag {
		return slices.DeleteFunc(slices.Clone(old), func(t Tag) bool { return slices.Contains(keys, t.Key) })
	})
}

func (p *Proxy) retag(ctx context.Context, arns []string, edit func([]Tag) []Tag) error {
	p.change.Lock()
	defer p.change.Unlock()
	for _, id := range arns {
		old, _, err := p.tagged(id)
		if err != nil {
			return err
		}
		if err := checkNewTags(edit(old)); err != nil {
			return err
		}
	}
	// One after the other: a listener and its rule are in one record.
	for _, id := range arns {
		old, write, err := p.tagged(id)
		if err != nil {
			return err
		}
		change, apply := write(edit(old))
		if err := p.commit(ctx, change); err != nil {
			return err
		}
		p.mu.Lock()
		apply()
		p.mu.Unlock()
	}
	return nil
}
