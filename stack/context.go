package stack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxContext bounds a build context, in bytes: it is held in memory.
const maxContext = 512 << 20

// buildContext is a folder as the tar that a build is made from. Equal folders give equal bytes: no times, no owners.
func buildContext(dir string) ([]byte, error) {
	ignored, err := readIgnore(dir)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil || rel == "." {
			return err
		}
		name := filepath.ToSlash(rel)
		if ignored.matches(name) && name != "Dockerfile" {
			if d.IsDir() && !ignored.exceptions {
				return fs.SkipDir
			}
			return nil
		}
		if err := addFile(w, file, name, d); err != nil {
			return err
		}
		if out.Len() > maxContext {
			return fmt.Errorf("it holds more than %d MiB; name what is not needed in .dockerignore", maxContext>>20)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func addFile(w *tar.Writer, file, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	h := tar.Header{Name: name, Mode: int64(info.Mode().Perm()), Format: tar.FormatPAX}
	switch {
	case d.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
	case info.Mode()&fs.ModeSymlink != 0:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = os.Readlink(file); err != nil {
			return err
		}
	case info.Mode().IsRegular():
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
	default:
		return nil // sockets and devices are no part of a build
	}
	if err := w.WriteHeader(&h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, io.LimitReader(f, h.Size))
	return firstError(err, f.Close())
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ignore is a .dockerignore: patterns of path.Match from the context's root, `**/` for any folder, `!` for exceptions;
// the last that matches decides.
type ignore struct {
	patterns   []string
	exceptions bool
}

func readIgnore(dir string) (ignore, error) {
	var ig ignore
	data, err := os.ReadFile(filepath.Join(dir, ".dockerignore"))
	if os.IsNotExist(err) {
		return ig, nil
	}
	if err != nil {
		return ig, err
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if _, err := path.Match(strings.TrimPrefix(line, "!"), ""); err != nil {
			return ig, fmt.Errorf(".dockerignore: %q: %w", line, err)
		}
		ig.patterns = append(ig.patterns, line)
		ig.exceptions = ig.exceptions || line[0] == '!'
	}
	return ig, nil
}

func (ig ignore) matches(name string) bool {
	hit := false
	for _, p := range ig.patterns {
		pattern, exception := strings.CutPrefix(p, "!")
		if under(strings.Trim(path.Clean(pattern), "/"), name) {
			hit = !exception
		}
	}
	return hit
}

// under says whether a pattern matches a path or a folder that it is in.
func under(pattern, name string) bool {
	rest, anywhere := strings.CutPrefix(pattern, "**/")
	for end := name; end != "." && end != ""; end = path.Dir(end) {
		if ok, _ := path.Match(pattern, end); ok {
			return true
		}
		for at := end; anywhere && at != ""; {
			if ok, _ := path.Match(rest, at); ok {
				return true
			}
			_, at, _ = strings.Cut(at, "/")
		}
	}
	return false
}
