package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"miniecs/runtime/engine"
)

func ways(t *testing.T, test func(t *testing.T, way string)) {
	for _, way := range []string{ReachDirect, ReachHatch} {
		t.Run(way, func(t *testing.T) { test(t, way) })
	}
}

func take(t testing.TB, d *Docker) engine.Namespace {
	t.Helper()
	n, err := d.Take(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func adopt(t testing.TB, d *Docker, ids ...string) map[string]engine.Namespace {
	t.Helper()
	alive, err := d.Adopt(limited(t), ids)
	if err != nil {
		t.Fatal(err)
	}
	return alive
}

func joiner(d *Docker, n engine.Namespace, name, image string, command ...string) engine.Spec {
	return engine.Spec{
		Name: d.slug() + "-" + name, Image: image, Command: command, Network: engine.NetworkAwsvpc, Namespace: n.ID,
		CapDrop: []string{"ALL"}, User: "1000", Owner: engine.Owner{Task: "t", Container: name},
	}
}

func TestNamespaces_ReachTasks(t *testing.T) {
	ways(t, func(t *testing.T, way string) {
		d := open(t, Config{Reach: way})
		image := guest(t, d)
		adopt(t, d)
		n := take(t, d)
		if want := "ip-" + strings.ReplaceAll(n.Address.String(), ".", "-") + ".ec2.internal"; n.Hostname != want || n.MAC == "" || !n.Subnet.Contains(n.Address) || !n.Gateway.IsValid() {
			t.Errorf("namespace: got %+v, want host name %s", n, want)
		}
		if _, err := dial(t, d, n.Address, 80); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("nobody listens: got %v, want ErrRefused", err)
		}
		run(t, d, joiner(d, n, "web", image, "serve", ":80"))
		run(t, d, joiner(d, n, "private", image, "serve", "127.0.0.1:81"))
		within(t, 5*time.Second, "port 80 answers", func() bool {
			text, err := dial(t, d, n.Address, 80)
			return err == nil && text == n.Hostname
		})
		get := run(t, d, joiner(d, n, "get", image, "get", "http://127.0.0.1:80/", "http://127.0.0.1:81/", "http://169.254.170.2/v4/x", "http://169.254.169.254/latest/meta-data/"))
		ended(t, d, get)
		var text strings.Builder
		for _, l := range output(t, d, get, engine.LogOptions{}) {
			text.WriteString(l.Text + "\n")
		}
		for _, want := range []string{
			"http://127.0.0.1:80/ 200 slow=false " + n.Hostname,
			"http://127.0.0.1:81/ 200 slow=false " + n.Hostname,
			`http://169.254.170.2/v4/x 503 slow=false {"code":"ServiceUnavailable"`,
			"http://169.254.169.254/latest/meta-data/ error slow=false",
		} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("inside the task: got\n%swant %s", text.String(), want)
			}
		}
		if _, err := dial(t, d, n.Address, 81); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("a port on 127.0.0.1 of the task: got %v, want ErrRefused", err)
		}
		for _, c := range []string{"web", "private", "get"} {
			if err := d.Remove(limited(t), engine.ContainerID(d.slug()+"-"+c)); err != nil {
				t.Error(err)
			}
		}
		for range 2 {
			if err := d.Release(limited(t), n.ID); err != nil {
				t.Error(err)
			}
		}
		if _, err := dial(t, d, n.Address, 80); !errors.Is(err, engine.ErrGone) {
			t.Errorf("a released namespace: got %v, want ErrGone", err)
		}
		if next := take(t, d); next.Address == n.Address {
			t.Errorf("%s was given again at once", n.Address)
		}
	})
}

func TestNamespaces_AdoptAfterRestart(t *testing.T) {
	ways(t, func(t *testing.T, way string) {
		d := open(t, Config{Reach: way})
		image := guest(t, d)
		adopt(t, d)
		used, forgotten := take(t, d), take(t, d)
		run(t, d, joiner(d, used, "web", image, "serve", ":80"))
		d.Want(1)
		ctx, cancel := context.WithCancel(limited(t))
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		within(t, 20*time.Second, "a spare stands ready", func() bool { return d.Spares() == 1 })
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}

		next := again(t, d, Config{Reach: ReachAuto})
		alive := adopt(t, next, used.ID, "0123")
		if len(alive) != 1 || alive[used.ID] != used {
			t.Errorf("alive: got %+v, want %+v", alive, used)
		}
		if next.Reach() != way {
			t.Errorf("reach: got %s, want what the earlier daemon used, %s", next.Reach(), way)
		}
		if next.Spares() != 1 {
			t.Errorf("got %d spares, want the one that was never taken", next.Spares())
		}
		if _, err := next.Inspect(limited(t), engine.ContainerID(forgotten.ID)); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("a namespace that was taken and is no task's: got %v, want ErrNotFound", err)
		}
		if text, err := dial(t, next, used.Address, 80); err != nil || text != used.Hostname {
			t.Errorf("dial after the restart: got %q, %v", text, err)
		}
		if subnet, err := next.Network(limited(t)); err != nil || subnet != used.Subnet {
			t.Errorf("network: got %s, %v, want %s as before", subnet, err, used.Subnet)
		}
		if spare := take(t, next); spare.ID == used.ID || spare.ID == forgotten.ID || next.Spares() != 0 {
			t.Errorf("take gave %+v", spare)
		}
	})
}

