package sim

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"miniecs/runtime/engine"
)

// image is an image that is present locally.
type image struct {
	id   engine.ImageID
	ours bool // made by Import or Build, so it bears our label

}

// refOf gives the reference of what a Spec names, which may be an image's id.
func (s *Sim) refOf(name string) string {
	if ref, ok := s.byID[engine.ImageID(name)]; ok {
		return ref
	}
	return name
}

// localImage finds an image that is present; nil if it is not. One that is not scripted as missing is there.
func (s *Sim) localImage(ref string) *image {
	if img := s.images[ref]; img != nil {
		return img
	}
	if s.behaviourOfImage(ref).Missing {
		return nil
	}
	return s.addImage(ref, false)
}

func (s *Sim) addImage(ref string, ours bool) *image {
	img := &image{id: engine.ImageID("sha256:" + s.id("image", ref)), ours: ours}
	s.images[ref] = img
	s.byID[img.id] = ref
	return img
}

// Image finds an image that is present locally.
func (s *Sim) Image(ctx context.Context, ref string) (engine.ImageID, error) {
	if err := s.reachable(ctx); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if img := s.localImage(s.refOf(ref)); img != nil {
		return img.id, nil
	}
	return "", fmt.Errorf("%w: No such image: %s", engine.ErrNotFound, ref)
}

// Pull makes an image present, or fails as scripted.
func (s *Sim) Pull(ctx context.Context, ref string, opts engine.PullOptions) (engine.ImageID, error) {
	s.mu.Lock()
	latency := cmp.Or(s.behaviourOfImage(ref).PullLatency, s.cfg.PullLatency)
	s.mu.Unlock()
	if opts.Progress != nil {
		opts.Progress(engine.Progress{Status: "Pulling from " + ref})
	}
	var id engine.ImageID
	err := s.do(ctx, OpPull, ref, s.latency(latency, OpPull, ref), func() error {
		s.counts.Pulls++
		b := s.behaviourOfImage(ref)
		s.pulls[ref]++
		if b.PullError != "" && (b.PullFailures <= 0 || s.pulls[ref] <= b.PullFailures) {
			return fmt.Errorf("%s", b.PullError)
		}
		img := s.images[ref]
		if img == nil {
			img = s.addImage(ref, false)
		}
		id = img.id
		return nil
	})
	if err != nil {
		return "", err
	}
	if opts.Progress != nil {
		opts.Progress(engine.Progress{Status: "Status: Downloaded newer image for " + ref})
	}
	return id, nil
}

// Import makes an image present that bears our label.
func (s *Sim) Import(ctx context.Context, ref string, _ []byte, _ engine.ImportOptions) (engine.ImageID, error) {
	return s.Build(ctx, ref, nil, nil)
}

// Build makes an image present that bears our label; nothing is built.
func (s *Sim) Build(ctx context.Context, ref string, _ []byte, progress func(string)) (engine.ImageID, error) {
	var id engine.ImageID
	err := s.do(ctx, OpBuild, ref, 0, func() error {
		id = s.addImage(ref, true).id
		return nil
	})
	if err == nil && progress != nil {
		progress("Successfully tagged " + ref)
	}
	return id, err
}

// ListImages gives the images that Import and Build made.
func (s *Sim) ListImages(ctx context.Context) ([]string, error) {
	if err := s.reachable(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for ref, img := range s.images {
		if img.ours {
			out = append(out, ref)
		}
	}
	slices.Sort(out)
	return out, nil
}

// RemoveImage removes an image that Import or Build made, unless a container uses it.
func (s *Sim) RemoveImage(ctx context.Context, ref string) error {
	return s.do(ctx, OpRemove, ref, 0, func() error {
		img := s.images[ref]
		if img == nil || !img.ours {
			return nil
		}
		for _, c := range s.containers {
			if c.status.ImageID == img.id {
				return nil
			}
		}
		delete(s.images, ref)
		delete(s.byID, img.id)
		return nil
	})
}

// CreateVolume makes a volume; one that exists is no error.
func (s *Sim) CreateVolume(ctx context.Context, v engine.Volume) error {
	return s.do(ctx, OpVolume, v.Name, 0, func() error {
		if _, ok := s.volumes[v.Name]; !ok {
			s.volumes[v.Name] = v
		}
		return nil
	})
}

// RemoveVolume removes a volume that no container mounts.
func (s *Sim) RemoveVolume(ctx context.Context, name string) error {
	return s.do(ctx, OpVolume, name, 0, func() error {
		for _, c := range s.sorted() {
			for _, m := range c.spec.Mounts {
				if m.Volume == name {
					return fmt.Errorf("remove %s: volume is in use - [%s]", name, c.status.ID)
				}
			}
		}
		delete(s.volumes, name)
		return nil
	})
}

// ListVolumes gives all volumes by name.
func (s *Sim) ListVolumes(ctx context.Context) ([]engine.Volume, error) {
	var out []engine.Volume
	err := s.do(ctx, OpVolume, "", 0, func() error {
		for _, v := range s.volumes {
			out = append(out, v)
		}
		slices.SortFunc(out, func(a, b engine.Volume) int { return cmp.Compare(a.Name, b.Name) })
		return nil
	})
	return out, err
}
