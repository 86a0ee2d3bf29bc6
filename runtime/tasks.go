package runtime

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"miniecs/internal/feed"
	"miniecs/taskdef"
)

// RunTask starts standalone tasks. What cannot be placed is in the failures (spec/ecs-control-plane.md 1.9, 7.2).
func (r *Runtime) RunTask(ctx context.Context, in RunTaskInput) ([]Task, []Failure, error) {
	r.mu.Lock()
	tasks, failures, err := r.runTask(in)
	r.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	if err := r.save(ctx); err != nil {
		return nil, nil, err
	}
	r.startRunners()
	return tasks, failures, nil
}

func (r *Runtime) runTask(in RunTaskInput) (out []Task, failures []Failure, err error) {
	c, err := r.cluster(in.Cluster)
	if err != nil {
		return nil, nil, err
	}
	if in.Count == 0 {
		in.Count = 1
	}
	if in.Count < 1 || in.Count > 10 {
		return nil, nil, refuse(Invalid, "count should be between 1 and 10.")
	}
	if again, err := r.sameToken(c, in); again != nil || err != nil {
		return again, nil, err
	}
	td, err := r.runnableRevision(in.TaskDefinition)
	if err != nil {
		return nil, nil, err
	}
	if len(in.ContainerInstances) > 0 {
		in.LaunchType, in.Count = LaunchEC2, 0
		for _, ref := range in.ContainerInstances {
			if lastPart(ref) != c.InstanceID {
				failures = append(failures, Failure{ARN: r.arn("container-instance", c.Name, lastPart(ref)), Reason: "MISSING"})
			} else {
				in.Count++
			}
		}
	}
	if in.LaunchType, err = launchType(in.LaunchType, in.CapacityProviders); err != nil {
		return nil, nil, err
	}
	if err := checkPlatform(in.LaunchType, in.PlatformVersion); err != nil {
		return nil, nil, err
	}
	if err := checkLaunch(td, in.LaunchType, in.Network); err != nil {
		return nil, nil, err
	}
	group := in.Group
	if group == "" {
		group = "family:" + td.Family
	}
	if in.PropagateTags == "SERVICE" {
		return nil, nil, refuse(Invalid, "Unable to propagate tags from service: the task is not part of a service.")
	}
	in.Tags = r.taskTags(in.Tags, in.PropagateTags, in.ManagedTags, c.Name, nil, td)
	var made []*Task
	for range in.Count {
		t, err := r.newTask(c, td, in, group)
		if err != nil {
			for _, m := range made {
				r.forget(m)
			}
			return nil, nil, err
		}
		if t.LaunchType == LaunchEC2 {
			if why, _ := r.instance(c).misfit(r.needs(t)); why != "" {
				failures = append(failures, Failure{ARN: t.InstanceARN, Reason: why})
				continue
			}
		}
		r.addTask(t)
		made = append(made, t)
		out = append(out, t.clone())
	}
	return out, failures, nil
}

// sameToken finds what a client token made before. The same token with other parameters is a conflict.
func (r *Runtime) sameToken(c *Cluster, in RunTaskInput) ([]Task, error) {
	if in.ClientToken == "" {
		return nil, nil
	}
	var found []*Task
	for _, t := range r.tasks {
		if t.Cluster == c.Name && t.ClientToken == in.ClientToken {
			found = append(found, t)
		}
	}
	if found == nil {
		return nil, nil
	}
	slices.SortFunc(found, func(a, b *Task) int { return strings.Compare(a.ARN, b.ARN) })
	same := len(found) == max(in.Count, 1)
	var out []Task
	var arns []string
	td, _ := r.findRevision(in.TaskDefinition)
	for _, t := range found {
		same = same && td != nil && t.TaskDefinitionARN == td.TaskDefinitionArn && t.StartedBy == in.StartedBy &&
			reflect.DeepEqual(jsonOf(t.Overrides), jsonOf(in.Overrides))
		out, arns = append(out, t.clone()), append(arns, t.ARN)
	}
	if !same {
		return nil, &Error{Kind: Conflict, Message: "The specified client token was used with different parameters.", ResourceIDs: arns}
	}
	return out, nil
}

