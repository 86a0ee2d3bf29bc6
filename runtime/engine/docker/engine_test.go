package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"miniecs/internal/testkit"
	"miniecs/runtime/engine"
)

func TestMain(m *testing.M) {
	code := m.Run()
	testkit.Report()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// open connects to the real engine as an installation of the test's own, which is removed with the test.
func open(t testing.TB, cfg Config) *Docker {
	t.Helper()
	cfg.Host = testkit.Engine(t)
	if cfg.Installation == "" {
		cfg.Installation = testkit.Installation(t)
	}
	cfg.PauseBinary = func(context.Context, string) ([]byte, error) { return testkit.Binary(t, "cmd/pause"), nil }
	ctx := limited(t)
	d, err := New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := d.RemoveAll(ctx); err != nil {
			t.Errorf("clean up: %v", err)
		}
		d.Close()
	})
	return d
}

// again connects once more as the same installation, as a daemon does that was started again.
func again(t testing.TB, d *Docker, cfg Config) *Docker {
	t.Helper()
	cfg.Installation, cfg.Host, cfg.PauseBinary = d.cfg.Installation, d.cfg.Host, d.cfg.PauseBinary
	next, err := New(limited(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { next.Close() })
	return next
}

func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// guest imports the test program.
func guest(t testing.TB, d *Docker) string {
	t.Helper()
	rootfs := testkit.Rootfs(t, "/guest", testkit.Binary(t, "runtime/engine/docker/testdata/guest"))
	ref := "miniecs/guest-" + d.slug() + ":1"
	if _, err := d.Import(limited(t), ref, rootfs, engine.ImportOptions{EntryPoint: []string{"/guest"}}); err != nil {
		t.Fatal(err)
	}
	return ref
}

// run creates and starts a container.
func run(t testing.TB, d *Docker, s engine.Spec) engine.ContainerID {
	t.Helper()
	id := create(t, d, s)
	if err := d.Start(limited(t), id); err != nil {
		t.Fatalf("start %s: %v", s.Name, err)
	}
	return id
}

func create(t testing.TB, d *Docker, s engine.Spec) engine.ContainerID {
	t.Helper()
	id, err := d.Create(limited(t), s)
	if err != nil {
		t.Fatalf("create %s: %v", s.Name, err)
	}
	return id
}

// ended waits for the end of a container.
func ended(t testing.TB, d *Docker, id engine.ContainerID) engine.Status {
	t.Helper()
	for range d.Logs(limited(t), id, engine.LogOptions{Follow: true}) { // ends with the container
	}
	var s engine.Status
	within(t, 10*time.Second, "the container has ended", func() (ok bool) {
		var err error
		s, err = d.Inspect(limited(t), id)
		return err == nil && s.State == engine.StateExited
	})
	return s
}

// within asks a real engine again and again: it has no clock of ours.
func within(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); !ok(); <-tick.C {
		if time.Since(begin) > limit {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

func output(t testing.TB, d *Docker, id engine.ContainerID, opts engine.LogOptions) []engine.LogLine {
	t.Helper()
	var all []engine.LogLine
	for l, err := range d.Logs(limited(t), id, opts) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// ask gets / over a connection.
func ask(conn net.Conn) (string, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}}
	resp, err := client.Get("http://task/")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func dial(t testing.TB, d *Docker, a netip.Addr, port uint16) (string, error) {
	t.Helper()
	conn, err := d.Dial(limited(t), netip.AddrPortFrom(a, port))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return ask(conn)
}

func TestEngine_ContainerLife(t *testing.T) {
	d := open(t, Config{})
	ctx, image := limited(t), guest(t, d)
	owner := engine.Owner{Cluster: "default", Service: "web", Task: "0123456789abcdef0123456789abcdef", TaskARN: "arn:x", Family: "f", Revision: 3, Container: "c"}
	events := make(chan engine.Event, 100)
	stop := watch(t, d, events)
	defer stop()
	if e := <-events; e.Kind != engine.EventReady {
		t.Fatalf("first event: got %s, want ready", e.Kind)
	}
	s := engine.Spec{Name: d.slug() + "-a", Owner: owner, Image: image, Command: []string{"exit", "7"}, Network: engine.NetworkNone, Labels: map[string]string{"user": "label", labelInstallation: "forged"}}
	id := create(t, d, s)
	if _, err := d.Create(ctx, s); !errors.Is(err, engine.ErrExists) {
		t.Errorf("create again: got %v, want ErrExists", err)
	}
	if st, err := d.Inspect(ctx, engine.ContainerID(s.Name)); err != nil || st.ID != id || st.State != engine.StateCreated || st.Owner != owner {
		t.Errorf("created: got %+v, %v", st, err)
	}
	if err := d.Start(ctx, id); err != nil {
		t.Fatal(err)
	}
	for _, want := range []engine.EventKind{engine.EventStart, engine.EventDie} {
		e := <-events
		if e.Kind != want || e.Container != id || e.Owner != owner || e.Namespace != "" || want == engine.EventDie && e.ExitCode != 7 {
			t.Errorf("event: got %+v, want %s", e, want)
		}
	}
	st, err := d.Inspect(ctx, id)
	if err != nil || st.State != engine.StateExited || st.ExitCode != 7 || st.FinishedAt.IsZero() || st.StartedAt.IsZero() || st.Image != image {
		t.Errorf("after exit: got %+v, %v", st, err)
	}
	if err := d.Stop(ctx, id, time.Second); err != nil {
		t.Errorf("stop of an ended one: %v", err)
	}
	list, err := d.List(ctx)
	if err != nil || len(list) != 1 || list[0].ID != id || list[0].Owner != owner || list[0].State != engine.StateExited {
		t.Errorf("list: got %+v, %v", list, err)
	}
	for range 2 {
		if err := d.Remove(ctx, id); err != nil {
			t.Errorf("remove: %v", err)
		}
	}
	if e := <-events; e.Kind != engine.EventDestroy {
		t.Errorf("event: got %+v, want destroy", e)
	}
	if _, err := d.Inspect(ctx, id); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("inspect a removed one: got %v, want ErrNotFound", err)
	}
}

// watch forwards events until stop is called.
func watch(t testing.TB, d *Docker, to chan<- engine.Event) (stop func()) {
	ctx, cancel := context.WithCancel(limited(t))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e, err := range d.Events(ctx) {
			if err != nil {
				t.Errorf("events: %v", err)
				return
			}
			to <- e
		}
	}()
	return func() { cancel(); <-done }
}

func TestEngine_Failures(t *testing.T) {
	d := open(t, Config{})
	ctx, image := limited(t), guest(t, d)
	if _, err := d.Create(ctx, engine.Spec{Name: d.slug() + "-x", Image: "miniecs/none:1"}); !errors.Is(err, engine.ErrNotFound) || !strings.Contains(err.Error(), "No such image: miniecs/none:1") {
		t.Errorf("create without image: got %v", err)
	}
	if _, err := d.Image(ctx, "miniecs/none:1"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("image: got %v", err)
	}
	bad := create(t, d, engine.Spec{Name: d.slug() + "-bad", Image: image, EntryPoint: []string{"/nope"}, Network: engine.NetworkNone})
	if err := d.Start(ctx, bad); err == nil || !strings.Contains(err.Error(), "/nope") {
		t.Errorf("start of a missing program: got %v", err)
	}
	if s, err := d.Inspect(ctx, bad); err != nil || s.State != engine.StateCreated || s.Error == "" || !s.FinishedAt.IsZero() || s.ExitCode != 0 {
		t.Errorf("after a failed start: got %+v, %v", s, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := create(t, d, engine.Spec{
		Name: d.slug() + "-port", Image: image, Command: []string{"sleep"}, Network: engine.NetworkBridge,
		Ports: []engine.PortBinding{{ContainerPort: 80, HostPort: l.Addr().(*net.TCPAddr).Port}},
	})
	if err := d.Start(ctx, taken); !errors.Is(err, engine.ErrPortTaken) {
		t.Errorf("start on a taken port: got %v, want ErrPortTaken", err)
	}
	orphan := create(t, d, engine.Spec{Name: d.slug() + "-orphan", Image: image, Network: engine.NetworkAwsvpc, Namespace: string(bad), Command: []string{"sleep"}})
	if err := d.Start(ctx, orphan); !errors.Is(err, engine.ErrGone) {
		t.Errorf("join a namespace that does not run: got %v, want ErrGone", err)
	}
	if _, err := d.Pull(ctx, "Upper/Case", engine.PullOptions{}); err == nil || !strings.Contains(err.Error(), "must be lowercase") {
		t.Errorf("pull of a bad name: got %v", err)
	}
}

func TestEngine_Unavailable(t *testing.T) {
	_, err := New(limited(t), Config{Host: "unix:///nonexistent/docker.sock", Installation: "x"})
	if !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if _, ok := errors.AsType[*engine.TemporaryError](err); !ok {
		t.Errorf("%v is not temporary", err)
	}
}

func TestEngine_BridgePorts(t *testing.T) {
	d := open(t, Config{})
	id := run(t, d, engine.Spec{
		Name: d.slug() + "-b", Image: guest(t, d), Command: []string{"serve", ":80"}, Hostname: "bridged",
		Network: engine.NetworkBridge, Ports: []engine.PortBinding{{ContainerPort: 80}},
	})
	s, err := d.Inspect(limited(t), id)
	if err != nil || len(s.Ports) != 1 || s.Ports[0].HostIP != "127.0.0.1" || s.Ports[0].HostPort == 0 || !s.Addresses["bridge"].IsValid() {
		t.Fatalf("got %+v, %v", s, err)
	}
	within(t, 5*time.Second, "the published port answers", func() bool {
		conn, err := d.DialHost(limited(t), s.Ports[0].HostPort)
		if err != nil {
			return false
		}
		defer conn.Close()
		text, err := ask(conn)
		return err == nil && text == "bridged"
	})
	if err := d.Stop(limited(t), id, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := d.DialHost(limited(t), s.Ports[0].HostPort); !errors.Is(err, engine.ErrRefused) {
		t.Errorf("dial after the stop: got %v, want ErrRefused", err)
	}
}

func TestEngine_Logs(t *testing.T) {
	d := open(t, Config{})
	image := guest(t, d)
	long := strings.Repeat("x", 40<<10)
	for _, tty := range []bool{false, true} {
		id := run(t, d, engine.Spec{Name: fmt.Sprintf("%s-log-%t", d.slug(), tty), Image: image, Command: []string{"lines"}, Network: engine.NetworkNone, TTY: tty})
		ended(t, d, id)
		got := map[string]string{}
		lines := output(t, d, id, engine.LogOptions{})
		for _, l := range lines {
			if l.Time.IsZero() {
				t.Errorf("tty %t: a line without a time: %.40q", tty, l.Text)
			}
			got[l.Text] = l.Stream
		}
		stderr := "stderr"
		if tty {
			stderr = "stdout"
		}
		want := map[string]string{"first": "stdout", long: "stdout", "to stderr": stderr, "no newline": "stdout"}
		for text, stream := range want {
			if got[text] != stream {
				t.Errorf("tty %t: line %.20q: got stream %q, want %q", tty, text, got[text], stream)
			}
		}
		if len(got) != len(want) {
			t.Errorf("tty %t: got %d lines, want %d", tty, len(got), len(want))
		}
		if tail := output(t, d, id, engine.LogOptions{Tail: 1}); len(tail) != 1 {
			t.Errorf("tty %t: tail 1: got %d lines", tty, len(tail))
		}
		last := lines[len(lines)-1]
		if since := output(t, d, id, engine.LogOptions{Since: last.Time}); len(since) == 0 || since[len(since)-1].Text != last.Text {
			t.Errorf("tty %t: since is not inclusive: got %d lines", tty, len(since))
		}
	}
}

func TestEngine_VolumesAndImages(t *testing.T) {
	d := open(t, Config{})
	ctx, stranger := limited(t), open(t, Config{})
	name := d.slug() + "-v"
	v := engine.Volume{Name: name, Task: "t1", Labels: map[string]string{"a": "b"}}
	for range 2 {
		if err := d.CreateVolume(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	list, err := d.ListVolumes(ctx)
	if err != nil || len(list) != 1 || list[0].Name != name || list[0].Task != "t1" || list[0].Labels["a"] != "b" {
		t.Errorf("volumes: got %+v, %v", list, err)
	}
	if err := stranger.RemoveVolume(ctx, name); err != nil {
		t.Error(err)
	}
	if list, _ := d.ListVolumes(ctx); len(list) != 1 {
		t.Error("another installation removed our volume")
	}
	image := guest(t, d)
	if err := stranger.RemoveImage(ctx, image); err != nil {
		t.Error(err)
	}
	built := "miniecs/built-" + d.slug() + ":1"
	var lines []string
	dockerfile := "FROM " + image + "\nENV A=1\n"
	if _, err := d.Build(ctx, built, testkit.Rootfs(t, "Dockerfile", []byte(dockerfile)), func(l string) { lines = append(lines, l) }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(lines, "\n"), "ENV A=1") {
		t.Errorf("build said %q", lines)
	}
	if _, err := d.Build(ctx, built, testkit.Rootfs(t, "Dockerfile", []byte("FROM "+image+"\nNOPE\n")), nil); err == nil || !strings.Contains(err.Error(), "NOPE") {
		t.Errorf("a broken build: got %v", err)
	}
	if refs, err := d.ListImages(ctx); err != nil || len(refs) != 2 {
		t.Errorf("images: got %q, %v", refs, err)
	}
	for range 2 {
		if err := d.RemoveImage(ctx, built); err != nil {
			t.Error(err)
		}
	}
	if err := stranger.RemoveAll(ctx); err != nil {
		t.Error(err)
	}
	if _, err := d.Image(ctx, image); err != nil {
		t.Errorf("another installation's RemoveAll took our image: %v", err)
	}
	if err := d.RemoveAll(ctx); err != nil {
		t.Error(err)
	}
	if refs, _ := d.ListImages(ctx); len(refs) != 0 {
		t.Errorf("left after RemoveAll: %q", refs)
	}
}
