package demo

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// The test binary is the demo itself when it is asked to be: so that signals and exit codes are the real ones.
func TestMain(m *testing.M) {
	if os.Getenv("BE_THE_DEMO") == "1" {
		os.Exit(Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func demo(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), "BE_THE_DEMO=1", "GORACE=atexit_sleep_ms=0"), env...)
	return cmd
}

func from(env map[string]string) func(string) string {
	return func(k string) string { return env[k] }
}

func settingsOf(t *testing.T, env map[string]string) settings {
	t.Helper()
	set, err := readSettings(from(env))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestSettings_RefuseNonsense(t *testing.T) {
	tests := []struct{ key, value, want string }{
		{"PORT", "http", `PORT="http": not a number`},
		{"PORT", "-1", `PORT="-1": not a number`},
		{"CRASH_AFTER", "soon", `CRASH_AFTER="soon": not a duration such as "1.5s"`},
		{"SLOW", "-1s", `SLOW="-1s": not a duration such as "1.5s"`},
		{"FAIL_HEALTH", "maybe", `FAIL_HEALTH="maybe": not 1 or 0`},
		{"EXIT_CODE", "one", `EXIT_CODE="one": not a number`},
	}
	for _, tt := range tests {
		_, err := readSettings(from(map[string]string{tt.key: tt.value}))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s=%s: got %v, want %s", tt.key, tt.value, err, tt.want)
		}
	}
	set := settingsOf(t, map[string]string{"START_DELAY": "2", "SLOW": "150ms", "REQUIRE_ENV": "A, B"})
	if set.port != 80 || set.startDelay != 2*time.Second || set.slow != 150*time.Millisecond || len(set.requireEnv) != 2 {
		t.Errorf("settings: %+v", set)
	}
}

func TestServer_Answers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "greeting")
	if err := os.WriteFile(file, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	web := map[string]string{"NAME": "web", "VERSION": "2", "SHOW_FILE": file, "DB_PASSWORD": "hunter2"}
	tests := []struct {
		name, path string
		env        map[string]string
		status     int
		want       string
	}{
		{"who answers", "/", web, 200, "name=web version=2 hostname=" + host + "\n"},
		{"defaults", "/", nil, 200, "name=demo version=1 hostname=" + host + "\n"},
		{"JSON", "/?format=json", web, 200, fmt.Sprintf(`{"hostname":%q,"name":"web","version":"2"}`+"\n", host)},
		{"healthy", "/health", nil, 200, "ok\n"},
		{"unhealthy", "/health", map[string]string{"FAIL_HEALTH": "1"}, 503, "unhealthy\n"},
		{"the request", "/headers?a=b", nil, 200, "GET /headers?a=b HTTP/1.1\nHost: example.com\nX-Forwarded-For: 10.0.0.1\n"},
		{"a file", "/file", web, 200, "hello\n"},
		{"no file", "/file", nil, 404, "SHOW_FILE is not set\n"},
		{"no upstream", "/upstream", nil, 404, "UPSTREAM is not set\n"},
		{"slow", "/slow?ms=1", web, 200, "name=web version=2 hostname=" + host + " took=1ms\n"},
		{"bad number", "/slow?ms=x", nil, 400, "ms is not a number\n"},
		{"never the environment", "/env", web, 404, "404 page not found\n"},
		{"a stream", "/stream?n=1", web, 200, "id: 1\ndata: name=web version=2 hostname=" + host + "\n\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, tt.path, nil)
			r.Header.Set("X-Forwarded-For", "10.0.0.1")
			newApp(settingsOf(t, tt.env), io.Discard).ServeHTTP(rec, r)
			if rec.Code != tt.status || rec.Body.String() != tt.want {
				t.Errorf("%s: got %d %q, want %d %q", tt.path, rec.Code, rec.Body, tt.status, tt.want)
			}
		})
	}
}

func TestServer_HealthChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(settingsOf(t, map[string]string{"FAIL_HEALTH_AFTER": "1m", "SLOW": "3s"}), io.Discard)
		get := func(path string) int {
			rec := httptest.NewRecorder()
			a.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
			return rec.Code
		}
		check := func(when string, want int) {
			t.Helper()
			if got := get("/health"); got != want {
				t.Errorf("%s: %d, want %d", when, got, want)
			}
		}
		begin := time.Now()
		check("at first", 200)
		if d := time.Since(begin); d != 0 {
			t.Errorf("a health check took %s", d)
		}
		get("/fail-health")
		if d := time.Since(begin); d != 3*time.Second {
			t.Errorf("a request took %s, want SLOW", d)
		}
		check("after /fail-health", 503)
		get("/fail-health")
		check("after /fail-health again", 200)
		time.Sleep(time.Minute)
		check("after FAIL_HEALTH_AFTER", 503)
	})
}

