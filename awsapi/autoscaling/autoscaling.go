// Package autoscaling answers the reads of Application Auto Scaling with empty lists: nothing here scales
// by itself, but deployment tools ask before they change a desired count.
package autoscaling

import (
	"context"

	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"miniecs/awsapi/wire"
)

// Service is Application Auto Scaling without anything registered.
func Service() wire.Service {
	return wire.Service{
		Name: "application-autoscaling", Protocol: wire.JSON, TargetPrefix: "AnyScaleFrontendService",
		FaultCode: "InternalServiceException",
		Ops: map[string]wire.Op{
			"DescribeScalableTargets": wire.Handle(func(context.Context, *aas.DescribeScalableTargetsInput) (*aas.DescribeScalableTargetsOutput, error) {
				return &aas.DescribeScalableTargetsOutput{ScalableTargets: []types.ScalableTarget{}}, nil
			}),
			"DescribeScalingPolicies": wire.Handle(func(context.Context, *aas.DescribeScalingPoliciesInput) (*aas.DescribeScalingPoliciesOutput, error) {
				return &aas.DescribeScalingPoliciesOutput{ScalingPolicies: []types.ScalingPolicy{}}, nil
			}),
			"DescribeScheduledActions": wire.Handle(func(context.Context, *aas.DescribeScheduledActionsInput) (*aas.DescribeScheduledActionsOutput, error) {
				return &aas.DescribeScheduledActionsOutput{ScheduledActions: []types.ScheduledAction{}}, nil
			}),
			"DescribeScalingActivities": wire.Handle(func(context.Context, *aas.DescribeScalingActivitiesInput) (*aas.DescribeScalingActivitiesOutput, error) {
				return &aas.DescribeScalingActivitiesOutput{ScalingActivities: []types.ScalingActivity{}}, nil
			}),
		},
	}
}
