package docker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"miniecs/runtime/engine"
)

// RemoveAll removes every object that bears our installation's label, and nothing else. It goes on after a failure
// and tells all of them.
func (d *Docker) RemoveAll(ctx context.Context) error {
	d.Want(0)
	return errors.Join(d.sweepContainers(ctx), d.sweepVolumes(ctx), d.sweepNetworks(ctx), d.sweepImages(ctx))
}

// sweepContainers removes joiners before the pauses whose network and cgroup they use.
func (d *Docker) sweepContainers(ctx context.Context) error {
	list, err := d.cli.ContainerList(ctx, container.ListOptions{All: true, Filters: d.filter("")})
	if err != nil {
		return wrap(err)
	}
	var first, pauses []string
	for _, c := range list {
		if c.Labels[labelRole] == rolePause {
			pauses = append(pauses, c.ID)
		} else {
			first = append(first, c.ID)
		}
	}
	return errors.Join(d.removeEach(ctx, first), d.removeEach(ctx, pauses))
}

func (d *Docker) removeEach(ctx context.Context, ids []string) error {
	ctx = engine.WithPriority(ctx, engine.PriorityRemove)
	errs := make([]error, len(ids))
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() {
			if err := d.Release(ctx, id); err != nil {
				errs[i] = fmt.Errorf("container %.12s: %w", id, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (d *Docker) sweepVolumes(ctx context.Context) error {
	list, err := d.ListVolumes(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, v := range list {
		if err := d.RemoveVolume(ctx, v.Name); err != nil {
			failed = append(failed, fmt.Errorf("volume %s: %w", v.Name, err))
		}
	}
	return errors.Join(failed...)
}

func (d *Docker) sweepImages(ctx context.Context) error {
	list, err := d.cli.ImageList(ctx, image.ListOptions{All: true, Filters: d.filter("")})
	if err != nil {
		return wrap(err)
	}
	var failed []error
	for _, i := range list {
		_, err := d.cli.ImageRemove(ctx, i.ID, image.RemoveOptions{Force: true, PruneChildren: true})
		if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) { // in use by somebody else's container: theirs now
			failed = append(failed, fmt.Errorf("image %s: %w", i.ID, wrap(err)))
		}
	}
	d.forgetPauseImage()
	return errors.Join(failed...)
}
