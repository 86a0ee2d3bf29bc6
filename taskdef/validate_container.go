package taskdef

import "strings"

// containerMemory holds the rules of one container's cpu and memory (task-definition.md 7.3).
func (v *validator) containerMemory(c *ContainerDefinition, path string) {
	memory, soft := Value(c.Memory), Value(c.MemoryReservation)
	if c.CPU < 0 {
		v.client(path+".cpu", "Invalid 'cpu' setting for container '%s'.", c.Name)
	}
	if memory < 0 {
		v.client(path+".memory", "Invalid 'memory' setting for container '%s'.", c.Name)
	}
	if soft < 0 {
		v.client(path+".memoryReservation", "Invalid 'memoryReservation' setting for container '%s'.", c.Name)
	}
	if v.td.Memory == nil && memory == 0 && soft == 0 {
		v.client(path, "Invalid setting for container '%s'. At least one of 'memory' or 'memoryReservation' must be specified.", c.Name).
			hint("or give memory to the task")
	}
	if memory > 0 && soft > 0 && memory < soft {
		v.client(path+".memory", "Invalid setting for container '%s'. The 'memory' must be greater than or equal to 'memoryReservation'", c.Name).
			hint("memory is %d, memoryReservation %d", memory, soft)
	}
	if task := v.td.TaskMemory(); task > 0 && memory > task {
		v.client(path+".memory", "The 'memory' setting for container '%s' is greater than for the task", c.Name).
			hint("%d MiB of the task's %d", memory, task)
	}
}

func (v *validator) taskSums() {
	sum := 0
	for _, c := range v.td.ContainerDefinitions {
		sum += c.CPU
	}
	if task := v.td.TaskCPU(); task > 0 && sum > task {
		v.client("cpu", "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.").
			hint("%d units of the task's %d", sum, task)
	}
}

func (v *validator) essential() {
	if len(v.td.ContainerDefinitions) == 0 {
		return
	}
	for i := range v.td.ContainerDefinitions {
		if v.td.ContainerDefinitions[i].IsEssential() {
			return
		}
	}
	v.client("containerDefinitions", "Task definition doesn't have any essential container.")
}

// dependencies checks each dependsOn (task-definition.md 7.2). START and HEALTHY on an essential container
// are fine.
func (v *validator) dependencies(c *ContainerDefinition, path string) {
	for i, d := range c.DependsOn {
		at := item(path, "dependsOn", i)
		v.oneOf(at+".condition", "container condition", d.Condition,
			ConditionStart, ConditionComplete, ConditionSuccess, ConditionHealthy)
		if d.Condition == "" { // our words
			v.client(at, "ContainerDependency.condition should not be null or empty.")
		}
		on := v.td.Container(d.ContainerName)
		if on == nil {
			v.client(at+".containerName", "Cannot depend on container + '%s' because it does not exist", d.ContainerName)
			continue
		}
		if on == c {
			continue // a cycle of one, which has its own message
		}
		switch d.Condition {
		case ConditionHealthy:
			if on.HealthCheck == nil {
				v.client(at, "A dependency container with HEALTHY condition must have health check configured").
					hint("container %s has none", on.Name)
			}
		case ConditionComplete, ConditionSuccess:
			if on.IsEssential() {
				v.client(at, "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container").
					hint("set essential to false on %s: it is meant to end", on.Name)
			}
		}
	}
	for i, l := range c.Links {
		if name, _, _ := strings.Cut(l, ":"); v.td.Container(name) == nil && v.td.NetworkMode != NetworkModeAwsvpc {
			v.client(item(path, "links", i), "Invalid 'links' setting for container '%s'.", c.Name).
				hint("there is no container %q", name)
		}
	}
	for i, from := range c.VolumesFrom {
		if v.td.Container(from.SourceContainer) == nil {
			v.client(item(path, "volumesFrom", i), "Invalid 'volumesFrom' setting for container '%s'.", c.Name).
				hint("there is no container %q", from.SourceContainer)
		}
	}
}

func (v *validator) cycle() {
	if err := v.td.dependsOnCycle(); err != nil {
		v.client("containerDefinitions", "Container dependsOn contains a cycle").hint("%s", err)
	}
}

// lifetime checks timeouts, the health check and the restart policy (task-definition.md 4.6, 7.2).
func (v *validator) lifetime(c *ContainerDefinition, path string) {
	if c.StartTimeout != nil && *c.StartTimeout < 2 {
		v.client(path+".startTimeout", "Granular start timeout on container '%s' must be at least 2 seconds.", c.Name)
	}
	if c.StopTimeout != nil && *c.StopTimeout < 2 {
		v.client(path+".stopTimeout", "Granular stop timeout on container '%s' must be at least 2 seconds.", c.Name)
	}
	if h := c.HealthCheck; h != nil {
		if len(h.Command) == 0 { // our words
			v.client(path+".healthCheck", "HealthCheck.command should not be null or empty.")
		}
		for _, r := range []struct {
			member   string
			value    *int
			min, max int
		}{{"interval", h.Interval, 5, 300}, {"timeout", h.Timeout, 2, 60}, {"retries", h.Retries, 1, 10}, {"startPeriod", h.StartPeriod, 0, 300}} {
			switch {
			case r.value == nil:
			case *r.value > r.max:
				v.client(path+".healthCheck."+r.member,
					"Health check %s must be less than or equal to the maximum allowed value %d for container '%s'", r.member, r.max, c.Name)
			case *r.value < r.min: // our words, the twin of the above
				v.client(path+".healthCheck."+r.member,
					"Health check %s must be greater than or equal to the minimum allowed value %d for container '%s'", r.member, r.min, c.Name)
			}
		}
	}
	v.restartPolicy(c, path+".restartPolicy")
}

