package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/rs/zerolog"
)

// The credentials of this test's requests; neither signature nor payload may ever be in the log.
const (
	doorSignature = "5eC4e75eC4e75eC4e75eC4e75eC4e75eC4e75eC4e75eC4e75eC4e75eC4e75eC4e7"
	doorPassword  = "pa55word-of-the-task"
)

// door is a whole daemon on the simulated engine, and a client that speaks plain HTTP.
type door struct {
	t    *testing.T
	addr string
	log  *lockedBuffer
	vars *strings.Replacer // what the tables call <LB>, <TG>, <L>, <TASK>
	http http.Client
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newDoor(t *testing.T) *door {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := &door{t: t, log: &lockedBuffer{}, http: http.Client{Timeout: 20 * time.Second}}
	eng := Simulated()
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{Home: t.TempDir(), Listen: "127.0.0.1:0", Region: "us-east-1", Engine: eng, Log: d.log,
			LogLevel: zerolog.DebugLevel, ListenAddrs: []string{"127.0.0.1"}, TimeScale: 20, Ready: func(a string) { ready <- a }})
	}()
	select {
	case d.addr = <-ready:
	case err := <-ended:
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.http.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = eng.Close()
	})
	return d
}

// reply is an answer: of an error its type and message.
type reply struct {
	status              int
	kind, code, message string
	body                string
}

var (
	xmlCode    = regexp.MustCompile(`<Code>(.*?)</Code>`)
	xmlMessage = regexp.MustCompile(`(?s)<Message>(.*?)</Message>`)
	xmlID      = regexp.MustCompile(`<RequestId>.*?</RequestId>`)
	unescape   = strings.NewReplacer("&#39;", "'", "&lt;", "<", "&gt;", ">", "&#34;", `"`, "&amp;", "&")
)

func signed(service string) string {
	return "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/" + service +
		"/aws4_request, SignedHeaders=host, Signature=" + doorSignature
}

// send makes one request; an answer that does not come within the client's time is a failure.
func (d *door) send(method, path string, header http.Header, body string) reply {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, "http://"+d.addr+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header = header
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := d.http.Do(req)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	r := reply{status: resp.StatusCode, kind: resp.Header.Get("Content-Type"), body: string(all)}
	if resp.Header.Get("X-Amzn-RequestId") == "" {
		d.t.Errorf("%s %s: the answer has no request id", method, path)
	}
	if r.status < 400 {
		return r
	}
	if strings.Contains(r.kind, "json") {
		var e struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal(all, &e); err != nil {
			d.t.Errorf("error %q: %v", all, err)
		}
		r.code, r.message = e.Type, e.Message
	} else if m := xmlCode.FindStringSubmatch(r.body); m != nil {
		r.code = m[1]
		if m = xmlMessage.FindStringSubmatch(r.body); m != nil {
			r.message = unescape.Replace(m[1])
		}
	}
	if r.code == "" || r.message == "" {
		d.t.Errorf("an error without type or message: %d %s", r.status, r.body)
	}
	return r
}

func (d *door) ecs(op, body string) reply {
	d.t.Helper()
	return d.send("POST", "/", http.Header{"X-Amz-Target": {"AmazonEC2ContainerServiceV20141113." + op},
		"Content-Type": {"application/x-amz-json-1.1"}, "Authorization": {signed("ecs")}}, body)
}

// query sends an operation of ELB: "DescribeListeners PageSize=0&…".
func (d *door) query(call string) reply {
	d.t.Helper()
	op, params, _ := strings.Cut(call, " ")
	return d.send("POST", "/", http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"},
		"Authorization": {signed("elasticloadbalancing")}}, "Action="+op+"&Version=2015-12-01&"+params)
}

func (d *door) must(r reply) reply {
	d.t.Helper()
	if r.status != 200 {
		d.t.Fatalf("%d %s", r.status, r.body)
	}
	return r
}

// found is the first group of a pattern in an answer.
func (d *door) found(r reply, pattern string) string {
	d.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(d.must(r).body)
	if m == nil {
		d.t.Fatalf("no %s in %s", pattern, r.body)
	}
	return m[1]
}

const doorNetwork = `"networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-1"]}}`

