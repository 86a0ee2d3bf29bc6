package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"miniecs/daemon"
)

func (a *app) serveCommand() *cobra.Command {
	cfg := daemon.Config{}
	var engine, backoff, level, format string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the daemon in the foreground",
		Long: `Run the daemon in the foreground, until Ctrl-C. Containers go on running: the next daemon of the same home
adopts them. miniecs up starts one in the background by itself.`,
		Example: `  miniecs serve
  miniecs serve --time-scale 10 --crash-backoff off   # ECS's bare behaviour, ten times as fast
  miniecs serve --engine sim                          # no Docker: simulated tasks`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			lvl, err := zerolog.ParseLevel(level)
			if err != nil {
				return usageError{fmt.Errorf("--log-level %s is none of debug, info, warn, error", level)}
			}
			switch {
			case engine != "docker" && engine != "sim":
				return usageError{fmt.Errorf("--engine %s is neither docker nor sim", engine)}
			case backoff != "on" && backoff != "off":
				return usageError{fmt.Errorf("--crash-backoff %s is neither on nor off", backoff)}
			case cfg.PullPolicy != "missing" && cfg.PullPolicy != "always":
				return usageError{fmt.Errorf("--pull %s is neither missing nor always", cfg.PullPolicy)}
			}
			if engine == "sim" {
				cfg.Engine = daemon.Simulated()
				defer cfg.Engine.Close()
			}
			if cmd.Flags().Changed("spares") && cfg.Spares == 0 {
				cfg.Spares = -1
			}
			if a.regionGiven {
				cfg.Region = a.region
			}
			cfg.Home, cfg.NoCrashBackoff, cfg.LogLevel, cfg.Version = a.home, backoff == "off", lvl, buildVersion()
			cfg.Log = logWriter(cmd.ErrOrStderr(), format)
			return daemon.Run(cmd.Context(), cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Listen, "listen", daemon.DefaultListen, "address of the API")
	f.StringVar(&cfg.Account, "account", "", "account id, 12 digits (000000000000)")
	f.StringVar(&engine, "engine", cmp.Or(os.Getenv("MINIECS_ENGINE"), "docker"), "docker, or sim for simulated tasks ($MINIECS_ENGINE)")
	f.StringVar(&cfg.EngineHost, "engine-host", "", "where Docker listens; as the docker CLI finds it otherwise")
	f.StringVar(&cfg.Reach, "reach", "auto", "how the ALB gets to tasks: auto, direct, hatch")
	f.StringVar(&cfg.Subnet, "subnet", "", "range of the tasks' network; else the first free one, 172.31.0.0/16 first")
	f.IntVar(&cfg.Spares, "spares", 2, "task networks that stand ready")
	f.Float64Var(&cfg.TimeScale, "time-scale", 1, "how much faster intervals, delays and waits pass")
	f.StringVar(&backoff, "crash-backoff", "on", "on: a crash loop waits up to 60 s between tries; off: ECS's bare behaviour, no wait")
	f.StringVar(&cfg.PullPolicy, "pull", "missing", "missing: what is present is used; always")
	f.BoolVar(&cfg.StrictPorts, "strict-ports", false, "a listener's port that cannot be bound is an error, instead of moving")
	f.StringSliceVar(&cfg.ListenAddrs, "listen-addrs", nil, "addresses that the ALB's listeners bind (127.0.0.1,::1)")
	f.StringSliceVar(&cfg.AllowHosts, "allow-host", nil, "further names that requests may call this host by")
	f.BoolVar(&cfg.VerifySignatures, "verify-signatures", false, "check AWS signatures, with the secret \"miniecs\"")
	f.StringVar(&level, "log-level", "info", "debug, info, warn, error")
	f.StringVar(&format, "log-format", "auto", "console, json; auto: console on a terminal")
	return cmd
}

// logWriter is for people on a terminal, else JSON.
func logWriter(w io.Writer, format string) io.Writer {
	if format == "console" || format == "auto" && isTerminal(w) {
		return zerolog.ConsoleWriter{Out: w, TimeFormat: "15:04:05.000"}
	}
	return w
}

// buildVersion identifies this build: equal executables are equal versions, also under `go run`.
var buildVersion = sync.OnceValue(func() string {
	path, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "unknown"
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
})
