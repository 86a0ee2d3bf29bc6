package ecs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-multierror"

	"miniecs/runtime"
	"miniecs/taskdef"
)

func TestErrors_AreSpeltAsAWSDoes(t *testing.T) {
	first := &taskdef.ValidationError{Code: taskdef.CodeInvalidParameter, Message: "Invalid 'cpu' setting for task."}
	second := &taskdef.ValidationError{Code: taskdef.CodeClient, Message: "second"}
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{&runtime.Error{Kind: runtime.Invalid, Message: "m"}, 400, "InvalidParameterException"},
		{&runtime.Error{Kind: runtime.Client, Message: "m"}, 400, "ClientException"},
		{&runtime.Error{Kind: runtime.ClusterNotFound, Message: "m"}, 400, "ClusterNotFoundException"},
		{&runtime.Error{Kind: runtime.ServiceNotFound, Message: "m"}, 400, "ServiceNotFoundException"},
		{&runtime.Error{Kind: runtime.ServiceNotActive, Message: "m"}, 400, "ServiceNotActiveException"},
		{&runtime.Error{Kind: runtime.ClusterContainsServices, Message: "m"}, 400, "ClusterContainsServicesException"},
		{&runtime.Error{Kind: runtime.ClusterContainsTasks, Message: "m"}, 400, "ClusterContainsTasksException"},
		{&runtime.Error{Kind: runtime.ResourceNotFound, Message: "m"}, 400, "ResourceNotFoundException"},
		{&runtime.Error{Kind: runtime.PlatformUnknown, Message: "m"}, 400, "PlatformUnknownException"},
		{&runtime.Error{Kind: runtime.Unsupported, Message: "m"}, 400, "UnsupportedFeatureException"},
		{&runtime.Error{Kind: runtime.LimitExceeded, Message: "m"}, 400, "LimitExceededException"},
		{fmt.Errorf("wrapped: %w", &runtime.Error{Kind: runtime.Client, Message: "m"}), 400, "ClientException"},
		{multierror.Append(nil, first, second), 400, "InvalidParameterException"},
		{second, 400, "ClientException"},
		{&runtime.Error{Kind: "Novel", Message: "m"}, 500, "ServerException"},
		{errors.New("disk full"), 500, "ServerException"},
	} {
		f := newFake()
		f.err = c.err
		status, answer := post(t, f, "CreateService", `{"serviceName": "web", "taskDefinition": "web", "launchType": "EC2"}`)
		got := object(t, answer)
		if status != c.status || got["__type"] != c.code {
			t.Errorf("%v: got %d %s, want %d %s", c.err, status, answer, c.status, c.code)
		}
		if strings.Contains(string(answer), "disk full") {
			t.Errorf("a fault of ours shows in the answer: %s", answer)
		}
	}
}

func TestConflict_NamesWhatTheTokenMade(t *testing.T) {
	f := newFake()
	f.err = &runtime.Error{Kind: runtime.Conflict, Message: "taken", ResourceIDs: []string{"arn:1", "arn:2"}}
	_, err := sdkClient(f).RunTask(context.Background(), &awsecs.RunTaskInput{TaskDefinition: ptr("web"), LaunchType: "EC2"})
	conflict, ok := errors.AsType[*types.ConflictException](err)
	if !ok || !slices.Equal(conflict.ResourceIds, []string{"arn:1", "arn:2"}) {
		t.Errorf("got %v, want a ConflictException with both resources", err)
	}
}

