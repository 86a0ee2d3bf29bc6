package taskdef

import (
	"slices"
	"strings"
)

// Prefixes of the agent's capability names.
const (
	oldCapability = "com.amazonaws.ecs.capability."
	newCapability = "ecs.capability."
	dockerAPI     = oldCapability + "docker-remote-api."
)

// attributeSet gathers capability names; nil conditions keep the tables below flat.
type attributeSet map[string]bool

func (s attributeSet) when(condition bool, names ...string) {
	for _, n := range names {
		if condition {
			s[n] = true
		}
	}
}

// requiresAttributes derives what a container instance must be capable of (task-definition.md 8.4), sorted;
// nil if nothing, since the member is then absent.
func requiresAttributes(td *TaskDefinition) []Attribute {
	s := attributeSet{}
	s.task(td)
	for i := range td.Volumes {
		s.volume(&td.Volumes[i])
	}
	for i := range td.ContainerDefinitions {
		c := &td.ContainerDefinitions[i]
		s.container(td, c)
		s.logs(td, c)
	}
	var list []Attribute
	for name := range s {
		list = append(list, Attribute{Name: name})
	}
	slices.SortFunc(list, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (s attributeSet) task(td *TaskDefinition) {
	s.when(td.NetworkMode == NetworkModeAwsvpc, newCapability+"task-eni", dockerAPI+"1.18")
	s.when(td.TaskRoleArn != "", oldCapability+"task-iam-role")
	s.when(td.TaskRoleArn != "" && td.NetworkMode == NetworkModeHost, oldCapability+"task-iam-role-network-host")
	s.when(td.CPU != nil || td.Memory != nil, newCapability+"task-cpu-mem-limit")
	s.when(td.TaskCPU() > 10*1024, newCapability+"increased-task-cpu-limit")
	s.when(td.PidMode != "" || td.IpcMode != "", newCapability+"pid-ipc-namespace-sharing", dockerAPI+"1.17")
	s.when(td.ProxyConfiguration != nil, newCapability+"aws-appmesh")
	s.when(Value(td.EnableFaultInjection), newCapability+"fault-injection")
}

func (s attributeSet) volume(v *Volume) {
	if e := v.EFSVolumeConfiguration; e != nil {
		s.when(true, newCapability+"efs", dockerAPI+"1.25")
		s.when(e.AuthorizationConfig != nil, newCapability+"efsAuth")
	}
	if d := v.DockerVolumeConfiguration; d != nil {
		driver := d.Driver
		if driver == "" {
			driver = "local"
		}
		s.when(true, newCapability+"docker-plugin."+driver, dockerAPI+"1.25")
	}
	s.when(Value(v.ConfiguredAtLaunch), newCapability+"storage.ebs-task-volume-attach")
	s.when(v.S3FilesVolumeConfiguration != nil, newCapability+"storage.s3-files")
	s.when(v.FSxWindowsFileServerVolumeConfiguration != nil, newCapability+"fsxWindowsFileServer")
}

func (s attributeSet) container(td *TaskDefinition, c *ContainerDefinition) {
	s.when(len(c.DependsOn) > 0 || c.StartTimeout != nil || c.StopTimeout != nil, newCapability+"container-ordering")
	ecr := IsECRImage(c.Image)
	s.when(ecr, oldCapability+"ecr-auth")
	s.when(ecr && td.ExecutionRoleArn != "", newCapability+"execution-role-ecr-pull")
	s.when(c.HealthCheck != nil, newCapability+"container-health-check", dockerAPI+"1.29")
	for _, secret := range c.Secrets {
		s.when(true, newCapability+"secrets."+secretKind(secret)+".environment-variables")
	}
	s.when(len(c.EnvironmentFiles) > 0, newCapability+"env-files.s3")
	s.when(c.RepositoryCredentials != nil, newCapability+"private-registry-authentication.secretsmanager")
	s.when(Value(c.Privileged), oldCapability+"privileged-container")
	s.when(c.RestartPolicy != nil, newCapability+"container-restart-policy")
	for _, p := range c.PortMappings {
		s.when(p.ContainerPortRange != "", newCapability+"network.container-port-range")
	}
	for _, spec := range slices.Concat(c.CredentialSpecs, c.DockerSecurityOptions) {
		s.when(strings.HasPrefix(spec, "credentialspec:"), newCapability+"gmsa")
		s.when(strings.HasPrefix(spec, "credentialspecdomainless:"), newCapability+"gmsa-domainless")
	}
	if f := c.FirelensConfiguration; f != nil {
		s.when(true, newCapability+"firelens."+f.Type)
		if kind := f.Options["config-file-type"]; kind != "" {
			s.when(true, newCapability+"firelens.options.config."+kind)
		}
	}
}

// logDriverAPI is the version of the engine's API that a log driver needs.
var logDriverAPI = map[string]string{"json-file": "1.18", "syslog": "1.18", "journald": "1.19", "awslogs": "1.19",
	"gelf": "1.20", "fluentd": "1.20", "splunk": "1.22"}

func (s attributeSet) logs(td *TaskDefinition, c *ContainerDefinition) {
	log := c.LogConfiguration
	if log == nil {
		return
	}
	s.when(true, oldCapability+"logging-driver."+log.LogDriver)
	if version := logDriverAPI[log.LogDriver]; version != "" {
		s.when(true, dockerAPI+version)
	}
	s.when(log.LogDriver == "awslogs" && td.ExecutionRoleArn != "", newCapability+"execution-role-awslogs")
	_, limited := log.Options["log-driver-buffer-limit"]
	s.when(log.LogDriver == "awsfirelens" && limited, newCapability+"logging-driver.awsfirelens.log-driver-buffer-limit")
	for _, secret := range log.SecretOptions {
		s.when(true, newCapability+"secrets."+secretKind(secret)+".bootstrap.log-driver")
	}
}

// secretKind is how capability names call the two services.
func secretKind(s Secret) string {
	if ref, err := ParseSecretRef(s.ValueFrom); err == nil && ref.Service == SecretFromSecretsManager {
		return "asm"
	}
	return "ssm"
}
