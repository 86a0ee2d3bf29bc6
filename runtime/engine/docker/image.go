package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"miniecs/runtime/engine"
)

// Image finds an image that is present locally.
func (d *Docker) Image(ctx context.Context, ref string) (engine.ImageID, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	in, err := d.cli.ImageInspect(ctx, ref)
	if err != nil {
		return "", wrap(err)
	}
	return engine.ImageID(in.ID), nil
}

// Import makes an image of a root file system, without a registry and without a builder (task-runtime.md 6.9).
func (d *Docker) Import(ctx context.Context, ref string, rootfs []byte, opts engine.ImportOptions) (engine.ImageID, error) {
	options := image.ImportOptions{Message: "imported by miniecs", Changes: d.changes(opts)}
	if opts.Arch != "" && opts.Arch != d.info.Arch {
		options.Platform = "linux/" + opts.Arch
	}
	source := image.ImportSource{Source: bytes.NewReader(rootfs), SourceName: "-"}
	body, err := d.cli.ImageImport(ctx, source, ref, options)
	if err != nil {
		return "", fmt.Errorf("import image %s: %w", ref, wrap(err))
	}
	defer body.Close()
	if err := readStream(body, nil); err != nil {
		return "", fmt.Errorf("import image %s: %w", ref, err)
	}
	return d.Image(ctx, ref)
}

// changes writes Dockerfile instructions that configure an imported image.
func (d *Docker) changes(opts engine.ImportOptions) []string {
	var all []string
	labels := d.ours(roleImage, opts.Labels)
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		all = append(all, "LABEL "+quoted(name)+"="+quoted(labels[name]))
	}
	for _, env := range opts.Env {
		name, value, _ := strings.Cut(env, "=")
		all = append(all, "ENV "+name+"="+quoted(value))
	}
	if opts.WorkingDir != "" {
		all = append(all, "WORKDIR "+opts.WorkingDir)
	}
	if len(opts.EntryPoint) > 0 {
		words, _ := json.Marshal(opts.EntryPoint) // strings always marshal
		all = append(all, "ENTRYPOINT "+string(words))
	}
	return all
}

// quoted writes a word for a Dockerfile, with nothing in it expanded.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(s) + `"`
}

// Build makes an image with the classic builder: the contexts that we build are small and FROM scratch or from what
// is present locally.
func (d *Docker) Build(ctx context.Context, ref string, buildContext []byte, progress func(string)) (engine.ImageID, error) {
	resp, err := d.cli.ImageBuild(ctx, bytes.NewReader(buildContext), build.ImageBuildOptions{
		Tags: []string{ref}, Labels: d.ours(roleImage, nil), Remove: true, ForceRemove: true,
		Version: build.BuilderV1, AuthConfigs: buildAuths(ctx),
	})
	if err != nil {
		return "", fmt.Errorf("build image %s: %w", ref, wrap(err))
	}
	defer resp.Body.Close()
	err = readStream(resp.Body, func(m jsonmessage.JSONMessage) {
		if progress == nil {
			return
		}
		for line := range strings.Lines(m.Stream + m.Status) {
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				progress(line)
			}
		}
	})
	if err != nil {
		return "", fmt.Errorf("build image %s: %w", ref, err)
	}
	return d.Image(ctx, ref)
}

// readStream reads an answer that is a stream of JSON messages to its end; an error among them is returned.
func readStream(r io.Reader, each func(jsonmessage.JSONMessage)) error {
	decoder := json.NewDecoder(r)
	for {
		var m jsonmessage.JSONMessage
		if err := decoder.Decode(&m); err == io.EOF {
			return nil
		} else if err != nil {
			return wrap(err)
		}
		if m.Error != nil {
			return errors.New(m.Error.Message)
		}
		if each != nil {
			each(m)
		}
	}
}

// ListImages gives the references of images that bear our label.
func (d *Docker) ListImages(ctx context.Context) ([]string, error) {
	list, err := d.cli.ImageList(ctx, image.ListOptions{Filters: d.filter("")})
	if err != nil {
		return nil, wrap(err)
	}
	refs := []string{}
	for _, i := range list {
		for _, tag := range i.RepoTags {
			if tag != "<none>:<none>" {
				refs = append(refs, tag)
			}
		}
	}
	slices.Sort(refs)
	return refs, nil
}

// RemoveImage removes an image of ours; a missing one, or one in use, is no error.
func (d *Docker) RemoveImage(ctx context.Context, ref string) error {
	in, err := d.cli.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return wrap(err)
	}
	if in.Config == nil || !d.mine(in.Config.Labels) {
		return nil
	}
	_, err = d.cli.ImageRemove(ctx, ref, image.RemoveOptions{PruneChildren: true})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil
	}
	return wrap(err)
}
