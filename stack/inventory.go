package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// inventory is everything that the daemon holds and a stack can own.
type inventory struct {
	clusters    []types.Cluster
	services    []types.Service       // not INACTIVE, of all clusters
	definitions map[string]definition // ACTIVE revisions by ARN
	balancers   []elbtypes.LoadBalancer
	groups      []elbtypes.TargetGroup
	elbOwner    map[string]string // stack by ARN, of balancers and groups
}

type definition struct {
	owner  string // the stack
	images []string
}

// Stacks are the names of the stacks that the daemon holds something of.
func Stacks(ctx context.Context, c *Client) ([]string, error) {
	inv, err := c.inventory(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, s := range inv.services {
		names[ecsTag(s.Tags, Tag)] = true
	}
	for _, d := range inv.definitions {
		names[d.owner] = true
	}
	for _, owner := range inv.elbOwner {
		names[owner] = true
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names)), nil
}

// GroupsOf gives the ARNs of the target groups of a name, or of the stack of that name.
func GroupsOf(ctx context.Context, c *Client, name string) ([]string, error) {
	all, err := c.allGroups(ctx)
	if err != nil {
		return nil, err
	}
	var arns, named []string
	for _, g := range all {
		arns = append(arns, aws.ToString(g.TargetGroupArn))
		if aws.ToString(g.TargetGroupName) == name || aws.ToString(g.TargetGroupArn) == name {
			named = append(named, aws.ToString(g.TargetGroupArn))
		}
	}
	if len(named) > 0 {
		return named, nil
	}
	tags, err := c.elbTags(ctx, arns)
	return slices.DeleteFunc(arns, func(arn string) bool { return tags[arn][Tag] != name }), err
}

func (c *Client) inventory(ctx context.Context) (inv inventory, err error) {
	if inv.clusters, err = c.allClusters(ctx); err != nil {
		return inv, err
	}
	for _, cl := range inv.clusters {
		services, err := c.servicesIn(ctx, aws.ToString(cl.ClusterArn))
		if err != nil {
			return inv, err
		}
		inv.services = append(inv.services, services...)
	}
	if inv.definitions, err = c.allDefinitions(ctx); err != nil {
		return inv, err
	}
	pages := elb.NewDescribeLoadBalancersPaginator(c.ELB, &elb.DescribeLoadBalancersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return inv, fmt.Errorf("describe load balancers: %w", c.Explain(err))
		}
		inv.balancers = append(inv.balancers, page.LoadBalancers...)
	}
	if inv.groups, err = c.allGroups(ctx); err != nil {
		return inv, err
	}
	var arns []string
	for _, b := range inv.balancers {
		arns = append(arns, aws.ToString(b.LoadBalancerArn))
	}
	for _, g := range inv.groups {
		arns = append(arns, aws.ToString(g.TargetGroupArn))
	}
	tags, err := c.elbTags(ctx, arns)
	inv.elbOwner = map[string]string{}
	for arn, t := range tags {
		inv.elbOwner[arn] = t[Tag]
	}
	return inv, err
}

func (c *Client) allClusters(ctx context.Context) ([]types.Cluster, error) {
	var all []types.Cluster
	pages := ecs.NewListClustersPaginator(c.ECS, &ecs.ListClustersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list clusters: %w", c.Explain(err))
		}
		if len(page.ClusterArns) == 0 {
			continue
		}
		out, err := c.ECS.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: page.ClusterArns, Include: []types.ClusterField{types.ClusterFieldTags}})
		if err != nil {
			return nil, fmt.Errorf("describe clusters: %w", c.Explain(err))
		}
		all = append(all, out.Clusters...)
	}
	return all, nil
}

func (c *Client) servicesIn(ctx context.Context, cluster string) ([]types.Service, error) {
	var all []types.Service
	pages := ecs.NewListServicesPaginator(c.ECS, &ecs.ListServicesInput{Cluster: &cluster, MaxResults: aws.Int32(10)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list services: %w", c.Explain(err))
		}
		if len(page.ServiceArns) == 0 {
			continue
		}
		out, err := c.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: page.ServiceArns,
			Include: []types.ServiceField{types.ServiceFieldTags}})
		if err != nil {
			return nil, fmt.Errorf("describe services: %w", c.Explain(err))
		}
		all = append(all, out.Services...)
	}
	return all, nil
}

func (c *Client) allDefinitions(ctx context.Context) (map[string]definition, error) {
	all := map[string]definition{}
	pages := ecs.NewListTaskDefinitionsPaginator(c.ECS, &ecs.ListTaskDefinitionsInput{Status: types.TaskDefinitionStatusActive})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list task definitions: %w", c.Explain(err))
		}
		for _, arn := range page.TaskDefinitionArns {
			out, err := c.ECS.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &arn,
				Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags}})
			if err != nil {
				return nil, fmt.Errorf("describe task definition %s: %w", revision(arn), c.Explain(err))
			}
			d := definition{owner: ecsTag(out.Tags, Tag)}
			for _, cd := range out.TaskDefinition.ContainerDefinitions {
				d.images = append(d.images, aws.ToString(cd.Image))
			}
			all[arn] = d
		}
	}
	return all, nil
}

// tasksIn are the tasks of a cluster that are not, or only just, STOPPED.
func (c *Client) tasksIn(ctx context.Context, cluster string) ([]types.Task, error) {
	var all []types.Task
	for _, status := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		pages := ecs.NewListTasksPaginator(c.ECS, &ecs.ListTasksInput{Cluster: &cluster, DesiredStatus: status})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("list tasks: %w", c.Explain(err))
			}
			if len(page.TaskArns) == 0 {
				continue
			}
			out, err := c.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: page.TaskArns})
			if err != nil {
				return nil, fmt.Errorf("describe tasks: %w", c.Explain(err))
			}
			all = append(all, out.Tasks...)
		}
	}
	return all, nil
}
