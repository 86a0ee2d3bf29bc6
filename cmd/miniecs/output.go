package main

import (
	"github.com/spf13/cobra"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// explain makes an SDK's error one line: AWS's type and message, or that no daemon answers.
func (a *app) explain(err error) error { return a.client().Explain(err) }

// completeServices gives the cluster's services to the shell.
func (a *app) completeServices(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	out, err := a.client().ECS.ListServices(cmd.Context(), &ecs.ListServicesInput{Cluster: &a.cluster})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, arn := range out.ServiceArns {
		names = append(names, short(arn))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
