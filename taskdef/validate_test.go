package taskdef

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// definition is the base of task-definition.md 12 with members replaced: name=JSON for the task, a.name=JSON for
// container a; "containers" replaces the list.
func definition(t *testing.T, deltas ...string) *TaskDefinition {
	t.Helper()
	task := map[string]json.RawMessage{"family": json.RawMessage(`"t"`)}
	container := map[string]json.RawMessage{"name": json.RawMessage(`"a"`), "image": json.RawMessage(`"busybox"`), "memory": json.RawMessage(`64`)}
	others := ""
	for _, d := range deltas {
		name, value, ok := strings.Cut(d, "=")
		inner, ofContainer := strings.CutPrefix(name, "a.")
		switch {
		case !ok:
			t.Fatalf("delta %q", d)
		case name == "+":
			others += "," + value
		case ofContainer && value == "":
			delete(container, inner)
		case ofContainer:
			container[inner] = json.RawMessage(value)
		case value == "":
			delete(task, name)
		default:
			task[name] = json.RawMessage(value)
		}
	}
	if _, ok := task["containerDefinitions"]; !ok {
		c, err := json.Marshal(container)
		if err != nil {
			t.Fatalf("%v: %v", deltas, err)
		}
		task["containerDefinitions"] = json.RawMessage("[" + string(c) + others + "]")
	}
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatalf("%v: %v", deltas, err)
	}
	var td TaskDefinition
	if err := json.Unmarshal(text, &td); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &td
}

const (
	fargate      = `requiresCompatibilities=["FARGATE"]`
	awsvpc       = `networkMode="awsvpc"`
	cpu256       = `cpu="256"`
	memory512    = `memory="512"`
	role         = `executionRoleArn="arn:aws:iam::111122223333:role/exec"`
	second       = `+={"name":"b","image":"busybox","memory":64`
	fargateOnly  = "Fargate compatible task definitions do not support "
	cpuError     = "Invalid 'cpu' setting for task."
	noFargate    = "No Fargate configuration exists for given values: 256 CPU, 4096 memory. See the Amazon ECS documentation for the valid values."
	stopTooLong  = "Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds."
	memoryAbsent = "Invalid setting for container 'a'. At least one of 'memory' or 'memoryReservation' must be specified."
)

