package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"miniecs/store"
)

// piped is a network of net.Pipe, for bubbles: each target answers with a status, hangs, refuses or talks garbage.
type piped struct {
	mu      sync.Mutex
	answers map[string]string // by target: "200", "hang", "refuse", "garbage", "slow 1s"
	asked   []string          // the first lines and headers of all requests
}

func (d *piped) set(t Target, answer string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers[t.String()] = answer
}

func (d *piped) Dial(ctx context.Context, t Target) (net.Conn, error) {
	d.mu.Lock()
	answer := d.answers[t.String()]
	d.mu.Unlock()
	switch answer {
	case "refuse", "":
		return nil, errors.New("connection refused")
	case "blackhole":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	client, server := net.Pipe()
	go d.serve(server, answer)
	return client, nil
}

func (d *piped) serve(c net.Conn, answer string) {
	defer c.Close()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	d.mu.Lock()
	d.asked = append(d.asked, fmt.Sprintf("%s %s %s host=%s agent=%s close=%t accept=%s", time.Now().Format("15:04:05"), r.Method,
		r.RequestURI, r.Host, r.UserAgent(), r.Close, r.Header.Get("Accept-Encoding")))
	d.mu.Unlock()
	if wait, ok := strings.CutPrefix(answer, "slow "); ok {
		pause, _ := time.ParseDuration(wait)
		time.Sleep(pause)
		answer = "200"
	}
	switch answer {
	case "hang":
		_, _ = c.Read(make([]byte, 1)) // until the other side gives up
	case "garbage":
		fmt.Fprint(c, "what do you want?\r\n\r\n")
	default:
		fmt.Fprintf(c, "HTTP/1.1 %s X\r\nContent-Length: 2\r\nLocation: /elsewhere\r\n\r\nok", answer)
	}
}

// bubble is a world without sockets: the listener exists, but none is served.
func bubble(t *testing.T, cfg Config) (*world, *piped) {
	t.Helper()
	d := &piped{answers: map[string]string{}}
	if cfg.Store == nil {
		cfg.Store = store.NewMemory()
	}
	base := testConfig(cfg.Store, d)
	base.TimeScale, base.Told = cfg.TimeScale, cfg.Told
	p := newProxy(t, base)
	w := newWorld(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	r := &run{ctx: ctx}
	p.change.Lock()
	p.run = r
	p.change.Unlock()
	go func() { p.changes.forward(ctx) }()
	t.Cleanup(func() {
		cancel()
		r.wg.Wait()
		for _, g := range p.groups {
			for _, x := range g.order {
				x.closeIdle()
			}
		}
		synctest.Wait()
	})
	return w, d
}

func TestHealth_StatesAndReasons(t *testing.T) {
	const interval = 5 * time.Second
	for _, c := range []struct {
		name    string
		answers []string // one for each check
		want    []Health // after each check
	}{
		{"one success makes it healthy", []string{"200"}, []Health{healthHealthy}},
		{"a redirect is not followed", []string{"301", "301"}, []Health{healthChecking, mismatch(301)}},
		{"a wrong status", []string{"500", "502"}, []Health{healthChecking, mismatch(502)}},
		{"the reason follows", []string{"500", "500", "refuse", "404"}, []Health{healthChecking, mismatch(500), healthFailed, mismatch(404)}},
		{"no connection", []string{"refuse", "refuse"}, []Health{healthChecking, healthFailed}},
		{"garbage", []string{"garbage", "garbage"}, []Health{healthChecking, healthFailed}},
		{"no answer", []string{"hang", "hang"}, []Health{healthChecking, healthTimeout}},
		{"no connection in time", []string{"blackhole", "blackhole"}, []Health{healthChecking, healthTimeout}},
		{"an answer in time", []string{"slow 1900ms"}, []Health{healthHealthy}},
		{"an answer too late", []string{"slow 2100ms", "slow 2100ms"}, []Health{healthChecking, healthTimeout}},
		{"one failure is none", []string{"200", "500", "200", "500"}, []Health{healthHealthy, healthHealthy, healthHealthy, healthHealthy}},
		{"a row of successes is needed to come back", []string{"500", "500", "200", "500", "200", "200"},
			[]Health{healthChecking, mismatch(500), mismatch(500), mismatch(500), mismatch(500), healthHealthy}},
		{"healthy turns unhealthy", []string{"200", "503", "503"}, []Health{healthHealthy, healthHealthy, mismatch(503)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, d := bubble(t, Config{})
				target := Target{ID: "10.0.0.1", Port: 8080}
				d.set(target, c.answers[0])
				w.register(t, target)
				for i, want := range c.want {
					time.Sleep(interval - time.Second) // just before the next check, with all answers in
					synctest.Wait()
					if got := w.health(target); got != want {
						t.Fatalf("after check %d (%s): got %+v, want %+v", i+1, c.answers[i], got, want)
					}
					if i+1 < len(c.answers) {
						d.set(target, c.answers[i+1])
					}
					time.Sleep(time.Second)
				}
			})
		})
	}
}

