package stack

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// listeners makes the listeners of the file, each known by its port, and removes those of ours that it has no more.
func (u *up) listeners(ctx context.Context, res *Result) error {
	have, err := u.c.listenersOf(ctx, aws.ToString(u.balancer.LoadBalancerArn))
	if err != nil {
		return err
	}
	if err := u.dropListeners(ctx, have); err != nil {
		return err
	}
	for _, want := range u.s.listener {
		if want.DefaultActions, err = u.actions(ctx, want.DefaultActions); err != nil {
			return err
		}
		arn, err := u.listen(ctx, want, have)
		if err != nil {
			return err
		}
		if err := u.locate(ctx, arn, want, res); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) listenersOf(ctx context.Context, balancer string) ([]types.Listener, error) {
	var all []types.Listener
	pages := elb.NewDescribeListenersPaginator(c.ELB, &elb.DescribeListenersInput{LoadBalancerArn: &balancer})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe listeners: %w", c.Explain(err))
		}
		all = append(all, page.Listeners...)
	}
	return all, nil
}

// dropListeners comes first: a port that the file has given up may be wanted by another.
func (u *up) dropListeners(ctx context.Context, have []types.Listener) error {
	for _, l := range have {
		if slices.ContainsFunc(u.s.listener, func(w elb.CreateListenerInput) bool { return aws.ToInt32(w.Port) == aws.ToInt32(l.Port) }) {
			continue
		}
		arn := aws.ToString(l.ListenerArn)
		tags, err := u.c.elbTags(ctx, []string{arn})
		if err != nil {
			return err
		}
		if tags[arn][Tag] != u.s.Name {
			continue // made by hand
		}
		if _, err := u.c.ELB.DeleteListener(ctx, &elb.DeleteListenerInput{ListenerArn: &arn}); err != nil {
			return fmt.Errorf("delete the listener on port %d: %w", aws.ToInt32(l.Port), u.c.Explain(err))
		}
		u.say("listener", listenerName(l.Protocol, l.Port), Removed, "")
	}
	return nil
}

func listenerName(p types.ProtocolEnum, port *int32) string {
	return fmt.Sprintf("%s:%d", p, aws.ToInt32(port))
}

// listen creates or modifies one listener and gives its ARN.
func (u *up) listen(ctx context.Context, want elb.CreateListenerInput, have []types.Listener) (string, error) {
	name := listenerName(want.Protocol, want.Port)
	i := slices.IndexFunc(have, func(l types.Listener) bool { return aws.ToInt32(l.Port) == aws.ToInt32(want.Port) })
	if i < 0 {
		want.LoadBalancerArn = u.balancer.LoadBalancerArn
		want.Tags = append(slices.Clone(want.Tags), u.s.elbTag())
		out, err := u.c.ELB.CreateListener(ctx, &want)
		if err != nil {
			return "", fmt.Errorf("create listener %s: %w", name, u.c.Explain(err))
		}
		u.say("listener", name, Created, "")
		return aws.ToString(out.Listeners[0].ListenerArn), nil
	}
	arn := aws.ToString(have[i].ListenerArn)
	now := have[i]
	now.DefaultActions = canonical(now.DefaultActions)
	compare := want
	compare.DefaultActions = canonical(want.DefaultActions)
	tagged, err := u.elbRetag(ctx, arn, want.Tags)
	if err != nil {
		return "", err
	}
	members := changed(compare, now)
	if len(members) == 0 {
		u.say("listener", name, status(tagged), "")
		return arn, nil
	}
	in := &elb.ModifyListenerInput{ListenerArn: &arn}
	if fixed := assign(in, want, members); len(fixed) > 0 {
		return "", &ImmutableError{"listener", name, fixed}
	}
	if _, err := u.c.ELB.ModifyListener(ctx, in); err != nil {
		return "", fmt.Errorf("modify listener %s: %w", name, u.c.Explain(err))
	}
	u.say("listener", name, Updated, list(members))
	return arn, nil
}

