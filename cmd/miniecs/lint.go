package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"miniecs/taskdef"
)

func (a *app) lintCommand() *cobra.Command {
	return &cobra.Command{
		Use: "lint FILE...", Short: "Every problem of a task definition file at once, with line and column",
		Long:    "Every problem of a task definition file at once, with line and column: what AWS would refuse, in its\nwords, and what miniecs accepts without effect. Needs no daemon. The exit code is 1 if AWS would refuse a file.",
		Example: "  miniecs lint examples/hello/ecs-task-def.json",
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := false
			all := map[string][]taskdef.Problem{}
			for _, file := range args {
				data, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				problems := taskdef.Lint(data, taskdef.ReadOptions{})
				all[file] = append([]taskdef.Problem{}, problems...)
				for _, p := range problems {
					bad = bad || p.Severity == taskdef.Error
					if !a.json() {
						fmt.Fprintf(cmd.OutOrStdout(), "%s:%s\n", file, p)
					}
				}
			}
			if a.json() {
				if err := printJSON(cmd.OutOrStdout(), all); err != nil {
					return err
				}
			}
			if bad {
				return exitCode(exitError)
			}
			return nil
		},
	}
}
