package stack

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func TestChanged(t *testing.T) {
	have := types.Service{DesiredCount: 3, LaunchType: types.LaunchTypeFargate, HealthCheckGracePeriodSeconds: aws.Int32(0),
		DeploymentConfiguration: &types.DeploymentConfiguration{MaximumPercent: aws.Int32(200), MinimumHealthyPercent: aws.Int32(100),
			DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true}},
		LoadBalancers: []types.LoadBalancer{{ContainerName: aws.String("web"), ContainerPort: aws.Int32(80)}},
		Deployments:   []types.Deployment{{ServiceConnectConfiguration: &types.ServiceConnectConfiguration{Enabled: true}}}}
	for _, c := range []struct {
		name string
		want ecs.CreateServiceInput
		diff string
	}{
		{"nothing is asked for", ecs.CreateServiceInput{}, ""},
		{"all as it is", ecs.CreateServiceInput{DesiredCount: aws.Int32(3), LaunchType: types.LaunchTypeFargate}, ""},
		{"a count", ecs.CreateServiceInput{DesiredCount: aws.Int32(0)}, "DesiredCount"},
		{"an enum", ecs.CreateServiceInput{LaunchType: types.LaunchTypeEc2}, "LaunchType"},
		{"defaults inside are no difference", ecs.CreateServiceInput{DeploymentConfiguration: &types.DeploymentConfiguration{MaximumPercent: aws.Int32(200)}}, ""},
		{"a member inside", ecs.CreateServiceInput{DeploymentConfiguration: &types.DeploymentConfiguration{MaximumPercent: aws.Int32(150)}}, "DeploymentConfiguration"},
		{"false where true is", ecs.CreateServiceInput{DeploymentConfiguration: &types.DeploymentConfiguration{
			DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{}}}, "DeploymentConfiguration"},
		{"a longer list", ecs.CreateServiceInput{LoadBalancers: make([]types.LoadBalancer, 2)}, "LoadBalancers"},
		{"an empty list", ecs.CreateServiceInput{LoadBalancers: []types.LoadBalancer{}}, "LoadBalancers"},
		{"an item's default is no difference", ecs.CreateServiceInput{LoadBalancers: []types.LoadBalancer{{ContainerName: aws.String("web")}}}, ""},
		{"a member that only the deployment has", ecs.CreateServiceInput{ServiceConnectConfiguration: &types.ServiceConnectConfiguration{}}, "ServiceConnectConfiguration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(changed(&c.want, have, have.Deployments[0]), " "); got != c.diff {
				t.Errorf("got %q, want %q", got, c.diff)
			}
		})
	}
}

func TestAssign(t *testing.T) {
	in := &ecs.UpdateServiceInput{}
	fixed := assign(in, &ecs.CreateServiceInput{DesiredCount: aws.Int32(2), EnableExecuteCommand: true, LaunchType: types.LaunchTypeEc2},
		[]string{"DesiredCount", "EnableExecuteCommand", "LaunchType"})
	if !reflect.DeepEqual(fixed, []string{"LaunchType"}) || aws.ToInt32(in.DesiredCount) != 2 || !aws.ToBool(in.EnableExecuteCommand) {
		t.Errorf("got %v, %+v", fixed, in)
	}
	fixed = assign(&elb.ModifyTargetGroupInput{}, elb.CreateTargetGroupInput{Port: aws.Int32(1), HealthCheckPath: aws.String("/")}, []string{"Port", "HealthCheckPath"})
	if !reflect.DeepEqual(fixed, []string{"Port"}) {
		t.Errorf("got %v, want [Port]", fixed)
	}
}

func TestCanonical_ShortAndLongForwardAreTheSame(t *testing.T) {
	arn := aws.String("arn:x")
	short := canonical([]elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: arn}})
	long := []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, ForwardConfig: &elbtypes.ForwardActionConfig{
		TargetGroups: []elbtypes.TargetGroupTuple{{TargetGroupArn: arn, Weight: aws.Int32(1)}}}}}
	if !covered(reflect.ValueOf(short), reflect.ValueOf(long)) {
		t.Errorf("%+v is not covered by %+v", short, long)
	}
	other := canonical([]elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: aws.String("arn:y")}})
	if covered(reflect.ValueOf(other), reflect.ValueOf(long)) {
		t.Error("another target group is no difference")
	}
}
