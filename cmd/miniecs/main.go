// Command miniecs is a local Amazon ECS: the daemon (serve), and the command line that is a client of its API.
// main.go starts here; every verb has a file of its own; control.go speaks to /_miniecs/, background.go starts the
// daemon when none runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"miniecs/internal/demo"
	"miniecs/internal/pause"
)

// Exit codes that scripts can use.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	// The roles of the small programs in containers, where this binary stands in for them (design.md 4).
	if pause.Called() {
		os.Exit(pause.Main(os.Args[1:]))
	}
	if demo.Called(os.Args) {
		os.Exit(demo.Main(os.Args[1:]))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// exitCode ends the program with a code, without a message.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }

// run is the whole program after its roles: it gives the exit code.
func run(args []string, out, errOut io.Writer) int {
	ctx, stop := interruptible()
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	var code exitCode
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(errOut, "miniecs: interrupted; what was done so far stays")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(errOut, "miniecs: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(errOut, "miniecs: %v\n", err)
	return exitError
}

// interruptible gives a context that the first Ctrl-C ends; a second one ends the program at once.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-c; !ok {
			return
		}
		cancel()
		if _, ok := <-c; ok {
			os.Exit(130)
		}
	}()
	return ctx, func() { signal.Stop(c); close(c); cancel() }
}

// usage turns cobra's complaints about arguments into usageErrors.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			if !cmd.HasParent() && len(args) > 0 {
				if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
					return usageError{fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))}
				}
				return usageError{fmt.Errorf("%w; see miniecs --help", err)}
			}
			return usageError{fmt.Errorf("want %s; see %s --help", strings.TrimSuffix(cmd.UseLine(), " [flags]"), cmd.CommandPath())}
		}
		return nil
	}
}
