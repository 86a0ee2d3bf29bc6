package docker

import (
	"context"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/volume"

	"miniecs/runtime/engine"
)

// CreateVolume makes a named volume. The engine would answer an existing one of any make without a word
// (task-runtime.md 2.5), which is what we want here too: it is no error.
func (d *Docker) CreateVolume(ctx context.Context, v engine.Volume) error {
	labels := d.ours(roleVolume, v.Labels)
	if v.Task != "" {
		labels[labelTask] = v.Task
	}
	_, err := d.cli.VolumeCreate(ctx, volume.CreateOptions{
		Name: v.Name, Driver: v.Driver, DriverOpts: v.Options, Labels: labels,
	})
	return wrap(err)
}

// RemoveVolume removes a volume of ours; a missing one is no error, a stranger's is left alone.
func (d *Docker) RemoveVolume(ctx context.Context, name string) error {
	v, err := d.cli.VolumeInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return wrap(err)
	}
	if !d.mine(v.Labels) {
		return nil
	}
	if err := d.cli.VolumeRemove(ctx, name, false); err != nil && !errdefs.IsNotFound(err) {
		return wrap(err)
	}
	return nil
}

// ListVolumes gives our volumes.
func (d *Docker) ListVolumes(ctx context.Context) ([]engine.Volume, error) {
	list, err := d.cli.VolumeList(ctx, volume.ListOptions{Filters: d.filter("")})
	if err != nil {
		return nil, wrap(err)
	}
	all := make([]engine.Volume, 0, len(list.Volumes))
	for _, v := range list.Volumes {
		all = append(all, engine.Volume{
			Name: v.Name, Task: v.Labels[labelTask], Driver: v.Driver, Options: v.Options, Labels: v.Labels,
		})
	}
	return all, nil
}
