package runtime

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"miniecs/internal/feed"
	"miniecs/runtime/plan"
)

// loop is what runs a service: look, decide, act, sleep until something happens or a time comes. It is the only one
// that starts and stops the service's tasks.
type loop struct {
	key  serviceKey
	poke chan struct{} // capacity one: wake-ups merge

	// What was said already, so that an unchanged condition is not repeated for six hours (spec 2.10).
	said      map[string]time.Time
	unhealthy map[string]bool // tasks whose failing checks were announced
}

const repeatAfter = 6 * time.Hour

// maxRounds is how often a service is decided on in one breath.
const maxRounds = 100

// placeAgain is when a task that found no place is tried again: what frees one need not be of the service.
const placeAgain = 10 * time.Second

// startLoops starts the loop of every service that has none; it takes r.mu.
func (r *Runtime) startLoops() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started() || !r.synced.Load() {
		return // Run starts them when the engine is known
	}
	for key, s := range r.services {
		if s.Status == StatusInactive || r.loops[key] != nil {
			continue
		}
		l := &loop{key: key, poke: make(chan struct{}, 1), said: map[string]time.Time{}, unhealthy: map[string]bool{}}
		r.loops[key] = l
		ctx := r.ctx
		r.group.Go(func() error { r.runLoop(ctx, l); return nil })
	}
	r.wantSpares()
}

// wakeService makes a service's loop look again; r.mu is held.
func (r *Runtime) wakeService(key serviceKey) {
	if l := r.loops[key]; l != nil {
		select {
		case l.poke <- struct{}{}:
		default:
		}
	}
}

func (r *Runtime) runLoop(ctx context.Context, l *loop) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wake, done := r.reconcile(ctx, l)
		if done {
			return
		}
		if wake.IsZero() {
			wake = time.Now().Add(repeatAfter)
		}
		timer.Reset(max(time.Until(wake), 0))
		select {
		case <-ctx.Done():
			return
		case <-l.poke:
		case <-timer.C:
		}
	}
}

// reconcile decides until there is nothing more to do now.
func (r *Runtime) reconcile(ctx context.Context, l *loop) (wake time.Time, done bool) {
	for round := 0; ctx.Err() == nil; round++ {
		if round == maxRounds { // a decision that never settles is a fault of ours; it must not eat a processor
			r.log.Error().Str("service", l.key.name).Msg("the plan does not settle")
			return time.Now().Add(time.Second), false
		}
		if !r.synced.Load() { // the engine is not known: a decision would be a guess
			return time.Now().Add(repeatAfter), false
		}
		r.mu.Lock()
		s := r.services[l.key]
		if s == nil || s.Status == StatusInactive {
			delete(r.loops, l.key)
			r.mu.Unlock()
			return time.Time{}, true
		}
		now := time.Now()
		d := plan.Next(r.view(s, l, now), now)
		acted, unplaced := r.apply(s, l, d, now)
		maps.DeleteFunc(l.unhealthy, func(id string, _ bool) bool { t := r.tasks[id]; return t == nil || t.DesiredStatus == StatusStopped })
		r.mu.Unlock()
		if !acted {
			if again := now.Add(r.scaled(placeAgain)); unplaced && (d.Wake.IsZero() || again.Before(d.Wake)) {
				return again, false
			}
			return d.Wake, false
		}
		// The intent is durable before anything is made or stopped.
		for r.save(ctx) != nil {
			sleep(ctx, time.Second)
			if ctx.Err() != nil {
				return time.Time{}, false
			}
		}
		r.startRunners()
	}
	return time.Time{}, false
}

// apply carries a decision out in the records; it says whether anything changed, and whether a task found no place.
// r.mu is held.
func (r *Runtime) apply(s *Service, l *loop, d plan.Decision, now time.Time) (acted, unplaced bool) {
	acted = r.track(s, d, now)
	acted = r.applyStops(s, d) || acted
	started, failed := r.applyStarts(s, l, d)
	acted = acted || started
	if failed {
		r.setPace(s, plan.Wait{}, now)
	} else {
		r.setPace(s, d.Wait, now)
	}
	if d.Complete {
		acted = r.complete(s, now) || acted
	}
	r.drop(s, d)
	if s.Status == StatusDraining && d.Complete {
		s.Status, s.InactiveAt = StatusInactive, now
		s.Deployments = s.Deployments[:min(1, len(s.Deployments))]
		r.touchService(s)
		r.cfg.Feed.Publish(feed.Item{Kind: "service", Cluster: s.Cluster, Service: s.Name, Status: StatusInactive})
		return true, false
	}
	r.announce(s, l, d, now)
	return acted, failed
}

