package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/taskdef"
)

// Statuses of steps.
const (
	Created   = "created"
	Updated   = "updated"
	Unchanged = "unchanged"
	Removed   = "removed"
)

// status is Updated if something was changed.
func status(changed bool) string {
	if changed {
		return Updated
	}
	return Unchanged
}

// Step is one thing that Up or Down found or did, for people.
type Step struct {
	Kind   string `json:"kind"` // image, task definition, load balancer, target group, listener, service, ...
	Name   string `json:"name"`
	Status string `json:"status"`           // created, updated, unchanged, removed, or what is going on
	Detail string `json:"detail,omitempty"` // the members that changed
}

// Result is what Up made.
type Result struct {
	Stack          string   `json:"stack"`
	Cluster        string   `json:"cluster"`
	Service        string   `json:"service,omitempty"` // empty: the stack has none
	TaskDefinition string   `json:"taskDefinition"`    // ARN
	URLs           []string `json:"urls,omitempty"`    // where the listeners answer
	Changed        bool     `json:"changed"`
	Moved          []string `json:"moved,omitempty"` // listeners whose port was taken: why a URL differs
}

// up is one run of Up.
type up struct {
	s       *Stack
	c       *Client
	tell    func(Step)
	def     *taskdef.TaskDefinition // with the tags of our images
	changed bool

	vpc      *vpc              // once somebody asked
	groups   map[string]string // ARNs of target groups by name
	balancer *elbtypes.LoadBalancer
	existing []elbtypes.TargetGroup
	service  *types.Service
}

// Up makes the stack true and tells each step. Again it changes nothing. It asks and refuses before it changes
// anything; what an interrupted Up has left half-made the next one finishes.
func (s *Stack) Up(ctx context.Context, c *Client, tell func(Step)) (Result, error) {
	u := &up{s: s, c: c, tell: tell, def: s.def.Clone(), groups: map[string]string{}}
	res := Result{Stack: s.Name, Cluster: s.cluster}
	if err := u.observe(ctx); err != nil {
		return res, err
	}
	arn, err := u.register(ctx)
	if err != nil {
		return res, err
	}
	res.TaskDefinition = arn
	if err := u.balance(ctx, &res); err != nil {
		return res, err
	}
	if s.service != nil {
		res.Service = aws.ToString(s.service.ServiceName)
		if err := u.serve(ctx, arn); err != nil {
			return res, err
		}
	}
	res.Changed = u.changed
	return res, nil
}

// Register makes images and registers the definition only: what a one-off task needs. It gives the revision's ARN.
func (s *Stack) Register(ctx context.Context, c *Client, tell func(Step)) (string, error) {
	u := &up{s: s, c: c, tell: tell, def: s.def.Clone()}
	return u.register(ctx)
}

func (u *up) say(kind, name, status, detail string) {
	u.changed = u.changed || status != Unchanged
	if u.tell != nil {
		u.tell(Step{Kind: kind, Name: name, Status: status, Detail: detail})
	}
}

// observe looks at what is there, and refuses what cannot be changed or is not ours.
func (u *up) observe(ctx context.Context) error {
	return firstOf(ctx, u.observeBalancer, u.observeGroups, u.observeNames, u.observeService)
}

