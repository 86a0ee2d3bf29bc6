//go:build !linux

package pause

import (
	"fmt"
	"os"
)

// Main refuses: only Linux has network namespaces.
func Main([]string) int {
	fmt.Fprintln(os.Stderr, "pause: runs on Linux only")
	return 1
}
