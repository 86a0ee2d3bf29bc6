package daemon

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	goruntime "runtime"

	"miniecs/runtime/engine"
	"miniecs/runtime/engine/docker"
)

// MakeImage puts this very binary into the engine as an image FROM scratch under ref, and gives ref: what
// docker-compose.yml runs. It works where the binary is one for Linux and the engine's processor.
func MakeImage(ctx context.Context, cfg Config, ref string) (string, error) {
	eng, err := docker.New(ctx, docker.Config{Host: cfg.EngineHost, Installation: "image", PauseBinary: pauseBinary})
	if err != nil {
		return "", err
	}
	defer eng.Close()
	info, err := eng.Info(ctx)
	if err != nil {
		return "", err
	}
	if goruntime.GOOS != "linux" || goruntime.GOARCH != info.Arch {
		return "", fmt.Errorf("this binary is for %s/%s, but the engine runs linux/%s: build one with GOOS=linux GOARCH=%s and run `miniecs image` of that inside a container",
			goruntime.GOOS, goruntime.GOARCH, info.Arch, info.Arch)
	}
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	bin, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if !static(bin) {
		return "", errors.New("this binary is linked dynamically and would not run FROM scratch: build it with CGO_ENABLED=0")
	}
	rootfs, err := RootFS("miniecs", bin)
	if err != nil {
		return "", err
	}
	_, err = eng.Import(ctx, ref, rootfs, engine.ImportOptions{EntryPoint: []string{"/miniecs"}, Arch: info.Arch,
		Env: []string{"MINIECS_HOME=/var/lib/miniecs"}})
	return ref, err
}

// RootFS is a root file system with one program, a /tmp, and the names of root and nobody.
func RootFS(name string, program []byte) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	files := []struct {
		hdr  tar.Header
		data []byte
	}{
		{tar.Header{Name: name, Mode: 0o755}, program},
		{tar.Header{Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0:root:/:/\nnobody:x:65534:65534:nobody:/:/\n")},
		{tar.Header{Name: "etc/group", Mode: 0o644}, []byte("root:x:0:\nnobody:x:65534:\n")},
		{tar.Header{Name: "tmp/", Mode: 0o1777, Typeflag: tar.TypeDir}, nil},
	}
	for _, f := range files {
		f.hdr.Size = int64(len(f.data))
		if err := w.WriteHeader(&f.hdr); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// static says whether an ELF binary needs no dynamic linker.
func static(bin []byte) bool {
	f, err := elf.NewFile(bytes.NewReader(bin))
	if err != nil {
		return false
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}
