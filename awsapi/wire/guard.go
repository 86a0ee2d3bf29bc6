package wire

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/rs/zerolog"

	"miniecs/internal/ids"
)

// Guard keeps web pages away from next: whoever can call it can start containers (design.md 8). The Host
// must be a loopback address, localhost, a name under .localhost or one of allowHosts, so that a name which
// an attacker points to 127.0.0.1 gets nowhere; and a request that a browser makes for a page of another
// origin is refused whatever its method. Refusals are 403, in the form of the protocol that was spoken.
func Guard(next http.Handler, allowHosts []string) http.Handler {
	allowed := map[string]bool{}
	for _, h := range allowHosts {
		allowed[hostName(h)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch host := hostName(r.Host); {
		case !allowed[host] && !loopback(host):
			refuse(w, r, "The host name "+printable(host)+" is not one of this server: use localhost, or start miniecs with --allow-host "+printable(host)+".")
		case crossOrigin(r):
			refuse(w, r, "Requests from web pages of another origin are refused.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// hostName is the name in a Host header: without port, brackets, a trailing dot, and in lower case.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func loopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// crossOrigin says whether a browser makes this request for a page that is not ours. Browsers tell it in
// Sec-Fetch-Site, and in Origin where they do not send that. http.CrossOriginProtection does the same but
// lets GET pass, and a GET with a made-up signature in its query string could delete things.
func crossOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
		origin := r.Header.Get("Origin")
		if origin == "" {
			return false
		}
		u, err := url.Parse(origin)
		return err != nil || !strings.EqualFold(u.Host, r.Host)
	}
	return true
}

func refuse(w http.ResponseWriter, r *http.Request, message string) {
	zerolog.Ctx(r.Context()).Warn().Str("host", printable(r.Host)).Str("origin", printable(r.Header.Get("Origin"))).
		Msg("request refused")
	c := &call{w: w, r: r, id: ids.UUID(), protocol: guessProtocol(r)}
	status, code, body := c.failure(&Error{"AccessDeniedException", message, http.StatusForbidden})
	c.respond(status, code, body)
}
