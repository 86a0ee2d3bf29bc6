package taskdef

import "fmt"

// Notice is a member that is accepted, kept and given back, but does nothing here, or something else than on AWS.
type Notice struct {
	Path    string
	Message string // one line, for people
}

// Ineffective lists what a definition asks for that this implementation does not do, to be shown once per
// registration.
func Ineffective(td *TaskDefinition) []Notice {
	n := &notices{}
	n.task(td)
	for i := range td.Volumes {
		n.volume(&td.Volumes[i], fmt.Sprintf("volumes[%d]", i))
	}
	for i := range td.ContainerDefinitions {
		c := &td.ContainerDefinitions[i]
		n.container(c, containerPath(i))
		n.logs(c, containerPath(i))
	}
	return n.list
}

type notices struct{ list []Notice }

func (n *notices) when(given bool, path, format string, args ...any) {
	if given {
		n.list = append(n.list, Notice{Path: path, Message: fmt.Sprintf(format, args...)})
	}
}

func (n *notices) task(td *TaskDefinition) {
	n.when(td.TaskRoleArn != "", "taskRoleArn", "taskRoleArn is noted; no credentials are served to the task yet")
	n.when(td.ExecutionRoleArn != "", "executionRoleArn", "executionRoleArn is noted; images are pulled with Docker's own credentials")
	n.when(td.ProxyConfiguration != nil, "proxyConfiguration", "proxyConfiguration is kept; traffic is not redirected through the proxy")
	n.when(td.EphemeralStorage != nil, "ephemeralStorage", "ephemeralStorage is kept; the size is not enforced")
	n.when(td.PidMode != "", "pidMode", "pidMode %s is kept; containers have process namespaces of their own", td.PidMode)
	n.when(td.IpcMode != "", "ipcMode", "ipcMode %s is kept; containers have IPC namespaces of their own", td.IpcMode)
	n.when(Value(td.EnableFaultInjection), "enableFaultInjection", "enableFaultInjection is kept; there is no fault injection endpoint")
	n.when(len(td.PlacementConstraints) > 0, "placementConstraints", "placementConstraints are kept; there is one container instance to place tasks on")
	n.when(td.Windows(), "runtimePlatform.operatingSystemFamily", "Windows containers are accepted; a Linux engine cannot run them")
}

func (n *notices) volume(v *Volume, path string) {
	const standIn = "volume %s: a local volume, kept across tasks, stands in for %s"
	n.when(v.EFSVolumeConfiguration != nil, path, standIn, v.Name, "the EFS file system")
	n.when(v.S3FilesVolumeConfiguration != nil, path, standIn, v.Name, "the S3 Files file system")
	n.when(v.FSxWindowsFileServerVolumeConfiguration != nil, path, standIn, v.Name, "the FSx file system")
	n.when(Value(v.ConfiguredAtLaunch), path, "volume %s: a local volume of the task stands in for the EBS volume", v.Name)
}

func (n *notices) container(c *ContainerDefinition, path string) {
	n.when(len(c.Secrets) > 0, path+".secrets", "container %s: secrets take their values from miniecs.json, not from SSM or Secrets Manager", c.Name)
	n.when(len(c.EnvironmentFiles) > 0, path+".environmentFiles", "container %s: environmentFiles are kept; nothing is read from S3", c.Name)
	n.when(c.RepositoryCredentials != nil, path+".repositoryCredentials", "container %s: repositoryCredentials are kept; images are pulled with Docker's own credentials", c.Name)
	n.when(c.RestartPolicy != nil && Value(c.RestartPolicy.Enabled), path+".restartPolicy", "container %s: restartPolicy is kept; the container is not restarted inside its task", c.Name)
	n.when(len(c.Links) > 0, path+".links", "container %s: links order the start; the names are not sure to resolve", c.Name)
	n.when(c.FirelensConfiguration != nil, path+".firelensConfiguration", "container %s: runs, but no logs are routed to it", c.Name)
	n.when(len(c.ResourceRequirements) > 0, path+".resourceRequirements", "container %s: GPUs and other devices are not assigned", c.Name)
	n.when(c.VersionConsistency != "", path+".versionConsistency", "container %s: versionConsistency is kept; image tags are not resolved to digests", c.Name)
	n.when(len(c.CredentialSpecs) > 0, path+".credentialSpecs", "container %s: credentialSpecs are kept without effect", c.Name)
	for i, p := range c.PortMappings {
		n.when(p.ContainerPortRange != "", item(path, "portMappings", i), "container %s: ports %s are reachable inside the task only", c.Name, p.ContainerPortRange)
	}
}

func (n *notices) logs(c *ContainerDefinition, path string) {
	log := c.LogConfiguration
	if log == nil || log.LogDriver == "json-file" || log.LogDriver == "" {
		return
	}
	n.when(true, path+".logConfiguration", "container %s: output goes to miniecs logs, not to %s", c.Name, log.LogDriver)
}
