package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"miniecs/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loopback dials targets on this machine, whatever their address is.
type loopback struct{}

func (loopback) Dial(ctx context.Context, t Target) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(t.Port)))
}

// bed is a running proxy with a balancer, a group and a listener.
type bed struct {
	t   *testing.T
	cfg Config
	*Proxy
	stop  func()
	lb    LoadBalancer
	group TargetGroup
	lst   Listener
}

func newBed(t *testing.T, cfg Config) *bed {
	t.Helper()
	cfg.Account, cfg.Region = "000000000000", "us-east-1"
	if cfg.Store == nil {
		cfg.Store = store.NewMemory()
	}
	if cfg.Dialer == nil {
		cfg.Dialer = loopback{}
	}
	b := &bed{t: t, cfg: cfg}
	b.start()
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *bed) start() {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p, err := New(ctx, b.cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Proxy = p
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-p.Changed():
			}
		}
	}()
	for p.context() == context.Background() {
		time.Sleep(time.Millisecond)
	}
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("Run: %v", err)
		}
	})
}

// wire makes balancer, group and listener; interval and delay are in seconds.
func (b *bed) wire(delay int) *bed {
	b.t.Helper()
	ctx := context.Background()
	var err error
	if b.lb, err = b.CreateLoadBalancer(ctx, LoadBalancer{Name: "lb", Subnets: []string{"a", "b"}}); err != nil {
		b.t.Fatal(err)
	}
	b.group, err = b.CreateTargetGroup(ctx, TargetGroup{Name: "tg", Protocol: "HTTP", Port: 80, VPCID: "vpc-1", TargetType: "ip",
		Check: HealthCheck{IntervalSeconds: 5, TimeoutSeconds: 2, HealthyThreshold: 3, UnhealthyThreshold: 2, Path: "/health"}})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err = b.ModifyTargetGroupAttributes(ctx, b.group.ARN, map[string]string{"deregistration_delay.timeout_seconds": strconv.Itoa(delay)}); err != nil {
		b.t.Fatal(err)
	}
	b.lst, err = b.CreateListener(ctx, Listener{LoadBalancerARN: b.lb.ARN, Port: 80, Protocol: "HTTP", Actions: forwardTo(b.group.ARN)})
	if err != nil {
		b.t.Fatal(err)
	}
	return b
}

func forwardTo(arn string) []Action {
	return []Action{{Type: "forward", Simple: true, Groups: []WeightedGroup{{ARN: arn, Weight: 1}}}}
}

func (b *bed) url() string { return fmt.Sprintf("http://127.0.0.1:%d", b.lst.BoundPort) }

// target registers a server of its own and waits until it is in a state.
func (b *bed) target(s *httptest.Server, state string) Target {
	b.t.Helper()
	tg := Target{ID: "127.0.0.1", Port: s.Listener.Addr().(*net.TCPAddr).Port}
	if err := b.RegisterTargets(context.Background(), b.group.ARN, []Target{tg}); err != nil {
		b.t.Fatal(err)
	}
	b.await(tg, state)
	return tg
}

