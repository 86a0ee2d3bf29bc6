package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	"github.com/rs/zerolog"

	"miniecs/internal/pause"
	"miniecs/runtime/engine"
)

// namespace is a pause of ours.
type namespace struct {
	engine.Namespace
	key       pause.Key
	hatchPort int    // on the engine's host, 0: not published
	cgroup    string // of the pause, where task limits work
}

var hatchPort = nat.Port(fmt.Sprintf("%d/tcp", pause.HatchPort))

// addressTries bounds how many addresses that strangers have are stepped over.
const addressTries = 8

// errUnreachable says that a pause runs but cannot be talked to in the way that was tried.
var errUnreachable = errors.New("the namespace runs but does not answer")

// makeNamespace makes one pause at an address and waits until it answers. In auto mode the first one shows whether
// addresses are routable from here; if not, it is made again with its hatch published.
func (d *Docker) makeNamespace(ctx context.Context, address func() (netip.Addr, func(), error)) (*namespace, error) {
	image, err := d.ensurePauseImage(ctx)
	if err != nil {
		return nil, err
	}
	n, err := d.tryNamespace(ctx, image, address)
	for tries := 0; tries < addressTries && err != nil && strings.Contains(err.Error(), "Address already in use"); tries++ {
		n, err = d.tryNamespace(ctx, image, address) // a stranger in our network has that one
	}
	if errors.Is(err, engine.ErrNotFound) {
		d.forgetPauseImage() // somebody removed it
		if image, err = d.ensurePauseImage(ctx); err != nil {
			return nil, err
		}
		n, err = d.tryNamespace(ctx, image, address)
	}
	if errors.Is(err, errUnreachable) && d.reach.way() == ReachAuto {
		zerolog.Ctx(ctx).Info().Msg("tasks are reached through their hatch: their addresses are not routable from here")
		d.reach.set(ReachHatch)
		n, err = d.tryNamespace(ctx, image, address)
	}
	if err == nil && d.reach.way() == ReachAuto {
		d.reach.set(ReachDirect)
	}
	return n, err
}

// tryNamespace makes one pause; it is removed again if anything fails.
func (d *Docker) tryNamespace(ctx context.Context, image string, address func() (netip.Addr, func(), error)) (_ *namespace, err error) {
	networkID, subnet, err := d.vpc.ensure(ctx)
	if err != nil {
		return nil, err
	}
	addr, free, err := address()
	if err != nil {
		return nil, err
	}
	n := &namespace{
		Namespace: engine.Namespace{Address: addr, Subnet: subnet, Gateway: nth(subnet, 1), Hostname: hostname(addr)},
		key:       pause.Key{Token: rand.Text(), Generation: pause.AnyGeneration},
	}
	defer func() {
		if err == nil {
			return
		}
		if n.ID != "" {
			if d.remove(context.WithoutCancel(ctx), n.ID) != nil {
				return // it still holds the address: a later Adopt finds it
			}
		}
		free()
	}()
	if n.ID, err = d.createPause(ctx, n, image, networkID); err != nil {
		return nil, fmt.Errorf("make a namespace: %w", err)
	}
	if err := d.start(ctx, n.ID); err != nil {
		return nil, fmt.Errorf("start a namespace: %w", err)
	}
	in, err := d.cli.ContainerInspect(ctx, n.ID)
	if err != nil {
		return nil, wrap(err)
	}
	_, err = d.greet(ctx, n, in, helloTimeout)
	return n, err
}

// greet fills in what inspect and the pause itself say; taken tells whether it was handed out before.
func (d *Docker) greet(ctx context.Context, n *namespace, in container.InspectResponse, limit time.Duration) (taken bool, err error) {
	if s := in.NetworkSettings; s != nil {
		for _, end := range s.Networks {
			if end != nil && end.MacAddress != "" {
				n.MAC = end.MacAddress
			}
		}
		for _, b := range s.Ports[hatchPort] {
			_, n.hatchPort = hostPort(b)
		}
	}
	if d.reach.way() == ReachAuto {
		limit = min(limit, tryTimeout)
	}
	g, err := d.hello(ctx, n.key, d.hatch(n), limit)
	if err != nil {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		return false, fmt.Errorf("%w: %w", errUnreachable, err)
	}
	n.key.Generation, n.cgroup = g.Generation, g.Cgroup
	if !g.Ready {
		d.warnRules.Do(func() {
			zerolog.Ctx(ctx).Warn().Str("problem", g.Problem).Msg("169.254.170.2 will not answer in tasks")
		})
	}
	return g.Taken, nil
}

// createPause creates the container. NET_ADMIN is here only, never on the user's containers.
func (d *Docker) createPause(ctx context.Context, n *namespace, image, networkID string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	ctx, cancel := settle(ctx, createTimeout)
	defer cancel()
	labels := d.ours(rolePause, nil)
	labels[labelToken] = n.key.Token
	config := &container.Config{
		Image: image, Hostname: n.Hostname, Labels: labels, StopTimeout: new(2),
		Env:         []string{pause.EnvToken + "=" + n.key.Token},
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode(networkID), LogConfig: logConfig(engine.LogDriver{}),
		ReadonlyRootfs: true, CapDrop: []string{"ALL"}, CapAdd: []string{"NET_ADMIN"},
		SecurityOpt: []string{"no-new-privileges"},
		// Tasks bind port 80 as any user, on ECS as here; older engines do not set this by themselves.
		Sysctls: map[string]string{"net.ipv4.ip_unprivileged_port_start": "0"},
	}
	if d.reach.way() == ReachHatch {
		config.ExposedPorts = nat.PortSet{hatchPort: {}}
		host.PortBindings = nat.PortMap{hatchPort: {{HostIP: "127.0.0.1", HostPort: "0"}}}
	}
	ends := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
		networkID: {IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: n.Address.String()}},
	}}
	made, err := d.cli.ContainerCreate(ctx, config, host, ends, nil, "miniecs-"+d.slug()+"-"+strings.ToLower(n.key.Token[:12]))
	return made.ID, wrap(err)
}

// hostname is what EC2 calls an instance at an address.
func hostname(a netip.Addr) string {
	return "ip-" + strings.ReplaceAll(a.String(), ".", "-") + ".ec2.internal"
}

// foundNamespace reads back a pause from an earlier start; ok is false if it does not run or is not readable.
func foundNamespace(in container.InspectResponse, subnet netip.Prefix) (*namespace, bool) {
	if in.State == nil || in.Config == nil || in.NetworkSettings == nil {
		return nil, false
	}
	n := &namespace{key: pause.Key{Token: in.Config.Labels[labelToken], Generation: pause.AnyGeneration}}
	n.ID, n.Subnet = in.ID, subnet
	if subnet.IsValid() {
		n.Gateway = nth(subnet, 1)
	}
	for _, end := range in.NetworkSettings.Networks {
		if end == nil {
			continue
		}
		text := end.IPAddress
		if text == "" && end.IPAMConfig != nil {
			text = end.IPAMConfig.IPv4Address
		}
		if a, err := netip.ParseAddr(text); err == nil {
			n.Address, n.Hostname = a, hostname(a)
		}
	}
	return n, in.State.Running && n.Address.IsValid() && n.key.Token != ""
}
