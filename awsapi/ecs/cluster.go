package ecs

import (
	"context"
	"slices"
	"strconv"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
)

// Members of a cluster that the runtime keeps and does not act on.
var clusterExtra = []string{
	"settings", "configuration", "capacityProviders", "defaultCapacityProviderStrategy", "serviceConnectDefaults",
}

func (h *handlers) CreateCluster(ctx context.Context, in *awsecs.CreateClusterInput) (*awsecs.CreateClusterOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err := first(err, clusterSettings(in.Settings), h.providers(in.CapacityProviders, in.DefaultCapacityProviderStrategy)); err != nil {
		return nil, err
	}
	extra, err := pick(in, clusterExtra...)
	if err != nil {
		return nil, err
	}
	c, err := h.api.CreateCluster(ctx, runtime.Cluster{Name: value(in.ClusterName), Tags: tags, Extra: extra})
	if err != nil {
		return nil, err
	}
	out, err := h.cluster(c, everything)
	return &awsecs.CreateClusterOutput{Cluster: out}, err
}

func (h *handlers) DescribeClusters(ctx context.Context, in *awsecs.DescribeClustersInput) (*awsecs.DescribeClustersOutput, error) {
	with, err := includes(in.Include)
	if err := first(err, atMost("Clusters", len(in.Clusters), 100)); err != nil {
		return nil, err
	}
	found, failures, err := h.api.DescribeClusters(ctx, in.Clusters)
	if err != nil {
		return nil, err
	}
	out := &awsecs.DescribeClustersOutput{Clusters: []types.Cluster{}, Failures: failuresOut(failures)}
	for _, c := range found {
		cluster, err := h.cluster(c, with)
		if err != nil {
			return nil, err
		}
		out.Clusters = append(out.Clusters, *cluster)
	}
	return out, nil
}

func (h *handlers) ListClusters(ctx context.Context, in *awsecs.ListClustersInput) (*awsecs.ListClustersOutput, error) {
	all, err := h.api.ListClusters(ctx)
	if err != nil {
		return nil, err
	}
	items, next, err := page(all, in.MaxResults, in.NextToken, hundreds, "clusters")
	return &awsecs.ListClustersOutput{ClusterArns: items, NextToken: next}, err
}

func (h *handlers) DeleteCluster(ctx context.Context, in *awsecs.DeleteClusterInput) (*awsecs.DeleteClusterOutput, error) {
	c, err := h.api.DeleteCluster(ctx, value(in.Cluster))
	if err != nil {
		return nil, err
	}
	out, err := h.cluster(c, everything)
	return &awsecs.DeleteClusterOutput{Cluster: out}, err
}

func (h *handlers) UpdateCluster(ctx context.Context, in *awsecs.UpdateClusterInput) (*awsecs.UpdateClusterOutput, error) {
	if err := clusterSettings(in.Settings); err != nil {
		return nil, err
	}
	c, err := h.updateCluster(ctx, in.Cluster, in)
	return &awsecs.UpdateClusterOutput{Cluster: c}, err
}

func (h *handlers) UpdateClusterSettings(ctx context.Context, in *awsecs.UpdateClusterSettingsInput) (*awsecs.UpdateClusterSettingsOutput, error) {
	if err := clusterSettings(in.Settings); err != nil {
		return nil, err
	}
	c, err := h.updateCluster(ctx, in.Cluster, in)
	return &awsecs.UpdateClusterSettingsOutput{Cluster: c}, err
}

// PutClusterCapacityProviders replaces both lists (ecs-control-plane.md 7.6). An empty strategy is legal, an unknown
// provider is not.
func (h *handlers) PutClusterCapacityProviders(ctx context.Context, in *awsecs.PutClusterCapacityProvidersInput) (*awsecs.PutClusterCapacityProvidersOutput, error) {
	if err := h.providers(in.CapacityProviders, in.DefaultCapacityProviderStrategy); err != nil {
		return nil, err
	}
	c, err := h.updateCluster(ctx, in.Cluster, in)
	return &awsecs.PutClusterCapacityProvidersOutput{Cluster: c}, err
}

// providers refuses capacity providers that do not exist, in a cluster's list and in its default strategy.
func (h *handlers) providers(names []string, strategy []types.CapacityProviderStrategyItem) error {
	names = slices.Clone(names)
	for _, item := range strategy {
		names = append(names, value(item.CapacityProvider))
	}
	for _, name := range names {
		if _, ok := h.capacityProvider(name); !ok {
			return invalid("The specified capacity provider '%s' is not in an ACTIVE state. Specify a valid capacity provider and try again.", name)
		}
	}
	return nil
}

func (h *handlers) updateCluster(ctx context.Context, name *string, in any) (*types.Cluster, error) {
	extra, err := pick(in, clusterExtra...)
	if err != nil {
		return nil, err
	}
	c, err := h.api.UpdateCluster(ctx, value(name), extra)
	if err != nil {
		return nil, err
	}
	return h.cluster(c, everything)
}

func clusterSettings(settings []types.ClusterSetting) error {
	for _, s := range settings {
		switch value(s.Value) {
		case "enabled", "disabled", "enhanced":
		default:
			return invalid("Invalid Setting Value. %s should be one of [enabled,disabled,enhanced]", s.Name)
		}
	}
	return nil
}

// everything is the `include` of the answers to a write.
func everything(types.ClusterField) bool { return true }

func (h *handlers) cluster(c runtime.Cluster, with func(types.ClusterField) bool) (*types.Cluster, error) {
	counts := h.api.ClusterCounts(c.Name)
	out := &types.Cluster{
		ClusterArn:                        text(c.ARN),
		ClusterName:                       text(c.Name),
		Status:                            text(c.Status),
		ActiveServicesCount:               narrow(counts.ActiveServices),
		PendingTasksCount:                 narrow(counts.PendingTasks),
		RunningTasksCount:                 narrow(counts.RunningTasks),
		RegisteredContainerInstancesCount: narrow(counts.RegisteredInstances),
	}
	// containerInsights is there although nobody set it (ecs-control-plane.md 0.3).
	out.Settings = []types.ClusterSetting{{Name: types.ClusterSettingNameContainerInsights, Value: ptr("disabled")}}
	if err := merge(out, c.Extra); err != nil {
		return nil, err
	}
	out.CapacityProviders = some(out.CapacityProviders)
	out.DefaultCapacityProviderStrategy = some(out.DefaultCapacityProviderStrategy)
	out.Statistics, out.Tags = []types.KeyValuePair{}, []types.Tag{}
	if with(types.ClusterFieldTags) {
		out.Tags = tagsOut(c.Tags)
	}
	if with(types.ClusterFieldStatistics) {
		out.Statistics = statistics(counts)
	}
	if !with(types.ClusterFieldSettings) {
		out.Settings = []types.ClusterSetting{}
	}
	if !with(types.ClusterFieldConfigurations) {
		out.Configuration = nil
	}
	return out, nil
}

func statistics(c runtime.ClusterCounts) []types.KeyValuePair {
	var all []types.KeyValuePair
	for _, s := range []struct {
		name  string
		count int
	}{
		{"runningEC2TasksCount", c.RunningEC2},
		{"runningFargateTasksCount", c.RunningFargate},
		{"pendingEC2TasksCount", c.PendingEC2},
		{"pendingFargateTasksCount", c.PendingFargate},
		{"activeEC2ServiceCount", c.ActiveEC2Services},
		{"activeFargateServiceCount", c.ActiveFargateServices},
	} {
		all = append(all, types.KeyValuePair{Name: ptr(s.name), Value: ptr(strconv.Itoa(s.count))})
	}
	return all
}
