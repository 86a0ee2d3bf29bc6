package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/charmbracelet/x/term"

	"miniecs/internal/feed"
	"miniecs/stack"
)

// progress shows what happens: on a terminal lines that stay above and a block below that is redrawn in place,
// elsewhere one plain line a change. It may be used from many goroutines.
type progress struct {
	mu     sync.Mutex
	w      io.Writer
	tty    bool
	colour bool
	block  []string          // what stands below the lines now
	said   map[string]string // the last counts of a service, off a terminal
	health map[string]string // states of targets by address, as they were told
}

func newProgress(w io.Writer) *progress {
	tty := isTerminal(w)
	return &progress{w: w, tty: tty, colour: tty && os.Getenv("NO_COLOR") == "", said: map[string]string{}, health: map[string]string{}}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// size is the terminal's, asked for at each drawing: people resize windows.
func (p *progress) size() (width, height int) {
	if f, ok := p.w.(*os.File); ok && p.tty {
		if w, h, err := term.GetSize(f.Fd()); err == nil && w > 20 && h > 6 {
			return w, h
		}
	}
	return 80, 24
}

// line writes a line that stays.
func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(text)
}

// put is line with p.mu held.
func (p *progress) put(text string) {
	p.erase()
	fmt.Fprintln(p.w, strings.TrimRight(text, " "))
	p.draw()
}

// erase takes the block off the screen; p.mu is held.
func (p *progress) erase() {
	if p.tty && len(p.block) > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA\r\x1b[J", len(p.block))
	}
}

func (p *progress) draw() {
	if !p.tty {
		return
	}
	width, _ := p.size()
	for _, l := range p.block {
		fmt.Fprintln(p.w, p.paint(clip(l, width)))
	}
}

// replace puts another block below the lines; p.mu is held.
func (p *progress) replace(block []string) {
	if slices.Equal(block, p.block) {
		return
	}
	p.erase()
	p.block = block
	p.draw()
}

// clip cuts a line to the terminal's width, so that it takes one row.
func clip(s string, width int) string {
	r := []rune(s)
	if len(r) >= width {
		return string(r[:width-1])
	}
	return s
}

// paint colours a line of the block by how the thing is doing.
func (p *progress) paint(line string) string {
	switch {
	case !p.colour:
		return line
	case strings.Contains(line, "crash loop"), strings.Contains(line, "unhealthy"):
		return "\x1b[31m" + line + "\x1b[0m"
	case strings.Contains(line, "steady"), strings.Contains(line, "RUNNING"):
		return "\x1b[32m" + line + "\x1b[0m"
	}
	return "\x1b[33m" + line + "\x1b[0m"
}

// close leaves the last state of the block standing.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.block = nil
}

// row is a line's form: the kind of thing, its name, its state.
func row(kind, name string, rest ...string) string {
	parts := append([]string{fmt.Sprintf("%-16s %s", kind, name)}, rest...)
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "  ")
}

// step shows one thing that was made or found.
func (p *progress) step(s stack.Step) { p.line(row(s.Kind, s.Name, s.Status, s.Detail)) }

// item shows one thing that happened. whole is for `events -f`, which says when, too; `up` leaves out what its block and
// other lines tell.
func (p *progress) item(it feed.Item, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if it.Kind == "target" {
		p.health[it.Subject[strings.LastIndexByte(it.Subject, ' ')+1:]] = it.Status
	}
	if whole || p.telling(it) {
		if text := describe(it); text != "" {
			if whole {
				text = it.Time.Local().Format(time.TimeOnly) + "  " + text
			}
			p.put(text)
		}
	}
}

// target notes how a target does, unless something newer was told.
func (p *progress) target(addr, state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.health[addr] == "" {
		p.health[addr] = state
	}
}

// telling says whether an item gets a line of its own in `up`.
func (p *progress) telling(it feed.Item) bool {
	switch it.Kind {
	case "task":
		if it.Status == "STOPPED" {
			return !strings.HasPrefix(it.Message, "Scaling activity")
		}
		return !p.tty && (it.Status == "PROVISIONING" || it.Status == "RUNNING")
	case "target":
		return !p.tty && (it.Status == "healthy" || it.Status == "unhealthy")
	case "event":
		return !slices.ContainsFunc([]string{" has started ", " registered ", " deregistered ", " has begun draining ", " has stopped "},
			func(s string) bool { return strings.Contains(it.Message, s) })
	case "backoff":
		return !p.tty // the block has it
	case "deployment":
		return false // the service's counts and events say it
	}
	return true
}

// describe is an item as a line; "" if it is not worth one.
func describe(it feed.Item) string {
	switch it.Kind {
	case "task":
		if it.Status != "STOPPED" {
			return row("task", shortTask(it.Task), it.Status, it.Subject)
		}
		return row("task", shortTask(it.Task), it.Status, it.Message)
	case "event":
		return row("event", it.Message)
	case "target":
		return row("target", it.Subject, it.Status, it.Message)
	case "backoff":
		return row("crash loop", it.Message, fmt.Sprintf("next try in %s (%s)", time.Until(it.Until).Round(time.Second), it.Status))
	case "pull": // the beginning and the end, not each layer
		if it.Status == "pulling" || it.Status == "pulled" || it.Status == "failed" {
			return row("pull", it.Subject, it.Status, it.Message)
		}
	case "build":
		if it.Message != "" {
			return row("build", it.Subject, it.Message)
		}
	case "warning":
		return row("warning", it.Subject, it.Message)
	case "deployment":
		return row("deployment", it.Subject, it.Status)
	}
	return ""
}

// status shows how the service stands: in the block on a terminal, as a line when its counts changed elsewhere.
func (p *progress) status(v serviceView) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := row("service", aws.ToString(v.Service.ServiceName), v.counts())
	if !p.tty {
		name := aws.ToString(v.Service.ServiceName)
		if p.said[name] != text {
			p.said[name] = text
			p.put(text)
		}
		return
	}
	block := []string{text}
	if l := v.loop(time.Now()); l != "" {
		block = append(block, row("crash loop", l))
	}
	_, height := p.size()
	room := max(3, height-len(block)-4)
	for i, t := range v.Tasks {
		if i == room {
			block = append(block, fmt.Sprintf("  … and %d tasks more", len(v.Tasks)-room))
			break
		}
		block = append(block, p.taskRow(t))
	}
	p.replace(block)
}

func (p *progress) taskRow(t types.Task) string {
	health := ""
	for addr, state := range p.health {
		if strings.HasPrefix(addr, address(t)+":") {
			health = state
		}
	}
	return row("  task", shortTask(aws.ToString(t.TaskArn)), fmt.Sprintf("%-14s", aws.ToString(t.LastStatus)), short(aws.ToString(t.TaskDefinitionArn)), address(t), health)
}
