package docker

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"miniecs/runtime/engine"
)

const (
	logPiece   = 16 << 10 // the engine cuts longer lines into pieces of this size
	frameLimit = 1 << 20  // no engine sends a larger frame; more is garbage
	frameHead  = 8
)

// errEnough ends reading when the consumer has enough.
var errEnough = errors.New("enough")

// Logs yields the lines of one container in the order in which the engine got them.
func (d *Docker) Logs(ctx context.Context, id engine.ContainerID, opts engine.LogOptions) iter.Seq2[engine.LogLine, error] {
	return func(yield func(engine.LogLine, error) bool) {
		in, err := d.cli.ContainerInspect(ctx, string(id))
		if err != nil {
			yield(engine.LogLine{}, wrap(err))
			return
		}
		options := container.LogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: opts.Follow}
		if !opts.Since.IsZero() {
			options.Since = stamp(opts.Since)
		}
		if opts.Tail > 0 {
			options.Tail = strconv.Itoa(opts.Tail)
		}
		body, err := d.cli.ContainerLogs(ctx, string(id), options)
		if err != nil {
			yield(engine.LogLine{}, wrap(err))
			return
		}
		defer body.Close()
		emit := func(l engine.LogLine) error {
			if !yield(l, nil) {
				return errEnough
			}
			return nil
		}
		if in.Config != nil && in.Config.Tty {
			err = readRaw(body, emit)
		} else {
			err = readFrames(body, emit)
		}
		if err != nil && !errors.Is(err, errEnough) && ctx.Err() == nil {
			yield(engine.LogLine{}, wrap(err))
		}
	}
}

// partial is a line of which pieces have come.
type partial struct {
	time time.Time
	text strings.Builder
	open bool
}

// add takes one record, "TIMESTAMP TEXT", and gives the line if the record ends it.
func (p *partial) add(record string) (line engine.LogLine, complete bool) {
	when, text, ok := cutStamp(record)
	if !ok {
		text = record
	}
	if !p.open {
		p.time, p.open = when, true
	}
	body, complete := strings.CutSuffix(text, "\n")
	p.text.WriteString(body)
	if !complete {
		return line, false
	}
	return p.flush(), true
}

func (p *partial) flush() engine.LogLine {
	line := engine.LogLine{Time: p.time, Text: strings.TrimSuffix(p.text.String(), "\r")}
	p.text.Reset()
	p.open = false
	return line
}

// readFrames reads the stream of a container without a TTY: frames with a head that names the stream, each with one
// record (task-runtime.md 6.7).
func readFrames(r io.Reader, emit func(engine.LogLine) error) error {
	reader := bufio.NewReaderSize(r, 32<<10)
	var streams [2]partial
	names := [2]string{"stdout", "stderr"}
	var head [frameHead]byte
	for {
		if _, err := io.ReadFull(reader, head[:]); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		size := binary.BigEndian.Uint32(head[4:])
		if size > frameLimit {
			return fmt.Errorf("log stream: a frame of %d bytes", size)
		}
		payload := make([]byte, size)
		if _, err := io.ReadFull(reader, payload); err != nil {
			return err
		}
		i := 0
		switch stdcopy.StdType(head[0]) {
		case stdcopy.Stdin, stdcopy.Stdout:
		case stdcopy.Stderr:
			i = 1
		case stdcopy.Systemerr:
			return errors.New(strings.TrimSpace(string(payload)))
		default:
			return fmt.Errorf("log stream: unknown stream %d", head[0])
		}
		if line, complete := streams[i].add(string(payload)); complete {
			line.Stream = names[i]
			if err := emit(line); err != nil {
				return err
			}
		}
	}
	for i := range streams {
		if streams[i].open {
			line := streams[i].flush()
			line.Stream = names[i]
			if err := emit(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// readRaw reads the stream of a container with a TTY: records one after the other, no heads.
func readRaw(r io.Reader, emit func(engine.LogLine) error) error {
	reader := bufio.NewReader(r)
	for {
		text, err := reader.ReadString('\n')
		if text != "" {
			if err := emit(rawLine(text)); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// rawLine joins the pieces of a long line: each begins with the same time stamp.
func rawLine(text string) engine.LogLine {
	text = strings.TrimRight(text, "\r\n")
	when, rest, ok := cutStamp(text)
	if !ok {
		return engine.LogLine{Stream: "stdout", Text: text}
	}
	again := text[:len(text)-len(rest)]
	var joined strings.Builder
	for len(rest) > logPiece && strings.HasPrefix(rest[logPiece:], again) {
		joined.WriteString(rest[:logPiece])
		rest = rest[logPiece+len(again):]
	}
	joined.WriteString(rest)
	return engine.LogLine{Time: when, Stream: "stdout", Text: joined.String()}
}

// cutStamp splits a record into its time and its text.
func cutStamp(record string) (when time.Time, text string, ok bool) {
	stamp, text, found := strings.Cut(record, " ")
	if !found {
		return when, record, false
	}
	when, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return when, record, false
	}
	return when, text, true
}
