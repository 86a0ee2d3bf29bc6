package wire

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func TestCheck_Words(t *testing.T) {
	constraints, plain := Constraints("ValidationError"), Plain("InvalidParameterException", "ClientException")
	for _, c := range []struct {
		name      string
		in        any
		unchecked []string
		word      func([]Violation) error
		want      string // "" when nothing is wrong
	}{
		{"all at once", &elasticloadbalancingv2.CreateListenerInput{
			LoadBalancerArn: aws.String("a"), Protocol: "FTP", DefaultActions: []elbtypes.Action{{Type: "forward"}, {}},
		}, nil, constraints, "ValidationError: 2 validation errors detected: " +
			"Value null at 'defaultActions.2.member.type' failed to satisfy constraint: Member must not be null; " +
			"Value 'FTP' at 'protocol' failed to satisfy constraint: Member must satisfy enum value set: [HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP, GENEVE, QUIC, TCP_QUIC]"},
		{"an enum inside a list", &elasticloadbalancingv2.CreateListenerInput{
			LoadBalancerArn: aws.String("a"), DefaultActions: []elbtypes.Action{{Type: "forwards"}},
		}, nil, constraints, "ValidationError: 1 validation error detected: Value 'forwards' at 'defaultActions.1.member.type' failed to satisfy constraint: " +
			"Member must satisfy enum value set: [forward, authenticate-oidc, authenticate-cognito, redirect, fixed-response, jwt-validation]"},
		{"nothing", &ecs.CreateServiceInput{ServiceName: aws.String("web")}, nil, plain, ""},
		{"an empty enum is absent", &ecs.CreateServiceInput{ServiceName: aws.String("web"), LaunchType: ""}, nil, plain, ""},
		{"a member", &ecs.CreateServiceInput{}, nil, plain, "InvalidParameterException: Service name should not be null or empty."},
		{"a list", &ecs.DescribeServicesInput{}, nil, plain, "InvalidParameterException: Services cannot be empty."},
		{"an empty list is there", &ecs.DescribeServicesInput{Services: []string{}}, nil, plain, ""},
		{"a list of enums", &ecs.DescribeServicesInput{Services: []string{"a"}, Include: []ecstypes.ServiceField{"TAGS", "COLOURS"}}, nil, plain,
			"ClientException: include should be one of [TAGS]"},
		{"a member inside", &ecs.RegisterTaskDefinitionInput{Family: aws.String("f"),
			ContainerDefinitions: []ecstypes.ContainerDefinition{{HealthCheck: &ecstypes.HealthCheck{}}}}, nil, plain,
			"InvalidParameterException: Command cannot be empty."},
		{"a member of a list inside", &ecs.RegisterTaskDefinitionInput{Family: aws.String("f"),
			ContainerDefinitions: []ecstypes.ContainerDefinition{{Secrets: []ecstypes.Secret{{Name: aws.String("n")}}}}}, nil, plain,
			"InvalidParameterException: Secret.valueFrom should not be null or empty."},
		{"what is left to the handler", &ecs.RegisterTaskDefinitionInput{Family: aws.String("f"),
			ContainerDefinitions: []ecstypes.ContainerDefinition{{Secrets: []ecstypes.Secret{{}}}}},
			[]string{"containerDefinitions.secrets"}, plain, ""},
		{"inside a union", &ecs.UpdateGatewayInput{Gateway: aws.String("g"), Configuration: &ecstypes.UpdateGatewayConfigurationMemberHostSharedAlb{
			Value: ecstypes.UpdateGatewayAlbConfiguration{AccessLogs: &ecstypes.GatewayElbAccessLogConfiguration{
				Destination: &ecstypes.GatewayElbAccessLogDestinationMemberS3{}}}}}, nil, constraints,
			"ValidationError: 1 validation error detected: Value null at 'configuration.hostSharedAlb.accessLogs.destination.s3.bucket' " +
				"failed to satisfy constraint: Member must not be null"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if vs := check(c.in, c.unchecked); len(vs) > 0 {
				got = c.word(vs).Error()
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestCheck_IsBounded(t *testing.T) {
	in := &elasticloadbalancingv2.CreateListenerInput{DefaultActions: make([]elbtypes.Action, 5000)}
	vs := check(in, nil)
	if len(vs) != maxViolations {
		t.Errorf("got %d violations, want %d", len(vs), maxViolations)
	}
	if !strings.HasPrefix(Constraints("X")(vs).Error(), "X: 10 validation errors detected: ") {
		t.Error(Constraints("X")(vs))
	}
}
