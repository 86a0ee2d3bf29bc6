package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"miniecs/store"
)

// served is a running world with targets that are healthy.
func served(t *testing.T, cfg Config, backends ...http.HandlerFunc) (*world, []Target) {
	t.Helper()
	base := testConfig(store.NewMemory(), loopback{})
	base.TimeScale = cfg.TimeScale
	p := newProxy(t, base)
	start(t, p)
	w := newWorld(t, p)
	var targets []Target
	for _, h := range backends {
		targets = append(targets, backend(t, func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.UserAgent(), "ELB-HealthChecker") {
				return
			}
			h(rw, r)
		}))
	}
	if len(targets) > 0 {
		w.register(t, targets...)
		w.await(t, StateHealthy, targets...)
	}
	return w, targets
}

func TestForward_RoundRobin(t *testing.T) {
	w, _ := served(t, Config{}, named("a"), named("b"), named("c"))
	c, got := client(t), ""
	for range 9 {
		res, err := c.Get(w.url)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		got += string(b)
	}
	if !strings.Contains(got+got, "abcabcabc") {
		t.Errorf("got %s, want each in turn", got)
	}
}

func TestForward_Headers(t *testing.T) {
	var got *http.Request
	w, _ := served(t, Config{}, func(rw http.ResponseWriter, r *http.Request) {
		got = r
		rw.Header().Set("Server", "mine")
		rw.Header()["Content-Type"] = nil
		io.WriteString(rw, "<html>not sniffed")
	})
	port := fmt.Sprint(w.listener.served())
	for _, c := range []struct {
		name string
		set  [2]string // an attribute of the load balancer
		send map[string]string
		want map[string]string // "" is absent; a pattern if it begins with ^
	}{
		{"nothing sent", [2]string{}, nil, map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Port": port,
			"X-Amzn-Trace-Id": `^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$`, "User-Agent": "Go-http-client/1.1", "Host": "127.0.0.1:" + port,
			"Via": "", "X-Forwarded-Host": "", "Accept-Encoding": ""}},
		{"appended", [2]string{}, map[string]string{"X-Forwarded-For": "1.2.3.4, 5.6.7.8", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "1"},
			map[string]string{"X-Forwarded-For": "1.2.3.4, 5.6.7.8, 127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Port": port}},
		{"hop by hop", [2]string{}, map[string]string{"Connection": "X-Mine", "X-Mine": "1", "Keep-Alive": "5", "Te": "trailers", "Proxy-Connection": "x"},
			map[string]string{"X-Mine": "", "Keep-Alive": "", "Te": "", "Proxy-Connection": ""}},
		{"passed on", [2]string{}, map[string]string{"X-Forwarded-Host": "h", "Forwarded": "for=1", "X-Real-Ip": "9", "Cookie": "a=b"},
			map[string]string{"X-Forwarded-Host": "h", "Forwarded": "for=1", "X-Real-Ip": "9", "Cookie": "a=b"}},
		{"traced", [2]string{}, map[string]string{"X-Amzn-Trace-Id": "Self=old;Root=1-67891233-abcdef012345678912345678;CalledFrom=app"},
			map[string]string{"X-Amzn-Trace-Id": `^Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-67891233-abcdef012345678912345678;CalledFrom=app$`}},
		{"custom trace", [2]string{}, map[string]string{"X-Amzn-Trace-Id": "CalledFrom=app"},
			map[string]string{"X-Amzn-Trace-Id": `^Root=1-[0-9a-f]{8}-[0-9a-f]{24};CalledFrom=app$`}},
		{"host", [2]string{}, map[string]string{"Host": "Shop.Example.com"}, map[string]string{"Host": "shop.example.com:" + port}},
		{"host preserved", [2]string{"routing.http.preserve_host_header.enabled", "true"}, map[string]string{"Host": "Shop.Example.com"}, map[string]string{"Host": "Shop.Example.com"}},
		{"xff preserve", [2]string{"routing.http.xff_header_processing.mode", "preserve"}, map[string]string{"X-Forwarded-For": "1.2.3.4"}, map[string]string{"X-Forwarded-For": "1.2.3.4"}},
		{"xff remove", [2]string{"routing.http.xff_header_processing.mode", "remove"}, map[string]string{"X-Forwarded-For": "1.2.3.4"}, map[string]string{"X-Forwarded-For": ""}},
		{"xff append again", [2]string{"routing.http.xff_header_processing.mode", "append"}, nil, map[string]string{"X-Forwarded-For": "127.0.0.1"}},
		{"client port", [2]string{"routing.http.xff_client_port.enabled", "true"}, nil, map[string]string{"X-Forwarded-For": `^127\.0\.0\.1:[0-9]+$`}},
		{"invalid passes", [2]string{}, map[string]string{"X_Odd": "1"}, map[string]string{"X_odd": "1"}},
		{"invalid dropped", [2]string{"routing.http.drop_invalid_header_fields.enabled", "true"}, map[string]string{"X_Odd": "1"}, map[string]string{"X_odd": ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.set[0] != "" {
				w.set(t, c.set[0], c.set[1])
			}
			r, err := http.NewRequest("GET", w.url+"/a%2Fb//c?x=1;y&z", nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range c.send {
				r.Header.Set(k, v)
			}
			r.Host = c.send["Host"]
			res, err := client(t).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if got.RequestURI != "/a%2Fb//c?x=1;y&z" {
				t.Errorf("the target was asked for %s", got.RequestURI)
			}
			got.Header.Set("Host", got.Host)
			for k, want := range c.want {
				have := strings.Join(got.Header[k], "|")
				if pattern, ok := strings.CutPrefix(want, "^"); ok && regexp.MustCompile("^"+pattern).MatchString(have) || have == want {
					continue
				}
				t.Errorf("%s: got %q, want %q", k, have, want)
			}
			if s, ct := res.Header.Get("Server"), res.Header["Content-Type"]; s != "mine" || ct != nil || res.Header.Get("X-Amzn-Trace-Id") != "" {
				t.Errorf("answer: Server %q, Content-Type %q", s, ct)
			}
		})
	}
}

