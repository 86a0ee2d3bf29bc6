package stack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/smithy-go"
)

// ErrNoDaemon says that nobody listens at the endpoint.
var ErrNoDaemon = errors.New("no daemon answers")

// Client speaks to a daemon: AWS's API through the SDK's clients, and /_miniecs/ (what AWS has no operation for).
// It may be used from many goroutines.
type Client struct {
	Endpoint string // http://127.0.0.1:4566
	Region   string
	ECS      *ecs.Client
	ELB      *elb.Client
	HTTP     *http.Client
}

// NewClient makes a client of the daemon at endpoint. It does not connect.
func NewClient(endpoint, region string) *Client {
	return NewClientWith(endpoint, region, &http.Client{})
}

// NewClientWith is NewClient over an HTTP client of the caller's.
func NewClientWith(endpoint, region string, hc *http.Client) *Client {
	endpoint = strings.TrimSuffix(endpoint, "/")
	cfg := aws.Config{
		Region: region, BaseEndpoint: aws.String(endpoint), HTTPClient: whole{hc}, Credentials: aws.CredentialsProviderFunc(credentials),
		// The daemon is next door: what fails once fails twice, and a person waits for the answer.
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
	return &Client{Endpoint: endpoint, Region: region, ECS: ecs.NewFromConfig(cfg), ELB: elb.NewFromConfig(cfg), HTTP: hc}
}

// whole is an HTTP client for the SDK that sends a copy of the request's body. The SDK closes its body as soon as the
// response's header is there; where the answer comes at once, the transport may still be at the body's end, and takes
// that for a failure that ends the connection in the middle of a large response (smithy-go 1.28, ClientHandler.Handle).
type whole struct{ http *http.Client }

// Do sends a request.
func (w whole) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return w.http.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	sent := r.Clone(r.Context())
	sent.Body, sent.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	sent.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return w.http.Do(sent)
}

// credentials are the ones that the daemon checks signatures against when it is asked to.
func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "miniecs", SecretAccessKey: "miniecs", Source: "miniecs"}, nil
}

// Control asks the daemon for /_miniecs/path. What it refuses is an error in its words; the body is the caller's to
// close.
func (c *Client) Control(ctx context.Context, method, path string, q url.Values, body io.Reader) (*http.Response, error) {
	u := c.Endpoint + "/_miniecs/" + path
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, c.Explain(err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	var refusal struct{ Error string }
	if json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&refusal) != nil || refusal.Error == "" {
		return nil, fmt.Errorf("%s is not a daemon of miniecs: it answers %s", c.Endpoint, resp.Status)
	}
	return nil, errors.New(refusal.Error)
}

// control is Control for a JSON value, or for nothing when out is nil.
func (c *Client) control(ctx context.Context, method, path string, q url.Values, body io.Reader, out any) error {
	resp, err := c.Control(ctx, method, path, q, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// poll asks until the answer is yes. The daemon is next door: it may be asked often.
func poll(ctx context.Context, ready func() (bool, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := ready(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Explain makes an error of a call one line: AWS's type and message, or that no daemon answers.
func (c *Client) Explain(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return &Refusal{Code: api.ErrorCode(), Message: api.ErrorMessage(), err: err}
	}
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if op.Op == "dial" {
			return fmt.Errorf("%w at %s; start one with `miniecs up` or `miniecs serve`", ErrNoDaemon, c.Endpoint)
		}
		return fmt.Errorf("the daemon at %s ended the connection: %w", c.Endpoint, err)
	}
	return err
}

// Refusal is an error of AWS's, without the SDK's prefix.
type Refusal struct {
	Code, Message string
	err           error
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Unwrap gives the SDK's error.
func (r *Refusal) Unwrap() error { return r.err }

// signed sends a request that the SDK has no client for here, and gives the body of the answer.
func (c *Client) signed(ctx context.Context, service, contentType, target, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint+"/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	if target != "" {
		req.Header.Set("X-Amz-Target", target)
	}
	sum := sha256.Sum256([]byte(body))
	creds, _ := credentials(ctx)
	if err := v4.NewSigner().SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), service, c.Region, time.Now()); err != nil {
		return nil, err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, c.Explain(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		var refusal struct {
			Type    string `json:"__type"`
			Message string
		}
		if json.Unmarshal(answer, &refusal) == nil && refusal.Type != "" {
			return nil, &Refusal{Code: refusal.Type[strings.LastIndexByte(refusal.Type, '#')+1:], Message: refusal.Message}
		}
		return nil, fmt.Errorf("%s: %s: %s", service, resp.Status, bytes.TrimSpace(answer))
	}
	return answer, nil
}

// vpc is the default VPC: what tasks and load balancers are in that name no subnets.
type vpc struct {
	id      string
	subnets []string
}

// defaultVPC asks for the default VPC's subnets. EC2's dialect of Query is its own, so the answer is read here.
func (c *Client) defaultVPC(ctx context.Context) (v vpc, err error) {
	body, err := c.signed(ctx, "ec2", "application/x-www-form-urlencoded", "",
		"Action=DescribeSubnets&Version=2016-11-15&Filter.1.Name=default-for-az&Filter.1.Value.1=true")
	if err != nil {
		return v, err
	}
	var answer struct {
		Subnets []struct {
			ID  string `xml:"subnetId"`
			VPC string `xml:"vpcId"`
		} `xml:"subnetSet>item"`
	}
	if err := xml.Unmarshal(body, &answer); err != nil {
		return v, fmt.Errorf("read the subnets: %w", err)
	}
	for _, s := range answer.Subnets {
		v.id = s.VPC
		v.subnets = append(v.subnets, s.ID)
	}
	if len(v.subnets) == 0 {
		return v, errors.New("the default VPC has no subnets")
	}
	return v, nil
}

// DefaultSubnets are the subnets of the default VPC.
func DefaultSubnets(ctx context.Context, c *Client) ([]string, error) {
	v, err := c.defaultVPC(ctx)
	return v.subnets, err
}
