package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// each runs a test on both implementations.
func each(t *testing.T, f func(*testing.T, Store)) {
	t.Run("memory", func(t *testing.T) { f(t, NewMemory()) })
	t.Run("bolt", func(t *testing.T) { f(t, open(t, filepath.Join(t.TempDir(), "state.db"))) })
}

func open(t *testing.T, path string) *Bolt {
	t.Helper()
	b, err := OpenBolt(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func put(bucket, id, value string) Change { return Change{Key{bucket, id}, Record(value)} }

func load(t *testing.T, s Store, bucket string) string {
	t.Helper()
	records, err := s.Load(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for k, r := range records {
		out += k.Bucket + "/" + k.ID + "=" + string(r) + " "
	}
	return out
}

func TestStore_KeepsRecordsByBucketInOrder(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		if got := load(t, s, "a"); got != "" {
			t.Errorf("fresh: %q", got)
		}
		if err := s.Commit(t.Context(), put("a", "2", "two"), put("a", "1", "one"), put("b", "1", "other"), put("a", "3", "")); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(t.Context(), Change{Key: Key{"a", "2"}}, Change{Key: Key{"a", "never"}}, put("a", "1", "uno")); err != nil {
			t.Fatal(err)
		}
		if got, want := load(t, s, "a"), "a/1=uno a/3= "; got != want {
			t.Errorf("%q; want %q", got, want)
		}
	})
}

func TestStore_RecordsAreCopies(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		rec := Record("kept")
		if err := s.Commit(t.Context(), Change{Key{"a", "1"}, rec}); err != nil {
			t.Fatal(err)
		}
		copy(rec, "lost")
		records, _ := s.Load(t.Context(), "a")
		for _, r := range records {
			copy(r, "lost")
		}
		if got := load(t, s, "a"); got != "a/1=kept " {
			t.Errorf("%q", got)
		}
	})
}

func TestStore_RefusesWhatCameTooLate(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Commit(ctx, put("a", "1", "x")); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(t.Context(), put("a", "1", "x")); err == nil {
			t.Error("a commit to a closed store succeeded")
		}
	})
}

func TestBolt_AllOrNothing(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "state.db"))
	if err := b.Commit(t.Context(), put("a", "1", "good"), put("a", "", "bbolt takes no empty key")); err == nil {
		t.Fatal("an impossible change succeeded")
	}
	if got := load(t, b, "a"); got != "" {
		t.Errorf("half of a commit is there: %q", got)
	}
}

func TestBolt_ConcurrentCommitsDoNotFailEachOther(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "state.db"))
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			changes, bad := []Change{put("a", fmt.Sprintf("%03d", i), "x")}, i%10 == 0
			if bad {
				changes = append(changes, put("a", "", "x"))
			}
			if err := b.Commit(t.Context(), changes...); (err != nil) != bad {
				t.Errorf("commit %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	records, err := b.Load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range records {
		n++
	}
	if n != 90 {
		t.Errorf("%d records; want 90", n)
	}
	stats := b.db.Stats()
	if syncs := stats.TxStats.GetWrite(); syncs > 100*4 {
		t.Errorf("%d writes for 100 commits: they were not grouped", syncs)
	}
}

func TestOpenBolt_SecondIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	open(t, path)
	if _, err := OpenBolt(path, 10*time.Millisecond); !errors.Is(err, ErrLocked) {
		t.Errorf("second open: %v; want ErrLocked", err)
	}
}

// TestBolt_SurvivesAKill starts this test again as a process that commits and is killed: what it was told is durable
// must be there, and whole.
func TestBolt_SurvivesAKill(t *testing.T) {
	if path := os.Getenv("STORE_TEST_FILE"); path != "" {
		b := open(t, path)
		for i := 0; ; i++ {
			n := fmt.Sprintf("%06d", i)
			if err := b.Commit(t.Context(), put("a", n, n), put("b", n, n)); err != nil {
				t.Fatal(err)
			}
			fmt.Println("did", n)
		}
	}
	path := filepath.Join(t.TempDir(), "state.db")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBolt_SurvivesAKill$")
	cmd.Env = append(os.Environ(), "STORE_TEST_FILE="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := ""
	for range 30 {
		if _, err := fmt.Fscanf(out, "did %s\n", &last); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	b := open(t, path)
	count := func(bucket string) (n int, found bool) {
		records, err := b.Load(t.Context(), bucket)
		if err != nil {
			t.Fatal(err)
		}
		for k, r := range records {
			if k.ID != string(r) {
				t.Errorf("record %s holds %q", k.ID, r)
			}
			n, found = n+1, found || k.ID == last
		}
		return n, found
	}
	na, a := count("a")
	nb, bb := count("b")
	if !a || !bb || na != nb || na < 30 {
		t.Errorf("a: %d %v, b: %d %v; want both with %s", na, a, nb, bb, last)
	}
}
