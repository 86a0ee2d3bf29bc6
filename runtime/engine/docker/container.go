package docker

import (
	"context"
	"errors"
	"time"

	"github.com/docker/docker/api/types/container"

	"miniecs/runtime/engine"
)

// Limits of single calls, as the ECS agent has them (task-runtime.md 1.6, 1.7).
const (
	createTimeout  = 4 * time.Minute
	startTimeout   = 3 * time.Minute
	inspectTimeout = 30 * time.Second
	removeTimeout  = 5 * time.Minute
	stopSlack      = 2 * time.Minute
)

// Create makes a container, not started.
func (d *Docker) Create(ctx context.Context, s engine.Spec) (engine.ContainerID, error) {
	c, h := d.config(s), d.hostConfig(s)
	if s.Network == engine.NetworkBridge || s.Network == "" {
		if err := ports(c, h, s.Ports); err != nil {
			return "", err
		}
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	ctx, cancel := settle(ctx, createTimeout)
	defer cancel()
	made, err := d.cli.ContainerCreate(ctx, c, h, nil, platform(s.Platform), s.Name)
	if err != nil {
		return "", wrapJoin(err, s.Namespace)
	}
	return engine.ContainerID(made.ID), nil
}

// settle gives a call time to end whatever becomes of its caller: the engine goes on with a call that is cut off, and
// what it makes then nobody knows of.
func settle(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}

// Start starts a created container, when the gate lets it.
func (d *Docker) Start(ctx context.Context, id engine.ContainerID) error {
	leave, err := d.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return d.start(ctx, string(id))
}

func (d *Docker) start(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := wrap(d.cli.ContainerStart(ctx, id, container.StartOptions{}))
	if errors.Is(err, engine.ErrNotFound) {
		// The engine says the same of the container and of the namespace that it joins.
		if _, there := d.cli.ContainerInspect(ctx, id); there == nil {
			return &callError{kind: engine.ErrGone, err: err}
		}
	}
	return err
}

// Stop ends a container and returns when it has ended. It takes no place in the gate: nearly all of its time is the
// program's own.
func (d *Docker) Stop(ctx context.Context, id engine.ContainerID, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, grace+stopSlack)
	defer cancel()
	return wrap(d.cli.ContainerStop(ctx, string(id), container.StopOptions{Timeout: new(seconds(grace))}))
}

// Remove removes a container with its anonymous volumes, when the gate lets it.
func (d *Docker) Remove(ctx context.Context, id engine.ContainerID) error {
	leave, err := d.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return d.remove(ctx, string(id))
}

// remove takes no place in the gate, for callers that have one.
func (d *Docker) remove(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	err := wrap(d.cli.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true}))
	if errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	if err != nil && isBeingRemoved(err) {
		return d.awaitRemoval(ctx, id)
	}
	return err
}

// awaitRemoval waits until a removal that somebody else began has ended.
func (d *Docker) awaitRemoval(ctx context.Context, id string) error {
	done, failed := d.cli.ContainerWait(ctx, id, container.WaitConditionRemoved)
	select {
	case <-done:
		return nil
	case err := <-failed:
		if err = wrap(err); errors.Is(err, engine.ErrNotFound) {
			return nil
		}
		return err
	}
}

// Inspect tells everything about one container.
func (d *Docker) Inspect(ctx context.Context, id engine.ContainerID) (engine.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	in, err := d.cli.ContainerInspect(ctx, string(id))
	if err != nil {
		return engine.Status{}, wrap(err)
	}
	return statusOf(in), nil
}

// List gives every task container of this installation, running or not.
func (d *Docker) List(ctx context.Context) ([]engine.Status, error) {
	list, err := d.cli.ContainerList(ctx, container.ListOptions{All: true, Filters: d.filter(roleTask)})
	if err != nil {
		return nil, wrap(err)
	}
	all := make([]engine.Status, 0, len(list))
	for _, c := range list {
		all = append(all, summaryOf(c))
	}
	return all, nil
}
