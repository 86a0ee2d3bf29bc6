package taskdef

import (
	"slices"
	"testing"
)

func TestParseCPU(t *testing.T) {
	for in, want := range map[string]int{"256": 256, "1024": 1024, ".25 vCPU": 256, "0.5 vCPU": 512, "1 vCPU": 1024, "1vCPU": 1024, "1 vcpu": 1024, " 2 VCPU ": 2048, "0.125vcpu": 128} {
		if got, err := ParseCPU(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "bad", "0", "-1", "1.5", "0.0001 vCPU", "1 GB", "vCPU", "1e3", "99999999999", "99999999999 vCPU", "1,5 vCPU"} {
		got, err := ParseCPU(in)
		if e := First(err); e == nil || e.Code != CodeInvalidParameter || e.Message != cpuError {
			t.Errorf("%q: got %d, %v", in, got, err)
		}
	}
}

func TestParseMemory(t *testing.T) {
	for in, want := range map[string]int{"512": 512, "0.5 GB": 512, "1GB": 1024, "1 GB": 1024, "2 gb": 2048, ".5gb": 512} {
		if got, err := ParseMemory(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "1 vCPU", "0", "0 GB", "1 MB", "0.3333 GB"} {
		got, err := ParseMemory(in)
		if e := First(err); e == nil || e.Message != "Invalid 'memory' setting for task." {
			t.Errorf("%q: got %d, %v", in, got, err)
		}
	}
}

func TestValidFargateSize(t *testing.T) {
	count := map[int]int{}
	for cpu := 0; cpu <= 32768; cpu += 128 {
		for memory := 0; memory <= 262144; memory += 512 {
			if ValidFargateSize(cpu, memory, false) {
				count[cpu]++
			}
		}
	}
	want := map[int]int{256: 3, 512: 4, 1024: 7, 2048: 13, 4096: 23, 8192: 12, 16384: 12}
	for cpu, n := range want {
		if count[cpu] != n {
			t.Errorf("%d CPU has %d sizes, want %d", cpu, count[cpu], n)
		}
	}
	if len(count) != len(want) {
		t.Errorf("sizes %v", count)
	}
	for _, no := range [][2]int{{256, 4096}, {256, 1536}, {512, 1536}, {8192, 17408}, {16384, 36864}, {1024, 1024}} {
		if ValidFargateSize(no[0], no[1], false) {
			t.Errorf("%v is valid", no)
		}
	}
	if ValidFargateSize(512, 1024, true) || !ValidFargateSize(1024, 2048, true) || ValidFargateSize(8192, 16384, true) {
		t.Error("Windows has 1024 to 4096 units")
	}
}

func TestParseSecretRef(t *testing.T) {
	const secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:db/main-AbCdEf"
	for _, test := range []struct {
		in   string
		want SecretRef
	}{
		{"my-param", SecretRef{Service: "ssm", Name: "my-param", ID: "my-param"}},
		{"/path/my-param", SecretRef{Service: "ssm", Name: "/path/my-param", ID: "/path/my-param"}},
		{"arn:aws:ssm:us-east-1:111122223333:parameter/NAME", SecretRef{Service: "ssm", Region: "us-east-1", Account: "111122223333", Name: "NAME", ID: "arn:aws:ssm:us-east-1:111122223333:parameter/NAME"}},
		{"arn:aws:ssm:us-east-1:111122223333:parameter/a/b", SecretRef{Service: "ssm", Region: "us-east-1", Account: "111122223333", Name: "/a/b", ID: "arn:aws:ssm:us-east-1:111122223333:parameter/a/b"}},
		{secret, SecretRef{Service: "secretsmanager", Region: "us-east-1", Account: "111122223333", Name: "db/main-AbCdEf", ID: secret}},
		{secret + ":password::", SecretRef{Service: "secretsmanager", Region: "us-east-1", Account: "111122223333", Name: "db/main-AbCdEf", ID: secret, JSONKey: "password"}},
		{secret + "::AWSPREVIOUS:v1", SecretRef{Service: "secretsmanager", Region: "us-east-1", Account: "111122223333", Name: "db/main-AbCdEf", ID: secret, VersionStage: "AWSPREVIOUS", VersionID: "v1"}},
	} {
		if got, err := ParseSecretRef(test.in); err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v", test.in, got, err)
		}
	}
	if got, _ := ParseSecretRef(secret); got.FriendlyName() != "db/main" {
		t.Errorf("friendly name %q", got.FriendlyName())
	}
	for _, in := range []string{"", "arn:aws:ssm", secret + ":password", secret + ":password:", secret + ":a:b:c:d", "arn:aws:s3:us-east-1:1:x", "arn:aws:ssm:r:1:document/x", "arn:aws:secretsmanager:r:1:secret:"} {
		if got, err := ParseSecretRef(in); err == nil {
			t.Errorf("%s: got %+v", in, got)
		}
	}
}

func TestStartOrder(t *testing.T) {
	for _, test := range []struct {
		name, containers string
		want             []string
		cycle            bool
	}{
		{"as given without edges", `[{"name":"b"},{"name":"a"}]`, []string{"b", "a"}, false},
		{"dependsOn", `[{"name":"app","dependsOn":[{"containerName":"envoy","condition":"HEALTHY"}]},{"name":"envoy","dependsOn":[{"containerName":"init","condition":"SUCCESS"}]},{"name":"init"}]`,
			[]string{"init", "envoy", "app"}, false},
		{"links and volumesFrom", `[{"name":"a","links":["b:alias"]},{"name":"b","volumesFrom":[{"sourceContainer":"c"}]},{"name":"c"}]`, []string{"c", "b", "a"}, false},
		{"a log router first", `[{"name":"a","logConfiguration":{"logDriver":"awsfirelens"}},{"name":"r","firelensConfiguration":{"type":"fluentbit"}}]`, []string{"r", "a"}, false},
		{"a router that waits for its client", `[{"name":"a","logConfiguration":{"logDriver":"awsfirelens"}},{"name":"r","dependsOn":[{"containerName":"a","condition":"START"}],"firelensConfiguration":{"type":"fluentbit"}}]`, []string{"a", "r"}, false},
		{"a cycle through a link", `[{"name":"a","links":["b"]},{"name":"b","dependsOn":[{"containerName":"a","condition":"START"}]}]`, []string{"a", "b"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := definition(t, "containerDefinitions="+test.containers).StartOrder()
			if cycle, ok := err.(*CycleError); ok {
				got = cycle.Containers
			}
			if (err != nil) != test.cycle || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
	td := definition(t, `containerDefinitions=[{"name":"a","links":["b"],"volumesFrom":[{"sourceContainer":"b"}],"dependsOn":[{"containerName":"b","condition":"HEALTHY"}]},{"name":"b"}]`)
	want := []ContainerDependency{{"b", "HEALTHY"}, {"b", "START"}, {"b", "CREATE"}}
	if got := td.Dependencies(&td.ContainerDefinitions[0]); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