func (b *bed) await(tg Target, state string) {
	b.t.Helper()
	for range 2000 {
		if b.Health(b.group.ARN, tg.ID, tg.Port).State == state {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.t.Fatalf("target %s is %+v; want %s", tg, b.Health(b.group.ARN, tg.ID, tg.Port), state)
}

// scripted answers health checks in a bubble: what it says can be changed at any time.
type scripted struct {
	mu     sync.Mutex
	answer string // a status line, or refuse, or silent
	asked  int
}

func (s *scripted) set(answer string) { s.mu.Lock(); s.answer = answer; s.mu.Unlock() }

func (s *scripted) Dial(ctx context.Context, _ Target) (net.Conn, error) {
	s.mu.Lock()
	answer := s.answer
	s.asked++
	s.mu.Unlock()
	switch answer {
	case "refuse":
		return nil, errors.New("connection refused")
	case "silent":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		if _, err := server.Read(make([]byte, 4096)); err == nil {
			fmt.Fprintf(server, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", answer)
		}
	}()
	return client, nil
}

// alone is a proxy in a bubble without listeners' sockets: the group is said to be used.
func alone(t *testing.T, s *scripted, delay string) (*Proxy, string) {
	ctx, cancel := context.WithCancel(context.Background())
	p, err := New(ctx, Config{Store: store.NewMemory(), Dialer: s, Account: "000000000000", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-p.Changed():
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	g, err := p.CreateTargetGroup(ctx, TargetGroup{Name: "tg", Protocol: "HTTP", Port: 80, VPCID: "v", TargetType: "ip",
		Check: HealthCheck{IntervalSeconds: 10, TimeoutSeconds: 2, HealthyThreshold: 3, UnhealthyThreshold: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ModifyTargetGroupAttributes(ctx, g.ARN, map[string]string{"deregistration_delay.timeout_seconds": delay}); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.listeners["x"] = &Listener{ARN: "x", LoadBalancerARN: "lb", Actions: forwardTo(g.ARN)}
	p.refreshUse()
	p.mu.Unlock()
	return p, g.ARN
}

func TestHealth_StateMachine(t *testing.T) { // alb.md 1.3, 1.4
	type step struct {
		answer string
		wait   time.Duration
		want   Health
	}
	mismatch := Health{StateUnhealthy, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"}
	tests := []struct {
		name  string
		steps []step
	}{
		{"one success is enough from initial", []step{{"200 OK", 100 * time.Millisecond, registering}, {"200 OK", time.Second, healthy}}},
		{"a failing one stays initial until the threshold", []step{{"503 No", time.Second, checking}, {"503 No", 10 * time.Second, mismatch}}},
		{"refused", []step{{"refuse", 12 * time.Second, Health{StateUnhealthy, "Target.FailedHealthChecks", "Health checks failed"}}}},
		{"silent", []step{{"silent", 15 * time.Second, Health{StateUnhealthy, "Target.Timeout", "Request timed out"}}}},
		{"garbage", []step{{"", 12 * time.Second, Health{StateUnhealthy, "Target.FailedHealthChecks", "Health checks failed"}}}},
		{"a redirect is no success", []step{{"301 Moved", 12 * time.Second, Health{StateUnhealthy, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [301]"}}}},
		{"healthy to unhealthy after two, back after three", []step{
			{"200 OK", time.Second, healthy}, {"503 No", 10 * time.Second, healthy}, {"503 No", 10 * time.Second, mismatch},
			{"200 OK", 20 * time.Second, mismatch}, {"200 OK", 10 * time.Second, healthy}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{answer: tt.steps[0].answer}
				p, arn := alone(t, s, "300")
				if err := p.RegisterTargets(t.Context(), arn, []Target{{ID: "10.0.0.1", Port: 80}}); err != nil {
					t.Fatal(err)
				}
				for i, st := range tt.steps {
					s.set(st.answer)
					time.Sleep(st.wait)
					synctest.Wait()
					if got := p.Health(arn, "10.0.0.1", 80); got != st.want {
						t.Fatalf("step %d: %+v; want %+v", i, got, st.want)
					}
				}
			})
		})
	}
}

func TestDeregister_DrainsForTheWholeDelay(t *testing.T) { // alb.md 1.3: even when nothing is in flight
	synctest.Test(t, func(t *testing.T) {
		p, arn := alone(t, &scripted{answer: "200 OK"}, "60")
		tg := []Target{{ID: "10.0.0.1", Port: 80}}
		if err := p.RegisterTargets(t.Context(), arn, tg); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := p.DeregisterTargets(t.Context(), arn, tg); err != nil {
			t.Fatal(err)
		}
		if got := p.Health(arn, "10.0.0.1", 80); got != draining {
			t.Errorf("at once: %+v", got)
		}
		if err := p.RegisterTargets(t.Context(), arn, tg); err == nil {
			t.Error("registered again while it drains")
		}
		time.Sleep(59 * time.Second)
		if got := p.Health(arn, "10.0.0.1", 80); got != draining {
			t.Errorf("after 59 s: %+v", got)
		}
		time.Sleep(2 * time.Second)
		if got := p.Health(arn, "10.0.0.1", 80); got != notRegistered {
			t.Errorf("after the delay: %+v", got)
		}
		if all, _ := p.TargetHealth(arn, nil); len(all) != 0 {
			t.Errorf("still listed: %+v", all)
		}
	})
}

func TestTargets_OfAGroupWithoutListenerAreUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answer: "200 OK"}
		p, arn := alone(t, s, "60")
		p.mu.Lock()
		delete(p.listeners, "x")
		p.refreshUse()
		p.mu.Unlock()
		if err := p.RegisterTargets(t.Context(), arn, []Target{{ID: "10.0.0.1", Port: 80}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := p.Health(arn, "10.0.0.1", 80); got != notInUse || s.asked != 0 {
			t.Errorf("%+v, checked %d times", got, s.asked)
		}
	})
}

func answers(name string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			return
		}
		fmt.Fprint(w, name)
	}))
}
