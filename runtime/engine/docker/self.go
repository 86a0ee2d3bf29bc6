package docker

import (
	"context"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/rs/zerolog"
)

// joinOwnContainer connects the container that this daemon runs in, if it does, to the VPC's network: under Docker
// Desktop, with docker-compose.yml, that is what makes tasks reachable directly. Nothing is created, so nothing
// needs our label. A container in the host's network has no need of it.
func (d *Docker) joinOwnContainer(ctx context.Context, networkID string) {
	self, ok := d.ownContainer(ctx)
	if !ok {
		return
	}
	for _, end := range self.NetworkSettings.Networks {
		if end != nil && end.NetworkID == networkID {
			return
		}
	}
	if err := d.cli.NetworkConnect(ctx, networkID, self.ID, &network.EndpointSettings{}); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("own container cannot be connected to the VPC's network")
	}
}

func (d *Docker) leaveOwnContainer(ctx context.Context, networkID string) {
	if self, ok := d.ownContainer(ctx); ok {
		_ = d.cli.NetworkDisconnect(ctx, networkID, self.ID, true) // it may not be connected
	}
}

// ownContainer finds the container that this process runs in: its host name is the beginning of the id, unless
// somebody chose another name.
func (d *Docker) ownContainer(ctx context.Context) (container.InspectResponse, bool) {
	name, err := d.ownName()
	if err != nil || len(name) != 12 || !hexadecimal(name) {
		return container.InspectResponse{}, false
	}
	in, err := d.cli.ContainerInspect(ctx, name)
	if err != nil || in.HostConfig == nil || in.HostConfig.NetworkMode.IsHost() || in.NetworkSettings == nil || in.ID[:12] != name {
		return container.InspectResponse{}, false
	}
	return in, true
}

func hexadecimal(s string) bool {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return s != ""
}
