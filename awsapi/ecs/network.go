package ecs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
)

// Limits of a capacity provider strategy (ecs-control-plane.md 7.1).
const (
	maxStrategyItems = 20
	maxBase          = 100000
	maxWeight        = 1000
)

func networkIn(n *types.NetworkConfiguration) *runtime.NetworkConfiguration {
	if n == nil || n.AwsvpcConfiguration == nil {
		return nil
	}
	c := n.AwsvpcConfiguration
	return &runtime.NetworkConfiguration{
		Subnets: c.Subnets, SecurityGroups: c.SecurityGroups, AssignPublicIP: string(c.AssignPublicIp),
	}
}

func networkOut(n *runtime.NetworkConfiguration) *types.NetworkConfiguration {
	if n == nil {
		return nil
	}
	public := types.AssignPublicIp(n.AssignPublicIP)
	if public == "" {
		public = types.AssignPublicIpDisabled
	}
	return &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
		Subnets: some(n.Subnets), SecurityGroups: some(n.SecurityGroups), AssignPublicIp: public,
	}}
}

func strategyRules(items []types.CapacityProviderStrategyItem) error {
	bases := 0
	for _, i := range items {
		switch {
		case value(i.CapacityProvider) == "":
			return invalid("capacityProvider can not be empty.")
		case i.Base < 0 || i.Base > maxBase:
			return invalid("base should be between 0 and %d.", maxBase)
		case i.Weight < 0 || i.Weight > maxWeight:
			return invalid("weight should be between 0 and %d.", maxWeight)
		case i.Base > 0:
			bases++
		}
	}
	if bases > 1 {
		return invalid("Only one capacity provider in a capacity provider strategy can have a base defined.")
	}
	return atMost("capacityProviderStrategy", len(items), maxStrategyItems)
}

func strategyIn(items []types.CapacityProviderStrategyItem) []runtime.CapacityProviderItem {
	if items == nil {
		return nil
	}
	all := make([]runtime.CapacityProviderItem, len(items))
	for i, item := range items {
		all[i] = runtime.CapacityProviderItem{
			Provider: value(item.CapacityProvider), Weight: int(item.Weight), Base: int(item.Base),
		}
	}
	return all
}

// strategyOut is absent where there is none: launchType stands in its place (ecs-control-plane.md 2.1).
func strategyOut(items []runtime.CapacityProviderItem) []types.CapacityProviderStrategyItem {
	var all []types.CapacityProviderStrategyItem
	for _, i := range items {
		all = append(all, types.CapacityProviderStrategyItem{
			CapacityProvider: text(i.Provider), Weight: narrow(i.Weight), Base: narrow(i.Base),
		})
	}
	return all
}

// strategy is the one of the request, or the cluster's default where the request says neither launch type nor strategy
// (ecs-control-plane.md 1.9). An unknown cluster has none: the call that follows says that it is unknown.
func (h *handlers) strategy(ctx context.Context, cluster *string, launch types.LaunchType, given []types.CapacityProviderStrategyItem) ([]runtime.CapacityProviderItem, error) {
	if launch != "" || len(given) > 0 {
		return strategyIn(given), nil
	}
	ref := value(cluster)
	if ref == "" {
		ref = "default"
	}
	found, _, err := h.api.DescribeClusters(ctx, []string{ref})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	raw, ok := found[0].Extra["defaultCapacityProviderStrategy"]
	if !ok {
		return nil, nil
	}
	var items []runtime.CapacityProviderItem
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, fmt.Errorf("default strategy of cluster %s: %w", found[0].Name, err)
	}
	return items, nil
}
