package wire

import (
	"io"
	"strings"
	"testing"
	"time"
)

// TestServer_HostileBodies sends messages of a megabyte that are shaped to cost as much as they can:
// each is answered with a short error or without harm; a hang is the test binary's time limit.
func TestServer_HostileBodies(t *testing.T) {
	s := testServer(Options{})
	repeat := func(unit string) string { return strings.Repeat(unit, (1<<20)/len(unit)) }
	for _, c := range []struct {
		name string
		req  request
	}{
		{"numbers", request{target: ecsTarget + "CreateCluster", body: `{"x":[` + repeat("0,") + `0]}`}},
		{"one long number", request{target: ecsTarget + "CreateService", body: `{"serviceName":"a","desiredCount":` + repeat("9") + `}`}},
		{"an exponent", request{target: ecsTarget + "CreateService", body: `{"serviceName":"a","desiredCount":1e` + repeat("9") + `}`}},
		{"empty structures", request{target: ecsTarget + "CreateCluster", body: `{"tags":[` + repeat("{},") + `{}]}`}},
		{"objects in objects", request{target: ecsTarget + "CreateCluster", body: repeat(`{"a":`)}},
		{"unknown members", request{target: ecsTarget + "CreateCluster", body: `{` + repeat(`"é":1,`) + `"a":1}`}},
		{"a long enum", request{target: ecsTarget + "CreateService", body: `{"serviceName":"a","launchType":"` + repeat("X") + `"}`}},
		{"violations", request{target: ecsTarget + "RegisterTaskDefinition", body: `{"volumes":[` + repeat(`{"configuredAtLaunch":1},`) + `{}]}`}},
		{"dots", request{body: "Action=CreateTargetGroup&Version=2015-12-01&Name=n&" + repeat("a.") + "=x"}},
		{"parameters", request{body: "Action=CreateTargetGroup&Version=2015-12-01&Name=n&" + repeat("Tags.member.1.Key=x&")}},
		{"a long action", request{body: "Version=2015-12-01&Action=" + repeat("x")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			resp := c.req.send(s)
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode >= 500 {
				t.Errorf("got %d %.300s, %v", resp.StatusCode, body, err)
			}
			if resp.StatusCode >= 400 && len(body) > 4096 {
				t.Errorf("the error has %d bytes", len(body))
			}
			t.Logf("%d in %v: %.200s", resp.StatusCode, time.Since(began).Round(time.Millisecond), body)
		})
	}
}
