package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) envCommand() *cobra.Command {
	var shell string
	cmd := &cobra.Command{
		Use: "env", Short: "Print the variables that point aws and the SDKs here",
		Example: "  eval \"$(miniecs env)\"\n  miniecs env --shell fish | source\n  miniecs env --shell powershell | Invoke-Expression",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			form, ok := map[string]string{"bash": "export %s=%s\n", "fish": "set -gx %s %s;\n", "powershell": "$Env:%s = \"%s\"\n"}[shell]
			if !ok {
				return usageError{fmt.Errorf("--shell %s is none of bash, fish, powershell", shell)}
			}
			region := a.region
			if v, err := a.version(cmd.Context()); err == nil && !a.regionGiven {
				region = v.Region
			}
			for _, v := range [][2]string{{"AWS_ENDPOINT_URL", a.endpoint}, {"AWS_REGION", region}, {"AWS_DEFAULT_REGION", region},
				{"AWS_ACCESS_KEY_ID", "miniecs"}, {"AWS_SECRET_ACCESS_KEY", "miniecs"}} {
				fmt.Fprintf(cmd.OutOrStdout(), form, v[0], v[1])
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&shell, "shell", "bash", "bash (zsh too), fish, powershell")
	return cmd
}
