package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"miniecs/daemon"
	"miniecs/internal/guest"
	"miniecs/runtime/engine"
	"miniecs/runtime/engine/docker"
	"miniecs/stack"
)

// timeScale makes intervals and waits pass faster, so that the bench does not take for ever.
const timeScale = 10

const image = "miniecs-bench/demo:1"

func pause(ctx context.Context, arch string) ([]byte, error) {
	p, err := guest.Binary(ctx, guest.Pause, arch)
	return p.Data, err
}

// bare is the engine without miniecs around it.
type bare struct {
	eng *docker.Docker
	seq int
	ids []engine.ContainerID
}

func newBare(ctx context.Context) (*bare, error) {
	eng, err := docker.New(ctx, docker.Config{Installation: "bench-bare", PauseBinary: pause})
	if err != nil {
		return nil, err
	}
	info, err := eng.Info(ctx)
	if err != nil {
		return nil, err
	}
	p, err := guest.Binary(ctx, guest.Demo, info.Arch)
	if err != nil {
		return nil, err
	}
	rootfs, err := p.Rootfs()
	if err != nil {
		return nil, err
	}
	_, err = eng.Import(ctx, "miniecs-bench/bare:1", rootfs, engine.ImportOptions{EntryPoint: p.EntryPoint(), Arch: info.Arch})
	return &bare{eng: eng}, err
}

// start creates and starts n containers on the bridge network, as many at once as miniecs does.
func (b *bare) start(ctx context.Context, n int) (time.Duration, error) {
	begin := time.Now()
	var g errgroup.Group
	var mu sync.Mutex
	for range n {
		b.seq++
		name := fmt.Sprintf("miniecs-bench-bare-%d", b.seq)
		g.Go(func() error {
			id, err := b.eng.Create(ctx, engine.Spec{Name: name, Image: "miniecs-bench/bare:1", Network: engine.NetworkBridge})
			if err != nil {
				return err
			}
			mu.Lock()
			b.ids = append(b.ids, id)
			mu.Unlock()
			return b.eng.Start(ctx, id)
		})
	}
	err := g.Wait()
	took := time.Since(begin)
	for _, id := range b.ids {
		err = errors.Join(err, b.eng.Remove(context.WithoutCancel(ctx), id))
	}
	b.ids = nil
	return took, err
}

func (b *bare) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.eng.RemoveAll(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "clean up:", err)
	}
	_ = b.eng.Close()
}

// bed is a daemon of its own with an installation of its own.
type bed struct {
	*stack.Client
	home  string
	stop  context.CancelFunc
	ended chan error
	eng   *docker.Docker // to look and to kill, as a stranger would
}

func newBed(ctx context.Context, spares int) (*bed, error) {
	home, err := os.MkdirTemp("", "miniecs-bench")
	if err != nil {
		return nil, err
	}
	b := &bed{home: home, ended: make(chan error, 1)}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.stop = stop
	ready := make(chan string, 1)
	go func() {
		b.ended <- daemon.Run(run, daemon.Config{Home: home, Listen: "127.0.0.1:0", Spares: spares, TimeScale: timeScale, Ready: func(a string) { ready <- a }})
	}()
	select {
	case addr := <-ready:
		b.Client = stack.NewClient("http://"+addr, "us-east-1")
	case err := <-b.ended:
		return nil, err
	}
	var v daemon.VersionInfo
	if err := b.control(ctx, http.MethodGet, "version", nil, nil, &v); err != nil {
		return nil, err
	}
	if b.eng, err = docker.New(ctx, docker.Config{Installation: v.Installation, PauseBinary: pause}); err != nil {
		return nil, err
	}
	return b, b.makeImage(ctx, v.Arch)
}

