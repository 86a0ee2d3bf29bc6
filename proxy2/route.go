package proxy

import (
	"net/http"
	"strconv"
	"time"
)

// route is what a listener does with requests: an immutable snapshot, made anew when anything in it changes. Rules will
// be further actions with conditions before the default.
type route struct {
	action action
	// What the load balancer's attributes say, read once.
	idle         time.Duration
	keepAlive    time.Duration
	port         int // where clients come in
	portText     string
	dnsName      string
	preserveHost bool
	dropInvalid  bool
	clientPort   bool
	forwardedFor string // append, preserve, remove
}

// action is what becomes of a request: group is set, or fixed.
type action struct {
	group *group
	fixed *fixedResponse
}

type fixedResponse struct {
	status      int
	contentType string
	body        string
}

// newRoute is called with mu or change held.
func (p *Proxy) newRoute(l Listener) *route {
	var attributes map[string]string
	r := &route{}
	if b := p.balancers[l.LoadBalancerARN]; b != nil {
		attributes, r.dnsName = b.Attributes, b.DNSName
	}
	get := func(key string) string { return balancerAttribute(attributes, key) }
	r.idle = p.patience(number(get("idle_timeout.timeout_seconds")))
	r.keepAlive = p.patience(number(get("client_keep_alive.seconds")))
	r.port = l.served()
	r.portText = strconv.Itoa(r.port)
	r.preserveHost = get("routing.http.preserve_host_header.enabled") == "true"
	r.dropInvalid = get("routing.http.drop_invalid_header_fields.enabled") == "true"
	r.clientPort = get("routing.http.xff_client_port.enabled") == "true"
	r.forwardedFor = get("routing.http.xff_header_processing.mode")
	for _, a := range l.DefaultActions {
		switch a.Type {
		case ActionForward:
			if a.weight() > 0 {
				r.action.group = p.groups[a.TargetGroup]
			}
		case ActionFixedResponse:
			r.action.fixed = newFixedResponse(a.FixedResponse)
		}
	}
	return r
}

func newFixedResponse(f *FixedResponse) *fixedResponse {
	out := &fixedResponse{status: number(f.StatusCode), contentType: f.ContentType, body: f.MessageBody}
	if out.contentType == "" {
		out.contentType = "text/plain"
	}
	out.contentType += "; charset=utf-8" // alb.md 2.4
	return out
}

func (f *fixedResponse) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Server", serverName)
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Length", strconv.Itoa(len(f.body)))
	w.WriteHeader(f.status)
	_, _ = w.Write([]byte(f.body)) // the client may be gone
}
