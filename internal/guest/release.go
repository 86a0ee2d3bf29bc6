package guest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run ./release

// File is the name under which a release build embeds a guest, in internal/guest/bin.
func File(name, arch string) string { return name + "-linux-" + arch + ".gz" }

// WriteRelease compiles every guest for each processor into the module's internal/guest/bin, which a build with
// `-tags release` embeds. It works from source only.
func WriteRelease(ctx context.Context, archs ...string) error {
	root := sourceRoot()
	if root == "" {
		return fmt.Errorf("the module's source is not here")
	}
	dir := filepath.Join(root, "internal", "guest", "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, g := range guests {
		for _, arch := range archs {
			program, err := Compile(ctx, filepath.Join(root, g.folder), arch)
			if err != nil {
				return err
			}
			packed, err := pack(program)
			if err != nil {
				return fmt.Errorf("pack %s: %w", name, err)
			}
			if err := os.WriteFile(filepath.Join(dir, File(name, arch)), packed, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func pack(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
