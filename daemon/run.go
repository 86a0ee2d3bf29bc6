package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"miniecs/awsapi/autoscaling"
	"miniecs/awsapi/ec2"
	"miniecs/awsapi/ecs"
	"miniecs/awsapi/elbv2"
	"miniecs/awsapi/sts"
	"miniecs/awsapi/wire"
	"miniecs/cloud/account"
	"miniecs/internal/feed"
	"miniecs/internal/guest"
	"miniecs/proxy"
	"miniecs/runtime"
	"miniecs/runtime/engine"
	"miniecs/runtime/engine/docker"
	"miniecs/store"
)

// DefaultListen is the door: the port that local AWS tools already use.
const DefaultListen = "127.0.0.1:4566"

// Run is the whole product in one call: it serves until ctx ends or the daemon is told to quit. Containers go on
// running; the next Run on the same home adopts them. A second Run on a home is refused with store.ErrLocked.
func Run(ctx context.Context, cfg Config) error {
	d := &daemon{cfg: cfg.withDefaults()}
	ctx = d.logger().WithContext(ctx)
	if err := os.MkdirAll(d.cfg.Home, 0o700); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	st, err := store.OpenBolt(filepath.Join(d.cfg.Home, "state.db"), time.Second)
	if err != nil {
		return err
	}
	d.store = st
	// Closing comes last, in the reverse of opening.
	return errors.Join(d.run(ctx), st.Close())
}

// daemon is one Run: what is wired together.
type daemon struct {
	cfg      Config
	log      zerolog.Logger
	store    store.Store
	settings settings
	secrets  *secrets
	feed     *feed.Feed
	account  account.Account
	eng      engine.Whole
	engine   string // what it is, for people
	proxy    *proxy.Proxy
	runtime  *runtime.Runtime
}

func (c Config) withDefaults() Config {
	c.Home = cmp.Or(c.Home, DefaultHome())
	c.Listen = cmp.Or(c.Listen, DefaultListen)
	c.Version = cmp.Or(c.Version, "dev")
	c.PullPolicy = cmp.Or(c.PullPolicy, "missing")
	switch {
	case c.Spares == 0:
		c.Spares = 2
	case c.Spares < 0:
		c.Spares = 0
	}
	if c.TimeScale == 0 {
		c.TimeScale = 1
	}
	return c
}

func (d *daemon) logger() zerolog.Logger {
	out := d.cfg.Log
	if out == nil {
		out = io.Discard
	}
	d.log = zerolog.New(out).Level(d.cfg.LogLevel).With().Timestamp().Logger()
	return d.log
}

func (d *daemon) run(ctx context.Context) (err error) {
	if d.settings, err = loadSettings(ctx, d.store, d.cfg); err != nil {
		return err
	}
	if d.secrets, err = loadSecrets(ctx, d.store); err != nil {
		return err
	}
	d.feed = feed.New(2000)
	listener, err := net.Listen("tcp", d.cfg.Listen)
	if err != nil {
		return fmt.Errorf("open the door at %s: %w", d.cfg.Listen, err)
	}
	defer listener.Close()
	err = d.open(ctx)
	if d.eng != nil && d.cfg.Engine == nil {
		defer d.eng.Close()
	}
	if err != nil {
		return err
	}
	return d.serve(ctx, listener)
}

// open makes the parts; nothing moves yet.
func (d *daemon) open(ctx context.Context) (err error) {
	if err := d.openEngine(ctx); err != nil {
		return err
	}
	network, err := d.eng.Network(ctx)
	if err != nil {
		return fmt.Errorf("make the network of the VPC: %w", err)
	}
	if d.account, err = newAccount(d.settings, network); err != nil {
		return err
	}
	d.proxy, err = proxy.New(ctx, d.proxyConfig())
	if err != nil {
		return fmt.Errorf("open the load balancers: %w", err)
	}
	cfg := runtime.Config{
		Account: d.settings.Account, Region: d.settings.Region, Engine: d.eng, Store: d.store,
		Targets: newTargets(d.proxy), Feed: d.feed, Secrets: d.secrets.value, LogDir: filepath.Join(d.cfg.Home, "logs"),
		PullAlways: d.cfg.PullPolicy == "always", NoCrashBackoff: d.cfg.NoCrashBackoff, TimeScale: d.cfg.TimeScale, Spares: d.cfg.Spares,
	}
	for _, s := range d.account.VPC.Subnets {
		cfg.Subnets = append(cfg.Subnets, runtime.Subnet{ID: s.ID, Zone: s.Zone.Name})
	}
	d.runtime, err = runtime.New(ctx, cfg)
	return err
}

