package stack

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"miniecs/taskdef"
)

// timeZero is a time that no file of a test has.
var timeZero = time.Unix(0, 0)

func TestTagged(t *testing.T) {
	for name, want := range map[string]string{
		"app": "app:H", "app:latest": "app:H", "app:v1": "app:v1-H", "host:5000/app": "host:5000/app:H", "host:5000/app:2": "host:5000/app:2-H",
	} {
		if got := tagged(name, "H"); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestSameImage(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"app", "app", true}, {"app", "app:latest", true}, {"app", "app:v1", false}, {"app:v1", "app:v1", true}, {"h:1/app", "h:1/app:latest", true}, {"h:1/app", "h:2/app", false},
	} {
		if got := sameImage(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: got %v", c.a, c.b, got)
		}
	}
}

// write makes a folder of files; their names may have slashes.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func names(t *testing.T, archive []byte) string {
	t.Helper()
	var out []string
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return strings.Join(out, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, h.Name)
	}
}

func TestBuildContext(t *testing.T) {
	files := map[string]string{"Dockerfile": "FROM scratch", "main.go": "x", "a/b/c.log": "x", "a/keep.log": "x", "node_modules/x/y": "x", "a/b/d": "x"}
	for _, c := range []struct{ name, ignore, want string }{
		{"takes all", "", "Dockerfile a/ a/b/ a/b/c.log a/b/d a/keep.log main.go node_modules/ node_modules/x/ node_modules/x/y"},
		{"leaves out a folder", "# a comment\nnode_modules\n", ".dockerignore Dockerfile a/ a/b/ a/b/c.log a/b/d a/keep.log main.go"},
		{"leaves out a pattern anywhere, with an exception", "**/*.log\n!a/keep.log\nnode_modules/\n", ".dockerignore Dockerfile a/ a/b/ a/b/d a/keep.log main.go"},
		{"never leaves out the Dockerfile", "*\n", "Dockerfile"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := write(t, files)
			if c.ignore != "" {
				if err := os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte(c.ignore), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			one, err := buildContext(dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(t, one); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if err := os.Chtimes(filepath.Join(dir, "main.go"), timeZero, timeZero); err != nil {
				t.Fatal(err)
			}
			if two, _ := buildContext(dir); !bytes.Equal(one, two) {
				t.Error("a file's time changes the context, and so the image's tag")
			}
		})
	}
}

// An image is put only where it is missing, and its tag is in the definition either way.
func TestMakeImages(t *testing.T) {
	present, put := map[string]bool{}, []string{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case r.Method == http.MethodPut:
			body, _ := io.ReadAll(r.Body)
			put = append(put, q.Get("kind")+" "+q.Get("ref")+" "+names(t, body))
			present[q.Get("ref")] = true
			_, _ = io.WriteString(w, `{"id":"x"}`)
		case q.Has("ref") && present[q.Get("ref")]:
			_, _ = io.WriteString(w, `{"present":true}`)
		case q.Has("ref"):
			_, _ = io.WriteString(w, `{"present":false}`)
		default:
			_, _ = io.WriteString(w, `{"images":[],"arch":"amd64"}`)
		}
	}))
	defer srv.Close()
	dir := write(t, map[string]string{"Dockerfile": "FROM scratch"})
	for range 2 {
		u := &up{c: NewClient(srv.URL, "us-east-1"), s: &Stack{Name: "s", images: map[string]imageInput{"app:v1": {Build: dir}, "unused": {Build: "nowhere"}}},
			def: &taskdef.TaskDefinition{ContainerDefinitions: []taskdef.ContainerDefinition{{Image: "app:v1"}, {Image: "busybox"}, {Image: "app:v1"}}}}
		if err := u.makeImages(context.Background()); err != nil {
			t.Fatal(err)
		}
		c := u.def.ContainerDefinitions
		if !strings.HasPrefix(c[0].Image, "app:v1-") || c[2].Image != c[0].Image || c[1].Image != "busybox" {
			t.Errorf("got images %s, %s, %s", c[0].Image, c[1].Image, c[2].Image)
		}
		if want := "build " + c[0].Image + " Dockerfile"; len(put) != 1 || put[0] != want {
			t.Errorf("got %q, want once %q", put, want)
		}
	}
}
