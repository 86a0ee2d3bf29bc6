package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"miniecs/runtime/engine"
)

// cli makes a home of the docker CLI with config.json and a context "far".
func cli(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"} {
		t.Setenv(name, "")
	}
	t.Setenv("DOCKER_CONFIG", dir)
	sum := sha256.Sum256([]byte("far"))
	id := hex.EncodeToString(sum[:])
	write(t, filepath.Join(dir, "config.json"), config)
	write(t, filepath.Join(dir, "contexts", "meta", id, "meta.json"), `{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:2376"}}}`)
	write(t, filepath.Join(dir, "contexts", "tls", id, "docker", "ca.pem"), "x")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestDiscover_AsTheCLIDoes(t *testing.T) {
	cli(t, `{"currentContext":"far"}`)
	for _, c := range []struct{ env, value, host, how string }{
		{"", "", "tcp://far:2376", `current docker context "far"`},
		{"DOCKER_CONTEXT", "far", "tcp://far:2376", `DOCKER_CONTEXT "far"`},
		{"DOCKER_HOST", "unix:///x.sock", "unix:///x.sock", "DOCKER_HOST"},
	} {
		if c.env != "" {
			t.Setenv(c.env, c.value)
		}
		p, err := locate("")
		if err != nil || p.host != c.host || p.how != c.how {
			t.Errorf("%s: got %+v, %v", c.how, p, err)
		}
		if c.host == "tcp://far:2376" && (p.tls == nil || !strings.HasSuffix(p.tls.CAFile, "ca.pem") || p.tls.CertFile != "") {
			t.Errorf("%s: tls: got %+v", c.how, p.tls)
		}
	}
	for host, want := range map[string]string{
		"ssh://me@host": "not supported yet", "nonsense": "no address of a docker engine", "gopher://x": "unknown scheme",
	} {
		if _, err := locate(host); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", host, err, want)
		}
	}
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONTEXT", "gone")
	if _, err := locate(""); err == nil || !strings.Contains(err.Error(), `docker context "gone" cannot be read`) {
		t.Errorf("a missing context: got %v", err)
	}
}

func TestDiscover_SaysWhatToDo(t *testing.T) {
	dir := cli(t, `{}`)
	dead := filepath.Join(dir, "dead.sock")
	l, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	for path, want := range map[string]string{dead: "start Docker", filepath.Join(dir, "none.sock"): "there is no socket"} {
		t.Setenv("DOCKER_HOST", "unix://"+path)
		host, how, err := Discover()
		if host != "unix://"+path || how != "DOCKER_HOST" || !errors.Is(err, engine.ErrUnavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %s, %s, %v, want %q", path, host, how, err, want)
		}
	}
	denied := &net.OpError{Op: "dial", Err: &os.SyscallError{Syscall: "connect", Err: syscall.EACCES}}
	if err := explain(denied, "/s", "usual socket"); !strings.Contains(err.Error(), "usermod -aG docker") || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("permission: got %v", err)
	}
}

func TestCredentials(t *testing.T) {
	dir := cli(t, `{}`)
	write(t, filepath.Join(dir, "docker-credential-fake"), `#!/bin/sh
read server
case "$server" in
token.example) echo '{"Username":"<token>","Secret":"idt"}' ;;
user.example) echo '{"Username":"u","Secret":"p"}' ;;
broken.example) echo 'boom' >&2; exit 1 ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac
`)
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	c := dockerConfig{
		Auths: map[string]dockerAuth{
			hubServer: {Auth: "aHViOnNlY3JldA=="}, "https://file.example": {Auth: "ZjpwOnE="}, "empty.example": {},
			"helped.example": {Auth: "ZjpwOnE="},
		},
		CredHelpers: map[string]string{"token.example": "fake", "user.example": "fake", "broken.example": "fake", "helped.example": "fake"},
	}
	for server, want := range map[string]string{
		hubServer: "hub secret  ", "file.example": "f p:q  ", "empty.example": "   ", "unknown.example": "   ",
		"user.example": "u p  ", "token.example": "  idt ", "helped.example": "f p:q  ",
	} {
		a, err := credentials(t.Context(), c, server)
		got := fmt.Sprintf("%s %s %s %s", a.Username, a.Password, a.IdentityToken, a.RegistryToken)
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", server, got, err, want)
		}
	}
	if _, err := credentials(t.Context(), c, "broken.example"); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("a broken helper: got %v", err)
	}
}
