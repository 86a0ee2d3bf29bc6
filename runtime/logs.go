package runtime

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"

	"miniecs/runtime/engine"
)

// keptLog is how much of a container's output outlives it, in bytes.
const keptLog = 1 << 20

// LogRecord is one line of a container's output.
type LogRecord struct {
	Task      string    `json:"task,omitempty"`
	Container string    `json:"container,omitempty"`
	Time      time.Time `json:"time"`
	Stream    string    `json:"stream"`
	Text      string    `json:"text"`
}

// LogQuery selects log lines: of one task (id or ARN), of a service's tasks, or of a cluster's.
type LogQuery struct {
	Cluster, Task, Service, Container string
	Since                             time.Time
	Tail                              int // per container; 0 all
	Follow                            bool
}

func (r *Runtime) logDir(task string) string {
	if r.cfg.LogDir == "" {
		return ""
	}
	return filepath.Join(r.cfg.LogDir, task)
}

// keepLogs writes the end of a container's output to a file, since the engine forgets it with the container.
func (r *Runtime) keepLogs(ctx context.Context, t *Task, c *Container) {
	dir := r.logDir(t.ID)
	if dir == "" {
		return
	}
	path := filepath.Join(dir, c.Name+".log")
	if _, err := os.Stat(path); err == nil {
		return // kept before a restart
	}
	var lines [][]byte
	size := 0
	for l, err := range r.eng.Logs(ctx, engine.ContainerID(c.RuntimeID), engine.LogOptions{}) {
		if ctx.Err() != nil {
			return // the next daemon keeps them
		}
		if err != nil {
			r.log.Warn().Err(err).Str("task", t.ID).Str("container", c.Name).Msg("logs not kept whole")
			break
		}
		b, _ := json.Marshal(LogRecord{Time: l.Time, Stream: l.Stream, Text: l.Text})
		lines, size = append(lines, append(b, '\n')), size+len(b)+1
		for size > keptLog {
			size -= len(lines[0])
			lines = lines[1:]
		}
	}
	if ctx.Err() != nil {
		return
	}
	if err := writeFile(path, bytes.Join(lines, nil)); err != nil {
		r.log.Warn().Err(err).Str("task", t.ID).Str("container", c.Name).Msg("logs not kept")
	}
}

// writeFile replaces a file whole or not at all.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// containerLogs yields the lines of one container, from the engine while it has them, else from what was kept.
func (r *Runtime) containerLogs(ctx context.Context, t *Task, c *Container, q LogQuery) iter.Seq2[LogRecord, error] {
	return func(yield func(LogRecord, error) bool) {
		rec := LogRecord{Task: t.ID, Container: c.Name}
		if path := filepath.Join(r.logDir(t.ID), c.Name+".log"); r.logDir(t.ID) != "" {
			if data, err := os.ReadFile(path); err == nil {
				keptLogs(data, rec, q, yield)
				return
			}
		}
		if c.RuntimeID == "" {
			return
		}
		opts := engine.LogOptions{Since: q.Since, Tail: q.Tail, Follow: q.Follow}
		for l, err := range r.eng.Logs(ctx, engine.ContainerID(c.RuntimeID), opts) {
			if errors.Is(err, engine.ErrNotFound) || ctx.Err() != nil {
				return
			}
			rec.Time, rec.Stream, rec.Text = l.Time, l.Stream, l.Text
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

func keptLogs(data []byte, rec LogRecord, q LogQuery, yield func(LogRecord, error) bool) {
	var lines []LogRecord
	scan := bufio.NewScanner(bytes.NewReader(data))
	scan.Buffer(nil, keptLog+1024)
	for scan.Scan() {
		l := rec
		if json.Unmarshal(scan.Bytes(), &l) == nil && !l.Time.Before(q.Since) {
			lines = append(lines, l)
		}
	}
	if q.Tail > 0 && len(lines) > q.Tail {
		lines = lines[len(lines)-q.Tail:]
	}
	for _, l := range lines {
		if !yield(l, nil) {
			return
		}
	}
}

// Logs gives lines to emit, one call at a time, until all are told; with q.Follow until ctx ends, or, if one task is
// asked for, until that is STOPPED. Tasks that start meanwhile are followed too.
func (r *Runtime) Logs(ctx context.Context, q LogQuery, emit func(LogRecord) error) error {
	r.mu.Lock()
	c, err := r.cluster(q.Cluster)
	if err == nil && q.Task != "" && r.findTask(c, q.Task) == nil {
		err = refuse(Invalid, "The referenced task was not found.")
	}
	if err == nil && q.Service != "" && r.services[serviceKey{c.Name, lastPart(q.Service)}] == nil {
		err = refuse(ServiceNotFound, "Service not found.")
	}
	r.mu.Unlock()
	if err != nil {
		return err
	}
	f := &follower{r: r, q: q, cluster: c, emit: emit, seen: map[string]bool{}}
	return f.run(ctx)
}

// follower reads the logs of many containers into one stream.
type follower struct {
	r       *Runtime
	q       LogQuery
	cluster *Cluster
	mu      sync.Mutex // one emit at a time
	emit    func(LogRecord) error
	failed  error
	seen    map[string]bool // containers that are read already, by task and name
}

func (f *follower) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		todo, alive := f.fresh()
		for _, t := range todo {
			for i := range t.Containers {
				c := &t.Containers[i]
				key := t.ID + "/" + c.Name
				if f.seen[key] || f.q.Container != "" && f.q.Container != c.Name || c.StartedAt.IsZero() && t.LastStatus != StatusStopped {
					continue
				}
				f.seen[key] = true
				read := func() { f.read(ctx, cancel, &t, c) }
				if f.q.Follow {
					wg.Go(read)
				} else {
					read()
				}
			}
		}
		if !f.q.Follow || f.q.Task != "" && !alive {
			wg.Wait()
			return f.failed
		}
		sleep(ctx, 200*time.Millisecond)
		if ctx.Err() != nil {
			wg.Wait()
			return f.failed
		}
	}
}

// fresh gives the tasks that the query means, the oldest first, and whether any of them still lives.
func (f *follower) fresh() (out []Task, alive bool) {
	r := f.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tasks {
		if t.Cluster != f.cluster.Name || f.q.Task != "" && lastPart(f.q.Task) != t.ID || f.q.Service != "" && t.Service != lastPart(f.q.Service) {
			continue
		}
		out = append(out, t.clone())
		alive = alive || t.LastStatus != StatusStopped
	}
	sortByCreation(out)
	return out, alive
}

func (f *follower) read(ctx context.Context, cancel func(), t *Task, c *Container) {
	for rec, err := range f.r.containerLogs(ctx, t, c, f.q) {
		f.mu.Lock()
		if err == nil && f.failed == nil {
			err = f.emit(rec)
		}
		if err != nil && f.failed == nil && ctx.Err() == nil {
			f.failed = err
			cancel()
		}
		stop := f.failed != nil
		f.mu.Unlock()
		if stop {
			return
		}
	}
}
