package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/rs/zerolog"
)

const (
	someSignature = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/eu-central-1/ecs/aws4_request, SignedHeaders=host, Signature=00"
	jsonVersion11 = "application/x-amz-json-1.1"
	formType      = "application/x-www-form-urlencoded; charset=utf-8"
	ecsTarget     = "AmazonEC2ContainerServiceV20141113."
)

// ec2Input and ec2Output are structs of our own, as EC2's dialect needs them.
type ec2Input struct {
	VpcIds  []string    `wire:"VpcId"`
	Filters []ec2Filter `wire:"Filter"`
}

type ec2Filter struct {
	Name   string   `wire:"Name"`
	Values []string `wire:"Value"`
}

type ec2Output struct {
	Vpcs []ec2Vpc `wire:"vpcSet"`
}

type ec2Vpc struct {
	ID string `wire:"vpcId"`
}

// testServer serves a few operations that echo, fail and panic.
func testServer(opts Options) *Server {
	return New([]Service{
		ecsService(map[string]Op{
			"CreateCluster": Handle(func(ctx context.Context, in *ecs.CreateClusterInput) (*ecs.CreateClusterOutput, error) {
				return &ecs.CreateClusterOutput{Cluster: &ecstypes.Cluster{ClusterName: in.ClusterName, Tags: in.Tags}}, nil
			}),
			"CreateService": Handle(func(context.Context, *ecs.CreateServiceInput) (*ecs.CreateServiceOutput, error) { return nil, nil }),
			"RegisterTaskDefinition": Handle(func(context.Context, *ecs.RegisterTaskDefinitionInput) (*ecs.RegisterTaskDefinitionOutput, error) {
				return nil, &ecstypes.ClientException{Message: aws.String("the handler's words")}
			}).Unchecked("family", "containerDefinitions"),
			"DeleteCluster": Handle(func(context.Context, *ecs.DeleteClusterInput) (*ecs.DeleteClusterOutput, error) {
				panic("secret in a panic")
			}),
			"StopTask": Handle(func(context.Context, *ecs.StopTaskInput) (*ecs.StopTaskOutput, error) {
				return nil, errors.New("secret in an error")
			}),
			"DescribeTasks": Handle(func(context.Context, *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
				return &ecs.DescribeTasksOutput{}, nil
			}),
		}),
		elbService(map[string]Op{
			"CreateTargetGroup": Handle(func(_ context.Context, in *elasticloadbalancingv2.CreateTargetGroupInput) (*elasticloadbalancingv2.CreateTargetGroupOutput, error) {
				return &elasticloadbalancingv2.CreateTargetGroupOutput{TargetGroups: []elbtypes.TargetGroup{{TargetGroupName: in.Name}}}, nil
			}),
			"DescribeTags": Handle(func(context.Context, *elasticloadbalancingv2.DescribeTagsInput) (*elasticloadbalancingv2.DescribeTagsOutput, error) {
				return nil, &elbtypes.HealthUnavailableException{Message: aws.String("down")}
			}),
			"DeleteListener": Handle(func(context.Context, *elasticloadbalancingv2.DeleteListenerInput) (*elasticloadbalancingv2.DeleteListenerOutput, error) {
				return nil, nil
			}),
		}),
		{
			Name: "ec2", Protocol: EC2, Version: "2016-11-15", Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
			Ops: map[string]Op{"DescribeVpcs": Handle(func(_ context.Context, in *ec2Input) (*ec2Output, error) {
				out := &ec2Output{Vpcs: []ec2Vpc{}}
				for _, id := range in.VpcIds {
					out.Vpcs = append(out.Vpcs, ec2Vpc{id})
				}
				for _, f := range in.Filters {
					out.Vpcs = append(out.Vpcs, ec2Vpc{f.Name + "=" + strings.Join(f.Values, "|")})
				}
				return out, nil
			})},
		},
	}, opts)
}

// request is one case; what is empty gets a value that works.
type request struct {
	method, path, contentType, target, auth, body string
}

