package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"miniecs/runtime/engine"
)

// listen records events until the test's end; the function gives what came until now, in a bubble.
func listen(t *testing.T, s *Sim) func() string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var got []string
	note := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, line)
	}
	ready := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for e, err := range s.Events(ctx) {
			switch {
			case err != nil:
				note("error: " + err.Error())
			case e.Kind == engine.EventReady:
				close(ready)
			case e.Kind == engine.EventDie:
				note(fmt.Sprint("die ", e.Name, " ", e.ExitCode))
			case e.Kind == engine.EventHealth:
				note(fmt.Sprint("health ", e.Name, " ", e.Health))
			default:
				note(fmt.Sprint(e.Kind, " ", e.Name))
			}
		}
	})
	<-ready
	t.Cleanup(func() { cancel(); wg.Wait() })
	return func() string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(got, "; ")
	}
}

func TestChaos_BehindOurBack(t *testing.T) {
	tests := []struct {
		name string
		do   func(s *Sim, id engine.ContainerID, ns string) error
		want string // events after the start
	}{
		{"kill", func(s *Sim, id engine.ContainerID, _ string) error { return s.KillContainer(id) }, "die t1-app 137"},
		{"exit", func(s *Sim, id engine.ContainerID, _ string) error { return s.ExitContainer(id, 3) }, "die t1-app 3"},
		{"oom", func(s *Sim, id engine.ContainerID, _ string) error { return s.OOMContainer(id) }, "oom t1-app; die t1-app 137"},
		{"remove", func(s *Sim, _ engine.ContainerID, _ string) error { return s.RemoveContainer("t1-app") }, "die t1-app 137; destroy t1-app"},
		{"pause", func(s *Sim, _ engine.ContainerID, ns string) error { return s.KillNamespace(ns) }, "die ns-1 137"},
		{"unseen", func(s *Sim, id engine.ContainerID, _ string) error {
			s.DropEvents(true)
			defer s.DropEvents(false)
			return s.KillContainer(id)
		}, ""},
		{"broken stream", func(s *Sim, id engine.ContainerID, _ string) error {
			s.BreakEvents()
			return s.KillContainer(id)
		}, "error: engine unavailable: unexpected EOF"},
		{"engine restart", func(s *Sim, _ engine.ContainerID, _ string) error {
			s.Restart(0)
			return nil
		}, "error: engine unavailable: Cannot connect to the Docker daemon. Is the docker daemon running?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Config{})
				ns := take(t, s)
				id := run(t, s, spec("t1", "app", "app:1", ns))
				events := listen(t, s)
				if err := tt.do(s, id, ns.ID); err != nil {
					t.Fatal(err)
				}
				if got := events(); got != tt.want {
					t.Errorf("events\n got %s\nwant %s", got, tt.want)
				}
			})
		})
	}
}

func TestChaos_Outage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{StartLatency: time.Second})
		ns := take(t, s)
		running := run(t, s, spec("t1", "app", "app:1", ns))
		created, err := s.Create(t.Context(), spec("t1", "other", "app:1", ns))
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { wantErr(t, "Start under way", s.Start(t.Context(), created), engine.ErrUnavailable) })
		synctest.Wait()
		s.Restart(time.Minute)
		wg.Wait()

		_, err = s.List(t.Context())
		wantErr(t, "List", err, engine.ErrUnavailable)
		_, err = s.Take(t.Context())
		wantErr(t, "Take", err, engine.ErrUnavailable)
		for _, err := range s.Events(t.Context()) {
			wantErr(t, "Events", err, engine.ErrUnavailable)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if st := inspect(t, s, running); st.State != engine.StateExited || st.ExitCode != 137 {
			t.Errorf("after the restart: %s %d, want exited 137", st.State, st.ExitCode)
		}
		_, err = s.Create(t.Context(), spec("t1", "third", "app:1", ns))
		wantErr(t, "Create in a dead namespace", err, engine.ErrGone)
	})
}

