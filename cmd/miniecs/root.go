package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"miniecs/daemon"
	"miniecs/stack"
)

// app is what every verb has: where the daemon is, and how to print.
type app struct {
	endpoint    string
	home        string
	region      string
	regionGiven bool // by a flag, not by the environment
	cluster     string
	output      string // table, json
}

func newRoot() *cobra.Command {
	a := &app{}
	root := &cobra.Command{
		Use:   "miniecs",
		Short: "A local Amazon ECS: task definitions, services and an ALB, with real containers",
		Long: `miniecs runs ECS task definitions on this machine: a task definition is a blueprint, a task a running
instance of it, a service the manager that wants N of them, and the ALB in front sends requests to the
healthy ones. The daemon speaks the AWS API, so aws, the SDKs, ecspresso and Terraform work unchanged.`,
		Example: `  miniecs up examples/hello          # start three tasks behind an ALB, and watch
  curl http://localhost:8080         # one of them answers
  miniecs ps                         # services, deployments, tasks
  eval "$(miniecs env)"              # point aws and the SDKs here
  miniecs down examples/hello        # remove what up made
  miniecs quit                       # stop the daemon`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			a.regionGiven = cmd.Flags().Changed("region")
			if a.output != "table" && a.output != "json" {
				return usageError{fmt.Errorf("--output %s is neither table nor json", a.output)}
			}
			a.home, err = filepath.Abs(a.home) // the daemon has another working directory
			return err
		},
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := root.PersistentFlags()
	f.StringVar(&a.endpoint, "endpoint", cmp.Or(os.Getenv("MINIECS_ENDPOINT"), "http://"+daemon.DefaultListen), "where the daemon is ($MINIECS_ENDPOINT)")
	f.StringVar(&a.home, "home", daemon.DefaultHome(), "the daemon's state folder ($MINIECS_HOME)")
	f.StringVar(&a.region, "region", cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1"), "region of requests")
	f.StringVar(&a.cluster, "cluster", "default", "the cluster")
	f.StringVarP(&a.output, "output", "o", "table", "table, or json for programs")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.SuggestionsMinimumDistance = 2 // of letters, for a verb that is not known
	root.AddCommand(a.upCommand(), a.downCommand(), a.quitCommand(), a.serveCommand(), a.psCommand(), a.eventsCommand(), a.logsCommand(),
		a.scaleCommand(), a.stopCommand(), a.runCommand(), a.targetsCommand(), a.envCommand(), a.lintCommand(), a.doctorCommand(),
		a.imageCommand(), a.versionCommand())
	return root
}

func (a *app) client() *stack.Client { return stack.NewClient(a.endpoint, a.region) }

func (a *app) json() bool { return a.output == "json" }
