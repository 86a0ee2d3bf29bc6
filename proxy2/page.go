package proxy

import (
	"net/http"
	"strconv"
)

const serverName = "awselb/2.0"

// titles are nginx's, where they are not net/http's (alb.md 3.8).
var titles = map[int]string{
	http.StatusUnauthorized:          "Authorization Required",
	http.StatusMethodNotAllowed:      "Not Allowed",
	http.StatusRequestTimeout:        "Request Time-out",
	http.StatusRequestURITooLong:     "Request-URI Too Large",
	http.StatusServiceUnavailable:    "Service Temporarily Unavailable",
	http.StatusGatewayTimeout:        "Gateway Time-out",
	http.StatusRequestEntityTooLarge: "Request Entity Too Large",
}

// statusTooManyAddresses is ELB's own: X-Forwarded-For has more than 30 addresses. It has no page.
const statusTooManyAddresses = 463

// writePage answers as the balancer itself: status and ELB's page.
func writePage(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	for k := range h {
		if k != "Connection" {
			delete(h, k)
		}
	}
	h.Set("Server", serverName)
	body := ""
	if status != statusTooManyAddresses {
		title, ok := titles[status]
		if !ok {
			title = http.StatusText(status)
		}
		title = strconv.Itoa(status) + " " + title
		body = "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
			"</h1></center>\r\n</body>\r\n</html>\r\n"
		h.Set("Content-Type", "text/html")
	} else {
		h["Content-Type"] = nil
	}
	if h.Get("Connection") == "" && !r.Close {
		h.Set("Connection", "keep-alive")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // the client may be gone
	}
}
