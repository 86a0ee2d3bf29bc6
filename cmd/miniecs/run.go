package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/spf13/cobra"

	"miniecs/stack"
)

// exitNeverRan is the exit code of a task that was never started, as of `docker run`.
const exitNeverRan = 125

func (a *app) runCommand() *cobra.Command {
	var detached bool
	var o stack.Options
	cmd := &cobra.Command{
		Use: "run DIR|FILE|FAMILY[:REVISION]", Short: "Run a one-off task, show its logs, end with its exit code",
		Long: `Run a standalone task: no service looks after it, nobody starts it again. Its logs are shown, and the command ends
with the exit code of its essential container (125 if it never ran).`,
		Example: "  miniecs run examples/run-task\n  miniecs run job:3\n  miniecs run -d job",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := newProgress(cmd.ErrOrStderr())
			ref, err := a.runnable(cmd.Context(), p, args[0], o)
			if err != nil {
				return err
			}
			task, err := a.runTask(cmd.Context(), ref)
			if err != nil {
				return err
			}
			if detached {
				if a.json() {
					return printJSON(cmd.OutOrStdout(), task)
				}
				fmt.Fprintln(cmd.OutOrStdout(), short(aws.ToString(task.TaskArn)))
				return nil
			}
			return a.attend(cmd, p, short(aws.ToString(task.TaskArn)))
		},
	}
	cmd.Flags().BoolVarP(&detached, "detach", "d", false, "print the task's id and return")
	cmd.Flags().StringVar(&o.TaskDef, "task-def", "", "task definition file of the folder, instead of ecs-task-def.json")
	return cmd
}

// runnable registers what a folder or file holds, or takes the argument for a task definition's name.
func (a *app) runnable(ctx context.Context, p *progress, arg string, o stack.Options) (string, error) {
	if _, err := os.Stat(arg); err != nil {
		if _, err := a.version(ctx); err != nil {
			return "", err
		}
		return arg, nil
	}
	s, err := stack.Load(arg, o)
	if err != nil {
		return "", err
	}
	if _, err := a.ensureDaemon(ctx, p.line); err != nil {
		return "", err
	}
	c := a.client()
	return s.Register(ctx, c, p.step)
}

// runTask starts one task: on Fargate if the definition allows that, in the default VPC if it has a network of its own.
func (a *app) runTask(ctx context.Context, ref string) (*types.Task, error) {
	c := a.client().ECS
	got, err := c.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &ref})
	if err != nil {
		return nil, a.explain(err)
	}
	td := got.TaskDefinition
	in := &ecs.RunTaskInput{Cluster: &a.cluster, TaskDefinition: td.TaskDefinitionArn, LaunchType: types.LaunchTypeEc2, StartedBy: aws.String("miniecs run")}
	for _, r := range td.Compatibilities {
		if r == types.CompatibilityFargate {
			in.LaunchType = types.LaunchTypeFargate
		}
	}
	if td.NetworkMode == types.NetworkModeAwsvpc {
		subnets, err := stack.DefaultSubnets(ctx, a.client())
		if err != nil {
			return nil, err
		}
		in.NetworkConfiguration = &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: subnets}}
	}
	out, err := c.RunTask(ctx, in)
	if err != nil {
		return nil, a.explain(err)
	}
	if len(out.Failures) > 0 {
		return nil, fmt.Errorf("the task was not placed: %s", aws.ToString(out.Failures[0].Reason))
	}
	return &out.Tasks[0], nil
}

// attend shows a task's logs until it is STOPPED, then says why and ends with its exit code.
func (a *app) attend(cmd *cobra.Command, p *progress, id string) error {
	ctx := cmd.Context()
	p.line(fmt.Sprintf("%-16s %s  %s", "task", shortTask(id), "started"))
	if err := a.streamLogs(ctx, url.Values{"cluster": {a.cluster}, "task": {id}, "follow": {"1"}}, func(l logLine) {
		fmt.Fprintln(cmd.OutOrStdout(), l.Text)
	}); err != nil {
		return err
	}
	t, err := a.stopped(ctx, id)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		p.line(fmt.Sprintf("detached: task %s runs on; `miniecs stop %s` ends it", shortTask(id), shortTask(id)))
		return nil
	}
	p.line(fmt.Sprintf("%-16s %s  STOPPED  %s: %s", "task", shortTask(id), t.StopCode, aws.ToString(t.StoppedReason)))
	for _, c := range t.Containers {
		text := fmt.Sprintf("%-16s %s ", "container", aws.ToString(c.Name))
		if c.ExitCode != nil {
			text += fmt.Sprintf(" exit code %d", *c.ExitCode)
		}
		if c.Reason != nil {
			text += " " + *c.Reason
		}
		p.line(text)
	}
	return a.exitOf(ctx, t)
}

// stopped waits until a task is STOPPED.
func (a *app) stopped(ctx context.Context, id string) (types.Task, error) {
	c := a.client().ECS
	for {
		out, err := c.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &a.cluster, Tasks: []string{id}})
		if ctx.Err() != nil {
			return types.Task{}, nil
		}
		if err != nil {
			return types.Task{}, a.explain(err)
		}
		if len(out.Tasks) == 0 {
			return types.Task{}, fmt.Errorf("task %s is not known any more", id)
		}
		if aws.ToString(out.Tasks[0].LastStatus) == "STOPPED" {
			return out.Tasks[0], nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// exitOf is the exit code of the task's essential container.
func (a *app) exitOf(ctx context.Context, t types.Task) error {
	got, err := a.client().ECS.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: t.TaskDefinitionArn})
	if err != nil {
		return a.explain(err)
	}
	if t.StartedAt == nil {
		return exitCode(exitNeverRan)
	}
	code := 0
	for _, def := range got.TaskDefinition.ContainerDefinitions {
		for _, c := range t.Containers {
			if aws.ToString(c.Name) == aws.ToString(def.Name) && aws.ToBool(def.Essential) && c.ExitCode != nil && code == 0 {
				code = int(*c.ExitCode)
			}
		}
	}
	if code == 0 {
		return nil
	}
	return exitCode(code)
}
