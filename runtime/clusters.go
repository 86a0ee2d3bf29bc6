package runtime

import (
	"context"
	"maps"
	"slices"
	"time"

	"miniecs/internal/ids"
)

// cluster finds an ACTIVE cluster; r.mu is held.
func (r *Runtime) cluster(ref string) (*Cluster, error) {
	c := r.clusters[clusterName(ref)]
	if c == nil || c.Status != StatusActive {
		return nil, refuse(ClusterNotFound, "Cluster not found.")
	}
	return c, nil
}

// CreateCluster makes a cluster; the name of an ACTIVE one gives that one, of a deleted one makes it ACTIVE again
// (spec/ecs-control-plane.md 0.3). A container instance that stands for the local engine comes with it.
func (r *Runtime) CreateCluster(ctx context.Context, in Cluster) (Cluster, error) {
	if in.Name == "" {
		in.Name = "default"
	}
	if !nameRule.MatchString(in.Name) {
		return Cluster{}, refuse(Invalid, "Identifier is not valid. Specify a valid cluster name.")
	}
	r.mu.Lock()
	c := r.clusters[in.Name]
	if c == nil || c.Status != StatusActive {
		id := ids.Task()
		if c != nil {
			id = c.InstanceID
		}
		c = &Cluster{Name: in.Name, ARN: r.arn("cluster", in.Name), Status: StatusActive, CreatedAt: time.Now(),
			Tags: in.Tags, Extra: in.Extra, InstanceID: id}
		r.clusters[in.Name] = c
		r.touch("cluster/" + in.Name)
	}
	out := c.clone()
	r.mu.Unlock()
	return out, r.save(ctx)
}

// UpdateCluster replaces what Extra names.
func (r *Runtime) UpdateCluster(ctx context.Context, name string, extra Extra) (Cluster, error) {
	r.mu.Lock()
	c, err := r.cluster(name)
	if err != nil {
		r.mu.Unlock()
		return Cluster{}, err
	}
	merged := maps.Clone(c.Extra)
	if merged == nil {
		merged = Extra{}
	}
	maps.Copy(merged, extra)
	c.Extra = merged
	r.touch("cluster/" + c.Name)
	out := c.clone()
	r.mu.Unlock()
	return out, r.save(ctx)
}

// DescribeClusters describes clusters by name or ARN, ACTIVE or not; none named means default.
func (r *Runtime) DescribeClusters(_ context.Context, names []string) ([]Cluster, []Failure, error) {
	if len(names) == 0 {
		names = []string{"default"}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Cluster
	var failures []Failure
	for _, ref := range names {
		if c := r.clusters[clusterName(ref)]; c != nil {
			out = append(out, c.clone())
		} else {
			failures = append(failures, Failure{ARN: r.arn("cluster", clusterName(ref)), Reason: "MISSING"})
		}
	}
	return out, failures, nil
}

// ListClusters gives the ARNs of ACTIVE clusters by name.
func (r *Runtime) ListClusters(context.Context) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.clusters)) {
		if c := r.clusters[name]; c.Status == StatusActive {
			out = append(out, c.ARN)
		}
	}
	return out, nil
}

// DeleteCluster makes a cluster INACTIVE that has neither services nor tasks. Its virtual container instance does not
// stand in the way.
func (r *Runtime) DeleteCluster(ctx context.Context, name string) (Cluster, error) {
	r.mu.Lock()
	c, err := r.cluster(name)
	if err == nil {
		err = r.clusterInUse(c.Name)
	}
	if err != nil {
		r.mu.Unlock()
		return Cluster{}, err
	}
	c.Status = StatusInactive
	r.touch("cluster/" + c.Name)
	out := c.clone()
	r.mu.Unlock()
	return out, r.save(ctx)
}

func (r *Runtime) clusterInUse(name string) error {
	for _, s := range r.services {
		if s.Cluster == name && s.Status != StatusInactive {
			return refuse(ClusterContainsServices, "The Cluster cannot be deleted while Services are active.")
		}
	}
	for _, t := range r.tasks {
		if t.Cluster == name && t.LastStatus != StatusStopped {
			return refuse(ClusterContainsTasks, "The Cluster cannot be deleted while Tasks are active.")
		}
	}
	return nil
}

// ClusterCounts derives a cluster's numbers from its tasks and services.
func (r *Runtime) ClusterCounts(name string) ClusterCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	var n ClusterCounts
	if c := r.clusters[name]; c != nil && c.Status == StatusActive {
		n.RegisteredInstances = 1
	}
	for _, t := range r.tasks {
		if t.Cluster != name || t.DesiredStatus == StatusStopped {
			continue
		}
		running, pending := &n.RunningFargate, &n.PendingFargate
		if t.LaunchType == LaunchEC2 {
			running, pending = &n.RunningEC2, &n.PendingEC2
		}
		if t.LastStatus == StatusRunning {
			*running++
			n.RunningTasks++
		} else {
			*pending++
			n.PendingTasks++
		}
	}
	for _, s := range r.services {
		if s.Cluster == name && s.Status == StatusActive {
			n.ActiveServices++
			if s.LaunchType == LaunchEC2 {
				n.ActiveEC2Services++
			} else {
				n.ActiveFargateServices++
			}
		}
	}
	return n
}

func (c *Cluster) clone() Cluster {
	out := *c
	out.Tags, out.Extra = slices.Clone(c.Tags), maps.Clone(c.Extra)
	return out
}
