package taskdef

import (
	"fmt"
	"strings"
)

// Limits of a definition (task-definition.md 1).
const (
	maxContainers   = 10
	maxPorts        = 100
	maxEnvFiles     = 10
	maxTags         = 50
	maxConstraints  = 10
	maxIgnoredExits = 50
)

// Validate checks a definition as RegisterTaskDefinition gets it, before WithDefaults. The error holds a
// *ValidationError for each broken rule, in AWS's order of checking as far as that is known
// (task-definition.md 7.9), so that First is what AWS would answer.
//
// Messages are AWS's to the letter where task-definition.md 7 has them. Where AWS's text is not known, ours
// follows the pattern of its neighbours, and the comment at the check says "our words".
func Validate(td *TaskDefinition) error { return validate(td).err() }

func validate(td *TaskDefinition) problems {
	v := &validator{td: td}
	v.taskSizes()
	if size := td.size(); size > MaxSize {
		v.problems = append(v.problems, First(CheckSize(size)))
	}
	v.names()
	if len(td.ContainerDefinitions) > 10*maxContainers {
		return v.problems // the checks across containers are quadratic, and no one will read what they say
	}
	v.taskMembers()
	v.eachContainer((*validator).containerMemory)
	v.taskSums()
	v.essential()
	v.eachContainer((*validator).dependencies)
	v.cycle()
	v.eachContainer((*validator).lifetime)
	v.eachContainer((*validator).ports)
	v.portConflicts()
	v.eachContainer((*validator).networking)
	v.proxy()
	v.volumes()
	v.eachContainer((*validator).mounts)
	v.unreferencedVolumes()
	v.eachContainer((*validator).environment)
	v.eachContainer((*validator).logging)
	v.eachContainer((*validator).platform)
	v.ephemeralStorage()
	if td.Requires(Fargate) {
		v.problems = append(v.problems, fargateProblems(td)...)
	}
	return v.problems
}

type validator struct {
	problems
	td *TaskDefinition
}

// eachContainer runs a check with the path of each container.
func (v *validator) eachContainer(check func(v *validator, c *ContainerDefinition, path string)) {
	for i := range v.td.ContainerDefinitions {
		check(v, &v.td.ContainerDefinitions[i], containerPath(i))
	}
}

func containerPath(i int) string { return fmt.Sprintf("containerDefinitions[%d]", i) }

func item(path, member string, i int) string { return fmt.Sprintf("%s.%s[%d]", path, member, i) }

// taskSizes comes before every other rule (task-definition.md 3.2).
func (v *validator) taskSizes() {
	if v.td.CPU != nil {
		if _, err := ParseCPU(*v.td.CPU); err != nil {
			v.problems = append(v.problems, First(err))
		}
	}
	if v.td.Memory != nil {
		if _, err := ParseMemory(*v.td.Memory); err != nil {
			v.problems = append(v.problems, First(err))
		}
	}
}

// names checks names and presence (task-definition.md 7.1).
func (v *validator) names() {
	switch {
	case v.td.Family == "":
		v.client("family", "Family should not be null or empty.")
	case !ValidName(v.td.Family):
		v.client("family", "Family contains invalid characters.").
			hint("1 to 255 letters, digits, hyphens and underscores")
	}
	n := len(v.td.ContainerDefinitions)
	if n == 0 {
		v.client("containerDefinitions", "Container list cannot be empty.")
	}
	if n > maxContainers { // our words
		v.client("containerDefinitions", "Task definition cannot have more than %d containers.", maxContainers)
	}
	seen := map[string]bool{}
	v.eachContainer(func(v *validator, c *ContainerDefinition, path string) {
		switch {
		case c.Name == "":
			v.client(path+".name", "Container.name should not be null or empty.")
		case !ValidName(c.Name):
			v.client(path+".name", "Container.name contains invalid characters.").
				hint("1 to 255 letters, digits, hyphens and underscores")
		case seen[c.Name]:
			v.client(path+".name", "Container names must be unique within a task definition").hint("%s is there twice", c.Name)
		}
		seen[c.Name] = true
		switch {
		case c.Image == "":
			v.client(path+".image", "Container.image should not be null or empty.")
		case !ValidImage(c.Image):
			v.client(path+".image", "Container.image contains invalid characters.").hint("%s", imageHint(c.Image))
		}
	})
}