func (c request) send(h http.Handler) *http.Response {
	if c.method == "" {
		c.method = http.MethodPost
	}
	if c.path == "" {
		c.path = "/"
	}
	r := httptest.NewRequest(c.method, "http://localhost:4566"+c.path, strings.NewReader(c.body))
	if c.target != "" {
		r.Header.Set("X-Amz-Target", c.target)
		if c.contentType == "" {
			c.contentType = jsonVersion11
		}
	} else if c.contentType == "" {
		c.contentType = formType
	}
	r.Header.Set("Content-Type", c.contentType)
	if c.auth == "" {
		c.auth = someSignature
	}
	if c.auth != "none" {
		r.Header.Set("Authorization", c.auth)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestServer_JSON(t *testing.T) {
	deep := strings.Repeat("[", 2_000_000)
	for _, c := range []struct {
		name   string
		req    request
		status int
		want   string // the whole body, or with ... at an end the beginning
	}{
		{"answers", request{target: ecsTarget + "CreateCluster", body: `{"clusterName":"a<b"}`}, 200,
			`{"cluster":{"activeServicesCount":0,"clusterName":"a<b","pendingTasksCount":0,"registeredContainerInstancesCount":0,"runningTasksCount":0}}`},
		{"accepts an empty body", request{target: ecsTarget + "CreateCluster"}, 200, `{"cluster":{"activeServicesCount":0,...`},
		{"accepts members it does not know", request{target: ecsTarget + "CreateCluster", body: `{"nonsense":[1,{"a":null}]}`}, 200, `{"cluster":...`},
		{"writes an empty list that is not nil", request{target: ecsTarget + "CreateCluster", body: `{"tags":[]}`}, 200,
			`{"cluster":{"activeServicesCount":0,"pendingTasksCount":0,"registeredContainerInstancesCount":0,"runningTasksCount":0,"tags":[]}}`},
		{"refuses what is not JSON", request{target: ecsTarget + "CreateCluster", body: `{"clusterName":`}, 400,
			`{"__type":"SerializationException","message":"Unexpected end of JSON input."}`},
		{"refuses bad syntax", request{target: ecsTarget + "CreateCluster", body: `{'a':1}`}, 400,
			`{"__type":"SerializationException","message":"The message is not valid JSON: invalid character '\\''...`},
		{"refuses two messages", request{target: ecsTarget + "CreateCluster", body: `{}{}`}, 400,
			`{"__type":"SerializationException","message":"The message has more than one JSON value."}`},
		{"refuses null", request{target: ecsTarget + "CreateCluster", body: `null`}, 400,
			`{"__type":"SerializationException","message":"The message is not a JSON structure."}`},
		{"refuses a list", request{target: ecsTarget + "CreateCluster", body: `[]`}, 400,
			`{"__type":"SerializationException","message":"Start of list found where not expected."}`},
		{"survives deep nesting", request{target: ecsTarget + "CreateCluster", body: `{"tags":` + deep}, 400,
			`{"__type":"SerializationException","message":"The message is not valid JSON...`},
		{"refuses a number for a string", request{target: ecsTarget + "CreateCluster", body: `{"clusterName":5}`}, 400,
			`{"__type":"SerializationException","message":"NUMBER_VALUE can not be converted to a String (at 'clusterName')"}`},
		{"refuses a string for a number", request{target: ecsTarget + "CreateService", body: `{"serviceName":"a","desiredCount":"5"}`}, 400,
			`{"__type":"SerializationException","message":"STRING_VALUE can not be converted to an Integer (at 'desiredCount')"}`},
		{"refuses a number that is too large", request{target: ecsTarget + "CreateService", body: `{"serviceName":"a","desiredCount":2147483648}`}, 400,
			`{"__type":"SerializationException","message":"NUMBER_VALUE can not be converted to an Integer (at 'desiredCount')"}`},
		{"refuses a structure for a list", request{target: ecsTarget + "CreateCluster", body: `{"tags":{"key":"a"}}`}, 400,
			`{"__type":"SerializationException","message":"Start of structure or map found where not expected. (at 'tags')"}`},
		{"says where", request{target: ecsTarget + "CreateCluster", body: `{"tags":[{"key":"a"},{"key":true}]}`}, 400,
			`{"__type":"SerializationException","message":"TRUE_VALUE can not be converted to a String (at 'tags.2.key')"}`},
		{"wants required members", request{target: ecsTarget + "CreateService", body: `{}`}, 400,
			`{"__type":"InvalidParameterException","message":"Service name should not be null or empty."}`},
		{"wants required lists", request{target: ecsTarget + "DescribeTasks", body: `{}`}, 400,
			`{"__type":"InvalidParameterException","message":"Tasks cannot be empty."}`},
		{"wants required members inside", request{target: ecsTarget + "RegisterTaskDefinition", body: `{"volumes":[{}],"placementConstraints":[{"type":"x"}],"proxyConfiguration":{}}`}, 400,
			`{"__type":"ClientException","message":"type should be one of [memberOf]"}`},
		{"wants one of an enum", request{target: ecsTarget + "CreateService", body: `{"serviceName":"a","launchType":"LAMBDA"}`}, 400,
			`{"__type":"ClientException","message":"launch type should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]"}`},
		{"leaves to the handler what it asked for", request{target: ecsTarget + "RegisterTaskDefinition", body: `{}`}, 400,
			`{"__type":"ClientException","message":"the handler's words"}`},
		{"says what is not implemented", request{target: ecsTarget + "ExecuteCommand", body: `{`}, 400,
			`{"__type":"UnsupportedOperationException","message":"miniecs does not implement ecs:ExecuteCommand yet"}`},
		{"knows no such operation", request{target: ecsTarget + "MakeCoffee\x01", body: `{}`}, 400,
			`{"__type":"UnknownOperationException","message":"The operation MakeCoffee? is not one of ecs."}`},
		{"knows no such service", request{target: "DynamoDB_20120810.ListTables", body: `{}`}, 400,
			`{"__type":"UnknownOperationException","message":"There is no service here for X-Amz-Target 'DynamoDB_20120810.ListTables'."}`},
		{"knows no operation elsewhere", request{path: "/v2/x", target: ecsTarget + "CreateCluster"}, 404,
			`{"__type":"UnknownOperationException","message":"There is no operation at this path."}`},
		{"wants POST", request{method: "PUT", target: ecsTarget + "CreateCluster"}, 405, `{"__type":"UnknownOperationException"...`},
		{"wants its content type", request{contentType: "text/plain", target: ecsTarget + "CreateCluster", body: `{}`}, 415,
			`{"__type":"UnsupportedMediaTypeException"...`},
		{"refuses the unsigned", request{auth: "none", target: ecsTarget + "CreateCluster"}, 403,
			`{"__type":"MissingAuthenticationTokenException","message":"Request is missing Authentication Token"}`},
		{"refuses another scheme", request{auth: "Basic dXNlcg==", target: ecsTarget + "CreateCluster"}, 403,
			`{"__type":"IncompleteSignatureException"...`},
		{"refuses half a signature", request{auth: "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0", target: ecsTarget + "CreateCluster"}, 403,
			`{"__type":"IncompleteSignatureException"...`},
		{"hides a panic", request{target: ecsTarget + "DeleteCluster", body: `{"cluster":"a"}`}, 500,
			`{"__type":"ServerException","message":"The request failed because of an internal error; the log has it under request id ...`},
		{"hides an unknown error", request{target: ecsTarget + "StopTask", body: `{"task":"a"}`}, 500, `{"__type":"ServerException","message":"The request failed...`},
		{"refuses a huge body", request{target: ecsTarget + "CreateCluster", body: `{"clusterName":"` + strings.Repeat("x", DefaultMaxBody) + `"}`}, 413,
			`{"__type":"RequestEntityTooLargeException","message":"The request is larger than 5242880 bytes."}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := c.req.send(testServer(Options{}))
			body, _ := io.ReadAll(resp.Body)
			expect(t, resp, string(body), c.status, c.want)
			if !json.Valid(body) || resp.Header.Get("Content-Type") != jsonVersion11 {
				t.Errorf("%s is no %s", body, resp.Header.Get("Content-Type"))
			}
			var e struct {
				Type string `json:"__type"`
			}
			if json.Unmarshal(body, &e); e.Type != resp.Header.Get("X-Amzn-ErrorType") {
				t.Errorf("X-Amzn-ErrorType is %q, __type %q", resp.Header.Get("X-Amzn-ErrorType"), e.Type)
			}
			if len(resp.Header.Get("X-Amzn-RequestId")) != 36 {
				t.Errorf("request id %q", resp.Header.Get("X-Amzn-RequestId"))
			}
		})
	}
}

func expect(t *testing.T, resp *http.Response, body string, status int, want string) {
	t.Helper()
	ok := body == want
	if prefix, cut := strings.CutSuffix(want, "..."); cut {
		ok = strings.HasPrefix(body, prefix)
	}
	if resp.StatusCode != status || !ok {
		t.Errorf("got  %d %.600s\nwant %d %s", resp.StatusCode, body, status, want)
	}
}

func TestServer_Query(t *testing.T) {
	const ns = ` xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"`
	for _, c := range []struct {
		name   string
		req    request
		status int
		want   string
	}{
		{"answers a form", request{body: "Action=CreateTargetGroup&Version=2015-12-01&Name=a%3Cb"}, 200,
			`<CreateTargetGroupResponse` + ns + `><CreateTargetGroupResult><TargetGroups><member><TargetGroupName>a&lt;b</TargetGroupName></member></TargetGroups></CreateTargetGroupResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></CreateTargetGroupResponse>`},
		{"answers a query string", request{method: "GET", path: "/?Action=CreateTargetGroup&Version=2015-12-01&Name=n"}, 200, `<CreateTargetGroupResponse...`},
		{"answers the presigned", request{method: "GET", auth: "none", path: "/?Action=CreateTargetGroup&Version=2015-12-01&Name=n" +
			"&X-Amz-Credential=a/20261124/r/elasticloadbalancing/aws4_request&X-Amz-SignedHeaders=host&X-Amz-Signature=0"}, 200, `<CreateTargetGroupResponse...`},
		{"answers an empty output", request{body: "Action=DeleteListener&Version=2015-12-01&ListenerArn=a"}, 200,
			`<DeleteListenerResponse` + ns + `><DeleteListenerResult></DeleteListenerResult><ResponseMetadata>...`},
		{"finds the service by the signature", request{auth: strings.Replace(someSignature, "/ecs/", "/elasticloadbalancing/", 1),
			body: "Action=CreateTargetGroup&Name=n"}, 200, `<CreateTargetGroupResponse...`},
		{"wants required members", request{body: "Action=CreateTargetGroup&Version=2015-12-01"}, 400,
			`<ErrorResponse` + ns + `><Error><Type>Sender</Type><Code>ValidationError</Code><Message>1 validation error detected: Value null at &#39;name&#39; failed to satisfy constraint: Member must not be null</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"counts violations", request{body: "Action=CreateTargetGroup&Version=2015-12-01&Protocol=X&Tags.member.1.Value=v"}, 400,
			`<ErrorResponse` + ns + `><Error><Type>Sender</Type><Code>ValidationError</Code><Message>3 validation errors detected: Value null at &#39;name&#39;...`},
		{"wants a number", request{body: "Action=CreateTargetGroup&Version=2015-12-01&Name=n&Port=eighty"}, 400,
			`<ErrorResponse` + ns + `><Error><Type>Sender</Type><Code>ValidationError</Code><Message>1 validation error detected: STRING_VALUE can not be converted to an Integer at &#39;port&#39;</Message>...`},
		{"refuses a bad list", request{body: "Action=CreateTargetGroup&Version=2015-12-01&Name=n&Tags.member.x.Key=a"}, 400, `<ErrorResponse` + ns + `><Error><Type>Sender</Type><Code>ValidationError</Code>...`},
		{"has errors of its own side", request{body: "Action=DescribeTags&Version=2015-12-01&ResourceArns.member.1=a"}, 500,
			`<ErrorResponse` + ns + `><Error><Type>Receiver</Type><Code>HealthUnavailable</Code><Message>down</Message></Error>...`},
		{"says what is not implemented", request{body: "Action=CreateRule&Version=2015-12-01"}, 400,
			`<ErrorResponse` + ns + `><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>miniecs does not implement elasticloadbalancing:CreateRule yet</Message>...`},
		{"knows no such operation", request{body: "Action=MakeCoffee&Version=2015-12-01"}, 400,
			`<ErrorResponse` + ns + `><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation MakeCoffee for version 2015-12-01</Message>...`},
		{"knows no such version", request{body: "Action=CreateTargetGroup&Version=1999-01-01"}, 400,
			`<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation CreateTargetGroup for version 1999-01-01</Message>...`},
		{"wants an action", request{body: "Version=2015-12-01"}, 400, `<ErrorResponse` + ns + `><Error><Type>Sender</Type><Code>MissingAction</Code>...`},
		{"refuses a broken form", request{body: "Action=%zz"}, 404, `<ErrorResponse><Error><Type>Sender</Type><Code>MalformedQueryString</Code>...`},
		{"reads only forms", request{contentType: "text/plain", body: "Action=CreateTargetGroup&Version=2015-12-01&Name=n"}, 400, `<ErrorResponse><Error><Type>Sender</Type><Code>MissingAction</Code>...`},
		{"refuses the unsigned", request{auth: "none", body: "Action=CreateTargetGroup&Version=2015-12-01&Name=n"}, 403,
			`<ErrorResponse` + ns + `><Error><Type>Sender</Type><Code>MissingAuthenticationToken</Code>...`},
		{"refuses the method", request{method: "DELETE"}, 405, `<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code>...`},
		{"refuses a huge body", request{body: "Action=" + strings.Repeat("x", DefaultMaxBody)}, 413, `<ErrorResponse><Error><Type>Sender</Type><Code>RequestEntityTooLarge</Code>...`},
		{"speaks EC2", request{body: "Action=DescribeVpcs&Version=2016-11-15&VpcId.1=vpc-1&VpcId.3=vpc-3&Filter.1.Name=isDefault&Filter.1.Value.1=true&Filter.1.Value.2=x"}, 200,
			xml.Header + `<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>ID</requestId><vpcSet><item><vpcId>vpc-1</vpcId></item><item><vpcId>vpc-3</vpcId></item><item><vpcId>isDefault=true|x</vpcId></item></vpcSet></DescribeVpcsResponse>`},
		{"has EC2's errors", request{body: "Action=RunInstances&Version=2016-11-15"}, 400,
			xml.Header + `<Response><Errors><Error><Code>InvalidAction</Code><Message>The action RunInstances is not valid for this web service, or miniecs does not implement it.</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := c.req.send(testServer(Options{}))
			body, _ := io.ReadAll(resp.Body)
			id := resp.Header.Get("X-Amzn-RequestId")
			if !bytes.Contains(body, []byte(id)) || len(id) != 36 {
				t.Errorf("the body has not the request id %q", id)
			}
			expect(t, resp, strings.ReplaceAll(string(body), id, "ID"), c.status, c.want)
			if err := xml.Unmarshal(body, new(struct{})); err != nil || resp.Header.Get("Content-Type") != "text/xml" {
				t.Errorf("%s: %v", resp.Header.Get("Content-Type"), err)
			}
		})
	}
}

func TestServer_LogsWithoutBodies(t *testing.T) {
	var log bytes.Buffer
	s := testServer(Options{Logger: zerolog.New(&log)})
	request{target: ecsTarget + "CreateCluster", body: `{"clusterName":"s3cret","tgas":[]}`}.send(s)
	request{target: ecsTarget + "ExecuteCommand", body: `{"command":"s3cret"}`}.send(s)
	resp := request{target: ecsTarget + "DeleteCluster", body: `{"cluster":"s3cret"}`}.send(s)
	text := log.String()
	for _, want := range []string{
		`"op":"ecs:CreateCluster"`, `"members":["tgas"]`, `"level":"warn","op":"ecs:ExecuteCommand"`,
		`panic: secret in a panic\ngoroutine`, resp.Header.Get("X-Amzn-RequestId"),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log has no %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "s3cret") {
		t.Errorf("the log has a value of a request:\n%s", text)
	}
}

func TestServer_TellsTheHandlerWhoAsks(t *testing.T) {
	var got Request
	s := New([]Service{ecsService(map[string]Op{
		"ListClusters": Handle(func(ctx context.Context, _ *ecs.ListClustersInput) (*ecs.ListClustersOutput, error) {
			got = RequestFrom(ctx)
			return &ecs.ListClustersOutput{ClusterArns: []string{}}, nil
		}),
	})}, Options{})
	resp := request{target: ecsTarget + "ListClusters", contentType: "application/x-amz-json-1.0"}.send(s)
	if got.ID != resp.Header.Get("X-Amzn-RequestId") || got.Service != "ecs" || got.Operation != "ListClusters" ||
		got.Signature.AccessKeyID != "AKIDEXAMPLE" || got.Signature.Region != "eu-central-1" || got.Signature.Service != "ecs" {
		t.Errorf("got %+v", got)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/x-amz-json-1.0" {
		t.Errorf("JSON 1.0 was answered with %s", ct)
	}
	if (RequestFrom(context.Background()).ID) != "" {
		t.Error("a request out of nothing")
	}
}

func TestNew_RefusesAServiceTwice(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New([]Service{ecsService(nil), ecsService(nil)}, Options{})
}
