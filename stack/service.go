package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/taskdef"
)

func (u *up) observeService(ctx context.Context) error {
	if u.s.service == nil {
		return nil
	}
	name := aws.ToString(u.s.service.ServiceName)
	service, err := u.drained(ctx, name)
	if err != nil || service == nil {
		return err
	}
	u.service = service
	if owner := ecsTag(u.service.Tags, Tag); owner != u.s.Name {
		return u.strange("service", name, owner)
	}
	if fixed := assign(&ecs.UpdateServiceInput{}, u.s.service, u.serviceChanges(u.s.service)); len(fixed) > 0 {
		return &ImmutableError{"service", name, fixed}
	}
	return nil
}

// drained gives the service of a name, nil if there is none. One that was deleted and still drains is waited for: until
// it is INACTIVE, nobody can create another of its name.
func (u *up) drained(ctx context.Context, name string) (*types.Service, error) {
	var found *types.Service
	told := false
	err := poll(ctx, func() (bool, error) {
		out, err := u.c.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &u.s.cluster, Services: []string{name},
			Include: []types.ServiceField{types.ServiceFieldTags}})
		if _, ok := errors.AsType[*types.ClusterNotFoundException](err); ok {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("describe service %s: %w", name, u.c.Explain(err))
		}
		if len(out.Services) == 0 {
			return true, nil
		}
		switch aws.ToString(out.Services[0].Status) {
		case "ACTIVE":
			found = &out.Services[0]
		case "DRAINING":
			if !told {
				u.say("service", name, "draining", "it was deleted; waiting until it is INACTIVE")
			}
			told = true
			return false, nil
		}
		return true, nil
	})
	return found, err
}

// serviceChanges names the members that the file has and the service has otherwise.
func (u *up) serviceChanges(want *ecs.CreateServiceInput) []string {
	primary := types.Deployment{}
	if len(u.service.Deployments) > 0 {
		primary = u.service.Deployments[0]
	}
	members := changed(want, u.service, primary)
	// false is a member that is left out, unless the file says it.
	if u.s.given["EnableExecuteCommand"] && !want.EnableExecuteCommand && u.service.EnableExecuteCommand {
		members = append(members, "EnableExecuteCommand")
	}
	if u.s.given["EnableECSManagedTags"] && !want.EnableECSManagedTags && u.service.EnableECSManagedTags {
		members = append(members, "EnableECSManagedTags")
	}
	return slices.DeleteFunc(members, func(m string) bool {
		switch m {
		case "Tags", "ClientToken", "Cluster", "Role": // no property of the service, or given back under another name
			return true
		case "PlatformVersion": // what LATEST stands for is given back
			return aws.ToString(want.PlatformVersion) == "LATEST"
		}
		return false
	})
}

// serve creates the service, or sends UpdateService the members that changed.
func (u *up) serve(ctx context.Context, definition string) error {
	want := *u.s.service
	want.TaskDefinition = &definition
	want.LoadBalancers = slices.Clone(want.LoadBalancers)
	for i := range want.LoadBalancers {
		if err := u.resolve(ctx, &want.LoadBalancers[i].TargetGroupArn); err != nil {
			return err
		}
	}
	if u.service == nil {
		return u.createService(ctx, want)
	}
	name := aws.ToString(want.ServiceName)
	tagged, err := u.retag(ctx, aws.ToString(u.service.ServiceArn), want.Tags, u.service.Tags)
	if err != nil {
		return err
	}
	members := u.serviceChanges(&want)
	if len(members) == 0 {
		u.say("service", name, status(tagged), "")
		return nil
	}
	in := &ecs.UpdateServiceInput{Cluster: &u.s.cluster, Service: &name}
	assign(in, &want, members)
	if _, err := u.c.ECS.UpdateService(ctx, in); err != nil {
		return fmt.Errorf("update service %s: %w", name, u.c.Explain(err))
	}
	for i, m := range members {
		if m == "TaskDefinition" {
			members[i] += " " + revision(definition)
		}
	}
	u.say("service", name, Updated, list(members))
	return nil
}

func (u *up) createService(ctx context.Context, want ecs.CreateServiceInput) error {
	if err := u.ensureCluster(ctx); err != nil {
		return err
	}
	want.Tags = append(slices.Clone(want.Tags), u.s.tag())
	if want.DesiredCount == nil && want.SchedulingStrategy != types.SchedulingStrategyDaemon {
		want.DesiredCount = aws.Int32(1)
	}
	if want.LaunchType == "" && len(want.CapacityProviderStrategy) == 0 && u.fargateOnly() {
		want.LaunchType = types.LaunchTypeFargate
	}
	if want.NetworkConfiguration == nil && u.def.NetworkMode == taskdef.NetworkModeAwsvpc {
		v, err := u.inVPC(ctx)
		if err != nil {
			return err
		}
		want.NetworkConfiguration = &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: v.subnets}}
	}
	name := aws.ToString(want.ServiceName)
	if _, err := u.c.ECS.CreateService(ctx, &want); err != nil {
		return fmt.Errorf("create service %s: %w", name, u.c.Explain(err))
	}
	detail := ""
	if want.DesiredCount != nil {
		detail = fmt.Sprintf("desiredCount %d", *want.DesiredCount)
	}
	u.say("service", name, Created, detail)
	return nil
}

// fargateOnly says whether the definition requires Fargate. A service that names no launch type would be one of EC2
// then, where AWS places no such task; what its file means is plain.
func (u *up) fargateOnly() bool {
	needs := u.def.RequiresCompatibilities
	return slices.Contains(needs, taskdef.Fargate) && !slices.Contains(needs, taskdef.EC2)
}

// ensureCluster makes the cluster that the service names, if there is none.
func (u *up) ensureCluster(ctx context.Context) error {
	out, err := u.c.ECS.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{u.s.cluster}})
	if err != nil {
		return fmt.Errorf("describe cluster %s: %w", u.s.cluster, u.c.Explain(err))
	}
	if len(out.Clusters) > 0 && aws.ToString(out.Clusters[0].Status) == "ACTIVE" {
		return nil
	}
	if _, err := u.c.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: &u.s.cluster, Tags: []types.Tag{u.s.tag()}}); err != nil {
		return fmt.Errorf("create cluster %s: %w", u.s.cluster, u.c.Explain(err))
	}
	u.say("cluster", u.s.cluster, Created, "")
	return nil
}

func ecsTag(tags []types.Tag, key string) string {
	for _, t := range tags {
		if aws.ToString(t.Key) == key {
			return aws.ToString(t.Value)
		}
	}
	return ""
}

// revision is family:revision of a task definition's ARN.
func revision(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