func TestChaos_Fail(t *testing.T) {
	s := New(Config{})
	boom := errors.New("boom")
	ns := take(t, s)
	s.Fail(OpCreate, 1, boom, true)
	_, err := s.Create(t.Context(), spec("t1", "app", "app:1", ns))
	wantErr(t, "first Create", err, boom)
	_, err = s.Create(t.Context(), spec("t1", "app", "app:1", ns))
	wantErr(t, "Create after one that was done", err, engine.ErrExists)
	s.Fail(OpCreate, 2, boom, false)
	for range 2 {
		_, err = s.Create(t.Context(), spec("t1", "b", "app:1", ns))
		wantErr(t, "Create", err, boom)
	}
	if _, err = s.Create(t.Context(), spec("t1", "b", "app:1", ns)); err != nil {
		t.Errorf("third Create: %v", err)
	}
}

func TestImages_PullFailsAsScripted(t *testing.T) {
	s := New(Config{})
	s.Script("app:1", Behaviour{Missing: true, PullError: "manifest unknown", PullFailures: 2})
	for i := range 3 {
		_, err := s.Pull(t.Context(), "app:1", engine.PullOptions{})
		if failed := err != nil; failed != (i < 2) {
			t.Errorf("pull %d: %v", i+1, err)
		}
		_, err = s.Image(t.Context(), "app:1")
		if missing := errors.Is(err, engine.ErrNotFound); missing != (i < 2) {
			t.Errorf("image after pull %d: %v", i+1, err)
		}
	}
	s.Script("gone:1", Behaviour{Missing: true})
	_, err := s.Create(t.Context(), spec("t1", "app", "gone:1", take(t, s)))
	wantErr(t, "Create without the image", err, engine.ErrNotFound)
}

func TestStart_FailsAsScripted(t *testing.T) {
	s := New(Config{})
	s.ScriptFunc("app:1", func(n int, _ engine.Spec) Behaviour {
		if n == 1 {
			return Behaviour{StartError: "exec: no such file"}
		}
		return Behaviour{}
	})
	s.ScriptContainer("proxy", Behaviour{StartError: "in use", PortTaken: true})
	ns := take(t, s)
	id, err := s.Create(t.Context(), spec("t1", "app", "app:1", ns))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), id); err == nil {
		t.Error("first start: no error")
	}
	if st := inspect(t, s, id); st.State != engine.StateCreated || st.Error != "exec: no such file" {
		t.Errorf("after a failed start: %s %q", st.State, st.Error)
	}
	if err := s.Start(t.Context(), id); err != nil {
		t.Errorf("second start: %v", err)
	}
	id, err = s.Create(t.Context(), spec("t1", "proxy", "app:1", ns))
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "start of proxy", s.Start(t.Context(), id), engine.ErrPortTaken)
}

// An hour of 500 crashing containers ends the same way in every run: order and chance come from the seed.
func TestSim_IsDeterministic(t *testing.T) {
	once := func() (out string) {
		synctest.Test(t, func(t *testing.T) {
			s := New(Config{Seed: 7, Jitter: 0.5, StartLatency: 300 * time.Millisecond})
			s.Script("app:1", Behaviour{ExitAfter: time.Minute, ExitJitter: 2 * time.Hour, ExitCode: 1})
			events := listen(t, s)
			var wg sync.WaitGroup
			for i := range 500 {
				ns := take(t, s)
				wg.Go(func() { run(t, s, spec(fmt.Sprintf("t%03d", i), "app", "app:1", ns)) })
			}
			wg.Wait()
			time.Sleep(time.Hour)
			out = events()
			if n := s.Counts(); n.Started != 500 || n.PeakRunning != 500 || n.Running == 0 || n.Running == 500 {
				t.Errorf("counts %+v", n)
			}
		})
		return out
	}
	if a, b := once(), once(); a != b {
		t.Errorf("two runs differ:\n%.300s\n%.300s", a, b)
	}
}
