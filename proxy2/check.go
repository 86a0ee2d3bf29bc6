package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// checkNow checks a target once and draws the consequences.
func (p *Proxy) checkNow(ctx context.Context, t *target) {
	p.mu.RLock()
	hc, was := t.group.conf.HealthCheck, t.Health
	p.mu.RUnlock()
	if was == healthRegistering {
		p.setHealth(ctx, t, healthChecking)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.life, cancel)()
	result := t.check(ctx, hc, p.patience(hc.TimeoutSeconds))
	if ctx.Err() != nil {
		return // we are ending; that says nothing about the target
	}
	if next, changed := t.judge(was.State, result, hc); changed {
		p.setHealth(ctx, t, next)
	}
}

// judge counts a check's result and says whether the state changes by it (alb.md 1.3): one success is enough for a
// target that was never checked, a row of them for one that failed. A failing target that fails in another way has a
// new reason.
func (t *target) judge(state string, result Health, hc HealthCheck) (Health, bool) {
	if result.State == StateHealthy {
		t.passes, t.fails = t.passes+1, 0
		return result, state == StateInitial || state == StateUnhealthy && t.passes >= hc.HealthyThreshold
	}
	t.passes, t.fails = 0, t.fails+1
	return result, state == StateUnhealthy || t.fails >= hc.UnhealthyThreshold
}

// check asks a target once: healthy, or unhealthy with the reason (alb.md 1.2, 1.4).
func (t *target) check(ctx context.Context, hc HealthCheck, timeout time.Duration) Health {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	u, err := url.ParseRequestURI(hc.Path)
	if err != nil {
		return healthFailed
	}
	u.Scheme, u.Host = "http", net.JoinHostPort(t.Target.ID, strconv.Itoa(hc.port(t.Target.Port)))
	r := (&http.Request{
		Method: http.MethodGet, URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"User-Agent": {"ELB-HealthChecker/2.0"}, "Accept-Encoding": {"gzip, compressed"}},
	}).WithContext(ctx)
	res, err := t.checks.RoundTrip(r)
	switch {
	case isTimeout(err):
		return healthTimeout
	case err != nil:
		return healthFailed
	}
	res.Body.Close() // its content does not matter
	if !matches(hc.Matcher, res.StatusCode) {
		return mismatch(res.StatusCode)
	}
	return healthHealthy
}

// dialCheck connects to the port that is checked, which need not be that of the traffic.
func (p *Proxy) dialCheck(ctx context.Context, t *target, addr string) (net.Conn, error) {
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, err
	}
	return p.dial(t.life, Target{ID: t.Target.ID, Port: port, Zone: t.Target.Zone})(ctx, "tcp", addr)
}

// port is the one to check.
func (hc HealthCheck) port(traffic int) int {
	if n, err := strconv.Atoi(hc.Port); err == nil {
		return n
	}
	return traffic // "traffic-port"
}

// isTimeout tells a target that does not answer from one that refuses.
func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}
