package taskdef

import (
	"strings"
	"testing"
)

// Rules whose text AWS has not shown: what matters is that they are refused, or not.
func TestValidate_InOurWords(t *testing.T) {
	many := func(item string, n int) string { return "[" + strings.Repeat(item+",", n-1) + item + "]" }
	for _, test := range []struct {
		delta string
		want  string // part of the message; "" is valid
	}{
		{`a.cpu=-1`, "'cpu' setting for container 'a'"},
		{`a.memory=-1`, "'memory' setting for container 'a'"},
		{`a.memoryReservation=-1`, "'memoryReservation' setting for container 'a'"},
		{`a.healthCheck={"command":[]}`, "HealthCheck.command"},
		{`a.healthCheck={"command":["CMD","x"],"interval":4}`, "minimum allowed value 5"},
		{`a.restartPolicy={}`, "enabled"},
		{`a.restartPolicy={"enabled":true,"ignoredExitCodes":` + many("1", 51) + `}`, "ignoredExitCodes"},
		{`a.dependsOn=[{"containerName":"b"}]`, "condition"},
		{`a.links=["nope:x"]`, "'links' setting"},
		{`a.links=["b:x"]`, ""},
		{`a.volumesFrom=[{"sourceContainer":"nope"}]`, "'volumesFrom' setting"},
		{`a.portMappings=` + many(`{"containerPort":1}`, 101), "100 port mappings"},
		{`a.portMappings=[{"containerPort":1,"hostPort":70000}]`, "'hostPort' setting"},
		{`a.portMappings=[{"containerPort":1,"name":"-web"}]`, "'name' setting"},
		{`a.portMappings=[{"containerPort":1,"name":"web","appProtocol":"http"}]`, ""},
		{`a.portMappings=[{"containerPort":1,"appProtocol":"http"}]`, "appProtocol"},
		{`a.extraHosts=[{"hostname":"x"}]`, "HostEntry"},
		{`volumes=[{}]`, "Volume.name should not be null"},
		{`volumes=[{"name":"a b"}]`, "Volume.name contains invalid"},
		{`volumes=[{"name":"v"},{"name":"v"}]`, "unique"},
		{`volumes=[{"name":"v","host":{"sourcePath":"/x"},"dockerVolumeConfiguration":{}}]`, "more than one volume configuration"},
		{`volumes=[{"name":"v","host":{},"dockerVolumeConfiguration":{"scope":"shared","autoprovision":true}}]`, ""},
		{`volumes=[{"name":"v","dockerVolumeConfiguration":{"autoprovision":true}}]`, "Autoprovision"},
		{`volumes=[{"name":"v","efsVolumeConfiguration":{}}]`, "fileSystemId"},
		{`placementConstraints=[{"type":"distinctInstance"}]`, "placement constraint type"},
		{`placementConstraints=[{"type":"memberOf"}]`, "expression"},
		{`placementConstraints=` + many(`{"type":"memberOf","expression":"x"}`, 11), "10 placement constraints"},
		{`tags=[{"key":"aws:x","value":""}]`, "Invalid tag"},
		{`tags=[{"key":"k","value":"?"}]`, "Invalid tag"},
		{`tags=[{"key":"k","value":""},{"key":"k","value":"v"}]`, "Duplicate tag"},
		{`tags=[{"key":"Ünïcode key","value":"a/b@c"}]`, ""},
		{`a.resourceRequirements=[{"type":"GPU"}]`, "value"},
		{`a.resourceRequirements=[{"type":"GPU","sharingStrategy":{"nvidiaMps":{"memory":1}}}]`, ""},
		{`a.credentialSpecs=["a","b"]`, "credentialSpecs"},
		{`a.systemControls=[{"namespace":"net.core.somaxconn","value":"1"},{"namespace":"fs.mqueue.x","value":"1"},{"namespace":"kernel.shmmax","value":"1"}]`, ""},
		{`a.systemControls=[{"namespace":"vm.swappiness","value":"1"}]`, "systemControls"},
		{`a.linuxParameters={"swappiness":101}`, "swappiness"},
		{`a.linuxParameters={"maxSwap":-1}`, "maxSwap"},
		{`a.linuxParameters={"tmpfs":[{"size":1}]}`, "containerPath"},
		{`a.linuxParameters={"devices":[{"permissions":["read"]}]}`, "hostPath"},
		{`a.firelensConfiguration={}`, "FirelensConfiguration.type"},
		{`a.firelensConfiguration={"type":"fluentbit","options":{"config-file-type":"s3","config-file-value":"x"}}`, "Invalid arn syntax."},
		{`a.logConfiguration={}`, "logDriver"},
		{`a.repositoryCredentials={"credentialsParameter":"x"}`, "executionRoleArn"},
	} {
		td := definition(t, test.delta, `+={"name":"b","image":"x","memory":4}`)
		err := Validate(td)
		first := First(err)
		switch {
		case test.want == "" && err != nil, test.want != "" && (first == nil || !strings.Contains(first.Message, test.want)):
			t.Errorf("%.90s: got %v, want %q", test.delta, err, test.want)
		}
	}
	for _, deltas := range [][]string{
		{`volumes=[{"name":"v"}]`, `a.mountPoints=[{"sourceVolume":"v"}]`},
		{`ipcMode="host"`, `a.systemControls=[{"namespace":"kernel.shmmax","value":"1"}]`},
		{`networkMode="host"`, `a.systemControls=[{"namespace":"net.core.somaxconn","value":"1"}]`},
	} {
		if Validate(definition(t, deltas...)) == nil {
			t.Errorf("%v is valid", deltas)
		}
	}
}
