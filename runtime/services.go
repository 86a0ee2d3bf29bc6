package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"reflect"
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

func (r *Runtime) checkService(in ServiceInput, td *taskdef.TaskDefinition, launch string, groups map[string]GroupInfo) error {
	switch in.SchedulingStrategy {
	case "", "REPLICA":
	case "DAEMON":
		return refuse(Invalid, "miniecs does not run DAEMON services yet; use REPLICA.")
	default:
		return refuse(Invalid, "schedulingStrategy should be one of [REPLICA, DAEMON]")
	}
	if in.Controller != "" && in.Controller != "ECS" {
		return refuse(Unsupported, "miniecs does not have the deployment controller %s yet; use ECS.", in.Controller)
	}
	if in.DesiredCount == nil {
		return refuse(Invalid, "You must specify desiredCount for a service with REPLICA scheduling strategy.")
	}
	if err := checkNumbers(in.DesiredCount, in.GracePeriodSeconds); err != nil {
		return err
	}
	if in.GracePeriodSeconds != nil && len(in.LoadBalancers) == 0 {
		if *in.GracePeriodSeconds > 0 {
			return refuse(Invalid, "Health check grace period is only valid for services configured to use load balancers")
		}
	}
	if err := checkPlatform(launch, in.PlatformVersion); err != nil {
		return err
	}
	if err := checkLaunch(td, launch, in.Network); err != nil {
		return err
	}
	return checkLoadBalancers(in.LoadBalancers, td, groups)
}

// mostDesired is AWS's quota of tasks per service. Without it one slip of the keyboard fills a laptop.
const mostDesired = 5000

func checkNumbers(desired, grace *int) error {
	if desired != nil && (*desired < 0 || *desired > mostDesired) {
		return refuse(Invalid, "desiredCount should be between 0 and %d.", mostDesired)
	}
	if grace != nil && (*grace < 0 || *grace > 1<<31-1) {
		return refuse(Invalid, "healthCheckGracePeriodSeconds should be between 0 and 2,147,483,647.")
	}
	return nil
}

// checkLoadBalancers refuses what could never get traffic (spec 7.5).
func checkLoadBalancers(lbs []ServiceLoadBalancer, td *taskdef.TaskDefinition, groups map[string]GroupInfo) error {
	for _, lb := range lbs {
		if lb.LoadBalancerName != "" && lb.TargetGroupARN == "" {
			return refuse(Invalid, "miniecs has no Classic Load Balancers; name a targetGroupArn.")
		}
		g, ok := groups[lb.TargetGroupARN]
		if !ok {
			return refuse(Invalid, "The specified target group does not exist. (targetGroupArn: %s)", lb.TargetGroupARN)
		}
		c := td.Container(lb.ContainerName)
		if c == nil {
			return refuse(Invalid, "The container %s does not exist in the task definition.", lb.ContainerName)
		}
		if !slices.ContainsFunc(c.PortMappings, func(p taskdef.PortMapping) bool { return p.ContainerPort == lb.ContainerPort }) {
			return refuse(Invalid, "The container %s did not have a container port %d defined.", lb.ContainerName, lb.ContainerPort)
		}
		if !g.HasListener {
			return refuse(Invalid, "The target group with targetGroupArn %s does not have an associated load balancer.", lb.TargetGroupARN)
		}
		want := "instance"
		if td.NetworkMode == taskdef.NetworkModeAwsvpc {
			want = "ip"
		}
		if g.TargetType != want {
			return refuse(Invalid, "The provided target group %s has target type %s, which is incompatible with the %s network mode specified in the task definition.",
				lb.TargetGroupARN, g.TargetType, or(td.NetworkMode, "bridge"))
		}
	}
	return nil
}

func (r *Runtime) groups(ctx context.Context, lbs []ServiceLoadBalancer) map[string]GroupInfo {
	out := map[string]GroupInfo{}
	for _, lb := range lbs {
		if r.cfg.Targets == nil || lb.TargetGroupARN == "" {
			continue
		}
		if g, ok := r.cfg.Targets.Group(ctx, lb.TargetGroupARN); ok {
			out[lb.TargetGroupARN] = g
		}
	}
	return out
}

