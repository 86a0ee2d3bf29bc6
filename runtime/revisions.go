package runtime

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"miniecs/internal/feed"
	"miniecs/taskdef"
)

// family is a task definition's family: its revisions and the last number given, which is never given again.
type family struct {
	Name string `json:"name"`
	Last int    `json:"last"`

	revisions map[string]*taskdef.TaskDefinition // by revision, as a number in decimal
}

func (r *Runtime) family(name string) *family {
	f := r.families[name]
	if f == nil {
		f = &family{Name: name, revisions: map[string]*taskdef.TaskDefinition{}}
		r.families[name] = f
	}
	return f
}

// newest is the highest ACTIVE revision.
func (f *family) newest() *taskdef.TaskDefinition {
	var out *taskdef.TaskDefinition
	for _, td := range f.revisions {
		if td.Status == taskdef.StatusActive && (out == nil || td.Revision > out.Revision) {
			out = td
		}
	}
	return out
}

// findRevision finds what a reference means; nil if there is no such revision. r.mu is held.
func (r *Runtime) findRevision(ref string) (*taskdef.TaskDefinition, error) {
	fam, rev, err := parseRevision(ref)
	if err != nil {
		return nil, err
	}
	f := r.families[fam]
	switch {
	case f == nil:
		return nil, nil
	case rev == 0:
		return f.newest(), nil
	}
	return f.revisions[strconv.Itoa(rev)], nil
}

// runnableRevision finds a revision that new tasks and services may use; r.mu is held.
func (r *Runtime) runnableRevision(ref string) (*taskdef.TaskDefinition, error) {
	td, err := r.findRevision(ref)
	switch {
	case err != nil:
		return nil, err
	case td == nil:
		return nil, refuse(Client, "TaskDefinition not found.")
	case td.Status != taskdef.StatusActive:
		return nil, refuse(Client, "TaskDefinition is inactive")
	}
	return td, nil
}

// RegisterTaskDefinition validates a definition, fills in AWS's defaults and makes it the family's next revision.
// Its error is taskdef's.
func (r *Runtime) RegisterTaskDefinition(ctx context.Context, in *taskdef.TaskDefinition) (*taskdef.TaskDefinition, error) {
	if err := taskdef.Validate(in); err != nil {
		return nil, err
	}
	td := taskdef.WithDefaults(in)
	r.mu.Lock()
	f := r.family(td.Family)
	f.Last++
	td.Revision = f.Last
	td.TaskDefinitionArn = r.arn("task-definition", fmt.Sprintf("%s:%d", td.Family, td.Revision))
	td.Status = taskdef.StatusActive
	td.RegisteredAt = taskdef.NewTimestamp(time.Now())
	td.RegisteredBy = fmt.Sprintf("arn:aws:iam::%s:root", r.cfg.Account)
	f.revisions[strconv.Itoa(td.Revision)] = td
	r.touchRevision(td)
	out := td.Clone()
	r.mu.Unlock()
	for _, w := range taskdef.Ineffective(out) {
		r.log.Warn().Str("taskdef", revisionName(out)).Str("member", w.Path).Msg(w.Message)
		r.cfg.Feed.Publish(feed.Item{Kind: "warning", Subject: revisionName(out), Message: w.Path + ": " + w.Message})
	}
	return out, r.save(ctx)
}

func revisionName(td *taskdef.TaskDefinition) string {
	return fmt.Sprintf("%s:%d", td.Family, td.Revision)
}

func (r *Runtime) touchRevision(td *taskdef.TaskDefinition) {
	r.touch("family/" + td.Family)
	r.touch("revision/" + td.Family + "/" + strconv.Itoa(td.Revision))
}

// DescribeTaskDefinition finds a revision in any status.
func (r *Runtime) DescribeTaskDefinition(_ context.Context, ref string) (*taskdef.TaskDefinition, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	td, err := r.findRevision(ref)
	if err != nil {
		return nil, err
	}
	if td == nil {
		return nil, refuse(Client, "Unable to describe task definition.")
	}
	return td.Clone(), nil
}

// DeregisterTaskDefinition makes a revision INACTIVE; again is allowed (spec/task-definition.md 9).
func (r *Runtime) DeregisterTaskDefinition(ctx context.Context, ref string) (*taskdef.TaskDefinition, string, error) {
	r.mu.Lock()
	td, before, err := r.deregister(ref)
	var out *taskdef.TaskDefinition
	if err == nil {
		out = td.Clone()
		if before == taskdef.StatusActive { // the first response does not carry it
			out.DeregisteredAt = nil
		}
	}
	r.mu.Unlock()
	if err != nil {
		return nil, "", err
	}
	return out, before, r.save(ctx)
}

