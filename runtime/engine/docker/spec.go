package docker

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/strslice"
	"github.com/docker/go-connections/nat"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"miniecs/runtime/engine"
)

// cfsPeriod is the engine's own scheduling period in microseconds; a quota below a hundredth of it is refused.
const cfsPeriod = 100_000

// config translates the part of a spec that travels with the image.
func (d *Docker) config(s engine.Spec) *container.Config {
	labels := d.ours(roleTask, s.Labels)
	setOwner(labels, s.Owner)
	c := &container.Config{
		Image: s.Image, Entrypoint: s.EntryPoint, Cmd: strslice.StrSlice(s.Command), Env: s.Env,
		WorkingDir: s.WorkingDir, User: s.User, Hostname: s.Hostname, Labels: labels,
		Tty: s.TTY, OpenStdin: s.OpenStdin, NetworkDisabled: s.NetworkDisabled,
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	if h := s.HealthCheck; h != nil {
		c.Healthcheck = &container.HealthConfig{
			Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries,
		}
	}
	if s.StopTimeout > 0 {
		c.StopTimeout = new(seconds(s.StopTimeout))
	}
	return c
}

// hostConfig translates the part of a spec that belongs to the machine.
func (d *Docker) hostConfig(s engine.Spec) *container.HostConfig {
	h := &container.HostConfig{
		NetworkMode: networkMode(s),
		LogConfig:   logConfig(s.LogDriver),
		DNS:         s.DNS, DNSSearch: s.DNSSearch, ExtraHosts: s.ExtraHosts, Links: s.Links, Sysctls: s.Sysctls,
		VolumesFrom: s.VolumesFrom, Tmpfs: s.Tmpfs,
		CapAdd: s.CapAdd, CapDrop: s.CapDrop, SecurityOpt: s.SecurityOpt,
		ReadonlyRootfs: s.ReadonlyRootfs, Privileged: s.Privileged,
		PidMode: container.PidMode(s.PidMode), IpcMode: container.IpcMode(s.IpcMode),
		ShmSize: s.ShmSize, Resources: resources(s),
	}
	if s.Init {
		h.Init = new(true)
	}
	if s.TaskCgroup && s.Namespace != "" {
		h.CgroupParent = d.pool.cgroup(s.Namespace)
	}
	for _, m := range s.Mounts {
		d.mount(h, s, m)
	}
	return h
}

// resources are the limits. CPUs by quota, not NanoCPUs: that refuses more than the machine has (task-runtime.md 2.2).
func resources(s engine.Spec) container.Resources {
	r := container.Resources{
		CPUShares: s.CPUShares, Memory: s.Memory, MemoryReservation: s.MemoryReservation,
		MemorySwap: s.MemorySwap, MemorySwappiness: s.Swappiness,
	}
	if s.CPUQuota > 0 {
		r.CPUPeriod, r.CPUQuota = cfsPeriod, quota(s.CPUQuota)
	}
	for _, u := range s.Ulimits {
		r.Ulimits = append(r.Ulimits, &container.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	for _, v := range s.Devices {
		r.Devices = append(r.Devices, container.DeviceMapping{
			PathOnHost: v.HostPath, PathInContainer: v.ContainerPath, CgroupPermissions: v.Permissions,
		})
	}
	return r
}

func quota(cpus float64) int64 { return max(int64(math.Round(cpus*cfsPeriod)), cfsPeriod/100) }

// networkMode gives how the container gets its network.
func networkMode(s engine.Spec) container.NetworkMode {
	switch s.Network {
	case engine.NetworkAwsvpc:
		return container.NetworkMode("container:" + s.Namespace)
	case engine.NetworkHost:
		return "host"
	case engine.NetworkNone:
		return "none"
	}
	return "bridge"
}

// logConfig bounds what the engine keeps of a container's output, where the definition does not choose a driver of
// its own: a follower that is slow loses lines when a file rotates, hence not smaller (task-runtime.md 6.7).
func logConfig(l engine.LogDriver) container.LogConfig {
	if l.Name == "" {
		return container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "10m", "max-file": "3"}}
	}
	return container.LogConfig{Type: l.Name, Config: l.Options}
}

// mount adds one mount. A named volume in the long form gets our label should the engine have to make it; a folder
// of the host in the short form is made if it is missing (task-runtime.md 2.5).
func (d *Docker) mount(h *container.HostConfig, s engine.Spec, m engine.Mount) {
	switch {
	case m.Volume != "":
		labels := d.ours(roleVolume, nil)
		labels[labelTask] = s.Owner.Task
		h.Mounts = append(h.Mounts, mount.Mount{
			Type: mount.TypeVolume, Source: m.Volume, Target: m.Target, ReadOnly: m.ReadOnly,
			VolumeOptions: &mount.VolumeOptions{Labels: labels},
		})
	case d.createMountpoint:
		h.Mounts = append(h.Mounts, mount.Mount{
			Type: mount.TypeBind, Source: m.HostPath, Target: m.Target, ReadOnly: m.ReadOnly,
			BindOptions: &mount.BindOptions{CreateMountpoint: true},
		})
	default:
		bind := m.HostPath + ":" + m.Target
		if m.ReadOnly {
			bind += ":ro"
		}
		h.Binds = append(h.Binds, bind)
	}
}

// ports adds what a bridge task publishes: on loopback unless it says otherwise (design.md 4).
func ports(c *container.Config, h *container.HostConfig, bindings []engine.PortBinding) error {
	for _, b := range bindings {
		protocol := b.Protocol
		if protocol == "" {
			protocol = "tcp"
		}
		port, err := nat.NewPort(protocol, strconv.Itoa(b.ContainerPort))
		if err != nil {
			return fmt.Errorf("port %d/%s: %w", b.ContainerPort, protocol, err)
		}
		if c.ExposedPorts == nil {
			c.ExposedPorts, h.PortBindings = nat.PortSet{}, nat.PortMap{}
		}
		ip := b.HostIP
		if ip == "" {
			ip = "127.0.0.1"
		}
		c.ExposedPorts[port] = struct{}{}
		h.PortBindings[port] = append(h.PortBindings[port], nat.PortBinding{HostIP: ip, HostPort: strconv.Itoa(b.HostPort)})
	}
	return nil
}

// platform reads "linux/arm64/v8".
func platform(s string) *ocispec.Platform {
	if s == "" {
		return nil
	}
	parts := strings.SplitN(s, "/", 3)
	p := &ocispec.Platform{OS: parts[0]}
	if len(parts) > 1 {
		p.Architecture = parts[1]
	}
	if len(parts) > 2 {
		p.Variant = parts[2]
	}
	return p
}

// seconds rounds up, so that a short grace is not taken for none.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// hostPort gives the address of a published port as numbers.
func hostPort(b nat.PortBinding) (ip string, port int) {
	port, _ = strconv.Atoi(b.HostPort)
	if parsed := net.ParseIP(b.HostIP); parsed != nil {
		return parsed.String(), port
	}
	return b.HostIP, port
}
