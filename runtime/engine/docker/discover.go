package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/docker/docker/client"
	"github.com/docker/go-connections/tlsconfig"

	"miniecs/runtime/engine"
)

// place is where an engine listens, and how that was found out.
type place struct {
	host string
	how  string
	tls  *tlsconfig.Options
}

// Discover finds the engine as the docker CLI does: DOCKER_HOST, else the current context, else the usual sockets.
// how says which. An error says what is wrong and what to do about it.
func Discover() (host, how string, err error) {
	p, err := locate("")
	if err != nil {
		return "", "", err
	}
	return p.host, p.how, p.reachable()
}

// locate finds the engine's address; host overrides the search.
func locate(host string) (place, error) {
	if host != "" {
		return checked(place{host: host, how: "as configured", tls: envTLS()})
	}
	if h := os.Getenv("DOCKER_HOST"); h != "" {
		return checked(place{host: h, how: "DOCKER_HOST", tls: envTLS()})
	}
	name := os.Getenv("DOCKER_CONTEXT")
	how := "DOCKER_CONTEXT"
	if name == "" {
		name, how = readDockerConfig().CurrentContext, "current docker context"
	}
	if name != "" && name != "default" {
		p, err := contextPlace(name)
		if err != nil {
			return place{}, err
		}
		p.how = fmt.Sprintf("%s %q", how, name)
		return checked(p)
	}
	return usualSocket()
}

// checked refuses what the client cannot speak.
func checked(p place) (place, error) {
	scheme, _, ok := strings.Cut(p.host, "://")
	if !ok {
		return p, fmt.Errorf("%s is %q, which is no address of a docker engine: it should look like unix:///var/run/docker.sock or tcp://host:2376", p.how, p.host)
	}
	switch scheme {
	case "unix", "npipe", "tcp", "http", "https":
		return p, nil
	case "ssh":
		return p, fmt.Errorf("%s is %s: engines behind ssh are not supported yet; forward the socket (ssh -L /tmp/docker.sock:/var/run/docker.sock HOST) and set DOCKER_HOST=unix:///tmp/docker.sock", p.how, p.host)
	}
	return p, fmt.Errorf("%s is %s: unknown scheme %q", p.how, p.host, scheme)
}

// envTLS is what DOCKER_TLS_VERIFY and DOCKER_CERT_PATH ask for, nil if nothing.
func envTLS() *tlsconfig.Options {
	dir := os.Getenv("DOCKER_CERT_PATH")
	if dir == "" {
		if os.Getenv("DOCKER_TLS_VERIFY") == "" {
			return nil
		}
		dir = dockerConfigDir()
	}
	return &tlsconfig.Options{
		CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
		InsecureSkipVerify: os.Getenv("DOCKER_TLS_VERIFY") == "",
	}
}

// contextPlace reads a context of the docker CLI from its folder.
func contextPlace(name string) (place, error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	dir := filepath.Join(dockerConfigDir(), "contexts")
	raw, err := os.ReadFile(filepath.Join(dir, "meta", id, "meta.json"))
	if err != nil {
		return place{}, fmt.Errorf("docker context %q cannot be read (see `docker context ls`): %w", name, err)
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(raw, &meta); err != nil {
		return place{}, fmt.Errorf("docker context %q: %w", name, err)
	}
	end, ok := meta.Endpoints["docker"]
	if !ok || end.Host == "" {
		return place{}, fmt.Errorf("docker context %q names no docker endpoint", name)
	}
	p := place{host: end.Host}
	certs := filepath.Join(dir, "tls", id, "docker")
	options := tlsconfig.Options{InsecureSkipVerify: end.SkipTLSVerify}
	for file, field := range map[string]*string{"ca.pem": &options.CAFile, "cert.pem": &options.CertFile, "key.pem": &options.KeyFile} {
		if path := filepath.Join(certs, file); exists(path) {
			*field, p.tls = path, &options
		}
	}
	if end.SkipTLSVerify {
		p.tls = &options
	}
	return p, nil
}

// usualSocket looks where engines put their socket when nobody says anything (task-runtime.md 6.1).
func usualSocket() (place, error) {
	if goruntime.GOOS == "windows" {
		return place{host: "npipe:////./pipe/docker_engine", how: "usual pipe"}, nil
	}
	var tried []string
	for _, path := range usualSockets() {
		if exists(path) {
			return place{host: "unix://" + path, how: "usual socket"}, nil
		}
		tried = append(tried, path)
	}
	return place{}, &callError{kind: engine.ErrUnavailable, err: fmt.Errorf(
		"no docker engine found: DOCKER_HOST is not set, the docker CLI has no context chosen, and there is no socket at %s. Install and start Docker, or set DOCKER_HOST",
		strings.Join(tried, ", "))}
}

func usualSockets() []string {
	paths := []string{"/var/run/docker.sock"}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		paths = append(paths, filepath.Join(dir, "docker.sock"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		for _, p := range []string{".docker/run/docker.sock", ".docker/desktop/docker.sock", ".colima/default/docker.sock", ".orbstack/run/docker.sock", ".rd/docker.sock"} {
			paths = append(paths, filepath.Join(home, filepath.FromSlash(p)))
		}
	}
	return paths
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// client makes a client of the engine at p. The API version is negotiated: engines refuse too old and too new ones.
func (p place) client() (*client.Client, error) {
	opts := []client.Opt{client.WithHost(p.host), client.WithAPIVersionNegotiation()}
	if p.tls != nil {
		config, err := tlsconfig.Client(*p.tls)
		if err != nil {
			return nil, fmt.Errorf("certificates for %s: %w", p.host, err)
		}
		// WithHost, given after it, sets the transport's dialler.
		opts = append([]client.Opt{client.WithHTTPClient(&http.Client{
			Transport:     &http.Transport{TLSClientConfig: config},
			CheckRedirect: client.CheckRedirect,
		})}, opts...)
	}
	return client.NewClientWithOpts(opts...)
}

// reachable tries to connect and explains a failure.
func (p place) reachable() error {
	path, ok := strings.CutPrefix(p.host, "unix://")
	if !ok {
		return p.ping()
	}
	conn, err := net.DialTimeout("unix", path, 3*time.Second)
	if err == nil {
		conn.Close()
		return p.ping()
	}
	return &callError{kind: engine.ErrUnavailable, err: explain(err, path, p.how)}
}

func (p place) ping() error {
	cli, err := p.client()
	if err != nil {
		return err
	}
	defer cli.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err = cli.Ping(ctx)
	return wrap(err)
}

// explain says what to do about a socket that cannot be connected to.
func explain(err error, path, how string) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("permission denied on %s (%s): add yourself to its group (sudo usermod -aG docker $USER) and log in again: %w", path, how, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no socket at %s (%s): start Docker, or point DOCKER_HOST or the docker context elsewhere: %w", path, how, err)
	case strings.Contains(err.Error(), "connection refused"):
		return fmt.Errorf("nothing listens on %s (%s): start Docker (sudo systemctl start docker, or Docker Desktop): %w", path, how, err)
	}
	return fmt.Errorf("docker engine at %s (%s): %w", path, how, err)
}
