package elbv2

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// TestChecks_OutOfRange sends what the model's ranges and patterns exclude: it is refused, not taken for "not given".
func TestChecks_OutOfRange(t *testing.T) {
	c, _ := newClient(t)
	ctx := t.Context()
	made, err := c.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{Name: aws.String("g"), Protocol: types.ProtocolEnumHttp,
		Port: aws.Int32(80), VpcId: aws.String("vpc-1"), TargetType: types.TargetTypeEnumIp})
	if err != nil {
		t.Fatal(err)
	}
	group := made.TargetGroups[0].TargetGroupArn
	modify := func(change func(*elb.ModifyTargetGroupInput)) func() error {
		return func() error {
			in := &elb.ModifyTargetGroupInput{TargetGroupArn: group}
			change(in)
			_, err := c.ModifyTargetGroup(ctx, in)
			return err
		}
	}
	tag := func(key, value string) func() error {
		return func() error {
			_, err := c.AddTags(ctx, &elb.AddTagsInput{ResourceArns: []string{*group}, Tags: []types.Tag{{Key: &key, Value: &value}}})
			return err
		}
	}
	targets := []types.TargetDescription{{Id: aws.String("10.0.0.1"), Port: aws.Int32(0)}}
	for _, tc := range []struct {
		name, message string
		call          func() error
	}{
		{"interval", "Health check interval must be greater than or equal to '5'", modify(func(in *elb.ModifyTargetGroupInput) { in.HealthCheckIntervalSeconds = aws.Int32(0) })},
		{"timeout", "Health check timeout must be greater than or equal to '2'", modify(func(in *elb.ModifyTargetGroupInput) { in.HealthCheckTimeoutSeconds = aws.Int32(0) })},
		{"healthy threshold", "Healthy threshold count must", modify(func(in *elb.ModifyTargetGroupInput) { in.HealthyThresholdCount = aws.Int32(0) })},
		{"unhealthy threshold", "Unhealthy threshold count must", modify(func(in *elb.ModifyTargetGroupInput) { in.UnhealthyThresholdCount = aws.Int32(0) })},
		{"tag key", "at 'tags.member.key'", tag("a\x00", "")},
		{"tag value", "at 'tags.member.value'", tag("a", "<b>")},
		{"register", "Port '0' must be between '1-65535' inclusive", func() error {
			_, err := c.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: group, Targets: targets})
			return err
		}},
		{"deregister", "Port '0' must be between '1-65535' inclusive", func() error {
			_, err := c.DeregisterTargets(ctx, &elb.DeregisterTargetsInput{TargetGroupArn: group, Targets: targets})
			return err
		}},
		{"health", "Port '0' must be between '1-65535' inclusive", func() error {
			_, err := c.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: group, Targets: targets})
			return err
		}},
		{"listener port", "Port '0' must be between '1-65535' inclusive", func() error {
			_, err := c.ModifyListener(ctx, &elb.ModifyListenerInput{ListenerArn: aws.String("x"), Port: aws.Int32(0)})
			return err
		}},
		{"content type", "The content type of a fixed response must be one of", func() error {
			_, err := c.ModifyListener(ctx, &elb.ModifyListenerInput{ListenerArn: aws.String("x"), DefaultActions: []types.Action{{
				Type: types.ActionTypeEnumFixedResponse, FixedResponseConfig: &types.FixedResponseActionConfig{
					StatusCode: aws.String("200"), ContentType: aws.String("text/x")}}}})
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) { wantError(t, tc.call(), "ValidationError", tc.message) })
	}
	if err := tag("é 1", "a+b=c@d_e.f:g/h-i")(); err != nil {
		t.Error(err)
	}
}

// TestDescribeCapacityReservation asks what Terraform asks of every load balancer.
func TestDescribeCapacityReservation(t *testing.T) {
	c, a := newClient(t)
	made := must[*elb.CreateLoadBalancerOutput](t)(c.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{
		Name: aws.String("web"), Subnets: []string{a.VPC.Subnets[0].ID, a.VPC.Subnets[1].ID}}))
	in := &elb.DescribeCapacityReservationInput{LoadBalancerArn: made.LoadBalancers[0].LoadBalancerArn}
	out := must[*elb.DescribeCapacityReservationOutput](t)(c.DescribeCapacityReservation(t.Context(), in))
	if out.MinimumLoadBalancerCapacity != nil || len(out.CapacityReservationState) != 0 {
		t.Errorf("reserved: %+v", out)
	}
	_, err := c.DescribeCapacityReservation(t.Context(), &elb.DescribeCapacityReservationInput{LoadBalancerArn: aws.String("arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/none/1234567890123456")})
	wantError(t, err, "LoadBalancerNotFound", "One or more load balancers not found")
}
