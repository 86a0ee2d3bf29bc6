package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"miniecs/stack"
)

func (a *app) downCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "down [DIR|NAME]", Short: "Remove what up made",
		Long:    "Remove what up made, listeners first, so that nothing drains: service, tasks, target groups, load balancer, task\ndefinitions, images. Only what bears the stack's tag is touched.",
		Example: "  miniecs down examples/hello\n  miniecs down hello\n  miniecs down --all          # everything that the daemon holds",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return usageError{errors.New("name a stack's folder, or --all")}
			}
			p := newProgress(cmd.OutOrStdout())
			if _, err := a.version(cmd.Context()); err != nil {
				return err
			}
			if all {
				return stack.DownAll(cmd.Context(), a.client(), p.step)
			}
			name, err := a.stackName(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return stack.Down(cmd.Context(), a.client(), name, p.step)
		},
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			names, _ := stack.Stacks(cmd.Context(), a.client())
			return names, cobra.ShellCompDirectiveDefault
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "everything that the daemon holds")
	return cmd
}

// stackName is the stack that a folder, a file or a name means.
func (a *app) stackName(ctx context.Context, arg string) (string, error) {
	if _, err := os.Stat(arg); err == nil {
		return stack.NameOf(arg)
	}
	names, err := stack.Stacks(ctx, a.client())
	if err != nil {
		return "", a.explain(err)
	}
	if !slices.Contains(names, arg) {
		return "", fmt.Errorf("there is neither a folder nor a stack %s", arg)
	}
	return arg, nil
}
