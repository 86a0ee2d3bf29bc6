package elbv2

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"

	"miniecs/awsapi/wire"
	"miniecs/cloud/account"
	"miniecs/proxy"
	"miniecs/store"
)

type refusing struct{}

func (refusing) Dial(context.Context, proxy.Target) (net.Conn, error) {
	return nil, errors.New("refused")
}

// newClient is the SDK's client of a proxy behind the real protocol.
func newClient(t *testing.T) (*elb.Client, account.Account) {
	t.Helper()
	a, err := account.New("000000000000", "eu-central-1", netip.MustParsePrefix("172.31.0.0/16"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p, err := proxy.New(ctx, proxy.Config{Store: store.NewMemory(), Dialer: refusing{}, Account: a.ID, Region: a.Region, VPCID: a.VPC.ID, ListenAddrs: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	server := httptest.NewServer(wire.New([]wire.Service{Service(p, a)}, wire.Options{}))
	t.Cleanup(func() { server.Close(); cancel(); <-done })
	return elb.New(elb.Options{Region: a.Region, BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "k", SecretAccessKey: "s"}, nil
		})}), a
}

// wantError checks AWS's code and a part of its message.
func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), message) {
		t.Errorf("error %v; want %s: %s", err, code, message)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestService_LifeOfALoadBalancer(t *testing.T) {
	c, a := newClient(t)
	ctx := t.Context()
	in := &elb.CreateLoadBalancerInput{Name: aws.String("web"), Subnets: []string{a.VPC.Subnets[0].ID, a.VPC.Subnets[1].ID},
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}
	made := must[*elb.CreateLoadBalancerOutput](t)(c.CreateLoadBalancer(ctx, in)).LoadBalancers[0]
	if made.State.Code != types.LoadBalancerStateEnumProvisioning || *made.VpcId != a.VPC.ID || made.SecurityGroups[0] != a.VPC.SecurityGroup.ID {
		t.Errorf("created %+v", made)
	}
	if !strings.HasPrefix(*made.DNSName, "web-") || !strings.HasSuffix(*made.DNSName, ".eu-central-1.elb.localhost") {
		t.Errorf("DNSName %s", *made.DNSName)
	}
	arn := made.LoadBalancerArn
	if err := elb.NewLoadBalancerAvailableWaiter(c).Wait(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{*arn}}, time.Minute); err != nil {
		t.Error(err)
	}
	if again := must[*elb.CreateLoadBalancerOutput](t)(c.CreateLoadBalancer(ctx, in)); *again.LoadBalancers[0].LoadBalancerArn != *arn {
		t.Error("the same again made another one")
	}
	other := *in
	other.Scheme = types.LoadBalancerSchemeEnumInternal
	_, err := c.CreateLoadBalancer(ctx, &other)
	wantError(t, err, "DuplicateLoadBalancerName", "A load balancer with the same name 'web' exists, but with different settings")

	tgIn := &elb.CreateTargetGroupInput{Name: aws.String("tg"), Protocol: types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String(a.VPC.ID),
		TargetType: types.TargetTypeEnumIp, HealthCheckPath: aws.String("/health"), HealthCheckIntervalSeconds: aws.Int32(5), HealthCheckTimeoutSeconds: aws.Int32(2),
		Matcher: &types.Matcher{HttpCode: aws.String("200-299")}}
	tg := must[*elb.CreateTargetGroupOutput](t)(c.CreateTargetGroup(ctx, tgIn)).TargetGroups[0]
	if *tg.HealthyThresholdCount != 5 || *tg.UnhealthyThresholdCount != 2 || *tg.HealthCheckPort != "traffic-port" || *tg.Matcher.HttpCode != "200-299" || len(tg.LoadBalancerArns) != 0 {
		t.Errorf("target group %+v", tg)
	}
	lIn := &elb.CreateListenerInput{LoadBalancerArn: arn, Port: aws.Int32(80), Protocol: types.ProtocolEnumHttp,
		DefaultActions: []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: tg.TargetGroupArn}}}
	l := must[*elb.CreateListenerOutput](t)(c.CreateListener(ctx, lIn)).Listeners[0]
	if d := l.DefaultActions[0]; *d.TargetGroupArn != *tg.TargetGroupArn || *d.ForwardConfig.TargetGroups[0].Weight != 1 {
		t.Errorf("default action %+v", d)
	}
	if again := must[*elb.CreateListenerOutput](t)(c.CreateListener(ctx, lIn)); *again.Listeners[0].ListenerArn != *l.ListenerArn {
		t.Error("the same listener again made another one")
	}
	rules := must[*elb.DescribeRulesOutput](t)(c.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: l.ListenerArn})).Rules
	if len(rules) != 1 || *rules[0].Priority != "default" || !*rules[0].IsDefault {
		t.Errorf("rules %+v", rules)
	}
	_, err = c.DeleteTargetGroup(ctx, &elb.DeleteTargetGroupInput{TargetGroupArn: tg.TargetGroupArn})
	wantError(t, err, "ResourceInUse", "is currently in use by a listener or a rule")

	target := []types.TargetDescription{{Id: aws.String("10.0.0.9"), Port: aws.Int32(81)}}
	must[*elb.RegisterTargetsOutput](t)(c.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: tg.TargetGroupArn, Targets: target}))
	health := must[*elb.DescribeTargetHealthOutput](t)(c.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: tg.TargetGroupArn})).TargetHealthDescriptions
	if len(health) != 1 || health[0].TargetHealth.State != types.TargetHealthStateEnumInitial || *health[0].HealthCheckPort != "81" {
		t.Errorf("health %+v", health)
	}
	must[*elb.ModifyTargetGroupAttributesOutput](t)(c.ModifyTargetGroupAttributes(ctx, &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: tg.TargetGroupArn,
		Attributes: []types.TargetGroupAttribute{{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("0")}}}))
	must[*elb.DeregisterTargetsOutput](t)(c.DeregisterTargets(ctx, &elb.DeregisterTargetsInput{TargetGroupArn: tg.TargetGroupArn, Targets: target}))
	health = must[*elb.DescribeTargetHealthOutput](t)(c.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: tg.TargetGroupArn, Targets: target})).TargetHealthDescriptions
	if h := health[0].TargetHealth; h.State != types.TargetHealthStateEnumUnused || h.Reason != types.TargetHealthReasonEnumNotRegistered {
		t.Errorf("after deregistration: %+v", h)
	}

	must[*elb.DeleteLoadBalancerOutput](t)(c.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerArn: arn}))
	must[*elb.DeleteLoadBalancerOutput](t)(c.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerArn: arn})) // a missing one is a success
	must[*elb.DeleteTargetGroupOutput](t)(c.DeleteTargetGroup(ctx, &elb.DeleteTargetGroupInput{TargetGroupArn: tg.TargetGroupArn}))
	_, err = c.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Names: []string{"web"}})
	wantError(t, err, "LoadBalancerNotFound", "Load balancers '[web]' not found")
}