func (v *validator) restartPolicy(c *ContainerDefinition, path string) {
	p := c.RestartPolicy
	if p == nil {
		return
	}
	if p.Enabled == nil { // our words
		v.client(path, "ContainerRestartPolicy.enabled should not be null or empty.")
	}
	if period := p.RestartAttemptPeriod; period != nil && (*period < 60 || *period > 1800) {
		v.client(path+".restartAttemptPeriod",
			"The 'restartAttemptPeriod' setting for container '%s' must be between 60 and 1800.", c.Name)
	}
	if len(p.IgnoredExitCodes) > maxIgnoredExits { // our words
		v.client(path+".ignoredExitCodes", "The 'ignoredExitCodes' setting for container '%s' must have at most %d exit codes.", c.Name, maxIgnoredExits)
	}
}

// capabilities are those of task-definition.md 4.8.
var capabilities = strings.Fields(`ALL AUDIT_CONTROL AUDIT_WRITE BLOCK_SUSPEND CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER
	FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE
	NET_BROADCAST NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT
	SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM`)

var ulimitNames = strings.Fields("core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack")

var tmpfsOptions = strings.Fields(`defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync remount mand nomand
	atime noatime diratime nodiratime bind rbind unbindable runbindable private rprivate shared rshared slave rslave
	relatime norelatime strictatime nostrictatime mode uid gid nr_inodes nr_blocks mpol`)

// platform checks what a container asks of the kernel and the host. The enumerations are AWS's, the words ours.
func (v *validator) platform(c *ContainerDefinition, path string) {
	v.oneOf(path+".versionConsistency", "version consistency", c.VersionConsistency, "enabled", "disabled")
	for i, u := range c.Ulimits {
		v.oneOf(item(path, "ulimits", i)+".name", "ulimit name", u.Name, ulimitNames...)
		if u.Name == "" {
			v.client(item(path, "ulimits", i), "Ulimit.name should not be null or empty.")
		}
	}
	for i, r := range c.ResourceRequirements {
		v.oneOf(item(path, "resourceRequirements", i)+".type", "resource type", r.Type, "GPU", "InferenceAccelerator", "NeuronDevice")
		if r.Type == "" {
			v.client(item(path, "resourceRequirements", i), "ResourceRequirement.type should not be null or empty.")
		}
		if r.Value == "" && r.SharingStrategy == nil {
			v.client(item(path, "resourceRequirements", i), "ResourceRequirement.value should not be null or empty.")
		}
	}
	if len(c.CredentialSpecs) > 1 {
		v.client(path+".credentialSpecs", "Invalid 'credentialSpecs' setting for container '%s'.", c.Name).hint("at most one")
	}
	for i, s := range c.SystemControls {
		if why := v.badSystemControl(s.Namespace); why != "" {
			v.client(item(path, "systemControls", i), "Invalid 'systemControls' setting for container '%s'.", c.Name).hint("%s", why)
		}
	}
	v.linuxParameters(c, path+".linuxParameters")
}

// badSystemControl holds the rules of task-definition.md 4.7.
func (v *validator) badSystemControl(namespace string) string {
	switch namespace {
	case "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced":
		if v.td.IpcMode == "host" {
			return namespace + " cannot be set with ipcMode host"
		}
		return ""
	}
	switch {
	case strings.HasPrefix(namespace, "fs.mqueue."):
		if v.td.IpcMode == "host" {
			return namespace + " cannot be set with ipcMode host"
		}
		return ""
	case strings.HasPrefix(namespace, "net."):
		if v.td.NetworkMode == NetworkModeHost {
			return namespace + " cannot be set with networkMode host"
		}
		return ""
	}
	return "a namespace is one of kernel.msg*, kernel.sem, kernel.shm*, fs.mqueue.* and net.*"
}

func (v *validator) linuxParameters(c *ContainerDefinition, path string) {
	p := c.LinuxParameters
	if p == nil {
		return
	}
	if p.Capabilities != nil {
		for i, name := range p.Capabilities.Add {
			v.oneOf(item(path, "capabilities.add", i), "capability", name, capabilities...)
		}
		for i, name := range p.Capabilities.Drop {
			v.oneOf(item(path, "capabilities.drop", i), "capability", name, capabilities...)
		}
	}
	for i, d := range p.Devices {
		at := item(path, "devices", i)
		if d.HostPath == "" {
			v.client(at, "Device.hostPath should not be null or empty.")
		}
		for j, permission := range d.Permissions {
			v.oneOf(item(at, "permissions", j), "device permission", permission, "read", "write", "mknod")
		}
	}
	for i, t := range p.Tmpfs {
		at := item(path, "tmpfs", i)
		if t.ContainerPath == "" {
			v.client(at, "Tmpfs.containerPath should not be null or empty.")
		}
		if t.Size < 1 {
			v.client(at, "Invalid 'size' setting for tmpfs of container '%s'.", c.Name)
		}
		for j, option := range t.MountOptions {
			name, _, _ := strings.Cut(option, "=")
			v.oneOf(item(at, "mountOptions", j), "tmpfs mount option", name, tmpfsOptions...)
		}
	}
	if p.MaxSwap != nil && *p.MaxSwap < 0 {
		v.client(path+".maxSwap", "Invalid 'maxSwap' setting for container '%s'.", c.Name)
	}
	if p.SharedMemorySize != nil && *p.SharedMemorySize < 0 {
		v.client(path+".sharedMemorySize", "Invalid 'sharedMemorySize' setting for container '%s'.", c.Name)
	}
	if p.Swappiness != nil && (*p.Swappiness < 0 || *p.Swappiness > 100) {
		v.client(path+".swappiness", "Invalid 'swappiness' setting for container '%s'.", c.Name).hint("0 to 100")
	}
}
