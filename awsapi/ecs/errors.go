package ecs

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/runtime"
	"miniecs/taskdef"
)

// spell turns an error of the domain into the SDK's type of AWS's exception. It is the only place that knows both.
// What it does not know passes through: wire answers ServerException and logs the whole.
func spell(err error) error {
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*runtime.Error](err); ok {
		return spellRefusal(refused)
	}
	if broken := taskdef.First(err); broken != nil {
		if broken.Code == taskdef.CodeInvalidParameter {
			return &types.InvalidParameterException{Message: &broken.Message}
		}
		return &types.ClientException{Message: &broken.Message}
	}
	return err
}

func spellRefusal(e *runtime.Error) error {
	message := &e.Message
	switch e.Kind {
	case runtime.Invalid:
		return &types.InvalidParameterException{Message: message}
	case runtime.Client:
		return &types.ClientException{Message: message}
	case runtime.ClusterNotFound:
		return &types.ClusterNotFoundException{Message: message}
	case runtime.ServiceNotFound:
		return &types.ServiceNotFoundException{Message: message}
	case runtime.ServiceNotActive:
		return &types.ServiceNotActiveException{Message: message}
	case runtime.ClusterContainsServices:
		return &types.ClusterContainsServicesException{Message: message}
	case runtime.ClusterContainsTasks:
		return &types.ClusterContainsTasksException{Message: message}
	case runtime.ResourceNotFound:
		return &types.ResourceNotFoundException{Message: message}
	case runtime.Conflict:
		return &types.ConflictException{Message: message, ResourceIds: e.ResourceIDs}
	case runtime.PlatformUnknown:
		return &types.PlatformUnknownException{Message: message}
	case runtime.Unsupported:
		return &types.UnsupportedFeatureException{Message: message}
	case runtime.LimitExceeded:
		return &types.LimitExceededException{Message: message}
	}
	return fmt.Errorf("unknown kind of refusal %q: %w", e.Kind, e)
}

func invalid(format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return &types.InvalidParameterException{Message: &message}
}

func client(format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return &types.ClientException{Message: &message}
}
