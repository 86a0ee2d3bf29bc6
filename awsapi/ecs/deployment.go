package ecs

import (
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
)

// Members of a deploymentConfiguration that come back whole, as they were given.
var deploymentExtra = []string{
	"deploymentCircuitBreaker", "alarms", "lifecycleHooks", "linearConfiguration", "canaryConfiguration",
	"earlySuccessCriteria",
}

func deploymentIn(c *types.DeploymentConfiguration) (runtime.DeploymentInput, error) {
	if c == nil {
		return runtime.DeploymentInput{}, nil
	}
	in := runtime.DeploymentInput{
		Given:          true,
		MinimumHealthy: widePtr(c.MinimumHealthyPercent), Maximum: widePtr(c.MaximumPercent),
		Strategy: string(c.Strategy), BakeTimeMinutes: widePtr(c.BakeTimeInMinutes),
	}
	if b := c.DeploymentCircuitBreaker; b != nil {
		in.CircuitBreaker, in.CircuitRollback = &b.Enable, &b.Rollback
	}
	var err error
	in.Extra, err = pick(c, deploymentExtra...)
	return in, err
}

// deploymentOut fills in what AWS fills in (ecs-control-plane.md 2.1, 8.3).
func deploymentOut(c runtime.DeploymentConfiguration) (*types.DeploymentConfiguration, error) {
	out := &types.DeploymentConfiguration{
		MinimumHealthyPercent: ptr(narrow(c.MinimumHealthyPercent)), MaximumPercent: ptr(narrow(c.MaximumPercent)),
		Strategy: types.DeploymentStrategy(c.Strategy), BakeTimeInMinutes: ptr(narrow(c.BakeTimeMinutes)),
		DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: c.CircuitBreaker, Rollback: c.CircuitRollback},
		Alarms:                   &types.DeploymentAlarms{},
	}
	if out.Strategy == "" {
		out.Strategy = types.DeploymentStrategyRolling
	}
	if err := merge(out, c.Extra); err != nil {
		return nil, err
	}
	out.Alarms.AlarmNames = some(out.Alarms.AlarmNames)
	return out, nil
}
