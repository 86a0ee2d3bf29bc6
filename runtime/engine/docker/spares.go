package docker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"miniecs/internal/pause"
	"miniecs/runtime/engine"
)

// Want sets how many spares to keep.
func (d *Docker) Want(spares int) {
	d.pool.mu.Lock()
	d.pool.want, d.pool.asked = max(spares, 0), true
	d.pool.mu.Unlock()
	d.pool.poke()
}

// Spares counts those that stand ready.
func (d *Docker) Spares() int {
	d.pool.mu.Lock()
	defer d.pool.mu.Unlock()
	return len(d.pool.spares)
}

func (p *pool) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run keeps as many spares as are wanted until ctx ends; it begins once Adopt has told what there is.
func (d *Docker) Run(ctx context.Context) error {
	p := d.pool
	select {
	case <-p.adopted:
	case <-ctx.Done():
		return nil
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	ctx = engine.WithPriority(ctx, engine.PrioritySpare)
	failed := make(chan error)
	check := time.NewTicker(spareCheck)
	defer check.Stop()
	delay, retry := makeBackoff, time.NewTimer(0)
	defer retry.Stop()
	paused := false
	for {
		p.trim(ctx)
		for !paused && p.begin() {
			workers.Go(func() {
				err := p.makeSpare(ctx)
				select {
				case failed <- err:
				case <-ctx.Done():
				}
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-check.C:
			p.check(ctx)
		case <-retry.C:
			paused = false
		case err := <-failed:
			if err == nil {
				delay = makeBackoff
			} else if !paused && ctx.Err() == nil {
				zerolog.Ctx(ctx).Warn().Err(err).Dur("retry", delay).Msg("no namespace could be made ahead")
				paused = true
				retry.Reset(delay)
				delay = min(2*delay, makeBackoffTo)
			}
		}
	}
}

// begin tells whether another spare is to be made; no more at one time than the gate would let in.
func (p *pool) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.spares)+p.making >= p.want || p.making >= max(p.d.gate.width-1, 1) {
		return false
	}
	p.making++
	return true
}

// makeSpare makes one when nobody else needs the engine. Who waits for a namespace gets it.
func (p *pool) makeSpare(ctx context.Context) error {
	defer func() {
		p.mu.Lock()
		p.making--
		p.mu.Unlock()
	}()
	leave, err := p.d.gate.enter(ctx)
	if err != nil {
		return nil // ctx ended
	}
	n, err := p.make(ctx)
	leave()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.takers) > 0 {
		t := p.takers[0]
		p.takers = p.takers[1:]
		t.got <- n
		t.cancel()
		return nil
	}
	p.spares = append(p.spares, n)
	return nil
}

// trim removes spares that are not wanted any more.
func (p *pool) trim(ctx context.Context) {
	for {
		p.mu.Lock()
		var extra *namespace
		if last := len(p.spares) - 1; p.asked && last >= p.want {
			extra = p.spares[last]
			p.spares = p.spares[:last]
		}
		p.mu.Unlock()
		if extra == nil || ctx.Err() != nil {
			return
		}
		p.discard(ctx, extra)
	}
}

// check looks whether the spares still answer: an engine that was restarted has stopped them all.
func (p *pool) check(ctx context.Context) {
	p.mu.Lock()
	spares := append([]*namespace(nil), p.spares...)
	p.mu.Unlock()
	for _, n := range spares {
		ask, cancel := context.WithTimeout(ctx, spareTimeout)
		g, err := p.d.helloOnce(ask, n.key, p.d.hatch(n))
		cancel()
		if ctx.Err() != nil || err == nil && !g.Taken {
			continue
		}
		if err == nil || errors.Is(err, pause.ErrGone) || p.ended(ctx, n.ID) {
			p.died(n.ID)
			p.discard(ctx, n)
		}
	}
}

// ended tells whether the engine says that a pause does not run.
func (p *pool) ended(ctx context.Context, id string) bool {
	s, err := p.d.Inspect(ctx, engine.ContainerID(id))
	return errors.Is(err, engine.ErrNotFound) || err == nil && s.State != engine.StateRunning
}
