package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/aws/smithy-go"
	"github.com/rs/zerolog"

	"miniecs/internal/ids"
)

// DefaultMaxBody is larger than anything AWS's own limits let through.
const DefaultMaxBody = 5 << 20

// Options are what a Server needs besides its services. The zero value works.
type Options struct {
	Logger  zerolog.Logger
	MaxBody int64 // the largest request that is read, in bytes; 0 is DefaultMaxBody

	// Secret finds the secret of an access key. When it is set, signatures are verified; when not, a
	// request still has to bear one, because a web page cannot make one (design.md 8).
	Secret func(accessKeyID string) (secret string, known bool)
}

// Server answers the requests of several AWS services on one port. It is an http.Handler, safe for
// concurrent use. The caller owns the listener and its time limits, and puts Guard in front.
type Server struct {
	opts      Options
	byTarget  map[string]*Service
	byVersion map[string][]*Service
	byName    map[string]*Service
}

// New makes a Server. It panics if two services cannot be told apart: that is a mistake in the program.
func New(services []Service, opts Options) *Server {
	if opts.MaxBody == 0 {
		opts.MaxBody = DefaultMaxBody
	}
	s := &Server{
		opts: opts, byTarget: map[string]*Service{}, byVersion: map[string][]*Service{}, byName: map[string]*Service{},
	}
	for _, svc := range services {
		if s.byName[svc.Name] != nil || s.byTarget[svc.TargetPrefix] != nil {
			panic("wire: service " + svc.Name + " given twice")
		}
		s.byName[svc.Name] = &svc
		if svc.Protocol == JSON {
			s.byTarget[svc.TargetPrefix] = &svc
		} else {
			s.byVersion[svc.Version] = append(s.byVersion[svc.Version], &svc)
		}
	}
	return s
}

// ServeHTTP answers one request: find out what it is for, check who signed it, decode, check, call the
// handler, encode.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	c := &call{w: w, r: r, id: ids.UUID(), query: r.URL.Query(), protocol: guessProtocol(r)}
	out, err := protect(func() (any, error) { return s.answer(c) })
	status := http.StatusOK
	var body []byte
	if err == nil {
		if body, err = c.encode(out); err != nil {
			err = fmt.Errorf("encode the answer: %w", err)
		}
	}
	code := ""
	if err != nil {
		status, code, body = c.failure(err)
	}
	c.respond(status, code, body)
	log := s.opts.Logger.Debug()
	if status >= 500 {
		log = s.opts.Logger.Error().Err(err)
	}
	log.Str("op", c.operation()).Str("request_id", c.id).Int("status", status).Str("code", code).
		Dur("dur", time.Since(began)).Msg("request answered")
}

// call is one request on its way through the server.
type call struct {
	w        http.ResponseWriter
	r        *http.Request
	id       string
	query    url.Values
	protocol Protocol // a guess until the service is known
	body     []byte
	form     url.Values
	svc      *Service // nil until found
	name     string   // of the operation, as the client gave it
}

// operation is what logs call the request: "ecs:CreateCluster".
func (c *call) operation() string {
	name := printable(c.name)
	if c.svc == nil {
		return name
	}
	return c.svc.Name + ":" + name
}

// answer finds and calls the operation.
func (s *Server) answer(c *call) (any, error) {
	if err := s.read(c); err != nil {
		return nil, err
	}
	sig, unsigned := readSignature(c.r, c.query)
	unroutable := s.route(c, sig)
	if unsigned != nil { // the first thing that AWS tells a caller, but in the protocol of the service
		return nil, unsigned
	}
	if s.opts.Secret != nil {
		secret, known := s.opts.Secret(sig.AccessKeyID)
		if !known {
			return nil, errUnknownKey
		}
		if err := sig.verify(c.r, c.query, c.body, secret, time.Now()); err != nil {
			return nil, err
		}
	}
	if unroutable != nil {
		return nil, unroutable
	}
	op, ok := c.svc.Ops[c.name]
	if !ok {
		return nil, s.missing(c)
	}
	in := reflect.New(op.in)
	if err := s.decode(c, in.Interface()); err != nil {
		return nil, err
	}
	if vs := check(in.Interface(), op.unchecked); len(vs) > 0 {
		return nil, c.svc.invalid(vs)
	}
	log := s.opts.Logger.With().Str("op", c.operation()).Str("request_id", c.id).Logger()
	ctx := withRequest(log.WithContext(c.r.Context()), Request{ID: c.id, Service: c.svc.Name, Operation: c.name, Signature: sig})
	return op.call(ctx, in.Interface())
}

