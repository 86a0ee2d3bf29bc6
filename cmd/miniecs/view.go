package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// serviceView is a service with its tasks and how its deployments fare.
type serviceView struct {
	Service  types.Service
	Tasks    []types.Task // the newest first
	Attempts []attempt
}

// unknownError says that there is nothing of a name.
type unknownError struct{ what, name, cluster string }

func (e *unknownError) Error() string {
	return fmt.Sprintf("there is no %s %s in cluster %s", e.what, e.name, e.cluster)
}

// view asks for services by name, or for all of a cluster.
func (a *app) view(ctx context.Context, cluster string, names []string) ([]serviceView, error) {
	c := a.client().ECS
	if names == nil {
		pages := ecs.NewListServicesPaginator(c, &ecs.ListServicesInput{Cluster: &cluster})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, a.explain(err)
			}
			names = append(names, page.ServiceArns...)
		}
	}
	attempts, err := a.attempts(ctx, cluster)
	if err != nil {
		return nil, err
	}
	var out []serviceView
	for chunk := range slices.Chunk(names, 10) {
		got, err := c.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: chunk})
		if err != nil {
			return nil, a.explain(err)
		}
		if len(got.Failures) > 0 {
			return nil, &unknownError{"service", short(aws.ToString(got.Failures[0].Arn)), cluster}
		}
		for _, s := range got.Services {
			v := serviceView{Service: s}
			for _, at := range attempts {
				if at.Service == aws.ToString(s.ServiceName) {
					v.Attempts = append(v.Attempts, at)
				}
			}
			out = append(out, v)
		}
	}
	return out, nil
}

// withTasks fills in the tasks of each service, and gives those of no service.
func (a *app) withTasks(ctx context.Context, cluster string, views []serviceView, stopped bool) (alone []types.Task, err error) {
	tasks, err := a.tasks(ctx, cluster, types.DesiredStatusRunning)
	if err == nil && stopped {
		var more []types.Task
		more, err = a.tasks(ctx, cluster, types.DesiredStatusStopped)
		tasks = append(tasks, more...)
	}
	if err != nil {
		return nil, err
	}
	for _, t := range tasks {
		name, ok := strings.CutPrefix(aws.ToString(t.Group), "service:")
		i := slices.IndexFunc(views, func(v serviceView) bool { return ok && aws.ToString(v.Service.ServiceName) == name })
		if i >= 0 {
			views[i].Tasks = append(views[i].Tasks, t)
		} else if !ok {
			alone = append(alone, t)
		}
	}
	return alone, nil
}

func (a *app) tasks(ctx context.Context, cluster string, status types.DesiredStatus) ([]types.Task, error) {
	c := a.client().ECS
	var out []types.Task
	pages := ecs.NewListTasksPaginator(c, &ecs.ListTasksInput{Cluster: &cluster, DesiredStatus: status})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, a.explain(err)
		}
		if len(page.TaskArns) == 0 {
			continue
		}
		got, err := c.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: page.TaskArns})
		if err != nil {
			return nil, a.explain(err)
		}
		out = append(out, got.Tasks...)
	}
	slices.SortStableFunc(out, func(x, y types.Task) int { return aws.ToTime(y.CreatedAt).Compare(aws.ToTime(x.CreatedAt)) })
	return out, nil
}

// steady says that a service has what it wants: one deployment, rolled out, all running.
func (v serviceView) steady() bool {
	s := v.Service
	return len(s.Deployments) == 1 && s.Deployments[0].RolloutState == types.DeploymentRolloutStateCompleted &&
		s.RunningCount == s.DesiredCount && s.PendingCount == 0
}

// counts is how a service stands, in a few words.
func (v serviceView) counts() string {
	s := v.Service
	text := fmt.Sprintf("%d desired, %d running, %d pending", s.DesiredCount, s.RunningCount, s.PendingCount)
	if n := len(s.Deployments); n > 1 {
		text += fmt.Sprintf(", %d deployments", n)
	}
	if v.steady() {
		return text + ", steady"
	}
	if state := v.primary().RolloutState; state != types.DeploymentRolloutStateCompleted {
		text += ", " + string(state)
	}
	return text
}

// primary is the deployment that is being rolled out, or was last.
func (v serviceView) primary() *types.Deployment {
	if len(v.Service.Deployments) == 0 {
		return &types.Deployment{}
	}
	return &v.Service.Deployments[0]
}

// loop is the crash-loop line: attempts since the deployment, last exit code and reason, time to the next try. It is
// empty for a service that does not fail.
func (v serviceView) loop(now time.Time) string {
	for _, at := range v.Attempts {
		if at.Deployment != aws.ToString(v.primary().Id) || at.LastExit == nil || at.Crashes+at.FailedStarts == 0 {
			continue
		}
		parts := []string{fmt.Sprintf("%d attempts since the deployment %s ago", at.Attempts, age(now, aws.ToTime(v.primary().CreatedAt)))}
		e := at.LastExit
		last := cmp.Or(e.Reason, e.StopCode)
		if e.ExitCode != nil {
			last = fmt.Sprintf("last exit code %d after %s (%s)", *e.ExitCode, cmp.Or(e.Ran, "?"), last)
		} else {
			last = "last failure: " + last
		}
		parts = append(parts, last)
		if at.NextTry.After(now) {
			parts = append(parts, fmt.Sprintf("next try in %s (%s)", at.NextTry.Sub(now).Round(time.Second), at.Waiting))
		} else {
			parts = append(parts, "trying now")
		}
		return strings.Join(parts, " · ")
	}
	return ""
}

// short is the last part of an ARN; task ids are cut to eight digits.
func short(arn string) string {
	if i := strings.LastIndexByte(arn, '/'); i >= 0 {
		arn = arn[i+1:]
	}
	return arn
}

func shortTask(arn string) string {
	id := short(arn)
	return id[:min(8, len(id))]
}

// age is a rough duration: 5s, 3m, 2h, 4d.
func age(now, then time.Time) string {
	d := now.Sub(then)
	switch {
	case then.IsZero():
		return "-"
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(int(d.Seconds()), 0))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
