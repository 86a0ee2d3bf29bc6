package taskdef

import (
	"strconv"
	"strings"
)

// ports checks the port mappings of one container (task-definition.md 4.3, 7.4).
func (v *validator) ports(c *ContainerDefinition, path string) {
	mode := v.td.NetworkMode
	if mode == NetworkModeNone && len(c.PortMappings) > 0 { // our words
		v.client(path+".portMappings", "Port mappings are not supported when networkMode=none.")
	}
	if len(c.PortMappings) > maxPorts { // our words
		v.client(path+".portMappings", "Container '%s' cannot have more than %d port mappings.", c.Name, maxPorts)
	}
	for i, p := range c.PortMappings {
		at := item(path, "portMappings", i)
		if p.ContainerPortRange != "" {
			v.portRange(c, p, at)
		} else {
			v.singlePort(c, p, at)
		}
		v.oneOf(at+".protocol", "protocol", p.Protocol, "tcp", "udp")
		v.oneOf(at+".appProtocol", "application protocol", p.AppProtocol, "http", "http2", "grpc")
		if p.Name != "" && !portNameRule.MatchString(p.Name) { // our words
			v.client(at+".name", "Invalid 'name' setting for port mapping of container '%s'.", c.Name).
				hint("at most 64 lower-case letters, digits, _ and -, not starting with -")
		}
		if p.AppProtocol != "" && p.Name == "" { // our words
			v.client(at, "Port mapping 'name' must be specified with 'appProtocol' for container '%s'.", c.Name)
		}
	}
}

func (v *validator) singlePort(c *ContainerDefinition, p PortMapping, at string) {
	if p.ContainerPort < 1 || p.ContainerPort > 65535 {
		v.client(at+".containerPort", "Invalid 'containerPort' setting for container '%s'.", c.Name)
		return
	}
	host := Value(p.HostPort)
	if host < 0 || host > 65535 {
		v.client(at+".hostPort", "Invalid 'hostPort' setting for container '%s'.", c.Name)
		return
	}
	mode := v.td.NetworkMode
	if (mode == NetworkModeAwsvpc || mode == NetworkModeHost) && host != 0 && host != p.ContainerPort {
		v.client(at+".hostPort", "When networkMode=%s, the host ports and container ports in port mappings must match.", mode)
	}
}

func (v *validator) portRange(c *ContainerDefinition, p PortMapping, at string) {
	if p.ContainerPort != 0 || p.HostPort != nil {
		v.client(at, "Invalid port mapping for container '%s', cannot specify both single port and port range.", c.Name)
	}
	_, _, ok := ParsePortRange(p.ContainerPortRange)
	if mode := v.td.NetworkMode; !ok || mode == NetworkModeHost {
		e := v.client(at+".containerPortRange", "Invalid 'containerPortRange' setting for container '%s'.", c.Name)
		if ok {
			e.hint("ranges are for awsvpc and bridge only")
		} else {
			e.hint("want first-last, both 1 to 65535")
		}
	}
}

// ParsePortRange reads "first-last".
func ParsePortRange(s string) (first, last int, ok bool) {
	a, b, found := strings.Cut(s, "-")
	first, err1 := strconv.Atoi(a)
	last, err2 := strconv.Atoi(b)
	return first, last, found && err1 == nil && err2 == nil && 1 <= first && first <= last && last <= 65535
}

// portConflicts looks for ports that two mappings of the task want (task-definition.md 7.4).
func (v *validator) portConflicts() {
	mode := v.td.NetworkMode
	used, names := map[string]bool{}, map[string]bool{}
	for i, c := range v.td.ContainerDefinitions {
		for j, p := range c.PortMappings {
			at := item(containerPath(i), "portMappings", j)
			protocol := strings.ToUpper(p.Protocol)
			if protocol == "" {
				protocol = "TCP"
			}
			port := Value(p.HostPort)
			if mode == NetworkModeAwsvpc || mode == NetworkModeHost && port == 0 {
				port = p.ContainerPort
			}
			key := protocol + strconv.Itoa(port)
			switch {
			case port == 0 || mode == NetworkModeNone:
			case used[key] && mode == NetworkModeAwsvpc:
				v.client(at, "%s container port '%d' is used multiple times in task when networkMode=awsvpc.", protocol, port)
			case used[key]:
				v.client(at, "%s host port '%d' is mapped multiple times in task.", protocol, port)
			}
			used[key] = true
			if p.Name != "" && names[p.Name] && mode == NetworkModeAwsvpc {
				v.client(at+".name", "When networkMode=awsvpc, port mapping name is already used").hint("%s", p.Name)
			}
			names[p.Name] = true
		}
	}
}

// networking checks what a container cannot have in the task's network mode (task-definition.md 4.7, 7.4).
func (v *validator) networking(c *ContainerDefinition, path string) {
	mode := v.td.NetworkMode
	if len(c.Links) > 0 && mode != "" && mode != NetworkModeBridge {
		v.client(path+".links", "Links are not supported when networkMode=%s.", mode)
	}
	if mode == NetworkModeAwsvpc {
		for _, r := range []struct {
			member, words string
			given         bool
		}{
			{"hostname", "hostname is", c.Hostname != ""},
			{"dnsServers", "DNS servers are", len(c.DNSServers) > 0},
			{"dnsSearchDomains", "DNS search domains are", len(c.DNSSearchDomains) > 0}, // our words, as for the servers
			{"extraHosts", "Extra hosts are", len(c.ExtraHosts) > 0},
			{"disableNetworking", "Disable Networking is", Value(c.DisableNetworking)},
		} {
			if r.given {
				v.client(path+"."+r.member, "%s not supported on container when networkMode=awsvpc.", r.words)
			}
		}
	}
	for i, h := range c.ExtraHosts { // our words
		if h.Hostname == "" || h.IPAddress == "" {
			v.client(item(path, "extraHosts", i), "HostEntry.hostname and HostEntry.ipAddress should not be null or empty.")
		}
	}
}

// proxy checks the App Mesh proxy (task-definition.md 6.3, 7.4).
func (v *validator) proxy() {
	p := v.td.ProxyConfiguration
	if p == nil {
		return
	}
	const path = "proxyConfiguration"
	v.oneOf(path+".type", "proxy configuration type", p.Type, "APPMESH")
	if v.td.NetworkMode != NetworkModeAwsvpc {
		v.client(path, "APPMESH proxy configuration is only supported in networkMode=awsvpc")
	}
	if v.td.Container(p.ContainerName) == nil {
		v.client(path+".containerName", "Proxy container [%s] does not exist.", p.ContainerName)
	}
	has := map[string]bool{}
	for _, kv := range p.Properties {
		has[kv.Name] = kv.Value != ""
	}
	if !has["ProxyIngressPort"] {
		v.client(path+".properties", "Ingress port not found")
	}
	if !has["ProxyEgressPort"] { // our words, as for ingress
		v.client(path+".properties", "Egress port not found")
	}
	if !has["IgnoredUID"] && !has["IgnoredGID"] { // our words
		v.client(path+".properties", "IgnoredUID or IgnoredGID not found")
	}
}