func TestHost(t *testing.T) {
	for _, c := range []struct {
		port       int
		host, want string
	}{
		{80, "example.com", "example.com"}, {80, "example.com:80", "example.com"}, {80, "example.com:8080", "example.com"},
		{80, "[::1]:80", "[::1]"}, {80, "[::1]", "[::1]"}, {8080, "Example.com", "example.com:8080"},
		{8080, "example.com:8080", "example.com:8080"}, {8080, "[::1]", "[::1]:8080"}, {80, "", "lb.elb.localhost"},
	} {
		rt := &route{port: c.port, portText: fmt.Sprint(c.port), dnsName: "lb.elb.localhost"}
		if got := rt.host(c.host); got != c.want {
			t.Errorf("host(%q) on %d: got %q, want %q", c.host, c.port, got, c.want)
		}
	}
}

// raw is a target that does with a connection what it likes.
func raw(t *testing.T, serve func(net.Conn, *http.Request)) Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				if strings.HasPrefix(r.UserAgent(), "ELB-HealthChecker") {
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					return
				}
				serve(c, r)
			})
		}
	})
	return targetOf(t, l.Addr())
}

func TestForward_ErrorPages(t *testing.T) {
	const page502 = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
	w, _ := served(t, Config{})
	check := func(t *testing.T, status, length int) string {
		t.Helper()
		res, body := get(t, w.url)
		if res.StatusCode != status || len(body) != length || res.Header.Get("Server") != "awselb/2.0" ||
			length > 0 && res.Header.Get("Content-Type") != "text/html" || res.Header.Get("Date") == "" || res.ContentLength != int64(length) {
			t.Errorf("got %d, %d bytes, %v; want %d, %d bytes", res.StatusCode, len(body), res.Header, status, length)
		}
		return body
	}
	check(t, 503, 162) // no target

	silent := raw(t, func(net.Conn, *http.Request) {})
	w.register(t, silent)
	w.await(t, StateHealthy, silent)
	if body := check(t, 502, 122); body != page502 { // closed without an answer
		t.Errorf("got %q", body)
	}
	swap := func(serve func(net.Conn, *http.Request)) {
		t.Helper()
		w.set(t, "deregistration_delay.timeout_seconds", "0")
		w.deregister(t, silent)
		silent = raw(t, serve)
		w.register(t, silent)
		w.await(t, StateHealthy, silent)
	}
	swap(func(c net.Conn, _ *http.Request) { io.WriteString(c, "HTTP/9 what\r\n\r\n") })
	check(t, 502, 122)
	swap(func(c net.Conn, _ *http.Request) {
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Big: %s\r\n\r\n", strings.Repeat("x", 70<<10))
	})
	check(t, 502, 122)
	w.set(t, "idle_timeout.timeout_seconds", "1")
	swap(func(c net.Conn, _ *http.Request) { _, _ = c.Read(make([]byte, 1)) })
	began := time.Now()
	check(t, 504, 132)
	if d := time.Since(began); d < time.Second || d > 5*time.Second {
		t.Errorf("504 after %s, want after 1 s", d)
	}
	r, _ := http.NewRequest("TRACE", w.url, nil)
	res, err := client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 405 || res.ContentLength != 122 {
		t.Errorf("TRACE: got %d", res.StatusCode)
	}
	r, _ = http.NewRequest("GET", w.url, nil)
	r.Header.Set("X-Forwarded-For", strings.Repeat("1.2.3.4, ", 30)+"1.2.3.4")
	if res, err = client(t).Do(r); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 463 || res.ContentLength != 0 {
		t.Errorf("31 addresses: got %d", res.StatusCode)
	}
}

