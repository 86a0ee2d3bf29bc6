package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/spf13/cobra"
)

func (a *app) stopCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "stop TASK...", Short: "Stop tasks; a service replaces its own",
		Long:    "Stop tasks, by id (as ps shows it) or ARN. A service replaces a task of its own: to have fewer, scale it.",
		Example: "  miniecs stop 3f2a9c01\n  miniecs stop --reason \"let's see\" 3f2a9c01",
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, ref := range args {
				if len(ref) < minTaskID {
					return usageError{fmt.Errorf("%q is too short for a task: give at least %d digits of its id, as miniecs ps shows it", ref, minTaskID)}
				}
				id, err := a.resolveTask(cmd.Context(), ref)
				if err != nil {
					return err
				}
				in := &ecs.StopTaskInput{Cluster: &a.cluster, Task: &id}
				if reason != "" {
					in.Reason = &reason
				}
				out, err := a.client().ECS.StopTask(cmd.Context(), in)
				if err != nil {
					return a.explain(err)
				}
				if a.json() {
					if err := printJSON(cmd.OutOrStdout(), out.Task); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "task %s: %s\n", shortTask(id), aws.ToString(out.Task.LastStatus))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "what stoppedReason will say")
	return cmd
}

// minTaskID is how many digits of a task's id are needed at least.
const minTaskID = 4

// resolveTask finds the task that a person means: an id, the beginning of one, or an ARN.
func (a *app) resolveTask(ctx context.Context, ref string) (string, error) {
	if taskRef.MatchString(ref) {
		return short(ref), nil
	}
	var found []string
	for _, status := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		tasks, err := a.tasks(ctx, a.cluster, status)
		if err != nil {
			return "", err
		}
		for _, t := range tasks {
			if id := short(aws.ToString(t.TaskArn)); len(ref) >= minTaskID && strings.HasPrefix(id, ref) {
				found = append(found, id)
			}
		}
	}
	switch len(found) {
	case 0:
		return "", &unknownError{"task", ref, a.cluster}
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%d tasks begin with %s", len(found), ref)
}
