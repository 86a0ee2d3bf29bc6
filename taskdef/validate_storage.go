package taskdef

import (
	"fmt"
	"strings"
)

// volumes checks the task's volumes (task-definition.md 5, 7.5).
func (v *validator) volumes() {
	seen := map[string]bool{}
	atLaunch := 0
	for i, vol := range v.td.Volumes {
		path := fmt.Sprintf("volumes[%d]", i)
		switch { // our words, as for containers
		case vol.Name == "":
			v.client(path+".name", "Volume.name should not be null or empty.")
		case !ValidName(vol.Name):
			v.client(path+".name", "Volume.name contains invalid characters.")
		case seen[vol.Name]:
			v.client(path+".name", "Volume names must be unique within a task definition")
		}
		seen[vol.Name] = true
		if vol.configurations() > 1 { // our words
			v.client(path, "Volume '%s' cannot have more than one volume configuration.", vol.Name)
		}
		if Value(vol.ConfiguredAtLaunch) {
			atLaunch++
		}
		v.dockerVolume(vol.DockerVolumeConfiguration, path+".dockerVolumeConfiguration")
		v.efsVolume(vol.EFSVolumeConfiguration, path+".efsVolumeConfiguration")
	}
	if atLaunch > 1 { // our words
		v.client("volumes", "Only one volume of a task definition can be configured at launch.")
	}
}

// configurations counts them; an empty host does not, as consoles write it beside others.
func (vol *Volume) configurations() int {
	n := 0
	for _, given := range []bool{
		vol.Host != nil && vol.Host.SourcePath != "",
		vol.DockerVolumeConfiguration != nil,
		vol.EFSVolumeConfiguration != nil,
		vol.S3FilesVolumeConfiguration != nil,
		vol.FSxWindowsFileServerVolumeConfiguration != nil,
		Value(vol.ConfiguredAtLaunch),
	} {
		if given {
			n++
		}
	}
	return n
}

func (v *validator) dockerVolume(d *DockerVolumeConfiguration, path string) {
	if d == nil {
		return
	}
	v.oneOf(path+".scope", "docker volume scope", d.Scope, ScopeTask, ScopeShared)
	if Value(d.Autoprovision) && d.Scope != ScopeShared { // our words
		v.client(path+".autoprovision", "Autoprovision is only supported for docker volumes with scope 'shared'.")
	}
}

func (v *validator) efsVolume(e *EFSVolumeConfiguration, path string) {
	if e == nil {
		return
	}
	if e.FileSystemID == "" { // our words
		v.client(path, "EFSVolumeConfiguration.fileSystemId should not be null or empty.")
	}
	v.oneOf(path+".transitEncryption", "transit encryption", e.TransitEncryption, "ENABLED", "DISABLED")
	if a := e.AuthorizationConfig; a != nil {
		v.oneOf(path+".authorizationConfig.iam", "EFS IAM authorization", a.IAM, "ENABLED", "DISABLED")
		if a.AccessPointID != "" && e.RootDirectory != "" && e.RootDirectory != "/" {
			v.client(path+".rootDirectory", `When using an EFS access point, the root directory must either be set to "/" or be omitted.`)
		}
		if a.IAM == "ENABLED" && e.TransitEncryption != "ENABLED" {
			v.client(path+".authorizationConfig", "EFS IAM authorization requires TransitEncryption to be enabled.")
		}
	}
	if e.TransitEncryptionPort != nil && e.TransitEncryption != "ENABLED" {
		v.client(path+".transitEncryptionPort", "TransitEncryptionPort requires that TransitEncryption is enabled.")
	}
}

func (v *validator) mounts(c *ContainerDefinition, path string) {
	for i, m := range c.MountPoints {
		at := item(path, "mountPoints", i)
		if v.volume(m.SourceVolume) == nil {
			v.client(at+".sourceVolume", "Unknown volume '%s'.", m.SourceVolume)
		}
		if m.ContainerPath == "" { // our words
			v.client(at, "MountPoint.containerPath should not be null or empty.")
		}
	}
}