// listening starts the demo and gives the URL that it says it listens on.
func listening(t *testing.T, env ...string) (cmd *exec.Cmd, url string, rest *bufio.Scanner) {
	t.Helper()
	cmd = demo(t, append([]string{"PORT=0", "LISTEN_ON=127.0.0.1"}, env...))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	rest = bufio.NewScanner(out)
	for rest.Scan() {
		if _, addr, ok := strings.Cut(rest.Text(), "listens on "); ok {
			return cmd, "http://" + addr, rest
		}
	}
	t.Fatalf("it ended without listening: %v", cmd.Wait())
	return nil, "", nil
}

func exitCode(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	err := cmd.Wait()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

func TestMain_FinishesRequestsAtSIGTERM(t *testing.T) {
	cmd, url, out := listening(t, "LOG_REQUESTS=1")
	stream, err := http.Get(url + "/stream") // it has no end but the program's
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	type result struct {
		body string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		resp, err := http.Get(url + "/slow?ms=700")
		if err != nil {
			got <- result{err: err}
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		got <- result{string(b), err}
	}()
	for out.Scan() && !strings.HasPrefix(out.Text(), "GET /slow") { // until it is being answered
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if r := <-got; r.err != nil || !strings.Contains(r.body, "took=700ms") {
		t.Errorf("request in flight: %q, %v", r.body, r.err)
	}
	var lines []string
	for out.Scan() {
		lines = append(lines, out.Text())
	}
	if code := exitCode(t, cmd); code != 0 {
		t.Errorf("exit code %d, want 0; %q", code, lines)
	}
}

func TestMain_CrashesOnRequest(t *testing.T) {
	cmd, url, out := listening(t, "EXIT_CODE=3")
	if resp, err := http.Get(url + "/crash"); err == nil {
		resp.Body.Close()
		t.Error("/crash answered")
	}
	for out.Scan() {
	}
	if code := exitCode(t, cmd); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
}

func TestMain_ExitCodes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "sub", "f")
	ok := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer ok.Close()
	bad := httptest.NewServer(http.NotFoundHandler())
	defer bad.Close()
	tests := []struct {
		name string
		env  []string
		args []string
		code int
		out  string
	}{
		{"crashes at once", []string{"CRASH_AFTER=0s", "PORT=0"}, nil, 1, "exit code 1"},
		{"crashes after a while", []string{"CRASH_AFTER=50ms", "EXIT_CODE=42", "PORT=0"}, nil, 42, "listens on"},
		{"crashes before it listens", []string{"CRASH_AFTER=20ms", "START_DELAY=1h"}, nil, 1, "exit code 1"},
		{"misses a variable", []string{"REQUIRE_ENV=DB_PASSWORD_X"}, nil, 1, "DB_PASSWORD_X is missing"},
		{"bad setting", []string{"PORT=x"}, nil, 2, `PORT="x"`},
		{"job", []string{"RUN_FOR=10ms"}, []string{"job"}, 0, "step 4 of 4"},
		{"failing job", []string{"RUN_FOR=0", "EXIT_CODE=3"}, []string{"job"}, 3, "done, exit code 3"},
		{"healthy", nil, []string{"healthcheck", ok.URL}, 0, "200 OK"},
		{"unhealthy", nil, []string{"healthcheck", bad.URL}, 1, "404 Not Found"},
		{"waits", nil, []string{"wait-for", ok.URL}, 0, "200 OK after"},
		{"waits in vain", nil, []string{"wait-for", bad.URL, "200ms"}, 1, "no answer within 200ms"},
		{"writes", nil, []string{"write", file, "hello", "there"}, 0, "wrote"},
		{"reads", nil, []string{"cat", file}, 0, "hello there\n"},
		{"reads nothing", nil, []string{"cat", dir + "/none"}, 1, "no such file"},
		{"sleeps", nil, []string{"sleep", "0.01"}, 0, ""},
		{"in another binary", []string{"RUN_FOR=0"}, []string{"__demo", "job"}, 0, "step 4 of 4"},
		{"unknown command", nil, []string{"dance"}, 2, "demo wait-for"},
		{"help", nil, []string{"help"}, 0, "demo wait-for"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			cmd := demo(t, tt.env, tt.args...)
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if code := exitCode(t, cmd); code != tt.code || !strings.Contains(out.String(), tt.out) {
				t.Errorf("%v %v: exit code %d, output %q; want %d, %q", tt.env, tt.args, code, &out, tt.code, tt.out)
			}
		})
	}
}

func TestMain_IgnoresSIGTERM(t *testing.T) {
	cmd, url, _ := listening(t, "IGNORE_SIGTERM=1")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(url + "/slow?ms=200")
	if err != nil {
		t.Fatalf("after SIGTERM: %v", err)
	}
	resp.Body.Close()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, cmd); code != -1 {
		t.Errorf("exit code %d, want that of a kill", code)
	}
}

func TestCalled(t *testing.T) {
	for _, tt := range []struct {
		args string
		want bool
	}{{"/demo", true}, {"/demo healthcheck", true}, {"miniecs __demo job", true}, {"miniecs up demo", false}, {"/usr/bin/demo", false}} {
		if got := Called(strings.Fields(tt.args)); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.args, got, tt.want)
		}
	}
}