// track keeps the deployments' desired counts: PRIMARY's is the service's, the others' go down as they are replaced.
func (r *Runtime) track(s *Service, d plan.Decision, now time.Time) (changed bool) {
	for i := range s.Deployments {
		dep := &s.Deployments[i]
		want := s.DesiredCount
		if i > 0 {
			want = d.OldDesired[dep.ID]
		}
		if dep.DesiredCount != want {
			dep.DesiredCount, dep.UpdatedAt, changed = want, now, true
			r.touchService(s)
		}
	}
	return changed
}

func (r *Runtime) applyStops(s *Service, d plan.Decision) bool {
	var running []string
	pending := 0
	for _, a := range d.Actions {
		t := r.tasks[a.Task]
		if a.Verb != plan.StopTask || t == nil || t.DesiredStatus == StatusStopped {
			continue
		}
		if t.LastStatus == StatusRunning {
			running = append(running, t.ID)
		} else {
			pending++
		}
		r.log.Info().Str("service", s.Name).Str("task", t.ID).Str("cause", a.Cause).Msg("stopping task")
		r.stopTask(t, StopScheduler, r.stopReason(s, t, a))
	}
	for ids := range slices.Chunk(running, 10) {
		r.event(s, "(service %s) has stopped %d running tasks: %s.", s.Name, len(ids), taskList(ids))
	}
	if pending > 0 {
		r.event(s, "(service %s) stopped %d pending tasks.", s.Name, pending)
	}
	return len(running)+pending > 0
}

// stopReason is the stoppedReason in ECS's words (spec 1.4).
func (r *Runtime) stopReason(s *Service, t *Task, a plan.Action) string {
	switch a.Reason {
	case plan.ReasonTargetUnhealthy:
		if tg, _, bad := r.failingTarget(t); bad {
			return fmt.Sprintf("Task failed ELB health checks in (target-group %s)", tg.Group)
		}
		return "Task failed ELB health checks"
	case plan.ReasonTaskUnhealthy:
		return "Task failed container health checks"
	}
	id := t.Deployment
	if len(s.Deployments) > 0 {
		id = s.Deployments[0].ID
	}
	return fmt.Sprintf("Scaling activity initiated by (deployment %s)", id)
}

// applyStarts makes the records of new tasks. failed says that one could not be placed or made.
func (r *Runtime) applyStarts(s *Service, l *loop, d plan.Decision) (acted, failed bool) {
	var started []string
	unhealthy := 0
	for _, a := range d.Actions {
		if a.Verb != plan.StartTask {
			continue
		}
		dep := s.deployment(a.Deployment)
		t, why := r.startServiceTask(s, dep, a.Outage)
		if why != "" {
			failed = true
			r.sayOnce(s, l, "placement", why)
			continue
		}
		started = append(started, t.ID)
		if a.ReplacesUnhealthy {
			unhealthy++
		}
		r.log.Info().Str("service", s.Name).Str("task", t.ID).Str("deployment", dep.ID).Str("cause", a.Cause).Msg("starting task")
	}
	for ids := range slices.Chunk(started, 10) {
		tail := ""
		if unhealthy > 0 {
			tail = fmt.Sprintf(" Amazon ECS replaced %d tasks due to an unhealthy status.", min(unhealthy, len(ids)))
		}
		r.event(s, "(service %s) has started %d tasks: %s.%s", s.Name, len(ids), taskList(ids), tail)
	}
	if len(started) > 0 && !failed {
		delete(l.said, "placement")
	}
	return len(started) > 0, failed
}

