package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"miniecs/stack"
)

// exitNeverRan is the exit code of a task that was never started, as of `docker run`.
const exitNeverRan = 125

func (a *app) runCommand() *cobra.Command {
	var detached bool
	var count int32
	var o stack.Options
	cmd := &cobra.Command{
		Use: "run DIR|FILE|FAMILY[:REVISION]", Short: "Run a one-off task, show its logs, end with its exit code",
		Long: `Run a standalone task: no service looks after it, nobody starts it again. Its logs are shown, and the command ends
with the exit code of its essential container (125 if it never ran). Of several tasks the first code that is not 0
counts. After Ctrl-C the task runs on.`,
		Example: "  miniecs run examples/run-task\n  miniecs run job:3\n  miniecs run -d --count 3 job",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := newProgress(cmd.ErrOrStderr())
			ref, err := a.runnable(cmd.Context(), p, args[0], o)
			if err != nil {
				return err
			}
			tasks, err := a.runTasks(cmd.Context(), ref, count)
			if err != nil {
				return err
			}
			if !detached {
				return a.attend(cmd, p, tasks)
			}
			if a.json() {
				return printJSON(cmd.OutOrStdout(), map[string]any{"tasks": tasks})
			}
			for _, t := range tasks {
				fmt.Fprintln(cmd.OutOrStdout(), short(aws.ToString(t.TaskArn)))
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&detached, "detach", "d", false, "print the tasks' ids and return, instead of waiting for the end")
	cmd.Flags().Int32Var(&count, "count", 1, "how many tasks, at most 10")
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

// runTasks starts tasks: on Fargate if the definition allows that, in the default VPC if it has a network of its own.
func (a *app) runTasks(ctx context.Context, ref string, count int32) ([]types.Task, error) {
	c := a.client().ECS
	got, err := c.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &ref})
	if err != nil {
		return nil, fmt.Errorf("%s is no folder or file, and no task definition that can be run: %w", ref, a.explain(err))
	}
	td := got.TaskDefinition
	in := &ecs.RunTaskInput{Cluster: &a.cluster, TaskDefinition: td.TaskDefinitionArn, Count: &count, LaunchType: types.LaunchTypeEc2, StartedBy: aws.String("miniecs run")}
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
		return nil, fmt.Errorf("%d of %d tasks were not placed: %s", len(out.Failures), count, aws.ToString(out.Failures[0].Reason))
	}
	return out.Tasks, nil
}

// attend shows the logs of tasks until all are STOPPED, then says why and ends with the exit code.
func (a *app) attend(cmd *cobra.Command, p *progress, tasks []types.Task) error {
	ctx := cmd.Context()
	var mu sync.Mutex
	show, ctxShow := errgroup.WithContext(ctx)
	var ids []string
	for _, t := range tasks {
		id := short(aws.ToString(t.TaskArn))
		ids = append(ids, shortTask(id))
		p.line(row("task", shortTask(id), "started"))
		show.Go(func() error {
			q := url.Values{"cluster": {a.cluster}, "task": {id}, "follow": {"1"}}
			return a.streamLogs(ctxShow, q, func(l logLine) {
				mu.Lock()
				defer mu.Unlock()
				if len(tasks) > 1 {
					l.Text = shortTask(l.Task) + "  " + l.Text
				}
				fmt.Fprintln(cmd.OutOrStdout(), l.Text)
			})
		})
	}
	if err := show.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	result := 0
	for _, t := range tasks {
		t, err := a.stopped(ctx, short(aws.ToString(t.TaskArn)))
		if ctx.Err() != nil {
			p.line("Detached: the task runs on; `miniecs stop " + strings.Join(ids, " ") + "` ends it.")
			return exitCode(exitInterrupted)
		}
		if err != nil {
			return err
		}
		code, err := a.exitOf(ctx, t)
		if err != nil {
			return err
		}
		sayEnd(p, t)
		if result == 0 {
			result = code
		}
	}
	if result != 0 {
		return exitCode(result)
	}
	return nil
}

// sayEnd says how a task and its containers ended.
func sayEnd(p *progress, t types.Task) {
	p.line(row("task", shortTask(aws.ToString(t.TaskArn)), "STOPPED", string(t.StopCode), aws.ToString(t.StoppedReason)))
	for _, c := range t.Containers {
		code := ""
		if c.ExitCode != nil {
			code = fmt.Sprintf("exit code %d", *c.ExitCode)
		}
		p.line(row("container", aws.ToString(c.Name), code, aws.ToString(c.Reason)))
	}
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
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// exitOf is the exit code of the task's essential containers: the first that is not 0.
func (a *app) exitOf(ctx context.Context, t types.Task) (int, error) {
	if t.StartedAt == nil {
		return exitNeverRan, nil
	}
	got, err := a.client().ECS.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: t.TaskDefinitionArn})
	if err != nil {
		return 0, a.explain(err)
	}
	for _, def := range got.TaskDefinition.ContainerDefinitions {
		for _, c := range t.Containers {
			if aws.ToString(c.Name) == aws.ToString(def.Name) && aws.ToBool(def.Essential) && aws.ToInt32(c.ExitCode) != 0 {
				return int(*c.ExitCode), nil
			}
		}
	}
	return 0, nil
}
