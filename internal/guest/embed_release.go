//go:build release

package guest

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
)

// The files are made by `go generate ./internal/guest`.
//
//go:embed bin/*.gz
var bin embed.FS

// embeddedProgram gives what this release build carries.
func embeddedProgram(name, arch string) ([]byte, error) {
	packed, err := bin.ReadFile("bin/" + File(name, arch))
	if err != nil {
		return nil, fmt.Errorf("this release carries no %s for linux/%s", name, arch)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("embedded %s: %w", name, err)
	}
	return io.ReadAll(r)
}
