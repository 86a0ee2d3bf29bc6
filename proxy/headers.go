package proxy

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"net"
	"net/http/httputil"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// rewrite makes the target's request of the client's (alb.md 3.5).
func rewrite(pr *httputil.ProxyRequest) {
	rt := pr.In.Context().Value(forwardKey{}).(*forwarding)
	out := pr.Out
	out.URL.Scheme, out.URL.Host = "http", rt.target.String()
	out.URL.RawQuery = pr.In.URL.RawQuery // as the client wrote it: ReverseProxy takes out what it cannot parse
	out.Host = hostFor(pr.In.Host, pr.In.URL.IsAbs(), rt.route)
	if rt.route.dropBad { // alb.md 3.5
		maps.DeleteFunc(out.Header, func(name string, _ []string) bool { return !plainName.MatchString(name) })
	}
	// ReverseProxy takes the client's forwarding headers out; ELB passes those on that it does not set itself.
	for _, k := range []string{"Forwarded", "X-Forwarded-Host"} {
		if v, ok := pr.In.Header[k]; ok {
			out.Header[k] = v
		}
	}
	forwardedFor(pr, rt.route)
	out.Header.Set("X-Forwarded-Proto", "http")
	out.Header.Set("X-Forwarded-Port", strconv.Itoa(rt.route.port))
	out.Header.Set("X-Amzn-Trace-Id", traceID(pr.In.Header.Get("X-Amzn-Trace-Id"), time.Now()))
	out.Header.Del("Expect")
}

func forwardedFor(pr *httputil.ProxyRequest, rt *route) {
	before := pr.In.Header["X-Forwarded-For"]
	switch rt.xff {
	case "remove":
		pr.Out.Header.Del("X-Forwarded-For")
	case "preserve":
		if before != nil {
			pr.Out.Header["X-Forwarded-For"] = before
		}
	default:
		host, port, err := net.SplitHostPort(pr.In.RemoteAddr)
		if err != nil {
			host = pr.In.RemoteAddr
		}
		if rt.xffPort && err == nil {
			host = net.JoinHostPort(host, port)
		}
		pr.Out.Header.Set("X-Forwarded-For", strings.Join(append(before[:len(before):len(before)], host), ", "))
	}
}

// tooManyForwarders says whether X-Forwarded-For names more than 30 addresses (463).
func tooManyForwarders(values []string) bool {
	n := 0
	for _, v := range values {
		n += strings.Count(v, ",") + 1
	}
	return n > 30
}

var plainName = regexp.MustCompile(`^[-A-Za-z0-9]+$`)

// hostFor is the Host that the target sees: in lower case, with the balancer's name if the client sent none (HTTP/1.0).
// Without preserve_host_header the listener's port is put into it, or taken out of it for 80 and 443.
func hostFor(host string, absolute bool, rt *route) string {
	if host == "" {
		host = rt.dns
	}
	if rt.keepHost {
		return host
	}
	host = strings.ToLower(host) // alb.md 3.1
	if absolute {
		return host
	}
	name, _, err := net.SplitHostPort(host)
	hasPort := err == nil
	switch {
	case rt.port == 80 || rt.port == 443:
		if hasPort {
			if strings.Contains(name, ":") {
				name = "[" + name + "]"
			}
			return name
		}
	case !hasPort:
		return host + ":" + strconv.Itoa(rt.port)
	}
	return host
}

// traceID is the X-Amzn-Trace-Id for the target (alb.md 3.6).
func traceID(in string, now time.Time) string {
	var b [12]byte
	rand.Read(b[:])
	fresh := "1-" + strconv.FormatInt(now.Unix(), 16) + "-" + hex.EncodeToString(b[:])
	if in == "" {
		return "Root=" + fresh
	}
	hasRoot := false
	var rest []string
	for f := range strings.SplitSeq(in, ";") {
		f = strings.TrimSpace(f)
		switch {
		case f == "" || strings.HasPrefix(f, "Self="):
			continue
		case strings.HasPrefix(f, "Root="):
			hasRoot = true
		}
		rest = append(rest, f)
	}
	if !hasRoot {
		return strings.Join(append([]string{"Root=" + fresh}, rest...), ";")
	}
	return strings.Join(append([]string{"Self=" + fresh}, rest...), ";")
}
