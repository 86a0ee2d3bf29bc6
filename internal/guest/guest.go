// Package guest gives the two Linux programs that miniecs runs in containers, the pause and the demonstration
// application, for the engine's processor and without an image registry (design.md 1 and 4). Release builds carry
// them; from source they are compiled with the go tool; and on Linux the running binary can play both roles itself.
// It knows nothing of engines: Rootfs is what an image is imported from. Read this file, then compile.go.
package guest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"sync"
)

// Names of the guests.
const (
	Pause = "pause" // holds a task's network namespace: internal/pause
	Demo  = "demo"  // the demonstration application: internal/demo
)

// Source says where a guest's program came from.
type Source string

// Sources of programs.
const (
	Embedded Source = "embedded" // carried by a release build
	Compiled Source = "compiled" // made by the go tool from the module's source
	Self     Source = "self"     // the running binary, in a hidden role
)

// Program is a static Linux program.
type Program struct {
	Name   string
	Arch   string // Go's name: amd64, arm64
	Data   []byte
	Source Source
	Args   []string // first arguments that make it the guest; none unless Source is Self
	Note   string   // why a better source was not taken, fit for `miniecs doctor`; often empty
}

// guests says which folder holds the guest's main package, and the arguments that make `miniecs` itself the guest.
var guests = map[string]struct {
	folder string
	role   []string
}{
	Pause: {"cmd/pause", nil},               // its role comes with the environment (pause.Called)
	Demo:  {"cmd/demo", []string{"__demo"}}, // demo.Called
}

// Binary gives the program of a guest for linux/arch. The first time from source it takes as long as compiling does,
// later ones read a file. Callers at the same time share one build. It may be called from many goroutines.
func Binary(ctx context.Context, name, arch string) (Program, error) {
	return standard().binary(ctx, name, arch)
}

var standard = sync.OnceValue(func() *builder {
	return &builder{root: sourceRoot(), cache: cacheFolder(), embedded: embeddedProgram, self: selfProgram}
})

func (b *builder) binary(ctx context.Context, name, arch string) (Program, error) {
	g, ok := guests[name]
	if !ok {
		return Program{}, fmt.Errorf("no guest is named %q", name)
	}
	p := Program{Name: name, Arch: arch}
	var err error
	if p.Data, err = b.embedded(name, arch); err == nil {
		p.Source = Embedded
		return p, nil
	}
	reasons := err
	if p.Data, err = b.cached(ctx, name, g.folder, arch); err == nil {
		p.Source = Compiled
		return p, nil
	}
	if ctx.Err() != nil {
		return Program{}, ctx.Err()
	}
	reasons = errors.Join(reasons, err)
	p.Note = err.Error()
	if p.Data, err = b.self(arch); err == nil {
		p.Source, p.Args = Self, g.role
		return p, nil
	}
	return Program{}, fmt.Errorf("no program %s for linux/%s: %w", name, arch, errors.Join(reasons, err))
}

// Path is where Rootfs puts the program.
func (p Program) Path() string { return "/" + p.Name }

// EntryPoint is the image's entry point.
func (p Program) EntryPoint() []string { return append([]string{p.Path()}, p.Args...) }

// Hash names the program's contents, 12 hex digits: for an image's tag.
func (p Program) Hash() string {
	h := sha256.New()
	h.Write(p.Data)
	for _, a := range p.Args {
		h.Write([]byte(a))
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// Rootfs is a tar of a root file system with the program and an empty /tmp. Equal programs give equal bytes.
func (p Program) Rootfs() ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	entries := []tar.Header{
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
		{Typeflag: tar.TypeReg, Name: p.Name, Mode: 0o755, Size: int64(len(p.Data))},
	}
	for i := range entries {
		if err := w.WriteHeader(&entries[i]); err != nil {
			return nil, fmt.Errorf("root file system of %s: %w", p.Name, err)
		}
	}
	if _, err := w.Write(p.Data); err != nil {
		return nil, fmt.Errorf("root file system of %s: %w", p.Name, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("root file system of %s: %w", p.Name, err)
	}
	return out.Bytes(), nil
}

// mainPackage is the only one that knows the hidden roles: a test's binary does not.
const mainPackage = "miniecs/cmd/miniecs"

// selfProgram is the running binary, if it can be a guest on linux/arch in an image that holds nothing else.
func selfProgram(arch string) ([]byte, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path != mainPackage {
		return nil, errors.New("the running program is not miniecs, so it cannot play the role")
	}
	if goruntime.GOOS != "linux" || goruntime.GOARCH != arch {
		return nil, fmt.Errorf("the running program is for %s/%s", goruntime.GOOS, goruntime.GOARCH)
	}
	b, err := os.ReadFile("/proc/self/exe") // still there when `go run` or an update has removed the file
	if err != nil {
		return nil, err
	}
	return b, Static(b)
}

// Static refuses a program that wants a dynamic loader, which an image FROM scratch has not.
func Static(program []byte) error {
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return err
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("the running program is dynamically linked: build it with CGO_ENABLED=0")
		}
	}
	return nil
}
