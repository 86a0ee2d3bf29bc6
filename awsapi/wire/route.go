package wire

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// guessProtocol says in which form to answer a request whose service is not known yet.
func guessProtocol(r *http.Request) Protocol {
	if r.Header.Get("X-Amz-Target") != "" || strings.Contains(mediaType(r), "json") {
		return JSON
	}
	return Query
}

func mediaType(r *http.Request) string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

// jsonType is the content type of a JSON answer: the version of the protocol that the request spoke.
func jsonType(r *http.Request) string {
	if mediaType(r) == "application/x-amz-json-1.0" {
		return "application/x-amz-json-1.0"
	}
	return "application/x-amz-json-1.1"
}

// route finds the service and the name of the operation: by X-Amz-Target, else by Action and Version,
// and where the version is shared or missing by the service that the signature is made for.
func (s *Server) route(c *call, sig Signature) error {
	if c.r.URL.Path != "/" && c.r.URL.Path != "" {
		return &Error{"UnknownOperationException", "There is no operation at this path.", http.StatusNotFound}
	}
	if c.protocol == JSON {
		return s.routeTarget(c)
	}
	if c.r.Method != http.MethodPost && c.r.Method != http.MethodGet {
		return &Error{"InvalidAction", "Requests are made with POST or GET.", http.StatusMethodNotAllowed}
	}
	c.name = c.form.Get("Action")
	version := c.form.Get("Version")
	c.svc = s.byQuery(version, sig.Service)
	if c.svc != nil {
		c.protocol = c.svc.Protocol
	}
	switch {
	case c.name == "":
		return Errorf("MissingAction", "The request is missing an action or a required parameter.")
	case c.svc == nil:
		return Errorf("InvalidAction", "Could not find operation %s for version %s", printable(c.name), printable(version))
	}
	return nil
}

// byQuery chooses among the services that speak Query.
func (s *Server) byQuery(version, signedFor string) *Service {
	named := s.byName[signedFor]
	if named != nil && named.Protocol == JSON {
		named = nil
	}
	if version == "" {
		return named
	}
	of := s.byVersion[version]
	switch {
	case named != nil && named.Version == version:
		return named
	case len(of) > 0:
		return of[0]
	}
	return nil
}

func (s *Server) routeTarget(c *call) error {
	target := c.r.Header.Get("X-Amz-Target")
	prefix, name, _ := strings.Cut(target, ".")
	c.name = name
	c.svc = s.byTarget[prefix]
	switch t := mediaType(c.r); {
	case c.r.Method != http.MethodPost:
		return &Error{"UnknownOperationException", "Requests are made with POST.", http.StatusMethodNotAllowed}
	case c.svc == nil:
		return Errorf("UnknownOperationException", "There is no service here for X-Amz-Target '%s'.", printable(target))
	case t != "" && t != "application/json" && !strings.HasPrefix(t, "application/x-amz-json-1."):
		return &Error{"UnsupportedMediaTypeException",
			fmt.Sprintf("The content type %s is not one of the protocol; send application/x-amz-json-1.1.", printable(t)),
			http.StatusUnsupportedMediaType}
	}
	return nil
}

// missing is the answer about an operation that no handler is there for. What AWS has and we have not is
// said to the user and to the operator, so that nobody looks for a mistake of their own.
func (s *Server) missing(c *call) error {
	if slices.Contains(operations[c.svc.module()], c.name) {
		s.opts.Logger.Warn().Str("op", c.operation()).Str("request_id", c.id).Msg("operation not implemented")
		code := "UnsupportedOperationException"
		if c.svc.Protocol != JSON {
			code = "InvalidAction"
		}
		return Errorf(code, "miniecs does not implement %s yet", c.operation())
	}
	c.name = printable(c.name)
	switch c.svc.Protocol {
	case JSON:
		return Errorf("UnknownOperationException", "The operation %s is not one of %s.", c.name, c.svc.Name)
	case EC2: // of its hundreds of operations we know only our own: the message serves for both cases
		return Errorf("InvalidAction", "The action %s is not valid for this web service, or miniecs does not implement it.", c.name)
	}
	return Errorf("InvalidAction", "Could not find operation %s for version %s", c.name, c.svc.Version)
}

// printable shortens what a client sent to what fits into a message.
func printable(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, s)
}
