package guest

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tiny is a module named as ours with two small guests in it, so that a build takes no time.
func tiny(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                   "module miniecs\n\ngo 1.26\n",
		"go.sum":                   "",
		"cmd/demo/main.go":         "package main\n\nimport \"miniecs/internal/hello\"\n\nfunc main() { print(hello.Text) }\n",
		"internal/hello/hello.go":  "package hello\n\nimport \"miniecs/internal/deep\"\n\nconst Text = deep.Text\n",
		"internal/deep/deep.go":    "package deep\n\nconst Text = \"hello\"\n",
		"internal/deep/a_test.go":  "package deep\n",
		"internal/other/other.go":  "package other\n",
		"cmd/broken/main.go":       "package main\n\nfunc main() { undefined() }\n",
		"internal/deep/sub/sub.go": "package sub\n",
	} {
		put(t, filepath.Join(root, name), text)
	}
	return root
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func nothing(string, string) ([]byte, error) { return nil, errors.New("not embedded") }
func noSelf(string) ([]byte, error)          { return nil, errors.New("not myself") }

func needGo(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("SKIP: NO go COMMAND: what compiles guests did not run")
	}
}

// arch differs from the machine's: nothing here may depend on it.
const arch = "arm64"

func TestBuilder_CompilesOnce(t *testing.T) {
	needGo(t)
	root := tiny(t)
	b := &builder{root: root, cache: t.TempDir(), embedded: nothing, self: noSelf}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			p, err := b.binary(t.Context(), Demo, arch)
			if err != nil || p.Source != Compiled || len(p.Args) != 0 {
				t.Errorf("source %q, args %v, %v", p.Source, p.Args, err)
				return
			}
			f, err := elf.NewFile(bytes.NewReader(p.Data))
			if err != nil || f.Machine != elf.EM_AARCH64 {
				t.Errorf("not a program for %s: %v", arch, err)
			}
			if err := Static(p.Data); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	again := &builder{root: root, cache: b.cache, embedded: nothing, self: noSelf} // another process
	if _, err := again.binary(t.Context(), Demo, arch); err != nil {
		t.Fatal(err)
	}
	if b.built+again.built != 1 {
		t.Errorf("compiled %d times, want once", b.built+again.built)
	}
	put(t, filepath.Join(root, "internal/deep/deep.go"), "package deep\n\nconst Text = \"changed\"\n")
	if _, err := again.binary(t.Context(), Demo, arch); err != nil || again.built != 1 {
		t.Errorf("after a change: compiled %d times, want once; %v", again.built, err)
	}
}

func TestBuilder_HashFollowsWhatIsImported(t *testing.T) {
	root := tiny(t)
	sum := func() string {
		t.Helper()
		s, err := sourceHash(root, "cmd/demo", arch)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := sum()
	for _, same := range []string{"internal/deep/a_test.go", "internal/other/other.go", "internal/deep/sub/sub.go"} {
		put(t, filepath.Join(root, same), "package x // changed\n")
		if sum() != before {
			t.Errorf("%s does not matter, but changed the hash", same)
		}
	}
	for _, matters := range []string{"go.sum", "internal/deep/deep.go", "cmd/demo/main.go"} {
		old := sum()
		b, err := os.ReadFile(filepath.Join(root, matters))
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(root, matters), string(b)+"\n")
		if sum() == old {
			t.Errorf("%s matters, but did not change the hash", matters)
		}
	}
}

func TestBuilder_TakesTheBestSource(t *testing.T) {
	carried := func(string, string) ([]byte, error) { return []byte("carried"), nil }
	self := func(string) ([]byte, error) { return []byte("myself"), nil }
	tests := []struct {
		name   string
		b      *builder
		source Source
		args   []string
		note   string
		err    string
	}{
		{"embedded", &builder{embedded: carried, self: self}, Embedded, nil, "", ""},
		{"itself without source", &builder{embedded: nothing, self: self}, Self, []string{"__demo"}, "is not here", ""},
		{"itself without a cache", &builder{root: tiny(t), embedded: nothing, self: self}, Self, []string{"__demo"}, "no folder to compile into", ""},
		{"nothing", &builder{embedded: nothing, self: noSelf}, "", nil, "", "no program demo for linux/arm64: not embedded\nthe source"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := tt.b.binary(t.Context(), Demo, arch)
			if (err == nil) != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if p.Source != tt.source || !slices.Equal(p.Args, tt.args) || !strings.Contains(p.Note, tt.note) {
				t.Errorf("got %q %v %q, want %q %v %q", p.Source, p.Args, p.Note, tt.source, tt.args, tt.note)
			}
		})
	}
	if _, err := (&builder{embedded: carried}).binary(t.Context(), "cat", arch); err == nil {
		t.Error("an unknown guest is no error")
	}
}

func TestCompile_SaysWhatTheCompilerSaid(t *testing.T) {
	needGo(t)
	_, err := Compile(t.Context(), filepath.Join(tiny(t), "cmd/broken"), arch)
	if err == nil || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("got %v, want the compiler's text", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compile(ctx, filepath.Join(tiny(t), "cmd/demo"), arch); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestProgram_Rootfs(t *testing.T) {
	p := Program{Name: Demo, Data: []byte("program"), Args: []string{"__demo"}}
	fs, err := p.Rootfs()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	r := tar.NewReader(bytes.NewReader(fs))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, h.FileInfo().Mode().String()+" "+h.Name+" "+string(b))
	}
	if want := []string{"dtrwxrwxrwx tmp/ ", "-rwxr-xr-x demo program"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if e := p.EntryPoint(); !slices.Equal(e, []string{"/demo", "__demo"}) {
		t.Errorf("entry point %q", e)
	}
	other := p
	other.Args = nil
	if p.Hash() == other.Hash() || len(p.Hash()) != 12 {
		t.Errorf("hashes %s and %s", p.Hash(), other.Hash())
	}
}

// The real guests, from this module's source.
func TestBinary_FromSource(t *testing.T) {
	needGo(t)
	if sourceRoot() == "" {
		t.Skip("SKIP: built with -trimpath: guests cannot be compiled")
	}
	for _, name := range []string{Pause, Demo} {
		p, err := Binary(t.Context(), name, goruntime.GOARCH)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := Static(p.Data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %d bytes, %s", name, len(p.Data), p.Source)
	}
}
