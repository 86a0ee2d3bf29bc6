package pause

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var key = Key{Token: "secret", Generation: "gen1"}

// serve runs a server on loopback and gives its two doors.
func serve(t testing.TB) (hatch, metadata string) {
	t.Helper()
	listen := func() net.Listener {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	h, m := listen(), listen()
	s := &Server{
		Token: key.Token, Greeting: Greeting{Generation: key.Generation, Ready: true, Cgroup: "/docker/1"},
		Address: netip.MustParseAddr("127.0.0.1"),
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, h, m) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.conns.Wait()
	})
	return h.Addr().String(), m.Addr().String()
}

func connect(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

func TestHatch_GreetsAndIsTakenOnce(t *testing.T) {
	hatch, _ := serve(t)
	first := Key{Token: key.Token}
	g, err := first.Hello(connect(t, hatch))
	if want := (Greeting{Generation: "gen1", Ready: true, Cgroup: "/docker/1"}); err != nil || g != want {
		t.Errorf("got %+v, %v, want %+v", g, err, want)
	}
	if err := key.Take(connect(t, hatch)); err != nil {
		t.Error(err)
	}
	if err := key.Take(connect(t, hatch)); err == nil || !strings.Contains(err.Error(), "taken") {
		t.Errorf("second take: got %v", err)
	}
	if g, err := key.Hello(connect(t, hatch)); err != nil || !g.Taken {
		t.Errorf("after the take: got %+v, %v", g, err)
	}
	for name, k := range map[string]Key{"token": {Token: "other", Generation: "gen1"}, "generation": {Token: "secret", Generation: "gen0"}} {
		if _, err := k.Hello(connect(t, hatch)); !errors.Is(err, ErrGone) {
			t.Errorf("wrong %s: got %v, want ErrGone", name, err)
		}
	}
}

func TestHatch_Dials(t *testing.T) {
	hatch, _ := serve(t)
	target, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	echoed := make(chan struct{})
	go func() {
		defer close(echoed)
		conn, err := target.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "hello\n") // the server speaks first: nothing of it may be lost behind the answer
		io.Copy(conn, conn)
	}()
	port := uint16(target.Addr().(*net.TCPAddr).Port)
	conn := connect(t, hatch)
	if err := key.Dial(conn, port, time.Second); err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("0123456789"), 100_000)
	go func() {
		conn.Write(body)
		conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || string(got[:6]) != "hello\n" || !bytes.Equal(got[6:], body) {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(body)+6)
	}
	<-echoed
	target.Close()
	if err := key.Dial(connect(t, hatch), port, time.Second); !errors.Is(err, ErrRefused) {
		t.Errorf("nobody listens: got %v, want ErrRefused", err)
	}
}

func TestHatch_SaysNothingToStrangers(t *testing.T) {
	hatch, _ := serve(t)
	for _, text := range []string{"GET / HTTP/1.1\r\n\r\n", "miniecs1 secret\n", "\n", strings.Repeat("x", 4*lineLimit)} {
		conn := connect(t, hatch)
		io.WriteString(conn, text)
		conn.(*net.TCPConn).CloseWrite()
		if got, _ := io.ReadAll(conn); len(got) != 0 {
			t.Errorf("%.20q: got %q", text, got)
		}
	}
	for _, verb := range []string{"NOPE", "DIAL 80", "DIAL x 1", "DIAL 80 0", "DIAL 99999 1"} {
		if _, err := key.ask(connect(t, hatch), verb); err == nil || errors.Is(err, ErrGone) {
			t.Errorf("%s: got %v", verb, err)
		}
	}
}

func get(t testing.TB, address string) (int, string) {
	t.Helper()
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + address + "/v4/x")
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestMetadata_CarriedToTheDaemon(t *testing.T) {
	hatch, metadata := serve(t)
	if code, body := get(t, metadata); code != 503 || !strings.Contains(body, `"code":"ServiceUnavailable"`) {
		t.Errorf("without the daemon: got %d %s", code, body)
	}
	connect(t, hatch).Close()
	gone := connect(t, hatch) // a daemon that waits, and dies
	io.WriteString(gone, magic+" secret gen1 WAIT\n")
	gone.Close()
	daemon := connect(t, hatch)
	answered := make(chan error, 1)
	go func() {
		if err := key.Wait(daemon); err != nil {
			answered <- err
			return
		}
		buf := make([]byte, 4096)
		n, err := daemon.Read(buf)
		if err != nil || !strings.HasPrefix(string(buf[:n]), "GET /v4/x ") {
			answered <- errors.New("got " + string(buf[:n]))
			return
		}
		io.WriteString(daemon, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
		daemon.(*net.TCPConn).CloseWrite()
		answered <- nil
	}()
	code, body := 0, ""
	for begin := time.Now(); code != 200 && time.Since(begin) < 20*time.Second; { // until the WAIT has arrived
		code, body = get(t, metadata)
	}
	if code != 200 || body != "hi" {
		t.Errorf("got %d %q", code, body)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if code, _ := get(t, metadata); code != 503 {
		t.Errorf("no daemon waits: got %d, want 503", code)
	}
}

const table = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`

func TestParseRoutes(t *testing.T) {
	got, err := ParseRoutes(strings.NewReader(table))
	want := []Route{{netip.MustParsePrefix("172.17.0.0/16"), "docker0"}, {netip.MustParsePrefix("192.0.2.0/24"), "eth0"}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err := ParseRoutes(strings.NewReader("exec format error\n")); err == nil {
		t.Error("something else than a table: no error")
	}
}

func FuzzParseRoutes(f *testing.F) {
	f.Add(table)
	f.Fuzz(func(t *testing.T, text string) {
		routes, _ := ParseRoutes(strings.NewReader(text))
		for _, r := range routes {
			if !r.Prefix.IsValid() || r.Prefix.Bits() == 0 {
				t.Errorf("%q: %v", text, r)
			}
		}
	})
}

func FuzzReadLine(f *testing.F) {
	f.Add([]byte("miniecs1 secret gen1 DIAL 80 1000\nrest"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		line, rest, err := readLine(bytes.NewReader(raw))
		if err == nil && !bytes.HasPrefix(raw, []byte(line+"\n"+string(rest))) {
			t.Errorf("%q: got %q and %q", raw, line, rest)
		}
	})
}