// furnish makes one of everything: a service behind a load balancer in the cluster default, steady.
func (d *door) furnish() {
	d.t.Helper()
	d.must(d.ecs("CreateCluster", `{}`))
	d.must(d.ecs("RegisterTaskDefinition", `{"family":"web","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512",
		"containerDefinitions":[{"name":"web","image":"demo/app:1","portMappings":[{"containerPort":80}],
		"environment":[{"name":"PASSWORD","value":"`+doorPassword+`"}]}]}`))
	d.must(d.ecs("RegisterTaskDefinition", `{"family":"old","containerDefinitions":[{"name":"a","image":"b","memory":64}]}`))
	d.must(d.ecs("DeregisterTaskDefinition", `{"taskDefinition":"old:1"}`))
	lb := d.found(d.query("CreateLoadBalancer Name=lb&Subnets.member.1=subnet-1&Subnets.member.2=subnet-2"), `<LoadBalancerArn>(.*?)<`)
	tg := d.found(d.query("CreateTargetGroup Name=tg&Protocol=HTTP&Port=80&VpcId=vpc-1&TargetType=ip"), `<TargetGroupArn>(.*?)<`)
	loose := d.found(d.query("CreateTargetGroup Name=loose&Protocol=HTTP&Port=80&VpcId=vpc-1&TargetType=ip"), `<TargetGroupArn>(.*?)<`)
	l := d.found(d.query("CreateListener Protocol=HTTP&Port=18480&LoadBalancerArn="+url.QueryEscape(lb)+
		"&DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn="+url.QueryEscape(tg)), `<ListenerArn>(.*?)<`)
	d.must(d.ecs("CreateService", `{"serviceName":"web","taskDefinition":"web","desiredCount":1,"launchType":"FARGATE",`+doorNetwork+`,
		"loadBalancers":[{"targetGroupArn":"`+tg+`","containerName":"web","containerPort":80}]}`))
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if strings.Contains(d.ecs("DescribeServices", `{"services":["web"]}`).body, `"rolloutState":"COMPLETED"`) {
			break
		}
		if time.Since(began) > 20*time.Second {
			d.t.Fatalf("not steady: %s", d.ecs("DescribeServices", `{"services":["web"]}`).body)
		}
	}
	task := d.found(d.ecs("ListTasks", `{"serviceName":"web"}`), `"(arn:[^"]*)"`)
	d.vars = strings.NewReplacer("<LB>", lb, "<TG>", tg, "<LOOSE>", loose, "<L>", l, "<TASK>", task)
}

// state is all that the API tells: a refused request must not change a letter of it.
func (d *door) state() string {
	d.t.Helper()
	var b strings.Builder
	for _, call := range []string{`ListClusters {}`, `DescribeClusters {"clusters":["default"],"include":["TAGS","SETTINGS","STATISTICS","CONFIGURATIONS"]}`,
		`ListTaskDefinitions {}`, `ListTaskDefinitions {"status":"INACTIVE"}`, `ListServices {}`, `DescribeServices {"services":["web"],"include":["TAGS"]}`,
		`ListTasks {}`, `ListTasks {"desiredStatus":"STOPPED"}`, `DescribeTasks {"tasks":["<TASK>"],"include":["TAGS"]}`,
		`ListAccountSettings {"effectiveSettings":true}`, `DescribeTaskDefinition {"taskDefinition":"web","include":["TAGS"]}`} {
		op, body, _ := strings.Cut(d.vars.Replace(call), " ")
		b.WriteString(op + " " + d.must(d.ecs(op, body)).body + "\n")
	}
	for _, call := range []string{"DescribeLoadBalancers", "DescribeTargetGroups", "DescribeListeners LoadBalancerArn=<LB>", "DescribeTags ResourceArns.member.1=<TG>",
		"DescribeTargetHealth TargetGroupArn=<TG>", "DescribeTargetHealth TargetGroupArn=<LOOSE>", "DescribeTargetGroupAttributes TargetGroupArn=<TG>",
		"DescribeLoadBalancerAttributes LoadBalancerArn=<LB>"} {
		b.WriteString(call + " " + xmlID.ReplaceAllString(d.must(d.query(d.vars.Replace(call))).body, "") + "\n")
	}
	return b.String()
}

