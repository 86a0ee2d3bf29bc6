package ecs

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"miniecs/awsapi/wire"
	"miniecs/runtime"
	"miniecs/taskdef"
)

const (
	arnPrefix = "arn:aws:ecs:us-east-1:111122223333:"
	caller    = "arn:aws:iam::111122223333:role/Admin"
)

var born = time.UnixMilli(1767225600123).UTC()

// fake is a runtime that keeps what it is given and does nothing with it. Embedding the interface makes a call that a
// test did not expect a panic, which wire answers with ServerException.
type fake struct {
	runtime.API
	err      error // what every call answers, if set
	clusters map[string]runtime.Cluster
	services []runtime.Service
	tasks    []runtime.Task
	listed   []string
	tags     map[string][]runtime.Tag

	ran     runtime.RunTaskInput
	created runtime.ServiceInput
	updated runtime.ServiceUpdate
	filter  runtime.TaskFilter
}

func (f *fake) CreateCluster(_ context.Context, c runtime.Cluster) (runtime.Cluster, error) {
	if f.err != nil {
		return runtime.Cluster{}, f.err
	}
	if c.Name == "" {
		c.Name = "default"
	}
	c.ARN, c.Status, c.CreatedAt = arnPrefix+"cluster/"+c.Name, runtime.StatusActive, born
	f.clusters[c.Name] = c
	return c, nil
}

func (f *fake) UpdateCluster(_ context.Context, name string, extra runtime.Extra) (runtime.Cluster, error) {
	c := f.clusters[name]
	merged := runtime.Extra{}
	for _, e := range []runtime.Extra{c.Extra, extra} {
		for k, v := range e {
			merged[k] = v
		}
	}
	c.Extra = merged
	f.clusters[name] = c
	return c, nil
}

func (f *fake) DescribeClusters(_ context.Context, names []string) (found []runtime.Cluster, missing []runtime.Failure, err error) {
	for _, n := range names {
		if c, ok := f.clusters[n]; ok {
			found = append(found, c)
		} else {
			missing = append(missing, runtime.Failure{ARN: arnPrefix + "cluster/" + n, Reason: "MISSING"})
		}
	}
	return found, missing, nil
}

func (f *fake) ClusterCounts(string) runtime.ClusterCounts {
	return runtime.ClusterCounts{RegisteredInstances: 1, RunningTasks: 5, PendingTasks: 1, ActiveServices: 3,
		RunningEC2: 2, RunningFargate: 3, PendingFargate: 1, ActiveEC2Services: 1, ActiveFargateServices: 2}
}

func (f *fake) RegisterTaskDefinition(_ context.Context, td *taskdef.TaskDefinition) (*taskdef.TaskDefinition, error) {
	if f.err != nil {
		return nil, f.err
	}
	td = td.Clone()
	td.TaskDefinitionArn, td.Revision, td.Status = arnPrefix+"task-definition/"+td.Family+":7", 7, taskdef.StatusActive
	td.RegisteredAt = taskdef.NewTimestamp(born)
	return td, nil
}

func (f *fake) RunTask(_ context.Context, in runtime.RunTaskInput) ([]runtime.Task, []runtime.Failure, error) {
	f.ran = in
	return f.tasks, nil, f.err
}

func (f *fake) DescribeTasks(_ context.Context, _ string, ids []string) ([]runtime.Task, []runtime.Failure, error) {
	var missing []runtime.Failure
	for _, id := range ids {
		if !slices.ContainsFunc(f.tasks, func(t runtime.Task) bool { return t.ID == id }) {
			missing = append(missing, runtime.Failure{ARN: arnPrefix + "task/default/" + id, Reason: "MISSING"})
		}
	}
	return f.tasks, missing, f.err
}

func (f *fake) ListTasks(_ context.Context, filter runtime.TaskFilter) ([]string, error) {
	f.filter = filter
	return f.listed, f.err
}

func (f *fake) CreateService(_ context.Context, in runtime.ServiceInput) (runtime.Service, error) {
	f.created = in
	if f.err != nil {
		return runtime.Service{}, f.err
	}
	return serviceOf(in), nil
}

func (f *fake) UpdateService(_ context.Context, in runtime.ServiceUpdate) (runtime.Service, error) {
	f.updated = in
	return runtime.Service{Name: in.Service, Deployments: []runtime.Deployment{{ID: "ecs-svc/1"}}}, f.err
}

