package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func get(t *testing.T, c *http.Client, url string) (int, http.Header, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// ownClient keeps no connection beyond its test.
func ownClient(t *testing.T) *http.Client {
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestForward_RoundRobin(t *testing.T) {
	b := newBed(t, Config{}).wire(0)
	for _, name := range []string{"a", "b", "c"} {
		s := answers(name)
		t.Cleanup(s.Close)
		b.target(s, StateHealthy)
	}
	c := ownClient(t)
	var got strings.Builder
	for range 9 {
		_, _, body := get(t, c, b.url())
		got.WriteString(body)
	}
	if s := got.String(); strings.Count(s, "a") != 3 || strings.Count(s, "b") != 3 || s[:3] != s[3:6] {
		t.Errorf("order %s; want each in turn", s)
	}
}

func TestForward_Headers(t *testing.T) { // alb.md 3.5, 3.6
	var seen http.Header
	var host string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			seen, host = r.Header.Clone(), r.Host
		}
		w.Header().Set("Server", "mine")
	}))
	t.Cleanup(s.Close)
	b := newBed(t, Config{}).wire(0)
	b.target(s, StateHealthy)
	req, _ := http.NewRequest("GET", b.url()+"/x", nil)
	req.Host = "example.com"
	req.Header = http.Header{"X-Forwarded-For": {"1.2.3.4, 5.6.7.8"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"h"},
		"X-Amzn-Trace-Id": {"Root=1-63441c4a-abcdef012345678912345678;CalledFrom=app"}, "Connection": {"X-Hop"}, "X-Hop": {"1"}}
	resp, err := ownClient(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	want := map[string]string{"X-Forwarded-For": "1.2.3.4, 5.6.7.8, 127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Port": strconv.Itoa(b.lst.BoundPort),
		"X-Forwarded-Host": "h", "X-Hop": "", "Via": ""}
	for k, v := range want {
		if seen.Get(k) != v {
			t.Errorf("%s: %q; want %q", k, seen.Get(k), v)
		}
	}
	if id := seen.Get("X-Amzn-Trace-Id"); !strings.HasPrefix(id, "Self=1-") || !strings.HasSuffix(id, ";Root=1-63441c4a-abcdef012345678912345678;CalledFrom=app") {
		t.Errorf("trace id %q", id)
	}
	wantHost := hostFor("example.com", false, &route{port: b.lst.BoundPort}) // 80 may be taken on this machine
	if host != wantHost || resp.Header.Get("Server") != "mine" {
		t.Errorf("Host %q, Server %q", host, resp.Header.Get("Server"))
	}
}

func TestHostFor(t *testing.T) { // alb.md 3.5
	tests := []struct {
		port     int
		host     string
		keep     bool
		absolute bool
		want     string
	}{
		{80, "example.com", false, false, "example.com"}, {80, "example.com:80", false, false, "example.com"}, {443, "example.com:99", false, false, "example.com"},
		{8080, "example.com", false, false, "example.com:8080"}, {8080, "example.com:8080", false, false, "example.com:8080"},
		{8080, "example.com", true, false, "example.com"}, {8080, "example.com", false, true, "example.com"}, {80, "[::1]:80", false, false, "[::1]"},
	}
	for _, tt := range tests {
		if got := hostFor(tt.host, tt.absolute, &route{port: tt.port, keepHost: tt.keep}); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

func TestForward_StatusesThatTheBalancerMakes(t *testing.T) { // alb.md 3.8
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close() // refuses
	hangup := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		c.Close()
	}))
	t.Cleanup(hangup.Close)
	tests := []struct {
		name    string
		targets []int
		status  int
		page    string
	}{
		{"no target is 503", nil, 503, "503 Service Temporarily Unavailable"},
		{"refused is 502", []int{dead.Addr().(*net.TCPAddr).Port}, 502, "502 Bad Gateway"},
		{"closed without an answer is 502", []int{hangup.Listener.Addr().(*net.TCPAddr).Port}, 502, "502 Bad Gateway"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, Config{TimeScale: 50}).wire(0)
			for _, port := range tt.targets {
				tg := Target{ID: "127.0.0.1", Port: port}
				if err := b.RegisterTargets(t.Context(), b.group.ARN, []Target{tg}); err != nil {
					t.Fatal(err)
				}
				b.await(tg, StateUnhealthy) // fail-open: it gets requests all the same (alb.md 1.5)
			}
			code, head, body := get(t, ownClient(t), b.url())
			want := "<html>\r\n<head><title>" + tt.page + "</title></head>\r\n<body>\r\n<center><h1>" + tt.page + "</h1></center>\r\n</body>\r\n</html>\r\n"
			if code != tt.status || head.Get("Server") != "awselb/2.0" || body != want {
				t.Errorf("%d, Server %q, body %q", code, head.Get("Server"), body)
			}
		})
	}
}

func TestForward_SlowTargetIs504(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			<-release
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	b := newBed(t, Config{}).wire(0)
	if _, err := b.ModifyLoadBalancerAttributes(t.Context(), b.lb.ARN, map[string]string{"idle_timeout.timeout_seconds": "1"}); err != nil {
		t.Fatal(err)
	}
	b.target(s, StateHealthy)
	if code, _, _ := get(t, ownClient(t), b.url()); code != 504 {
		t.Errorf("status %d; want 504", code)
	}
}

