package runtime

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"time"

	"miniecs/taskdef"
)

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