func imageHint(image string) string {
	switch {
	case strings.Contains(image, "://"):
		return "an image has no scheme such as https://"
	case strings.ContainsAny(image, " \t\n"):
		return "there is a blank in it"
	case strings.Contains(image, "@"):
		return "behind @ comes sha256: and 64 hexadecimal digits"
	}
	return "at most 255 letters, digits and - _ : . / #"
}

// taskMembers checks the enumerations and lists of the top level.
func (v *validator) taskMembers() {
	td := v.td
	for i := range td.InferenceAccelerators {
		v.client(fmt.Sprintf("inferenceAccelerators[%d]", i), "Unsupported field 'inferenceAccelerators'.")
		break
	}
	v.oneOf("networkMode", "network mode", td.NetworkMode, NetworkModeBridge, NetworkModeHost, NetworkModeAwsvpc, NetworkModeNone)
	for i, c := range td.RequiresCompatibilities {
		v.oneOf(fmt.Sprintf("requiresCompatibilities[%d]", i), "compatibility", c, EC2, Fargate, External, ManagedInstances)
	}
	v.oneOf("pidMode", "pid mode", td.PidMode, "host", "task")
	v.oneOf("ipcMode", "ipc mode", td.IpcMode, "host", "task", "none")
	if p := td.RuntimePlatform; p != nil {
		v.oneOf("runtimePlatform.cpuArchitecture", "cpu architecture", p.CPUArchitecture, "X86_64", "ARM64")
		v.oneOf("runtimePlatform.operatingSystemFamily", "operating system family", p.OperatingSystemFamily, osFamilies...)
	}
	for _, role := range []struct{ member, arn string }{
		{"taskRoleArn", td.TaskRoleArn}, {"executionRoleArn", td.ExecutionRoleArn}} {
		if role.arn != "" && !validRole(role.arn) {
			v.client(role.member, "Role is not valid").hint("want arn:aws:iam::ACCOUNT:role/NAME, or a role's name")
		}
	}
	v.constraints()
	v.tags()
}

// osFamilies are those of task-definition.md 2.
var osFamilies = []string{"LINUX", "WINDOWS_SERVER_2016_FULL", "WINDOWS_SERVER_2019_FULL", "WINDOWS_SERVER_2019_CORE",
	"WINDOWS_SERVER_2004_CORE", "WINDOWS_SERVER_20H2_CORE", "WINDOWS_SERVER_2022_FULL", "WINDOWS_SERVER_2022_CORE",
	"WINDOWS_SERVER_2025_FULL", "WINDOWS_SERVER_2025_CORE"}

// constraints: only memberOf exists on a definition (task-definition.md 6.1). Our words.
func (v *validator) constraints() {
	if len(v.td.PlacementConstraints) > maxConstraints {
		v.client("placementConstraints", "Task definition cannot have more than %d placement constraints.", maxConstraints)
	}
	for i, c := range v.td.PlacementConstraints {
		path := fmt.Sprintf("placementConstraints[%d]", i)
		v.oneOf(path+".type", "placement constraint type", c.Type, "memberOf")
		if c.Type == "" {
			v.client(path, "PlacementConstraint.type should not be null or empty.")
		}
		if c.Type == "memberOf" && c.Expression == "" {
			v.client(path, "PlacementConstraint.expression should not be null or empty.")
		}
	}
}

// tags: the rules of task-definition.md 2. Our words.
func (v *validator) tags() {
	if len(v.td.Tags) > maxTags {
		v.parameter("tags", "Task definition cannot have more than %d tags.", maxTags)
	}
	seen := map[string]bool{}
	for i, t := range v.td.Tags {
		path := fmt.Sprintf("tags[%d]", i)
		if !validTag(t) {
			v.parameter(path, "Invalid tag '%s'.", t.Key).hint(
				"a key has 1 to 128 characters and does not start with aws:, a value at most 256; letters, digits, blanks and _ . : / = + - @")
		}
		if seen[t.Key] {
			v.parameter(path, "Duplicate tag key '%s'.", t.Key)
		}
		seen[t.Key] = true
	}
}
