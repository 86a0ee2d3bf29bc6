package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/charmbracelet/x/term"

	"miniecs/stack"
)

// progress shows what happens: on a terminal lines above and a block below that is redrawn in place, elsewhere one
// plain line a change.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	tty   bool
	width int
	block []string // what stands below the lines now
	said  map[string]string
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, tty: isTerminal(w), width: 80, said: map[string]string{}}
	if f, ok := w.(*os.File); ok && p.tty {
		if width, _, err := term.GetSize(f.Fd()); err == nil && width > 20 {
			p.width = width
		}
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// line writes a line that stays.
func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(text)
}

func (p *progress) put(text string) {
	p.erase()
	fmt.Fprintln(p.w, text)
	p.draw()
}

// erase takes the block off the screen; p.mu is held.
func (p *progress) erase() {
	if p.tty && len(p.block) > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA\x1b[J", len(p.block))
	}
}

func (p *progress) draw() {
	if !p.tty {
		return
	}
	for _, l := range p.block {
		fmt.Fprintln(p.w, clip(l, p.width))
	}
}

// clip cuts a line to the terminal's width, so that it takes one row.
func clip(s string, width int) string {
	r := []rune(s)
	if len(r) >= width {
		return string(r[:width-1])
	}
	return s
}

// close leaves the last state of the block standing.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.block = nil
}

// step shows one thing that was made or found.
func (p *progress) step(s stack.Step) {
	text := fmt.Sprintf("%-16s %s  %s", s.Kind, s.Name, s.Status)
	if s.Detail != "" {
		text += "  " + s.Detail
	}
	p.line(text)
}

// item shows one thing that happened.
func (p *progress) item(it feedItem) {
	switch it.Kind {
	case "task":
		text := fmt.Sprintf("%-16s %s  %s", "task", shortTask(it.Task), it.Status)
		if it.Status == "STOPPED" && it.Message != "" {
			text += "  " + it.Message
		}
		p.line(text)
	case "event":
		p.line(fmt.Sprintf("%-16s %s", "event", it.Message))
	case "target":
		text := fmt.Sprintf("%-16s %s  %s", "target", it.Subject, it.Status)
		if it.Message != "" {
			text += "  " + it.Message
		}
		p.line(text)
	case "backoff":
		p.line(fmt.Sprintf("%-16s %s; next try in %s (%s)", "crash loop", it.Message, time.Until(it.Until).Round(time.Second), it.Status))
	case "pull":
		p.pull(it)
	case "build":
		if it.Message != "" {
			p.line(fmt.Sprintf("%-16s %s  %s", "build", it.Subject, it.Message))
		}
	case "warning":
		p.line(fmt.Sprintf("%-16s %s %s", "warning", it.Subject, it.Message))
	}
}

// pull shows the beginning and the end of a pull, not each of its layers.
func (p *progress) pull(it feedItem) {
	if it.Status != "pulling" && it.Status != "pulled" && it.Status != "failed" {
		return
	}
	text := fmt.Sprintf("%-16s %s  %s", "pull", it.Subject, it.Status)
	if it.Message != "" {
		text += "  " + it.Message
	}
	p.line(text)
}

// status shows how the service stands: in the block on a terminal, as a line when it changed elsewhere.
func (p *progress) status(v serviceView) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, d := v.Service, v.primary()
	name := aws.ToString(s.ServiceName)
	counts := fmt.Sprintf("%d desired, %d running, %d pending, %s", s.DesiredCount, s.RunningCount, s.PendingCount, d.RolloutState)
	if n := len(s.Deployments); n > 1 {
		counts += fmt.Sprintf(", %d deployments", n)
	}
	if p.tty {
		p.erase()
		p.block = []string{fmt.Sprintf("%-16s %s  %s", "service", name, counts)}
		if l := v.loop(time.Now()); l != "" {
			p.block = append(p.block, "  "+l)
		}
		p.draw()
		return
	}
	if p.said[name] == counts {
		return
	}
	p.said[name] = counts
	p.put(strings.TrimRight(fmt.Sprintf("%-16s %s  %s", "service", name, counts), " "))
}