func (v *validator) volume(name string) *Volume {
	for i := range v.td.Volumes {
		if v.td.Volumes[i].Name == name {
			return &v.td.Volumes[i]
		}
	}
	return nil
}

// unreferencedVolumes: only a volume that is configured at launch must be mounted (task-definition.md 7.5).
func (v *validator) unreferencedVolumes() {
	mounted := map[string]bool{}
	for _, c := range v.td.ContainerDefinitions {
		for _, m := range c.MountPoints {
			mounted[m.SourceVolume] = true
		}
	}
	for i, vol := range v.td.Volumes {
		if Value(vol.ConfiguredAtLaunch) && !mounted[vol.Name] {
			v.client(fmt.Sprintf("volumes[%d]", i), "Volumes [%s] are not referenced by any of the containers", vol.Name)
		}
	}
}

func (v *validator) ephemeralStorage() {
	e := v.td.EphemeralStorage
	if e == nil {
		return
	}
	switch {
	case e.SizeInGiB < 21:
		v.client("ephemeralStorage.sizeInGiB", "EphemeralStorage size should be at least 21")
	case e.SizeInGiB > 200:
		v.client("ephemeralStorage.sizeInGiB", "EphemeralStorage size should be at most 200")
	}
	if v.td.Requires(EC2) {
		v.client("ephemeralStorage", "Tasks using the EC2 launch type do not support EphemeralStorage.")
	}
}

// environment checks environment files, secrets and registry credentials (task-definition.md 4.4, 7.6, 7.7).
func (v *validator) environment(c *ContainerDefinition, path string) {
	noRole := v.td.ExecutionRoleArn == ""
	if len(c.EnvironmentFiles) > maxEnvFiles {
		v.client(path+".environmentFiles", "The maximum number of environment files was exceeded. Specify ten or less and try again.")
	}
	for i, f := range c.EnvironmentFiles {
		at := item(path, "environmentFiles", i)
		v.oneOf(at+".type", "environment file type", f.Type, "s3")
		switch {
		case !validArn(f.Value):
			v.client(at+".value", "Invalid arn syntax.")
		case !strings.HasSuffix(f.Value, ".env"): // our words
			v.client(at+".value", "Environment files must have a .env extension.")
		}
	}
	if len(c.EnvironmentFiles) > 0 && noRole { // our words, as for secrets
		v.client(path+".environmentFiles", "When you are specifying container environment files, you must also specify a value for 'executionRoleArn'.")
	}
	if c.RepositoryCredentials != nil && noRole { // our words, as for secrets
		v.client(path+".repositoryCredentials", "When you are specifying container repository credentials, you must also specify a value for 'executionRoleArn'.")
	}
	v.secrets(c.Secrets, path, "secrets")
	if taken, i := c.SharedSecretName(); taken != "" {
		v.client(item(path, "secrets", i)+".name", secretNameTaken, taken)
	}
}

const secretNameTaken = "The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '%s'."

// SharedSecretName finds the first secret whose name an environment variable or an earlier secret has, and its
// place in the list; "" if there is none.
func (c *ContainerDefinition) SharedSecretName() (string, int) {
	names := map[string]bool{}
	for _, kv := range c.Environment {
		names[kv.Name] = true
	}
	for i, s := range c.Secrets {
		if s.Name != "" && names[s.Name] {
			return s.Name, i
		}
		names[s.Name] = true
	}
	return "", 0
}

// secrets checks a list of secrets. An ARN of another account is let through although AWS refuses it for SSM:
// the local account is no one's own, and the values come from a local file anyway.
func (v *validator) secrets(list []Secret, path, member string) {
	if len(list) > 0 && v.td.ExecutionRoleArn == "" {
		v.client(path+"."+member, "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
	}
	for i, s := range list {
		at := item(path, member, i)
		if s.Name == "" { // our words
			v.client(at, "Secret.name should not be null or empty.")
		}
		if s.ValueFrom == "" { // our words
			v.client(at, "Secret.valueFrom should not be null or empty.")
		} else if _, err := ParseSecretRef(s.ValueFrom); err != nil {
			v.client(at+".valueFrom", "Invalid arn syntax.").hint("%s", err)
		}
	}
}
