// Package ecs answers the Amazon ECS API: it translates between the SDK's types and the runtime's, and knows how AWS
// spells things: default pages, batch limits, what an answer always carries, the names of exceptions (errors.go). It
// decides nothing about clusters, services and tasks; that is the runtime's. Read this file first, then service.go and
// serviceshape.go, which go one way and the other.
package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"miniecs/awsapi/wire"
	"miniecs/runtime"
)

// Config says in whose name the API answers.
type Config struct {
	Account, Region string
	// Caller is the ARN of the principal that every call is made by: createdBy, registeredBy.
	Caller string
	// CPUArchitecture is the engine's in ECS's words, x86_64 or arm64: tasks bear it as an attribute.
	CPUArchitecture string
}

type handlers struct {
	api      runtime.API
	cfg      Config
	settings settings
}

func (h *handlers) arn(resource string) string {
	return "arn:aws:ecs:" + h.cfg.Region + ":" + h.cfg.Account + ":" + resource
}

// targetPrefix is what X-Amz-Target has before the operation (ecs-control-plane.md 0.1).
const targetPrefix = "AmazonEC2ContainerServiceV20141113"

// Service is Amazon ECS on api. Operations that are not in its table are answered by wire.
func Service(api runtime.API, cfg Config) wire.Service {
	h := &handlers{api: api, cfg: cfg}
	h.settings.put = map[types.SettingName]string{}
	return wire.Service{
		Name: "ecs", Protocol: wire.JSON, TargetPrefix: targetPrefix, FaultCode: "ServerException",
		Invalid: wire.Plain("ClientException", "InvalidParameterException"),
		Ops: map[string]wire.Op{
			"CreateCluster":               op(h.CreateCluster),
			"DescribeClusters":            op(h.DescribeClusters).Unchecked("include"),
			"ListClusters":                op(h.ListClusters),
			"UpdateCluster":               op(h.UpdateCluster),
			"UpdateClusterSettings":       op(h.UpdateClusterSettings),
			"PutClusterCapacityProviders": op(h.PutClusterCapacityProviders),
			"DeleteCluster":               op(h.DeleteCluster),

			"RegisterTaskDefinition":     op(h.RegisterTaskDefinition).Unchecked(), // taskdef knows AWS's words
			"DescribeTaskDefinition":     op(h.DescribeTaskDefinition).Unchecked("include"),
			"DeregisterTaskDefinition":   op(h.DeregisterTaskDefinition),
			"DeleteTaskDefinitions":      op(h.DeleteTaskDefinitions).Unchecked("taskDefinitions"),
			"ListTaskDefinitions":        op(h.ListTaskDefinitions),
			"ListTaskDefinitionFamilies": op(h.ListTaskDefinitionFamilies),

			"RunTask":       op(h.RunTask).Unchecked(asked...),
			"StartTask":     op(h.StartTask).Unchecked(append([]string{"containerInstances"}, asked...)...),
			"StopTask":      op(h.StopTask),
			"DescribeTasks": op(h.DescribeTasks).Unchecked("tasks", "include"),
			"ListTasks":     op(h.ListTasks).Unchecked("launchType"),

			"CreateService":    op(h.CreateService).Unchecked(asked...),
			"UpdateService":    op(h.UpdateService).Unchecked(asked...),
			"DeleteService":    op(h.DeleteService),
			"DescribeServices": op(h.DescribeServices).Unchecked("services", "include"),
			"ListServices":     op(h.ListServices).Unchecked("launchType"),

			"ListContainerInstances":     op(h.ListContainerInstances).Unchecked("status"),
			"DescribeContainerInstances": op(h.DescribeContainerInstances).Unchecked("containerInstances", "include"),
			"DescribeCapacityProviders":  op(h.DescribeCapacityProviders).Unchecked("include"),

			"TagResource":         op(h.TagResource),
			"UntagResource":       op(h.UntagResource),
			"ListTagsForResource": op(h.ListTagsForResource),

			"ListAccountSettings":      op(h.ListAccountSettings).Unchecked("name"),
			"PutAccountSetting":        op(h.PutAccountSetting).Unchecked("name"),
			"PutAccountSettingDefault": op(h.PutAccountSettingDefault).Unchecked("name"),
		},
	}
}

// asked are members of RunTask, StartTask, CreateService and UpdateService about which the handlers or the runtime say
// what AWS says.
var asked = []string{"launchType", "networkConfiguration.awsvpcConfiguration.subnets", "capacityProviderStrategy"}

// op makes an operation of a handler, and AWS's exceptions of the errors of the domain.
func op[In, Out any](handle func(context.Context, *In) (*Out, error)) wire.Op {
	return wire.Handle(func(ctx context.Context, in *In) (*Out, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, spell(err)
		}
		return out, nil
	})
}
