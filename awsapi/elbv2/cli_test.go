package elbv2

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"miniecs/awsapi/wire"
	"miniecs/cloud/account"
	"miniecs/proxy"
	"miniecs/store"
)

type direct struct{}

func (direct) Dial(ctx context.Context, t proxy.Target) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", net.JoinHostPort(t.ID, strconv.Itoa(t.Port)))
}

// TestCLI drives a balancer's whole life with the real aws command line, its waiters included.
func TestCLI(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("SKIP: NO aws COMMAND LINE on this machine: its view of elbv2 is not tested")
	}
	a, err := account.New("000000000000", "eu-central-1", netip.MustParsePrefix("172.31.0.0/16"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p, err := proxy.New(ctx, proxy.Config{Store: store.NewMemory(), Dialer: direct{}, Account: a.ID, Region: a.Region, VPCID: a.VPC.ID, ListenAddrs: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	server := httptest.NewServer(wire.New([]wire.Service{Service(p, a)}, wire.Options{}))
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	t.Cleanup(func() { server.Close(); cancel(); <-done; app.Close() })

	run := func(args ...string) (string, bool) {
		cmd := exec.CommandContext(t.Context(), cli, append([]string{"--endpoint-url", server.URL, "--output", "text", "elbv2"}, args...)...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=eu-central-1",
			"AWS_DEFAULT_REGION=eu-central-1", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=")
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err == nil
	}
	aws := func(args ...string) string {
		t.Helper()
		out, ok := run(args...)
		if !ok {
			t.Fatalf("aws elbv2 %v: %s", args, out)
		}
		return out
	}
	same := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q; want %q", what, got, want)
		}
	}

	lb := aws("create-load-balancer", "--name", "web", "--subnets", a.VPC.Subnets[0].ID, a.VPC.Subnets[1].ID, "--tags", "Key=k,Value=v",
		"--query", "LoadBalancers[0].LoadBalancerArn")
	aws("wait", "load-balancer-available", "--load-balancer-arns", lb)
	tg := aws("create-target-group", "--name", "web", "--protocol", "HTTP", "--port", "80", "--vpc-id", a.VPC.ID, "--target-type", "ip",
		"--health-check-interval-seconds", "5", "--query", "TargetGroups[0].TargetGroupArn")
	aws("modify-target-group-attributes", "--target-group-arn", tg, "--attributes", "Key=deregistration_delay.timeout_seconds,Value=0")
	port := strconv.Itoa(app.Listener.Addr().(*net.TCPAddr).Port)
	target := "Id=127.0.0.1,Port=" + port
	aws("register-targets", "--target-group-arn", tg, "--targets", target)
	health := func() string {
		return aws("describe-target-health", "--target-group-arn", tg, "--targets", target, "--query", "TargetHealthDescriptions[0].TargetHealth.[State,Reason]")
	}
	same("before there is a listener", health(), "unused\tTarget.NotInUse")
	listener := aws("create-listener", "--load-balancer-arn", lb, "--protocol", "HTTP", "--port", "8080",
		"--default-actions", "Type=forward,TargetGroupArn="+tg, "--query", "Listeners[0].ListenerArn")
	n, _ := strconv.Atoi(port)
	for end := time.Now().Add(10 * time.Second); p.Health(tg, "127.0.0.1", n).State != "healthy" && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond) // the waiter's own poll is every 15 s
	}
	aws("wait", "target-in-service", "--target-group-arn", tg, "--targets", target)
	found, err := p.Listeners("", []string{listener})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://127.0.0.1:" + strconv.Itoa(found[0].BoundPort))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	same("through the balancer", string(body), "hello")
	same("both forms of the forward", aws("describe-rules", "--listener-arn", listener, "--query",
		"Rules[0].[Priority,Actions[0].TargetGroupArn,Actions[0].ForwardConfig.TargetGroups[0].TargetGroupArn]"), "default\t"+tg+"\t"+tg)
	same("tags", aws("describe-tags", "--resource-arns", lb, "--query", "TagDescriptions[0].Tags[?Key=='k'].Value"), "v")

	for _, c := range [][2]string{
		{"delete-target-group --target-group-arn " + tg, "(ResourceInUse) when calling the DeleteTargetGroup operation: Target group '" + tg + "' is currently in use by a listener or a rule"},
		{"create-listener --load-balancer-arn " + lb + " --protocol HTTP --port 8080 --default-actions Type=fixed-response,FixedResponseConfig={StatusCode=200}",
			"(DuplicateListener) when calling the CreateListener operation: A listener already exists on this port for this load balancer '" + lb + "'"},
		{"create-listener --load-balancer-arn " + lb + " --protocol HTTPS --port 443 --default-actions Type=forward,TargetGroupArn=" + tg, "(UnsupportedProtocol)"},
		{"modify-listener --listener-arn " + listener + " --default-actions Type=forward,ForwardConfig={TargetGroups=[{TargetGroupArn=" + tg +
			"}],TargetGroupStickinessConfig={Enabled=true}}", "(InvalidLoadBalancerAction)"},
		{"describe-load-balancers --names nope", "(LoadBalancerNotFound) when calling the DescribeLoadBalancers operation: Load balancers '[nope]' not found"},
	} {
		if out, ok := run(strings.Fields(c[0])...); ok || !strings.Contains(out, c[1]) {
			t.Errorf("%s: %q; want %q", c[0], out, c[1])
		}
	}

	aws("deregister-targets", "--target-group-arn", tg, "--targets", target)
	aws("wait", "target-deregistered", "--target-group-arn", tg, "--targets", target)
	same("gone", health(), "unused\tTarget.NotRegistered")
	aws("delete-load-balancer", "--load-balancer-arn", lb)
	aws("wait", "load-balancers-deleted", "--load-balancer-arns", lb)
	aws("delete-target-group", "--target-group-arn", tg)
	same("nothing left", aws("describe-target-groups", "--query", "length(TargetGroups)"), "0")
}