// actions puts ARNs where the file has names of target groups.
func (u *up) actions(ctx context.Context, in []types.Action) ([]types.Action, error) {
	out := slices.Clone(in)
	for i := range out {
		if err := u.resolve(ctx, &out[i].TargetGroupArn); err != nil {
			return nil, err
		}
		if f := out[i].ForwardConfig; f != nil {
			copied := *f
			copied.TargetGroups = slices.Clone(f.TargetGroups)
			for j := range copied.TargetGroups {
				if err := u.resolve(ctx, &copied.TargetGroups[j].TargetGroupArn); err != nil {
					return nil, err
				}
			}
			out[i].ForwardConfig = &copied
		}
	}
	return out, nil
}

// resolve replaces a target group's name by its ARN: one of the stack's, or any that is there.
func (u *up) resolve(ctx context.Context, p **string) error {
	name := aws.ToString(*p)
	if name == "" || strings.HasPrefix(name, "arn:") {
		return nil
	}
	if _, ok := u.groups[name]; !ok {
		all, err := u.c.allGroups(ctx)
		if err != nil {
			return err
		}
		for _, g := range all {
			if aws.ToString(g.TargetGroupName) == name {
				u.groups[name] = aws.ToString(g.TargetGroupArn)
			}
		}
	}
	arn, ok := u.groups[name]
	if !ok {
		return fmt.Errorf("there is no target group %s: %s has none of that name, and neither has the daemon", name, albFile)
	}
	*p = &arn
	return nil
}

// observeNames refuses a target group that neither the stack nor the daemon has, before anything is made.
func (u *up) observeNames(ctx context.Context) error {
	known := map[string]bool{}
	for _, g := range u.s.groups {
		known[aws.ToString(g.Name)] = true
	}
	var names []*string
	for _, l := range u.s.listener {
		for _, a := range l.DefaultActions {
			names = append(names, a.TargetGroupArn)
			if a.ForwardConfig != nil {
				for _, g := range a.ForwardConfig.TargetGroups {
					names = append(names, g.TargetGroupArn)
				}
			}
		}
	}
	if u.s.service != nil {
		for _, b := range u.s.service.LoadBalancers {
			names = append(names, b.TargetGroupArn)
		}
	}
	for _, name := range names {
		if known[aws.ToString(name)] {
			continue
		}
		if err := u.resolve(ctx, &name); err != nil {
			return err
		}
	}
	return nil
}

// canonical writes a forward to one target group in its long form, which is what AWS answers besides the short one.
func canonical(in []types.Action) []types.Action {
	out := slices.Clone(in)
	for i := range out {
		a := &out[i]
		if a.Type != types.ActionTypeEnumForward || a.TargetGroupArn == nil {
			continue
		}
		if a.ForwardConfig == nil {
			a.ForwardConfig = &types.ForwardActionConfig{TargetGroups: []types.TargetGroupTuple{{TargetGroupArn: a.TargetGroupArn}}}
		}
		a.TargetGroupArn = nil
	}
	return out
}

// locate finds where a listener answers: its tag says so when its port was taken.
func (u *up) locate(ctx context.Context, arn string, want elb.CreateListenerInput, res *Result) error {
	tags, err := u.c.elbTags(ctx, []string{arn})
	if err != nil {
		return err
	}
	port := aws.ToInt32(want.Port)
	scheme, usual := strings.ToLower(string(want.Protocol)), map[types.ProtocolEnum]int32{types.ProtocolEnumHttp: 80, types.ProtocolEnumHttps: 443}[want.Protocol]
	url := scheme + "://localhost"
	if port != usual {
		url += ":" + strconv.Itoa(int(port))
	}
	if moved := tags[arn][urlTag]; moved != "" {
		url = moved
		res.Moved = append(res.Moved, fmt.Sprintf("port %d could not be bound (in use, or below 1024 without the right), so listener %s answers at %s",
			port, listenerName(want.Protocol, want.Port), moved))
	}
	res.URLs = append(res.URLs, url)
	return nil
}
