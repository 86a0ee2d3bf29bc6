package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"miniecs/internal/feed"
	"miniecs/stack"
)

// show plays a deployment: steps, items and looks at the service.
func show(p *progress) {
	v := views()
	p.step(stack.Step{Kind: "service", Name: "web", Status: stack.Updated, Detail: "TaskDefinition web:2"})
	for _, it := range []feed.Item{
		{Kind: "task", Task: "bbbbccccddddeeeeffff000011112222", Subject: "web:2", Status: "PROVISIONING"},
		{Kind: "task", Task: "bbbbccccddddeeeeffff000011112222", Subject: "web:2", Status: "PENDING"},
		{Kind: "pull", Subject: "nginx", Status: "pulling"},
		{Kind: "pull", Subject: "nginx", Status: "Downloading", Message: "layer"},
		{Kind: "pull", Subject: "nginx", Status: "pulled"},
		{Kind: "task", Task: "bbbbccccddddeeeeffff000011112222", Subject: "web:2", Status: "RUNNING"},
		{Kind: "target", Subject: "web 172.31.0.10:80", Status: "initial"},
		{Kind: "target", Subject: "web 172.31.0.10:80", Status: "healthy"},
		{Kind: "event", Message: "(service web) has started 1 tasks: (task bbbb)."},
		{Kind: "event", Message: "(service web) was unable to place a task."},
		{Kind: "task", Task: "bbbbccccddddeeeeffff000011112222", Subject: "web:2", Status: "STOPPED", Message: "Essential container in task exited"},
		{Kind: "task", Task: "aaaabbbbccccddddeeeeffff00001111", Subject: "web:1", Status: "STOPPED", Message: "Scaling activity initiated by (deployment ecs-svc/22)"},
		{Kind: "warning", Subject: "web:2", Message: "executionRoleArn is noted"},
		{Kind: "deployment", Subject: "ecs-svc/22", Status: "IN_PROGRESS"},
	} {
		p.item(it, false)
	}
	v[0].Attempts = nil // its line counts the seconds to the next try
	p.status(v[0])
	p.status(v[0])
	v[0].Service.RunningCount = 0
	p.status(v[0])
	p.status(v[1])
	p.line("http://localhost:8080")
	p.close()
}

func TestProgress_Lines(t *testing.T) {
	var b bytes.Buffer
	show(newProgress(&b))
	golden(t, "progress.txt", b.String())
}

// On a terminal the screen is what counts: the lines that stay, and the last block below them.
func TestProgress_Terminal(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b)
	p.tty = true
	show(p)
	golden(t, "progress-terminal.txt", screen(b.String()))
}

// screen plays what progress writes: lines, and "up n, clear to the end".
func screen(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		for strings.HasPrefix(line, "\x1b[") {
			up, rest, _ := strings.Cut(line[2:], "A\r\x1b[J")
			n := 0
			for _, c := range up {
				n = n*10 + int(c-'0')
			}
			lines, line = lines[:len(lines)-n], rest
		}
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestProgress_BlockFitsTheTerminal(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b)
	p.tty = true
	v := views()[0]
	for range 50 {
		v.Tasks = append(v.Tasks, v.Tasks[0])
	}
	v.Service.ServiceName = aws.String(strings.Repeat("w", 100))
	p.status(v)
	rows := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(rows) > 23 {
		t.Errorf("%d rows on a terminal of 24", len(rows))
	}
	for _, r := range rows {
		if len([]rune(r)) >= 80 {
			t.Errorf("a row of %d columns on a terminal of 80: %s", len([]rune(r)), r)
		}
	}
}

// What comes live says when; a value for programs is one line.
func TestItem_Live(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	it := feed.Item{Time: at, Kind: "task", Task: "bbbbccccddddeeeeffff000011112222", Subject: "web:2", Status: "RUNNING"}
	var b bytes.Buffer
	newProgress(&b).item(it, true)
	if want := "03:04:05  task             bbbbcccc  RUNNING  web:2\n"; b.String() != want {
		t.Errorf("got  %swant %s", b.String(), want)
	}
	b.Reset()
	if err := printJSONLine(&b, it); err != nil || strings.Count(b.String(), "\n") != 1 || !strings.Contains(b.String(), `"status":"RUNNING"`) {
		t.Errorf("got %v, %q", err, b.String())
	}
}

// The state of a target that was asked for does not undo what the feed told meanwhile.
func TestProgress_Health(t *testing.T) {
	p := newProgress(io.Discard)
	p.item(feed.Item{Kind: "target", Subject: "web 172.31.0.10:80", Status: "unhealthy"}, false)
	p.target("172.31.0.10:80", "healthy")
	p.target("172.31.0.11:80", "healthy")
	if p.health["172.31.0.10:80"] != "unhealthy" || p.health["172.31.0.11:80"] != "healthy" {
		t.Errorf("got %v", p.health)
	}
}

// A wait of `up -d` that Ctrl-C ends has not come to its end.
func TestUpRun_Interrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for detached, want := range map[bool]error{true: context.Canceled, false: nil} {
		u := &upRun{p: newProgress(io.Discard), detached: detached}
		if err := u.interrupted(ctx, "web"); !errors.Is(err, want) {
			t.Errorf("detached %v: got %v, want %v", detached, err, want)
		}
	}
}
