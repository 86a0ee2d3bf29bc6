package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"miniecs/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loopback reaches targets as they are named.
type loopback struct{}

func (loopback) Dial(ctx context.Context, t Target) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", t.String())
}

const testVPC = "vpc-0123456789abcdef0"

func testConfig(st store.Store, d Dialer) Config {
	return Config{Store: st, Dialer: d, Account: "000000000000", Region: "eu-central-1", VPCID: testVPC}
}

func newProxy(tb testing.TB, cfg Config) *Proxy {
	tb.Helper()
	p, err := New(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// start runs a proxy; what it returns ends it and waits.
func start(tb testing.TB, p *Proxy) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("Run: %v", err)
		}
	}
	tb.Cleanup(stop)
	for p.running() == false { // the listeners are bound with this lock held
		select {
		case err := <-done:
			tb.Fatalf("Run: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	return stop
}

func (p *Proxy) running() bool {
	p.change.Lock()
	defer p.change.Unlock()
	return p.run != nil
}

// world is a load balancer with one listener that forwards to one group.
type world struct {
	p        *Proxy
	balancer LoadBalancer
	group    TargetGroup
	listener Listener
	url      string
}

var fast = HealthCheck{IntervalSeconds: 5, TimeoutSeconds: 2, HealthyThreshold: 2, UnhealthyThreshold: 2}

func newWorld(tb testing.TB, p *Proxy) *world {
	tb.Helper()
	ctx := tb.Context()
	w := &world{p: p}
	var err error
	if w.balancer, err = p.CreateLoadBalancer(ctx, testBalancer("lb")); err != nil {
		tb.Fatal(err)
	}
	if w.group, err = p.CreateTargetGroup(ctx, testGroup("tg")); err != nil {
		tb.Fatal(err)
	}
	w.listener, err = p.CreateListener(ctx, Listener{LoadBalancerARN: w.balancer.ARN, Protocol: "HTTP", Port: freePort(tb),
		DefaultActions: []Action{{Type: ActionForward, TargetGroup: w.group.ARN}}})
	if err != nil {
		tb.Fatal(err)
	}
	w.url = fmt.Sprintf("http://127.0.0.1:%d", w.listener.served())
	return w
}

func testBalancer(name string) LoadBalancer {
	return LoadBalancer{Name: name, Subnets: []Subnet{{"subnet-1", "eu-central-1a"}, {"subnet-2", "eu-central-1b"}}, SecurityGroups: []string{"sg-1"}}
}

func testGroup(name string) TargetGroup {
	return TargetGroup{Name: name, TargetType: "ip", Protocol: "HTTP", Port: 80, HealthCheck: fast}
}

// freePort finds a port that nobody has at the moment.
func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// backend is a server on loopback as a target.
func backend(tb testing.TB, h http.HandlerFunc) Target {
	tb.Helper()
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	return targetOf(tb, s.Listener.Addr())
}

func targetOf(tb testing.TB, addr net.Addr) Target {
	tb.Helper()
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		tb.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		tb.Fatal(err)
	}
	return Target{ID: host, Port: n}
}

func named(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) }
}

func (w *world) register(tb testing.TB, targets ...Target) {
	tb.Helper()
	if err := w.p.RegisterTargets(tb.Context(), w.group.ARN, targets); err != nil {
		tb.Fatal(err)
	}
}

func (w *world) deregister(tb testing.TB, targets ...Target) {
	tb.Helper()
	if err := w.p.DeregisterTargets(tb.Context(), w.group.ARN, targets); err != nil {
		tb.Fatal(err)
	}
}

func (w *world) health(t Target) Health { return w.p.Health(w.group.ARN, t.ID, t.Port) }

// await waits until targets are in a state, driven by Changed.
func (w *world) await(tb testing.TB, state string, targets ...Target) {
	tb.Helper()
	deadline := time.After(15 * time.Second)
	for slices.ContainsFunc(targets, func(t Target) bool { return w.health(t).State != state }) {
		select {
		case <-w.p.Changed():
		case <-deadline:
			tb.Fatalf("targets are not %s: %v", state, w.health(targets[0]))
		}
	}
}

func (w *world) set(tb testing.TB, key, value string) {
	tb.Helper()
	var err error
	if _, ok := groupAttributes[key]; ok {
		_, err = w.p.ModifyTargetGroupAttributes(tb.Context(), w.group.ARN, []Tag{{key, value}})
	} else {
		_, err = w.p.ModifyLoadBalancerAttributes(tb.Context(), w.balancer.ARN, []Tag{{key, value}})
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// client makes requests without keeping anything between tests.
func client(tb testing.TB) *http.Client {
	tr := &http.Transport{DisableCompression: true}
	tb.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

func get(tb testing.TB, url string) (*http.Response, string) {
	tb.Helper()
	res, err := client(tb).Get(url)
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return res, string(b)
}

func code(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Error()
	}
	return fmt.Sprint(err)
}

func toJSON(tb testing.TB, v any) string {
	tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}
