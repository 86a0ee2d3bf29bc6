package docker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"

	"miniecs/internal/pause"
	"miniecs/runtime/engine"
)

// ranges are tried in this order: that of AWS's default VPC first.
var ranges = []string{
	"172.31.0.0/16", "172.30.0.0/16", "172.29.0.0/16", "172.28.0.0/16", "172.27.0.0/16", "172.26.0.0/16",
	"172.25.0.0/16", "172.24.0.0/16", "10.31.0.0/16", "10.63.0.0/16", "10.95.0.0/16", "10.127.0.0/16",
	"10.159.0.0/16", "10.191.0.0/16", "10.223.0.0/16", "172.23.0.0/16", "172.22.0.0/16", "172.21.0.0/16",
	"172.20.0.0/16", "10.47.0.0/16", "10.79.0.0/16", "10.111.0.0/16", "10.143.0.0/16", "10.175.0.0/16",
}

const mtuOption = "com.docker.network.driver.mtu"

// vpc is the network that awsvpc tasks live in. It is found again by its label, and used by its id: names of
// networks are not unique.
type vpc struct {
	d      *Docker
	mu     sync.Mutex
	id     string
	name   string
	subnet netip.Prefix // once known it stays, even if the network has to be made again
}

// Network makes sure that the VPC's network is there and gives its range.
func (d *Docker) Network(ctx context.Context) (netip.Prefix, error) {
	_, subnet, err := d.vpc.ensure(ctx)
	return subnet, err
}

// ensure gives the network's id and range; it looks whether it is there each time, since an engine that was reset
// lost it.
func (v *vpc) ensure(ctx context.Context) (id string, subnet netip.Prefix, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.id != "" {
		_, err := v.d.cli.NetworkInspect(ctx, v.id, network.InspectOptions{})
		if err == nil {
			return v.id, v.subnet, nil
		}
		if !errdefs.IsNotFound(err) {
			return "", subnet, fmt.Errorf("the VPC's network: %w", wrap(err))
		}
		v.id = ""
	}
	if err := v.find(ctx); err != nil {
		return "", subnet, err
	}
	if v.id == "" {
		if err := v.make(ctx); err != nil {
			return "", subnet, err
		}
	}
	v.d.joinOwnContainer(ctx, v.id)
	return v.id, v.subnet, nil
}

// find looks for our network from an earlier start.
func (v *vpc) find(ctx context.Context) error {
	list, err := v.d.cli.NetworkList(ctx, network.ListOptions{Filters: v.d.filter(roleVPC)})
	if err != nil {
		return fmt.Errorf("the VPC's network: %w", wrap(err))
	}
	slices.SortFunc(list, func(a, b network.Summary) int { return a.Created.Compare(b.Created) })
	for _, n := range list {
		subnet, ok := subnetOf(n)
		if !ok {
			continue
		}
		if want := v.d.cfg.Subnet; want != "" && subnet.String() != want {
			if err := v.d.cli.NetworkRemove(ctx, n.ID); err != nil {
				return fmt.Errorf("the VPC's network is %s and in use; it cannot become %s before everything is stopped: %w", subnet, want, wrap(err))
			}
			continue
		}
		v.id, v.name, v.subnet = n.ID, n.Name, subnet
		return nil
	}
	return nil
}

