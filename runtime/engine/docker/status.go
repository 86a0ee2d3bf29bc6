package docker

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"miniecs/runtime/engine"
)

// healthLogLimit is how much of a probe's output ECS reports (task-runtime.md 6.6).
const healthLogLimit = 1024

// statusOf translates what inspect says.
func statusOf(in container.InspectResponse) engine.Status {
	s := engine.Status{
		ID: engine.ContainerID(in.ID), Name: strings.TrimPrefix(in.Name, "/"), ImageID: engine.ImageID(in.Image),
		CreatedAt: moment(in.Created),
	}
	if in.Config != nil {
		s.Owner, s.Image = ownerOf(in.Config.Labels), in.Config.Image
	}
	if in.HostConfig != nil {
		s.Namespace = joined(string(in.HostConfig.NetworkMode))
	}
	if st := in.State; st != nil {
		s.State = stateOf(string(st.Status))
		s.StartedAt, s.FinishedAt = moment(st.StartedAt), moment(st.FinishedAt)
		if s.State == engine.StateRunning {
			s.FinishedAt = time.Time{} // it still holds that of the run before
		}
		s.OOMKilled, s.Error = st.OOMKilled, st.Error
		if !s.FinishedAt.IsZero() {
			s.ExitCode = st.ExitCode
		}
		s.Health, s.HealthLog = healthOf(st.Health)
	}
	if n := in.NetworkSettings; n != nil {
		s.Ports, s.Addresses = bound(n.Ports), addresses(n.Networks)
	}
	return s
}

// summaryOf translates what a list says; the rest needs inspect.
func summaryOf(c container.Summary) engine.Status {
	s := engine.Status{
		ID: engine.ContainerID(c.ID), Owner: ownerOf(c.Labels), State: stateOf(string(c.State)),
		Image: c.Image, ImageID: engine.ImageID(c.ImageID), Namespace: joined(c.HostConfig.NetworkMode),
		CreatedAt: time.Unix(c.Created, 0),
	}
	if len(c.Names) > 0 {
		s.Name = strings.TrimPrefix(c.Names[0], "/")
	}
	if c.NetworkSettings != nil {
		s.Addresses = addresses(c.NetworkSettings.Networks)
	}
	for _, p := range c.Ports {
		if p.PublicPort != 0 {
			s.Ports = append(s.Ports, engine.PortBinding{
				ContainerPort: int(p.PrivatePort), HostPort: int(p.PublicPort), Protocol: p.Type, HostIP: p.IP,
			})
		}
	}
	return s
}

// stateOf sorts the engine's states: what was never started is created, what runs no more has ended.
func stateOf(s string) engine.State {
	switch s {
	case container.StateCreated:
		return engine.StateCreated
	case container.StateRunning, container.StatePaused, container.StateRestarting:
		return engine.StateRunning
	}
	return engine.StateExited
}

func healthOf(h *container.Health) (engine.Health, string) {
	if h == nil {
		return engine.HealthNone, ""
	}
	var log string
	if n := len(h.Log); n > 0 && h.Log[n-1] != nil {
		log = h.Log[n-1].Output
		if len(log) > healthLogLimit {
			log = strings.ToValidUTF8(log[:healthLogLimit], "")
		}
	}
	switch h.Status {
	case container.Starting:
		return engine.HealthStarting, log
	case container.Healthy:
		return engine.HealthHealthy, log
	case container.Unhealthy:
		return engine.HealthUnhealthy, log
	}
	return engine.HealthNone, ""
}

// bound lists published ports in a stable order.
func bound(ports nat.PortMap) []engine.PortBinding {
	var all []engine.PortBinding
	for port, bindings := range ports {
		for _, b := range bindings {
			ip, number := hostPort(b)
			all = append(all, engine.PortBinding{ContainerPort: port.Int(), HostPort: number, Protocol: port.Proto(), HostIP: ip})
		}
	}
	slices.SortFunc(all, func(a, b engine.PortBinding) int {
		if a.ContainerPort != b.ContainerPort {
			return a.ContainerPort - b.ContainerPort
		}
		if c := strings.Compare(a.Protocol, b.Protocol); c != 0 {
			return c
		}
		return strings.Compare(a.HostIP, b.HostIP)
	})
	return all
}

func addresses(networks map[string]*network.EndpointSettings) map[string]netip.Addr {
	var all map[string]netip.Addr
	for name, end := range networks {
		if end == nil {
			continue
		}
		if addr, err := netip.ParseAddr(end.IPAddress); err == nil {
			if all == nil {
				all = make(map[string]netip.Addr, len(networks))
			}
			all[name] = addr
		}
	}
	return all
}

// joined gives the container whose network is shared.
func joined(mode string) string {
	id, ok := strings.CutPrefix(mode, "container:")
	if !ok {
		return ""
	}
	return id
}

// moment reads the engine's time; its zero is year 1.
func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t
}