// protect turns a panic, a handler's or our own, into an error with the stack in it, which goes to the
// log only.
func protect(call func() (any, error)) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return call()
}

// read reads the body and, for Query, the parameters in it and in the URL.
func (s *Server) read(c *call) error {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, s.opts.MaxBody))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &Error{"RequestEntityTooLarge", fmt.Sprintf("The request is larger than %d bytes.", tooLarge.Limit), http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return &Error{"IncompleteBody", "The request ended before its body did.", http.StatusBadRequest}
	}
	c.body = body
	if c.protocol == JSON {
		return nil
	}
	c.form = url.Values{}
	for _, raw := range []string{c.r.URL.RawQuery, c.formBody()} {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return &Error{"MalformedQueryString", "The query string contains a syntax error.", http.StatusNotFound}
		}
		for name, v := range values {
			c.form[name] = v
		}
	}
	return nil
}

// formBody is the body if it is a form.
func (c *call) formBody() string {
	if mediaType(c.r) != "application/x-www-form-urlencoded" {
		return ""
	}
	return string(c.body)
}

// decode reads the operation's input. Members that we do not know are ignored, as AWS ignores them, but
// whoever looks for a spelling mistake finds them in the log.
func (s *Server) decode(c *call, in any) error {
	var (
		unknown []string
		err     error
	)
	if c.svc.Protocol == JSON {
		unknown, err = DecodeJSON(c.body, in)
	} else {
		unknown, err = DecodeForm(c.form, in)
	}
	if bad, ok := errors.AsType[*DecodeError](err); ok {
		return c.svc.undecodable(bad)
	}
	if len(unknown) > 0 {
		unknown = unknown[:min(len(unknown), 20)]
		for i, name := range unknown {
			unknown[i] = printable(name)
		}
		s.opts.Logger.Debug().Str("op", c.operation()).Str("request_id", c.id).Strs("members", unknown).Msg("unknown members ignored")
	}
	return err
}

// undecodable words a message that cannot be read: a type error, or no message at all.
func (s *Service) undecodable(bad *DecodeError) error {
	if s.Protocol == JSON {
		return Errorf("SerializationException", "%s", bad.Error())
	}
	return Errorf("ValidationError", "1 validation error detected: %s at '%s'", bad.Problem, constraintPath(bad.Path))
}

// invalid words what is wrong with a request's members.
func (s *Service) invalid(vs []Violation) error {
	switch {
	case s.Invalid != nil:
		return s.Invalid(vs)
	case s.Protocol == JSON:
		return Constraints("ValidationException")(vs)
	}
	return Constraints("ValidationError")(vs)
}

// encode writes the operation's output.
func (c *call) encode(out any) ([]byte, error) {
	switch c.svc.Protocol {
	case Query:
		return EncodeXML(c.name, c.svc.Namespace, c.id, out)
	case EC2:
		return encodeEC2(c.name, c.svc.Namespace, c.id, out)
	}
	return EncodeJSON(out)
}

// failure turns an error into an answer. What is no API error is ours: the caller learns the request id,
// the log has the rest.
func (c *call) failure(err error) (status int, code string, body []byte) {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		code := "InternalFailure"
		if c.svc != nil && c.svc.FaultCode != "" {
			code = c.svc.FaultCode
		}
		api = &Error{code, "The request failed because of an internal error; the log has it under request id " + c.id + ".",
			http.StatusInternalServerError}
	}
	status, code = statusOf(api), api.ErrorCode()
	if c.protocol == JSON {
		code = jsonCode(code)
	}
	namespace := ""
	if c.svc != nil {
		namespace = c.svc.Namespace
	}
	return status, code, encodeError(c.protocol, namespace, c.id, code, api)
}

// respond sends an answer.
func (c *call) respond(status int, code string, body []byte) {
	h := c.w.Header()
	h.Set("X-Amzn-RequestId", c.id)
	h.Set("Content-Type", "text/xml")
	if c.protocol == JSON {
		h.Set("Content-Type", jsonType(c.r))
		if code != "" {
			h.Set("X-Amzn-ErrorType", code)
		}
	}
	c.w.WriteHeader(status)
	_, _ = io.Copy(c.w, bytes.NewReader(body)) // a client that has gone does not matter to anybody
}
