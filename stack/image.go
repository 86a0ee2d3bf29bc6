package stack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"miniecs/internal/guest"
)

// imageInput says how `up` makes an image itself.
type imageInput struct {
	Build string // folder with a Dockerfile or a Go main package, from the stack's
	Guest string // "demo": the demonstration application
}

func (s *Stack) readOwn(dir string) error {
	file := filepath.Join(dir, ownFile)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var in struct {
		Images  map[string]imageInput
		Secrets map[string]string
	}
	if _, err := decodeFile(file, data, &in); err != nil {
		return err
	}
	s.images, s.secrets = in.Images, in.Secrets
	for name, i := range s.images {
		switch {
		case (i.Build == "") == (i.Guest == ""):
			return fmt.Errorf("%s: image %s: want either \"build\" (a folder) or \"guest\"", file, name)
		case i.Guest != "" && i.Guest != guest.Demo:
			return fmt.Errorf("%s: image %s: the only guest is %q", file, name, guest.Demo)
		case i.Build != "":
			i.Build = filepath.Join(dir, filepath.FromSlash(i.Build))
			s.images[name] = i
		}
	}
	return nil
}

// built is an image that can be put into the engine.
type built struct {
	ref        string
	kind       string // import, build
	entrypoint []string
	body       []byte
	from       string // for people
}

// make reads or compiles what the image called name is made of. The content's hash is its tag, so that an edit makes
// another image and a repetition none.
func (i imageInput) make(ctx context.Context, name, arch string) (built, error) {
	if i.Guest != "" {
		p, err := guest.Binary(ctx, i.Guest, arch)
		if err != nil {
			return built{}, err
		}
		return imported(name, p, "the demonstration application")
	}
	if _, err := os.Stat(filepath.Join(i.Build, "Dockerfile")); err == nil {
		body, err := buildContext(i.Build)
		if err != nil {
			return built{}, fmt.Errorf("read the folder of image %s: %w", name, err)
		}
		sum := sha256.Sum256(body)
		return built{ref: tagged(name, hex.EncodeToString(sum[:6])), kind: "build", body: body, from: i.Build}, nil
	}
	if main, err := filepath.Glob(filepath.Join(i.Build, "*.go")); err != nil || len(main) == 0 {
		return built{}, fmt.Errorf("image %s: the folder %s has neither a Dockerfile nor a Go main package", name, i.Build)
	}
	data, err := guest.Compile(ctx, i.Build, arch)
	if err != nil {
		return built{}, fmt.Errorf("image %s: %w", name, err)
	}
	abs, err := filepath.Abs(i.Build)
	if err != nil {
		return built{}, err
	}
	return imported(name, guest.Program{Name: filepath.Base(abs), Arch: arch, Data: data}, i.Build)
}

func imported(name string, p guest.Program, from string) (built, error) {
	rootfs, err := p.Rootfs()
	return built{ref: tagged(name, p.Hash()), kind: "import", entrypoint: p.EntryPoint(), body: rootfs, from: from}, err
}

// tagged is a name with the content's hash in its tag: NAME:HASH, or NAME:TAG-HASH.
func tagged(name, hash string) string {
	if repo, tag := splitTag(name); tag != "" && tag != "latest" {
		return repo + ":" + tag + "-" + hash
	} else {
		return repo + ":" + hash
	}
}

// splitTag cuts NAME:TAG; a colon before the last slash is a registry's port.
func splitTag(ref string) (repo, tag string) {
	i := strings.LastIndexByte(ref, ':')
	if i < 0 || strings.Contains(ref[i:], "/") {
		return ref, ""
	}
	return ref[:i], ref[i+1:]
}

// sameImage says whether two names mean the same: no tag is "latest".
func sameImage(a, b string) bool {
	ra, ta := splitTag(a)
	rb, tb := splitTag(b)
	latest := func(t string) bool { return t == "" || t == "latest" }
	return ra == rb && (ta == tb || latest(ta) && latest(tb))
}

// makeImages makes the images that the definition uses and the stack has a source for, and puts their tags into the
// definition.
func (u *up) makeImages(ctx context.Context) error {
	arch, refs := "", map[string]string{}
	for i := range u.def.ContainerDefinitions {
		c := &u.def.ContainerDefinitions[i]
		for name, source := range u.s.images {
			if !sameImage(name, c.Image) {
				continue
			}
			if refs[name] == "" {
				if arch == "" {
					var err error
					if arch, err = u.c.arch(ctx); err != nil {
						return err
					}
				}
				b, err := source.make(ctx, name, arch)
				if err != nil {
					return err
				}
				if err := u.putImage(ctx, b); err != nil {
					return err
				}
				refs[name] = b.ref
			}
			c.Image = refs[name]
			break
		}
	}
	return nil
}

func (u *up) putImage(ctx context.Context, b built) error {
	var there struct{ Present bool }
	if err := u.c.control(ctx, http.MethodGet, "images", url.Values{"ref": {b.ref}}, nil, &there); err != nil {
		return err
	}
	if there.Present {
		u.say("image", b.ref, Unchanged, "")
		return nil
	}
	u.say("image", b.ref, "building", "from "+b.from)
	q := url.Values{"ref": {b.ref}, "kind": {b.kind}, "entrypoint": b.entrypoint, "stack": {u.s.Name}}
	if err := u.c.control(ctx, http.MethodPut, "images", q, bytes.NewReader(b.body), nil); err != nil {
		return fmt.Errorf("make image %s: %w", b.ref, err)
	}
	u.say("image", b.ref, "built", "")
	return nil
}

// arch is the engine's processor, in Go's words.
func (c *Client) arch(ctx context.Context) (string, error) {
	_, arch, err := c.ourImages(ctx)
	return arch, err
}

// ourImages are the images that this installation made.
func (c *Client) ourImages(ctx context.Context) (refs []string, arch string, err error) {
	var out struct {
		Images []string
		Arch   string
	}
	err = c.control(ctx, http.MethodGet, "images", nil, nil, &out)
	return out.Images, out.Arch, err
}
