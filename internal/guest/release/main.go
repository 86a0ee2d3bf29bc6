// Command release makes the programs that a build with `-tags release` embeds: `go generate ./internal/guest`.
package main

import (
	"context"
	"fmt"
	"os"

	"miniecs/internal/guest"
)

func main() {
	if err := guest.WriteRelease(context.Background(), "amd64", "arm64"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
