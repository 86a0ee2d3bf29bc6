package runtime

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"miniecs/runtime/engine"
	"miniecs/taskdef"
)

// networkMode is a definition's; an absent one acts as bridge (spec/task-definition.md 2).
func networkMode(td *taskdef.TaskDefinition) engine.NetworkMode {
	return engine.NetworkMode(or(td.NetworkMode, taskdef.NetworkModeBridge))
}

// platform is what a pull asks for: only what the definition names, or everything would be emulated on Apple silicon
// (spec/task-definition.md 2).
func platform(td *taskdef.TaskDefinition) string {
	if td.RuntimePlatform == nil {
		return ""
	}
	return map[string]string{"X86_64": "linux/amd64", "ARM64": "linux/arm64"}[td.RuntimePlatform.CPUArchitecture]
}

// spec is the container as the engine is asked for it (spec/task-runtime.md 2). Names and labels derive from ids that
// are in the store.
func (run *runner) spec(ctx context.Context, def *taskdef.ContainerDefinition) (engine.Spec, error) {
	env, err := run.environment(ctx, def)
	if err != nil {
		return engine.Spec{}, err
	}
	mounts, err := run.mounts(ctx, def)
	if err != nil {
		return engine.Spec{}, err
	}
	t, _ := run.look()
	s := engine.Spec{
		Name: t.container(def.Name).EngineName, Image: def.Image, Platform: platform(run.def),
		EntryPoint: def.EntryPoint, Command: def.Command, Env: env, WorkingDir: def.WorkingDirectory, User: def.User,
		Owner: engine.Owner{Cluster: t.Cluster, Service: t.Service, Task: t.ID, TaskARN: t.ARN, Family: run.def.Family,
			Revision: run.def.Revision, Container: def.Name},
		Labels: run.labels(&t, def), Network: networkMode(run.def), Mounts: mounts,
		ReadonlyRootfs: taskdef.Value(def.ReadonlyRootFilesystem), Privileged: taskdef.Value(def.Privileged),
		TTY: taskdef.Value(def.PseudoTerminal), OpenStdin: taskdef.Value(def.Interactive), SecurityOpt: securityOptions(def),
		NetworkDisabled: taskdef.Value(def.DisableNetworking), StopTimeout: run.stopTimeout(def), HealthCheck: run.healthCheck(def),
	}
	run.resources(&s, def)
	run.network(&s, &t, def)
	linux(&s, def.LinuxParameters)
	for _, u := range def.Ulimits {
		s.Ulimits = append(s.Ulimits, engine.Ulimit{Name: u.Name, Soft: int64(u.SoftLimit), Hard: int64(u.HardLimit)})
	}
	for _, v := range def.VolumesFrom {
		name := t.container(v.SourceContainer).EngineName
		if taskdef.Value(v.ReadOnly) {
			name += ":ro"
		}
		s.VolumesFrom = append(s.VolumesFrom, name)
	}
	for _, c := range def.SystemControls {
		if s.Sysctls == nil {
			s.Sysctls = map[string]string{}
		}
		s.Sysctls[c.Namespace] = c.Value
	}
	return s, nil
}

func (run *runner) labels(t *Task, def *taskdef.ContainerDefinition) map[string]string {
	l := map[string]string{
		"com.amazonaws.ecs.cluster": t.Cluster, "com.amazonaws.ecs.container-name": def.Name,
		"com.amazonaws.ecs.task-arn": t.ARN, "com.amazonaws.ecs.task-definition-family": run.def.Family,
		"com.amazonaws.ecs.task-definition-version": strconv.Itoa(run.def.Revision),
	}
	maps.Copy(l, def.DockerLabels)
	return l
}

// environment is what the container sees: secrets win over environment (spec/task-runtime.md 2.6). No metadata or
// credentials variable is set: nothing answers there yet.
func (run *runner) environment(ctx context.Context, def *taskdef.ContainerDefinition) ([]string, error) {
	env := map[string]string{"AWS_EXECUTION_ENV": "AWS_ECS_EC2"}
	t, _ := run.look()
	if t.LaunchType == LaunchFargate {
		env["AWS_EXECUTION_ENV"] = "AWS_ECS_FARGATE"
	}
	env["AWS_REGION"], env["AWS_DEFAULT_REGION"] = run.r.cfg.Region, run.r.cfg.Region
	for _, e := range def.Environment {
		env[e.Name] = e.Value
	}
	for _, s := range def.Secrets {
		value, ok := "", false
		if run.r.cfg.Secrets != nil {
			value, ok = run.r.cfg.Secrets(ctx, s.ValueFrom)
		}
		if !ok {
			return nil, &startError{"ResourceInitializationError", fmt.Sprintf("unable to pull secrets or registry auth: the value of "+
				"secret %s (valueFrom %s) is not known here; give it under \"secrets\" in the stack's miniecs.json", s.Name, s.ValueFrom)}
		}
		env[s.Name] = value
	}
	out := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		out = append(out, k+"="+env[k])
	}
	return out, nil
}

// resources sets shares and limits (spec/task-runtime.md 2.2).
func (run *runner) resources(s *engine.Spec, def *taskdef.ContainerDefinition) {
	s.CPUShares = int64(min(max(def.CPU, 2), 262144))
	s.Memory = int64(taskdef.Value(def.Memory)) << 20
	s.MemoryReservation = int64(taskdef.Value(def.MemoryReservation)) << 20
	cpu, mem := run.def.TaskCPU(), run.def.TaskMemory()
	if run.r.info.TaskLimits && s.Network == engine.NetworkAwsvpc {
		s.TaskCgroup = cpu > 0 || mem > 0
		return
	}
	// Without a cgroup for the task: every container gets the task's limits (spec/task-runtime.md 2.2, laptop notes).
	if cpu > 0 {
		s.CPUQuota = float64(cpu) / 1024
	}
	if mem > 0 && s.Memory == 0 {
		s.Memory = int64(mem) << 20
	}
}

