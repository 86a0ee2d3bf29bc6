package runtime

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"miniecs/internal/feed"
	"miniecs/runtime/engine"
	"miniecs/runtime/engine/sim"
	"miniecs/store"
	"miniecs/taskdef"
)

// TestRuntime_SurvivesEndsAnywhere runs random lives: services come, change and go, containers die, the engine and the
// store fail, and the daemon ends at any point, mostly without a farewell. Whatever happened, what was promised holds in
// the end, and nothing is left over (style.md 7). CRASH_SEED=n runs one life with its log.
func TestRuntime_SurvivesEndsAnywhere(t *testing.T) {
	if s := os.Getenv("CRASH_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) { newLife(t, n, zerolog.New(zerolog.NewTestWriter(t))).run() })
		return
	}
	lives, until := uint64(300), time.Now().Add(20*time.Second) // a slow machine lives fewer lives
	if testing.Short() {
		lives = 40
	}
	for seed := range lives {
		if time.Now().After(until) {
			t.Logf("%d lives", seed)
			return
		}
		synctest.Test(t, func(t *testing.T) { newLife(t, seed, zerolog.Nop()).run() })
		if t.Failed() {
			t.Fatalf("run it again with CRASH_SEED=%d", seed)
		}
	}
}

// mortalStore is one daemon's way to the store: after its death nothing gets through.
type mortalStore struct {
	store.Store
	mu      sync.Mutex
	dead    bool
	failing bool
	rnd     *rand.Rand
}

func newMortalStore(st store.Store, seed uint64) *mortalStore {
	return &mortalStore{Store: st, rnd: rand.New(rand.NewPCG(seed, 1))}
}

var errStore = errors.New("input/output error")

func (m *mortalStore) Commit(ctx context.Context, changes ...store.Change) error {
	m.mu.Lock()
	before, after := time.Duration(m.rnd.IntN(3))*time.Millisecond, time.Duration(m.rnd.IntN(3))*time.Millisecond
	m.mu.Unlock()
	time.Sleep(before)
	m.mu.Lock()
	bad := m.dead || m.failing
	m.mu.Unlock()
	if bad {
		return errStore
	}
	err := m.Store.Commit(ctx, changes...)
	time.Sleep(after)
	return err
}

func (m *mortalStore) set(dead, failing bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead, m.failing = m.dead || dead, failing
}

// wish is what the API has acknowledged of a service.
type wish struct {
	exists  bool
	desired int
	def     string
	sure    bool // no call has failed half-way since
}

type life struct {
	t       *testing.T
	seed    uint64
	rnd     *rand.Rand
	log     zerolog.Logger
	eng     *sim.Sim
	durable store.Store
	door    *mortalStore
	groups  *fakeTargets
	*Runtime
	cancel context.CancelFunc
	done   chan error
	wishes map[string]*wish
}

func newLife(t *testing.T, seed uint64, log zerolog.Logger) *life {
	rnd := rand.New(rand.NewPCG(seed, 7))
	l := &life{t: t, seed: seed, rnd: rnd, log: log, durable: store.NewMemory(), groups: newFakeTargets(), wishes: map[string]*wish{}}
	l.eng = sim.New(sim.Config{Seed: seed, Jitter: 0.3, CreateLatency: 50 * time.Millisecond, StartLatency: 200 * time.Millisecond,
		StopLatency: 20 * time.Millisecond, RemoveLatency: 60 * time.Millisecond, NamespaceLatency: 300 * time.Millisecond})
	l.eng.Script("app:1", sim.Behaviour{})
	l.eng.Script("app:2", sim.Behaviour{StopAfter: 700 * time.Millisecond})
	l.eng.Script("crash:1", sim.Behaviour{ExitAfter: 400 * time.Millisecond, ExitJitter: 300 * time.Millisecond, ExitCode: 1})
	l.eng.Script("job:1", sim.Behaviour{ExitAfter: 2 * time.Second})
	l.groups.auto, l.groups.drain = time.Second, 1500*time.Millisecond
	for _, g := range []string{"ip", "instance"} {
		l.groups.add(g)
	}
	return l
}

