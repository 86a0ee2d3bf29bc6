package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// pauseImages is how the names of the engine's own images begin: the daemon needs them as long as it runs, and takes
// them with it when it quits.
const pauseImages = "miniecs/pause-"

// Down removes what bears the stack's tag, and tells each step. Listeners go first: no request comes any more, so
// nothing has to drain. Again, or after an interruption, it goes on with what is left.
func Down(ctx context.Context, c *Client, name string, tell func(Step)) error {
	return (&down{c: c, tell: tell, ours: func(owner string) bool { return owner == name }, stacks: map[string]bool{name: true}}).run(ctx)
}

// DownAll removes everything that the daemon holds, whoever made it.
func DownAll(ctx context.Context, c *Client, tell func(Step)) error {
	return (&down{c: c, tell: tell, all: true, ours: func(string) bool { return true }, stacks: map[string]bool{}}).run(ctx)
}

// down is one run of Down.
type down struct {
	c      *Client
	tell   func(Step)
	all    bool
	ours   func(owner string) bool // whether a resource whose tag miniecs:stack says owner is to go
	stacks map[string]bool         // that were met: their secrets go too

	inv inventory
}

func (d *down) run(ctx context.Context) error {
	var err error
	if d.inv, err = d.c.inventory(ctx); err != nil {
		return err
	}
	return firstOf(ctx, d.listeners, d.services, d.tasks, d.balancers, d.groups, d.definitions, d.secrets, d.clusters)
}

func (d *down) say(kind, name, status string) {
	if d.tell != nil {
		d.tell(Step{Kind: kind, Name: name, Status: status})
	}
}

// doomed says whether something of this owner goes, and remembers the stack.
func (d *down) doomed(owner string) bool {
	if !d.ours(owner) {
		return false
	}
	if owner != "" {
		d.stacks[owner] = true
	}
	return true
}

func (d *down) listeners(ctx context.Context) error {
	for _, b := range d.inv.balancers {
		if !d.doomed(d.inv.elbOwner[aws.ToString(b.LoadBalancerArn)]) {
			continue
		}
		all, err := d.c.listenersOf(ctx, aws.ToString(b.LoadBalancerArn))
		if err != nil {
			return err
		}
		for _, l := range all {
			_, err := d.c.ELB.DeleteListener(ctx, &elb.DeleteListenerInput{ListenerArn: l.ListenerArn})
			if err := d.gone(err, "delete listener"); err != nil {
				return err
			}
			d.say("listener", listenerName(l.Protocol, l.Port), Removed)
		}
	}
	return nil
}

// gone passes over an error that says that the thing is not there any more.
func (d *down) gone(err error, doing string) error {
	if err == nil {
		return nil
	}
	err = d.c.Explain(err)
	if r, ok := errors.AsType[*Refusal](err); ok && (strings.HasSuffix(r.Code, "NotFound") || strings.HasSuffix(r.Code, "NotFoundException")) {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func (d *down) services(ctx context.Context) error {
	var waiting []types.Service
	for _, s := range d.inv.services {
		if !d.doomed(ecsTag(s.Tags, Tag)) {
			continue
		}
		name := aws.ToString(s.ServiceName)
		_, err := d.c.ECS.DeleteService(ctx, &ecs.DeleteServiceInput{Cluster: s.ClusterArn, Service: &name, Force: aws.Bool(true)})
		if err := d.gone(err, "delete service "+name); err != nil {
			return err
		}
		waiting = append(waiting, s)
		d.say("service", name, "stopping")
	}
	for _, s := range waiting {
		if err := d.awaitInactive(ctx, s); err != nil {
			return err
		}
		d.say("service", aws.ToString(s.ServiceName), Removed)
	}
	return nil
}

// awaitInactive waits until a service is INACTIVE and its last task STOPPED.
func (d *down) awaitInactive(ctx context.Context, s types.Service) error {
	return poll(ctx, func() (bool, error) {
		out, err := d.c.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: s.ClusterArn, Services: []string{aws.ToString(s.ServiceArn)}})
		if err != nil {
			return false, d.gone(err, "wait for service "+aws.ToString(s.ServiceName))
		}
		if len(out.Services) > 0 && aws.ToString(out.Services[0].Status) != "INACTIVE" {
			return false, nil
		}
		left, err := d.c.tasksIn(ctx, aws.ToString(s.ClusterArn))
		return !slices.ContainsFunc(left, func(t types.Task) bool {
			return aws.ToString(t.Group) == "service:"+aws.ToString(s.ServiceName) && aws.ToString(t.LastStatus) != "STOPPED"
		}), err
	})
}

