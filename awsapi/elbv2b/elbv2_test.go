package elbv2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"miniecs/awsapi/wire"
	"miniecs/cloud/account"
	"miniecs/proxy2"
	"miniecs/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type loopback struct{}

func (loopback) Dial(ctx context.Context, t proxy.Target) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", t.String())
}

// world is the API over a running proxy, with a client.
type world struct {
	*elb.Client
	account account.Account
	handler http.Handler
	proxy   *proxy.Proxy
}

type inProcess struct{ h http.Handler }

func (p inProcess) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.RequestURI = ""
	p.h.ServeHTTP(w, r)
	return w.Result(), nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	a, err := account.New("000000000000", "eu-central-1", netip.MustParsePrefix("172.31.0.0/16"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.New(t.Context(), proxy.Config{Store: store.NewMemory(), Dialer: loopback{}, Account: a.ID, Region: a.Region, VPCID: a.VPC.ID})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w := &world{account: a, proxy: p, handler: wire.New([]wire.Service{Service(p, a)}, wire.Options{})}
	w.Client = elb.New(elb.Options{
		Region: a.Region, HTTPClient: inProcess{w.handler}, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "secret"}, nil
		}),
		BaseEndpoint: aws.String("http://localhost"), RetryMaxAttempts: 1,
	})
	return w
}

func (w *world) subnets() []string {
	return []string{w.account.VPC.Subnets[0].ID, w.account.VPC.Subnets[1].ID}
}

func must[T any](t *testing.T) func(out T, err error) T {
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestAPI_FromCreationToDeletion(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	b := must[*elb.CreateLoadBalancerOutput](t)(w.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
		Name: aws.String("web"), Subnets: w.subnets(), Scheme: types.LoadBalancerSchemeEnumInternal, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}},
	})).LoadBalancers[0]
	if b.State.Code != types.LoadBalancerStateEnumProvisioning || b.Type != "application" || b.Scheme != "internal" || *b.VpcId != w.account.VPC.ID ||
		len(b.AvailabilityZones) != 2 || *b.AvailabilityZones[1].ZoneName != "eu-central-1b" || b.SecurityGroups[0] != w.account.VPC.SecurityGroup.ID ||
		!strings.HasPrefix(*b.DNSName, "internal-web-") || !strings.HasSuffix(*b.DNSName, ".eu-central-1.elb.localhost") || b.CreatedTime.IsZero() {
		t.Errorf("load balancer: %s", toJSON(t, b))
	}
	arns := []string{*b.LoadBalancerArn}
	if err := elb.NewLoadBalancerAvailableWaiter(w).Wait(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: arns}, 5*time.Second); err != nil {
		t.Error(err)
	}

	in := &elb.CreateTargetGroupInput{
		Name: aws.String("web"), Protocol: "HTTP", Port: aws.Int32(8080), VpcId: &w.account.VPC.ID, TargetType: "ip",
		HealthCheckPath: aws.String("/health"), HealthCheckPort: aws.String("traffic-port"), HealthCheckIntervalSeconds: aws.Int32(7),
		HealthCheckTimeoutSeconds: aws.Int32(3), HealthyThresholdCount: aws.Int32(4), UnhealthyThresholdCount: aws.Int32(6),
		Matcher: &types.Matcher{HttpCode: aws.String("200-299")}, HealthCheckEnabled: aws.Bool(true), IpAddressType: "ipv4", HealthCheckProtocol: "HTTP",
	}
	g := must[*elb.CreateTargetGroupOutput](t)(w.CreateTargetGroup(ctx, in)).TargetGroups[0]
	want := types.TargetGroup{
		TargetGroupArn: g.TargetGroupArn, TargetGroupName: in.Name, Protocol: in.Protocol, ProtocolVersion: aws.String("HTTP1"), Port: in.Port, VpcId: in.VpcId,
		TargetType: in.TargetType, HealthCheckPath: in.HealthCheckPath, HealthCheckPort: in.HealthCheckPort, HealthCheckIntervalSeconds: in.HealthCheckIntervalSeconds,
		HealthCheckTimeoutSeconds: in.HealthCheckTimeoutSeconds, HealthyThresholdCount: in.HealthyThresholdCount, UnhealthyThresholdCount: in.UnhealthyThresholdCount,
		Matcher: in.Matcher, HealthCheckEnabled: in.HealthCheckEnabled, IpAddressType: in.IpAddressType, HealthCheckProtocol: in.HealthCheckProtocol, LoadBalancerArns: []string{},
	}
	if got, want := toJSON(t, g), toJSON(t, want); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	port := int32(freePort(t))
	l := must[*elb.CreateListenerOutput](t)(w.CreateListener(ctx, &elb.CreateListenerInput{
		LoadBalancerArn: b.LoadBalancerArn, Protocol: "HTTP", Port: &port, DefaultActions: []types.Action{{Type: "forward", TargetGroupArn: g.TargetGroupArn}},
	})).Listeners[0]
	rules := must[*elb.DescribeRulesOutput](t)(w.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: l.ListenerArn})).Rules
	if len(rules) != 1 || *rules[0].Priority != "default" || !*rules[0].IsDefault || *rules[0].Actions[0].ForwardConfig.TargetGroups[0].Weight != 1 ||
		*rules[0].Actions[0].TargetGroupArn != *g.TargetGroupArn || *rules[0].Actions[0].ForwardConfig.TargetGroupStickinessConfig.Enabled {
		t.Errorf("rules: %s", toJSON(t, rules))
	}
	w.traffic(t, g, port)

	again := must[*elb.DescribeTargetGroupsOutput](t)(w.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{LoadBalancerArn: b.LoadBalancerArn})).TargetGroups
	if len(again) != 1 || again[0].LoadBalancerArns[0] != *b.LoadBalancerArn {
		t.Errorf("groups of the load balancer: %s", toJSON(t, again))
	}
	tags := must[*elb.DescribeTagsOutput](t)(w.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: arns})).TagDescriptions[0].Tags
	if len(tags) != 2 || *tags[0].Value != "1" || *tags[1].Key != "miniecs:url" || *tags[1].Value != fmt.Sprintf("http://localhost:%d", port) {
		t.Errorf("tags: %s", toJSON(t, tags))
	}
	must[*elb.DeleteLoadBalancerOutput](t)(w.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerArn: b.LoadBalancerArn}))
	if err := elb.NewLoadBalancersDeletedWaiter(w).Wait(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: arns}, 5*time.Second); err != nil {
		t.Error(err)
	}
	must[*elb.DeleteTargetGroupOutput](t)(w.DeleteTargetGroup(ctx, &elb.DeleteTargetGroupInput{TargetGroupArn: g.TargetGroupArn}))
}

