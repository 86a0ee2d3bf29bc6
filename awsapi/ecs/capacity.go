package ecs

import (
	"context"
	"strings"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// fargateProviders exist in every account and can be neither made nor deleted.
var fargateProviders = []string{"FARGATE", "FARGATE_SPOT"}

const maxProviders = 100

// DescribeCapacityProviders describes all of them when none is named, tens at a time.
func (h *handlers) DescribeCapacityProviders(_ context.Context, in *awsecs.DescribeCapacityProvidersInput) (*awsecs.DescribeCapacityProvidersOutput, error) {
	with, err := includes(in.Include)
	if err := first(err, atMost("capacityProviders", len(in.CapacityProviders), maxProviders)); err != nil {
		return nil, err
	}
	asked := in.CapacityProviders
	if len(asked) == 0 {
		asked = fargateProviders
	}
	names, next, err := page(asked, in.MaxResults, in.NextToken, tens, append([]string{"providers"}, asked...)...)
	if err != nil {
		return nil, err
	}
	out := &awsecs.DescribeCapacityProvidersOutput{
		CapacityProviders: []types.CapacityProvider{}, Failures: []types.Failure{}, NextToken: next,
	}
	for _, name := range names {
		provider, ok := h.capacityProvider(name)
		if !ok {
			out.Failures = append(out.Failures, types.Failure{Arn: provider.CapacityProviderArn, Reason: ptr("MISSING")})
			continue
		}
		if with(types.CapacityProviderFieldTags) {
			provider.Tags = []types.Tag{}
		}
		out.CapacityProviders = append(out.CapacityProviders, provider)
	}
	return out, nil
}

// capacityProvider finds one by name or ARN. If there is none, the ARN of what was asked for is still filled in.
func (h *handlers) capacityProvider(ref string) (types.CapacityProvider, bool) {
	name := ref[strings.LastIndexByte(ref, '/')+1:]
	out := types.CapacityProvider{CapacityProviderArn: ptr(h.arn("capacity-provider/" + name))}
	for _, known := range fargateProviders {
		if name == known {
			out.Name, out.Status = &known, types.CapacityProviderStatusActive
			out.Type = types.CapacityProviderType(known)
			return out, true
		}
	}
	return out, false
}
