package sim

import (
	"strconv"
	"time"

	"miniecs/runtime/engine"
)

// Demo is the behaviour of images that nobody scripted: that of the demo application (internal/demo), as far as its
// environment variables and subcommands say, so that the examples do the same on `--engine sim`. One that says nothing of
// the kind listens on every port and runs until it is stopped.
func Demo(_ int, spec engine.Spec) Behaviour {
	env := environment(spec.Env)
	b := Behaviour{StopAfter: 50 * time.Millisecond}
	if port, err := strconv.Atoi(env["PORT"]); err == nil {
		b.Listen = []int{port}
	} else {
		b.Listen, b.ListenAny = []int{80}, true // it may not be the demo: whatever port is mapped
	}
	if env["LISTEN_ON"] != "" { // the task's localhost
		b.Listen, b.ListenAny = nil, false
	}
	b.ExitCode, _ = strconv.Atoi(env["EXIT_CODE"]) // 0 when it is not a number
	if len(spec.Command) > 0 {
		switch spec.Command[0] {
		case "write", "cat", "healthcheck", "wait-for":
			return Behaviour{ExitAfter: 20 * time.Millisecond}
		case "sleep":
			d, _ := time.ParseDuration(last(spec.Command))
			return Behaviour{ExitAfter: max(1, d)}
		case "job":
			d, _ := time.ParseDuration(env["RUN_FOR"])
			return Behaviour{ExitAfter: max(1, d), ExitCode: b.ExitCode, Log: []Line{{Text: "job started"}}}
		}
	}
	if d, err := time.ParseDuration(env["CRASH_AFTER"]); err == nil {
		b.ExitAfter = max(1, d)
		if b.ExitCode == 0 && env["EXIT_CODE"] == "" {
			b.ExitCode = 1
		}
	}
	b.NeverHealthy = truth(env["FAIL_HEALTH"])
	b.UnhealthyAfter, _ = time.ParseDuration(env["FAIL_HEALTH_AFTER"])
	b.ListenAfter, _ = time.ParseDuration(env["START_DELAY"])
	b.IgnoreSIGTERM = truth(env["IGNORE_SIGTERM"])
	b.Log = []Line{{Text: "simulated: no program runs here"}}
	return b
}

func last(words []string) string { return words[len(words)-1] }

func truth(s string) bool {
	v, err := strconv.ParseBool(s)
	return err == nil && v
}