// traffic registers a server, waits for it as clients do, asks it through the load balancer, and takes it out again.
func (w *world) traffic(t *testing.T, g types.TargetGroup, port int32) {
	t.Helper()
	ctx := t.Context()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "hello") }))
	defer server.Close()
	targets := []types.TargetDescription{{Id: aws.String("127.0.0.1"), Port: aws.Int32(int32(server.Listener.Addr().(*net.TCPAddr).Port))}}
	must[*elb.RegisterTargetsOutput](t)(w.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: g.TargetGroupArn, Targets: targets}))
	health := &elb.DescribeTargetHealthInput{TargetGroupArn: g.TargetGroupArn, Targets: targets}
	quick := func(o *elb.TargetInServiceWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 100*time.Millisecond
	}
	if err := elb.NewTargetInServiceWaiter(w).Wait(ctx, health, 10*time.Second, quick); err != nil {
		t.Fatal(err)
	}
	res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d", port))
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("got %v, %v", res, err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	must[*elb.ModifyTargetGroupAttributesOutput](t)(w.ModifyTargetGroupAttributes(ctx, &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: g.TargetGroupArn,
		Attributes: []types.TargetGroupAttribute{{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("1")}}}))
	must[*elb.DeregisterTargetsOutput](t)(w.DeregisterTargets(ctx, &elb.DeregisterTargetsInput{TargetGroupArn: g.TargetGroupArn, Targets: targets}))
	one := must[*elb.DescribeTargetHealthOutput](t)(w.DescribeTargetHealth(ctx, health)).TargetHealthDescriptions[0]
	if one.TargetHealth.State != "draining" || one.TargetHealth.Reason != "Target.DeregistrationInProgress" || *one.HealthCheckPort != fmt.Sprint(*targets[0].Port) {
		t.Errorf("draining: %s", toJSON(t, one))
	}
	gone := func(o *elb.TargetDeregisteredWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 100*time.Millisecond
	}
	if err := elb.NewTargetDeregisteredWaiter(w).Wait(ctx, health, 10*time.Second, gone); err != nil {
		t.Error(err)
	}
	if left := must[*elb.DescribeTargetHealthOutput](t)(w.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: g.TargetGroupArn})).TargetHealthDescriptions; len(left) != 0 {
		t.Errorf("left: %s", toJSON(t, left))
	}
}

