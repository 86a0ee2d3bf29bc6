package ecs

import (
	"math"
	"time"
)

func ptr[T any](v T) *T { return &v }

// value is what p points to, or the zero value when the member is absent.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// text is a string that is absent when empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// moment is a time that is absent when zero, to the millisecond that the wire carries.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return ptr(t.UTC().Truncate(time.Millisecond))
}

// narrow is n in the SDK's width. Numbers of ours that exceed it do not exist; were one to, the largest is nearest.
func narrow(n int) int32 { return int32(min(max(n, math.MinInt32), math.MaxInt32)) }

func narrowPtr(n *int) *int32 {
	if n == nil {
		return nil
	}
	return ptr(narrow(*n))
}

func widePtr(n *int32) *int {
	if n == nil {
		return nil
	}
	return ptr(int(*n))
}

// some is the list, or an empty one: ECS writes [] where others leave out.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