func TestRequests_AreRefusedInAWSsWords(t *testing.T) {
	many := func(n int) string { return `["` + strings.Repeat(`x","`, n-1) + `x"]` }
	for _, c := range []struct{ operation, body, code, message string }{
		{"DescribeTaskDefinition", `{"taskDefinition": "web", "include": ["BOGUS"]}`, "InvalidParameterException",
			"BOGUS is not a valid value for include. The value must be one of [[TAGS]]"},
		{"DescribeTasks", `{"tasks": []}`, "InvalidParameterException", "Tasks cannot be empty."},
		{"DescribeTasks", `{}`, "InvalidParameterException", "Tasks cannot be empty."},
		{"DescribeTasks", `{"tasks": ` + many(101) + `}`, "InvalidParameterException", "Tasks can have at most 100 items."},
		{"DescribeServices", `{"services": ` + many(11) + `}`, "InvalidParameterException", "Services can have at most 10 items."},
		{"DescribeContainerInstances", `{}`, "ClientException", "Container Instances cannot be empty."},
		{"RunTask", `{"taskDefinition": "web", "launchType": "MOON"}`, "ClientException", "launch type should be one of [EC2,FARGATE,EXTERNAL]"},
		{"RunTask", `{"taskDefinition": "web", "count": 0}`, "InvalidParameterException", "count should be between 1 and 10."},
		{"RunTask", `{"taskDefinition": "web", "count": 11}`, "InvalidParameterException", "count should be between 1 and 10."},
		{"RunTask", `{"taskDefinition": "web", "startedBy": "` + strings.Repeat("x", 129) + `"}`, "InvalidParameterException",
			"startedBy can have at most 128 characters."},
		{"RunTask", `{"taskDefinition": "web", "overrides": {"taskRoleArn": "` + strings.Repeat("x", 8192) + `"}}`,
			"InvalidParameterException", "Overrides can have at most 8192 characters."},
		{"ListContainerInstances", `{"status": "BOGUS"}`, "InvalidParameterException",
			"Container instance status should be one of [ACTIVE, DRAINING]"},
		{"ListServices", `{"maxResults": 101}`, "InvalidParameterException", "maxResults must be between 1 and 100."},
		{"ListServices", `{"maxResults": 0}`, "InvalidParameterException", "maxResults must be between 1 and 100."},
		{"ListServices", `{"nextToken": "nonsense"}`, "InvalidParameterException", "Invalid token"},
		{"ListTasks", `{"desiredStatus": "BOGUS"}`, "InvalidParameterException",
			"desired status should be one of [RUNNING,PENDING,STOPPED]"},
		{"TagResource", `{"resourceArn": "arn:x", "tags": [{"key": "AWS:x", "value": ""}]}`, "InvalidParameterException",
			"Tag keys and values must not begin with aws: AWS:x"},
		{"CreateService", `{"serviceName": "web", "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1001}]}`,
			"InvalidParameterException", "weight should be between 0 and 1000."},
		{"UpdateService", `{"service": "web", "deploymentController": {"type": "CODE_DEPLOY"}}`, "UnsupportedFeatureException",
			"miniecs does not have the deployment controller CODE_DEPLOY yet; use ECS."},
		{"PutAccountSetting", `{"name": "bogus", "value": "on"}`, "InvalidParameterException",
			"unknown should be one of [" + list(types.SettingName("").Values()) + "]"},
	} {
		f := newFake()
		status, answer := post(t, f, c.operation, c.body)
		got := object(t, answer)
		if status != 400 || got["__type"] != c.code || got["message"] != c.message {
			t.Errorf("%s %.100s: got %d %s, want %s: %s", c.operation, c.body, status, answer, c.code, c.message)
		}
	}
}

func TestListServices_PagesByTen(t *testing.T) {
	f := newFake()
	for i := range 25 {
		f.listed = append(f.listed, fmt.Sprintf("arn:%02d", i))
	}
	client := sdkClient(f)
	var got []string
	pages := 0
	for p := awsecs.NewListServicesPaginator(client, &awsecs.ListServicesInput{}); p.HasMorePages(); pages++ {
		out, err := p.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out.ServiceArns...)
	}
	if diff := cmp.Diff(f.listed, got); diff != "" || pages != 3 {
		t.Errorf("%d pages; (-want +got):\n%s", pages, diff)
	}
}

