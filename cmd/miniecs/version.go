package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "This build, and the daemon's",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := a.version(cmd.Context())
			if a.json() {
				out := map[string]any{"client": buildVersion(), "daemon": nil}
				if err == nil {
					out["daemon"] = v
				}
				return printJSON(cmd.OutOrStdout(), out)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "miniecs %s\n", buildVersion())
			if err != nil {
				fmt.Fprintln(cmd.OutOrStdout(), "no daemon answers")
				return nil
			}
			fmt.Fprintf(cmd.OutOrStdout(), "daemon  %s, process %d, home %s, region %s, %s\n", v.Version, v.PID, v.Home, v.Region, v.Engine)
			return nil
		},
	}
}
