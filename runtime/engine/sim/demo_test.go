package sim

import (
	"fmt"
	"testing"

	"miniecs/runtime/engine"
)

func TestDemo_FollowsTheEnvironment(t *testing.T) {
	tests := []struct {
		name    string
		env     []string
		command []string
		want    string
	}{
		{"serves", nil, nil, "exit 0s/0, ports [80] any true, never healthy false"},
		{"has a port", []string{"PORT=9000"}, nil, "exit 0s/0, ports [9000] any false, never healthy false"},
		{"on the task's localhost", []string{"PORT=9000", "LISTEN_ON=127.0.0.1"}, nil, "exit 0s/0, ports [] any false, never healthy false"},
		{"crashes", []string{"CRASH_AFTER=1s"}, nil, "exit 1s/1, ports [80] any true, never healthy false"},
		{"crashes at once, with a code", []string{"CRASH_AFTER=0s", "EXIT_CODE=3"}, nil, "exit 1ns/3, ports [80] any true, never healthy false"},
		{"fails its check", []string{"FAIL_HEALTH=1"}, nil, "exit 0s/0, ports [80] any true, never healthy true"},
		{"job", []string{"RUN_FOR=2s", "EXIT_CODE=3"}, []string{"job"}, "exit 2s/3, ports [] any false, never healthy false"},
		{"init", nil, []string{"write", "/f", "x"}, "exit 20ms/0, ports [] any false, never healthy false"},
		{"sleep", nil, []string{"sleep", "5s"}, "exit 5s/0, ports [] any false, never healthy false"},
	}
	for _, tt := range tests {
		b := Demo(1, engine.Spec{Env: tt.env, Command: tt.command})
		got := fmt.Sprintf("exit %s/%d, ports %v any %t, never healthy %t", b.ExitAfter, b.ExitCode, b.Listen, b.ListenAny, b.NeverHealthy)
		if got != tt.want {
			t.Errorf("it %s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