// network sets what the mode allows; in awsvpc the namespace has hostname, DNS and ports.
func (run *runner) network(s *engine.Spec, t *Task, def *taskdef.ContainerDefinition) {
	if s.Network == engine.NetworkAwsvpc {
		s.Namespace = t.Namespace
		return
	}
	s.DNS, s.DNSSearch = def.DNSServers, def.DNSSearchDomains
	if s.Network != engine.NetworkHost {
		s.Hostname = def.Hostname
	}
	for _, h := range def.ExtraHosts {
		s.ExtraHosts = append(s.ExtraHosts, h.Hostname+":"+h.IPAddress)
	}
	if s.Network != engine.NetworkBridge {
		return
	}
	for _, l := range def.Links {
		name, alias, ok := strings.Cut(l, ":")
		if c := t.container(name); c != nil {
			if !ok {
				alias = name
			}
			s.Links = append(s.Links, c.EngineName+":"+alias)
		}
	}
	for _, p := range def.PortMappings {
		if p.ContainerPort == 0 {
			continue // a range: reachable inside the task only (taskdef.Ineffective says so)
		}
		s.Ports = append(s.Ports, engine.PortBinding{ContainerPort: p.ContainerPort, HostPort: taskdef.Value(p.HostPort),
			Protocol: or(p.Protocol, "tcp"), HostIP: "127.0.0.1"})
	}
}

func linux(s *engine.Spec, p *taskdef.LinuxParameters) {
	if p == nil {
		return
	}
	if p.Capabilities != nil {
		s.CapAdd, s.CapDrop = p.Capabilities.Add, p.Capabilities.Drop
	}
	for _, d := range p.Devices {
		perm := ""
		for _, word := range d.Permissions {
			perm += map[string]string{"read": "r", "write": "w", "mknod": "m"}[word]
		}
		s.Devices = append(s.Devices, engine.Device{HostPath: d.HostPath, ContainerPath: or(d.ContainerPath, d.HostPath), Permissions: or(perm, "rwm")})
	}
	s.Init = taskdef.Value(p.InitProcessEnabled)
	s.ShmSize = int64(taskdef.Value(p.SharedMemorySize)) << 20
	for _, f := range p.Tmpfs {
		if s.Tmpfs == nil {
			s.Tmpfs = map[string]string{}
		}
		s.Tmpfs[f.ContainerPath] = strings.Join(append([]string{fmt.Sprintf("size=%dm", f.Size)}, f.MountOptions...), ",")
	}
	if p.MaxSwap != nil && s.Memory > 0 {
		s.MemorySwap = s.Memory + int64(*p.MaxSwap)<<20
	}
	if p.Swappiness != nil {
		s.Swappiness = new(int64(*p.Swappiness))
	}
}

func securityOptions(def *taskdef.ContainerDefinition) []string {
	var out []string
	for _, o := range def.DockerSecurityOptions {
		out = append(out, strings.Replace(o, ":", "=", 1))
	}
	return out
}

// stopTimeout is how long a container has between the stop signal and SIGKILL.
func (run *runner) stopTimeout(def *taskdef.ContainerDefinition) time.Duration {
	d := 30 * time.Second
	if def.StopTimeout != nil {
		d = time.Duration(*def.StopTimeout) * time.Second
	}
	return run.r.scaled(d)
}

// healthCheck has ECS's defaults: interval 30 s, timeout 5 s, 3 retries (spec/task-definition.md 4.6). The image's own
// check is not ECS's business.
func (run *runner) healthCheck(def *taskdef.ContainerDefinition) *engine.HealthCheck {
	h := def.HealthCheck
	if h == nil || len(h.Command) == 0 || h.Command[0] == "NONE" {
		return nil
	}
	seconds := func(p *int, fallback int) time.Duration {
		if p != nil {
			fallback = *p
		}
		return run.r.scaled(time.Duration(fallback) * time.Second)
	}
	retries := 3
	set(&retries, h.Retries)
	return &engine.HealthCheck{Test: h.Command, Interval: seconds(h.Interval, 30), Timeout: seconds(h.Timeout, 5),
		StartPeriod: seconds(h.StartPeriod, 0), Retries: retries}
}

// bindings are the host ports that the API shows: none in awsvpc (spec/ecs-control-plane.md 1.6).
func bindings(td *taskdef.TaskDefinition, container string, st engine.Status) []PortBinding {
	var out []PortBinding
	switch networkMode(td) {
	case engine.NetworkBridge:
		for _, p := range st.Ports {
			out = append(out, PortBinding{BindIP: "0.0.0.0", ContainerPort: p.ContainerPort, HostPort: p.HostPort, Protocol: p.Protocol})
		}
	case engine.NetworkHost:
		if def := td.Container(container); def != nil {
			for _, p := range def.PortMappings {
				out = append(out, PortBinding{BindIP: "0.0.0.0", ContainerPort: p.ContainerPort, HostPort: p.ContainerPort, Protocol: or(p.Protocol, "tcp")})
			}
		}
	}
	return out
}
