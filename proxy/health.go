package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// checkPort is the port that health checks go to, resolved.
func (g *group) checkPort(t Target) string {
	if g.Check.Port == "traffic-port" {
		return strconv.Itoa(t.Port)
	}
	return g.Check.Port
}

// attend starts the loop of a target, once Run has begun. p.mu is held.
func (p *Proxy) attend(g *group, t *target) {
	if p.tasks == nil || p.ctx.Err() != nil {
		return
	}
	ctx := p.ctx
	p.tasks.Go(func() error { p.follow(ctx, g, t); return nil })
}

// follow checks one target until it is gone: at once, then at the group's interval, whatever a check takes
// (alb.md 1.2). Of a draining one it waits for the end of the delay.
func (p *Proxy) follow(ctx context.Context, g *group, t *target) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := time.Now()
	for first := true; ; first = false {
		check, now, until := p.checkOf(g, t)
		var wait time.Duration
		switch now.State {
		case "":
			return
		case StateDraining:
			if wait = time.Until(until); wait <= 0 {
				p.drained(g, t)
				return
			}
		case StateUnused:
			wait, due = time.Hour, time.Now()
		default:
			if first && now == registering {
				due = due.Add(p.scaled(registerDelay))
			} else if !time.Now().Before(due) {
				h := p.probe(ctx, t, check)
				if ctx.Err() != nil {
					return
				}
				p.result(g, t, check, h)
				for interval := p.scaled(time.Duration(check.IntervalSeconds) * time.Second); !due.After(time.Now()); {
					due = due.Add(interval)
				}
			}
			wait = time.Until(due)
		}
		timer.Reset(max(wait, 0))
		select {
		case <-ctx.Done():
			return
		case <-t.ctx.Done():
			return
		case <-t.poke:
		case <-timer.C:
		}
	}
}

// checkOf gives the settings of a target's check, its health (no state when it is gone) and the end of its draining.
func (p *Proxy) checkOf(g *group, t *target) (HealthCheck, Health, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.find(t.ID, t.Port) != t {
		return HealthCheck{}, Health{}, time.Time{}
	}
	c := g.Check
	c.Port = g.checkPort(t.Target)
	return c, t.Health, t.DrainUntil
}

func (p *Proxy) drained(g *group, t *target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.Health.State == StateDraining && g.find(t.ID, t.Port) == t {
		p.drop(g, t)
	}
}

// result counts the outcome of a check and changes the state by the thresholds (alb.md 1.3).
func (p *Proxy) result(g *group, t *target, c HealthCheck, found Health) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.Health.State == StateDraining || t.Health.State == StateUnused {
		return
	}
	if found.State == StateHealthy {
		t.passed, t.failed = t.passed+1, 0
	} else {
		t.passed, t.failed = 0, t.failed+1
	}
	next := t.Health
	switch {
	case t.Health.State == StateInitial && t.passed > 0: // one success is enough
		next = healthy
	case t.Health.State == StateUnhealthy && t.passed >= c.HealthyThreshold:
		next = healthy
	case t.failed >= c.UnhealthyThreshold:
		next = found
	case t.Health == registering:
		next = checking
	}
	if next == t.Health {
		return
	}
	p.say(g, t, next)
	t.Health = next
	if next.State == StateUnhealthy {
		t.transport.CloseIdleConnections()
	}
	p.moved(g, true)
}

// probe asks the target once, on a connection of its own (alb.md 1.2).
func (p *Proxy) probe(ctx context.Context, t *target, c HealthCheck) Health {
	ctx, cancel := context.WithTimeout(ctx, p.scaled(time.Duration(c.TimeoutSeconds)*time.Second))
	defer cancel()
	at := t.Target
	at.Port, _ = strconv.Atoi(c.Port)
	code, err := p.ask(ctx, at, c.Path)
	switch {
	case timedOut(err) || ctx.Err() != nil:
		return Health{StateUnhealthy, "Target.Timeout", "Request timed out"}
	case err != nil:
		return Health{StateUnhealthy, "Target.FailedHealthChecks", "Health checks failed"}
	}
	ranges, _ := parseMatcher(c.Matcher)
	for _, r := range ranges {
		if code >= r[0] && code <= r[1] {
			return healthy
		}
	}
	return Health{StateUnhealthy, "Target.ResponseCodeMismatch", fmt.Sprintf("Health checks failed with these codes: [%d]", code)}
}

func (p *Proxy) ask(ctx context.Context, t Target, path string) (code int, err error) {
	conn, err := p.cfg.Dialer.Dial(ctx, t)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nUser-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n",
		path, net.JoinHostPort(t.ID, strconv.Itoa(t.Port)))
	if err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, 64<<10)), nil)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// timedOut says whether an error means that no answer came in time.
func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}
