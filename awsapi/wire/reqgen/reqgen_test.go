package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// After an upgrade of the SDK the tables have to be generated again: this fails until they are.
func TestGenerate_MatchesWhatIsCommitted(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run go generate in awsapi/wire", name)
		}
	}
}
