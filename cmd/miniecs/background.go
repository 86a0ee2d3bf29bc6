package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"miniecs/daemon"
	"miniecs/stack"
)

// ensureDaemon finds the daemon of this home and build, or starts it in the background. What stands in the way is
// said, with what to do.
func (a *app) ensureDaemon(ctx context.Context, say func(string)) (daemon.VersionInfo, error) {
	v, err := a.version(ctx)
	for tries := 0; tries < 20 && err != nil && !errors.Is(err, stack.ErrNoDaemon) && ctx.Err() == nil; tries++ {
		time.Sleep(50 * time.Millisecond) // one that was just killed may still hold the port
		v, err = a.version(ctx)
	}
	switch {
	case err == nil:
		return v, a.sameDaemon(v)
	case !errors.Is(err, stack.ErrNoDaemon):
		return v, fmt.Errorf("%w; end what listens there, or choose another place with --endpoint", err)
	}
	say("starting the daemon")
	return a.startDaemon(ctx)
}

// sameDaemon refuses a daemon of another home or another build: neither would do what this program expects.
func (a *app) sameDaemon(v daemon.VersionInfo) error {
	if v.Home == containerHome {
		return nil // a daemon in a container is a build for Linux, whatever this one is for
	}
	if v.Home != a.home {
		return fmt.Errorf("the daemon at %s has the home %s, not %s: use --home %s, or --endpoint for another daemon", a.endpoint, v.Home, a.home, v.Home)
	}
	if v.Version != buildVersion() {
		return fmt.Errorf("the daemon at %s is another build (%s, this is %s): `miniecs quit --force` ends it and leaves the tasks running; the next `miniecs up` adopts them",
			a.endpoint, v.Version, buildVersion())
	}
	return nil
}

// containerHome is the home of a daemon that runs as a container (docker-compose.yml).
const containerHome = "/var/lib/miniecs"

// startDaemon copies this binary to the home and starts it detached: `go run` deletes its own, and a Ctrl-C reaches
// the whole process group.
func (a *app) startDaemon(ctx context.Context) (v daemon.VersionInfo, err error) {
	listen, err := a.listen()
	if err != nil {
		return v, err
	}
	bin, err := a.installBinary()
	if err != nil {
		return v, err
	}
	logPath := filepath.Join(a.home, "daemon.log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return v, err
	}
	defer log.Close()
	start, _ := log.Seek(0, io.SeekEnd)
	args := []string{"serve", "--listen", listen, "--home", a.home, "--log-format", "json"}
	if a.regionGiven {
		args = append(args, "--region", a.region)
	}
	cmd := exec.Command(bin, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = a.home, log, log
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return v, fmt.Errorf("start the daemon: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return a.awaitDaemon(ctx, ended, logPath, start)
}

func (a *app) awaitDaemon(ctx context.Context, ended <-chan error, logPath string, start int64) (v daemon.VersionInfo, err error) {
	limit := time.NewTimer(90 * time.Second) // the first start compiles the pause program
	defer limit.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if v, err = a.version(ctx); err == nil {
			return v, nil
		}
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-ended:
			return v, fmt.Errorf("the daemon ended at once:\n%s(all of it is in %s; `miniecs doctor` may know more)", tail(logPath, start), logPath)
		case <-limit.C:
			return v, fmt.Errorf("the daemon does not answer; its log is %s", logPath)
		case <-tick.C:
		}
	}
}

// listen is the address that the endpoint means.
func (a *app) listen() (string, error) {
	u, err := url.Parse(a.endpoint)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("endpoint %q is no URL like http://%s", a.endpoint, daemon.DefaultListen)
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = "80"
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// installBinary copies this executable to HOME/bin, under its version.
func (a *app) installBinary() (string, error) {
	dir := filepath.Join(a.home, "bin")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the state folder: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "miniecs-"+buildVersion()+filepath.Ext(self))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	old, _ := filepath.Glob(filepath.Join(dir, "miniecs-*"))
	for _, p := range old {
		_ = os.Remove(p) // a running one stays on Windows, and lives on without a name elsewhere
	}
	data, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, data, 0o700); err != nil {
		return "", err
	}
	return path, os.Rename(tmp, path)
}

// tail is what the log says from start on, at most its last lines.
func tail(path string, start int64) string {
	data, err := os.ReadFile(path)
	if err != nil || int64(len(data)) < start {
		return ""
	}
	lines := strings.SplitAfter(string(data[start:]), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "")
}