// The first problem is what the API answers. Rows are those of task-definition.md 12, then of 7.
var validateTests = []struct {
	deltas []string
	want   string // "" is valid
}{
	{nil, ""},
	{[]string{`cpu=""`}, cpuError},
	{[]string{`cpu="bad"`, fargate, `networkMode="bridge"`, `a.essential=false`}, cpuError},
	{[]string{fargate}, "Fargate only supports network mode ‘awsvpc’."},
	{[]string{fargate, awsvpc, cpu256, `memory="4096"`}, noFargate},
	{[]string{fargate, awsvpc, `cpu="1 vCPU"`, `memory="2 GB"`}, ""},
	{[]string{`a.essential=false`}, "Task definition doesn't have any essential container."},
	{[]string{second + `,"dependsOn":[{"containerName":"missing","condition":"START"}]}`}, "Cannot depend on container + 'missing' because it does not exist"},
	{[]string{`a.dependsOn=[{"containerName":"a","condition":"START"}]`}, "Container dependsOn contains a cycle"},
	{[]string{second + `,"dependsOn":[{"containerName":"a","condition":"HEALTHY"}]}`}, "A dependency container with HEALTHY condition must have health check configured"},
	{[]string{second + `,"dependsOn":[{"containerName":"a","condition":"SUCCESS"}]}`}, "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"},
	{[]string{awsvpc, `a.portMappings=[{"containerPort":80,"hostPort":8080}]`}, "When networkMode=awsvpc, the host ports and container ports in port mappings must match."},
	{[]string{awsvpc, `a.portMappings=[{"containerPort":80}]`}, ""},
	{[]string{`networkMode="bridge"`, `a.portMappings=[{"containerPort":80}]`}, ""},
	{[]string{`a.logConfiguration={"logDriver":"awslogs"}`}, "Log driver awslogs requires options: awslogs-region, awslogs-group"},
	{[]string{`a.startTimeout=1`}, "Granular start timeout on container 'a' must be at least 2 seconds."},
	{[]string{`a.stopTimeout=121`, awsvpc, cpu256, memory512}, ""},
	{[]string{`a.stopTimeout=121`, fargate, awsvpc, cpu256, memory512}, stopTooLong},
	{[]string{`a.stopTimeout=120`, fargate, awsvpc, cpu256, memory512}, ""},
	{[]string{`a.mountPoints=[{"sourceVolume":"nope","containerPath":"/x"}]`}, "Unknown volume 'nope'."},
	{[]string{`a.memory=`}, memoryAbsent},
	{[]string{`a.memoryReservation=64`}, ""},

	// 7.1
	{[]string{`family=`}, "Family should not be null or empty."},
	{[]string{`family="a b"`}, "Family contains invalid characters."},
	{[]string{`containerDefinitions=[]`}, "Container list cannot be empty."},
	{[]string{`containerDefinitions=[` + strings.Repeat(`{"name":"a","image":"b","memory":4},`, 10) + `{"name":"a","image":"b","memory":4}]`}, "Task definition cannot have more than 10 containers."},
	{[]string{`a.name=`}, "Container.name should not be null or empty."},
	{[]string{`a.name="a.b"`}, "Container.name contains invalid characters."},
	{[]string{`+={"name":"a","image":"x","memory":4}`}, "Container names must be unique within a task definition"},
	{[]string{`a.image=`}, "Container.image should not be null or empty."},
	{[]string{`a.image="nginx latest"`}, "Container.image contains invalid characters."},
	{[]string{`a.environmentFiles=[{"value":"bucket/x.env","type":"s3"}]`, role}, "Invalid arn syntax."},
	{[]string{`taskRoleArn="arn:aws:iam::111122223333:user/x"`}, "Role is not valid"},
	{[]string{`taskRoleArn="short"`}, ""},

	// 7.2
	{[]string{`a.stopTimeout=0`}, "Granular stop timeout on container 'a' must be at least 2 seconds."},
	{[]string{`a.startTimeout=121`, fargate, awsvpc, cpu256, memory512}, ""},
	{[]string{`a.restartPolicy={"enabled":true,"restartAttemptPeriod":59}`}, "The 'restartAttemptPeriod' setting for container 'a' must be between 60 and 1800."},
	{[]string{`a.healthCheck={"command":["CMD","x"],"interval":301}`}, "Health check interval must be less than or equal to the maximum allowed value 300 for container 'a'"},
	{[]string{`a.healthCheck={"command":["CMD","x"],"retries":11}`}, "Health check retries must be less than or equal to the maximum allowed value 10 for container 'a'"},
	{[]string{`a.healthCheck={"command":["echo test"],"startPeriod":300}`}, ""},
	{[]string{`a.dependsOn=[{"containerName":"b","condition":"START"}]`, second + `,"dependsOn":[{"containerName":"a","condition":"START"}]}`}, "Container dependsOn contains a cycle"},
	{[]string{second + `,"dependsOn":[{"containerName":"a","condition":"START"}]}`}, ""},

	// 7.3
	{[]string{`a.memory=63`, `a.memoryReservation=64`}, "Invalid setting for container 'a'. The 'memory' must be greater than or equal to 'memoryReservation'"},
	{[]string{`memory="32"`}, "The 'memory' setting for container 'a' is greater than for the task"},
	{[]string{cpu256, `a.cpu=200`, second + `,"cpu":57}`}, "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."},
	{[]string{`a.memory=`, `memory="1 GB"`}, ""},
	{[]string{fargate, awsvpc, cpu256, `a.memory=`}, memoryAbsent},
	{[]string{fargate, awsvpc, memory512}, "Fargate requires that 'cpu' be defined at the task level."},
	{[]string{fargate, awsvpc, cpu256}, "Fargate requires that 'memory' be defined at the task level."},

	// 7.4
	{[]string{`networkMode="host"`, `a.portMappings=[{"containerPort":80,"hostPort":8080}]`}, "When networkMode=host, the host ports and container ports in port mappings must match."},
	{[]string{awsvpc, `a.portMappings=[{"containerPort":8085}]`, second + `,"portMappings":[{"containerPort":8085}]}`}, "TCP container port '8085' is used multiple times in task when networkMode=awsvpc."},
	{[]string{awsvpc, `a.portMappings=[{"containerPort":53},{"containerPort":53,"protocol":"udp"}]`}, ""},
	{[]string{awsvpc, `a.portMappings=[{"containerPort":53,"protocol":"udp"},{"containerPort":53,"protocol":"udp"}]`}, "UDP container port '53' is used multiple times in task when networkMode=awsvpc."},
	{[]string{`a.portMappings=[{"containerPort":1,"hostPort":3000},{"containerPort":2,"hostPort":3000}]`}, "TCP host port '3000' is mapped multiple times in task."},
	{[]string{`networkMode="host"`, `a.portMappings=[{"containerPort":3000},{"containerPort":3000}]`}, "TCP host port '3000' is mapped multiple times in task."},
	{[]string{`a.portMappings=[{"containerPort":80},{"containerPort":80}]`}, ""},
	{[]string{`a.portMappings=[{"containerPort":0}]`}, "Invalid 'containerPort' setting for container 'a'."},
	{[]string{`a.portMappings=[{"containerPort":65536}]`}, "Invalid 'containerPort' setting for container 'a'."},
	{[]string{`a.portMappings=[{"containerPortRange":"10-9"}]`}, "Invalid 'containerPortRange' setting for container 'a'."},
	{[]string{`a.portMappings=[{"containerPortRange":"8000-8010"}]`}, ""},
	{[]string{`a.portMappings=[{"containerPortRange":"8000-8010","containerPort":1}]`}, "Invalid port mapping for container 'a', cannot specify both single port and port range."},
	{[]string{awsvpc, `a.portMappings=[{"containerPort":1,"name":"web"},{"containerPort":2,"name":"web"}]`}, "When networkMode=awsvpc, port mapping name is already used"},
	{[]string{awsvpc, `a.links=["a"]`}, "Links are not supported when networkMode=awsvpc."},
	{[]string{awsvpc, `a.hostname="h"`}, "hostname is not supported on container when networkMode=awsvpc."},
	{[]string{awsvpc, `a.dnsServers=["1.1.1.1"]`}, "DNS servers are not supported on container when networkMode=awsvpc."},
	{[]string{awsvpc, `a.extraHosts=[{"hostname":"h","ipAddress":"1.1.1.1"}]`}, "Extra hosts are not supported on container when networkMode=awsvpc."},
	{[]string{awsvpc, `a.disableNetworking=true`}, "Disable Networking is not supported on container when networkMode=awsvpc."},
	{[]string{`networkMode="none"`, `a.portMappings=[{"containerPort":80}]`}, "Port mappings are not supported when networkMode=none."},
	{[]string{`proxyConfiguration={"type":"APPMESH","containerName":"a"}`}, "APPMESH proxy configuration is only supported in networkMode=awsvpc"},
	{[]string{awsvpc, `proxyConfiguration={"type":"APPMESH","containerName":"envoy"}`}, "Proxy container [envoy] does not exist."},
	{[]string{awsvpc, `proxyConfiguration={"type":"APPMESH","containerName":"a","properties":[]}`}, "Ingress port not found"},

	// 7.5
	{[]string{`volumes=[{"name":"v","configuredAtLaunch":true}]`}, "Volumes [v] are not referenced by any of the containers"},
	{[]string{`volumes=[{"name":"v"}]`}, ""},
	{[]string{`volumes=[{"name":"v","efsVolumeConfiguration":{"fileSystemId":"fs-1","rootDirectory":"/x","transitEncryption":"ENABLED","authorizationConfig":{"accessPointId":"fsap-1"}}}]`},
		`When using an EFS access point, the root directory must either be set to "/" or be omitted.`},
	{[]string{`volumes=[{"name":"v","efsVolumeConfiguration":{"fileSystemId":"fs-1","authorizationConfig":{"iam":"ENABLED"}}}]`}, "EFS IAM authorization requires TransitEncryption to be enabled."},
	{[]string{`volumes=[{"name":"v","efsVolumeConfiguration":{"fileSystemId":"fs-1","transitEncryptionPort":2049}}]`}, "TransitEncryptionPort requires that TransitEncryption is enabled."},
	{[]string{role, `a.environmentFiles=[` + strings.Repeat(`{"type":"s3","value":"arn:aws:s3:::b/x.env"},`, 10) + `{"type":"s3","value":"arn:aws:s3:::b/x.env"}]`},
		"The maximum number of environment files was exceeded. Specify ten or less and try again."},
	{[]string{`ephemeralStorage={"sizeInGiB":20}`}, "EphemeralStorage size should be at least 21"},
	{[]string{`ephemeralStorage={"sizeInGiB":201}`}, "EphemeralStorage size should be at most 200"},
	{[]string{`ephemeralStorage={"sizeInGiB":21}`, `requiresCompatibilities=["EC2"]`}, "Tasks using the EC2 launch type do not support EphemeralStorage."},

	// 7.7
	{[]string{`a.logConfiguration={"logDriver":"awslogs","options":{"awslogs-region":"r"}}`}, "Log driver awslogs requires options: awslogs-group"},
	{[]string{`a.logConfiguration={"logDriver":"awsfirelens"}`},
		"When awsfirelens log driver is specified in log configuration, a firelens configuration object must be configured in one of the containers."},
	{[]string{role, `a.environment=[{"name":"X","value":"1"}]`, `a.secrets=[{"name":"X","valueFrom":"p"}]`},
		"The secret name must be unique and not shared with any new or existing environment variables set on the container, such as 'X'."},
	{[]string{`a.secrets=[{"name":"X","valueFrom":"p"}]`}, "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."},
	{[]string{`inferenceAccelerators=[{"deviceName":"d","deviceType":"t"}]`}, "Unsupported field 'inferenceAccelerators'."},
}

