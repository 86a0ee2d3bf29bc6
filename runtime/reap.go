package runtime

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"miniecs/taskdef"
)

// idleAfter is how long spares are kept when nothing runs any more.
const idleAfter = 10 * time.Minute

// reapLoop forgets what ECS forgets: STOPPED tasks after an hour, INACTIVE services likewise, deleted revisions.
func (r *Runtime) reapLoop(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	r.sweepLogs()
	for {
		r.reap(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Runtime) reap(now time.Time) {
	r.mu.Lock()
	var gone []*Task
	for _, t := range r.tasks {
		if t.LastStatus == StatusStopped && now.Sub(t.StoppedAt) > reapAfter {
			gone = append(gone, t)
		}
	}
	for _, of := range r.ofService { // a loop overnight must not fill a laptop
		gone = append(gone, surplus(of)...)
	}
	for _, t := range gone {
		r.forget(t)
	}
	for key, s := range r.services {
		if s.Status == StatusInactive && now.Sub(s.InactiveAt) > reapAfter && len(r.ofService[key]) == 0 {
			delete(r.services, key)
			r.touchService(s)
		}
	}
	r.dropDeleted()
	r.wantSpares()
	r.mu.Unlock()
	for _, t := range gone {
		if dir := r.logDir(t.ID); dir != "" {
			_ = os.RemoveAll(dir)
		}
	}
}

// sweepLogs removes the logs of tasks that are forgotten: a daemon may have ended between the two.
func (r *Runtime) sweepLogs() {
	if r.cfg.LogDir == "" {
		return
	}
	dirs, _ := os.ReadDir(r.cfg.LogDir) // none at the first start
	for _, d := range dirs {
		r.mu.Lock()
		known := r.tasks[d.Name()] != nil
		r.mu.Unlock()
		if !known {
			_ = os.RemoveAll(filepath.Join(r.cfg.LogDir, d.Name()))
		}
	}
}

// surplus are a service's STOPPED tasks beyond the newest keepStopped.
func surplus(of map[string]*Task) []*Task {
	var stopped []*Task
	for _, t := range of {
		if t.LastStatus == StatusStopped {
			stopped = append(stopped, t)
		}
	}
	if len(stopped) <= keepStopped {
		return nil
	}
	slices.SortFunc(stopped, func(a, b *Task) int { return b.StoppedAt.Compare(a.StoppedAt) })
	return stopped[keepStopped:]
}

// wantSpares says how many namespaces to keep ready: some while anything runs in awsvpc or ran lately, else none.
// r.mu is held.
func (r *Runtime) wantSpares() {
	want := 0
	for _, s := range r.services {
		if s.Status == StatusActive && s.DesiredCount > 0 && r.awsvpc(s.TaskDefinitionARN) {
			want = r.cfg.Spares
		}
	}
	for _, t := range r.tasks {
		if t.Attachment != nil && (t.LastStatus != StatusStopped || time.Since(t.StoppedAt) < idleAfter) && t.Service == "" {
			want = r.cfg.Spares
		}
	}
	r.eng.Want(max(want, 0))
}

func (r *Runtime) awsvpc(ref string) bool {
	td, _ := r.findRevision(ref)
	return td != nil && td.NetworkMode == taskdef.NetworkModeAwsvpc
}

// Busy says what still runs or wants to, in words; empty: nothing.
func (r *Runtime) Busy() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	services, tasks := 0, 0
	for _, s := range r.services {
		if s.Status != StatusInactive {
			services++
		}
	}
	for _, t := range r.tasks {
		if t.LastStatus != StatusStopped {
			tasks++
		}
	}
	if services+tasks == 0 {
		return ""
	}
	return fmt.Sprintf("%d services and %d tasks are still there", services, tasks)
}