// failing is a dialer whose targets cannot be reached.
type failing struct{ err error }

func (f failing) Dial(context.Context, Target) (net.Conn, error) { return nil, f.err }

func TestForward_UnreachableTargets(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("refused"), 502},
		{fmt.Errorf("relay: %w", context.DeadlineExceeded), 504},
		{&net.OpError{Op: "dial", Err: timeoutError{}}, 504},
	} {
		// The first checks say that they are down; fail-open sends requests all the same.
		cfg := testConfig(store.NewMemory(), failing{c.err})
		cfg.TimeScale = 100
		p := newProxy(t, cfg)
		stop := start(t, p)
		w := newWorld(t, p)
		target := Target{ID: "10.0.0.1", Port: 80}
		w.register(t, target)
		if res, _ := get(t, w.url); res.StatusCode != 503 {
			t.Errorf("initial: got %d, want 503", res.StatusCode)
		}
		w.await(t, StateUnhealthy, target)
		if res, _ := get(t, w.url); res.StatusCode != c.want {
			t.Errorf("%v: got %d, want %d", c.err, res.StatusCode, c.want)
		}
		stop()
	}
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "too slow" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func TestForward_Websocket(t *testing.T) {
	w, _ := served(t, Config{}, func(rw http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(rw, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			kind, b, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, append([]byte("echo "), b...)) != nil {
				return
			}
		}
	})
	c, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(w.url, "http"), &websocket.DialOptions{HTTPClient: client(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	for range 3 {
		if err := c.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, b, err := c.Read(t.Context()); err != nil || string(b) != "echo hello" {
			t.Fatalf("got %q, %v", b, err)
		}
	}
}

func TestForward_StreamsBothWays(t *testing.T) {
	w, _ := served(t, Config{}, func(rw http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(rw)
		_ = rc.EnableFullDuplex()
		rw.Header().Set("Content-Type", "text/event-stream")
		rw.WriteHeader(200)
		_ = rc.Flush()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintf(rw, "data: %s\n\n", lines.Text())
			_ = rc.Flush()
		}
	})
	pr, pw := io.Pipe()
	r, _ := http.NewRequest("POST", w.url, pr)
	res, err := client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	events := bufio.NewReader(res.Body)
	for i := range 3 { // each event comes before the next line is sent
		fmt.Fprintf(pw, "line %d\n", i)
		got, err := events.ReadString('\n')
		if want := fmt.Sprintf("data: line %d\n", i); err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
		_, _ = events.ReadString('\n')
	}
	pw.Close()
	if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v after the end", rest, err)
	}
}

func TestForward_BigBodies(t *testing.T) {
	w, _ := served(t, Config{}, func(rw http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, _ := io.Copy(h, r.Body)
		rw.Header().Set("X-Sum", fmt.Sprintf("%x %d", h.Sum(nil), n))
		_, _ = rw.Write(bytes.Repeat([]byte("y"), 8<<20))
	})
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MB
	want := fmt.Sprintf("%x %d", sha256.Sum256(body), len(body))
	for _, chunked := range []bool{false, true} {
		var reader io.Reader = bytes.NewReader(body)
		if chunked {
			reader = io.MultiReader(reader)
		}
		r, _ := http.NewRequest("PUT", w.url, reader)
		r.Header.Set("Expect", "100-continue")
		res, err := client(t).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || len(b) != 8<<20 || res.Header.Get("X-Sum") != want {
			t.Errorf("chunked %t: got %d bytes, %s, %v", chunked, len(b), res.Header.Get("X-Sum"), err)
		}
	}
}

func TestForward_StalledClientIs408(t *testing.T) {
	w, _ := served(t, Config{}, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	w.set(t, "idle_timeout.timeout_seconds", "1")
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 408 || !res.Close {
		t.Errorf("got %d, close %t", res.StatusCode, res.Close)
	}
}

func TestForward_IdleConnectionIsClosed(t *testing.T) {
	w, _ := served(t, Config{}, named("a"))
	w.set(t, "idle_timeout.timeout_seconds", "1")
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("got %v, want the connection closed without a word", err)
	}
}

