package sim

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"miniecs/runtime/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spec is a container of task t in a namespace.
func spec(t, name, image string, ns engine.Namespace) engine.Spec {
	return engine.Spec{
		Name: t + "-" + name, Image: image, Network: engine.NetworkAwsvpc, Namespace: ns.ID,
		Owner: engine.Owner{Cluster: "default", Service: "web", Task: t, Family: "web", Revision: 3, Container: name},
	}
}

func take(t *testing.T, s *Sim) engine.Namespace {
	t.Helper()
	ns, err := s.Take(t.Context())
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	return ns
}

// run creates and starts a container.
func run(t *testing.T, s *Sim, sp engine.Spec) engine.ContainerID {
	t.Helper()
	id, err := s.Create(t.Context(), sp)
	if err != nil {
		t.Fatalf("Create %s: %v", sp.Name, err)
	}
	if err := s.Start(t.Context(), id); err != nil {
		t.Fatalf("Start %s: %v", sp.Name, err)
	}
	return id
}

func inspect(t *testing.T, s *Sim, id engine.ContainerID) engine.Status {
	t.Helper()
	st, err := s.Inspect(t.Context(), id)
	if err != nil {
		t.Fatalf("Inspect: %v", err)
	}
	return st
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func TestContainer_EndsAsScripted(t *testing.T) {
	tests := []struct {
		name string
		b    Behaviour
		when time.Duration // looked at
		want string
	}{
		{"runs on", Behaviour{}, time.Hour, "running 0 false"},
		{"exits with a code", Behaviour{ExitAfter: 3 * time.Second, ExitCode: 1}, 3 * time.Second, "exited 1 false"},
		{"not before", Behaviour{ExitAfter: 3 * time.Second, ExitCode: 1}, 2999 * time.Millisecond, "running 0 false"},
		{"exits at once", Behaviour{ExitAfter: 1, ExitCode: 7}, time.Millisecond, "exited 7 false"},
		{"out of memory", Behaviour{OOMAfter: time.Second}, time.Second, "exited 137 true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Config{StartLatency: 300 * time.Millisecond})
				s.Script("app:1", tt.b)
				id := run(t, s, spec("t1", "app", "app:1", take(t, s)))
				time.Sleep(tt.when)
				synctest.Wait()
				st := inspect(t, s, id)
				if got := fmt.Sprint(st.State, " ", st.ExitCode, " ", st.OOMKilled); got != tt.want {
					t.Errorf("after %s: got %q, want %q", tt.when, got, tt.want)
				}
			})
		})
	}
}

func TestContainer_StopHonoursGrace(t *testing.T) {
	tests := []struct {
		name string
		b    Behaviour
		took time.Duration
		code int
	}{
		{"ends at once", Behaviour{}, 0, 0},
		{"takes its time", Behaviour{StopAfter: 4 * time.Second, StopCode: 143}, 4 * time.Second, 143},
		{"takes too long", Behaviour{StopAfter: 40 * time.Second}, 30 * time.Second, 137},
		{"ignores SIGTERM", Behaviour{IgnoreSIGTERM: true}, 30 * time.Second, 137},
		{"ends by itself meanwhile", Behaviour{IgnoreSIGTERM: true, ExitAfter: 5 * time.Second, ExitCode: 3}, 5 * time.Second, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Config{})
				s.Script("app:1", tt.b)
				id := run(t, s, spec("t1", "app", "app:1", take(t, s)))
				begin := time.Now()
				if err := s.Stop(t.Context(), id, 30*time.Second); err != nil {
					t.Fatal(err)
				}
				if took, code := time.Since(begin), inspect(t, s, id).ExitCode; took != tt.took || code != tt.code {
					t.Errorf("took %s, code %d; want %s, %d", took, code, tt.took, tt.code)
				}
				if err := s.Stop(t.Context(), id, time.Second); err != nil {
					t.Errorf("Stop of an ended one: %v", err)
				}
			})
		})
	}
}

func TestContainer_NamesAreUnique(t *testing.T) {
	s := New(Config{})
	sp := spec("t1", "app", "app:1", take(t, s))
	id := run(t, s, sp)
	_, err := s.Create(t.Context(), sp)
	wantErr(t, "second Create", err, engine.ErrExists)
	if err := s.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), id); err != nil {
		t.Errorf("Remove of a missing one: %v", err)
	}
	_, err = s.Inspect(t.Context(), id)
	wantErr(t, "Inspect of a removed one", err, engine.ErrNotFound)
	again, err := s.Create(t.Context(), sp)
	if err != nil || again == id {
		t.Errorf("Create after Remove: id %v, %v; want another id", again, err)
	}
}

func TestStart_CancelledDoesNotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{StartLatency: time.Second})
		id, err := s.Create(t.Context(), spec("t1", "app", "app:1", take(t, s)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		wantErr(t, "Start", s.Start(ctx, id), context.DeadlineExceeded)
		time.Sleep(time.Minute)
		if st := inspect(t, s, id); st.State != engine.StateCreated {
			t.Errorf("state %s, want created", st.State)
		}
	})
}