// TestDoor sends several hundred requests that are wrong in every way, each answered as AWS does; nothing has changed
// afterwards, nothing has panicked, and no secret is in the log.
func TestDoor(t *testing.T) {
	d := newDoor(t)
	d.furnish()
	before := d.state()
	requests := 0
	for _, group := range []struct {
		name string
		run  func(*door) int
	}{
		{"json that is none", (*door).brokenJSON}, {"members of another type", (*door).wrongTypes}, {"refused by ECS", (*door).refusedByECS},
		{"refused by ELB", (*door).refusedByELB}, {"refused before an operation", (*door).refusedEarly}, {"bytes that are no HTTP", (*door).noHTTP},
	} {
		t.Run(group.name, func(t *testing.T) {
			in := *d
			in.t = t
			requests += group.run(&in)
			if after := in.state(); after != before {
				t.Errorf("the state has changed:\n%s", firstDifference(before, after))
			}
		})
	}
	t.Logf("%d bad requests", requests)
	if requests < 500 {
		t.Errorf("%d requests are not several hundred", requests)
	}
	log := d.log.String()
	for _, never := range []string{doorSignature, doorPassword, "panic:", `"level":"error"`, "goroutine "} {
		if i := strings.Index(log, never); i >= 0 {
			t.Errorf("the log has %q: %.300s", never, log[max(0, i-200):])
		}
	}
}

func firstDifference(a, b string) string {
	was, is := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(was), len(is)) {
		if was[i] != is[i] {
			return "- " + was[i] + "\n+ " + is[i]
		}
	}
	return "another number of lines"
}

// ecsInputs are the inputs of the operations that miniecs has.
var ecsInputs = []any{
	ecs.CreateClusterInput{}, ecs.CreateServiceInput{}, ecs.DeleteClusterInput{}, ecs.DeleteServiceInput{}, ecs.DeleteTaskDefinitionsInput{},
	ecs.DeregisterTaskDefinitionInput{}, ecs.DescribeCapacityProvidersInput{}, ecs.DescribeClustersInput{}, ecs.DescribeContainerInstancesInput{},
	ecs.DescribeServicesInput{}, ecs.DescribeTaskDefinitionInput{}, ecs.DescribeTasksInput{}, ecs.ListAccountSettingsInput{}, ecs.ListClustersInput{},
	ecs.ListContainerInstancesInput{}, ecs.ListServicesInput{}, ecs.ListTagsForResourceInput{}, ecs.ListTaskDefinitionFamiliesInput{},
	ecs.ListTaskDefinitionsInput{}, ecs.ListTasksInput{}, ecs.PutAccountSettingInput{}, ecs.PutAccountSettingDefaultInput{},
	ecs.PutClusterCapacityProvidersInput{}, ecs.RegisterTaskDefinitionInput{}, ecs.RunTaskInput{}, ecs.StartTaskInput{}, ecs.StopTaskInput{},
	ecs.TagResourceInput{}, ecs.UntagResourceInput{}, ecs.UpdateClusterInput{}, ecs.UpdateClusterSettingsInput{}, ecs.UpdateServiceInput{},
}

func operationOf(input any) string { return strings.TrimSuffix(reflect.TypeOf(input).Name(), "Input") }

func (d *door) brokenJSON() (requests int) {
	deep := strings.Repeat(`{"a":`, 20_000)
	for _, in := range ecsInputs {
		op := operationOf(in)
		for _, body := range []string{`{`, `[]`, `"x"`, `1`, `{"a"`, `{"a":}`, `{}{}`, `{]`, "\xff\xfe", `<xml/>`, deep, strings.Repeat("[", 20_000)} {
			if r := d.ecs(op, body); r.status != 400 || r.code != "SerializationException" {
				d.t.Errorf("%s %.40q: %d %s: %s; want 400 SerializationException", op, body, r.status, r.code, r.message)
			}
			requests++
		}
	}
	return requests
}

// wrongTypes gives every member of every operation a value of another type.
func (d *door) wrongTypes() (requests int) {
	for _, in := range ecsInputs {
		op, shape := operationOf(in), reflect.TypeOf(in)
		for i := range shape.NumField() {
			f := shape.Field(i)
			if !f.IsExported() {
				continue
			}
			name := strings.ToLower(f.Name[:1]) + f.Name[1:]
			for _, wrong := range wrongFor(f.Type) {
				body := fmt.Sprintf(`{"%s":%s}`, name, wrong)
				if r := d.ecs(op, body); r.status != 400 || r.code != "SerializationException" {
					d.t.Errorf("%s %s: %d %s: %s; want 400 SerializationException", op, body, r.status, r.code, r.message)
				}
				requests++
			}
		}
	}
	return requests
}

func wrongFor(t reflect.Type) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return []string{`1`, `true`, `{}`, `["x"]`}
	case reflect.Bool:
		return []string{`1`, `"x"`, `{}`}
	case reflect.Int32, reflect.Int64:
		return []string{`"x"`, `true`, `1e99`, `[1]`}
	case reflect.Slice:
		return []string{`"x"`, `1`, `{"a":1}`}
	}
	return []string{`"x"`, `1`, `["x"]`}
}

