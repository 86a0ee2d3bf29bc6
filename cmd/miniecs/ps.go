package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/spf13/cobra"
)

func (a *app) psCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "ps [SERVICE...]", Short: "Services, their deployments and tasks",
		Long: `Services, their deployments and tasks. A crash loop shows as what it is: attempts since the deployment, the last
exit code and reason, and when the next try comes.`,
		Example: "  miniecs ps\n  miniecs ps --all web     # with the tasks that stopped in the last hour\n  miniecs ps -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			var names []string
			if len(args) > 0 {
				names = args
			}
			views, err := a.view(cmd.Context(), a.cluster, names)
			if err != nil {
				return err
			}
			alone, err := a.withTasks(cmd.Context(), a.cluster, views, all)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				alone = nil
			}
			if a.json() {
				return printPS(cmd.OutOrStdout(), views, alone)
			}
			writePS(cmd.OutOrStdout(), views, alone, time.Now())
			return nil
		},
		ValidArgsFunction: a.completeServices,
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "stopped tasks too")
	return cmd
}

// printPS prints AWS's own shapes.
func printPS(w io.Writer, views []serviceView, alone []types.Task) error {
	out := struct {
		Services []types.Service `json:"services"`
		Tasks    []types.Task    `json:"tasks"`
		Attempts []attempt       `json:"attempts"`
	}{Services: []types.Service{}, Tasks: append([]types.Task{}, alone...), Attempts: []attempt{}}
	for _, v := range views {
		out.Services = append(out.Services, v.Service)
		out.Tasks = append(out.Tasks, v.Tasks...)
		out.Attempts = append(out.Attempts, v.Attempts...)
	}
	return printJSON(w, out)
}

// writePS writes the tables.
func writePS(w io.Writer, views []serviceView, alone []types.Task, now time.Time) {
	if len(views) == 0 && len(alone) == 0 {
		fmt.Fprintln(w, "Nothing runs. Start something: miniecs up examples/hello")
		return
	}
	for i, v := range views {
		if i > 0 {
			fmt.Fprintln(w)
		}
		writeService(w, v, now)
	}
	if len(alone) > 0 {
		if len(views) > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "standalone tasks")
		writeTasks(w, alone, now)
	}
}

func writeService(w io.Writer, v serviceView, now time.Time) {
	s := v.Service
	fmt.Fprintf(w, "service %s  %s  %s\n", aws.ToString(s.ServiceName), aws.ToString(s.Status), v.counts())
	if l := v.loop(now); l != "" {
		fmt.Fprintf(w, "  crash loop: %s\n", l)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  DEPLOYMENT\tSTATUS\tTASK DEFINITION\tDESIRED\tRUNNING\tPENDING\tFAILED\tROLLOUT\tAGE")
	for _, d := range s.Deployments {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", short(aws.ToString(d.Id)), aws.ToString(d.Status), short(aws.ToString(d.TaskDefinition)),
			d.DesiredCount, d.RunningCount, d.PendingCount, d.FailedTasks, d.RolloutState, age(now, aws.ToTime(d.CreatedAt)))
	}
	_ = t.Flush()
	if len(v.Tasks) > 0 {
		writeTasks(w, v.Tasks, now)
	}
}

func writeTasks(w io.Writer, tasks []types.Task, now time.Time) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  TASK\tLAST STATUS\tHEALTH\tTASK DEFINITION\tADDRESS\tAGE\tEXIT")
	for _, k := range tasks {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", shortTask(aws.ToString(k.TaskArn)), aws.ToString(k.LastStatus), k.HealthStatus,
			short(aws.ToString(k.TaskDefinitionArn)), address(k), age(now, aws.ToTime(k.CreatedAt)), ending(k))
	}
	_ = t.Flush()
}

// address is where a task is: its own address in awsvpc, host ports else.
func address(t types.Task) string {
	for _, a := range t.Attachments {
		for _, d := range a.Details {
			if aws.ToString(d.Name) == "privateIPv4Address" {
				return aws.ToString(d.Value)
			}
		}
	}
	var ports []string
	for _, c := range t.Containers {
		for _, b := range c.NetworkBindings {
			ports = append(ports, fmt.Sprintf("localhost:%d→%d", aws.ToInt32(b.HostPort), aws.ToInt32(b.ContainerPort)))
		}
	}
	if len(ports) == 0 {
		return "-"
	}
	return strings.Join(ports, " ")
}

// ending is how a task ended: exit codes and reasons.
func ending(t types.Task) string {
	if aws.ToString(t.DesiredStatus) != "STOPPED" {
		return "-"
	}
	var parts []string
	for _, c := range t.Containers {
		switch {
		case c.ExitCode != nil:
			parts = append(parts, fmt.Sprintf("%s %d", aws.ToString(c.Name), *c.ExitCode))
		case c.Reason != nil:
			parts = append(parts, fmt.Sprintf("%s %s", aws.ToString(c.Name), *c.Reason))
		}
	}
	if r := aws.ToString(t.StoppedReason); r != "" {
		parts = append(parts, r)
	}
	return strings.Join(parts, ", ")
}
