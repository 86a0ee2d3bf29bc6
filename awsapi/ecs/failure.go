package ecs

import (
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
)

func failuresOut(failures []runtime.Failure) []types.Failure {
	all := make([]types.Failure, len(failures))
	for i, f := range failures {
		all[i] = types.Failure{Arn: text(f.ARN), Reason: text(f.Reason), Detail: text(f.Detail)}
	}
	return all
}