func TestService_Refusals(t *testing.T) { // alb.md 5.5
	c, a := newClient(t)
	ctx := t.Context()
	tg := func(change func(*elb.CreateTargetGroupInput)) error {
		in := &elb.CreateTargetGroupInput{Name: aws.String("x"), Protocol: types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String("vpc-1")}
		change(in)
		_, err := c.CreateTargetGroup(ctx, in)
		return err
	}
	tests := []struct {
		name          string
		err           error
		code, message string
	}{
		{"name too long", tg(func(in *elb.CreateTargetGroupInput) { in.Name = aws.String(strings.Repeat("x", 33)) }), "ValidationError", "cannot be longer than '32' characters"},
		{"name with a dot", tg(func(in *elb.CreateTargetGroupInput) { in.Name = aws.String("a.b") }), "ValidationError", "can only contain characters that are alphanumeric"},
		{"name ends with hyphen", tg(func(in *elb.CreateTargetGroupInput) { in.Name = aws.String("a-") }), "ValidationError", "cannot begin or end with '-'"},
		{"no protocol", tg(func(in *elb.CreateTargetGroupInput) { in.Protocol = "" }), "ValidationError", "A protocol must be specified"},
		{"no port", tg(func(in *elb.CreateTargetGroupInput) { in.Port = nil }), "ValidationError", "A port must be specified"},
		{"no VPC", tg(func(in *elb.CreateTargetGroupInput) { in.VpcId = nil }), "ValidationError", "A VPC ID must be specified"},
		{"timeout not below the interval", tg(func(in *elb.CreateTargetGroupInput) {
			in.HealthCheckTimeoutSeconds, in.HealthCheckIntervalSeconds = aws.Int32(6), aws.Int32(5)
		}), "ValidationError", "Health check timeout '6' must be smaller than the interval '5'"},
		{"matcher", tg(func(in *elb.CreateTargetGroupInput) { in.Matcher = &types.Matcher{HttpCode: aws.String("100")} }), "ValidationError", "within '200-499'"},
		{"what is not done is refused", tg(func(in *elb.CreateTargetGroupInput) { in.TargetType = types.TargetTypeEnumLambda }), "InvalidConfigurationRequest", "does not have target type 'lambda' yet"},
	}
	_, err := c.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String("lb"), Subnets: []string{a.VPC.Subnets[0].ID}})
	tests = append(tests, struct {
		name          string
		err           error
		code, message string
	}{"one subnet", err, "ValidationError", "At least two subnets in two different Availability Zones must be specified"})
	_, err = c.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: []string{"nope"}})
	wantError(t, err, "TargetGroupNotFound", "One or more target groups not found")
	_, err = c.DescribeListeners(ctx, &elb.DescribeListenersInput{})
	wantError(t, err, "ValidationError", "You must specify either listener ARNs or a load balancer ARN")
	_, err = c.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{"arn:bad"}})
	wantError(t, err, "ValidationError", "is not a valid load balancer ARN")
	_, err = c.CreateRule(ctx, &elb.CreateRuleInput{ListenerArn: aws.String("x"), Priority: aws.Int32(1), Conditions: []types.RuleCondition{}, Actions: []types.Action{}})
	wantError(t, err, "InvalidAction", "miniecs does not implement")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantError(t, tt.err, tt.code, tt.message) })
	}
}

func TestDescribeTargetGroups_Pages(t *testing.T) {
	c, _ := newClient(t)
	for _, n := range []string{"a", "b", "c"} {
		must[*elb.CreateTargetGroupOutput](t)(c.CreateTargetGroup(t.Context(), &elb.CreateTargetGroupInput{Name: &n, Protocol: types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String("v")}))
	}
	pages := elb.NewDescribeTargetGroupsPaginator(c, &elb.DescribeTargetGroupsInput{PageSize: aws.Int32(2)})
	var got []string
	for pages.HasMorePages() {
		page := must[*elb.DescribeTargetGroupsOutput](t)(pages.NextPage(t.Context()))
		for _, g := range page.TargetGroups {
			got = append(got, *g.TargetGroupName)
		}
		got = append(got, "|")
	}
	if s := strings.Join(got, " "); s != "a b | c |" {
		t.Errorf("pages %s", s)
	}
}
