package wire

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	h := Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "through") }),
		[]string{"miniecs.internal", "10.0.0.5"})
	for _, c := range []struct {
		name, method, host, origin, site string
		through                          bool
	}{
		{"localhost", "POST", "localhost:4566", "", "", true},
		{"no port", "POST", "localhost", "", "", true},
		{"upper case and a dot", "POST", "LocalHost.:4566", "", "", true},
		{"IPv4", "POST", "127.0.0.1:4566", "", "", true},
		{"other loopback", "POST", "127.8.8.8:4566", "", "", true},
		{"IPv6", "POST", "[::1]:4566", "", "", true},
		{"IPv6 without port", "POST", "[::1]", "", "", true},
		{"a name under localhost", "POST", "ecs.eu-central-1.localhost:4566", "", "", true},
		{"an allowed name", "POST", "miniecs.internal:4566", "", "", true},
		{"an allowed address", "POST", "10.0.0.5:4566", "", "", true},
		{"a rebound name", "POST", "evil.example:4566", "", "", false},
		{"a name that ends alike", "POST", "evillocalhost:4566", "", "", false},
		{"a name that begins alike", "POST", "localhost.evil.example", "", "", false},
		{"an address of the network", "POST", "192.168.1.7:4566", "", "", false},
		{"any address", "POST", "0.0.0.0:4566", "", "", false},
		{"no host", "POST", "", "", "", false},
		{"the console", "POST", "localhost:4566", "http://localhost:4566", "same-origin", true},
		{"the address bar", "GET", "localhost:4566", "", "none", true},
		{"a page elsewhere", "POST", "localhost:4566", "https://evil.example", "cross-site", false},
		{"an image of a page elsewhere", "GET", "localhost:4566", "", "cross-site", false},
		{"a page on another port", "POST", "localhost:4566", "http://localhost:8080", "same-site", false},
		{"an old browser, same origin", "POST", "localhost:4566", "http://localhost:4566", "", true},
		{"an old browser, other origin", "POST", "localhost:4566", "http://localhost:8080", "", false},
		{"a sandboxed page", "POST", "localhost:4566", "null", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, "/_miniecs/version", nil)
			r.Host = c.host
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			if c.site != "" {
				r.Header.Set("Sec-Fetch-Site", c.site)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			want, through := http.StatusForbidden, strings.Contains(w.Body.String(), "through")
			if c.through {
				want = http.StatusOK
			}
			if w.Code != want || through != c.through {
				t.Errorf("got %d %s, want through=%t", w.Code, w.Body, c.through)
			}
		})
	}
}

func TestGuard_RefusesInTheProtocolOfTheRequest(t *testing.T) {
	h := Guard(http.NotFoundHandler(), nil)
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Host = "host.docker.internal:4566"
	r.Header.Set("X-Amz-Target", ecsTarget+"ListClusters")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	want := `{"__type":"AccessDeniedException","message":"The host name host.docker.internal is not one of this server: use localhost, or start miniecs with --allow-host host.docker.internal."}`
	if w.Code != 403 || w.Body.String() != want {
		t.Errorf("got  %d %s\nwant 403 %s", w.Code, w.Body, want)
	}
}