func firstOf(ctx context.Context, steps ...func(context.Context) error) error {
	for _, f := range steps {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ImmutableError says that a file changes what AWS does not let change.
type ImmutableError struct {
	Kind, Name string
	Members    []string
}

func (e *ImmutableError) Error() string {
	return fmt.Sprintf("%s %s exists, and its %s cannot be changed: give it another name, or take the stack down first", e.Kind, e.Name, list(e.Members))
}

func list(names []string) string { return strings.Join(names, ", ") }

// strange says that something of a name that we need is not ours.
func (u *up) strange(kind, name, owner string) error {
	of := "no stack"
	if owner != "" {
		of = "stack " + owner
	}
	return fmt.Errorf("%s %s exists, but is of %s and not of %s: give it another name, or remove it", kind, name, of, u.s.Name)
}

// register makes images, hands over secrets and registers the definition unless the stack's newest revision says the
// same.
func (u *up) register(ctx context.Context) (string, error) {
	if err := u.makeImages(ctx); err != nil {
		return "", err
	}
	if err := u.putSecrets(ctx); err != nil {
		return "", err
	}
	newest, err := u.newest(ctx)
	if err != nil {
		return "", err
	}
	if newest != nil && taskdef.Equal(newest, u.def) {
		tagged, err := u.retagDefinition(ctx, newest.TaskDefinitionArn)
		if err != nil {
			return "", err
		}
		u.say("task definition", revision(newest.TaskDefinitionArn), status(tagged), "")
		return newest.TaskDefinitionArn, nil
	}
	in, err := u.registration()
	if err != nil {
		return "", err
	}
	out, err := u.c.ECS.RegisterTaskDefinition(ctx, in)
	if err != nil {
		return "", fmt.Errorf("register %s: %w", u.def.Family, u.c.Explain(err))
	}
	arn := aws.ToString(out.TaskDefinition.TaskDefinitionArn)
	u.say("task definition", revision(arn), "registered", "")
	return arn, nil
}

// registration is the definition as the SDK's input: the tags of taskdef's members are AWS's names.
func (u *up) registration() (*ecs.RegisterTaskDefinitionInput, error) {
	data, err := json.Marshal(u.def.Input())
	if err != nil {
		return nil, err
	}
	in := &ecs.RegisterTaskDefinitionInput{}
	if _, err := decodeFile(u.def.Family, data, in); err != nil {
		return nil, err
	}
	in.Tags = append(in.Tags, u.s.tag())
	return in, nil
}

// newest is the stack's newest ACTIVE revision of the family, nil if it has none. One that somebody registered by hand
// is passed over, even if it says the same: Down would leave it, and the images that it names.
func (u *up) newest(ctx context.Context) (*taskdef.TaskDefinition, error) {
	pages := ecs.NewListTaskDefinitionsPaginator(u.c.ECS, &ecs.ListTaskDefinitionsInput{FamilyPrefix: &u.def.Family, Sort: types.SortOrderDesc})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the revisions of %s: %w", u.def.Family, u.c.Explain(err))
		}
		for _, arn := range page.TaskDefinitionArns {
			td, tags, err := u.c.definition(ctx, arn)
			if err != nil {
				return nil, fmt.Errorf("describe task definition %s: %w", revision(arn), err)
			}
			if ecsTag(tags, Tag) == u.s.Name {
				return td, nil
			}
		}
	}
	return nil, nil
}

// definition describes a revision. taskdef reads the answer itself: the SDK's types do not tell an absent member from
// an empty one.
func (c *Client) definition(ctx context.Context, arn string) (*taskdef.TaskDefinition, []types.Tag, error) {
	body, err := json.Marshal(map[string]any{"taskDefinition": arn, "include": []string{"TAGS"}})
	if err != nil {
		return nil, nil, err
	}
	answer, err := c.signed(ctx, "ecs", "application/x-amz-json-1.1", "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition", string(body))
	if err != nil {
		return nil, nil, err
	}
	var out struct {
		TaskDefinition taskdef.TaskDefinition
		Tags           []types.Tag
	}
	err = json.Unmarshal(answer, &out)
	return &out.TaskDefinition, out.Tags, err
}

func (u *up) putSecrets(ctx context.Context) error {
	if len(u.s.secrets) == 0 {
		return nil
	}
	body, err := json.Marshal(map[string]any{"stack": u.s.Name, "values": u.s.secrets})
	if err != nil {
		return err
	}
	if err := u.c.control(ctx, http.MethodPut, "secrets", nil, bytes.NewReader(body), nil); err != nil {
		return fmt.Errorf("hand over the secrets: %w", err)
	}
	return nil
}

// inVPC gives the default VPC, asking once.
func (u *up) inVPC(ctx context.Context) (*vpc, error) {
	if u.vpc == nil {
		v, err := u.c.defaultVPC(ctx)
		if err != nil {
			return nil, err
		}
		u.vpc = &v
	}
	return u.vpc, nil
}
