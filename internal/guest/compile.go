package guest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/modfile"
)

// Compile builds the Go main package in dir for linux/arch: static, without debug information. Its error carries what
// the compiler said. Go's own cache makes it cheap to repeat.
func Compile(ctx context.Context, dir, arch string) ([]byte, error) {
	tmp, err := os.MkdirTemp("", "miniecs-build-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(tmp) }() // what is left over is in the temporary folder
	out := filepath.Join(tmp, "program")
	if err := build(ctx, dir, ".", arch, out); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// ErrNoGo means that there is no go command to compile with.
var ErrNoGo = errors.New("the go command was not found")

func build(ctx context.Context, dir, pkg, arch, out string, env ...string) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return ErrNoGo
	}
	cmd := exec.CommandContext(ctx, goTool, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0"), env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("go build in %s: %w: %s", dir, err, strings.TrimSpace(said.String()))
	}
	return nil
}

// builder makes guests from source and keeps them in a folder.
type builder struct {
	root  string // of the module's source, empty if it is not here
	cache string // a folder, empty if there is none

	embedded func(name, arch string) ([]byte, error)
	self     func(arch string) ([]byte, error)

	mu    sync.Mutex
	turns map[string]chan struct{} // by guest: held while one is compiled
	built int                      // for tests
}

// cached gives a guest compiled from source, compiling it unless that was done for these very sources.
func (b *builder) cached(ctx context.Context, name, folder, arch string) ([]byte, error) {
	if b.root == "" {
		return nil, errors.New("the source that this program was built from is not here")
	}
	turn := b.turn(name + "-" + arch)
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	sum, err := sourceHash(b.root, folder, arch)
	if err != nil {
		return nil, err
	}
	keep, err := b.folder(sum)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(keep, name)
	if bytes, err := os.ReadFile(file); err == nil {
		return bytes, nil
	}
	b.built++ // nobody else has the turn of this guest; tests compile one
	tmp := filepath.Join(keep, fmt.Sprintf(".%s-%d", name, os.Getpid()))
	defer func() { _ = os.Remove(tmp) }() // it is there only after a failure
	if err := build(ctx, b.root, "./"+folder, arch, tmp, "GOWORK=off"); err != nil {
		return nil, err
	}
	if err := os.Rename(tmp, file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

func (b *builder) turn(key string) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.turns == nil {
		b.turns = map[string]chan struct{}{}
	}
	if b.turns[key] == nil {
		b.turns[key] = make(chan struct{}, 1)
	}
	return b.turns[key]
}

// folder makes the folder that a build is kept in.
func (b *builder) folder(sum string) (string, error) {
	if b.cache == "" {
		return "", errors.New("no folder to compile into: set XDG_CACHE_HOME or HOME")
	}
	dir := filepath.Join(b.cache, sum)
	return dir, os.MkdirAll(dir, 0o700)
}

// cacheFolder is where compiled guests are kept.
func cacheFolder() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "miniecs", "guest")
}

const module = "miniecs"

// sourceRoot is the folder of the module that this program was built from, if it still is there: the compiler noted
// the path of this file, unless -trimpath told it not to.
func sourceRoot() string {
	_, file, _, ok := goruntime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return ""
	}
	root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if mod, err := os.ReadFile(filepath.Join(root, "go.mod")); err != nil || modfile.ModulePath(mod) != module {
		return ""
	}
	return root
}

// sourceHash names all that a build of a folder depends on: our files that it imports, directly or not, the versions
// of what is not ours, the compiler and the processor.
func sourceHash(root, folder, arch string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, goruntime.Version(), arch)
	files := []string{"go.mod", "go.sum"}
	seen := map[string]bool{}
	for todo := []string{folder}; len(todo) > 0; {
		dir := todo[0]
		todo = todo[1:]
		if seen[dir] {
			continue
		}
		seen[dir] = true
		found, imports, err := packageFiles(root, dir)
		if err != nil {
			return "", err
		}
		files = append(files, found...)
		todo = append(todo, imports...)
	}
	slices.Sort(files)
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(root, f))
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, f, len(b))
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))[:24], nil
}

// packageFiles gives the files of a package of ours, tests aside, and the folders of ours that it imports.
func packageFiles(root, dir string) (files, imports []string, err error) {
	err = fs.WalkDir(os.DirFS(root), filepath.ToSlash(dir), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir:
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files = append(files, path)
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if rest, ours := strings.CutPrefix(name, module+"/"); err == nil && ours {
				imports = append(imports, rest)
			}
		}
		return nil
	})
	return files, imports, err
}
