//go:build !release

package guest

import "errors"

// embeddedProgram gives what a release build carries; this is none.
func embeddedProgram(string, string) ([]byte, error) {
	return nil, errors.New("this is not a release build, which would carry it")
}