// tasks stops the one-off tasks of the stack's task definitions.
func (d *down) tasks(ctx context.Context) error {
	doomed := map[string]bool{}
	for arn, def := range d.inv.definitions {
		doomed[arn] = d.doomed(def.owner)
	}
	goes := func(t types.Task) bool {
		return (d.all || doomed[aws.ToString(t.TaskDefinitionArn)]) && aws.ToString(t.LastStatus) != "STOPPED" &&
			!strings.HasPrefix(aws.ToString(t.Group), "service:")
	}
	for _, cluster := range d.inv.clusters {
		arn := aws.ToString(cluster.ClusterArn)
		running, err := d.c.tasksIn(ctx, arn)
		if err != nil {
			return err
		}
		stopping := 0
		for _, t := range running {
			if !goes(t) {
				continue
			}
			stopping++
			_, err := d.c.ECS.StopTask(ctx, &ecs.StopTaskInput{Cluster: &arn, Task: t.TaskArn, Reason: aws.String("miniecs down")})
			if err := d.gone(err, "stop task"); err != nil {
				return err
			}
			d.say("task", revision(aws.ToString(t.TaskArn)), "stopping")
		}
		if stopping == 0 {
			continue
		}
		if err := poll(ctx, func() (bool, error) {
			left, err := d.c.tasksIn(ctx, arn)
			return !slices.ContainsFunc(left, goes), err
		}); err != nil {
			return err
		}
	}
	return nil
}

func (d *down) balancers(ctx context.Context) error {
	for _, b := range d.inv.balancers {
		if !d.doomed(d.inv.elbOwner[aws.ToString(b.LoadBalancerArn)]) {
			continue
		}
		_, err := d.c.ELB.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerArn: b.LoadBalancerArn})
		if err := d.gone(err, "delete load balancer "+aws.ToString(b.LoadBalancerName)); err != nil {
			return err
		}
		d.say("load balancer", aws.ToString(b.LoadBalancerName), Removed)
	}
	return nil
}

func (d *down) groups(ctx context.Context) error {
	for _, g := range d.inv.groups {
		if !d.doomed(d.inv.elbOwner[aws.ToString(g.TargetGroupArn)]) {
			continue
		}
		_, err := d.c.ELB.DeleteTargetGroup(ctx, &elb.DeleteTargetGroupInput{TargetGroupArn: g.TargetGroupArn})
		if _, inUse := errors.AsType[*elbtypes.ResourceInUseException](err); inUse && !d.all {
			d.say("target group", aws.ToString(g.TargetGroupName), "kept: a listener outside the stack uses it")
			continue
		}
		if err := d.gone(err, "delete target group "+aws.ToString(g.TargetGroupName)); err != nil {
			return err
		}
		d.say("target group", aws.ToString(g.TargetGroupName), Removed)
	}
	return nil
}

// definitions deregisters and deletes the revisions, then removes the images of ours that no other revision needs.
func (d *down) definitions(ctx context.Context) error {
	ours, used := map[string]bool{}, map[string]bool{}
	var arns []string
	for arn, def := range d.inv.definitions {
		into := used
		if d.doomed(def.owner) {
			into = ours
			arns = append(arns, arn)
		}
		for _, image := range def.images {
			into[image] = true
		}
	}
	slices.Sort(arns)
	for _, arn := range arns {
		if _, err := d.c.ECS.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &arn}); err != nil {
			return fmt.Errorf("deregister %s: %w", revision(arn), d.c.Explain(err))
		}
		d.say("task definition", revision(arn), "deregistered")
	}
	for chunk := range slices.Chunk(arns, 10) { // as many as AWS takes at once
		// What cannot be deleted stays INACTIVE, as after AWS's own deregistration: no reason to stop here.
		_, _ = d.c.ECS.DeleteTaskDefinitions(ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: chunk})
	}
	refs, _, err := d.c.ourImages(ctx)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if strings.HasPrefix(ref, pauseImages) || !d.all && (!ours[ref] || used[ref]) {
			continue
		}
		if err := d.c.control(ctx, http.MethodDelete, "images", url.Values{"ref": {ref}}, nil, nil); err != nil {
			return fmt.Errorf("remove image %s: %w", ref, err)
		}
		d.say("image", ref, Removed)
	}
	return nil
}

func (d *down) secrets(ctx context.Context) error {
	for name := range d.stacks {
		if err := d.c.control(ctx, http.MethodDelete, "secrets", url.Values{"stack": {name}}, nil, nil); err != nil {
			return fmt.Errorf("forget the secrets of %s: %w", name, err)
		}
	}
	return nil
}

// clusters removes the clusters that Up made and nobody uses.
func (d *down) clusters(ctx context.Context) error {
	for _, c := range d.inv.clusters {
		name := aws.ToString(c.ClusterName)
		if name == "default" || !d.doomed(ecsTag(c.Tags, Tag)) || aws.ToString(c.Status) != "ACTIVE" {
			continue
		}
		_, err := d.c.ECS.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: &name})
		_, services := errors.AsType[*types.ClusterContainsServicesException](err)
		_, tasks := errors.AsType[*types.ClusterContainsTasksException](err)
		if services || tasks {
			d.say("cluster", name, "kept: others use it")
			continue
		}
		if err := d.gone(err, "delete cluster "+name); err != nil {
			return err
		}
		d.say("cluster", name, Removed)
	}
	return nil
}
