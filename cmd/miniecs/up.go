package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"miniecs/internal/feed"
	"miniecs/stack"
)

func (a *app) upCommand() *cobra.Command {
	var detached, noWait bool
	var o stack.Options
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "up DIR|FILE", Short: "Create or update a stack, and watch it become steady",
		Long: `Create or update what a stack folder describes: images, task definition, load balancer, target groups, listeners and
the service. Starts the daemon if none runs. Twice in a row changes nothing; after an edit it is a rolling deployment.
Without -d it stays and shows what happens; Ctrl-C leaves the stack running.`,
		Example: `  miniecs up examples/hello
  miniecs up -d examples/hello                              # return when it is steady
  miniecs up examples/crash-loop --task-def broken.json     # another revision of the same stack
  miniecs up task.json                                      # a bare task definition: one task, behind an ALB on port 8080`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if detached && !cmd.Flags().Changed("timeout") {
				timeout = 5 * time.Minute
			}
			out := cmd.OutOrStdout()
			u := &upRun{a: a, out: out, p: newProgress(out), detached: detached, noWait: noWait, timeout: timeout}
			if a.json() { // standard output is for the result
				u.p = newProgress(cmd.ErrOrStderr())
			}
			defer u.p.close()
			return u.run(cmd.Context(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&detached, "detach", "d", false, "return when the service is steady")
	f.BoolVar(&noWait, "no-wait", false, "return at once, without waiting for the service")
	f.StringVar(&o.TaskDef, "task-def", "", "task definition file of the folder, instead of ecs-task-def.json")
	f.StringVar(&o.Name, "name", "", "name of the stack; the folder's otherwise")
	f.DurationVar(&timeout, "timeout", 0, "how long to wait for a steady service; 0 is for ever, with -d 5m")
	return cmd
}

// upRun is one `up`: apply, then follow until steady, then stay.
type upRun struct {
	a                *app
	out              io.Writer
	p                *progress
	detached, noWait bool
	timeout          time.Duration
}

func (u *upRun) run(ctx context.Context, path string, o stack.Options) error {
	o.Cluster = u.a.cluster
	s, err := stack.Load(path, o)
	if err != nil {
		return err
	}
	for _, w := range s.Warnings {
		u.p.line(row("warning", w))
	}
	if _, err := u.a.ensureDaemon(ctx, u.p.line); err != nil {
		return err
	}
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	ended := u.watch(watching, s)
	res, err := s.Up(ctx, u.a.client(), u.p.step)
	switch {
	case err != nil:
		return err
	case res.Service == "":
		u.p.line("There is no service: run a task of it with `miniecs run " + path + "`")
		return u.print(res)
	case u.noWait:
		u.links(res)
		return u.print(res)
	}
	return u.follow(ctx, res, path, ended)
}

// print gives programs the result.
func (u *upRun) print(res stack.Result) error {
	if !u.a.json() {
		return nil
	}
	return printJSON(u.out, res)
}

func (u *upRun) links(res stack.Result) {
	for _, why := range res.Moved {
		u.p.line(row("note", why))
	}
	for _, url := range res.URLs {
		u.p.line(url)
	}
}

// watch shows what happens to the stack's service from now on.
func (u *upRun) watch(ctx context.Context, s *stack.Stack) <-chan error {
	cluster, service := s.Service()
	groups := s.TargetGroups()
	ours := func(it feed.Item) bool {
		switch it.Kind {
		case "build", "warning":
			return true
		case "target":
			return slices.ContainsFunc(groups, func(g string) bool { return strings.HasPrefix(it.Subject, g+" ") })
		}
		return service != "" && it.Cluster == cluster && it.Service == service
	}
	opened, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- u.a.watch(ctx, "", func() { close(opened) }, func(it feed.Item) bool {
			if ours(it) {
				u.p.item(it, false)
			}
			return true
		})
	}()
	select {
	case <-opened:
	case err := <-ended:
		ended <- err
	}
	return ended
}

// follow shows the service until it is steady, and then, unless detached, for as long as somebody looks.
func (u *upRun) follow(ctx context.Context, res stack.Result, path string, ended <-chan error) error {
	var timeout <-chan time.Time
	if u.timeout > 0 {
		timer := time.NewTimer(u.timeout)
		defer timer.Stop()
		timeout = timer.C
	}
	if err := u.health(ctx, res); err != nil && ctx.Err() == nil {
		return err
	}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for steady := false; ; {
		view, err := u.look(ctx, res)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil && view.steady() && !steady {
			steady, timeout = true, nil
			u.links(res)
			if u.detached {
				return u.print(res)
			}
			u.p.line("Ctrl-C leaves it running; `miniecs down " + path + "` removes it")
		}
		select {
		case <-ctx.Done():
			return u.interrupted(ctx, path)
		case err := <-ended:
			if ctx.Err() != nil {
				return u.interrupted(ctx, path)
			}
			return err
		case <-timeout:
			return fmt.Errorf("service %s is not steady after %s; it is still being tried (miniecs ps, miniecs events %s)", res.Service, u.timeout, res.Service)
		case <-tick.C:
		}
	}
}

// health asks once how the targets do that were there before: of changes the feed tells.
func (u *upRun) health(ctx context.Context, res stack.Result) error {
	if !u.p.tty {
		return nil
	}
	names, err := stack.GroupsOf(ctx, u.a.client(), res.Stack)
	if err != nil || len(names) == 0 {
		return err
	}
	groups, err := u.a.groups(ctx, names)
	for _, g := range groups {
		for _, t := range g.TargetHealthDescription {
			u.p.target(fmt.Sprintf("%s:%d", aws.ToString(t.Target.Id), aws.ToInt32(t.Target.Port)), string(t.TargetHealth.State))
		}
	}
	return err
}

// look asks for the service and shows it.
func (u *upRun) look(ctx context.Context, res stack.Result) (serviceView, error) {
	views, err := u.a.view(ctx, res.Cluster, []string{res.Service})
	if err != nil {
		return serviceView{}, err
	}
	if u.p.tty {
		if _, err := u.a.withTasks(ctx, res.Cluster, views, false); err != nil {
			return serviceView{}, err
		}
	}
	u.p.status(views[0])
	return views[0], nil
}

// interrupted ends `up` at Ctrl-C. Somebody who waits with -d is told that it did not come to the end.
func (u *upRun) interrupted(ctx context.Context, path string) error {
	if u.detached {
		return ctx.Err()
	}
	u.p.close()
	u.p.line("Detached: what was started runs on. `miniecs up " + path + "` shows it again, `miniecs down " + path + "` removes it.")
	return nil
}