func TestHealth_TheRequestAndItsSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := bubble(t, Config{})
		if _, err := w.p.ModifyTargetGroup(t.Context(), w.group.ARN, HealthCheck{Path: "/health?deep=1", Port: "9000"}); err != nil {
			t.Fatal(err)
		}
		target := Target{ID: "10.0.0.1", Port: 8080}
		d.set(Target{ID: "10.0.0.1", Port: 9000}, "slow 1s") // the answer's time does not shift the next check
		w.register(t, target)
		time.Sleep(11500 * time.Millisecond)
		synctest.Wait()
		var want []string
		for _, s := range []string{"00", "05", "10"} {
			want = append(want, "00:00:"+s+" GET /health?deep=1 host=10.0.0.1:9000 agent=ELB-HealthChecker/2.0 close=true accept=gzip, compressed")
		}
		for i := range d.asked {
			d.asked[i] = "00:00" + d.asked[i][5:]
		}
		if !slices.Equal(d.asked, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(d.asked, "\n"), strings.Join(want, "\n"))
		}
		if got := w.health(target); got != healthHealthy {
			t.Errorf("got %+v", got)
		}
	})
}

func TestHealth_DrainingTakesTheWholeDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []string
		w, d := bubble(t, Config{Told: func(_ string, t Target, h Health) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, t.ID+" "+h.State)
		}})
		w.set(t, "deregistration_delay.timeout_seconds", "30")
		a, b := Target{ID: "10.0.0.1", Port: 80}, Target{ID: "10.0.0.2", Port: 80}
		d.set(a, "200")
		d.set(b, "200")
		w.register(t, a, b)
		time.Sleep(time.Second)
		synctest.Wait()
		w.deregister(t, a, Target{ID: "10.9.9.9", Port: 1})
		for range 3 {
			if got := w.p.groups[w.group.ARN].picker.Load().pick(); got == nil || got.Target != b {
				t.Fatalf("a draining target was picked: %v", got)
			}
		}
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if got := w.health(a); got != healthDraining {
			t.Errorf("before the end: got %+v", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := w.health(a); got != healthNotRegistered {
			t.Errorf("after the end: got %+v", got)
		}
		want := []string{"10.0.0.1 draining", "10.0.0.1 unused"}
		if got := slices.DeleteFunc(told, func(s string) bool { return !strings.Contains(s, "draining") && !strings.Contains(s, "unused") }); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestHealth_TimeScaleDividesWhatUsersSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := bubble(t, Config{TimeScale: 10})
		target := Target{ID: "10.0.0.1", Port: 80}
		d.set(target, "200")
		w.register(t, target)
		synctest.Wait()
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if n := len(d.asked); n != 3 { // at 0, 0.5 and 1 s
			t.Errorf("%d checks in 1.1 s, want 3", n)
		}
		w.deregister(t, target) // 300 s
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if got := w.health(target); got != healthDraining {
			t.Errorf("after 29 s: %+v", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := w.health(target); got != healthNotRegistered {
			t.Errorf("after 31 s: %+v", got)
		}
	})
}

func TestHealth_GroupWithoutListenerIsNotInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := bubble(t, Config{})
		a, b := Target{ID: "10.0.0.1", Port: 80}, Target{ID: "10.0.0.2", Port: 80}
		d.set(a, "200")
		d.set(b, "200")
		w.register(t, a, b)
		time.Sleep(time.Second)
		synctest.Wait()
		w.deregister(t, b)
		if err := w.p.DeleteLoadBalancer(t.Context(), w.balancer.ARN); err != nil {
			t.Fatal(err)
		}
		if got := w.health(a); got != healthNotInUse {
			t.Errorf("registered: got %+v", got)
		}
		if got := w.health(b); got != healthNotRegistered {
			t.Errorf("it was draining: got %+v", got)
		}
		before := len(d.asked)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(d.asked) != before {
			t.Error("an unused target is checked")
		}
		w.deregister(t, a) // nothing drains
		if got := w.health(a); got != healthNotRegistered {
			t.Errorf("deregistered: got %+v", got)
		}
	})
}

