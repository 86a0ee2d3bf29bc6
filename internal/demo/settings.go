package demo

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// settings are what the environment asks for.
type settings struct {
	name, version string        // NAME, VERSION: told at /
	listenOn      string        // LISTEN_ON: an address; all without it
	port          int           // PORT, 80
	startDelay    time.Duration // START_DELAY: before it listens
	slow          time.Duration // SLOW: every answer but that of /health takes so long
	logRequests   bool          // LOG_REQUESTS: a line each

	crash      bool          // CRASH_AFTER is set
	crashAfter time.Duration // CRASH_AFTER: "0s" is before it listens
	exitCode   *int          // EXIT_CODE: of a crash (1 without it) and of a job (0)

	failHealth    bool          // FAIL_HEALTH: /health answers 503
	failAfter     time.Duration // FAIL_HEALTH_AFTER: so long after the start; 0 never
	ignoreSIGTERM bool          // IGNORE_SIGTERM: only SIGKILL ends it
	allocateMB    int           // ALLOCATE_MB: takes that much memory at the start
	requireEnv    []string      // REQUIRE_ENV: names of variables without which it does not start
	upstream      string        // UPSTREAM: the URL that /upstream asks
	showFile      string        // SHOW_FILE: the file that /file shows
	runFor        time.Duration // RUN_FOR: how long a job takes, 1s
}

// crashCode is the exit code of a crash.
func (set settings) crashCode() int {
	if set.exitCode != nil {
		return *set.exitCode
	}
	return 1
}

// jobCode is the exit code of a job.
func (set settings) jobCode() int {
	if set.exitCode != nil {
		return *set.exitCode
	}
	return 0
}

// readSettings reads the environment; a value that makes no sense is an error, as nobody would see a default.
func readSettings(getenv func(string) string) (settings, error) {
	r := reader{getenv: getenv}
	set := settings{
		name:          cmp.Or(getenv("NAME"), "demo"),
		version:       cmp.Or(getenv("VERSION"), "1"),
		listenOn:      getenv("LISTEN_ON"),
		port:          r.number("PORT", 80),
		startDelay:    r.duration("START_DELAY", 0),
		slow:          r.duration("SLOW", 0),
		logRequests:   r.truth("LOG_REQUESTS"),
		crash:         getenv("CRASH_AFTER") != "",
		crashAfter:    r.duration("CRASH_AFTER", 0),
		failHealth:    r.truth("FAIL_HEALTH"),
		failAfter:     r.duration("FAIL_HEALTH_AFTER", 0),
		ignoreSIGTERM: r.truth("IGNORE_SIGTERM"),
		allocateMB:    r.number("ALLOCATE_MB", 0),
		requireEnv:    strings.FieldsFunc(getenv("REQUIRE_ENV"), func(c rune) bool { return c == ',' || c == ' ' }),
		upstream:      getenv("UPSTREAM"),
		showFile:      getenv("SHOW_FILE"),
		runFor:        r.duration("RUN_FOR", time.Second),
	}
	if getenv("EXIT_CODE") != "" {
		code := r.number("EXIT_CODE", 0)
		set.exitCode = &code
	}
	return set, r.err
}

// reader reads values and keeps the first error.
type reader struct {
	getenv func(string) string
	err    error
}

func (r *reader) fail(name, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s=%q: not %s", name, r.getenv(name), want)
	}
}

func (r *reader) number(name string, otherwise int) int {
	v := r.getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		r.fail(name, "a number")
	}
	return n
}

// duration reads "1.5s", or a bare number of seconds.
func (r *reader) duration(name string, otherwise time.Duration) time.Duration {
	v := r.getenv(name)
	if v == "" {
		return otherwise
	}
	d, err := parseDuration(v)
	if err != nil {
		r.fail(name, `a duration such as "1.5s"`)
	}
	return d
}

func parseDuration(v string) (time.Duration, error) {
	if _, err := strconv.ParseFloat(v, 64); err == nil {
		v += "s"
	}
	d, err := time.ParseDuration(v)
	if err == nil && d < 0 {
		err = fmt.Errorf("negative duration %q", v)
	}
	return d, err
}

func (r *reader) truth(name string) bool {
	v := r.getenv(name)
	if v == "" {
		return false
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		r.fail(name, "1 or 0")
	}
	return b
}
