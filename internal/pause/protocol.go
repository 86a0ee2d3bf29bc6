// Package pause is the small program that holds a task's network namespace, and both ends of what is spoken through
// its hatch. The daemon always dials; nothing in a task ever dials the daemon (design.md 4). Read protocol.go first,
// then server.go; namespace_linux.go is what it does to the namespace.
//
// A connection to the hatch begins with one line:
//
//	miniecs1 TOKEN GENERATION VERB [ARGUMENTS]
//
// and gets one line back: OK, REFUSED, TIMEOUT, GONE or ERROR, with a text after it. The token is the namespace's
// own secret. The generation is made anew by each process: a namespace whose pause was started again is another
// one, with the old containers outside of it; "-" stands for any. The verbs:
//
//	HELLO               the answer carries a Greeting as JSON
//	TAKE                the namespace is now a task's; the second time it is an error
//	DIAL PORT MILLIS    connect to a port at the task's own address, then relay
//	WAIT                held until a program of the task asks 169.254.170.2; then OK, and its bytes
package pause

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Ports that the pause holds in a namespace, as the ECS agent holds 51678 to 51680 on its host.
const (
	HatchPort    = 51680 // on all addresses
	MetadataPort = 51679 // on loopback; 169.254.170.2:80 is redirected here
)

// What the program is told by its environment.
const (
	EnvRole  = "MINIECS_ROLE"  // Role: be the pause
	EnvToken = "MINIECS_TOKEN" // the namespace's secret
	Role     = "pause"
)

// AnyGeneration is said by who has not heard a Greeting yet.
const AnyGeneration = "-"

const (
	magic      = "miniecs1"
	lineLimit  = 512
	greetLimit = 4096
)

// Errors of the far end.
var (
	ErrRefused = errors.New("connection refused")
	ErrTimeout = errors.New("connection timed out")
	ErrGone    = errors.New("another namespace answers")
)

// Greeting is what a pause says of itself.
type Greeting struct {
	Generation string `json:"generation"`
	Taken      bool   `json:"taken"`
	// Ready tells that the rules are in: 169.254.170.2 answers, the rest of 169.254.0.0/16 is rejected.
	Ready bool `json:"ready"`
	// Problem is why they are not.
	Problem string `json:"problem,omitempty"`
	// Cgroup is the path of the pause in the memory hierarchy of cgroup v1, empty elsewhere.
	Cgroup string `json:"cgroup,omitempty"`
}

// Key opens a hatch.
type Key struct {
	Token      string
	Generation string // AnyGeneration until a Greeting said it
}

// Hello asks a pause who it is. The connection serves nothing else.
func (k Key) Hello(conn net.Conn) (Greeting, error) {
	var g Greeting
	text, err := k.ask(conn, "HELLO")
	if err != nil {
		return g, err
	}
	if err := json.Unmarshal([]byte(text), &g); err != nil {
		return g, fmt.Errorf("greeting of a pause: %w", err)
	}
	return g, nil
}

// Take makes the namespace a task's. It fails if it is one already.
func (k Key) Take(conn net.Conn) error {
	_, err := k.ask(conn, "TAKE")
	return err
}

// Dial has conn connected to a port at the task's own address; after it conn is that connection. The far end gives
// up after timeout.
func (k Key) Dial(conn net.Conn, port uint16, timeout time.Duration) error {
	_, err := k.ask(conn, fmt.Sprintf("DIAL %d %d", port, max(timeout.Milliseconds(), 1)))
	return err
}

// Wait holds conn until a program of the task asks 169.254.170.2; after it conn is that program's connection.
func (k Key) Wait(conn net.Conn) error {
	_, err := k.ask(conn, "WAIT")
	return err
}

func (k Key) ask(conn net.Conn, verb string) (string, error) {
	generation := k.Generation
	if generation == "" {
		generation = AnyGeneration
	}
	line := magic + " " + k.Token + " " + generation + " " + verb + "\n"
	if _, err := io.WriteString(conn, line); err != nil {
		return "", err
	}
	answer, err := readAnswer(conn)
	if err != nil {
		return "", err
	}
	word, text, _ := strings.Cut(answer, " ")
	switch word {
	case "OK":
		return text, nil
	case "REFUSED":
		return "", ErrRefused
	case "TIMEOUT":
		return "", ErrTimeout
	case "GONE":
		return "", ErrGone
	case "ERROR":
		return "", errors.New(text)
	}
	return "", fmt.Errorf("no pause answers here: %.40q", answer)
}

// readAnswer reads one line and not a byte more: what follows belongs to the relayed connection.
func readAnswer(r io.Reader) (string, error) {
	var line []byte
	var one [1]byte
	for len(line) < greetLimit {
		if _, err := io.ReadFull(r, one[:]); err != nil {
			return "", err
		}
		if one[0] == '\n' {
			return string(line), nil
		}
		line = append(line, one[0])
	}
	return "", errors.New("no pause answers here: its line is too long")
}
