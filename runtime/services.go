package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"miniecs/internal/ids"
	"miniecs/taskdef"
)

// CreateService makes a service; its loop starts the tasks. The answer shows a PRIMARY deployment that wants none yet,
// as on AWS (spec/ecs-control-plane.md 2.1, 8.5).
func (r *Runtime) CreateService(ctx context.Context, in ServiceInput) (Service, error) {
	groups := r.groups(ctx, in.LoadBalancers)
	r.mu.Lock()
	s, made, err := r.createService(in, groups)
	var out Service
	if err == nil {
		out = r.describe(s)
	}
	r.mu.Unlock()
	if err != nil {
		return Service{}, err
	}
	if made {
		r.startLoops()
	}
	return out, r.save(ctx)
}

func (r *Runtime) createService(in ServiceInput, groups map[string]GroupInfo) (*Service, bool, error) {
	c, err := r.cluster(in.Cluster)
	if err != nil {
		return nil, false, err
	}
	if !nameRule.MatchString(in.Name) {
		return nil, false, refuse(Invalid, "Invalid service name: up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens are allowed.")
	}
	hash := specHash(in)
	if old := r.services[serviceKey{c.Name, in.Name}]; old != nil {
		switch {
		case old.Status == StatusDraining:
			return nil, false, refuse(Invalid, "Unable to Start a service that is still Draining.")
		case old.Status == StatusActive && old.SpecHash == hash:
			return old, false, nil // a replay (spec 7.3)
		case old.Status == StatusActive:
			return nil, false, refuse(Invalid, "Creation of service was not idempotent.")
		}
	}
	s, err := r.newService(c, in, groups)
	if err != nil {
		return nil, false, err
	}
	s.SpecHash = hash
	r.services[serviceKey{c.Name, s.Name}] = s
	r.touchService(s)
	return s, true, nil
}

func (r *Runtime) newService(c *Cluster, in ServiceInput, groups map[string]GroupInfo) (*Service, error) {
	td, err := r.runnableRevision(in.TaskDefinition)
	if err != nil {
		return nil, err
	}
	launch, err := launchType(in.LaunchType, in.CapacityProviders)
	if err != nil {
		return nil, err
	}
	if err := r.checkService(in, td, launch, groups); err != nil {
		return nil, err
	}
	now := time.Now()
	s := &Service{
		Name: in.Name, ARN: r.arn("service", c.Name, in.Name), Cluster: c.Name, ClusterARN: c.ARN, Status: StatusActive,
		DesiredCount: taskdef.Value(in.DesiredCount), ClientToken: in.ClientToken, SchedulingStrategy: "REPLICA",
		TaskDefinitionARN: td.TaskDefinitionArn, LaunchType: launch, CapacityProviders: in.CapacityProviders,
		Network: in.Network, LoadBalancers: ownGroups(in.LoadBalancers, groups), PropagateTags: or(in.PropagateTags, "NONE"),
		ManagedTags: in.ManagedTags, ExecuteCommand: in.ExecuteCommand, AZRebalancing: or(in.AZRebalancing, "ENABLED"),
		Role: in.Role, CreatedBy: in.CreatedBy, CreatedAt: now, Tags: slices.Clone(in.Tags), Extra: maps.Clone(in.Extra),
		Deployment: DeploymentConfiguration{MinimumHealthyPercent: 100, MaximumPercent: 200, Strategy: "ROLLING"},
		Events:     []ServiceEvent{},
	}
	if len(in.CapacityProviders) > 0 {
		s.LaunchType = ""
	}
	if launch == LaunchFargate {
		s.PlatformVersion = or(in.PlatformVersion, "LATEST")
	}
	if in.GracePeriodSeconds != nil {
		s.GracePeriodSeconds, s.GracePeriodSet = *in.GracePeriodSeconds, true
	}
	if err := s.Deployment.apply(in.Deployment); err != nil {
		return nil, err
	}
	s.Deployments = []Deployment{s.newDeployment(now)}
	return s, nil
}

// newDeployment is a PRIMARY of what the service says now.
func (s *Service) newDeployment(now time.Time) Deployment {
	d := Deployment{
		ID: ids.Deployment(), Status: StatusPrimary, TaskDefinitionARN: s.TaskDefinitionARN, RolloutState: RolloutInProgress,
		CreatedAt: now, UpdatedAt: now, LaunchType: s.LaunchType, CapacityProviders: s.CapacityProviders,
		Network: s.Network, LoadBalancers: s.LoadBalancers,
	}
	d.RolloutReason = "ECS deployment " + d.ID + " in progress."
	if s.PlatformVersion != "" {
		d.PlatformVersion = resolvedPlatform(s.PlatformVersion)
	}
	return d
}