func TestValidate(t *testing.T) {
	for _, test := range validateTests {
		t.Run(strings.Join(test.deltas, " "), func(t *testing.T) { checkFirst(t, definition(t, test.deltas...), test.want) })
	}
}

func checkFirst(t *testing.T, td *TaskDefinition, want string) {
	t.Helper()
	if want == "" {
		if err := Validate(WithDefaults(td)); err != nil {
			t.Errorf("what a registration gives back cannot be registered: %v", err)
		}
	}
	err := Validate(td)
	got, code := "", CodeClient
	if first := First(err); first != nil {
		got, code = first.Message, first.Code
	} else if err != nil {
		t.Fatalf("an error without a ValidationError: %v", err)
	}
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if wantParameter := want == cpuError; wantParameter != (code == CodeInvalidParameter) {
		t.Errorf("code %s", code)
	}
}

func TestValidate_Fargate(t *testing.T) {
	awslogs := `a.logConfiguration={"logDriver":"awslogs","options":{"awslogs-region":"r","awslogs-group":"g"%s}}`
	for _, test := range []struct{ delta, more, want string }{
		{`a.logConfiguration={"logDriver":"json-file"}`, role, "json-file is not a valid log driver. Must be one of [awslogs,splunk,awsfirelens]"},
		{fmt.Sprintf(awslogs, `,"awslogs-stream-prefix":"p"`), `memory="512"`, "Fargate requires task definition to have execution role ARN to support log driver awslogs."},
		{fmt.Sprintf(awslogs, ""), role, "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs."},
		{fmt.Sprintf(awslogs, `,"awslogs-stream-prefix":"p"`), role, ""},
		{`a.image="111122223333.dkr.ecr.us-east-1.amazonaws.com/app:1"`, memory512, "Fargate requires task definition to have execution role ARN to support ECR images."},
		{`a.privileged=true`, role, "Fargate requires that the ‘privileged’ setting be ‘false’ at the container level."},
		{`a.linuxParameters={"capabilities":{"add":["NET_ADMIN"]}}`, role, "NET_ADMIN is not allowed on Fargate."},
		{`a.linuxParameters={"capabilities":{"add":["SYS_PTRACE"],"drop":["ALL"]}}`, role, ""},
		{`a.linuxParameters={"devices":[{"hostPath":"/dev/x"}]}`, role, fargateOnly + "devices"},
		{`a.linuxParameters={"maxSwap":1}`, role, fargateOnly + "maxSwap"},
		{`a.linuxParameters={"sharedMemorySize":1}`, role, fargateOnly + "sharedMemorySize"},
		{`a.dockerSecurityOptions=["no-new-privileges"]`, role, fargateOnly + "dockerSecurityOptions"},
		{`volumes=[{"name":"v","dockerVolumeConfiguration":{}}]`, role, fargateOnly + "dockerVolumeConfiguration"},
		{`volumes=[{"name":"v","host":{"sourcePath":"/x"}}]`, role, fargateOnly + "sourcePath"},
		{`volumes=[{"name":"v","host":{}}]`, role, ""},
		{`ipcMode="task"`, role, fargateOnly + "ipcMode"},
		{`placementConstraints=[{"type":"memberOf","expression":"x"}]`, role, fargateOnly + "constraints"},
		{`a.resourceRequirements=[{"type":"GPU","value":"1"}]`, role, "Tasks using the Fargate launch type do not support GPU resource requirements."},
		{`pidMode="host"`, role, "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'."},
		{`pidMode="task"`, role, ""},
		{`a.firelensConfiguration={"type":"fluentbit","options":{"config-file-type":"s3","config-file-value":"arn:aws:s3:::b/f"}}`, role,
			"Fargate launch type does not support FirelensConfiguration config file from 's3'"},
		{`runtimePlatform={"operatingSystemFamily":"WINDOWS_SERVER_2022_CORE"}`, role,
			"No Fargate configuration exists for given values: 256 CPU, 512 memory. See the Amazon ECS documentation for the valid values."},
	} {
		t.Run(test.delta, func(t *testing.T) {
			checkFirst(t, definition(t, fargate, awsvpc, cpu256, memory512, test.delta, test.more), test.want)
			if strings.Contains(test.want, "rgate") { // nor is FARGATE among the compatibilities when it is not asked for
				td := WithDefaults(definition(t, awsvpc, cpu256, memory512, test.delta, test.more))
				if td.CompatibleWith(Fargate) {
					t.Errorf("compatibilities %v", td.Compatibilities)
				}
			}
		})
	}
}

