package sim

import (
	"cmp"
	"context"
	"iter"
	"time"

	"miniecs/runtime/engine"
)

// Logs yields the lines that the container's behaviour has written by now, and with Follow those to come.
func (s *Sim) Logs(ctx context.Context, id engine.ContainerID, opts engine.LogOptions) iter.Seq2[engine.LogLine, error] {
	return func(yield func(engine.LogLine, error) bool) {
		lines, ended, err := s.logOf(ctx, id)
		if err != nil {
			yield(engine.LogLine{}, err)
			return
		}
		now := time.Now()
		written := 0
		for written < len(lines) && !lines[written].Time.After(now) {
			written++
		}
		from := 0
		if opts.Tail > 0 {
			from = max(0, written-opts.Tail)
		}
		for i, line := range lines[from:] {
			if line.Time.Before(opts.Since) {
				continue
			}
			if from+i >= written && (!opts.Follow || !sleepUntil(ctx, line.Time, ended)) {
				return
			}
			if !yield(line, nil) {
				return
			}
		}
		if opts.Follow && ended != nil {
			select {
			case <-ended:
			case <-ctx.Done():
			}
		}
	}
}

// logOf gives all lines that a container will write unless it ends before, and what tells its end.
func (s *Sim) logOf(ctx context.Context, id engine.ContainerID) ([]engine.LogLine, <-chan struct{}, error) {
	if err := s.reachable(ctx); err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(id)
	if err != nil || c.status.StartedAt.IsZero() {
		return nil, nil, err
	}
	var out []engine.LogLine
	for _, l := range c.behaviour.Log {
		t := c.status.StartedAt.Add(l.After)
		if !c.status.FinishedAt.IsZero() && t.After(c.status.FinishedAt) {
			break
		}
		out = append(out, engine.LogLine{Time: t, Stream: cmp.Or(l.Stream, "stdout"), Text: l.Text})
	}
	return out, c.ended, nil
}

// sleepUntil waits for t; false if the end or ctx came first.
func sleepUntil(ctx context.Context, t time.Time, ended <-chan struct{}) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ended:
		return false
	case <-ctx.Done():
		return false
	}
}