func TestNamespaces_DeadSpareIsNotHandedOut(t *testing.T) {
	d := open(t, Config{})
	adopt(t, d)
	d.Want(2)
	ctx, cancel := context.WithCancel(limited(t))
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	defer func() { cancel(); <-done }()
	within(t, 30*time.Second, "two spares stand ready", func() bool { return d.Spares() == 2 })
	d.pool.mu.Lock()
	victim := d.pool.spares[0]
	d.pool.mu.Unlock()
	if err := d.Stop(ctx, engine.ContainerID(victim.ID), 2*time.Second); err != nil {
		t.Fatal(err)
	}
	if s, err := d.Inspect(ctx, engine.ContainerID(victim.ID)); err != nil || s.ExitCode != 0 {
		t.Errorf("a stopped pause: got exit code %d, %v, want 0", s.ExitCode, err)
	}
	if n := take(t, d); n.ID == victim.ID {
		t.Error("a dead spare was handed out")
	}
	within(t, 30*time.Second, "two spares again", func() bool { return d.Spares() == 2 })
	d.Want(0)
	within(t, 30*time.Second, "spares nobody wants are removed", func() bool {
		list, err := d.pauses(ctx)
		return err == nil && len(list) == 1
	})
}

func TestNamespaces_NetworkComesBack(t *testing.T) {
	d := open(t, Config{})
	adopt(t, d)
	before, err := d.Network(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cli.NetworkRemove(limited(t), d.vpc.id); err != nil {
		t.Fatal(err)
	}
	if n := take(t, d); n.Subnet != before {
		t.Errorf("the network came back as %s, was %s", n.Subnet, before)
	}
}

func TestNetwork_AvoidsRoutes(t *testing.T) {
	d := open(t, Config{})
	routes, err := d.hostRoutes(limited(t))
	if err != nil || len(routes) == 0 {
		t.Fatalf("routes: got %v, %v", routes, err)
	}
	byHelper, err := d.routesByHelper(limited(t))
	if err != nil || len(byHelper) == 0 {
		t.Fatalf("routes by a helper: got %v, %v", byHelper, err)
	}
	seen := map[string]bool{}
	for _, r := range byHelper {
		seen[r.Prefix.String()] = true
	}
	for _, r := range routes {
		if strings.HasPrefix(r.Interface, "eth") && !seen[r.Prefix.String()] {
			t.Errorf("the helper did not see %v: %v", r, byHelper)
		}
	}
	subnet, err := d.Network(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	if r, taken := overlapping(subnet, routes); taken {
		t.Errorf("%s is routed: %v", subnet, r)
	}
	d.cfg.Subnet = routes[0].Prefix.String()
	wrong := &vpc{d: d}
	if err := wrong.make(limited(t)); err == nil || !strings.Contains(err.Error(), "is routed") && !strings.Contains(err.Error(), "/24 or larger") {
		t.Errorf("a range of the host itself: got %v", err)
	}
}

func TestReach_HatchWhereAddressesAreNotRoutable(t *testing.T) {
	d := open(t, Config{Reach: ReachAuto})
	image := guest(t, d)
	adopt(t, d)
	d.reach.dial = func(ctx context.Context, address string) (net.Conn, error) { // as under Docker Desktop
		if a, err := netip.ParseAddrPort(address); err == nil && !a.Addr().IsLoopback() {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return dialTCP(ctx, address)
	}
	n := take(t, d)
	if d.Reach() != ReachHatch {
		t.Errorf("reach: got %s, want hatch", d.Reach())
	}
	if found, err := d.pauses(limited(t)); err != nil || len(found) != 1 {
		t.Errorf("got %d pauses, %v: the first try is to be gone", len(found), err)
	}
	run(t, d, joiner(d, n, "web", image, "serve", ":80"))
	within(t, 5*time.Second, "port 80 answers", func() bool {
		text, err := dial(t, d, n.Address, 80)
		return err == nil && text == n.Hostname
	})
	if err := d.Stop(limited(t), engine.ContainerID(n.ID), time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, d, n.Address, 80); !errors.Is(err, engine.ErrGone) {
		t.Errorf("a dead namespace: got %v, want ErrGone", err)
	}
}

func TestNetwork_OwnContainerJoins(t *testing.T) {
	d := open(t, Config{})
	own := run(t, d, engine.Spec{Name: d.slug() + "-own", Image: guest(t, d), Command: []string{"sleep"}, Network: engine.NetworkBridge})
	d.ownName = func() (string, error) { return string(own[:12]), nil }
	for range 2 {
		if _, err := d.Network(limited(t)); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := d.Inspect(limited(t), own); err != nil || !s.Addresses[d.vpc.name].IsValid() {
		t.Errorf("own container: got addresses %v, %v, want one in %s", s.Addresses, err, d.vpc.name)
	}
	if err := d.sweepNetworks(limited(t)); err != nil {
		t.Errorf("the network cannot be removed again: %v", err)
	}
}

func TestNamespaces_Limit(t *testing.T) {
	d := open(t, Config{})
	info, err := d.Info(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	if !info.TaskLimits {
		t.Skipf("SKIP: cgroup version %s: a task's limits cannot be enforced as one", info.CgroupVersion)
	}
	image := guest(t, d)
	adopt(t, d)
	n := take(t, d)
	if err := d.Limit(limited(t), n.ID, 0.5, 48<<20); err != nil {
		t.Fatal(err)
	}
	small, big := joiner(d, n, "small", image, "eat", "4"), joiner(d, n, "big", image, "eat", "200")
	small.TaskCgroup, big.TaskCgroup = true, true
	if s := ended(t, d, run(t, d, small)); s.ExitCode != 0 {
		t.Errorf("within the limit: got %+v", s)
	}
	if s := ended(t, d, run(t, d, big)); s.ExitCode != 137 || !s.OOMKilled {
		t.Errorf("beyond the task's limit: got exit code %d, OOM %t, want 137, true", s.ExitCode, s.OOMKilled)
	}
	big.Name, big.TaskCgroup = big.Name+"2", false
	if s := ended(t, d, run(t, d, big)); s.ExitCode != 0 {
		t.Errorf("outside the task's cgroup: got %+v", s)
	}
}

func TestAddresses(t *testing.T) {
	p := netip.MustParsePrefix("172.31.0.0/16")
	for n, want := range map[uint32]string{1: "172.31.0.1", 10: "172.31.0.10", 256: "172.31.1.0", 65535: "172.31.255.255"} {
		if got := nth(p, n); got.String() != want || number(p, got) != n {
			t.Errorf("nth %d: got %s (%d), want %s", n, got, number(p, got), want)
		}
	}
	if got := dynamicRange(p).String(); got != "172.31.192.0/18" {
		t.Errorf("dynamic range: got %s", got)
	}
}

// BenchmarkTakeAndStart is a task with a spare standing ready; BenchmarkBareBridge the same container on a bridge.
func BenchmarkTakeAndStart(b *testing.B) {
	d := open(b, Config{})
	image := guest(b, d)
	adopt(b, d)
	d.Want(1)
	ctx, cancel := context.WithCancel(limited(b))
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	defer func() { cancel(); <-done }()
	var took time.Duration
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		within(b, time.Minute, "a spare", func() bool { return d.Spares() > 0 })
		b.StartTimer()
		begin := time.Now()
		n := take(b, d)
		took += time.Since(begin)
		id := run(b, d, joiner(d, n, fmt.Sprint("b", i), image, "sleep"))
		b.StopTimer()
		if err := errors.Join(d.Remove(ctx, id), d.Release(ctx, n.ID)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(took.Microseconds())/float64(b.N)/1000, "ms/take")
}

func BenchmarkBareBridge(b *testing.B) {
	d := open(b, Config{})
	image := guest(b, d)
	for i := 0; b.Loop(); i++ {
		id := run(b, d, engine.Spec{Name: fmt.Sprint(d.slug(), "-", i), Image: image, Command: []string{"sleep"}, Network: engine.NetworkBridge})
		b.StopTimer()
		if err := d.Remove(limited(b), id); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkDial(b *testing.B) {
	for _, way := range []string{ReachDirect, ReachHatch} {
		b.Run(way, func(b *testing.B) {
			d := open(b, Config{Reach: way})
			image := guest(b, d)
			adopt(b, d)
			n := take(b, d)
			run(b, d, joiner(d, n, "web", image, "serve", ":80"))
			within(b, 5*time.Second, "port 80 answers", func() bool {
				_, err := dial(b, d, n.Address, 80)
				return err == nil
			})
			b.ReportAllocs()
			for b.Loop() {
				conn, err := d.Dial(limited(b), netip.AddrPortFrom(n.Address, 80))
				if err != nil {
					b.Fatal(err)
				}
				conn.Close()
			}
		})
	}
}
