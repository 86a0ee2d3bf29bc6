package runtime

import (
	"context"
	"sync"
	"time"
)

// fakeTargets is a load balancer that behaves: targets are initial, become healthy after auto if that is set, and
// drain for a second.
type fakeTargets struct {
	mu      sync.Mutex
	groups  map[string]map[Target]*fakeTarget
	auto    time.Duration
	drain   time.Duration
	changed chan string
}

type fakeTarget struct{ state string }

func newFakeTargets() *fakeTargets {
	return &fakeTargets{groups: map[string]map[Target]*fakeTarget{}, drain: time.Second, changed: make(chan string, 1024)}
}

func (f *fakeTargets) add(group string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.groups[group] = map[Target]*fakeTarget{}
}

func (f *fakeTargets) Register(_ context.Context, group string, t Target) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.groups[group][t] != nil {
		return nil
	}
	ft := &fakeTarget{state: "initial"}
	f.groups[group][t] = ft
	if f.auto > 0 {
		time.AfterFunc(f.auto, func() { f.set(group, t, ft, "initial", "healthy") })
	}
	return nil
}

func (f *fakeTargets) set(group string, t Target, ft *fakeTarget, from, to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.groups[group][t] != ft || ft.state != from {
		return
	}
	ft.state = to
	if to == "gone" {
		delete(f.groups[group], t)
	}
	f.changed <- group
}

func (f *fakeTargets) Deregister(_ context.Context, group string, t Target) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	ft := f.groups[group][t]
	if ft == nil || ft.state == "draining" {
		return nil
	}
	ft.state = "draining"
	time.AfterFunc(f.drain, func() { f.set(group, t, ft, "draining", "gone") })
	return nil
}

func (f *fakeTargets) Health(group string, t Target) TargetHealth {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ft := f.groups[group][t]; ft != nil {
		return TargetHealth{State: ft.state}
	}
	return TargetHealth{State: "unused"}
}

func (f *fakeTargets) Group(_ context.Context, group string) (GroupInfo, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.groups[group]
	kind := "ip"
	if group == "instance" {
		kind = group
	}
	return GroupInfo{ARN: group, TargetType: kind, HasListener: true}, ok
}

func (f *fakeTargets) Changed() <-chan string { return f.changed }

func (f *fakeTargets) setAll(state string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for g, targets := range f.groups {
		for _, t := range targets {
			t.state = state
		}
		f.changed <- g
	}
}

func (f *fakeTargets) count(state string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, targets := range f.groups {
		for _, t := range targets {
			if t.state == state {
				n++
			}
		}
	}
	return n
}
