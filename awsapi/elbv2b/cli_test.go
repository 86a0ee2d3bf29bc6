package elbv2

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"miniecs/proxy2"
)

// TestCLI drives the API with the real aws command line.
func TestCLI(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("SKIP: NO aws COMMAND LINE on this machine: its view of elbv2 is not tested")
	}
	w := newWorld(t)
	server := httptest.NewServer(w.handler)
	defer server.Close()
	target := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "hello") }))
	defer target.Close()
	run := func(args string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), cli, append([]string{"--endpoint-url", server.URL, "--output", "text", "elbv2"}, strings.Fields(args)...)...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=eu-central-1",
			"AWS_DEFAULT_REGION=eu-central-1", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_MAX_ATTEMPTS=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			return strings.TrimSpace(string(out)) + " (" + err.Error() + ")"
		}
		return strings.TrimSpace(string(out))
	}
	expect := func(args, want string) {
		t.Helper()
		if got := run(args); got != want && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("aws elbv2 %s\ngot  %s\nwant %s", args, got, want)
		}
	}
	lb := run("create-load-balancer --name web --subnets " + strings.Join(w.subnets(), " ") + " --query LoadBalancers[0].LoadBalancerArn")
	expect("wait load-balancer-available --load-balancer-arns "+lb, "")
	tg := run("create-target-group --name web --protocol HTTP --port 80 --target-type ip --vpc-id " + w.account.VPC.ID + " --query TargetGroups[0].TargetGroupArn")
	expect("create-target-group --name web --protocol HTTP --port 81 --target-type ip --vpc-id "+w.account.VPC.ID,
		"An error occurred (DuplicateTargetGroupName) when calling the CreateTargetGroup operation: A target group with the same name 'web' exists, but with different settings")
	port := freePort(t)
	expect(fmt.Sprintf("create-listener --load-balancer-arn %s --protocol HTTP --port %d --default-actions Type=forward,TargetGroupArn=%s --query Listeners[0].[Port,DefaultActions[0].Type]",
		lb, port, tg), fmt.Sprintf("%d\tforward", port))
	addr := target.Listener.Addr().(*net.TCPAddr)
	targets := fmt.Sprintf("--target-group-arn %s --targets Id=127.0.0.1,Port=%d", tg, addr.Port)
	expect("register-targets "+targets, "")
	for w.proxy.Health(tg, "127.0.0.1", addr.Port).State != proxy.StateHealthy {
		select { // the command line would sleep 15 s after asking too early
		case <-w.proxy.Changed():
		case <-t.Context().Done():
			t.Fatal("the target does not become healthy")
		}
	}
	expect("wait target-in-service "+targets, "")
	expect("describe-target-health "+targets+" --query TargetHealthDescriptions[].TargetHealth.State", "healthy")
	expect("modify-target-group-attributes --target-group-arn "+tg+" --attributes Key=deregistration_delay.timeout_seconds,Value=0 "+
		"--query Attributes[?Key=='deregistration_delay.timeout_seconds'].Value", "0")
	expect("deregister-targets "+targets, "")
	expect("wait target-deregistered "+targets, "")
	expect("delete-target-group --target-group-arn "+tg, "(ResourceInUse)")
	expect("describe-tags --resource-arns "+lb+" --query TagDescriptions[0].Tags[0].Value", fmt.Sprintf("http://localhost:%d", port))
	expect("delete-load-balancer --load-balancer-arn "+lb, "")
	expect("wait load-balancers-deleted --load-balancer-arns "+lb, "")
	expect("delete-target-group --target-group-arn "+tg, "")
}
