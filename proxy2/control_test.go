package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"

	"miniecs/store"
)

const someARN = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:"

func TestRefusals(t *testing.T) {
	p := newProxy(t, testConfig(store.NewMemory(), loopback{}))
	w := newWorld(t, p)
	ctx := t.Context()
	group := func(edit func(*TargetGroup)) func() error {
		return func() error {
			g := testGroup("new")
			edit(&g)
			_, err := p.CreateTargetGroup(ctx, g)
			return err
		}
	}
	balancer := func(edit func(*LoadBalancer)) func() error {
		return func() error {
			b := testBalancer("new")
			edit(&b)
			_, err := p.CreateLoadBalancer(ctx, b)
			return err
		}
	}
	listener := func(edit func(*Listener)) func() error {
		return func() error {
			l := Listener{LoadBalancerARN: w.balancer.ARN, Protocol: "HTTP", Port: 1234, DefaultActions: []Action{{Type: ActionForward, TargetGroup: w.group.ARN}}}
			edit(&l)
			_, err := p.CreateListener(ctx, l)
			return err
		}
	}
	groupAttr := func(k, v string) func() error {
		return func() error { _, err := p.ModifyTargetGroupAttributes(ctx, w.group.ARN, []Tag{{k, v}}); return err }
	}
	lbAttr := func(k, v string) func() error {
		return func() error {
			_, err := p.ModifyLoadBalancerAttributes(ctx, w.balancer.ARN, []Tag{{k, v}})
			return err
		}
	}
	before := toJSON(t, dump(t, p))
	for _, c := range []struct {
		name string
		do   func() error
		want string
	}{
		{"long name", group(func(g *TargetGroup) { g.Name = strings.Repeat("x", 33) }), "ValidationError: Target group name 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' cannot be longer than '32' characters"},
		{"odd name", group(func(g *TargetGroup) { g.Name = "a_b" }), "ValidationError: Target group name 'a_b' can only contain characters that are alphanumeric characters or hyphens(-)"},
		{"hyphen first", group(func(g *TargetGroup) { g.Name = "-a" }), "ValidationError: Target group name '-a' cannot begin or end with '-'"},
		{"no protocol", group(func(g *TargetGroup) { g.Protocol = "" }), "ValidationError: A protocol must be specified"},
		{"no port", group(func(g *TargetGroup) { g.Port = 0 }), "ValidationError: A port must be specified"},
		{"tcp", group(func(g *TargetGroup) { g.Protocol = "TCP" }), "InvalidConfigurationRequest: miniecs does not support target groups with protocol 'TCP' yet"},
		{"grpc", group(func(g *TargetGroup) { g.ProtocolVersion = "GRPC" }), "InvalidConfigurationRequest: miniecs does not support target groups with protocol version 'GRPC' yet"},
		{"lambda", group(func(g *TargetGroup) { g.TargetType = "lambda" }), "InvalidConfigurationRequest: miniecs does not support target groups with target type 'lambda' yet"},
		{"timeout over interval", group(func(g *TargetGroup) { g.HealthCheck = HealthCheck{IntervalSeconds: 5, TimeoutSeconds: 6} }), "ValidationError: Health check timeout '6' must be smaller than the interval '5'"},
		{"interval", group(func(g *TargetGroup) { g.HealthCheck.IntervalSeconds = 301 }), "ValidationError: Health check interval '301' must be between '5-300' inclusive"},
		{"matcher", group(func(g *TargetGroup) { g.HealthCheck.Matcher = "200-500" }), "ValidationError: Health check matcher HTTP code '200-500' must be within '200-499' inclusive"},
		{"path", group(func(g *TargetGroup) { g.HealthCheck.Path = "health" }), "ValidationError: Health check path 'health' must begin with '/' and have at most 1024 printable characters"},
		{"same name", group(func(g *TargetGroup) { g.Name = "tg"; g.Port = 81 }), "DuplicateTargetGroupName: A target group with the same name 'tg' exists, but with different settings"},
		{"duplicate tag", group(func(g *TargetGroup) { g.Tags = []Tag{{"a", "1"}, {"a", "2"}} }), "DuplicateTagKeys: A tag key was specified more than once."},
		{"in use", func() error { return p.DeleteTargetGroup(ctx, w.group.ARN) }, "ResourceInUse: Target group '" + w.group.ARN + "' is currently in use by a listener or a rule"},

		{"one subnet", balancer(func(b *LoadBalancer) { b.Subnets = b.Subnets[:1] }), "ValidationError: At least two subnets in two different Availability Zones must be specified"},
		{"one zone", balancer(func(b *LoadBalancer) { b.Subnets[1].Zone = b.Subnets[0].Zone }), "InvalidConfigurationRequest: A load balancer cannot be attached to multiple subnets in the same Availability Zone"},
		{"internal name", balancer(func(b *LoadBalancer) { b.Name = "internal-x" }), "ValidationError: Load balancer name 'internal-x' cannot begin with 'internal-'"},
		{"dualstack", balancer(func(b *LoadBalancer) { b.IPAddressType = "dualstack" }), "InvalidConfigurationRequest: miniecs does not support load balancers with IP address type 'dualstack' yet"},
		{"other scheme", balancer(func(b *LoadBalancer) { b.Name = "lb"; b.Scheme = "internal" }), "DuplicateLoadBalancerName: A load balancer with the same name 'lb' exists, but with different settings"},
		{"unknown name", func() error { _, err := p.LoadBalancers(nil, []string{"x"}); return err }, "LoadBalancerNotFound: Load balancers '[x]' not found"},
		{"unknown arn", func() error {
			_, err := p.LoadBalancers([]string{someARN + "loadbalancer/app/x/0123456789abcdef"}, nil)
			return err
		}, "LoadBalancerNotFound: One or more load balancers not found"},
		{"bad arn", func() error { _, err := p.LoadBalancers([]string{"arn:aws:bad"}, nil); return err }, "ValidationError: 'arn:aws:bad' is not a valid load balancer ARN"},

		{"https", listener(func(l *Listener) { l.Protocol = "HTTPS" }), "InvalidConfigurationRequest: miniecs does not support listeners with protocol 'HTTPS' yet"},
		{"redirect", listener(func(l *Listener) { l.DefaultActions = []Action{{Type: "redirect"}} }), "InvalidConfigurationRequest: miniecs does not support actions of type 'redirect' yet"},
		{"no action", listener(func(l *Listener) { l.DefaultActions = nil }), "ValidationError: A default action must be specified"},
		{"no group", listener(func(l *Listener) { l.DefaultActions[0].TargetGroup = someARN + "targetgroup/x/0123456789abcdef" }), "TargetGroupNotFound: Target group '" + someARN + "targetgroup/x/0123456789abcdef' not found"},
		{"taken port", listener(func(l *Listener) {
			l.Port, l.DefaultActions = w.listener.Port, []Action{{Type: ActionFixedResponse, FixedResponse: &FixedResponse{StatusCode: "200"}}}
		}), "DuplicateListener: A listener already exists on this port for this load balancer '" + w.balancer.ARN + "'"},
		{"fixed 302", listener(func(l *Listener) {
			l.DefaultActions = []Action{{Type: ActionFixedResponse, FixedResponse: &FixedResponse{StatusCode: "302"}}}
		}), "ValidationError: Fixed response status code '302' must be 2XX, 4XX or 5XX"},

		{"delay", groupAttr("deregistration_delay.timeout_seconds", "3601"), "ValidationError: 'deregistration_delay.timeout_seconds' value '3601' must be between '0-3600' inclusive"},
		{"unknown attribute", groupAttr("colour", "red"), "ValidationError: The attribute key 'colour' is not recognized"},
		{"stickiness", groupAttr("stickiness.enabled", "true"), "InvalidConfigurationRequest: miniecs does not support the value 'true' of the attribute 'stickiness.enabled' yet"},
		{"slow start", groupAttr("slow_start.duration_seconds", "30"), "InvalidConfigurationRequest: miniecs does not support the value '30' of the attribute 'slow_start.duration_seconds' yet"},
		{"idle timeout", lbAttr("idle_timeout.timeout_seconds", "0"), "ValidationError: 'idle_timeout.timeout_seconds' value '0' must be between '1-4000' inclusive"},
		{"access logs", lbAttr("access_logs.s3.enabled", "true"), "InvalidConfigurationRequest: miniecs does not support the value 'true' of the attribute 'access_logs.s3.enabled' yet"},

		{"public target", func() error { return p.RegisterTargets(ctx, w.group.ARN, []Target{{ID: "8.8.8.8"}}) }, "InvalidTarget: The IP address '8.8.8.8' is not within the private ranges that a target may have"},
		{"no address", func() error { return p.RegisterTargets(ctx, w.group.ARN, []Target{{ID: "10.0.0.1"}, {ID: "x"}}) }, "ValidationError: The IP address 'x' is not a valid IPv4 address"},
		{"unknown group", func() error {
			return p.RegisterTargets(ctx, someARN+"targetgroup/x/0123456789abcdef", []Target{{ID: "10.0.0.1"}})
		}, "TargetGroupNotFound: One or more target groups not found"},
		{"tag of nothing", func() error { return p.AddTags(ctx, []string{w.group.ARN, "arn:x"}, []Tag{{"a", "b"}}) }, "ValidationError: 'arn:x' is not a valid ARN"},
		{"our tag", func() error { return p.AddTags(ctx, []string{w.balancer.ARN}, []Tag{{URLTag, "x"}}) }, "ValidationError: Tag key 'miniecs:url' is kept by miniecs itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := code(c.do()); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	if after := toJSON(t, dump(t, p)); after != before {
		t.Errorf("a refusal changed something:\n%s\n%s", before, after)
	}
}

// dump is all that can be described.
func dump(t *testing.T, p *Proxy) map[string]any {
	t.Helper()
	out := map[string]any{}
	lbs, err := p.LoadBalancers(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	out["load balancers"] = lbs
	for _, b := range lbs {
		ls, err := p.Listeners(nil, b.ARN)
		if err != nil {
			t.Fatal(err)
		}
		out[b.ARN] = ls
	}
	gs, err := p.TargetGroups(nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	out["target groups"] = gs
	for _, g := range gs {
		hs, err := p.DescribeTargetHealth(g.ARN, nil)
		if err != nil {
			t.Fatal(err)
		}
		out[g.ARN] = hs
	}
	return out
}

func TestCreate_IsIdempotent(t *testing.T) {
	p := newProxy(t, testConfig(store.NewMemory(), loopback{}))
	w := newWorld(t, p)
	if w.balancer.State != "provisioning" {
		t.Errorf("a new load balancer is %s", w.balancer.State)
	}
	b, err := p.CreateLoadBalancer(t.Context(), testBalancer("lb"))
	if err != nil || b.ARN != w.balancer.ARN || b.State != "active" {
		t.Errorf("load balancer: %+v, %v", b, err)
	}
	g, err := p.CreateTargetGroup(t.Context(), testGroup("tg"))
	if err != nil || g.ARN != w.group.ARN || len(g.LoadBalancers) != 1 {
		t.Errorf("target group: %+v, %v", g, err)
	}
	l, err := p.CreateListener(t.Context(), Listener{LoadBalancerARN: b.ARN, Protocol: "HTTP", Port: w.listener.Port, DefaultActions: w.listener.DefaultActions})
	if err != nil || l.ARN != w.listener.ARN {
		t.Errorf("listener: %+v, %v", l, err)
	}
	for range 2 {
		if err := p.DeleteLoadBalancer(t.Context(), b.ARN); err != nil {
			t.Error(err)
		}
		if err := p.DeleteTargetGroup(t.Context(), g.ARN); err != nil {
			t.Error(err)
		}
	}
	if left := toJSON(t, dump(t, p)); left != `{"load balancers":[],"target groups":[]}` {
		t.Errorf("left: %s", left)
	}
}

func TestGroup_OfOneLoadBalancerOnly(t *testing.T) {
	p := newProxy(t, testConfig(store.NewMemory(), loopback{}))
	w := newWorld(t, p)
	other, err := p.CreateLoadBalancer(t.Context(), testBalancer("other"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.CreateListener(t.Context(), Listener{LoadBalancerARN: other.ARN, Protocol: "HTTP", Port: 1234, DefaultActions: w.listener.DefaultActions})
	if want := "TargetGroupAssociationLimit: The following target groups cannot be associated with more than one load balancer: " + w.group.ARN; code(err) != want {
		t.Errorf("got %s", code(err))
	}
}

func TestFindTargetGroup_ForeignByName(t *testing.T) {
	p := newProxy(t, testConfig(store.NewMemory(), loopback{}))
	w := newWorld(t, p)
	for _, c := range []struct {
		arn string
		ok  bool
	}{
		{w.group.ARN, true},
		{"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/tg/0123456789abcdef", true},
		{"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/other/0123456789abcdef", false},
		{someARN + "targetgroup/tg/0123456789abcdef", false}, // ours, and gone
		{"tg", false},
		{"", false},
	} {
		g, ok := p.FindTargetGroup(c.arn)
		if ok != c.ok || ok && (g.ARN != w.group.ARN || g.TargetType != "ip" || len(g.LoadBalancers) != 1) {
			t.Errorf("%q: got %+v, %t", c.arn, g, ok)
		}
	}
}

func TestRestart_ServesAtOnceWhatItKnew(t *testing.T) {
	st := store.NewMemory()
	p := newProxy(t, testConfig(st, loopback{}))
	stop := start(t, p)
	w := newWorld(t, p)
	a, b := backend(t, named("a")), backend(t, named("b"))
	w.register(t, a, b)
	w.await(t, StateHealthy, a, b)
	w.set(t, "deregistration_delay.timeout_seconds", "100")
	w.deregister(t, b)
	if err := p.AddTags(t.Context(), []string{w.balancer.ARN, w.group.ARN, w.listener.ARN, w.listener.RuleARN}, []Tag{{"k", "v"}}); err != nil {
		t.Fatal(err)
	}
	before := dump(t, p)
	stop()

	again := newProxy(t, testConfig(st, loopback{}))
	if after := dump(t, again); !reflect.DeepEqual(toJSON(t, before), toJSON(t, after)) {
		t.Fatalf("before %s\nafter  %s", toJSON(t, before), toJSON(t, after))
	}
	stop = start(t, again)
	defer stop()
	for range 2 {
		if res, body := get(t, w.url); res.StatusCode != 200 || body != "a" {
			t.Errorf("got %d %s", res.StatusCode, body)
		}
	}
	for _, id := range []string{w.balancer.ARN, w.group.ARN, w.listener.ARN, w.listener.RuleARN} {
		tags, err := again.Tags(id)
		if err != nil || len(tags) == 0 || tags[0] != (Tag{"k", "v"}) {
			t.Errorf("%s: got %v, %v", id, tags, err)
		}
	}
}

// refusing is a store that fails on demand.
type refusing struct {
	store.Store
	fail bool
}

func (r *refusing) Commit(ctx context.Context, changes ...store.Change) error {
	if r.fail {
		return errors.New("disk full")
	}
	return r.Store.Commit(ctx, changes...)
}

func TestCommit_FailureChangesNothing(t *testing.T) {
	st := &refusing{Store: store.NewMemory()}
	p := newProxy(t, testConfig(st, loopback{}))
	start(t, p)
	w := newWorld(t, p)
	before := toJSON(t, dump(t, p))
	st.fail = true
	ctx := t.Context()
	for i, do := range []func() error{
		func() error { _, err := p.CreateLoadBalancer(ctx, testBalancer("x")); return err },
		func() error { _, err := p.CreateTargetGroup(ctx, testGroup("x")); return err },
		func() error {
			_, err := p.CreateListener(ctx, Listener{LoadBalancerARN: w.balancer.ARN, Protocol: "HTTP", Port: freePort(t), DefaultActions: w.listener.DefaultActions})
			return err
		},
		func() error { _, err := p.ModifyListener(ctx, w.listener.ARN, Listener{Port: freePort(t)}); return err },
		func() error { return p.DeleteListener(ctx, w.listener.ARN) },
		func() error { return p.DeleteLoadBalancer(ctx, w.balancer.ARN) },
		func() error { return p.RegisterTargets(ctx, w.group.ARN, []Target{{ID: "10.0.0.1"}}) },
		func() error { return p.AddTags(ctx, []string{w.group.ARN}, []Tag{{"a", "b"}}) },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("%d: got %v", i, err)
		}
	}
	if after := toJSON(t, dump(t, p)); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	st.fail = false
}

func TestBind_TakenPortMovesAndStays(t *testing.T) {
	st := store.NewMemory()
	p := newProxy(t, testConfig(st, loopback{}))
	stop := start(t, p)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	b, err := p.CreateLoadBalancer(t.Context(), testBalancer("lb"))
	if err != nil {
		t.Fatal(err)
	}
	fixed := []Action{{Type: ActionFixedResponse, FixedResponse: &FixedResponse{StatusCode: "203", MessageBody: "hi", ContentType: "text/css"}}}
	l, err := p.CreateListener(t.Context(), Listener{LoadBalancerARN: b.ARN, Protocol: "HTTP", Port: port, DefaultActions: fixed})
	if err != nil || l.Port != port || l.BoundPort == port || l.BoundPort == 0 {
		t.Fatalf("got %+v, %v", l, err)
	}
	serves := func(p *Proxy) {
		t.Helper()
		tags, err := p.Tags(b.ARN)
		if want := []Tag{{URLTag, fmt.Sprintf("http://localhost:%d", l.BoundPort)}}; err != nil || !reflect.DeepEqual(tags, want) {
			t.Errorf("tags %v, want %v", tags, want)
		}
		res, body := get(t, tags[0].Value)
		if res.StatusCode != 203 || body != "hi" || res.Header.Get("Content-Type") != "text/css; charset=utf-8" || res.Header.Get("Server") != "awselb/2.0" {
			t.Errorf("got %d %s %v", res.StatusCode, body, res.Header)
		}
	}
	serves(p)
	stop()
	taken.Close() // it could go back now, but it stays
	again := newProxy(t, testConfig(st, loopback{}))
	stop = start(t, again)
	defer stop()
	serves(again)
	if err := again.DeleteListener(t.Context(), l.ARN); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", l.BoundPort))
	if err != nil {
		t.Fatalf("the port is not free after the listener is deleted: %v", err)
	}
	free.Close()
}

func TestBind_StrictPorts(t *testing.T) {
	cfg := testConfig(store.NewMemory(), loopback{})
	cfg.StrictPorts = true
	p := newProxy(t, cfg)
	start(t, p)
	w := newWorld(t, p)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	_, err = p.CreateListener(t.Context(), Listener{LoadBalancerARN: w.balancer.ARN, Protocol: "HTTP", Port: port, DefaultActions: w.listener.DefaultActions})
	if want := fmt.Sprintf("InvalidConfigurationRequest: Listener port %d cannot be bound: the port is in use", port); code(err) != want {
		t.Errorf("got %s", code(err))
	}
	moved, err := p.ModifyListener(t.Context(), w.listener.ARN, Listener{Port: freePort(t)})
	if err != nil {
		t.Fatal(err)
	}
	if res, _ := get(t, moved.URL()); res.StatusCode != 503 {
		t.Errorf("got %d", res.StatusCode)
	}
}
