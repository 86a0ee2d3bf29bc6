package main

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/spf13/cobra"
)

func (a *app) scaleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "scale SERVICE COUNT", Short: "Set a service's desired count",
		Example: "  miniecs scale hello 5",
		Args:    usage(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.ParseInt(args[1], 10, 32)
			if err != nil {
				return usageError{fmt.Errorf("%q is no count", args[1])}
			}
			out, err := a.client().ECS.UpdateService(cmd.Context(), &ecs.UpdateServiceInput{Cluster: &a.cluster, Service: &args[0], DesiredCount: aws.Int32(int32(n))})
			if err != nil {
				return a.explain(err)
			}
			if a.json() {
				return printJSON(cmd.OutOrStdout(), out.Service)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "service %s: %d desired, %d running\n", args[0], out.Service.DesiredCount, out.Service.RunningCount)
			return nil
		},
		ValidArgsFunction: a.completeServices,
	}
}
