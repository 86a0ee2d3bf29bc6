package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/docker/docker/api/types/container"

	"miniecs/internal/pause"
	"miniecs/runtime/engine"
)

// pausePath is where the program lies in its image.
const pausePath = "/pause"

// ensurePauseImage gives the reference of the pause's image; it is imported if it is not there. Its tag comes from
// its content, so that a daemon of another build makes another one.
func (d *Docker) ensurePauseImage(ctx context.Context) (string, error) {
	d.pauseMu.Lock()
	defer d.pauseMu.Unlock()
	if d.pauseImage != "" {
		return d.pauseImage, nil
	}
	if d.cfg.PauseBinary == nil {
		return "", errors.New("the pause program is missing")
	}
	binary, err := d.cfg.PauseBinary(ctx, d.info.Arch)
	if err != nil {
		return "", fmt.Errorf("the pause program: %w", err)
	}
	sum := sha256.Sum256(binary)
	ref := "miniecs/pause-" + d.slug() + ":" + hex.EncodeToString(sum[:6])
	if _, err := d.Image(ctx, ref); err == nil {
		d.pauseImage = ref
		return ref, nil
	} else if !errors.Is(err, engine.ErrNotFound) {
		return "", err
	}
	rootfs, err := singleFile(pausePath, binary)
	if err != nil {
		return "", err
	}
	_, err = d.Import(ctx, ref, rootfs, engine.ImportOptions{
		EntryPoint: []string{pausePath}, Env: []string{pause.EnvRole + "=" + pause.Role}, Arch: d.info.Arch,
	})
	if err != nil {
		return "", err
	}
	d.pauseImage = ref
	return ref, nil
}

// forgetPauseImage makes the next namespace look for the image again.
func (d *Docker) forgetPauseImage() {
	d.pauseMu.Lock()
	d.pauseImage = ""
	d.pauseMu.Unlock()
}

// singleFile is a root file system with one program in it.
func singleFile(path string, binary []byte) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: path[1:], Mode: 0o755, Size: int64(len(binary)), Typeflag: tar.TypeReg}); err != nil {
		return nil, err
	}
	if _, err := w.Write(binary); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// routesByHelper reads the routes of the engine's host from a container in its network.
func (d *Docker) routesByHelper(ctx context.Context) ([]pause.Route, error) {
	ref, err := d.ensurePauseImage(ctx)
	if err != nil {
		return nil, err
	}
	made, err := d.cli.ContainerCreate(ctx,
		&container.Config{Image: ref, Cmd: []string{"routes"}, Labels: d.ours(roleHelper, nil)},
		&container.HostConfig{NetworkMode: "host", ReadonlyRootfs: true, CapDrop: []string{"ALL"}, LogConfig: logConfig(engine.LogDriver{})},
		nil, nil, "")
	if err != nil {
		return nil, wrap(err)
	}
	defer d.remove(context.WithoutCancel(ctx), made.ID)
	exited, failed := d.cli.ContainerWait(ctx, made.ID, container.WaitConditionNextExit)
	if err := d.start(ctx, made.ID); err != nil {
		return nil, err
	}
	select {
	case <-exited:
	case err := <-failed:
		return nil, wrap(err)
	}
	var text bytes.Buffer
	for line, err := range d.Logs(ctx, engine.ContainerID(made.ID), engine.LogOptions{}) {
		if err != nil {
			return nil, err
		}
		if line.Stream == "stdout" {
			text.WriteString(line.Text + "\n")
		}
	}
	return pause.ParseRoutes(&text)
}