// bad is a request and the error that AWS answers: operation and body, type, message. An empty message is any.
type bad struct{ call, code, message string }

func (d *door) check(send func(call string) reply, rows []bad) int {
	d.t.Helper()
	for _, row := range rows {
		r := send(d.vars.Replace(row.call))
		want := d.vars.Replace(row.message)
		if r.status != 400 || r.code != row.code || want != "" && r.message != want {
			d.t.Errorf("%.200s\n got %d %s: %s\nwant 400 %s: %s", row.call, r.status, r.code, r.message, row.code, want)
		}
	}
	return len(rows)
}

func (d *door) refusedByECS() int {
	send := func(call string) reply {
		op, body, _ := strings.Cut(call, " ")
		return d.ecs(op, body)
	}
	n := d.check(send, badNames) + d.check(send, badServices) + d.check(send, badTasks)
	for _, row := range badDefinitions {
		row.call = `RegisterTaskDefinition {"family":"t","containerDefinitions":[{"name":"a","image":"busybox","memory":64}]` + row.call
		n += d.check(send, []bad{row})
	}
	for _, row := range badFargate {
		row.call = `RegisterTaskDefinition {"family":"t","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512",
			"containerDefinitions":[{"name":"a","image":"busybox"` + row.call
		n += d.check(send, []bad{row})
	}
	return n
}

func (d *door) refusedByELB() int { return d.check(d.query, badELB) }

