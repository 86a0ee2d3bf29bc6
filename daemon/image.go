package daemon

import (
	"context"
	"fmt"
	"os"
	goruntime "runtime"

	"miniecs/internal/guest"
	"miniecs/runtime/engine"
	"miniecs/runtime/engine/docker"
)

// MakeImage puts this very binary into the engine as an image FROM scratch under ref, and gives ref: what
// docker-compose.yml runs. It works where the binary is a static one for Linux and the engine's processor.
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
	if err := guest.Static(bin); err != nil {
		return "", fmt.Errorf("this binary would not run FROM scratch: %w", err)
	}
	p := guest.Program{Name: "miniecs", Arch: info.Arch, Data: bin}
	rootfs, err := p.Rootfs()
	if err != nil {
		return "", err
	}
	_, err = eng.Import(ctx, ref, rootfs, engine.ImportOptions{EntryPoint: p.EntryPoint(), Arch: info.Arch,
		Env: []string{"MINIECS_HOME=/var/lib/miniecs"}})
	return ref, err
}
