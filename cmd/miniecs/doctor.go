package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"miniecs/daemon"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check Docker, ports, permissions and versions, and say what to do",
		Long: "Check what the daemon needs: it finds the engine as the docker CLI does. The exit code is 1 if there is a problem.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			listen, err := a.listen()
			if err != nil {
				return err
			}
			checks := daemon.Doctor(cmd.Context(), daemon.Config{Home: a.home, Listen: listen})
			bad := false
			for _, c := range checks {
				bad = bad || c.Level == "problem"
			}
			if a.json() {
				err = printJSON(cmd.OutOrStdout(), checks)
			} else {
				t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				for _, c := range checks {
					fmt.Fprintf(t, "%s\t%s\t%s\n", c.Level, c.Name, c.Detail)
					if c.Remedy != "" {
						fmt.Fprintf(t, "\t\t→ %s\n", c.Remedy)
					}
				}
				err = t.Flush()
			}
			if err == nil && bad {
				return exitCode(exitError)
			}
			return err
		},
	}
}