func (l *life) start() {
	l.t.Helper()
	l.door = newMortalStore(l.durable, l.rnd.Uint64())
	ctx, cancel := context.WithCancel(l.log.WithContext(context.Background()))
	r, err := New(ctx, Config{Account: "000000000000", Region: "us-east-1", Engine: l.eng, Store: l.door, Targets: l.groups,
		Feed: feed.New(10), Spares: int(l.seed % 3)})
	if err != nil {
		l.t.Fatal(err)
	}
	l.Runtime, l.cancel, l.done = r, cancel, make(chan error, 1)
	go func() { l.done <- r.Run(ctx) }()
}

// end ends the daemon; killed, nothing of what it still wanted to say comes through.
func (l *life) end(killed bool) {
	l.log.Info().Bool("killed", killed).Msg("THE DAEMON ENDS")
	if killed {
		l.door.set(true, false)
		_ = l.eng.Close() // of its calls under way some take effect
	}
	l.cancel()
	if err := <-l.done; err != nil && !killed && !errors.Is(err, errStore) {
		l.t.Errorf("Run: %v", err)
	}
}

func (l *life) define(family, image string, bridged bool) string {
	app := taskdef.ContainerDefinition{Name: "app", Image: image, PortMappings: []taskdef.PortMapping{{ContainerPort: 80}}}
	td := &taskdef.TaskDefinition{Family: family, NetworkMode: "awsvpc", RequiresCompatibilities: []string{"FARGATE"},
		CPU: new("256"), Memory: new("512"), Volumes: []taskdef.Volume{{Name: "data"}},
		ContainerDefinitions: []taskdef.ContainerDefinition{app, {Name: "side", Image: "app:1", Essential: new(false),
			DependsOn:   []taskdef.ContainerDependency{{ContainerName: "app", Condition: "START"}},
			MountPoints: []taskdef.MountPoint{{SourceVolume: "data", ContainerPath: "/data"}}}}}
	if bridged {
		td.NetworkMode, td.RequiresCompatibilities, td.CPU, td.Memory = "bridge", nil, nil, nil
		for i := range td.ContainerDefinitions {
			td.ContainerDefinitions[i].Memory = new(16)
		}
	}
	for {
		got, err := l.RegisterTaskDefinition(l.t.Context(), td)
		if err == nil {
			return got.TaskDefinitionArn
		}
		if !errors.Is(err, errStore) {
			l.t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
}

func (l *life) run() {
	l.start()
	images := []string{"app:1", "app:2", "crash:1"}
	defs := map[string][]string{}
	for _, family := range []string{"vpc", "bridge"} {
		for _, image := range images {
			defs[family] = append(defs[family], l.define(family, image, family == "bridge"))
		}
	}
	jobs := []string{l.define("job", "job:1", false), l.define("stay", "app:1", l.rnd.IntN(2) == 0)}
	for range 25 {
		l.step(defs, jobs)
		if l.rnd.IntN(3) > 0 {
			time.Sleep(time.Duration(l.rnd.IntN(1500)) * time.Millisecond)
		}
		if l.rnd.IntN(8) == 0 {
			time.Sleep(time.Duration(l.rnd.IntN(90)) * time.Second)
		}
	}
	l.door.set(false, false)
	l.eng.Unavailable(false)
	time.Sleep(10 * time.Second)
	l.settle(defs)
	l.check("in the end")
	l.end(l.rnd.IntN(2) == 0)
	l.start()
	time.Sleep(2 * time.Minute)
	l.check("after a last restart")
	l.clear()
	l.end(false)
	_ = l.eng.Close()
}

// familyOf is the family of a service by its name: s0 and s1 are on Fargate, s2 in bridge mode.
func familyOf(name string) string {
	if name == "s2" {
		return "bridge"
	}
	return "vpc"
}

func (l *life) step(defs map[string][]string, jobs []string) {
	ctx, cancel := context.WithCancel(l.t.Context())
	defer cancel()
	if l.rnd.IntN(12) == 0 { // a client that goes away
		time.AfterFunc(time.Duration(l.rnd.IntN(4))*time.Millisecond, cancel)
	}
	name := fmt.Sprintf("s%d", l.rnd.IntN(3))
	def := defs[familyOf(name)][l.rnd.IntN(3)]
	desired := l.rnd.IntN(4)
	switch n := l.rnd.IntN(100); {
	case n < 18:
		s, err := l.create(ctx, name, def, desired) // a replay gives the service as it is by now
		l.acknowledge(name, &wish{exists: true, desired: s.DesiredCount, def: s.TaskDefinitionARN, sure: true}, err)
	case n < 28:
		_, err := l.UpdateService(ctx, ServiceUpdate{Service: name, DesiredCount: &desired})
		if w := l.wishes[name]; w != nil {
			l.acknowledge(name, &wish{exists: true, desired: desired, def: w.def, sure: w.sure}, err)
		}
	case n < 38:
		_, err := l.UpdateService(ctx, ServiceUpdate{Service: name, TaskDefinition: def, ForceNewDeployment: l.rnd.IntN(3) == 0})
		if w := l.wishes[name]; w != nil {
			l.acknowledge(name, &wish{exists: true, desired: w.desired, def: def, sure: w.sure}, err)
		}
	case n < 46:
		_, err := l.DeleteService(ctx, "", name, true)
		l.acknowledge(name, &wish{sure: true}, err)
	case n < 54:
		_, _, err := l.RunTask(ctx, l.job(jobs[l.rnd.IntN(2)]))
		l.refusal(err)
	case n < 60:
		if all := l.living(); len(all) > 0 {
			_, err := l.StopTask(ctx, "", all[l.rnd.IntN(len(all))].ID, "")
			l.refusal(err)
		}
	case n < 70:
		l.harm()
	case n < 74:
		l.eng.BreakEvents()
	case n < 77:
		l.eng.Unavailable(l.rnd.IntN(2) == 0)
		time.Sleep(time.Duration(l.rnd.IntN(8000)) * time.Millisecond)
		l.eng.Unavailable(false)
	case n < 80:
		l.door.set(false, true)
		time.Sleep(time.Duration(l.rnd.IntN(3000)) * time.Millisecond)
		l.door.set(false, l.rnd.IntN(2) == 0)
	case n < 82:
		l.eng.Restart(time.Duration(l.rnd.IntN(2000)) * time.Millisecond)
		time.Sleep(3 * time.Second)
	default:
		if l.rnd.IntN(2) == 0 { // while something is under way
			_, _ = l.create(l.t.Context(), "s0", defs["vpc"][0], 3)
			l.wishes["s0"] = &wish{}
		}
		time.Sleep(time.Duration(l.rnd.IntN(900)) * time.Millisecond)
		l.end(l.rnd.IntN(5) > 0)
		if l.rnd.IntN(2) == 0 {
			time.Sleep(time.Duration(l.rnd.IntN(20)) * time.Second)
			l.harm()
		}
		l.start()
		time.Sleep(time.Duration(l.rnd.IntN(500)) * time.Millisecond)
	}
}

func (l *life) job(def string) RunTaskInput {
	in := RunTaskInput{TaskDefinition: def, Count: 1 + l.rnd.IntN(2), LaunchType: LaunchFargate, Network: subnets}
	if td, _ := l.DescribeTaskDefinition(l.t.Context(), def); td.NetworkMode == "bridge" {
		in.LaunchType, in.Network = LaunchEC2, nil
	}
	return in
}

func (l *life) create(ctx context.Context, name, def string, desired int) (Service, error) {
	in := ServiceInput{Name: name, TaskDefinition: def, DesiredCount: &desired, LaunchType: LaunchFargate, Network: subnets}
	group := "ip"
	if familyOf(name) == "bridge" {
		in.LaunchType, in.Network, group = LaunchEC2, nil, "instance"
	}
	if name != "s1" {
		in.LoadBalancers = []ServiceLoadBalancer{{TargetGroupARN: group, ContainerName: "app", ContainerPort: 80}}
	}
	return l.CreateService(ctx, in)
}

// acknowledge keeps what the API said yes to; after a failure that is no refusal nobody knows.
func (l *life) acknowledge(name string, w *wish, err error) {
	var refusal *Error
	switch {
	case err == nil:
		l.wishes[name] = w
	case !errors.As(err, &refusal):
		l.refusal(err)
		l.wishes[name] = &wish{}
	}
}

func (l *life) refusal(err error) {
	var refusal *Error
	if err != nil && !errors.As(err, &refusal) && !errors.Is(err, errStore) && !errors.Is(err, context.Canceled) {
		l.t.Errorf("an error that is no refusal: %v", err)
	}
}

// living are the tasks that are to run.
func (l *life) living() (out []Task) {
	arns, _ := l.ListTasks(l.t.Context(), TaskFilter{})
	if len(arns) > 0 {
		out, _, _ = l.DescribeTasks(l.t.Context(), "", arns)
	}
	return out
}

// harm does something to a container behind the daemon's back.
func (l *life) harm() {
	up := l.eng.Running(nil)
	if len(up) == 0 {
		return
	}
	c := up[l.rnd.IntN(len(up))]
	switch l.rnd.IntN(4) {
	case 0:
		_ = l.eng.RemoveContainer(c.ID)
	case 1:
		if c.Namespace != "" {
			_ = l.eng.KillNamespace(c.Namespace)
		}
	default:
		_ = l.eng.KillContainer(c.ID)
	}
}

// settle repairs what is broken by intent, and gives everything time.
func (l *life) settle(defs map[string][]string) {
	ctx := l.t.Context()
	for name, w := range l.wishes {
		got, _, err := l.DescribeServices(ctx, "", []string{name})
		if err != nil {
			l.t.Fatal(err)
		}
		active := len(got) == 1 && got[0].Status == StatusActive
		if w.sure && active != w.exists {
			l.t.Errorf("service %s: acknowledged %+v, there is %+v", name, w, got)
		}
		if w.sure && active && (got[0].DesiredCount != w.desired || got[0].TaskDefinitionARN != w.def) {
			l.t.Errorf("service %s: acknowledged %+v, it is %d of %s", name, w, got[0].DesiredCount, got[0].TaskDefinitionARN)
		}
		if active {
			if _, err := l.UpdateService(ctx, ServiceUpdate{Service: name, TaskDefinition: defs[familyOf(name)][l.rnd.IntN(2)]}); err != nil {
				l.t.Error(err)
			}
		}
	}
	for range 60 {
		time.Sleep(time.Minute)
		if l.steady() == "" {
			time.Sleep(time.Minute)
			return
		}
	}
	l.t.Errorf("seed %d: not steady after an hour: %s", l.seed, l.steady())
}

// steady says which service is not as it was asked to be.
func (l *life) steady() string {
	for name := range l.wishes {
		got, _, _ := l.DescribeServices(l.t.Context(), "", []string{name})
		if len(got) == 0 || got[0].Status == StatusInactive {
			continue
		}
		s := got[0]
		if d := s.Deployments[0]; s.Status != StatusActive || !s.Steady || len(s.Deployments) != 1 || d.RolloutState != RolloutCompleted ||
			d.RunningCount != s.DesiredCount || d.PendingCount != 0 || d.DesiredCount != s.DesiredCount {
			return fmt.Sprintf("%s %s, desired %d, steady %v, %+v", name, s.Status, s.DesiredCount, s.Steady, s.Deployments)
		}
	}
	return ""
}

// check compares records, engine and target groups: each has exactly what the others say.
func (l *life) check(when string) {
	l.t.Helper()
	if s := l.steady(); s != "" {
		l.t.Errorf("%s: not steady: %s", when, s)
	}
	if v := l.eng.Violations(); len(v) > 0 {
		l.t.Errorf("%s: violations: %v", when, v)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	alive, vpcs, targets := map[string]bool{}, 0, map[Target]bool{}
	containers := map[string]bool{}
	for id, t := range l.tasks {
		if t.LastStatus == StatusStopped {
			if t.DesiredStatus != StatusStopped || t.StopCode == "" || t.StoppedReason == "" || len(t.Targets) > 0 || t.Namespace != "" {
				l.t.Errorf("%s: STOPPED task %s: %+v", when, id, t)
			}
			continue
		}
		if t.LastStatus != StatusRunning || t.DesiredStatus != StatusRunning || l.runners[id] == nil {
			l.t.Errorf("%s: task %s of %s is stuck: %s, desired %s, runner %v, %v", when, id, t.Service, t.LastStatus, t.DesiredStatus, l.runners[id] != nil, t.StoppedReason)
		}
		if s := l.services[serviceKey{t.Cluster, t.Service}]; t.Service != "" && (s == nil || s.Status != StatusActive) {
			l.t.Errorf("%s: task %s of service %s, which is gone", when, id, t.Service)
		}
		alive[id] = true
		if t.Namespace != "" {
			vpcs++
		}
		for _, c := range t.Containers {
			if c.LastStatus == StatusRunning {
				containers[c.EngineName] = true
			}
		}
		for _, tg := range t.Targets {
			targets[Target{tg.ID, tg.Port}] = true
		}
		if s := l.services[serviceKey{t.Cluster, t.Service}]; s != nil && len(s.LoadBalancers) != len(t.Targets) {
			l.t.Errorf("%s: task %s has targets %v", when, id, t.Targets)
		}
		l.checkPorts(when, t)
	}
	n := l.eng.Counts()
	if n.Namespaces-n.Spares != vpcs || n.Volumes != len(alive) {
		l.t.Errorf("%s: %d namespaces, %d of them spares, %d volumes for %d tasks, %d in awsvpc", when, n.Namespaces, n.Spares, n.Volumes, len(alive), vpcs)
	}
	for _, st := range l.eng.Running(nil) {
		if !containers[st.Name] {
			l.t.Errorf("%s: container %s of no living task, or not known to run", when, st.Name)
		}
		delete(containers, st.Name)
	}
	if len(containers) > 0 {
		l.t.Errorf("%s: not in the engine: %v", when, containers)
	}
	l.checkTargets(when, targets)
}

// checkPorts compares the host ports that the record shows with those of the engine.
func (l *life) checkPorts(when string, t *Task) {
	for _, st := range l.eng.Running(func(o engine.Owner) bool { return o.Task == t.ID }) {
		c := t.container(st.Owner.Container)
		if strings.HasSuffix(t.TaskDefinitionARN, "/bridge") || t.Namespace != "" {
			continue
		}
		if len(c.Bindings) != len(st.Ports) || len(st.Ports) == 1 && c.Bindings[0].HostPort != st.Ports[0].HostPort {
			l.t.Errorf("%s: task %s: bindings %v, the engine's %v", when, t.ID, c.Bindings, st.Ports)
		}
		for _, tg := range t.Targets {
			if len(st.Ports) == 1 && tg.Port != st.Ports[0].HostPort {
				l.t.Errorf("%s: task %s: target %v, the engine's port %v", when, t.ID, tg, st.Ports)
			}
		}
	}
}

func (l *life) checkTargets(when string, want map[Target]bool) {
	l.groups.mu.Lock()
	defer l.groups.mu.Unlock()
	n := 0
	for g, ts := range l.groups.groups {
		for tg, ft := range ts {
			n++
			if !want[tg] || ft.state != "healthy" {
				l.t.Errorf("%s: target %v in %s is %s; it is of no living task, or should be healthy", when, tg, g, ft.state)
			}
		}
	}
	if n != len(want) {
		l.t.Errorf("%s: %d targets registered, the tasks have %v", when, n, want)
	}
}

// clear takes everything down; then the engine holds spares at most.
func (l *life) clear() {
	ctx := l.t.Context()
	for name := range l.wishes {
		_, err := l.DeleteService(ctx, "", name, true)
		l.refusal(err)
	}
	for _, t := range l.living() {
		if _, err := l.StopTask(ctx, "", t.ID, ""); err != nil {
			l.t.Error(err)
		}
	}
	time.Sleep(5 * time.Minute)
	if n := l.eng.Counts(); n.Containers > 0 || n.Namespaces != n.Spares || n.Volumes > 0 || l.Busy() != "" {
		l.t.Errorf("left over: %+v; %s", n, l.Busy())
	}
}