// startServiceTask makes one task of a deployment; why says in an event's words why it could not.
func (r *Runtime) startServiceTask(s *Service, dep *Deployment, outage bool) (t *Task, why string) {
	c := r.clusters[s.Cluster]
	td, err := r.findRevision(dep.TaskDefinitionARN)
	if err != nil || td == nil {
		return nil, fmt.Sprintf("(service %s) was unable to place a task. Reason: TaskDefinition not found.", s.Name)
	}
	launch, err := launchType(dep.LaunchType, dep.CapacityProviders)
	if err != nil {
		return nil, fmt.Sprintf("(service %s) was unable to place a task. Reason: %s.", s.Name, err)
	}
	in := RunTaskInput{LaunchType: launch, CapacityProviders: dep.CapacityProviders, PlatformVersion: dep.PlatformVersion,
		Network: dep.Network, StartedBy: dep.ID, ExecuteCommand: s.ExecuteCommand,
		Tags: r.taskTags(nil, s.PropagateTags, s.ManagedTags, s.Cluster, s, td)}
	t, err = r.newTask(c, td, in, "service:"+s.Name)
	if err != nil {
		return nil, fmt.Sprintf("(service %s) was unable to place a task. Reason: %s.", s.Name, err)
	}
	if launch == LaunchEC2 {
		i := r.instance(c)
		if _, event := i.misfit(r.needs(t)); event != "" {
			return nil, fmt.Sprintf("(service %s) was unable to place a task because no container instance met all of its requirements. "+
				"The closest matching (container-instance %s) %s. For more information, see the Troubleshooting section of the "+
				"Amazon ECS Developer Guide.", s.Name, i.ID, event)
		}
	}
	t.Service, t.Deployment, t.Replaces = s.Name, dep.ID, outage
	dep.Attempts++
	r.touchService(s)
	r.addTask(t)
	return t, ""
}

// complete ends PRIMARY's roll-out and lets go of the deployments it replaced.
func (r *Runtime) complete(s *Service, now time.Time) bool {
	if len(s.Deployments) == 0 || s.Status != StatusActive {
		return false
	}
	p := &s.Deployments[0]
	if p.RolloutState != RolloutInProgress {
		return false
	}
	p.RolloutState, p.UpdatedAt = RolloutCompleted, now
	p.RolloutReason = "ECS deployment " + p.ID + " completed."
	r.event(s, "(service %s) (deployment %s) deployment completed.", s.Name, p.ID)
	r.cfg.Feed.Publish(feed.Item{Kind: "deployment", Cluster: s.Cluster, Service: s.Name, Subject: p.ID, Status: p.RolloutState})
	return true
}

// drop takes replaced deployments out of the list once their last task is gone (spec 7.4: not before).
func (r *Runtime) drop(s *Service, d plan.Decision) {
	n := r.counts(s)
	kept := s.Deployments[:0:0]
	for i, dep := range s.Deployments {
		c := n[dep.ID]
		if i > 0 && c.pending+c.running+c.stopping == 0 && (d.Complete || d.OldDesired[dep.ID] == 0) {
			continue
		}
		kept = append(kept, dep)
	}
	if len(kept) != len(s.Deployments) {
		s.Deployments = kept
		r.touchService(s)
	}
}

// setPace shows what a deployment waits for.
func (r *Runtime) setPace(s *Service, w plan.Wait, now time.Time) {
	if len(s.Deployments) == 0 {
		return
	}
	p := &s.Deployments[0]
	if p.NextTry.Equal(w.Until) {
		return
	}
	p.NextTry = w.Until
	r.touchService(s)
	if w.Until.After(now) {
		r.cfg.Feed.Publish(feed.Item{Kind: "backoff", Cluster: s.Cluster, Service: s.Name, Subject: p.ID, Status: string(w.Kind),
			Message: p.loopLine(), Until: w.Until})
	}
}

// loopLine says what a crash loop looks like: attempts since the deployment, last exit code and reason.
func (d *Deployment) loopLine() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d attempts", d.Attempts)
	if e := d.LastExit; e != nil {
		if e.ExitCode != nil {
			fmt.Fprintf(&b, ", last exit code %d", *e.ExitCode)
		}
		if e.Ran != "" {
			fmt.Fprintf(&b, " after %s", e.Ran)
		}
		if e.Reason != "" {
			fmt.Fprintf(&b, " (%s)", e.Reason)
		}
	}
	return b.String()
}

func (s *Service) deployment(id string) *Deployment {
	for i := range s.Deployments {
		if s.Deployments[i].ID == id {
			return &s.Deployments[i]
		}
	}
	return nil
}

func taskList(ids []string) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = taskName(id)
	}
	return strings.Join(names, " ")
}