func subnetOf(n network.Summary) (netip.Prefix, bool) {
	for _, c := range n.IPAM.Config {
		if p, err := netip.ParsePrefix(c.Subnet); err == nil && p.Addr().Is4() {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// make creates the network in the first range that is free. The engine refuses only those of other Docker networks
// and would take the range of the host's own interface, which cuts the machine off (design.md 4): so the host's
// routes come first.
func (v *vpc) make(ctx context.Context) error {
	wanted, err := v.candidates()
	if err != nil {
		return err
	}
	routes, err := v.d.hostRoutes(ctx)
	if err != nil {
		return fmt.Errorf("routes of the engine's host: %w", err)
	}
	mtu := v.d.bridgeMTU(ctx)
	var last error
	for _, subnet := range wanted {
		if r, taken := overlapping(subnet, routes); taken {
			last = fmt.Errorf("%s is routed on the engine's host (%s through %s)", subnet, r.Prefix, r.Interface)
			continue
		}
		id, err := v.create(ctx, subnet, mtu)
		if err == nil {
			v.id, v.subnet = id, subnet
			return nil
		}
		last = wrap(err)
		if !strings.Contains(err.Error(), "overlap") {
			return fmt.Errorf("make the VPC's network: %w", last)
		}
	}
	return fmt.Errorf("no range is free for the VPC's network, name one: %w", last)
}

// candidates are the ranges to try: the one that tasks know already, the one asked for, or the list.
func (v *vpc) candidates() ([]netip.Prefix, error) {
	switch {
	case v.subnet.IsValid():
		return []netip.Prefix{v.subnet}, nil
	case v.d.cfg.Subnet != "":
		p, err := netip.ParsePrefix(v.d.cfg.Subnet)
		if err != nil || !p.Addr().Is4() || p.Bits() > 24 || p != p.Masked() {
			return nil, fmt.Errorf("subnet %q: it must be an IPv4 range of /24 or larger, such as 172.31.0.0/16", v.d.cfg.Subnet)
		}
		return []netip.Prefix{p}, nil
	}
	all := make([]netip.Prefix, 0, len(ranges))
	for _, r := range ranges {
		all = append(all, netip.MustParsePrefix(r))
	}
	return all, nil
}

func (v *vpc) create(ctx context.Context, subnet netip.Prefix, mtu string) (string, error) {
	v.name = "miniecs-" + v.d.slug()
	options := map[string]string{}
	if mtu != "" {
		options[mtuOption] = mtu
	}
	made, err := v.d.cli.NetworkCreate(ctx, v.name, network.CreateOptions{
		Driver: "bridge", Options: options, Labels: v.d.ours(roleVPC, nil),
		IPAM: &network.IPAM{Driver: "default", Config: []network.IPAMConfig{{
			Subnet: subnet.String(), Gateway: nth(subnet, 1).String(), IPRange: dynamicRange(subnet).String(),
		}}},
	})
	return made.ID, err
}

// dynamicRange is where the engine's own choice of addresses comes from: the upper quarter, as ours come from below.
func dynamicRange(subnet netip.Prefix) netip.Prefix {
	size := uint32(1) << (32 - subnet.Bits())
	return netip.PrefixFrom(nth(subnet, size-size/4), subnet.Bits()+2)
}

// overlapping finds the route that a range collides with.
func overlapping(subnet netip.Prefix, routes []pause.Route) (pause.Route, bool) {
	for _, r := range routes {
		if r.Prefix.Overlaps(subnet) {
			return r, true
		}
	}
	return pause.Route{}, false
}

// bridgeMTU is that of the default network: where it is small (VPNs, clouds), ours must be too.
func (d *Docker) bridgeMTU(ctx context.Context) string {
	n, err := d.cli.NetworkInspect(ctx, "bridge", network.InspectOptions{})
	if err != nil {
		return ""
	}
	return n.Options[mtuOption]
}

// hostRoutes reads the routes of the engine's host: our own where it is this machine, else by a container in its
// network.
func (d *Docker) hostRoutes(ctx context.Context) ([]pause.Route, error) {
	if d.local() && d.sameMachine() {
		if routes, err := pause.Routes(); err == nil {
			return routes, nil
		}
	}
	return d.routesByHelper(ctx)
}

// sameMachine tells whether the engine shares our network: it names its machine as ours is named, and we see
// Linux's own table. A container has a host name of its own, and so has a virtual machine under a desktop.
func (d *Docker) sameMachine() bool {
	name, err := d.ownName()
	return err == nil && name == d.info.Name
}

// sweepNetworks removes our networks.
func (d *Docker) sweepNetworks(ctx context.Context) error {
	list, err := d.cli.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelInstallation+"="+d.cfg.Installation))})
	if err != nil {
		return wrap(err)
	}
	var failed []error
	for _, n := range list {
		d.leaveOwnContainer(ctx, n.ID)
		if err := d.cli.NetworkRemove(ctx, n.ID); err != nil && !errdefs.IsNotFound(err) {
			failed = append(failed, fmt.Errorf("network %s: %w", n.Name, wrap(err)))
		}
	}
	d.vpc.mu.Lock()
	d.vpc.id = ""
	d.vpc.subnet = netip.Prefix{}
	d.vpc.mu.Unlock()
	return errors.Join(failed...)
}

// nth gives an address by its number in a range.
func nth(p netip.Prefix, n uint32) netip.Addr {
	b := p.Masked().Addr().As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	v += n
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// number is the inverse of nth.
func number(p netip.Prefix, a netip.Addr) uint32 {
	b, c := p.Masked().Addr().As4(), a.As4()
	v := func(b [4]byte) uint32 {
		return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	}
	return v(c) - v(b)
}

var _ engine.Namespaces = (*Docker)(nil)