func TestDrain_RequestsInFlightFinish(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	w, targets := served(t, Config{}, func(rw http.ResponseWriter, _ *http.Request) {
		entered <- true
		<-leave
		io.WriteString(rw, "done")
	})
	answers := make(chan string, 2)
	ask := func() {
		res, err := client(t).Get(w.url)
		if err != nil {
			answers <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		answers <- fmt.Sprint(res.StatusCode, " ", len(b))
	}
	go ask()
	<-entered
	w.deregister(t, targets...)
	if res, _ := get(t, w.url); res.StatusCode != 503 {
		t.Errorf("a new request: got %d, want 503", res.StatusCode)
	}
	leave <- true
	if got := <-answers; got != "200 4" {
		t.Errorf("got %s", got)
	}

	w.set(t, "deregistration_delay.timeout_seconds", "1")
	w.register(t, targets...)
	w.await(t, StateHealthy, targets...)
	go ask()
	<-entered
	w.deregister(t, targets...)
	if got := <-answers; got != "502 122" { // the delay ran out
		t.Errorf("got %s", got)
	}
	close(leave)
}

// TestDrain_RollsWithoutAFailure replaces targets under load, with kept and new connections, GETs and POSTs. A target
// that has drained is switched off hard.
func TestDrain_RollsWithoutAFailure(t *testing.T) {
	w, _ := served(t, Config{})
	w.set(t, "deregistration_delay.timeout_seconds", "1")
	launch := func(name string) (*http.Server, Target) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(2 * time.Millisecond)
			io.WriteString(rw, name)
		})}
		go func() { _ = s.Serve(l) }()
		t.Cleanup(func() { s.Close() })
		return s, targetOf(t, l.Addr())
	}
	server, target := launch("0")
	w.register(t, target)
	w.await(t, StateHealthy, target)

	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var ok, failed atomic.Int64
	for i := range 8 {
		keep := &http.Transport{DisableKeepAlives: i%2 == 1}
		t.Cleanup(keep.CloseIdleConnections)
		wg.Go(func() {
			c := &http.Client{Transport: keep, Timeout: 10 * time.Second}
			for n := 0; ctx.Err() == nil; n++ {
				var res *http.Response
				var err error
				if n%2 == 0 {
					res, err = c.Get(w.url)
				} else {
					res, err = c.Post(w.url, "text/plain", io.MultiReader(strings.NewReader("a body that cannot be sent again")))
				}
				if err != nil {
					failed.Add(1)
					t.Log(err)
					continue
				}
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != 200 {
					failed.Add(1)
					t.Log(res.StatusCode, err)
					continue
				}
				ok.Add(1)
			}
		})
	}
	for i := range 3 {
		next, nextTarget := launch(fmt.Sprint(i + 1))
		w.register(t, nextTarget)
		w.await(t, StateHealthy, nextTarget)
		w.deregister(t, target)
		w.await(t, StateUnused, target)
		server.Close() // cuts off whatever is there
		server, target = next, nextTarget
	}
	cancel()
	wg.Wait()
	if failed.Load() > 0 || ok.Load() < 100 {
		t.Errorf("%d requests failed, %d did not", failed.Load(), ok.Load())
	}
	t.Logf("%d requests", ok.Load())
}

func TestRun_EndsWithRequestsAndTunnelsInFlight(t *testing.T) {
	p := newProxy(t, testConfig(store.NewMemory(), loopback{}))
	stop := start(t, p)
	w := newWorld(t, p)
	target := raw(t, func(c net.Conn, r *http.Request) {
		if r.URL.Path == "/tunnel" {
			fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		} else {
			time.Sleep(300 * time.Millisecond)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			return
		}
		_, _ = io.Copy(io.Discard, c)
	})
	w.register(t, target)
	w.await(t, StateHealthy, target)
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 101 {
		t.Fatalf("got %v, %v", res, err)
	}
	answered := make(chan string, 1)
	sent := make(chan bool)
	go func() {
		r, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer r.Close()
		fmt.Fprint(r, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		// An answer to a second request on another connection shows that the first is being served.
		sent <- true
		res, err := http.ReadResponse(bufio.NewReader(r), nil)
		if err != nil {
			answered <- err.Error()
			return
		}
		answered <- res.Status
	}()
	<-sent
	if res, _ := get(t, w.url); res.StatusCode != 200 {
		t.Fatalf("got %d", res.StatusCode)
	}
	stop()
	if got := <-answered; got != "200 OK" {
		t.Errorf("the request in flight: %s", got)
	}
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("the tunnel is still open: %v", err)
	}
}
