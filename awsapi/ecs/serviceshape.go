package ecs

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
)

// platformLinux is the platformFamily of what runs on Fargate, as services spell it.
const platformLinux = "Linux"

// service gives a service as ECS shows it: the field set of ecs-control-plane.md 8.3.
func (h *handlers) service(s runtime.Service, withTags bool) (*types.Service, error) {
	out := &types.Service{
		ServiceArn: text(s.ARN), ServiceName: text(s.Name), ClusterArn: text(s.ClusterARN), Status: text(s.Status),
		DesiredCount: narrow(s.DesiredCount), TaskDefinition: text(s.TaskDefinitionARN),
		LaunchType: types.LaunchType(s.LaunchType), CapacityProviderStrategy: strategyOut(s.CapacityProviders),
		PlatformVersion: text(s.PlatformVersion), PlatformFamily: platformFamily(s.PlatformVersion),
		NetworkConfiguration:          networkOut(s.Network),
		HealthCheckGracePeriodSeconds: ptr(narrow(s.GracePeriodSeconds)),
		SchedulingStrategy:            types.SchedulingStrategy(s.SchedulingStrategy),
		DeploymentController:          &types.DeploymentController{Type: types.DeploymentControllerTypeEcs},
		RoleArn:                       h.role(s), CreatedBy: text(s.CreatedBy), CreatedAt: moment(s.CreatedAt),
		EnableECSManagedTags: s.ManagedTags, EnableExecuteCommand: s.ExecuteCommand,
		PropagateTags:               propagation(s.PropagateTags),
		AvailabilityZoneRebalancing: types.AvailabilityZoneRebalancing(s.AZRebalancing),
		ResourceManagementType:      types.ResourceManagementTypeCustomer,
		Deployments:                 []types.Deployment{},
		Events:                      []types.ServiceEvent{},
		LoadBalancers:               []types.LoadBalancer{},
		CurrentServiceRevisions:     []types.ServiceCurrentRevisionSummary{},
	}
	if err := merge(out, s.Extra); err != nil {
		return nil, err
	}
	out.ServiceRegistries = some(out.ServiceRegistries)
	out.PlacementConstraints = some(out.PlacementConstraints)
	out.PlacementStrategy = some(out.PlacementStrategy)
	if len(s.LoadBalancers) > 0 {
		if err := sdk(s.LoadBalancers, &out.LoadBalancers); err != nil {
			return nil, err
		}
	}
	for _, d := range s.Deployments {
		deployment, err := serviceDeployment(s, d)
		if err != nil {
			return nil, err
		}
		out.Deployments = append(out.Deployments, *deployment)
		out.CurrentServiceRevisions = append(out.CurrentServiceRevisions, revision(s, d))
		out.RunningCount += deployment.RunningCount
		out.PendingCount += deployment.PendingCount
	}
	for _, e := range s.Events {
		out.Events = append(out.Events, types.ServiceEvent{
			Id: text(e.ID), CreatedAt: moment(e.CreatedAt), Message: text(e.Message),
		})
	}
	if withTags {
		out.Tags = tagsOut(s.Tags)
	}
	var err error
	out.DeploymentConfiguration, err = deploymentOut(s.Deployment)
	return out, err
}

// serviceDeployment gives a deployment. Service Connect, volumes and VPC Lattice are members of it and not of the
// service; the runtime keeps the service's last ones only.
func serviceDeployment(s runtime.Service, d runtime.Deployment) (*types.Deployment, error) {
	out := &types.Deployment{}
	if err := merge(out, s.Extra); err != nil {
		return nil, err
	}
	out.Id, out.Status, out.TaskDefinition = text(d.ID), text(d.Status), text(d.TaskDefinitionARN)
	out.DesiredCount, out.PendingCount, out.RunningCount = narrow(d.DesiredCount), narrow(d.PendingCount), narrow(d.RunningCount)
	out.FailedTasks = narrow(d.FailedTasks)
	out.RolloutState, out.RolloutStateReason = types.DeploymentRolloutState(d.RolloutState), text(d.RolloutReason)
	out.CreatedAt, out.UpdatedAt = moment(d.CreatedAt), moment(d.UpdatedAt)
	out.LaunchType, out.CapacityProviderStrategy = types.LaunchType(d.LaunchType), strategyOut(d.CapacityProviders)
	out.PlatformVersion, out.PlatformFamily = text(d.PlatformVersion), platformFamily(d.PlatformVersion)
	out.NetworkConfiguration = networkOut(d.Network)
	return out, nil
}

// revision is the summary of a deployment's service revision, whose ARN ends in the deployment's digits
// (ecs-control-plane.md 0.2).
func revision(s runtime.Service, d runtime.Deployment) types.ServiceCurrentRevisionSummary {
	arn := strings.Replace(s.ARN, ":service/", ":service-revision/", 1) + "/" + strings.TrimPrefix(d.ID, "ecs-svc/")
	return types.ServiceCurrentRevisionSummary{
		Arn: &arn, RequestedTaskCount: narrow(d.DesiredCount),
		RunningTaskCount: narrow(d.RunningCount), PendingTaskCount: narrow(d.PendingCount),
	}
}

// platformFamily: what has a platform version runs on Fargate; EC2 services have neither (ecs-control-plane.md 8.3).
func platformFamily(version string) *string {
	if version == "" {
		return nil
	}
	return ptr(platformLinux)
}

func propagation(p string) types.PropagateTags {
	if p == "" {
		return types.PropagateTagsNone
	}
	return types.PropagateTags(p)
}

// role is the role that was given, or the service-linked one where ECS needs one (ecs-control-plane.md 2.1).
func (h *handlers) role(s runtime.Service) *string {
	switch {
	case strings.HasPrefix(s.Role, "arn:"):
		return &s.Role
	case s.Role != "":
		return ptr("arn:aws:iam::" + h.cfg.Account + ":role/" + strings.TrimPrefix(s.Role, "/"))
	case s.Network != nil || len(s.LoadBalancers) > 0 || s.Extra["serviceRegistries"] != nil:
		return ptr("arn:aws:iam::" + h.cfg.Account + ":role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS")
	}
	return nil
}
