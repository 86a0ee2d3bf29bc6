package proxy

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"miniecs/internal/ids"
)

// maxAddresses bounds X-Forwarded-For (alb.md 3.8).
const maxAddresses = 30

// addresses counts those in a request's X-Forwarded-For.
func addresses(h http.Header) int {
	n := 0
	for _, v := range h["X-Forwarded-For"] {
		n += strings.Count(v, ",") + 1
	}
	return n
}

// rewriteHeaders makes the headers that the target sees of those the client sent (alb.md 3.5). out has the client's,
// without the hop-by-hop ones and those that httputil.ReverseProxy takes away.
func (rt *route) rewriteHeaders(in, out *http.Request, now time.Time) {
	for _, k := range []string{"Forwarded", "X-Forwarded-Host"} {
		if v, ok := in.Header[k]; ok {
			out.Header[k] = v // ELB does not know these: they pass
		}
	}
	out.Header.Del("Expect") // answered by us
	out.Header.Del("Te")
	if rt.dropInvalid {
		for k := range out.Header {
			if !plainName(k) {
				delete(out.Header, k)
			}
		}
	}
	if v := rt.xForwardedFor(in); v != "" {
		out.Header["X-Forwarded-For"] = []string{v}
	} else {
		delete(out.Header, "X-Forwarded-For")
	}
	out.Header["X-Forwarded-Proto"] = []string{"http"}
	out.Header["X-Forwarded-Port"] = []string{rt.portText}
	out.Header["X-Amzn-Trace-Id"] = []string{traceID(strings.Join(in.Header["X-Amzn-Trace-Id"], ";"), now)}
	out.Host = rt.host(in.Host)
}

func (rt *route) xForwardedFor(in *http.Request) string {
	before := strings.Join(in.Header["X-Forwarded-For"], ", ")
	switch rt.forwardedFor {
	case "remove":
		return ""
	case "preserve":
		return before
	}
	client := in.RemoteAddr
	if !rt.clientPort {
		if host, _, err := net.SplitHostPort(client); err == nil {
			client = host
		}
	}
	if before == "" {
		return client
	}
	return before + ", " + client
}

// host is the Host that the target sees: in lower case, without a port on ports 80 and 443, with one on all others.
func (rt *route) host(host string) string {
	if host == "" {
		host = rt.dnsName // HTTP/1.0
	}
	if rt.preserveHost {
		return host
	}
	host = lower(host)
	name, _, err := net.SplitHostPort(host)
	usual := rt.port == 80 || rt.port == 443
	switch {
	case err == nil && usual && strings.Contains(name, ":"):
		return "[" + name + "]"
	case err == nil && usual:
		return name
	case err != nil && !usual:
		return host + ":" + rt.portText
	}
	return host
}

func lower(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r >= 'A' && r <= 'Z' }) < 0 {
		return s
	}
	return strings.ToLower(s)
}

// plainName says whether a header's name is one that drop_invalid_header_fields lets through: [-A-Za-z0-9]+.
func plainName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// traceID is the X-Amzn-Trace-Id for the target: a new Root, or a new Self before what came (alb.md 3.6).
func traceID(incoming string, now time.Time) string {
	fresh := fmt.Sprintf("1-%08x-%s", uint32(now.Unix()), ids.Hex(12))
	if incoming == "" {
		return "Root=" + fresh
	}
	var kept []string
	root := false
	for field := range strings.SplitSeq(incoming, ";") {
		field = strings.TrimSpace(field)
		name, _, _ := strings.Cut(field, "=")
		if field == "" || strings.EqualFold(name, "Self") {
			continue
		}
		root = root || strings.EqualFold(name, "Root")
		kept = append(kept, field)
	}
	lead := "Self="
	if !root {
		lead = "Root="
	}
	return strings.Join(append([]string{lead + fresh}, kept...), ";")
}
