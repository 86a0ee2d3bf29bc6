package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"miniecs/stack"
)

func (a *app) quitCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "quit", Short: "Stop the daemon, and remove its network from the engine",
		Long:    "Stop the daemon, its spare networks and its network. While stacks are up it refuses; --force stops only the daemon:\nthe tasks run on, and the next daemon adopts them.",
		Example: "  miniecs down --all && miniecs quit\n  miniecs quit --force",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{}
			if force {
				q.Set("force", "1")
			}
			resp, err := a.client().Control(cmd.Context(), http.MethodPost, "quit", q, nil)
			if errors.Is(err, stack.ErrNoDaemon) {
				fmt.Fprintln(cmd.OutOrStdout(), "no daemon runs")
				return nil
			}
			if err != nil {
				return err
			}
			_ = resp.Body.Close()
			if err := a.awaitGone(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the daemon has ended")
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "leave the tasks running without a daemon")
	return cmd
}

// awaitGone waits until nobody answers any more.
func (a *app) awaitGone(ctx context.Context) error {
	for range 300 {
		if _, err := a.version(ctx); errors.Is(err, stack.ErrNoDaemon) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("the daemon at %s does not end", a.endpoint)
}