func (f *fake) DescribeServices(context.Context, string, []string) ([]runtime.Service, []runtime.Failure, error) {
	return f.services, nil, f.err
}

func (f *fake) ListServices(context.Context, string, string, string) ([]string, error) {
	return f.listed, f.err
}

func (f *fake) DescribeContainerInstances(context.Context, string, []string) ([]runtime.ContainerInstance, []runtime.Failure, error) {
	return []runtime.ContainerInstance{{
		ID: "0123", ARN: arnPrefix + "container-instance/default/0123", EC2InstanceID: "i-1", Status: "ACTIVE",
		AgentConnected: true, CPU: 2048, Memory: 4096, RemainingCPU: 1024, RemainingMemory: 2048, PortsTCP: []int{8080},
		RunningTasks: 1, RegisteredAt: born, Attributes: map[string]string{"ecs.os-type": "linux"}, EngineVersion: "28.5.2",
		Version: 3,
	}}, nil, nil
}

func (f *fake) TagResource(_ context.Context, arn string, tags []runtime.Tag) error {
	f.tags[arn] = tags
	return f.err
}

func (f *fake) ListTags(_ context.Context, arn string) ([]runtime.Tag, error) {
	return f.tags[arn], f.err
}

// serviceOf is what the runtime makes of an input, as far as a test of translation needs it.
func serviceOf(in runtime.ServiceInput) runtime.Service {
	platform := "LATEST"
	if in.LaunchType == "EC2" {
		platform = ""
	}
	s := runtime.Service{
		Name: in.Name, ARN: arnPrefix + "service/default/" + in.Name, ClusterARN: arnPrefix + "cluster/default",
		Status: "ACTIVE", DesiredCount: taskdef.Value(in.DesiredCount), SchedulingStrategy: "REPLICA",
		TaskDefinitionARN: arnPrefix + "task-definition/" + in.TaskDefinition, LaunchType: in.LaunchType,
		CapacityProviders: in.CapacityProviders, PlatformVersion: platform, Network: in.Network,
		LoadBalancers: in.LoadBalancers, PropagateTags: "NONE", AZRebalancing: "ENABLED", Role: in.Role,
		CreatedBy: in.CreatedBy, CreatedAt: born, Tags: in.Tags, Extra: in.Extra,
		GracePeriodSeconds: taskdef.Value(in.GracePeriodSeconds),
		Deployment: runtime.DeploymentConfiguration{
			MinimumHealthyPercent: 100, MaximumPercent: 200, Strategy: "ROLLING", Extra: in.Deployment.Extra,
		},
	}
	d := runtime.Deployment{
		ID: "ecs-svc/3541978090126952138", Status: "PRIMARY", TaskDefinitionARN: s.TaskDefinitionARN,
		RolloutState: "IN_PROGRESS", CreatedAt: born, UpdatedAt: born, LaunchType: in.LaunchType,
		CapacityProviders: in.CapacityProviders, Network: in.Network,
	}
	d.RolloutReason = fmt.Sprintf("ECS deployment %s in progress.", d.ID)
	if platform != "" {
		d.PlatformVersion = "1.4.0"
	}
	s.Deployments = []runtime.Deployment{d}
	return s
}

func newFake() *fake {
	return &fake{clusters: map[string]runtime.Cluster{}, tags: map[string][]runtime.Tag{}}
}

// inProcess is an HTTP client whose server is the handler itself.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

func serve(api runtime.API) http.Handler {
	cfg := Config{Account: "111122223333", Region: "us-east-1", Caller: caller, CPUArchitecture: "x86_64"}
	return wire.New([]wire.Service{Service(api, cfg)}, wire.Options{})
}

func sdkClient(api runtime.API) *awsecs.Client {
	return awsecs.New(awsecs.Options{
		Region: "us-east-1", BaseEndpoint: ptr("http://ecs.local"), HTTPClient: &http.Client{Transport: inProcess{serve(api)}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
		RetryMaxAttempts: 1,
	})
}

// post sends a message past the SDK, as it stands.
func post(t *testing.T, api runtime.API, operation, body string) (int, []byte) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", targetPrefix+"."+operation)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0")
	w := httptest.NewRecorder()
	serve(api).ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

// snapshot is the body of a request of the SDK's corpus: every member of the operation's input is set.
func snapshot(t *testing.T, operation string) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/ecs").Output()
	if err != nil {
		t.Fatalf("find the SDK's module: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "request_snapshot", operation+".request.snap"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(data), "\n{")
	return "{" + body
}