// openEngine connects to Docker, unless the configuration brings an engine along.
func (d *daemon) openEngine(ctx context.Context) error {
	if d.cfg.Engine != nil {
		d.eng, d.engine = d.cfg.Engine, "simulated"
		return nil
	}
	eng, err := docker.New(ctx, docker.Config{
		Host: d.cfg.EngineHost, Installation: d.settings.Installation, Home: d.cfg.Home, Subnet: d.cfg.Subnet, Reach: d.cfg.Reach,
		PauseBinary: pauseBinary,
	})
	if err != nil {
		return err
	}
	info, err := eng.Info(ctx)
	if err != nil {
		return errors.Join(err, eng.Close())
	}
	d.eng = eng
	d.engine = fmt.Sprintf("docker %s (API %s) at %s", info.Version, info.APIVersion, eng.Host())
	d.log.Info().Str("engine", d.engine).Int("cpus", info.CPUs).Bool("task_limits", info.TaskLimits).Msg("engine found")
	return nil
}

func pauseBinary(ctx context.Context, arch string) ([]byte, error) {
	b, err := guest.Binary(ctx, "pause", arch)
	return b.Data, err
}

// serve runs the parts until one fails, ctx ends or somebody asks to quit; then all end, the door first. Who quits is
// answered when the parts have ended and nothing of theirs is left in the engine, so there the door goes last.
func (d *daemon) serve(ctx context.Context, listener net.Listener) error {
	info, err := d.eng.Info(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	parts, stopParts := context.WithCancel(ctx)
	defer stopParts()
	door, closeDoor := context.WithCancel(ctx)
	defer closeDoor()
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{d.proxy.Run, d.runtime.Run} {
		running.Add(1)
		g.Go(func() error { defer running.Done(); return run(parts) })
	}
	stop := func(ctx context.Context, remove bool) error {
		stopParts()
		running.Wait()
		if !remove {
			return nil
		}
		return d.eng.RemoveAll(ctx)
	}
	server := &http.Server{Handler: d.handler(door, info, stop, closeDoor), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return d.log.WithContext(context.WithoutCancel(ctx)) }}
	g.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the API: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-door.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			return server.Close()
		}
		return nil
	})
	d.log.Info().Str("listen", listener.Addr().String()).Str("home", d.cfg.Home).Str("version", d.cfg.Version).Msg("miniecs is ready")
	if d.cfg.Ready != nil {
		d.cfg.Ready(listener.Addr().String())
	}
	return g.Wait()
}

// handler is the door: the AWS protocols, and what they have no operation for under /_miniecs/.
func (d *daemon) handler(closing context.Context, info engine.Info, stop func(context.Context, bool) error, closeDoor func()) http.Handler {
	c := &control{run: d.runtime, eng: d.eng, feed: d.feed, secrets: d.secrets, stopParts: stop, closeDoor: closeDoor, closing: closing,
		info: VersionInfo{Version: d.cfg.Version, Home: d.cfg.Home, PID: os.Getpid(), Account: d.settings.Account,
			Region: d.settings.Region, Installation: d.settings.Installation, Engine: d.engine, Arch: info.Arch, StartedAt: time.Now()}}
	opts := wire.Options{Logger: d.log}
	if d.cfg.VerifySignatures {
		opts.Secret = func(string) (string, bool) { return "miniecs", true }
	}
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[info.Arch]
	aws := wire.New([]wire.Service{
		ecs.Service(d.runtime, ecs.Config{Account: d.settings.Account, Region: d.settings.Region,
			Caller: fmt.Sprintf("arn:aws:iam::%s:root", d.settings.Account), CPUArchitecture: arch}),
		elbv2.Service(d.proxy, d.account),
		sts.Service(d.account),
		ec2.Service(d.account),
		autoscaling.Service(),
	}, opts)
	own := c.handler()
	return wire.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_miniecs/") {
			own.ServeHTTP(w, r)
			return
		}
		aws.ServeHTTP(w, r)
	}), d.cfg.AllowHosts)
}