func TestForward_TooManyForwarders(t *testing.T) {
	b := newBed(t, Config{}).wire(0)
	req, _ := http.NewRequest("GET", b.url(), nil)
	req.Header.Set("X-Forwarded-For", strings.Repeat("1.1.1.1, ", 30)+"2.2.2.2")
	resp, err := ownClient(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 463 {
		t.Errorf("status %d; want 463", resp.StatusCode)
	}
}

func TestForward_StreamsBothWays(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			return
		}
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintf(w, "echo %s\n", lines.Text())
			_ = rc.Flush()
		}
	}))
	t.Cleanup(s.Close)
	b := newBed(t, Config{}).wire(0)
	b.target(s, StateHealthy)
	up, down := io.Pipe()
	req, _ := http.NewRequest("POST", b.url(), up)
	go func() { fmt.Fprintln(down, "one") }()
	resp, err := ownClient(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	if l, err := r.ReadString('\n'); l != "echo one\n" {
		t.Fatalf("%q %v", l, err)
	}
	fmt.Fprintln(down, "two") // the first line came before the second was sent
	if l, err := r.ReadString('\n'); l != "echo two\n" {
		t.Fatalf("%q %v", l, err)
	}
	down.Close()
}

func TestForward_Websocket(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			return
		}
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer c.CloseNow()
		kind, msg, err := c.Read(r.Context())
		if err == nil {
			_ = c.Write(r.Context(), kind, append([]byte("echo "), msg...))
		}
		_, _, _ = c.Read(r.Context())
	}))
	t.Cleanup(s.Close)
	b := newBed(t, Config{TimeScale: 20}).wire(5)
	tg := b.target(s, StateHealthy)
	client := ownClient(t)
	c, _, err := websocket.Dial(t.Context(), b.url(), &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Write(t.Context(), websocket.MessageText, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, msg, err := c.Read(t.Context()); err != nil || string(msg) != "echo hi" {
		t.Fatalf("%q %v", msg, err)
	}
	// It is cut when the deregistration delay ends (alb.md 1.6).
	if err := b.DeregisterTargets(t.Context(), b.group.ARN, []Target{tg}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(t.Context()); err == nil {
		t.Error("the upgraded connection outlived the deregistration delay")
	}
	if h := b.Health(b.group.ARN, tg.ID, tg.Port); h.State != StateUnused {
		t.Errorf("cut before the delay was over: %+v", h)
	}
}

func TestDeregister_LetsRequestsEndAndCutsThemAtTheDelay(t *testing.T) {
	started, release := make(chan struct{}, 2), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			started <- struct{}{}
			<-release
			fmt.Fprint(w, "done")
		case "/ever":
			started <- struct{}{}
			<-r.Context().Done()
		}
	}))
	t.Cleanup(s.Close)
	b := newBed(t, Config{TimeScale: 5}).wire(5)
	tg := b.target(s, StateHealthy)
	c := ownClient(t)
	type result struct {
		code int
		body string
	}
	ask := func(path string) <-chan result {
		out := make(chan result, 1)
		go func() {
			resp, err := c.Get(b.url() + path)
			if err != nil {
				out <- result{body: err.Error()}
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			out <- result{resp.StatusCode, string(body)}
		}()
		return out
	}
	slow, ever := ask("/slow"), ask("/ever")
	<-started
	<-started
	if err := b.DeregisterTargets(t.Context(), b.group.ARN, []Target{tg}); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := get(t, c, b.url()); code != 503 {
		t.Errorf("a new request got %d; want 503", code)
	}
	close(release)
	if r := <-slow; r.code != 200 || r.body != "done" {
		t.Errorf("the request in flight: %+v", r)
	}
	if r := <-ever; r.code != 502 {
		t.Errorf("the request that outlived the delay: %+v; want 502", r)
	}
}

func TestRestart_ServesAtOnce(t *testing.T) {
	s := answers("a")
	t.Cleanup(s.Close)
	b := newBed(t, Config{}).wire(300)
	b.target(s, StateHealthy)
	time.Sleep(50 * time.Millisecond) // the health is saved behind the change
	b.stop()
	b.start()
	got, err := b.Listeners(b.lb.ARN, nil)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	var code int
	for range 100 { // the socket opens in Run
		resp, err := ownClient(t).Get(b.url())
		if err == nil {
			code = resp.StatusCode
			resp.Body.Close()
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if code != 200 {
		t.Errorf("status %d after the restart; want 200 without waiting for a check", code)
	}
}

// TestLoad_NothingIsLostWhileTargetsComeAndGo changes the targets at random under load on kept and new connections.
func TestLoad_NothingIsLostWhileTargetsComeAndGo(t *testing.T) {
	b := newBed(t, Config{TimeScale: 20}).wire(5)
	var targets []Target
	for i := range 6 {
		s := answers(fmt.Sprint(i))
		t.Cleanup(s.Close)
		targets = append(targets, b.target(s, StateHealthy))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var done, failed atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			tr := &http.Transport{DisableKeepAlives: i%2 == 0}
			defer tr.CloseIdleConnections()
			c := &http.Client{Transport: tr}
			for ctx.Err() == nil {
				resp, err := c.Post(b.url(), "text/plain", strings.NewReader("x"))
				if err != nil {
					failed.Add(1)
					t.Log(err)
					continue
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != 200 {
					failed.Add(1)
					t.Log(resp.StatusCode, err)
				}
				done.Add(1)
			}
		})
	}
	for ctx.Err() == nil {
		tg := targets[rand.IntN(len(targets)-2)] // two stay
		if err := b.DeregisterTargets(t.Context(), b.group.ARN, []Target{tg}); err != nil {
			t.Fatal(err)
		}
		b.await(tg, StateUnused)
		if err := b.RegisterTargets(t.Context(), b.group.ARN, []Target{tg}); err != nil {
			t.Fatal(err)
		}
		b.await(tg, StateHealthy)
	}
	wg.Wait()
	if failed.Load() > 0 || done.Load() == 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), done.Load())
	}
}
