package ecs

import (
	"context"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
)

const (
	maxServices     = 10
	maxServiceToken = 36
)

// Members of a service that the runtime keeps and does not act on.
var serviceExtra = []string{
	"serviceRegistries", "placementConstraints", "placementStrategy", "serviceConnectConfiguration",
	"volumeConfigurations", "vpcLatticeConfigurations", "monitoring", "gatewayConnectors",
}

func (h *handlers) CreateService(ctx context.Context, in *awsecs.CreateServiceInput) (*awsecs.CreateServiceOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err := first(err,
		launchType(in.LaunchType),
		noLonger("clientToken", in.ClientToken, maxServiceToken),
		strategyRules(in.CapacityProviderStrategy),
	); err != nil {
		return nil, err
	}
	deployment, err := deploymentIn(in.DeploymentConfiguration)
	if err != nil {
		return nil, err
	}
	balancers, err := balancersIn(in.LoadBalancers)
	if err != nil {
		return nil, err
	}
	extra, err := pick(in, serviceExtra...)
	if err != nil {
		return nil, err
	}
	strategy, err := h.strategy(ctx, in.Cluster, in.LaunchType, in.CapacityProviderStrategy)
	if err != nil {
		return nil, err
	}
	s, err := h.api.CreateService(ctx, runtime.ServiceInput{
		Cluster: value(in.Cluster), Name: value(in.ServiceName), TaskDefinition: value(in.TaskDefinition),
		DesiredCount: widePtr(in.DesiredCount), ClientToken: value(in.ClientToken),
		LaunchType: string(in.LaunchType), CapacityProviders: strategy,
		PlatformVersion: value(in.PlatformVersion), Network: networkIn(in.NetworkConfiguration),
		LoadBalancers: balancers, Deployment: deployment,
		GracePeriodSeconds: widePtr(in.HealthCheckGracePeriodSeconds),
		SchedulingStrategy: string(in.SchedulingStrategy), Controller: controller(in.DeploymentController),
		PropagateTags: string(in.PropagateTags), ManagedTags: in.EnableECSManagedTags,
		ExecuteCommand: in.EnableExecuteCommand, AZRebalancing: string(in.AvailabilityZoneRebalancing),
		Role: value(in.Role), CreatedBy: h.cfg.Caller, Tags: tags, Extra: extra,
	})
	if err != nil {
		return nil, err
	}
	out, err := h.service(s, len(s.Tags) > 0)
	return &awsecs.CreateServiceOutput{Service: out}, err
}

func (h *handlers) UpdateService(ctx context.Context, in *awsecs.UpdateServiceInput) (*awsecs.UpdateServiceOutput, error) {
	if err := strategyRules(in.CapacityProviderStrategy); err != nil {
		return nil, err
	}
	if c := controller(in.DeploymentController); c != "" && c != string(types.DeploymentControllerTypeEcs) {
		return nil, &types.UnsupportedFeatureException{
			Message: ptr("miniecs does not have the deployment controller " + c + " yet; use ECS."),
		}
	}
	deployment, err := deploymentIn(in.DeploymentConfiguration)
	if err != nil {
		return nil, err
	}
	update := runtime.ServiceUpdate{
		Cluster: value(in.Cluster), Service: value(in.Service), TaskDefinition: value(in.TaskDefinition),
		DesiredCount: widePtr(in.DesiredCount), ForceNewDeployment: in.ForceNewDeployment,
		CapacityProviders: strategyIn(in.CapacityProviderStrategy), PlatformVersion: value(in.PlatformVersion),
		Network: networkIn(in.NetworkConfiguration), Deployment: deployment,
		GracePeriodSeconds: widePtr(in.HealthCheckGracePeriodSeconds), PropagateTags: string(in.PropagateTags),
		ManagedTags: in.EnableECSManagedTags, ExecuteCommand: in.EnableExecuteCommand,
		AZRebalancing: string(in.AvailabilityZoneRebalancing),
	}
	if in.LoadBalancers != nil { // an empty list takes them away, an absent one leaves them
		balancers, err := balancersIn(in.LoadBalancers)
		if err != nil {
			return nil, err
		}
		update.LoadBalancers = &balancers
	}
	if update.Extra, err = pick(in, serviceExtra...); err != nil {
		return nil, err
	}
	s, err := h.api.UpdateService(ctx, update)
	if err != nil {
		return nil, err
	}
	out, err := h.service(s, false)
	return &awsecs.UpdateServiceOutput{Service: out}, err
}

func (h *handlers) DeleteService(ctx context.Context, in *awsecs.DeleteServiceInput) (*awsecs.DeleteServiceOutput, error) {
	s, err := h.api.DeleteService(ctx, value(in.Cluster), value(in.Service), value(in.Force))
	if err != nil {
		return nil, err
	}
	out, err := h.service(s, false)
	return &awsecs.DeleteServiceOutput{Service: out}, err
}

func (h *handlers) DescribeServices(ctx context.Context, in *awsecs.DescribeServicesInput) (*awsecs.DescribeServicesOutput, error) {
	with, err := includes(in.Include)
	if err := first(err,
		notEmpty("Services", len(in.Services)),
		atMost("Services", len(in.Services), maxServices),
	); err != nil {
		return nil, err
	}
	found, failures, err := h.api.DescribeServices(ctx, value(in.Cluster), in.Services)
	if err != nil {
		return nil, err
	}
	out := &awsecs.DescribeServicesOutput{Services: []types.Service{}, Failures: failuresOut(failures)}
	for _, s := range found {
		service, err := h.service(s, with(types.ServiceFieldTags))
		if err != nil {
			return nil, err
		}
		out.Services = append(out.Services, *service)
	}
	return out, nil
}

func (h *handlers) ListServices(ctx context.Context, in *awsecs.ListServicesInput) (*awsecs.ListServicesOutput, error) {
	if err := launchType(in.LaunchType); err != nil {
		return nil, err
	}
	all, err := h.api.ListServices(ctx, value(in.Cluster), string(in.LaunchType), string(in.SchedulingStrategy))
	if err != nil {
		return nil, err
	}
	if in.ResourceManagementType == types.ResourceManagementTypeEcs { // Express services: there are none
		all = nil
	}
	items, next, err := page(all, in.MaxResults, in.NextToken, servicePages, "services",
		value(in.Cluster), string(in.LaunchType), string(in.SchedulingStrategy), string(in.ResourceManagementType))
	return &awsecs.ListServicesOutput{ServiceArns: items, NextToken: next}, err
}

func controller(c *types.DeploymentController) string {
	if c == nil {
		return ""
	}
	return string(c.Type)
}

// balancersIn keeps advancedConfiguration as it came.
func balancersIn(given []types.LoadBalancer) ([]runtime.ServiceLoadBalancer, error) {
	all := make([]runtime.ServiceLoadBalancer, len(given))
	for i, lb := range given {
		if err := domain(lb, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
