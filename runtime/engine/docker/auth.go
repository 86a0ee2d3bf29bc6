package docker

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/registry"

	"miniecs/runtime/engine"
)

const (
	hubServer     = "https://index.docker.io/v1/" // the name under which the CLI keeps Docker Hub's login
	helperTimeout = 30 * time.Second
	tokenUser     = "<token>" // a helper's user name that says the secret is an identity token
)

// pullAuth gives the header that logs a pull in, empty for an anonymous one. The engine does not read the CLI's
// configuration: whoever calls it has to (task-runtime.md 6.8).
func pullAuth(ctx context.Context, ref reference.Named, given *engine.Auth) (string, error) {
	server := reference.Domain(ref)
	if server == "docker.io" {
		server = hubServer
	}
	if given != nil {
		return registry.EncodeAuthConfig(registry.AuthConfig{Username: given.Username, Password: given.Password, ServerAddress: server})
	}
	auth, err := credentials(ctx, readDockerConfig(), server)
	if err != nil || auth == (registry.AuthConfig{}) {
		return "", err
	}
	return registry.EncodeAuthConfig(auth)
}

// buildAuths gives the logins that a build may need for its FROM lines: those that lie in the file itself.
func buildAuths(ctx context.Context) map[string]registry.AuthConfig {
	c := readDockerConfig()
	all := map[string]registry.AuthConfig{}
	for server := range c.Auths {
		if auth, err := credentials(ctx, c, server); err == nil && auth != (registry.AuthConfig{}) {
			all[server] = auth
		}
	}
	return all
}

// credentials looks a server up as the CLI does: its own helper, else the store, else the file.
func credentials(ctx context.Context, c dockerConfig, server string) (registry.AuthConfig, error) {
	helper := c.CredsStore
	for name, h := range c.CredHelpers {
		if serverName(name) == serverName(server) {
			helper = h
		}
	}
	if helper != "" {
		auth, found, err := askHelper(ctx, helper, server)
		if err != nil || found {
			return auth, err
		}
	}
	for name, a := range c.Auths {
		if serverName(name) == serverName(server) {
			return a.config(server)
		}
	}
	return registry.AuthConfig{}, nil
}

func (a dockerAuth) config(server string) (registry.AuthConfig, error) {
	out := registry.AuthConfig{
		Username: a.Username, Password: a.Password, IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken,
		ServerAddress: server,
	}
	if a.Auth != "" {
		raw, err := base64.StdEncoding.DecodeString(a.Auth)
		if err != nil {
			return out, fmt.Errorf("the docker CLI's login for %s cannot be read: %w", server, err)
		}
		out.Username, out.Password, _ = strings.Cut(strings.TrimRight(string(raw), "\x00"), ":")
	}
	if out.Username == "" && out.IdentityToken == "" && out.RegistryToken == "" {
		return registry.AuthConfig{}, nil
	}
	return out, nil
}

// askHelper runs docker-credential-NAME, whose protocol is a server on its input and JSON on its output.
func askHelper(ctx context.Context, name, server string) (auth registry.AuthConfig, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker-credential-"+name, "get")
	cmd.Stdin = strings.NewReader(server)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(out.String() + complaint.String())
		if strings.Contains(text, "credentials not found") || strings.Contains(text, "not implemented") {
			return auth, false, nil
		}
		return auth, false, fmt.Errorf("docker-credential-%s: %w: %.200s", name, err, text)
	}
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return auth, false, fmt.Errorf("docker-credential-%s: its answer is no JSON", name) // never the answer itself
	}
	auth = registry.AuthConfig{Username: answer.Username, Password: answer.Secret, ServerAddress: server}
	if answer.Username == tokenUser {
		auth = registry.AuthConfig{IdentityToken: answer.Secret, ServerAddress: server}
	}
	return auth, true, nil
}

// serverName strips what different writers put around a registry's host.
func serverName(s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
	host, _, _ := strings.Cut(s, "/")
	switch host {
	case "docker.io", "registry-1.docker.io":
		return "index.docker.io"
	}
	return host
}