func (b *bed) control(ctx context.Context, method, path string, q url.Values, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, b.Endpoint+"/_miniecs/"+path+"?"+q.Encode(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

func (b *bed) makeImage(ctx context.Context, arch string) error {
	p, err := guest.Binary(ctx, guest.Demo, arch)
	if err != nil {
		return err
	}
	rootfs, err := p.Rootfs()
	if err != nil {
		return err
	}
	return b.control(ctx, http.MethodPut, "images", url.Values{"ref": {image}, "kind": {"import"}, "entrypoint": p.EntryPoint()}, rootfs, nil)
}

// close takes everything down again.
func (b *bed) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	err := stack.DownAll(ctx, b.Client, func(stack.Step) {})
	err = errors.Join(err, b.control(ctx, http.MethodPost, "quit", nil, nil, nil))
	b.stop()
	err = errors.Join(err, <-b.ended, b.eng.Close(), os.RemoveAll(b.home))
	if err != nil {
		fmt.Fprintln(os.Stderr, "clean up:", err)
	}
}

func (b *bed) register(ctx context.Context, version string) error {
	_, err := b.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("bench"), NetworkMode: types.NetworkModeAwsvpc, RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		Cpu: aws.String("256"), Memory: aws.String("512"),
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("web"), Image: aws.String(image),
			PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(80)}},
			Environment:  []types.KeyValuePair{{Name: aws.String("VERSION"), Value: &version}}}},
	})
	return err
}

func (b *bed) createService(ctx context.Context, n int, lbs []types.LoadBalancer) error {
	_, err := b.ECS.CreateService(ctx, &ecs.CreateServiceInput{ServiceName: aws.String("bench"), TaskDefinition: aws.String("bench"),
		DesiredCount: aws.Int32(int32(n)), LaunchType: types.LaunchTypeFargate, LoadBalancers: lbs,
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-1"}}}})
	return err
}

func (b *bed) service(ctx context.Context) (types.Service, error) {
	out, err := b.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Services: []string{"bench"}})
	if err != nil || len(out.Services) == 0 {
		return types.Service{}, errors.Join(err, errors.New("the service is not there"))
	}
	return out.Services[0], nil
}

// await asks until cond holds.
func await(ctx context.Context, cond func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		if ok, err := cond(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (b *bed) awaitRunning(ctx context.Context, n int) error {
	return await(ctx, func() (bool, error) {
		s, err := b.service(ctx)
		return err == nil && s.RunningCount == int32(n), err
	})
}

// awaitSpares waits until so many namespaces of ours run that no task uses.
func (b *bed) awaitSpares(ctx context.Context, n int) error {
	return await(ctx, func() (bool, error) {
		time.Sleep(100 * time.Millisecond)
		var v struct{ Spares int }
		err := b.control(ctx, http.MethodGet, "spares", url.Values{"want": {fmt.Sprint(n)}}, nil, &v)
		return err == nil && v.Spares >= n, err
	})
}

// killAndWait kills the service's container and gives the time until another task is RUNNING.
func (b *bed) killAndWait(ctx context.Context) (time.Duration, error) {
	list, err := b.ECS.ListTasks(ctx, &ecs.ListTasksInput{ServiceName: aws.String("bench")})
	if err != nil || len(list.TaskArns) != 1 {
		return 0, errors.Join(err, fmt.Errorf("%d tasks run", len(list.TaskArns)))
	}
	old := list.TaskArns[0]
	got, err := b.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Tasks: []string{old}})
	if err != nil {
		return 0, err
	}
	id := engine.ContainerID(*got.Tasks[0].Containers[0].RuntimeId)
	if err := b.eng.Stop(ctx, id, 0); err != nil {
		return 0, err
	}
	st, err := b.eng.Inspect(ctx, id)
	if err != nil {
		return 0, err
	}
	var started time.Time
	err = await(ctx, func() (bool, error) {
		list, err := b.ECS.ListTasks(ctx, &ecs.ListTasksInput{ServiceName: aws.String("bench")})
		if err != nil || len(list.TaskArns) != 1 || list.TaskArns[0] == old {
			return false, err
		}
		got, err := b.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Tasks: list.TaskArns})
		if err != nil || len(got.Tasks) != 1 || got.Tasks[0].StartedAt == nil {
			return false, err
		}
		started = *got.Tasks[0].StartedAt
		return true, nil
	})
	return started.Sub(st.FinishedAt), err
}
