package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"

	"github.com/spf13/cobra"
)

// taskRef is a task id, whole or cut as `ps` shows it, or an ARN.
var taskRef = regexp.MustCompile(`^([0-9a-f]{32}|arn:.*:task/.*)$`)

func (a *app) logsCommand() *cobra.Command {
	var follow bool
	var container string
	var tail int
	cmd := &cobra.Command{
		Use: "logs SERVICE|TASK", Short: "What the containers of a service or task wrote",
		Long:    "What the containers of a service or task wrote. The end of it (1 MiB a container) can be read for an hour after a\ntask stopped. -o json prints one value a line.",
		Example: "  miniecs logs web\n  miniecs logs -f web               # new tasks too, as they come\n  miniecs logs --tail 20 3f2a9c01   # a task, by the id that ps shows\n  miniecs logs web -c sidecar",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := url.Values{"cluster": {a.cluster}}
			var unknown *unknownError
			task, err := a.resolveTask(cmd.Context(), args[0])
			switch {
			case err == nil:
				q.Set("task", task)
			case taskRef.MatchString(args[0]) || !errors.As(err, &unknown):
				return err
			default:
				if _, err := a.view(cmd.Context(), a.cluster, args); errors.As(err, &unknown) {
					return &unknownError{"service and no task", args[0], a.cluster}
				} else if err != nil {
					return err
				}
				q.Set("service", args[0])
			}
			if container != "" {
				q.Set("container", container)
			}
			if tail > 0 {
				q.Set("tail", strconv.Itoa(tail))
			}
			if follow {
				q.Set("follow", "1")
			}
			lines := 0
			err = a.streamLogs(cmd.Context(), q, func(l logLine) {
				lines++
				if a.json() {
					_ = printJSONLine(cmd.OutOrStdout(), l)
					return
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s/%s  %s\n", shortTask(l.Task), l.Container, l.Text)
			})
			if err == nil && lines == 0 && container != "" && !follow {
				fmt.Fprintf(cmd.ErrOrStderr(), "container %s wrote nothing, or there is none of that name\n", container)
			}
			return err
		},
		ValidArgsFunction: a.completeServices,
	}
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on as more is written")
	f.StringVarP(&container, "container", "c", "", "only this container")
	f.IntVar(&tail, "tail", 0, "only the last lines of each container")
	return cmd
}