func TestPages_OutliveChanges(t *testing.T) {
	all := []string{"a", "b", "c", "d", "e"}
	_, token, err := page(all, ptr(int32(2)), nil, hundreds, "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		now   []string
		scope string
		want  []string
	}{
		{"unchanged", all, "x", []string{"c", "d"}},
		{"an earlier item went", []string{"b", "c", "d", "e"}, "x", []string{"c", "d"}},
		{"an item came before", []string{"a", "aa", "b", "c", "d"}, "x", []string{"c", "d"}},
		{"the last item itself went", []string{"a", "c", "d", "e"}, "x", []string{"d", "e"}},
		{"all went", nil, "x", []string{}},
		{"other filters", all, "y", nil},
	} {
		got, _, err := page(c.now, ptr(int32(2)), token, hundreds, c.scope)
		if (err != nil) != (c.want == nil) {
			t.Errorf("%s: error %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestDescribeClusters_ShowsWhatIsIncluded(t *testing.T) {
	f := newFake()
	client := sdkClient(f)
	_, err := client.CreateCluster(context.Background(), &awsecs.CreateClusterInput{
		ClusterName: ptr("lab"), Tags: []types.Tag{{Key: ptr("k"), Value: ptr("v")}}, CapacityProviders: []string{"FARGATE"},
		Configuration:                   &types.ClusterConfiguration{ManagedStorageConfiguration: &types.ManagedStorageConfiguration{KmsKeyId: ptr("key")}},
		DefaultCapacityProviderStrategy: []types.CapacityProviderStrategyItem{{CapacityProvider: ptr("FARGATE"), Weight: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	bare, err := client.DescribeClusters(context.Background(), &awsecs.DescribeClustersInput{Clusters: []string{"lab", "nosuch"}})
	if err != nil {
		t.Fatal(err)
	}
	c := bare.Clusters[0]
	if len(c.Tags)+len(c.Settings)+len(c.Statistics) > 0 || c.Configuration != nil || len(c.CapacityProviders) != 1 || c.RunningTasksCount != 5 {
		t.Errorf("without include: %+v", c)
	}
	if len(bare.Failures) != 1 || value(bare.Failures[0].Reason) != "MISSING" {
		t.Errorf("failures: %+v", bare.Failures)
	}
	full, err := client.DescribeClusters(context.Background(), &awsecs.DescribeClustersInput{
		Clusters: []string{"lab"}, Include: types.ClusterField("").Values(),
	})
	if err != nil {
		t.Fatal(err)
	}
	c = full.Clusters[0]
	if len(c.Tags) != 1 || value(c.Settings[0].Value) != "disabled" || len(c.Statistics) == 0 || c.Configuration == nil {
		t.Errorf("with everything included: %+v", c)
	}
	// A cluster's default strategy is what a request without launch type and strategy gets.
	if _, err := client.RunTask(context.Background(), &awsecs.RunTaskInput{Cluster: ptr("lab"), TaskDefinition: ptr("web")}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]runtime.CapacityProviderItem{{Provider: "FARGATE", Weight: 1}}, f.ran.CapacityProviders); diff != "" {
		t.Errorf("strategy of RunTask (-want +got):\n%s", diff)
	}
}

func TestUpdateService_KeepsAbsentAndEmptyApart(t *testing.T) {
	f := newFake()
	if status, answer := post(t, f, "UpdateService", `{"service": "web"}`); status != 200 {
		t.Fatalf("status %d: %s", status, answer)
	}
	if diff := cmp.Diff(runtime.ServiceUpdate{Service: "web"}, f.updated); diff != "" {
		t.Errorf("nothing given (-want +got):\n%s", diff)
	}
	status, answer := post(t, f, "UpdateService", `{"service": "web", "desiredCount": 0, "loadBalancers": [],
		"placementConstraints": [], "enableExecuteCommand": false, "forceNewDeployment": true,
		"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}}}`)
	if status != 200 {
		t.Fatalf("status %d: %s", status, answer)
	}
	want := runtime.ServiceUpdate{
		Service: "web", DesiredCount: ptr(0), ForceNewDeployment: true, LoadBalancers: &[]runtime.ServiceLoadBalancer{},
		ExecuteCommand: ptr(false), Extra: runtime.Extra{"placementConstraints": json.RawMessage(`[]`)},
		Deployment: runtime.DeploymentInput{
			Given: true, CircuitBreaker: ptr(true), CircuitRollback: ptr(true),
			Extra: runtime.Extra{"deploymentCircuitBreaker": json.RawMessage(`{"enable":true,"rollback":true}`)},
		},
	}
	if diff := cmp.Diff(want, f.updated); diff != "" {
		t.Errorf("all given empty (-want +got):\n%s", diff)
	}
}

func TestServices_ShowTagsWhenIncluded(t *testing.T) {
	f := newFake()
	f.services = []runtime.Service{{Name: "web", Tags: []runtime.Tag{{Key: "k", Value: ""}}}}
	for include, want := range map[string]any{`[]`: nil, `["TAGS"]`: []any{map[string]any{"key": "k", "value": ""}}} {
		_, answer := post(t, f, "DescribeServices", `{"services": ["web"], "include": `+include+`}`)
		got := object(t, answer)["services"].([]any)[0].(map[string]any)["tags"]
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("include %s (-want +got):\n%s", include, diff)
		}
	}
}

func TestAccountSettings_AreLongARNs(t *testing.T) {
	client := sdkClient(newFake())
	got := map[types.SettingName]string{}
	for p := awsecs.NewListAccountSettingsPaginator(client, &awsecs.ListAccountSettingsInput{EffectiveSettings: true}); p.HasMorePages(); {
		out, err := p.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range out.Settings {
			got[s.Name] = value(s.Value)
		}
	}
	if diff := cmp.Diff(defaultSettings, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := client.PutAccountSetting(context.Background(), &awsecs.PutAccountSettingInput{
		Name: types.SettingNameContainerInsights, Value: ptr("enhanced"),
	}); err != nil {
		t.Fatal(err)
	}
	out, err := client.ListAccountSettings(context.Background(), &awsecs.ListAccountSettingsInput{})
	if err != nil || len(out.Settings) != 1 || value(out.Settings[0].Value) != "enhanced" {
		t.Errorf("after a put: %+v, %v", out, err)
	}
}

func TestDescribeCapacityProviders_HasFargate(t *testing.T) {
	client := sdkClient(newFake())
	all, err := client.DescribeCapacityProviders(context.Background(), &awsecs.DescribeCapacityProvidersInput{})
	if err != nil || len(all.CapacityProviders) != 2 {
		t.Fatalf("none named: %+v, %v", all, err)
	}
	some, err := client.DescribeCapacityProviders(context.Background(), &awsecs.DescribeCapacityProvidersInput{
		CapacityProviders: []string{"FARGATE_SPOT", "nosuch"},
	})
	if err != nil || len(some.CapacityProviders) != 1 || value(some.Failures[0].Arn) != arnPrefix+"capacity-provider/nosuch" {
		t.Errorf("one of two known: %+v, %v", some, err)
	}
}

func TestTags_ComeBack(t *testing.T) {
	f := newFake()
	client := sdkClient(f)
	arn := arnPrefix + "cluster/default"
	if _, err := client.TagResource(context.Background(), &awsecs.TagResourceInput{
		ResourceArn: &arn, Tags: []types.Tag{{Key: ptr("k"), Value: ptr("v")}},
	}); err != nil {
		t.Fatal(err)
	}
	out, err := client.ListTagsForResource(context.Background(), &awsecs.ListTagsForResourceInput{ResourceArn: &arn})
	if err != nil || len(out.Tags) != 1 || value(out.Tags[0].Value) != "v" {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestOtherOperations_AreAnsweredClearly(t *testing.T) {
	status, answer := post(t, newFake(), "DescribeServiceDeployments", `{"serviceDeploymentArns": ["x"]}`)
	if status < 400 || !strings.Contains(string(answer), "does not implement ecs:DescribeServiceDeployments") {
		t.Errorf("got %d %s", status, answer)
	}
}

func FuzzPage(f *testing.F) {
	_, token, _ := page([]string{"a", "b", "c"}, ptr(int32(1)), nil, hundreds, "x")
	f.Add(*token)
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		items, _, err := page([]string{"a", "b", "c"}, nil, &token, hundreds, "x")
		if err == nil && len(items) > 3 {
			t.Errorf("token %q: %v", token, items)
		}
	})
}
