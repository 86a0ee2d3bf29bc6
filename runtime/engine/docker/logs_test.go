package docker

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"miniecs/runtime/engine"
)

const at = "2026-11-24T10:00:00.123456789Z "

func frame(stream byte, text string) []byte {
	head := make([]byte, frameHead)
	head[0] = stream
	binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
	return append(head, text...)
}

func collect(read func(io.Reader, func(engine.LogLine) error) error, raw []byte) ([]engine.LogLine, error) {
	var all []engine.LogLine
	err := read(bytes.NewReader(raw), func(l engine.LogLine) error { all = append(all, l); return nil })
	return all, err
}

func TestLogs_PiecesOfTwoStreams(t *testing.T) {
	piece := strings.Repeat("a", logPiece)
	raw := bytes.Join([][]byte{
		frame(1, at+piece), frame(2, at+"err\n"), frame(1, at+piece), frame(1, at+"end\n"), frame(1, at+"\n"), frame(2, at+"open"),
	}, nil)
	got, err := collect(readFrames, raw)
	if err != nil {
		t.Fatal(err)
	}
	want := []engine.LogLine{{Stream: "stderr", Text: "err"}, {Stream: "stdout", Text: piece + piece + "end"}, {Stream: "stdout"}, {Stream: "stderr", Text: "open"}}
	if len(got) != len(want) {
		t.Fatalf("got %d lines, want %d", len(got), len(want))
	}
	when, _ := time.Parse(time.RFC3339Nano, strings.TrimSpace(at))
	for i, w := range want {
		if got[i].Stream != w.Stream || got[i].Text != w.Text || !got[i].Time.Equal(when) {
			t.Errorf("line %d: got %s %.20q, want %s %.20q", i, got[i].Stream, got[i].Text, w.Stream, w.Text)
		}
	}
}

func TestLogs_Raw(t *testing.T) {
	piece := strings.Repeat("a", logPiece)
	got, err := collect(readRaw, []byte(at+"one\r\n"+at+piece+at+piece+at+"end\r\n"+at+"open"))
	if err != nil || len(got) != 3 || got[0].Text != "one" || got[1].Text != piece+piece+"end" || got[2].Text != "open" {
		t.Errorf("got %d lines, %v", len(got), err)
	}
}

func TestLogs_BrokenStream(t *testing.T) {
	for name, raw := range map[string][]byte{
		"half a head": {1, 0, 0}, "half a frame": frame(1, at+"text\n")[:20],
		"unknown stream": frame(9, at+"x\n"), "huge frame": {1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
	} {
		if _, err := collect(readFrames, raw); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzLogs(f *testing.F) {
	f.Add(append(frame(1, at+"one\n"), frame(2, at+"two")...))
	f.Add([]byte(at + strings.Repeat("a", logPiece) + at + "b\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, read := range []func(io.Reader, func(engine.LogLine) error) error{readFrames, readRaw} {
			lines, _ := collect(read, raw)
			size := 0
			for _, l := range lines {
				size += len(l.Text)
				if l.Stream != "stdout" && l.Stream != "stderr" {
					t.Errorf("stream %q", l.Stream)
				}
			}
			if size > len(raw) {
				t.Errorf("%d bytes out of %d", size, len(raw))
			}
		}
	})
}