// refusedEarly are requests that no operation sees.
func (d *door) refusedEarly() (requests int) {
	json11, form := "application/x-amz-json-1.1", "application/x-www-form-urlencoded"
	list, describe := "AmazonEC2ContainerServiceV20141113.ListClusters", "Action=DescribeLoadBalancers&Version=2015-12-01"
	for _, row := range []struct {
		name, method, path string
		header             []string // name, value …
		body               string
		status             int
		code               string
	}{
		{"unsigned", "POST", "/", []string{"X-Amz-Target", list, "Content-Type", json11}, `{}`, 403, "MissingAuthenticationTokenException"},
		{"half signed", "POST", "/", []string{"X-Amz-Target", list, "Content-Type", json11, "Authorization", "AWS4-HMAC-SHA256 x"}, `{}`, 403, "IncompleteSignatureException"},
		{"basic", "POST", "/", []string{"X-Amz-Target", list, "Content-Type", json11, "Authorization", "Basic eDp5"}, `{}`, 403, "IncompleteSignatureException"},
		{"unsigned query", "POST", "/", []string{"Content-Type", form}, describe, 403, "MissingAuthenticationToken"},
		{"unsigned GET", "GET", "/?" + describe, nil, "", 403, "MissingAuthenticationToken"},
		{"nothing", "GET", "/", nil, "", 403, "MissingAuthenticationToken"},
		{"another host", "POST", "/", []string{"X-Amz-Target", list, "Host", "evil.example", "Authorization", signed("ecs")}, `{}`, 403, "AccessDeniedException"},
		{"a host like ours", "POST", "/", []string{"X-Amz-Target", list, "Host", "localhost.evil.example", "Authorization", signed("ecs")}, `{}`, 403, "AccessDeniedException"},
		{"another origin", "POST", "/", []string{"X-Amz-Target", list, "Origin", "http://evil.example", "Authorization", signed("ecs")}, `{}`, 403, "AccessDeniedException"},
		{"no origin of its own", "POST", "/", []string{"X-Amz-Target", list, "Origin", "null", "Authorization", signed("ecs")}, `{}`, 403, "AccessDeniedException"},
		{"a neighbour", "POST", "/", []string{"X-Amz-Target", list, "Origin", "http://localhost:3000", "Authorization", signed("ecs")}, `{}`, 403, "AccessDeniedException"},
		{"cross site", "POST", "/", []string{"X-Amz-Target", list, "Sec-Fetch-Site", "cross-site", "Authorization", signed("ecs")}, `{}`, 403, "AccessDeniedException"},
		{"a link on a page", "GET", "/?" + describe, []string{"Sec-Fetch-Site", "cross-site", "Authorization", signed("elasticloadbalancing")}, "", 403, "AccessDeniedException"},
		{"preflight", "OPTIONS", "/", []string{"Origin", "http://evil.example", "Access-Control-Request-Method", "POST"}, "", 403, "AccessDeniedException"},
		{"our own verbs, from a page", "POST", "/_miniecs/quit", []string{"Origin", "http://evil.example"}, `{}`, 403, "AccessDeniedException"},
		{"our own verbs, rebound", "GET", "/_miniecs/version", []string{"Host", "evil.example"}, "", 403, "AccessDeniedException"},
		{"PUT", "PUT", "/", []string{"X-Amz-Target", list, "Authorization", signed("ecs")}, `{}`, 405, "UnknownOperationException"},
		{"GET of JSON", "GET", "/", []string{"X-Amz-Target", list, "Authorization", signed("ecs")}, "", 405, "UnknownOperationException"},
		{"DELETE", "DELETE", "/?" + describe, []string{"Authorization", signed("elasticloadbalancing")}, "", 405, "InvalidAction"},
		{"a path", "POST", "/v1/things", []string{"X-Amz-Target", list, "Authorization", signed("ecs")}, `{}`, 404, "UnknownOperationException"},
		{"text", "POST", "/", []string{"X-Amz-Target", list, "Content-Type", "text/plain", "Authorization", signed("ecs")}, `{}`, 415, "UnsupportedMediaTypeException"},
		{"a form with a target", "POST", "/", []string{"X-Amz-Target", list, "Content-Type", form, "Authorization", signed("ecs")}, `{}`, 415, "UnsupportedMediaTypeException"},
		{"no target", "POST", "/", []string{"Content-Type", json11, "Authorization", signed("ecs")}, `{}`, 400, "UnknownOperationException"},
		{"no such operation", "POST", "/", []string{"X-Amz-Target", "AmazonEC2ContainerServiceV20141113.Frobnicate", "Authorization", signed("ecs")}, `{}`, 400, "UnknownOperationException"},
		{"another case", "POST", "/", []string{"X-Amz-Target", "AmazonEC2ContainerServiceV20141113.listClusters", "Authorization", signed("ecs")}, `{}`, 400, "UnknownOperationException"},
		{"another service", "POST", "/", []string{"X-Amz-Target", "DynamoDB_20120810.ListTables", "Authorization", signed("dynamodb")}, `{}`, 400, "UnknownOperationException"},
		{"not ours yet", "POST", "/", []string{"X-Amz-Target", "AmazonEC2ContainerServiceV20141113.CreateTaskSet", "Authorization", signed("ecs")}, `{}`, 400, "UnsupportedOperationException"},
		{"huge", "POST", "/", []string{"X-Amz-Target", list, "Authorization", signed("ecs")}, `{"x":"` + strings.Repeat("x", 6<<20) + `"}`, 413, "RequestEntityTooLargeException"},
		{"no action", "POST", "/", []string{"Content-Type", form, "Authorization", signed("elasticloadbalancing")}, "", 400, "MissingAction"},
		{"no such action", "POST", "/", []string{"Content-Type", form, "Authorization", signed("elasticloadbalancing")}, "Action=Frobnicate&Version=2015-12-01", 400, "InvalidAction"},
		{"another version", "POST", "/", []string{"Content-Type", form, "Authorization", signed("elasticloadbalancing")}, "Action=DescribeLoadBalancers&Version=1999-01-01", 400, "InvalidAction"},
		{"no form", "POST", "/", []string{"Content-Type", form, "Authorization", signed("elasticloadbalancing")}, describe + "&%zz", 404, "MalformedQueryString"},
		{"JSON as a form", "POST", "/", []string{"Content-Type", form, "Authorization", signed("elasticloadbalancing")}, `{"Action":"DescribeLoadBalancers"}`, 400, "MissingAction"},
	} {
		h := http.Header{}
		for i := 0; i < len(row.header); i += 2 {
			h.Set(row.header[i], row.header[i+1])
		}
		r := d.send(row.method, row.path, h, row.body)
		if r.status != row.status || r.code != row.code {
			d.t.Errorf("%s: got %d %s: %s; want %d %s", row.name, r.status, r.code, r.message, row.status, row.code)
		}
		requests++
	}
	return requests
}

// noHTTP are bytes that net/http answers, or closes upon; the daemon goes on.
func (d *door) noHTTP() (requests int) {
	for _, raw := range []string{"GARBAGE\r\n\r\n", "POST / HTTP/9.9\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
		"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: x.y\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n"} {
		conn, err := net.Dial("tcp", d.addr)
		if err != nil {
			d.t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, raw) // the server may close before it has all
		got, _ := io.ReadAll(conn)
		if !bytes.HasPrefix(got, []byte("HTTP/1.1 4")) && !bytes.HasPrefix(got, []byte("HTTP/1.1 5")) {
			d.t.Errorf("%.60q: %.80q", raw, got)
		}
		_ = conn.Close()
		requests++
	}
	return requests
}
