package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/spf13/cobra"

	"miniecs/stack"
)

// groupView is a target group and the health of its targets.
type groupView struct {
	TargetGroup             types.TargetGroup
	TargetHealthDescription []types.TargetHealthDescription
}

func (a *app) targetsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "targets [TARGET-GROUP|STACK...]", Short: "Target groups and the health of their targets",
		Long: `Target groups and the health of their targets. A target group is the registry of targets; only healthy ones get
requests, unless all are unhealthy: then all do (fail-open).`,
		Example: "  miniecs targets\n  miniecs targets hello -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			groups, err := a.groups(cmd.Context(), args)
			if err != nil {
				return err
			}
			if a.json() {
				return printJSON(cmd.OutOrStdout(), map[string]any{"targetGroups": groups})
			}
			writeTargets(cmd.OutOrStdout(), groups)
			return nil
		},
	}
}

// groups gives the target groups of these names, or of stacks of these names; without names all.
func (a *app) groups(ctx context.Context, names []string) ([]groupView, error) {
	c := a.client().ELB
	out := []groupView{}
	var wanted []string // ARNs
	for _, name := range names {
		arns, err := stack.GroupsOf(ctx, a.client(), name)
		if err != nil {
			return nil, err
		}
		if len(arns) == 0 {
			return nil, fmt.Errorf("there is neither a target group nor a stack with target groups named %s", name)
		}
		wanted = append(wanted, arns...)
	}
	pages := elb.NewDescribeTargetGroupsPaginator(c, &elb.DescribeTargetGroupsInput{TargetGroupArns: wanted})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, a.explain(err)
		}
		for _, g := range page.TargetGroups {
			h, err := c.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: g.TargetGroupArn})
			if err != nil {
				return nil, a.explain(err)
			}
			slices.SortFunc(h.TargetHealthDescriptions, func(x, y types.TargetHealthDescription) int {
				return compareTargets(x.Target, y.Target)
			})
			out = append(out, groupView{g, h.TargetHealthDescriptions})
		}
	}
	return out, nil
}

func compareTargets(x, y *types.TargetDescription) int {
	a, b := fmt.Sprint(aws.ToString(x.Id), aws.ToInt32(x.Port)), fmt.Sprint(aws.ToString(y.Id), aws.ToInt32(y.Port))
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func writeTargets(w io.Writer, groups []groupView) {
	if len(groups) == 0 {
		fmt.Fprintln(w, "There are no target groups.")
	}
	for i, g := range groups {
		if i > 0 {
			fmt.Fprintln(w)
		}
		tg := g.TargetGroup
		fmt.Fprintf(w, "target group %s  %s:%d  checks %s every %ds\n", aws.ToString(tg.TargetGroupName), tg.Protocol, aws.ToInt32(tg.Port),
			aws.ToString(tg.HealthCheckPath), aws.ToInt32(tg.HealthCheckIntervalSeconds))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "  TARGET\tSTATE\tREASON\tDESCRIPTION")
		for _, d := range g.TargetHealthDescription {
			fmt.Fprintf(t, "  %s:%d\t%s\t%s\t%s\n", aws.ToString(d.Target.Id), aws.ToInt32(d.Target.Port), d.TargetHealth.State,
				dash(string(d.TargetHealth.Reason)), dash(aws.ToString(d.TargetHealth.Description)))
		}
		_ = t.Flush()
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