func TestAPI_Pages(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	for i := range 7 {
		must[*elb.CreateTargetGroupOutput](t)(w.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{Name: aws.String(fmt.Sprint("g", i)), Protocol: "HTTP", Port: aws.Int32(80), VpcId: &w.account.VPC.ID}))
	}
	got := ""
	for pages := elb.NewDescribeTargetGroupsPaginator(w, &elb.DescribeTargetGroupsInput{PageSize: aws.Int32(3)}); pages.HasMorePages(); {
		for _, g := range must[*elb.DescribeTargetGroupsOutput](t)(pages.NextPage(ctx)).TargetGroups {
			got += *g.TargetGroupName
		}
		got += " "
	}
	if got != "g0g1g2 g3g4g5 g6 " {
		t.Errorf("got %s", got)
	}
	limits := must[*elb.DescribeAccountLimitsOutput](t)(w.DescribeAccountLimits(ctx, &elb.DescribeAccountLimitsInput{})).Limits
	if len(limits) != 19 || *limits[0].Max != "3000" {
		t.Errorf("limits: %s", toJSON(t, limits))
	}
}

func TestAPI_Refusals(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	const unknown = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:"
	lb, tg := unknown+"loadbalancer/app/x/0123456789abcdef", unknown+"targetgroup/x/0123456789abcdef"
	for _, c := range []struct {
		name string
		do   func() error
		want string
	}{
		{"network", func() error {
			_, err := w.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String("n"), Type: "network", Subnets: w.subnets()})
			return err
		}, "InvalidConfigurationRequest: miniecs does not support load balancers of type 'network' yet"},
		{"subnet", func() error {
			_, err := w.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String("n"), Subnets: []string{"subnet-1", "subnet-2"}})
			return err
		}, "SubnetNotFound: The subnet ID 'subnet-1' does not exist"},
		{"security group", func() error {
			_, err := w.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String("n"), Subnets: w.subnets(), SecurityGroups: []string{"sg-1"}})
			return err
		}, "InvalidConfigurationRequest: One or more security groups are invalid"},
		{"scheme", func() error {
			_, err := w.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String("n"), Subnets: w.subnets(), Scheme: "secret"})
			return err
		}, "ValidationError: 1 validation error detected: Value 'secret' at 'scheme' failed to satisfy constraint: Member must satisfy enum value set: [internet-facing, internal]"},
		{"load balancer", func() error {
			_, err := w.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{lb}})
			return err
		}, "LoadBalancerNotFound: One or more load balancers not found"},
		{"page size", func() error {
			_, err := w.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{PageSize: aws.Int32(401)})
			return err
		}, "ValidationError: 1 validation error detected: Value '401' at 'pageSize' failed to satisfy constraint: Member must have value between 1 and 400"},
		{"marker", func() error {
			_, err := w.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Marker: aws.String("%")})
			return err
		}, "ValidationError: The marker '%' is not valid"},
		{"health of nothing", func() error {
			_, err := w.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &tg})
			return err
		}, "TargetGroupNotFound: One or more target groups not found"},
		{"checks off", func() error {
			_, err := w.ModifyTargetGroup(ctx, &elb.ModifyTargetGroupInput{TargetGroupArn: &tg, HealthCheckEnabled: aws.Bool(false)})
			return err
		}, "ValidationError: Health check enabled must be true for target groups with target type 'instance' or 'ip'"},
		{"two groups", func() error {
			_, err := w.CreateListener(ctx, &elb.CreateListenerInput{LoadBalancerArn: &lb, Protocol: "HTTP", Port: aws.Int32(80), DefaultActions: []types.Action{{Type: "forward",
				ForwardConfig: &types.ForwardActionConfig{TargetGroups: []types.TargetGroupTuple{{TargetGroupArn: &tg}, {TargetGroupArn: &tg}}}}}})
			return err
		}, "InvalidConfigurationRequest: miniecs does not support forward actions with more than one target group yet"},
		{"listeners of what", func() error { _, err := w.DescribeListeners(ctx, &elb.DescribeListenersInput{}); return err },
			"ValidationError: You must specify either listener ARNs or a load balancer ARN"},
		{"rules", func() error {
			_, err := w.CreateRule(ctx, &elb.CreateRuleInput{ListenerArn: aws.String("x"), Priority: aws.Int32(1), Actions: []types.Action{}, Conditions: []types.RuleCondition{}})
			return err
		}, "InvalidAction: miniecs does not implement elasticloadbalancing:CreateRule yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.do()
			api, ok := errors.AsType[smithy.APIError](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if got := api.ErrorCode() + ": " + api.ErrorMessage(); !strings.HasPrefix(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
