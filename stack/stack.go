// Package stack reads stack folders and makes them true: files in, calls of AWS's API out. A folder holds AWS's own
// input shapes, in the layout that ecspresso users know (ecs-task-def.json, ecs-service-def.json), with alb.json for
// the load balancer and miniecs.json for images and secrets (design.md 2).
//
// It knows nothing of the daemon's insides and keeps no state: what it made, it finds again by the tag miniecs:stack.
// Read this file, then up.go.
package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/taskdef"
)

// Tag is borne by everything that Up makes; its value is the stack's name.
const Tag = "miniecs:stack"

// Files of a stack folder.
const (
	taskDefFile = "ecs-task-def.json"
	serviceFile = "ecs-service-def.json"
	albFile     = "alb.json"
	ownFile     = "miniecs.json"
)

// Options of Load.
type Options struct {
	TaskDef string // file of the task definition, in the folder or anywhere; empty: ecs-task-def.json
	Name    string // of the stack; empty: the folder's name, or the family of a bare definition
	Cluster string // for a service that names none; empty: default
}

// Stack is what a folder, or a bare task definition, describes.
type Stack struct {
	Name     string
	Warnings []string // what was read, but not as AWS would

	cluster  string
	def      *taskdef.TaskDefinition
	service  *ecs.CreateServiceInput // nil: the stack is a task definition only
	given    map[string]bool         // Go names of the members that the service's file has
	balancer *balancerInput          // nil: there is none
	groups   []groupInput
	listener []elb.CreateListenerInput
	images   map[string]imageInput // by the name that the definition uses
	secrets  map[string]string     // by valueFrom
}

// balancerInput is loadBalancer of alb.json: the input of CreateLoadBalancer, and its attributes.
type balancerInput struct {
	elb.CreateLoadBalancerInput
	Attributes []elbtypes.LoadBalancerAttribute
}

// groupInput is one of targetGroups of alb.json.
type groupInput struct {
	elb.CreateTargetGroupInput
	Attributes []elbtypes.TargetGroupAttribute
}

// Load reads a stack folder, or a file that is a task definition. The error holds every fault that was found, with
// file, line and column.
func Load(path string, o Options) (*Stack, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no folder or file %s", path)
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return loadBare(path, o)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	s := &Stack{Name: o.Name}
	if s.Name == "" {
		s.Name = filepath.Base(abs)
	}
	name := taskDefFile
	if o.TaskDef != "" {
		name = o.TaskDef
	}
	errs := []error{s.readTaskDef(inside(path, name)), s.readService(filepath.Join(path, serviceFile)),
		s.readALB(filepath.Join(path, albFile)), s.readOwn(path)}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s.finish(o)
	return s, s.check()
}

// NameOf is the name that Load gives the stack of a path. A folder's files are not looked at: a stack can be taken down
// while they are being edited.
func NameOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		abs, err := filepath.Abs(path)
		return filepath.Base(abs), err
	}
	s, err := Load(path, Options{})
	if err != nil {
		return "", err
	}
	return s.Name, nil
}

// inside is where a file is meant to be: in the folder, else where it is named from.
func inside(dir, name string) string {
	if in := filepath.Join(dir, name); !filepath.IsAbs(name) {
		if _, err := os.Stat(in); err == nil || filepath.Base(name) == name {
			return in
		}
	}
	return name
}

// Service is where the service is: empty names for a stack without one.
func (s *Stack) Service() (cluster, service string) {
	if s.service == nil {
		return s.cluster, ""
	}
	return s.cluster, aws.ToString(s.service.ServiceName)
}

// TargetGroups are the names of the stack's target groups.
func (s *Stack) TargetGroups() []string {
	var names []string
	for _, g := range s.groups {
		names = append(names, aws.ToString(g.Name))
	}
	return names
}

func (s *Stack) readTaskDef(file string) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: there is no such file; a stack folder has a task definition in %s, and beside it %s, %s and %s where wanted",
			file, taskDefFile, serviceFile, albFile, ownFile)
	}
	if err != nil {
		return err
	}
	var problems []error
	for _, p := range taskdef.Lint(data, taskdef.ReadOptions{}) {
		if p.Severity == taskdef.Error {
			problems = append(problems, fmt.Errorf("%s:%s", file, p))
		}
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	td, warnings, err := taskdef.Read(data, taskdef.ReadOptions{})
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, w := range warnings {
		s.Warnings = append(s.Warnings, file+":"+w.String())
	}
	s.def = td
	return nil
}

func (s *Stack) readService(file string) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.service = &ecs.CreateServiceInput{}
	d, err := decodeFile(file, data, s.service)
	s.given = d.top
	return err
}

func (s *Stack) readALB(file string) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var in struct {
		LoadBalancer *balancerInput
		TargetGroups []groupInput
		Listeners    []elb.CreateListenerInput
		Rules        rules
	}
	if _, err := decodeFile(file, data, &in); err != nil {
		return err
	}
	s.balancer, s.groups, s.listener = in.LoadBalancer, in.TargetGroups, in.Listeners
	return nil
}

// finish fills in what the files leave to us.
func (s *Stack) finish(o Options) {
	if s.balancer != nil && s.balancer.Name == nil {
		s.balancer.Name = aws.String(balancerName(s.Name))
	}
	s.cluster = "default"
	if o.Cluster != "" {
		s.cluster = o.Cluster
	}
	if s.service == nil {
		return
	}
	if c := aws.ToString(s.service.Cluster); c != "" {
		s.cluster = c[strings.LastIndexByte(c, '/')+1:]
	}
	s.service.Cluster = &s.cluster
	if s.service.ServiceName == nil {
		s.service.ServiceName = &s.Name
	}
}

// check finds what the files say about each other that cannot be.
func (s *Stack) check() error {
	var errs []error
	if s.balancer == nil && len(s.listener) > 0 {
		errs = append(errs, fmt.Errorf("%s: there are listeners, but no loadBalancer", albFile))
	}
	names := map[string]bool{}
	for i := range s.groups {
		name := aws.ToString(s.groups[i].Name)
		if name == "" {
			errs = append(errs, fmt.Errorf("%s: targetGroups[%d] has no Name", albFile, i))
		}
		if names[name] {
			errs = append(errs, fmt.Errorf("%s: two target groups are named %s", albFile, name))
		}
		names[name] = true
	}
	ports := map[int32]bool{}
	for i, l := range s.listener {
		if ports[aws.ToInt32(l.Port)] {
			errs = append(errs, fmt.Errorf("%s: two listeners have port %d", albFile, aws.ToInt32(l.Port)))
		}
		ports[aws.ToInt32(l.Port)] = true
		if l.LoadBalancerArn != nil {
			errs = append(errs, fmt.Errorf("%s: listeners[%d].LoadBalancerArn: leave it out, the file's loadBalancer is meant", albFile, i))
		}
	}
	if s.service != nil && s.service.TaskDefinition != nil {
		errs = append(errs, fmt.Errorf("%s: taskDefinition: leave it out, the folder's own is meant", serviceFile))
	}
	return errors.Join(errs...)
}

// tag is the stack's mark, for ECS.
func (s *Stack) tag() types.Tag { return types.Tag{Key: aws.String(Tag), Value: aws.String(s.Name)} }

// elbTag is the stack's mark, for Elastic Load Balancing.
func (s *Stack) elbTag() elbtypes.Tag {
	return elbtypes.Tag{Key: aws.String(Tag), Value: aws.String(s.Name)}
}
