package sim

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"miniecs/runtime/engine"
)

const firstHostPort = 32768 // Linux's ephemeral range, where Docker takes dynamic ports from

type hostPort struct {
	port     int
	protocol string
}

// bind takes the host ports of a container that starts, all or none.
func (s *Sim) bind(c *container) error {
	if c.spec.Network != engine.NetworkBridge {
		return nil
	}
	ports := slices.Clone(c.spec.Ports)
	for i := range ports {
		p := &ports[i]
		key := hostPort{p.HostPort, cmp.Or(p.Protocol, "tcp")}
		if p.HostPort == 0 {
			key.port = s.freePort(key.protocol)
			p.HostPort = key.port
		}
		if _, taken := s.hostPorts[key]; taken {
			s.unbind(c)
			return fmt.Errorf("%w: driver failed programming external connectivity: Bind for %s:%d failed: port is already allocated",
				engine.ErrPortTaken, cmp.Or(p.HostIP, "0.0.0.0"), p.HostPort)
		}
		s.hostPorts[key] = c
		c.bound = append(c.bound, key)
	}
	s.nextBridge++
	c.status.Ports = ports
	c.status.Addresses = map[string]netip.Addr{"bridge": netip.AddrFrom4([4]byte{172, 17, byte(s.nextBridge >> 8), byte(s.nextBridge)})}
	return nil
}

func (s *Sim) unbind(c *container) {
	for _, key := range c.bound {
		delete(s.hostPorts, key)
	}
	c.bound, c.status.Ports, c.status.Addresses = nil, nil, nil
}

func (s *Sim) freePort(protocol string) int {
	for {
		s.nextPort++
		if s.nextPort > 60999 {
			s.nextPort = firstHostPort
		}
		if _, taken := s.hostPorts[hostPort{s.nextPort, protocol}]; !taken {
			return s.nextPort
		}
	}
}