func jsonOf(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// taskTags are a new task's tags: its own, propagated ones and the managed ones (spec 7.3).
func (r *Runtime) taskTags(own []Tag, propagate string, managed bool, cluster string, s *Service, td *taskdef.TaskDefinition) []Tag {
	var tags []Tag
	switch {
	case propagate == "TASK_DEFINITION":
		tags = tagsOf(td)
	case propagate == "SERVICE" && s != nil:
		tags = slices.Clone(s.Tags)
	}
	tags = mergeTags(tags, own)
	if managed {
		tags = mergeTags(tags, []Tag{{"aws:ecs:clusterName", cluster}})
		if s != nil {
			tags = mergeTags(tags, []Tag{{"aws:ecs:serviceName", s.Name}})
		}
	}
	return tags
}

// findTask finds a task by id or ARN in a cluster; r.mu is held.
func (r *Runtime) findTask(c *Cluster, ref string) *Task {
	t := r.tasks[lastPart(ref)]
	if t == nil || t.Cluster != c.Name || strings.HasPrefix(ref, "arn:") && t.ARN != ref {
		return nil
	}
	return t
}

// StopTask wishes a task to stop; it returns at once. A STOPPED one is returned unchanged.
func (r *Runtime) StopTask(ctx context.Context, cluster, ref, reason string) (Task, error) {
	r.mu.Lock()
	c, err := r.cluster(cluster)
	if err != nil {
		r.mu.Unlock()
		return Task{}, err
	}
	t := r.findTask(c, ref)
	if t == nil {
		r.mu.Unlock()
		return Task{}, refuse(Invalid, "The referenced task was not found.")
	}
	if reason == "" {
		reason = "Task stopped by user"
	}
	if t.DesiredStatus != StatusStopped {
		r.stopTask(t, StopUser, reason)
		if t.LastStatus == StatusRunning && len(t.Targets) > 0 {
			r.setStatus(t, StatusDeactivating) // as AWS answers at once (spec 1.1)
		}
	}
	out := t.clone()
	r.mu.Unlock()
	return out, r.save(ctx)
}

// DescribeTasks describes tasks by id or ARN.
func (r *Runtime) DescribeTasks(_ context.Context, cluster string, refs []string) ([]Task, []Failure, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.cluster(cluster)
	if err != nil {
		return nil, nil, err
	}
	if len(refs) == 0 {
		return nil, nil, refuse(Invalid, "Tasks cannot be empty.")
	}
	var out []Task
	var failures []Failure
	for _, ref := range refs {
		if t := r.findTask(c, ref); t != nil {
			out = append(out, t.clone())
		} else {
			failures = append(failures, Failure{ARN: r.arn("task", c.Name, lastPart(ref)), Reason: "MISSING"})
		}
	}
	return out, failures, nil
}

// ListTasks gives the ARNs of tasks, the newest first. StartedBy must be the only filter beside the status (spec 7.1).
func (r *Runtime) ListTasks(_ context.Context, f TaskFilter) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.cluster(f.Cluster)
	if err != nil {
		return nil, err
	}
	if f.StartedBy != "" && (f.Family != "" || f.Service != "" || f.ContainerInstance != "" || f.LaunchType != "") {
		return nil, refuse(Invalid, "startedBy must be the only filter.")
	}
	if f.Service != "" && r.services[serviceKey{c.Name, lastPart(f.Service)}] == nil {
		return nil, refuse(ServiceNotFound, "Service not found.")
	}
	if f.DesiredStatus == "" {
		f.DesiredStatus = StatusRunning
	}
	var found []*Task
	for _, t := range r.tasks {
		if t.Cluster == c.Name && f.match(t) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b *Task) int {
		if n := b.CreatedAt.Compare(a.CreatedAt); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	out := make([]string, len(found))
	for i, t := range found {
		out[i] = t.ARN
	}
	return out, nil
}

func (f TaskFilter) match(t *Task) bool {
	fam, _, _ := parseRevision(t.TaskDefinitionARN)
	return t.DesiredStatus == f.DesiredStatus &&
		(f.Family == "" || f.Family == fam) &&
		(f.Service == "" || lastPart(f.Service) == t.Service) &&
		(f.StartedBy == "" || f.StartedBy == t.StartedBy) &&
		(f.LaunchType == "" || f.LaunchType == t.LaunchType) &&
		(f.ContainerInstance == "" || lastPart(f.ContainerInstance) == lastPart(t.InstanceARN))
}

func (t *Task) clone() Task {
	out := *t
	out.Containers = slices.Clone(t.Containers)
	for i := range out.Containers {
		out.Containers[i].Bindings = slices.Clone(out.Containers[i].Bindings)
		if e := out.Containers[i].ExitCode; e != nil {
			out.Containers[i].ExitCode = new(*e)
		}
	}
	if t.Attachment != nil {
		out.Attachment = new(*t.Attachment)
	}
	out.Tags, out.Targets, out.Extra = slices.Clone(t.Tags), slices.Clone(t.Targets), maps.Clone(t.Extra)
	return out
}

// container finds a container of the task by name.
func (t *Task) container(name string) *Container {
	for i := range t.Containers {
		if t.Containers[i].Name == name {
			return &t.Containers[i]
		}
	}
	return nil
}

// setStatus moves a task up the ladder, never down, and tells the world. r.mu is held.
func (r *Runtime) setStatus(t *Task, status string) {
	if rank(status) <= rank(t.LastStatus) {
		return
	}
	r.log.Info().Str("task", t.ID).Str("service", t.Service).Str("from", t.LastStatus).Str("to", status).Msg("task moved")
	t.LastStatus = status
	r.changed(t)
	r.publishTask(t)
}

// changed marks a task's record as changed and wakes who waits for it. r.mu is held.
func (r *Runtime) changed(t *Task) {
	t.Version++
	r.touch("task/" + t.ID)
	if run := r.runners[t.ID]; run != nil {
		run.wake()
	}
	if t.Service != "" {
		r.wakeService(serviceKey{t.Cluster, t.Service})
	}
}

func (r *Runtime) publishTask(t *Task) {
	it := feed.Item{Kind: "task", Cluster: t.Cluster, Service: t.Service, Task: t.ID, Subject: lastPart(t.TaskDefinitionARN),
		Status: t.LastStatus, Message: t.StoppedReason}
	r.cfg.Feed.Publish(it)
}

var ladder = []string{StatusProvisioning, StatusPending, StatusActivating, StatusRunning, StatusDeactivating,
	StatusStopping, StatusDeprovisioning, StatusStopped}

func rank(status string) int { return slices.Index(ladder, status) }

// reapAfter is how long a STOPPED task can be described (spec 1.8); keepStopped bounds how many a service keeps.
const (
	reapAfter   = time.Hour
	keepStopped = 100
)

func sortByCreation(ts []Task) {
	slices.SortFunc(ts, func(a, b Task) int {
		if n := a.CreatedAt.Compare(b.CreatedAt); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
}
