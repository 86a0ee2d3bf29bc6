package taskdef

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func marshal(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The response to the plainest definition (task-definition.md 8.1, 8.2).
func TestWithDefaults_PlainDefinition(t *testing.T) {
	in := definition(t)
	before := marshal(t, in)
	out := WithDefaults(in)
	sameJSON(t, []byte(`{"family":"t","volumes":[],"placementConstraints":[],"compatibilities":["EXTERNAL","EC2"],
		"containerDefinitions":[{"name":"a","image":"busybox","cpu":0,"memory":64,"portMappings":[],"essential":true,
		"environment":[],"mountPoints":[],"volumesFrom":[],"systemControls":[]}]}`), []byte(marshal(t, out)))
	if marshal(t, in) != before {
		t.Error("the argument was changed")
	}
	if again := WithDefaults(out); !reflect.DeepEqual(again, out) {
		t.Error("not idempotent")
	}
}

func TestWithDefaults_Ports(t *testing.T) {
	for _, test := range []struct{ mode, ports, want string }{
		{`networkMode="awsvpc"`, `[{"containerPort":80}]`, `[{"containerPort":80,"hostPort":80,"protocol":"tcp"}]`},
		{`networkMode="awsvpc"`, `[{"containerPort":80,"hostPort":0}]`, `[{"containerPort":80,"hostPort":80,"protocol":"tcp"}]`},
		{`networkMode="bridge"`, `[{"containerPort":80}]`, `[{"containerPort":80,"hostPort":0,"protocol":"tcp"}]`},
		{`networkMode=`, `[{"containerPort":80,"protocol":"udp"}]`, `[{"containerPort":80,"hostPort":0,"protocol":"udp"}]`},
		{`networkMode=`, `[{"containerPort":80,"hostPort":8080}]`, `[{"containerPort":80,"hostPort":8080,"protocol":"tcp"}]`},
		{`networkMode="host"`, `[{"containerPort":80}]`, `[{"containerPort":80,"hostPort":80,"protocol":"tcp"}]`},
		{`networkMode="bridge"`, `[{"containerPortRange":"1-2"}]`, `[{"containerPortRange":"1-2","protocol":"tcp"}]`},
	} {
		out := WithDefaults(definition(t, test.mode, "a.portMappings="+test.ports))
		sameJSON(t, []byte(test.want), []byte(marshal(t, out.ContainerDefinitions[0].PortMappings)))
	}
}

func TestWithDefaults_SizesAndHealthCheck(t *testing.T) {
	out := WithDefaults(definition(t, `cpu="1 vCPU"`, `memory="2 GB"`, `a.healthCheck={"command":["CMD","x"],"retries":1}`,
		`volumes=[{"name":"e","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}]`))
	if *out.CPU != "1024" || *out.Memory != "2048" {
		t.Errorf("cpu %s, memory %s", *out.CPU, *out.Memory)
	}
	sameJSON(t, []byte(`{"command":["CMD","x"],"interval":30,"timeout":5,"retries":1}`), []byte(marshal(t, out.ContainerDefinitions[0].HealthCheck)))
	if got := out.Volumes[0].EFSVolumeConfiguration.RootDirectory; got != "/" {
		t.Errorf("rootDirectory %q", got)
	}
}

func TestWithDefaults_Compatibilities(t *testing.T) {
	for _, test := range []struct {
		want   string
		deltas []string
	}{
		{"EXTERNAL EC2", nil},
		{"EXTERNAL EC2", []string{`networkMode="bridge"`}},
		{"EC2 MANAGED_INSTANCES FARGATE", []string{awsvpc, cpu256, memory512}},
		{"EC2 MANAGED_INSTANCES FARGATE", []string{awsvpc, cpu256, memory512, `runtimePlatform={"cpuArchitecture":"ARM64","operatingSystemFamily":"LINUX"}`}},
		{"EC2 FARGATE", []string{awsvpc, `cpu="1024"`, `memory="2048"`, `runtimePlatform={"operatingSystemFamily":"WINDOWS_SERVER_2022_CORE"}`}},
		{"EC2 MANAGED_INSTANCES", []string{awsvpc, cpu256, memory512, `a.stopTimeout=121`}},
		{"EC2 MANAGED_INSTANCES", []string{awsvpc, cpu256, `memory="4096"`}},
		{"EC2", []string{awsvpc}},
		{"MANAGED_INSTANCES FARGATE", []string{awsvpc, cpu256, memory512, `ephemeralStorage={"sizeInGiB":21}`}},
		{"EXTERNAL EC2 MANAGED_INSTANCES", []string{`networkMode="host"`, cpu256, memory512}},
		{"EXTERNAL EC2", []string{`networkMode="host"`, cpu256, memory512, `volumes=[{"name":"v","dockerVolumeConfiguration":{}}]`}},
		{"EC2", []string{`volumes=[{"name":"e","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}]`}},
	} {
		if got := strings.Join(WithDefaults(definition(t, test.deltas...)).Compatibilities, " "); got != test.want {
			t.Errorf("%v: got %s, want %s", test.deltas, got, test.want)
		}
	}
}

func TestWithDefaults_RequiresAttributes(t *testing.T) {
	for _, test := range []struct {
		deltas []string
		want   []string
	}{
		{[]string{awsvpc}, []string{"com.amazonaws.ecs.capability.docker-remote-api.1.18", "ecs.capability.task-eni"}},
		{[]string{`a.stopTimeout=5`}, []string{"ecs.capability.container-ordering"}},
		{[]string{role, `a.logConfiguration={"logDriver":"awslogs","options":{"awslogs-region":"r","awslogs-group":"g"}}`},
			[]string{"com.amazonaws.ecs.capability.docker-remote-api.1.19", "com.amazonaws.ecs.capability.logging-driver.awslogs", "ecs.capability.execution-role-awslogs"}},
		{[]string{role, `a.secrets=[{"name":"A","valueFrom":"p"},{"name":"B","valueFrom":"arn:aws:secretsmanager:r:1:secret:n-abcdef"}]`},
			[]string{"ecs.capability.secrets.asm.environment-variables", "ecs.capability.secrets.ssm.environment-variables"}},
		{[]string{role, `a.image="111122223333.dkr.ecr.us-east-1.amazonaws.com/app"`}, []string{"com.amazonaws.ecs.capability.ecr-auth", "ecs.capability.execution-role-ecr-pull"}},
		{[]string{`a.healthCheck={"command":["CMD","x"]}`}, []string{"com.amazonaws.ecs.capability.docker-remote-api.1.29", "ecs.capability.container-health-check"}},
	} {
		var got []string
		for _, a := range WithDefaults(definition(t, test.deltas...)).RequiresAttributes {
			got = append(got, a.Name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%v:\ngot  %v\nwant %v", test.deltas, got, test.want)
		}
	}
}

func TestEqual(t *testing.T) {
	base := definition(t, `cpu="1 vCPU"`, `a.portMappings=[{"containerPort":80}]`)
	registered := WithDefaults(base)
	registered.TaskDefinitionArn, registered.Revision, registered.Status = "arn:aws:ecs:r:1:task-definition/t:3", 3, StatusActive
	registered.RegisteredBy = "someone"
	if !Equal(base, registered) {
		t.Error("a definition differs from what its registration gives back")
	}
	same := definition(t, `cpu="1024"`, `a.portMappings=[{"containerPort":80,"hostPort":0,"protocol":"tcp"}]`, `a.secrets=[]`, `a.essential=true`, `tags=[{"key":"k","value":"v"}]`)
	if !Equal(base, same) {
		t.Error("defaults, empty members or tags make a difference")
	}
	for _, delta := range []string{`a.image="busybox:2"`, `a.environment=[{"name":"X","value":""}]`, `a.command=["x"]`, `networkMode="host"`, `a.privileged=true`} {
		if Equal(base, definition(t, `cpu="1 vCPU"`, `a.portMappings=[{"containerPort":80}]`, delta)) {
			t.Errorf("%s makes no difference", delta)
		}
	}
}

func TestClone_SharesNothing(t *testing.T) {
	td := definition(t, `a.portMappings=[{"containerPort":80}]`, `a.dockerLabels={"k":"v"}`, `a.command=["x"]`, `cpu="256"`, `a.secrets=[]`)
	before := marshal(t, td)
	c := td.Clone()
	if !reflect.DeepEqual(c, td) {
		t.Fatal("the copy differs")
	}
	c.ContainerDefinitions[0].PortMappings[0].ContainerPort = 1
	c.ContainerDefinitions[0].DockerLabels["k"] = "w"
	c.ContainerDefinitions[0].Command[0] = "y"
	*c.ContainerDefinitions[0].Memory = 1
	*c.CPU = "1"
	if marshal(t, td) != before {
		t.Error("the original changed with its copy")
	}
	if (*TaskDefinition)(nil).Clone() != nil {
		t.Error("a copy of nothing")
	}
}

func TestIneffective(t *testing.T) {
	if got := Ineffective(definition(t)); len(got) > 0 {
		t.Errorf("a plain definition: %v", got)
	}
	var paths []string
	for _, n := range Ineffective(definition(t, role, `taskRoleArn="r"`, `volumes=[{"name":"e","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}]`,
		`a.logConfiguration={"logDriver":"awslogs"}`, `a.restartPolicy={"enabled":true}`, `a.secrets=[{"name":"A","valueFrom":"p"}]`)) {
		paths = append(paths, n.Path)
	}
	want := []string{"taskRoleArn", "executionRoleArn", "volumes[0]", "containerDefinitions[0].secrets",
		"containerDefinitions[0].restartPolicy", "containerDefinitions[0].logConfiguration"}
	if !slices.Equal(paths, want) {
		t.Errorf("got %v\nwant %v", paths, want)
	}
}
