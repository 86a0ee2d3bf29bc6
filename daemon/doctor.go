package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"miniecs/internal/guest"
	"miniecs/runtime/engine"
	"miniecs/runtime/engine/docker"
)

// Levels of a Check.
const (
	levelOK      = "ok"
	levelWarning = "warning"
	levelProblem = "problem"
)

// Doctor looks at what a daemon of this configuration would find, and says what to do about what is wrong. It changes
// nothing.
func Doctor(ctx context.Context, cfg Config) []Check {
	cfg = cfg.withDefaults()
	d := &doctor{cfg: cfg}
	d.home()
	d.door()
	d.engine(ctx)
	return d.checks
}

type doctor struct {
	cfg    Config
	checks []Check
}

func (d *doctor) say(name, level, remedy, format string, args ...any) {
	d.checks = append(d.checks, Check{Name: name, Level: level, Detail: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (d *doctor) home() {
	if err := os.MkdirAll(d.cfg.Home, 0o700); err != nil {
		d.say("home", levelProblem, "choose another folder with --home or MINIECS_HOME", "%v", err)
		return
	}
	probe := filepath.Join(d.cfg.Home, ".doctor")
	if err := os.WriteFile(probe, []byte("x"), 0o600); err != nil {
		d.say("home", levelProblem, "make it writable, or choose another folder with --home or MINIECS_HOME", "%v", err)
		return
	}
	_ = os.Remove(probe)
	d.say("home", levelOK, "", "%s is writable", d.cfg.Home)
}

// door looks who has the port.
func (d *doctor) door() {
	l, err := net.Listen("tcp", d.cfg.Listen)
	if err == nil {
		_ = l.Close()
		d.say("door", levelOK, "", "%s is free", d.cfg.Listen)
		return
	}
	v, verr := askVersion(d.cfg.Listen)
	if verr != nil {
		d.say("door", levelProblem, "end what listens there, or use another port: miniecs serve --listen 127.0.0.1:4567 and MINIECS_ENDPOINT",
			"%s is taken, and not by miniecs: %v", d.cfg.Listen, err)
		return
	}
	d.say("door", levelOK, "", "a daemon of miniecs answers at %s (process %d, home %s)", d.cfg.Listen, v.PID, v.Home)
}

func (d *doctor) engine(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	host, how, err := d.cfg.EngineHost, "--engine-host", error(nil)
	if host == "" {
		host, how, err = docker.Discover()
	}
	if err != nil {
		d.say("engine", levelProblem, "start Docker, or name its socket with DOCKER_HOST or `docker context use`", "%v", err)
		return
	}
	eng, err := docker.New(ctx, docker.Config{Host: host, Installation: "doctor", PauseBinary: pauseBinary})
	if err != nil {
		d.say("engine", levelProblem, "start Docker; on Linux be in the group docker or root; check DOCKER_HOST", "%s (%s): %v", host, how, err)
		return
	}
	defer eng.Close()
	info, err := eng.Info(ctx)
	if err != nil {
		d.say("engine", levelProblem, "start Docker; on Linux be in the group docker or root; check DOCKER_HOST", "%s (%s): %v", host, how, err)
		return
	}
	d.say("engine", levelOK, "", "Docker %s (API %s, %s/%s, %d CPUs, %d MiB) at %s, found by %s", info.Version, info.APIVersion,
		info.OS, info.Arch, info.CPUs, info.MemoryBytes>>20, host, how)
	d.limits(info)
	d.guests(ctx, info)
	if skew := time.Since(info.SystemTime); !info.SystemTime.IsZero() && (skew > 5*time.Second || skew < -5*time.Second) {
		d.say("clock", levelWarning, "restart Docker Desktop: its clock drifts while the laptop sleeps", "the engine's clock differs by %s", skew.Round(time.Second))
	}
	if used := os.Getenv("DOCKER_API_VERSION"); used != "" {
		d.say("API version", levelWarning, "unset DOCKER_API_VERSION", "DOCKER_API_VERSION=%s switches negotiation off", used)
	}
}

func (d *doctor) limits(info engine.Info) {
	if info.TaskLimits {
		d.say("task limits", levelOK, "", "a task's CPU and memory are enforced for the task as a whole (cgroup v%s)", info.CgroupVersion)
		return
	}
	d.say("task limits", levelWarning, "", "a task's CPU and memory are enforced for each of its containers only (cgroup v%s)", info.CgroupVersion)
}

// guests says where the small programs in containers come from.
func (d *doctor) guests(ctx context.Context, info engine.Info) {
	for _, name := range []string{"pause", "demo"} {
		b, err := guest.Binary(ctx, name, info.Arch)
		if err != nil {
			d.say(name, levelProblem, "run miniecs from its source with Go installed, or use a release build", "no %s program for linux/%s: %v", name, info.Arch, err)
			continue
		}
		d.say(name, levelOK, "", "the program for linux/%s is %s (%d KiB)", b.Arch, b.Source, len(b.Data)>>10)
	}
}

// askVersion asks a daemon who it is.
func askVersion(addr string) (v VersionInfo, err error) {
	c := http.Client{Timeout: 2 * time.Second}
	resp, err := c.Get("http://" + addr + "/_miniecs/version")
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		return v, err
	}
	if v.PID == 0 {
		return v, errors.New("something else answers")
	}
	return v, nil
}
