// Package demo is the demonstration application that the examples run in tasks: a small HTTP server that tells who
// answers and misbehaves on request, and a few commands for images without a shell. It uses the standard library only,
// so that it compiles wherever there is Go. Read settings.go for what can be asked of it, then server.go and command.go.
package demo

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const usage = `demo: a small application to try Amazon ECS with

  demo                       serve HTTP, as the environment says
  demo job                   print a few lines, end with EXIT_CODE after RUN_FOR
  demo healthcheck [URL]     0 if URL answers 2xx (http://127.0.0.1:$PORT/health without one)
  demo wait-for URL [LIMIT]  wait until URL answers 2xx, at most LIMIT (30s)
  demo write PATH TEXT...    write TEXT to a file
  demo cat PATH...           print files
  demo sleep DURATION        wait

Paths: / /health /headers /slow?ms=N /stream /crash /fail-health /upstream /file
Environment: NAME VERSION PORT LISTEN_ON START_DELAY SLOW LOG_REQUESTS CRASH_AFTER EXIT_CODE FAIL_HEALTH
  FAIL_HEALTH_AFTER IGNORE_SIGTERM ALLOCATE_MB REQUIRE_ENV UPSTREAM SHOW_FILE RUN_FOR
`

// role is the hidden first argument that makes another binary the demo.
const role = "__demo"

// Called tells whether a process with these arguments (os.Args) is to be the demo, whatever binary it was started from:
// one that stands as /demo in an image, so that `/demo healthcheck` works there too, or one told so.
func Called(args []string) bool {
	return len(args) > 0 && args[0] == "/demo" || len(args) > 1 && args[1] == role
}

// Main runs the application with the arguments after the program's name, and gives its exit code.
func Main(args []string) int {
	if len(args) > 0 && args[0] == role {
		args = args[1:]
	}
	set, err := readSettings(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 2
	}
	ctx, stop := stopSignal(set.ignoreSIGTERM)
	defer stop()
	if len(args) == 0 || args[0] == "serve" {
		return serve(ctx, set, os.Stdout)
	}
	return command(ctx, set, args[0], args[1:], os.Stdout, os.Stderr)
}

// stopSignal ends the context at SIGTERM or an interrupt. Process 1 of a container gets no default action for a
// signal: what it does not handle is ignored (task-runtime.md, stopping).
func stopSignal(ignore bool) (context.Context, context.CancelFunc) {
	if ignore {
		signal.Ignore(syscall.SIGTERM)
		return signal.NotifyContext(context.Background(), os.Interrupt)
	}
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// serve runs the HTTP server until ctx ends or it is to crash.
func serve(ctx context.Context, set settings, out io.Writer) int {
	for _, name := range set.requireEnv {
		if os.Getenv(name) == "" {
			fmt.Fprintf(out, "demo: environment variable %s is missing\n", name)
			return 1
		}
	}
	ballast := allocate(set.allocateMB, out)
	defer func() { clear(ballast[:min(1, len(ballast))]) }() // keeps it reachable until the end

	crash := make(chan struct{})
	if set.crash {
		timer := time.AfterFunc(set.crashAfter, func() { close(crash) })
		defer timer.Stop()
	}
	if !wait(ctx, set.startDelay, crash) {
		return set.ended(ctx, out)
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(set.listenOn, strconv.Itoa(set.port)))
	if err != nil {
		fmt.Fprintln(out, "demo:", err)
		return 1
	}
	app := newApp(set, out)
	fmt.Fprintf(out, "%s listens on %s\n", app.who(), ln.Addr())
	return app.run(ctx, ln, crash)
}

// ended is the exit code of a program that was told to stop or to crash.
func (set settings) ended(ctx context.Context, out io.Writer) int {
	if ctx.Err() != nil {
		fmt.Fprintln(out, "stopped")
		return 0
	}
	code := set.crashCode()
	fmt.Fprintf(out, "crashes as CRASH_AFTER=%s asks, exit code %d\n", set.crashAfter, code)
	return code
}

// run serves until ctx ends, then lets requests end, or until crash is closed, then drops them.
func (a *app) run(ctx context.Context, ln net.Listener, crash <-chan struct{}) int {
	srv := &http.Server{Handler: a, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	code := 0
	select {
	case err := <-failed:
		fmt.Fprintln(a.out, "demo:", err)
		return 1
	case <-crash:
		code = a.set.ended(ctx, a.out)
	case <-a.crashed:
		code = a.set.crashCode()
		fmt.Fprintf(a.out, "crashes as /crash asks, exit code %d\n", code)
	case <-ctx.Done():
		fmt.Fprintln(a.out, "got SIGTERM: letting requests end")
		close(a.stopping)
		limit, cancel := context.WithTimeout(context.Background(), shutdownLimit)
		defer cancel()
		if err := srv.Shutdown(limit); err != nil {
			fmt.Fprintln(a.out, "demo: requests cut off:", err)
		}
		fmt.Fprintf(a.out, "stopped after %d requests\n", a.served.Load())
	}
	if err := srv.Close(); err != nil {
		fmt.Fprintln(a.out, "demo:", err)
	}
	<-failed
	return code
}

// shutdownLimit is a little less than ECS's default stopTimeout of 30 s, so that the end is ours and not SIGKILL's.
const shutdownLimit = 28 * time.Second

// wait waits; false if ctx or stop ended it.
func wait(ctx context.Context, d time.Duration, stop <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-stop:
		return false
	case <-ctx.Done():
		return false
	default:
	}
	select {
	case <-timer.C:
		return true
	case <-stop:
		return false
	case <-ctx.Done():
		return false
	}
}

// allocate takes memory and touches every page of it, so that it counts.
func allocate(megabytes int, out io.Writer) []byte {
	if megabytes <= 0 {
		return nil
	}
	fmt.Fprintf(out, "allocates %d MiB\n", megabytes)
	b := make([]byte, megabytes<<20)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return b
}
