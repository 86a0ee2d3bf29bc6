package taskdef

import "fmt"

// fargateProblems are the rules that only Fargate has (task-definition.md 3.2, 7.6). They decide twice: what is
// refused when FARGATE is required, and whether FARGATE is among the compatibilities when it is not.
// The network mode comes before the sizes, both before the containers' features (7.9).
func fargateProblems(td *TaskDefinition) problems {
	var p problems
	if td.NetworkMode != NetworkModeAwsvpc {
		p.client("networkMode", "Fargate only supports network mode ‘awsvpc’.")
	}
	fargateSize(&p, td)
	for i := range td.ContainerDefinitions {
		c, path := &td.ContainerDefinitions[i], containerPath(i)
		fargateLogs(&p, td, c, path)
		fargateContainer(&p, td, c, path)
		fargateLinux(&p, c, path+".linuxParameters")
	}
	fargateTask(&p, td)
	return p
}

// fargateSize leaves sizes that cannot be read to Validate.
func fargateSize(p *problems, td *TaskDefinition) {
	if td.CPU == nil {
		p.client("cpu", "Fargate requires that 'cpu' be defined at the task level.")
	}
	if td.Memory == nil {
		p.client("memory", "Fargate requires that 'memory' be defined at the task level.")
	}
	cpu, memory := td.TaskCPU(), td.TaskMemory()
	if cpu == 0 || memory == 0 {
		return
	}
	if !ValidFargateSize(cpu, memory, td.Windows()) {
		p.client("cpu", "No Fargate configuration exists for given values: %d CPU, %d memory. See the Amazon ECS documentation for the valid values.", cpu, memory).
			hint("%s", fargateSizeHint(cpu))
	}
	sum := 0
	for _, c := range td.ContainerDefinitions {
		sum += Value(c.MemoryReservation)
	}
	if sum > memory { // our words, as for cpu
		p.client("memory", "The sum of all container 'memoryReservation' values cannot be greater than the value of the task 'memory'.")
	}
}

func fargateLogs(p *problems, td *TaskDefinition, c *ContainerDefinition, path string) {
	if f := c.FirelensConfiguration; f != nil && f.Options["config-file-type"] == "s3" {
		p.client(path+".firelensConfiguration.options", "Fargate launch type does not support FirelensConfiguration config file from 's3'")
	}
	log := c.LogConfiguration
	if log == nil {
		return
	}
	at := path + ".logConfiguration"
	switch log.LogDriver {
	case "awslogs":
		if td.ExecutionRoleArn == "" {
			p.client(at, "Fargate requires task definition to have execution role ARN to support log driver awslogs.")
		}
		if log.Options["awslogs-stream-prefix"] == "" {
			p.client(at, "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs.")
		}
	case "splunk", "awsfirelens", "":
	default:
		p.client(at+".logDriver", "%s is not a valid log driver. Must be one of [awslogs,splunk,awsfirelens]", log.LogDriver)
	}
}

func fargateContainer(p *problems, td *TaskDefinition, c *ContainerDefinition, path string) {
	if IsECRImage(c.Image) && td.ExecutionRoleArn == "" {
		p.client(path+".image", "Fargate requires task definition to have execution role ARN to support ECR images.")
	}
	if Value(c.Privileged) {
		p.client(path+".privileged", "Fargate requires that the ‘privileged’ setting be ‘false’ at the container level.")
	}
	if c.StopTimeout != nil && *c.StopTimeout > 120 {
		p.client(path+".stopTimeout", "Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds.")
	}
	if len(c.DockerSecurityOptions) > 0 {
		p.unsupported(path+".dockerSecurityOptions", "dockerSecurityOptions")
	}
	for i, r := range c.ResourceRequirements {
		if r.Type == "GPU" {
			p.client(item(path, "resourceRequirements", i), "Tasks using the Fargate launch type do not support GPU resource requirements.")
		}
	}
}

func fargateLinux(p *problems, c *ContainerDefinition, path string) {
	l := c.LinuxParameters
	if l == nil {
		return
	}
	if l.Capabilities != nil {
		for i, name := range l.Capabilities.Add {
			if name != "SYS_PTRACE" {
				p.client(item(path, "capabilities.add", i), "%s is not allowed on Fargate.", name)
			}
		}
	}
	if len(l.Devices) > 0 {
		p.unsupported(path+".devices", "devices")
	}
	if l.MaxSwap != nil {
		p.unsupported(path+".maxSwap", "maxSwap")
	}
	if l.SharedMemorySize != nil {
		p.unsupported(path+".sharedMemorySize", "sharedMemorySize")
	}
	if l.Swappiness != nil {
		p.unsupported(path+".swappiness", "swappiness")
	}
}

func fargateTask(p *problems, td *TaskDefinition) {
	for i, vol := range td.Volumes {
		path := fmt.Sprintf("volumes[%d]", i)
		if vol.DockerVolumeConfiguration != nil {
			p.unsupported(path+".dockerVolumeConfiguration", "dockerVolumeConfiguration")
		}
		if vol.Host != nil && vol.Host.SourcePath != "" {
			p.unsupported(path+".host.sourcePath", "sourcePath")
		}
		if vol.FSxWindowsFileServerVolumeConfiguration != nil {
			p.unsupported(path+".fsxWindowsFileServerVolumeConfiguration", "fsxWindowsFileServerVolumeConfiguration")
		}
	}
	if td.IpcMode != "" {
		p.unsupported("ipcMode", "ipcMode")
	}
	if td.PidMode == "host" {
		p.client("pidMode", "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'.")
	}
	if len(td.PlacementConstraints) > 0 {
		p.unsupported("placementConstraints", "constraints")
	}
}

// unsupported is AWS's sentence without a final period.
func (p *problems) unsupported(path, what string) {
	p.client(path, "Fargate compatible task definitions do not support %s", what)
}
