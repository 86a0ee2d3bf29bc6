package runtime

import (
	"fmt"
	"time"

	"miniecs/internal/feed"
	"miniecs/internal/ids"
	"miniecs/runtime/plan"
)

// maxEvents is how many events a service keeps (spec/ecs-control-plane.md 2.10).
const maxEvents = 100

// event writes a line of the service's history; r.mu is held.
func (r *Runtime) event(s *Service, format string, args ...any) {
	e := ServiceEvent{ID: ids.UUID(), CreatedAt: time.Now(), Message: fmt.Sprintf(format, args...)}
	s.Events = append([]ServiceEvent{e}, s.Events[:min(len(s.Events), maxEvents-1)]...)
	r.touchService(s)
	r.log.Info().Str("service", s.Name).Msg(e.Message)
	r.cfg.Feed.Publish(feed.Item{Kind: "event", Cluster: s.Cluster, Service: s.Name, Message: e.Message, Time: e.CreatedAt})
}

// sayOnce writes an event unless the same condition was told within six hours.
func (r *Runtime) sayOnce(s *Service, l *loop, condition, message string) {
	if at, ok := l.said[condition]; ok && time.Since(at) < repeatAfter {
		return
	}
	l.said[condition] = time.Now()
	r.event(s, "%s", message)
}

// announce writes the events of conditions that hold now: throttle, deadlock, steady state.
func (r *Runtime) announce(s *Service, l *loop, d plan.Decision, now time.Time) {
	if s.Status != StatusActive || len(s.Deployments) == 0 {
		return
	}
	if p := &s.Deployments[0]; plan.Throttled(p.StartStep) && !p.Throttled {
		p.Throttled = true
		r.event(s, "(service %s) is unable to consistently start tasks successfully. For more information, see the "+
			"Troubleshooting section of the Amazon ECS Developer Guide.", s.Name)
	}
	if d.Blocked {
		r.sayOnce(s, l, "blocked", fmt.Sprintf("(service %s) was unable to stop or start tasks during a deployment because of the "+
			"service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.", s.Name))
	} else {
		delete(l.said, "blocked")
	}
	r.announceSteady(s, l, d, now)
}

func (r *Runtime) announceSteady(s *Service, l *loop, d plan.Decision, now time.Time) {
	if !d.Steady {
		if s.Steady {
			s.Steady = false
			r.touchService(s)
		}
		delete(l.said, "steady")
		return
	}
	if at, ok := l.said["steady"]; s.Steady && (!ok || now.Sub(at) < repeatAfter) {
		if !ok { // said before a restart of the daemon
			l.said["steady"] = now
		}
		return
	}
	s.Steady, l.said["steady"] = true, now
	r.event(s, "(service %s) has reached a steady state.", s.Name)
}
