package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/spf13/cobra"

	"miniecs/internal/feed"
)

func (a *app) eventsCommand() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "events [SERVICE]", Short: "Service events, in ECS's words",
		Long:    "Service events, in ECS's words: the last hundred of each service. -f shows what happens from now on, and more of it;\nwith -o json one value a line.",
		Example: "  miniecs events web\n  miniecs events -f        # live: tasks, targets, pulls and back-offs too",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if follow {
				return a.followEvents(cmd, args)
			}
			var names []string
			if len(args) > 0 {
				names = args
			}
			views, err := a.view(cmd.Context(), a.cluster, names)
			if err != nil {
				return err
			}
			var events []types.ServiceEvent
			for _, v := range views {
				events = append(events, v.Service.Events...)
			}
			slices.Reverse(events) // ECS gives the newest first; those of one moment keep their order
			slices.SortStableFunc(events, func(x, y types.ServiceEvent) int { return aws.ToTime(x.CreatedAt).Compare(aws.ToTime(y.CreatedAt)) })
			if a.json() {
				return printJSON(cmd.OutOrStdout(), map[string]any{"events": append([]types.ServiceEvent{}, events...)})
			}
			for _, e := range events {
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", aws.ToTime(e.CreatedAt).Local().Format(time.DateTime), aws.ToString(e.Message))
			}
			return nil
		},
		ValidArgsFunction: a.completeServices,
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "show what happens from now on")
	return cmd
}

func (a *app) followEvents(cmd *cobra.Command, args []string) error {
	p := newProgress(cmd.OutOrStdout())
	err := a.watch(cmd.Context(), "", nil, func(it feed.Item) bool {
		if it.Cluster != "" && it.Cluster != a.cluster || len(args) > 0 && it.Service != args[0] {
			return true
		}
		if a.json() {
			_ = printJSONLine(cmd.OutOrStdout(), it)
		} else {
			p.item(it, true)
		}
		return true
	})
	if cmd.Context().Err() != nil {
		return nil
	}
	return err
}