func TestValidate_ReportsAllAtOnce(t *testing.T) {
	td := definition(t, fargate, `cpu="bad"`, `a.essential=false`, `a.image="a b"`, `a.startTimeout=1`)
	var got []string
	for _, e := range validate(td) {
		got = append(got, e.Path+": "+e.Message)
	}
	want := []string{
		"cpu: Invalid 'cpu' setting for task.",
		"containerDefinitions[0].image: Container.image contains invalid characters.",
		"containerDefinitions: Task definition doesn't have any essential container.",
		"containerDefinitions[0].startTimeout: Granular start timeout on container 'a' must be at least 2 seconds.",
		"networkMode: Fargate only supports network mode ‘awsvpc’.",
		"memory: Fargate requires that 'memory' be defined at the task level.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestValidate_Enumerations(t *testing.T) {
	for _, delta := range []string{`networkMode="nat"`, `pidMode="x"`, `ipcMode="x"`, `requiresCompatibilities=["LAMBDA"]`,
		`runtimePlatform={"cpuArchitecture":"RISCV"}`, `a.portMappings=[{"containerPort":1,"protocol":"sctp"}]`,
		`a.ulimits=[{"name":"x","softLimit":1,"hardLimit":1}]`, `a.linuxParameters={"capabilities":{"add":["CAP_KILL"]}}`,
		`a.linuxParameters={"tmpfs":[{"containerPath":"/t","size":1,"mountOptions":["bogus"]}]}`, `a.logConfiguration={"logDriver":"x"}`} {
		if err := Validate(definition(t, delta)); err == nil || !strings.Contains(err.Error(), "Must be one of [") {
			t.Errorf("%s: %v", delta, err)
		}
	}
	if err := Validate(definition(t, `a.linuxParameters={"tmpfs":[{"containerPath":"/t","size":1,"mountOptions":["mode=1777","ro"]}]}`)); err != nil {
		t.Error(err)
	}
}

func TestCheckSize(t *testing.T) {
	if err := CheckSize(MaxSize); err != nil {
		t.Error(err)
	}
	if err := CheckSize(74049); err == nil || err.Error() != "Actual length: '74049'. Max allowed length is '65536' bytes." {
		t.Error(err)
	}
}

func TestValidImage(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for image, want := range map[string]bool{
		"nginx": true, "docker.io/library/nginx:1.27": true, "localhost:5000/a_b#c": true, "nginx@sha256:" + hex: true,
		"": false, "https://x/y@z": false, "nginx@md5:" + hex: false, "nginx@sha256:" + hex[1:]: false, "a b": false, "ünicode": false,
		strings.Repeat("a", 255): true, strings.Repeat("a", 256): false, strings.Repeat("a", 255) + "@sha256:" + hex: true,
	} {
		if got := ValidImage(image); got != want {
			t.Errorf("%q: got %v", image, got)
		}
	}
}
