package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"miniecs/store"
)

func TestForward_SilentTargetIsAskedOnce(t *testing.T) { // alb.md 3.3: no retry of what was asked
	var asked atomic.Int32
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			asked.Add(1)
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
	c := ownClient(t)
	get(t, c, b.url()) // leaves a kept connection, over which a request without a body may be sent again
	if code, _, _ := get(t, c, b.url()+"/slow"); code != 504 || asked.Load() != 1 {
		t.Errorf("status %d, asked %d times; want 504 and once", code, asked.Load())
	}
}

func TestForward_PassesOnWhatTheClientWrote(t *testing.T) {
	var got atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.RequestURI + " " + r.Host + " " + fmt.Sprint(len(r.Header["X_under"])))
		w.Header()["Content-Type"] = nil
		fmt.Fprint(w, "<html>")
	}))
	t.Cleanup(s.Close)
	b := newBed(t, Config{}).wire(0)
	b.target(s, StateHealthy)
	c := ownClient(t)
	ask := func() (http.Header, string) {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", b.url()+"/a%2Fb//c?x=1;y=%zz&z", nil)
		req.Host = "Example.COM"
		req.Header["X_under"] = []string{"1"}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Header, got.Load().(string)
	}
	head, seen := ask()
	host := hostFor("example.com", false, &route{port: b.lst.BoundPort}) // 80 may be taken on this machine
	if want := "/a%2Fb//c?x=1;y=%zz&z " + host + " 1"; seen != want {
		t.Errorf("the target saw %q; want %q", seen, want)
	}
	if _, ok := head["Content-Type"]; ok {
		t.Errorf("a content type was made up: %q", head["Content-Type"])
	}
	if _, err := b.ModifyLoadBalancerAttributes(t.Context(), b.lb.ARN, map[string]string{"routing.http.drop_invalid_header_fields.enabled": "true"}); err != nil {
		t.Fatal(err)
	}
	if _, seen := ask(); !strings.HasSuffix(seen, " 0") {
		t.Errorf("an invalid header field came through: %q", seen)
	}
}

func TestDeleteLoadBalancer_CutsWhatIsOpenAndDoesNotWait(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			return
		}
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		_, _, _ = c.Read(r.Context())
	}))
	t.Cleanup(s.Close)
	b := newBed(t, Config{}).wire(300)
	tg := b.target(s, StateHealthy)
	c, _, err := websocket.Dial(t.Context(), b.url(), &websocket.DialOptions{HTTPClient: ownClient(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	began := time.Now()
	if err := b.DeleteLoadBalancer(t.Context(), b.lb.ARN); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("DeleteLoadBalancer took %v", d)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, _, err := c.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("the upgraded connection outlived its listener: %v", err)
	}
	if h := b.Health(b.group.ARN, tg.ID, tg.Port); h != notInUse {
		t.Errorf("target %+v; want NotInUse", h)
	}
}

func TestModifyListener_MovesWithoutAGap(t *testing.T) {
	s := answers("a")
	t.Cleanup(s.Close)
	b := newBed(t, Config{}).wire(300)
	tg := b.target(s, StateHealthy)
	free, err := freePort(t.Context(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	before := b.url()
	if b.lst, err = b.ModifyListener(t.Context(), Listener{ARN: b.lst.ARN, Port: free}); err != nil {
		t.Fatal(err)
	}
	if h := b.Health(b.group.ARN, tg.ID, tg.Port); h != healthy {
		t.Errorf("target %+v; want healthy all the time", h)
	}
	if code, _, body := get(t, ownClient(t), b.url()); code != 200 || body != "a" || b.lst.BoundPort != free {
		t.Errorf("%d %q on port %d", code, body, b.lst.BoundPort)
	}
	if resp, err := ownClient(t).Get(before); err == nil {
		resp.Body.Close()
		t.Error("the old port still answers")
	}
}

func TestRegister_AnInstanceAgainWhileItDrains(t *testing.T) { // alb.md 1.3: only addresses must wait
	synctest.Test(t, func(t *testing.T) {
		p, arn := alone(t, &scripted{answer: "200 OK"}, "60")
		p.mu.Lock()
		p.groups[arn].TargetType = "instance"
		p.mu.Unlock()
		tg := []Target{{ID: "i-1", Port: 32768}}
		for _, f := range []func(context.Context, string, []Target) error{p.RegisterTargets, p.DeregisterTargets, p.RegisterTargets} {
			if err := f(t.Context(), arn, tg); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		time.Sleep(time.Minute)
		if h := p.Health(arn, "i-1", 32768); h != healthy {
			t.Errorf("%+v; want healthy, past the first delay", h)
		}
	})
}

func TestPublish_Minimums(t *testing.T) { // alb.md 1.5
	const minimum = "target_group_health.unhealthy_state_routing.minimum_healthy_targets."
	tests := []struct {
		name   string
		attrs  map[string]string
		states string // h healthy, u unhealthy, i initial, d draining
		want   int
	}{
		{"healthy only", nil, "huu", 1},
		{"none healthy: all unhealthy", nil, "uuid", 2},
		{"initial and draining never", nil, "id", 0},
		{"below the count", map[string]string{minimum + "count": "2"}, "huu", 3},
		{"at the count", map[string]string{minimum + "count": "2"}, "hhu", 2},
		{"below the percentage", map[string]string{minimum + "percentage": "50"}, "huu", 3},
		{"at the percentage; who drains does not count", map[string]string{minimum + "percentage": "50"}, "hudd", 1},
	}
	states := map[rune]string{'h': StateHealthy, 'u': StateUnhealthy, 'i': StateInitial, 'd': StateDraining}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &group{TargetGroup: TargetGroup{Attributes: tt.attrs}}
			for _, s := range tt.states {
				g.Targets = append(g.Targets, &target{Health: Health{State: states[s]}})
			}
			g.publish()
			if got := len(g.picker.Load().targets); got != tt.want {
				t.Errorf("%d targets get requests; want %d", got, tt.want)
			}
		})
	}
}

func TestHealth_IsSavedThoughNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory()
		cfg := Config{Store: st, Dialer: &scripted{answer: "200 OK"}, Account: "000000000000", Region: "us-east-1"}
		ctx, cancel := context.WithCancel(t.Context())
		p, err := New(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		g, err := p.CreateTargetGroup(ctx, TargetGroup{Name: "tg", Protocol: "HTTP", Port: 80, VPCID: "v", TargetType: "ip"})
		if err != nil {
			t.Fatal(err)
		}
		// A listener's record without its group's: a crash came between.
		l := Listener{ARN: "x", ID: "x", LoadBalancerARN: "lb", Actions: forwardTo(g.ARN)}
		if err := p.RegisterTargets(ctx, g.ARN, []Target{{ID: "10.0.0.1"}}); err != nil {
			t.Fatal(err)
		}
		if err := st.Commit(ctx, record("listener", "x", l)); err != nil {
			t.Fatal(err)
		}
		if q, err := New(ctx, cfg); err != nil || q.Health(g.ARN, "10.0.0.1", 80) != checking {
			t.Errorf("%v %+v; want the target checked", err, q.Health(g.ARN, "10.0.0.1", 80))
		}
		p.mu.Lock()
		p.listeners["x"] = &l
		p.refreshUse()
		p.mu.Unlock()
		time.Sleep(time.Minute)
		if q, err := New(ctx, cfg); err != nil || q.Health(g.ARN, "10.0.0.1", 80) != healthy {
			t.Errorf("%v %+v; want the last known health", err, q.Health(g.ARN, "10.0.0.1", 80))
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