// specHash recognises a replay of CreateService: same parameters, whatever the token.
func specHash(in ServiceInput) string {
	in.ClientToken, in.CreatedBy = "", ""
	sum := sha256.Sum256([]byte(jsonOf(in)))
	return hex.EncodeToString(sum[:8])
}

// service finds a service that has not been deleted; r.mu is held.
func (r *Runtime) service(cluster, ref string) (*Service, error) {
	c, err := r.cluster(cluster)
	if err != nil {
		return nil, err
	}
	s := r.services[serviceKey{c.Name, lastPart(ref)}]
	if s == nil || strings.HasPrefix(ref, "arn:") && s.ARN != ref && strings.Count(ref, "/") > 1 {
		return nil, refuse(ServiceNotFound, "Service not found.")
	}
	return s, nil
}

// DeleteService drains a service. Without force it must be scaled to 0 (spec 2.9).
func (r *Runtime) DeleteService(ctx context.Context, cluster, ref string, force bool) (Service, error) {
	r.mu.Lock()
	s, err := r.service(cluster, ref)
	switch {
	case err != nil:
	case s.Status == StatusInactive:
		err = refuse(ServiceNotFound, "Service not found.")
	case !force && s.DesiredCount > 0:
		err = refuse(Invalid, "The service cannot be stopped while it is scaled above 0.")
	}
	if err != nil {
		r.mu.Unlock()
		return Service{}, err
	}
	s.Status, s.DesiredCount, s.Steady = StatusDraining, 0, false
	r.touchService(s)
	out := r.describe(s)
	r.mu.Unlock()
	err = r.save(ctx)
	r.mu.Lock()
	r.wakeService(serviceKey{s.Cluster, s.Name})
	r.mu.Unlock()
	return out, err
}

// DescribeServices describes services by name or ARN, whatever their status.
func (r *Runtime) DescribeServices(_ context.Context, cluster string, refs []string) ([]Service, []Failure, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.cluster(cluster)
	if err != nil {
		return nil, nil, err
	}
	if len(refs) == 0 {
		return nil, nil, refuse(Invalid, "Services cannot be empty.")
	}
	var out []Service
	var failures []Failure
	for _, ref := range refs {
		if s, err := r.service(c.Name, ref); err == nil {
			out = append(out, r.describe(s))
		} else {
			failures = append(failures, Failure{ARN: r.arn("service", c.Name, lastPart(ref)), Reason: "MISSING"})
		}
	}
	return out, failures, nil
}

// ListServices gives the ARNs of ACTIVE services by name.
func (r *Runtime) ListServices(_ context.Context, cluster, launch, strategy string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.cluster(cluster)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, s := range r.services {
		if s.Cluster == c.Name && s.Status == StatusActive && (launch == "" || launch == s.LaunchType) &&
			(strategy == "" || strategy == s.SchedulingStrategy) {
			out = append(out, s.ARN)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (r *Runtime) touchService(s *Service) { r.touch("service/" + s.Cluster + "/" + s.Name) }

func (s *Service) clone() Service {
	out := *s
	out.Deployments = slices.Clone(s.Deployments)
	out.Events = slices.Clone(s.Events)
	out.Tags, out.Extra = slices.Clone(s.Tags), maps.Clone(s.Extra)
	out.Deployment.Extra = maps.Clone(s.Deployment.Extra)
	out.LoadBalancers = slices.Clone(s.LoadBalancers)
	return out
}

// describe is a copy of a service with its derived counts; r.mu is held.
func (r *Runtime) describe(s *Service) Service {
	out := s.clone()
	n := r.counts(s)
	for i := range out.Deployments {
		d := &out.Deployments[i]
		d.PendingCount, d.RunningCount = n[d.ID].pending, n[d.ID].running
	}
	return out
}

type taskCounts struct{ pending, running, stopping int }

// counts are the tasks of each deployment; a stopping task is in neither pending nor running (spec 2.4).
func (r *Runtime) counts(s *Service) map[string]taskCounts {
	out := map[string]taskCounts{}
	for _, t := range r.ofService[serviceKey{s.Cluster, s.Name}] {
		if t.LastStatus == StatusStopped {
			continue
		}
		n := out[t.Deployment]
		switch {
		case t.DesiredStatus == StatusStopped:
			n.stopping++
		case t.LastStatus == StatusRunning:
			n.running++
		default:
			n.pending++
		}
		out[t.Deployment] = n
	}
	return out
}
