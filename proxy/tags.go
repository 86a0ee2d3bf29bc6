package proxy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"miniecs/store"
)

// URLTag is a tag that a load balancer and a listener bear when the listener had to move to another port: where it
// answers (design.md 6).
const URLTag = "miniecs:url"

func checkTags(tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case seen[t.Key]:
			return refuse(CodeDuplicateTagKeys, "A tag key was specified more than once.")
		case t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 || strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return refuse(CodeValidation, "The tag key '%s' is not valid", t.Key)
		}
		seen[t.Key] = true
	}
	if len(tags) > 50 {
		return refuse(CodeTooManyTags, "You've reached the limit on the number of tags for this load balancer.")
	}
	return nil
}

// tagsOf finds the tags of a resource; p.mu is held.
func (p *Proxy) tagsOf(arn string) (*[]Tag, func() store.Change, error) {
	switch {
	case strings.Contains(arn, ":loadbalancer/"):
		if lb := p.balancers[arn]; lb != nil {
			return &lb.Tags, func() store.Change { return record("balancer", lb.ID, lb) }, nil
		}
		return nil, nil, refuse(CodeLoadBalancerNotFound, "One or more load balancers not found")
	case strings.Contains(arn, ":targetgroup/"):
		if g := p.groups[arn]; g != nil {
			return &g.Tags, g.change, nil
		}
		return nil, nil, refuse(CodeTargetGroupNotFound, "One or more target groups not found")
	case strings.Contains(arn, ":listener/"):
		if l := p.listeners[arn]; l != nil {
			return &l.Tags, func() store.Change { return record("listener", l.ID, l) }, nil
		}
		return nil, nil, refuse(CodeListenerNotFound, "One or more listeners not found")
	case strings.Contains(arn, ":listener-rule/"):
		return nil, nil, refuse(CodeRuleNotFound, "One or more rules not found")
	}
	return nil, nil, refuse(CodeValidation, "'%s' is not a valid load balancer ARN", arn)
}

// Tags gives the tags of a resource, and where a moved listener answers.
func (p *Proxy) Tags(arn string) ([]Tag, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	tags, _, err := p.tagsOf(arn)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(*tags)
	for _, l := range p.listeners {
		if (l.ARN == arn || l.LoadBalancerARN == arn) && l.BoundPort != 0 && l.BoundPort != l.Port {
			out = append(out, Tag{URLTag, fmt.Sprintf("http://localhost:%d", l.BoundPort)})
			break
		}
	}
	return out, nil
}

// AddTags adds tags to resources and replaces the values of existing keys.
func (p *Proxy) AddTags(ctx context.Context, arns []string, tags []Tag) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return p.retag(ctx, arns, func(old []Tag) []Tag {
		out := slices.Clone(old)
		for _, t := range tags {
			if i := slices.IndexFunc(out, func(o Tag) bool { return o.Key == t.Key }); i >= 0 {
				out[i].Value = t.Value
			} else {
				out = append(out, t)
			}
		}
		return out
	})
}

// RemoveTags removes tags by key; unknown keys are ignored.
func (p *Proxy) RemoveTags(ctx context.Context, arns, keys []string) error {
	return p.retag(ctx, arns, func(old []Tag) []Tag {
		return slices.DeleteFunc(slices.Clone(old), func(t Tag) bool { return slices.Contains(keys, t.Key) })
	})
}

func (p *Proxy) retag(ctx context.Context, arns []string, f func([]Tag) []Tag) error {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	next := map[*[]Tag][]Tag{}
	for _, arn := range arns {
		tags, _, err := p.tagsOf(arn)
		if err != nil {
			p.mu.Unlock()
			return err
		}
		next[tags] = f(*tags)
		if len(next[tags]) > 50 {
			p.mu.Unlock()
			return refuse(CodeTooManyTags, "You've reached the limit on the number of tags for this load balancer.")
		}
	}
	var changes []store.Change
	for _, arn := range arns {
		tags, change, _ := p.tagsOf(arn)
		old := *tags
		*tags = next[tags]
		changes = append(changes, change())
		*tags = old
	}
	p.mu.Unlock()
	if err := p.commit(ctx, changes...); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for tags, v := range next {
		*tags = v
	}
	return nil
}
