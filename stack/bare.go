package stack

import (
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/taskdef"
)

// barePort is where the load balancer of a bare task definition listens.
const barePort = 8080

// loadBare makes a stack of a task definition alone: one service of one task, behind an ALB when it maps a TCP port. A
// miniecs.json beside it says where its images come from, as in a folder.
func loadBare(file string, o Options) (*Stack, error) {
	s := &Stack{}
	if err := errors.Join(s.readTaskDef(file), s.readOwn(filepath.Dir(file))); err != nil {
		return nil, err
	}
	s.Name = s.def.Family
	if o.Name != "" {
		s.Name = o.Name
	}
	s.service = &ecs.CreateServiceInput{ServiceName: aws.String(s.def.Family), LaunchType: types.LaunchTypeEc2}
	if slices.Contains(taskdef.WithDefaults(s.def).Compatibilities, taskdef.Fargate) {
		s.service.LaunchType = types.LaunchTypeFargate
	}
	s.bareBalancer()
	s.finish(o)
	return s, s.check()
}

// bareBalancer puts the first TCP port that an essential container maps behind a load balancer.
func (s *Stack) bareBalancer() {
	for i := range s.def.ContainerDefinitions {
		c := &s.def.ContainerDefinitions[i]
		if !c.IsEssential() {
			continue
		}
		for _, p := range c.PortMappings {
			if p.ContainerPort == 0 || p.Protocol != "" && p.Protocol != "tcp" {
				continue
			}
			s.behind(c.Name, int32(p.ContainerPort))
			return
		}
	}
}

func (s *Stack) behind(container string, port int32) {
	name := balancerName(s.def.Family)
	target := elbtypes.TargetTypeEnumInstance
	if s.def.NetworkMode == taskdef.NetworkModeAwsvpc {
		target = elbtypes.TargetTypeEnumIp
	}
	s.balancer = &balancerInput{CreateLoadBalancerInput: elb.CreateLoadBalancerInput{Name: &name}}
	// A bare file is for trying things out: AWS's defaults, except for what would be waited for (five checks, 30 s
	// apart, and 300 s for a target that leaves) and for what nothing says about the application (that "/" answers 200).
	s.groups = []groupInput{{
		CreateTargetGroupInput: elb.CreateTargetGroupInput{
			Name: &name, Protocol: elbtypes.ProtocolEnumHttp, Port: &port, TargetType: target,
			HealthCheckIntervalSeconds: aws.Int32(5), HealthCheckTimeoutSeconds: aws.Int32(2), HealthyThresholdCount: aws.Int32(2),
			Matcher: &elbtypes.Matcher{HttpCode: aws.String("200-499")},
		},
		Attributes: []elbtypes.TargetGroupAttribute{{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("5")}},
	}}
	s.listener = []elb.CreateListenerInput{{Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(barePort),
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &name}}}}
	s.service.LoadBalancers = []types.LoadBalancer{{TargetGroupArn: &name, ContainerName: &container, ContainerPort: &port}}
}

var notInBalancerName = regexp.MustCompile(`[^A-Za-z0-9]+`)

// balancerName makes a name for a load balancer: at most 32 letters, digits and hyphens, no hyphen at either end, not
// "internal-..." (ELBv2 API reference, CreateLoadBalancer).
func balancerName(family string) string {
	name := strings.Trim(notInBalancerName.ReplaceAllString(family, "-"), "-")
	name = strings.TrimPrefix(name, "internal-")
	if len(name) > 32 {
		name = strings.TrimRight(name[:32], "-")
	}
	if name == "" {
		return "stack"
	}
	return name
}
