package runtime

import (
	"context"
	"maps"
	"slices"

	"miniecs/taskdef"
)

// checkService refuses what could never run, before anything is made (spec/ecs-control-plane.md 7.5).
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
