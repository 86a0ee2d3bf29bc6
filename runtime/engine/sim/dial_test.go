package sim

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"miniecs/runtime/engine"
)

// client reaches tasks through Dial.
func client(s *Sim) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		return s.Dial(ctx, netip.MustParseAddrPort(addr))
	}}}
}

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestDial_ServesTheContainersHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		s.Script("web:1", Behaviour{Listen: []int{80}, UnhealthyAfter: time.Minute})
		s.Script("own:1", Behaviour{Listen: []int{8080}, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "mine") //nolint:errcheck // a test's answer
		})})
		ns := take(t, s)
		run(t, s, spec("t1", "web", "web:1", ns))
		run(t, s, spec("t1", "own", "own:1", ns))
		c := client(s)
		defer c.CloseIdleConnections()
		base := "http://" + ns.Address.String()
		if code, body := get(t, c, base+":80/"); code != 200 || body != "name=web version=3 hostname="+ns.Hostname+"\n" {
			t.Errorf("/: %d %q", code, body)
		}
		if code, _ := get(t, c, base+":80/health"); code != 200 {
			t.Errorf("/health: %d", code)
		}
		if _, body := get(t, c, base+":8080/"); body != "mine" {
			t.Errorf("own handler: %q", body)
		}
		time.Sleep(time.Minute)
		if code, _ := get(t, c, base+":80/health"); code != 503 {
			t.Errorf("/health of an unhealthy one: %d", code)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if code, _ := get(t, c, base+":80/"); code != 200 {
			t.Errorf("after Close, by a second daemon: %d", code)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDial_Errors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		s.Script("web:1", Behaviour{Listen: []int{80}, ListenAfter: time.Second})
		s.Script("mute:1", Behaviour{NoAnswer: true})
		ns, mute := take(t, s), take(t, s)
		id := run(t, s, spec("t1", "web", "web:1", ns))
		run(t, s, spec("t2", "mute", "mute:1", mute))
		dial := func(a netip.Addr, port uint16) error {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			conn, err := s.Dial(ctx, netip.AddrPortFrom(a, port))
			if err == nil {
				conn.Close()
			}
			return err
		}
		wantErr(t, "before it listens", dial(ns.Address, 80), engine.ErrRefused)
		time.Sleep(time.Second)
		if err := dial(ns.Address, 80); err != nil {
			t.Errorf("once it listens: %v", err)
		}
		wantErr(t, "other port", dial(ns.Address, 81), engine.ErrRefused)
		wantErr(t, "no answer", dial(mute.Address, 80), engine.ErrTimeout)
		wantErr(t, "no such address", dial(netip.MustParseAddr("172.31.9.9"), 80), engine.ErrGone)

		conn, err := s.Dial(t.Context(), netip.AddrPortFrom(ns.Address, 80))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.KillContainer(id); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read from a killed container: %v, want EOF", err)
		}
		wantErr(t, "after its end", dial(ns.Address, 80), engine.ErrRefused)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDialHost_ReachesPublishedPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		s.Script("web:1", Behaviour{Listen: []int{80}})
		sp := spec("b", "web", "web:1", engine.Namespace{})
		sp.Network, sp.Ports = engine.NetworkBridge, []engine.PortBinding{{ContainerPort: 80}}
		port := inspect(t, s, run(t, s, sp)).Ports[0].HostPort
		host := spec("h", "web", "web:1", engine.Namespace{})
		host.Network = engine.NetworkHost
		run(t, s, host)
		for _, p := range []int{port, 80} {
			conn, err := s.DialHost(t.Context(), p)
			if err != nil {
				t.Fatalf("port %d: %v", p, err)
			}
			conn.Close()
		}
		_, err := s.DialHost(t.Context(), 81)
		wantErr(t, "port 81", err, engine.ErrRefused)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		s.Script("app:1", Behaviour{ExitAfter: 10 * time.Second, Log: []Line{
			{Text: "one"}, {After: time.Second, Text: "two", Stream: "stderr"}, {After: 5 * time.Second, Text: "three"},
			{After: 20 * time.Second, Text: "never"},
		}})
		id := run(t, s, spec("t1", "app", "app:1", take(t, s)))
		start := time.Now()
		read := func(opts engine.LogOptions) string {
			var got []string
			for l, err := range s.Logs(t.Context(), id, opts) {
				if err != nil {
					t.Error(err)
				}
				got = append(got, l.Stream+" "+l.Text)
			}
			return strings.Join(got, ", ")
		}
		time.Sleep(2 * time.Second)
		if got := read(engine.LogOptions{}); got != "stdout one, stderr two" {
			t.Errorf("after 2 s: %s", got)
		}
		if got := read(engine.LogOptions{Tail: 1, Follow: true}); got != "stderr two, stdout three" {
			t.Errorf("tail 1, follow: %s", got)
		}
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("follow ended after %s, want 10s", d)
		}
		if got := read(engine.LogOptions{Since: start.Add(time.Second)}); got != "stderr two, stdout three" {
			t.Errorf("since 1 s, after its end: %s", got)
		}
	})
}