func TestHealth_UnusedTargetsAreCheckedOnceAListenerComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := bubble(t, Config{})
		g, err := w.p.CreateTargetGroup(t.Context(), testGroup("other"))
		if err != nil {
			t.Fatal(err)
		}
		target := Target{ID: "10.0.0.1", Port: 80}
		d.set(target, "200")
		if err := w.p.RegisterTargets(t.Context(), g.ARN, []Target{target}); err != nil {
			t.Fatal(err)
		}
		if got := w.p.Health(g.ARN, target.ID, target.Port); got != healthNotInUse {
			t.Fatalf("got %+v", got)
		}
		_, err = w.p.ModifyListener(t.Context(), w.listener.ARN, Listener{DefaultActions: []Action{{Type: ActionForward, TargetGroup: g.ARN}}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := w.p.Health(g.ARN, target.ID, target.Port); got != healthHealthy {
			t.Fatalf("got %+v", got)
		}
	})
}

func TestRegister_AgainWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := bubble(t, Config{})
		target := Target{ID: "10.0.0.1", Port: 80}
		d.set(target, "200")
		w.register(t, target)
		w.register(t, target) // a no-op
		time.Sleep(time.Second)
		w.deregister(t, target)
		time.Sleep(time.Second)
		w.register(t, target)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := w.health(target); got != healthHealthy {
			t.Fatalf("got %+v", got)
		}
		time.Sleep(10 * time.Minute) // the old one's end is not the new one's
		synctest.Wait()
		if got := w.health(target); got != healthHealthy {
			t.Errorf("got %+v", got)
		}
	})
}

func TestChanged_NeverBlocksAndLosesNoGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanges()
		for i := range 1000 {
			c.add(fmt.Sprint("group", i%10)) // nobody receives
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { c.forward(ctx); close(done) }()
		for i := range 10 {
			if got, want := <-c.out, fmt.Sprint("group", i); got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
		}
		synctest.Wait()
		c.add("late")
		if got := <-c.out; got != "late" {
			t.Fatalf("got %s", got)
		}
		cancel()
		<-done
	})
}

func TestPicker(t *testing.T) {
	in := func(states ...string) []*target {
		var all []*target
		for i, s := range states {
			all = append(all, &target{targetRecord: targetRecord{Target: Target{ID: string(rune('a' + i))}, Health: Health{State: s}}})
		}
		return all
	}
	for _, c := range []struct {
		name       string
		targets    []*target
		attributes map[string]string
		want       string // six picks
	}{
		{"healthy in turn", in("healthy", "healthy", "healthy"), nil, "abcabc"},
		{"only healthy ones", in("unhealthy", "healthy", "initial", "unused", "draining"), nil, "bbbbbb"},
		{"all fail: fail-open", in("unhealthy", "unhealthy", "initial", "draining"), nil, "ababab"},
		{"initial ones get nothing", in("initial", "initial"), nil, "------"},
		{"nobody", nil, nil, "------"},
		{"too few by count", in("healthy", "unhealthy"), map[string]string{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "2"}, "ababab"},
		{"too few by percentage", in("healthy", "unhealthy", "unhealthy"), map[string]string{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "34"}, "abcabc"},
		{"enough by percentage", in("healthy", "unhealthy", "unhealthy"), map[string]string{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "33"}, "aaaaaa"},
		{"fewest in flight", in("healthy", "healthy", "healthy"), map[string]string{"load_balancing.algorithm.type": "least_outstanding_requests"}, "abcabc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &group{conf: &TargetGroup{Attributes: c.attributes}, order: c.targets}
			g.publish()
			got := ""
			for range 6 {
				if x := g.picker.Load().pick(); x != nil {
					got += x.Target.ID
				} else {
					got += "-"
				}
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
