package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

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
  miniecs up task.json                                      # a bare task definition, behind an ALB`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if detached && !cmd.Flags().Changed("timeout") {
				timeout = 5 * time.Minute
			}
			u := &upRun{a: a, p: newProgress(cmd.OutOrStdout()), detached: detached, noWait: noWait, timeout: timeout}
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
	p                *progress
	detached, noWait bool
	timeout          time.Duration
}

func (u *upRun) run(ctx context.Context, path string, o stack.Options) error {
	s, err := stack.Load(path, o)
	if err != nil {
		return err
	}
	if _, err := u.a.ensureDaemon(ctx, u.p.line); err != nil {
		return err
	}
	c := u.a.client()
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	ended := u.watch(watching, s)
	res, err := s.Up(ctx, c, u.p.step)
	if err != nil {
		if ctx.Err() != nil {
			return u.interrupted(path)
		}
		return err
	}
	if res.Service == "" {
		u.p.line(fmt.Sprintf("%s is a task definition only: start a task of it with `miniecs run %s`", res.TaskDefinition, path))
		return nil
	}
	if u.noWait {
		return nil
	}
	if err := u.untilSteady(ctx, res, path); err != nil {
		return err
	}
	for _, url := range res.URLs {
		u.p.line(url)
	}
	if u.detached {
		return nil
	}
	u.p.line("Ctrl-C leaves it running; `miniecs down " + path + "` removes it")
	select {
	case <-ctx.Done():
		return u.interrupted(path)
	case err := <-ended:
		return err
	}
}

// watch shows what happens to the stack's service from now on.
func (u *upRun) watch(ctx context.Context, s *stack.Stack) <-chan error {
	cluster, service := s.Service()
	opened, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		err := u.a.watch(ctx, "", func() { close(opened) }, func(it feedItem) bool {
			if it.Kind == "build" || it.Kind == "warning" || it.Cluster == cluster && it.Service == service && service != "" {
				u.p.item(it)
			}
			return true
		})
		ended <- err
	}()
	select {
	case <-opened:
	case err := <-ended:
		ended <- err
	}
	return ended
}

// untilSteady polls the service: one deployment, COMPLETED, all running.
func (u *upRun) untilSteady(ctx context.Context, res stack.Result, path string) error {
	limited := ctx
	if u.timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, u.timeout)
		defer cancel()
	}
	for {
		view, err := u.a.view(limited, res.Cluster, []string{res.Service})
		if err == nil && len(view) == 1 {
			u.p.status(view[0])
			if view[0].steady() {
				return nil
			}
		}
		select {
		case <-limited.Done():
			if ctx.Err() != nil {
				return u.interrupted(path)
			}
			return fmt.Errorf("service %s is not steady after %s; it is still being tried (miniecs ps, miniecs events)", res.Service, u.timeout)
		case <-time.After(250 * time.Millisecond):
		}
		if err != nil && !errors.Is(err, context.Canceled) && errors.Is(err, stack.ErrNoDaemon) {
			return err
		}
	}
}

func (u *upRun) interrupted(path string) error {
	u.p.line("detached: what was started runs on; `miniecs up " + path + "` shows it again, `miniecs down " + path + "` removes it")
	return nil
}
