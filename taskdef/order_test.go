package taskdef

import (
	"slices"
	"testing"
)

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
