package daemon

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// simulated runs a daemon on the simulated engine; end ends it and gives Run's error.
func simulated(t *testing.T) (endpoint string, end func() error) {
	t.Helper()
	eng := Simulated()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{Home: t.TempDir(), Listen: "127.0.0.1:0", Engine: eng, Ready: func(a string) { ready <- a }})
	}()
	var err error
	done := false
	end = func() error {
		cancel()
		if !done {
			done, err = true, <-ended
			_ = eng.Close()
		}
		return err
	}
	t.Cleanup(func() { _ = end() })
	select {
	case a := <-ready:
		return "http://" + a, end
	case err := <-ended:
		t.Fatal(err)
	}
	return "", nil
}

func TestControl_RefusesWhatItCannotRead(t *testing.T) {
	endpoint, _ := simulated(t)
	tests := []struct {
		method, path, body string
		status             int
	}{
		{"GET", "watch?cursor=x", "", 400},
		{"GET", "watch?cursor=-1", "", 400},
		{"GET", "logs?tail=-1", "", 400},
		{"GET", "logs?since=yesterday", "", 400},
		{"GET", "logs?task=nope", "", 404},
		{"GET", "logs?service=nope", "", 404},
		{"GET", "logs?cluster=nope", "", 404},
		{"GET", "spares?want=-1", "", 400},
		{"GET", "spares?want=many", "", 400},
		{"GET", "spares?want=101", "", 400},
		{"GET", "spares", "", 200},
		{"PUT", "images?kind=import", "", 400},
		{"PUT", "images?ref=a:1&kind=bake", "", 400},
		{"DELETE", "images", "", 400},
		{"PUT", "secrets", "{", 400},
		{"PUT", "secrets", `{"values": {"a": "b"}}`, 400},
		{"DELETE", "secrets", "", 400},
		{"GET", "quit", "", 404},
		{"GET", "nothing", "", 404},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, endpoint+"/_miniecs/"+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.status || tt.status >= 400 && !strings.Contains(string(body), `"error":`) {
				t.Errorf("%d %s; want %d", resp.StatusCode, body, tt.status)
			}
		})
	}
}

func TestRun_EndsItsStreamsWhenItEnds(t *testing.T) {
	endpoint, end := simulated(t)
	resp, err := http.Get(endpoint + "/_miniecs/watch?cursor=18446744073709551615") // a cursor of nobody's: the end
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); line != "event: hello\n" {
		t.Fatalf("%q %v", line, err)
	}
	if line, err := lines.ReadString('\n'); strings.Contains(line, "18446744073709551615") {
		t.Fatalf("%q %v", line, err)
	}
	began := time.Now()
	if err := end(); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("the end took %v beside an open stream", d)
	}
	if rest, _ := io.ReadAll(lines); strings.Contains(string(rest), "missed") {
		t.Errorf("the stream ended with %q", rest)
	}
}

func TestRun_SaysWhichDoorIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	eng := Simulated()
	defer eng.Close()
	err = Run(t.Context(), Config{Home: t.TempDir(), Listen: l.Addr().String(), Engine: eng})
	if err == nil || !strings.Contains(err.Error(), "open the door at "+l.Addr().String()) {
		t.Errorf("got %v", err)
	}
}