// ownGroups names target groups as this installation knows them.
func ownGroups(lbs []ServiceLoadBalancer, groups map[string]GroupInfo) []ServiceLoadBalancer {
	out := slices.Clone(lbs)
	for i := range out {
		if g, ok := groups[out[i].TargetGroupARN]; ok {
			out[i].TargetGroupARN = g.ARN
		}
	}
	return out
}

// apply takes over what was given and refuses what is impossible (spec 2.1).
func (d *DeploymentConfiguration) apply(in DeploymentInput) error {
	if !in.Given {
		return nil
	}
	next := *d
	set(&next.MinimumHealthyPercent, in.MinimumHealthy)
	set(&next.MaximumPercent, in.Maximum)
	set(&next.CircuitBreaker, in.CircuitBreaker)
	set(&next.CircuitRollback, in.CircuitRollback)
	set(&next.BakeTimeMinutes, in.BakeTimeMinutes)
	if in.Strategy != "" {
		next.Strategy = in.Strategy
	}
	next.Extra = maps.Clone(next.Extra)
	for k, v := range in.Extra {
		if next.Extra == nil {
			next.Extra = Extra{}
		}
		next.Extra[k] = v
	}
	switch {
	case next.Strategy != "ROLLING":
		return refuse(Unsupported, "miniecs does not have the deployment strategy %s yet; use ROLLING.", next.Strategy)
	case next.MinimumHealthyPercent < 0:
		return refuse(Invalid, "minimumHealthyPercent should be 0 or more.")
	case next.MaximumPercent < 100:
		return refuse(Invalid, "maximumPercent should be 100 or more.")
	case next.MinimumHealthyPercent > next.MaximumPercent:
		return refuse(Invalid, "minimumHealthyPercent must be less than or equal to maximumPercent.")
	}
	*d = next
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
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

// UpdateService changes what was given. Some of it starts a deployment (spec 2.3).
func (r *Runtime) UpdateService(ctx context.Context, in ServiceUpdate) (Service, error) {
	var lbs []ServiceLoadBalancer
	if in.LoadBalancers != nil {
		lbs = *in.LoadBalancers
	}
	groups := r.groups(ctx, lbs)
	r.mu.Lock()
	s, err := r.updateService(in, groups)
	var out Service
	if err == nil {
		out = r.describe(s)
	}
	r.mu.Unlock()
	if err != nil {
		return Service{}, err
	}
	err = r.save(ctx)
	r.mu.Lock()
	r.wakeService(serviceKey{s.Cluster, s.Name})
	r.mu.Unlock()
	return out, err
}

func (r *Runtime) updateService(in ServiceUpdate, groups map[string]GroupInfo) (*Service, error) {
	s, err := r.service(in.Cluster, in.Service)
	if err != nil {
		return nil, err
	}
	if s.Status != StatusActive {
		return nil, refuse(ServiceNotActive, "Service was not ACTIVE.")
	}
	if err := checkNumbers(in.DesiredCount, in.GracePeriodSeconds); err != nil {
		return nil, err
	}
	next, roll, err := r.updated(s, in, groups)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if roll || in.ForceNewDeployment {
		r.supersede(&next, now)
	}
	next.Steady = false
	*s = next
	r.touchService(s)
	return s, nil
}

// updated gives the service as it will be, and whether that takes a deployment.
func (r *Runtime) updated(s *Service, in ServiceUpdate, groups map[string]GroupInfo) (next Service, roll bool, err error) {
	next = s.clone()
	if err := next.Deployment.apply(in.Deployment); err != nil {
		return next, false, err
	}
	td, err := r.findRevision(s.TaskDefinitionARN)
	if err != nil || td == nil {
		td = &taskdef.TaskDefinition{}
	}
	if in.TaskDefinition != "" {
		if td, err = r.findRevision(in.TaskDefinition); err != nil {
			return next, false, err
		}
		if td == nil || td.TaskDefinitionArn != s.TaskDefinitionARN { // the one in use may be INACTIVE by now
			if td, err = r.runnableRevision(in.TaskDefinition); err != nil {
				return next, false, err
			}
			next.TaskDefinitionARN, roll = td.TaskDefinitionArn, true
		}
	}
	if in.Network != nil && !reflect.DeepEqual(in.Network, s.Network) {
		next.Network, roll = in.Network, true
	}
	if err := checkPlatform(or(s.LaunchType, LaunchFargate), in.PlatformVersion); err != nil {
		return next, false, err
	}
	if in.PlatformVersion != "" && in.PlatformVersion != s.PlatformVersion {
		next.PlatformVersion, roll = in.PlatformVersion, true
	}
	if in.LoadBalancers != nil {
		if lbs := ownGroups(*in.LoadBalancers, groups); !reflect.DeepEqual(lbs, s.LoadBalancers) && len(lbs)+len(s.LoadBalancers) > 0 {
			if err := checkLoadBalancers(lbs, td, groups); err != nil {
				return next, false, err
			}
			next.LoadBalancers, roll = lbs, true
		}
	}
	if len(in.CapacityProviders) > 0 {
		if _, err := launchType("", in.CapacityProviders); err != nil {
			return next, false, err
		}
		next.CapacityProviders, next.LaunchType = in.CapacityProviders, ""
	}
	if roll || in.ForceNewDeployment {
		if err := checkLaunch(td, or(next.LaunchType, LaunchFargate), next.Network); err != nil {
			return next, false, err
		}
		if err := r.fitsLoadBalancers(next.LoadBalancers, td); err != nil {
			return next, false, err
		}
	}
	set(&next.DesiredCount, in.DesiredCount)
	set(&next.GracePeriodSeconds, in.GracePeriodSeconds)
	set(&next.ManagedTags, in.ManagedTags)
	set(&next.ExecuteCommand, in.ExecuteCommand)
	next.PropagateTags = or(in.PropagateTags, next.PropagateTags)
	next.AZRebalancing = or(in.AZRebalancing, next.AZRebalancing)
	next.Extra = maps.Clone(next.Extra)
	for k, v := range in.Extra {
		if next.Extra == nil {
			next.Extra = Extra{}
		}
		if rollingMembers[k] && string(next.Extra[k]) != string(v) {
			roll = true
		}
		next.Extra[k] = v
	}
	return next, roll, nil
}

// rollingMembers are members kept in Extra whose change starts a deployment (spec 2.3).
var rollingMembers = map[string]bool{"serviceRegistries": true, "serviceConnectConfiguration": true,
	"volumeConfigurations": true, "vpcLatticeConfigurations": true}

// fitsLoadBalancers refuses a definition without the container and port that the target groups are for.
func (r *Runtime) fitsLoadBalancers(lbs []ServiceLoadBalancer, td *taskdef.TaskDefinition) error {
	for _, lb := range lbs {
		c := td.Container(lb.ContainerName)
		if c == nil {
			return refuse(Invalid, "The container %s does not exist in the task definition.", lb.ContainerName)
		}
		if !slices.ContainsFunc(c.PortMappings, func(p taskdef.PortMapping) bool { return p.ContainerPort == lb.ContainerPort }) {
			return refuse(Invalid, "The container %s did not have a container port %d defined.", lb.ContainerName, lb.ContainerPort)
		}
	}
	return nil
}

// supersede makes a new PRIMARY; the others drain together (spec 2.3). r.mu is held.
func (r *Runtime) supersede(s *Service, now time.Time) {
	for i := range s.Deployments {
		d := &s.Deployments[i]
		if d.Status == StatusPrimary && d.RolloutState != RolloutCompleted {
			d.DesiredCount = r.counts(s)[d.ID].running // what never served need not be replaced
		}
		d.Status, d.NextTry, d.UpdatedAt = StatusActive, time.Time{}, now
	}
	s.Deployments = append([]Deployment{s.newDeployment(now)}, s.Deployments...)
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
