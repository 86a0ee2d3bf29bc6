package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// command runs one of the commands that stand in for a shell in images FROM scratch.
func command(ctx context.Context, set settings, name string, args []string, out, errs io.Writer) int {
	var err error
	switch {
	case name == "job" && len(args) == 0:
		return job(ctx, set, out)
	case name == "healthcheck" && len(args) <= 1:
		err = healthcheck(ctx, set, args, out)
	case name == "wait-for" && (len(args) == 1 || len(args) == 2):
		err = waitFor(ctx, args, out)
	case name == "write" && len(args) >= 2:
		err = write(args[0], strings.Join(args[1:], " "), out)
	case name == "cat" && len(args) >= 1:
		err = cat(args, out)
	case name == "sleep" && len(args) == 1:
		err = sleep(ctx, args[0])
	case name == "help" || name == "--help" || name == "-h":
		fmt.Fprint(out, usage)
	default:
		fmt.Fprint(errs, usage)
		return 2
	}
	if err != nil {
		fmt.Fprintln(errs, "demo:", err)
		return 1
	}
	return 0
}

// job is a one-off: a few lines, then its exit code. Ended by SIGTERM it gives 143, as a shell would.
func job(ctx context.Context, set settings, out io.Writer) int {
	const steps = 4
	fmt.Fprintf(out, "job %s version %s: begins, takes %s\n", set.name, set.version, set.runFor)
	for i := 1; i <= steps; i++ {
		if !wait(ctx, set.runFor/steps, nil) {
			fmt.Fprintln(out, "job: stopped by a signal, not done")
			return 143
		}
		fmt.Fprintf(out, "job: step %d of %d\n", i, steps)
	}
	fmt.Fprintf(out, "job: done, exit code %d\n", set.jobCode())
	return set.jobCode()
}

func healthcheck(ctx context.Context, set settings, args []string, out io.Writer) error {
	url := fmt.Sprintf("http://127.0.0.1:%d/health", set.port)
	if len(args) == 1 {
		url = args[0]
	}
	status, _, err := ask(ctx, url)
	if err == nil {
		fmt.Fprintln(out, status)
	}
	return err
}

// ask is one request: its status line and its body. An answer other than 2xx is an error.
func ask(ctx context.Context, url string) (status, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second) // less than the 5 s of ECS's default health check timeout
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", "", err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return "", "", err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return "", "", fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return resp.Status, string(text), nil
}

func waitFor(ctx context.Context, args []string, out io.Writer) error {
	limit := 30 * time.Second
	if len(args) == 2 {
		var err error
		if limit, err = parseDuration(args[1]); err != nil {
			return err
		}
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		status, _, err := ask(ctx, args[0])
		if err == nil {
			fmt.Fprintf(out, "%s after %s\n", status, time.Since(begin).Round(time.Millisecond))
			return nil
		}
		if !wait(ctx, 100*time.Millisecond, nil) {
			return fmt.Errorf("no answer within %s: %w", limit, err)
		}
	}
}

func write(path, text string, out io.Writer) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
		return err
	}
	fmt.Fprintln(out, "wrote", path)
	return nil
}

func cat(paths []string, out io.Writer) error {
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, text string) error {
	d, err := parseDuration(text)
	if err != nil {
		return err
	}
	if !wait(ctx, d, nil) {
		return context.Cause(ctx)
	}
	return nil
}
