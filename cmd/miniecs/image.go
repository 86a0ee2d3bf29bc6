package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"miniecs/daemon"
)

func (a *app) imageCommand() *cobra.Command {
	var tag string
	cmd := &cobra.Command{
		Use: "image", Short: "Make the image that docker-compose.yml runs, from this binary",
		Long:    "Make the image that docker-compose.yml runs, from this binary (a static one for Linux), without a registry.",
		Example: "  CGO_ENABLED=0 go build -o miniecs ./cmd/miniecs && ./miniecs image && docker-compose up -d",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ref, err := daemon.MakeImage(cmd.Context(), daemon.Config{Home: a.home}, tag)
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), ref)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&tag, "tag", "miniecs:latest", "name of the image")
	return cmd
}