func (r *Runtime) deregister(ref string) (*taskdef.TaskDefinition, string, error) {
	_, rev, err := parseRevision(ref)
	if err != nil {
		return nil, "", err
	}
	if rev == 0 {
		return nil, "", refuse(Invalid, "Revision is missing")
	}
	td, err := r.findRevision(ref)
	switch {
	case err != nil:
		return nil, "", err
	case td == nil:
		return nil, "", refuse(Client, "Unable to describe task definition.")
	case td.Status == taskdef.StatusDeleteInProgress:
		return nil, "", refuse(Client, "The task definition could not be deregistered because it is in the process of being deleted.")
	}
	before := td.Status
	if before == taskdef.StatusActive {
		td.Status, td.DeregisteredAt = taskdef.StatusInactive, taskdef.NewTimestamp(time.Now())
		r.touchRevision(td)
	}
	return td, before, nil
}

// DeleteTaskDefinitions moves INACTIVE revisions to DELETE_IN_PROGRESS; they go when nothing uses them any more.
func (r *Runtime) DeleteTaskDefinitions(ctx context.Context, refs []string) ([]*taskdef.TaskDefinition, []Failure, error) {
	r.mu.Lock()
	var out []*taskdef.TaskDefinition
	var failures []Failure
	for _, ref := range refs {
		td, problem := r.deletable(ref)
		if problem != "" {
			failures = append(failures, Failure{ARN: ref, Reason: problem})
			continue
		}
		if td.Status != taskdef.StatusDeleteInProgress {
			td.Status, td.DeleteRequestedAt = taskdef.StatusDeleteInProgress, taskdef.NewTimestamp(time.Now())
			r.touchRevision(td)
		}
		out = append(out, td.Clone())
	}
	r.mu.Unlock()
	return out, failures, r.save(ctx)
}

func (r *Runtime) deletable(ref string) (*taskdef.TaskDefinition, string) {
	_, rev, err := parseRevision(ref)
	if err != nil || rev == 0 {
		return nil, "The specified task definition identifier is invalid. Specify a valid name or ARN and try again."
	}
	td, _ := r.findRevision(ref)
	if td == nil {
		return nil, "The specified task definition does not exist. Specify a valid account, family, revision and try again."
	}
	if td.Status == taskdef.StatusActive {
		return nil, "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
	}
	return td, ""
}

// dropDeleted forgets revisions that are being deleted and that no task or service uses; r.mu is held.
func (r *Runtime) dropDeleted() {
	used := map[string]bool{}
	for _, t := range r.tasks {
		used[t.TaskDefinitionARN] = true
	}
	for _, s := range r.services {
		used[s.TaskDefinitionARN] = true
		for _, d := range s.Deployments {
			used[d.TaskDefinitionARN] = true
		}
	}
	for _, f := range r.families {
		for rev, td := range f.revisions {
			if td.Status == taskdef.StatusDeleteInProgress && !used[td.TaskDefinitionArn] {
				r.touchRevision(td)
				delete(f.revisions, rev)
			}
		}
	}
}

// ListTaskDefinitions gives ARNs by family and revision.
func (r *Runtime) ListTaskDefinitions(_ context.Context, fam, status string, descending bool) ([]string, error) {
	if status == "" {
		status = taskdef.StatusActive
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*taskdef.TaskDefinition
	for _, f := range r.families {
		if fam != "" && f.Name != fam {
			continue
		}
		for _, td := range f.revisions {
			if td.Status == status {
				found = append(found, td)
			}
		}
	}
	slices.SortFunc(found, func(a, b *taskdef.TaskDefinition) int {
		if c := strings.Compare(a.Family, b.Family); c != 0 {
			return c
		}
		return a.Revision - b.Revision
	})
	if descending {
		slices.Reverse(found)
	}
	out := make([]string, len(found))
	for i, td := range found {
		out[i] = td.TaskDefinitionArn
	}
	return out, nil
}

// ListFamilies gives family names by prefix; a family is ACTIVE while it has an ACTIVE revision.
func (r *Runtime) ListFamilies(_ context.Context, prefix, status string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.families)) {
		f := r.families[name]
		active := f.newest() != nil
		switch {
		case !strings.HasPrefix(name, prefix), len(f.revisions) == 0:
		case status == taskdef.StatusActive && !active, status == taskdef.StatusInactive && active:
		default:
			out = append(out, name)
		}
	}
	return out, nil
}

// definition is the definition of a task with its overrides; r.mu is held.
func (r *Runtime) definition(t *Task) (*taskdef.TaskDefinition, error) {
	td, err := r.findRevision(t.TaskDefinitionARN)
	if err != nil {
		return nil, err
	}
	if td == nil {
		return nil, fmt.Errorf("task definition %s is gone", t.TaskDefinitionARN)
	}
	return taskdef.Apply(td, t.Overrides)
}
