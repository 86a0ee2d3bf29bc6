package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"miniecs/runtime/engine"
)

func TestNamespaces_SparesAreReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{NamespaceLatency: 800 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
		timed := func() time.Duration {
			begin := time.Now()
			take(t, s)
			return time.Since(begin)
		}
		if d := timed(); d != 800*time.Millisecond {
			t.Errorf("without a spare Take took %s", d)
		}
		s.Want(2)
		time.Sleep(time.Minute)
		if n := s.Spares(); n != 2 {
			t.Errorf("%d spares, want 2", n)
		}
		if d := timed(); d != 0 {
			t.Errorf("with a spare Take took %s", d)
		}
		s.Unavailable(true)
		time.Sleep(time.Minute)
		s.Unavailable(false)
		time.Sleep(time.Minute)
		if n := s.Spares(); n != 2 {
			t.Errorf("%d spares after Take and an outage, want 2", n)
		}
		s.Want(0)
		if n := s.Spares(); n != 0 {
			t.Errorf("%d spares, want 0", n)
		}
		cancel()
		wg.Wait()
	})
}

func TestNamespaces_AdoptedByASecondDaemon(t *testing.T) {
	s := New(Config{})
	used, dead, forgotten := take(t, s), take(t, s), take(t, s)
	id := run(t, s, spec("t1", "app", "app:1", used))
	if err := s.KillNamespace(dead.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	alive, err := s.Adopt(t.Context(), []string{used.ID, dead.ID, "ns-99"})
	if err != nil {
		t.Fatal(err)
	}
	if len(alive) != 1 || alive[used.ID] != used {
		t.Errorf("alive %v, want %s only", alive, used.ID)
	}
	if n := s.Counts().Namespaces; n != 1 {
		t.Errorf("%d namespaces, want 1: %s and %s are to be removed", n, dead.ID, forgotten.ID)
	}
	all, err := s.List(t.Context())
	if err != nil || len(all) != 1 || all[0].ID != id || all[0].State != engine.StateRunning || all[0].Owner.Task != "t1" {
		t.Errorf("List after Close: %+v, %v", all, err)
	}
}

func TestNamespaces_MisuseIsAViolation(t *testing.T) {
	s := New(Config{})
	ns := take(t, s)
	run(t, s, spec("t1", "app", "app:1", ns))
	run(t, s, spec("t1", "sidecar", "app:1", ns))
	if v := s.Violations(); len(v) != 0 {
		t.Fatalf("violations of a proper use: %v", v)
	}
	run(t, s, spec("t2", "app", "app:1", ns))
	if err := s.Release(t.Context(), ns.ID); err != nil {
		t.Fatal(err)
	}
	v := s.Violations()
	if len(v) != 4 || !strings.Contains(v[0], "used again by task t2") || !slices.ContainsFunc(v, func(l string) bool {
		return strings.Contains(l, "released with container t1-sidecar in it")
	}) {
		t.Errorf("violations %q", v)
	}
}

func TestNamespaces_AddressesDiffer(t *testing.T) {
	s := New(Config{})
	seen := map[string]bool{}
	for range 5000 {
		ns := take(t, s)
		if !ns.Subnet.Contains(ns.Address) || seen[ns.Address.String()] {
			t.Fatalf("address %s: outside of the range, or given twice", ns.Address)
		}
		seen[ns.Address.String()] = true
	}
	if ns := take(t, s); ns.Hostname != "ip-"+strings.ReplaceAll(fmt.Sprint(ns.Address), ".", "-")+".ec2.internal" {
		t.Errorf("hostname %s of %s", ns.Hostname, ns.Address)
	}
}

func TestPorts_AreTakenOnce(t *testing.T) {
	s := New(Config{})
	bridge := func(name string, port int) engine.ContainerID {
		sp := spec(name, "app", "app:1", engine.Namespace{})
		sp.Network, sp.Ports = engine.NetworkBridge, []engine.PortBinding{{ContainerPort: 80, HostPort: port, Protocol: "tcp"}}
		id, err := s.Create(t.Context(), sp)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	a, b, c := bridge("a", 8080), bridge("b", 8080), bridge("c", 0)
	for _, id := range []engine.ContainerID{a, c} {
		if err := s.Start(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	wantErr(t, "second on the port", s.Start(t.Context(), b), engine.ErrPortTaken)
	if p := inspect(t, s, c).Ports; len(p) != 1 || p[0].HostPort <= firstHostPort {
		t.Errorf("dynamic port: %+v", p)
	}
	if err := s.KillContainer(a); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), b); err != nil {
		t.Errorf("on the port after its owner's end: %v", err)
	}
	s.TakePort(9090, "tcp")
	wantErr(t, "on a stranger's port", s.Start(t.Context(), bridge("d", 9090)), engine.ErrPortTaken)
}
