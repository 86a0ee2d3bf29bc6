package docker

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// dockerConfig is the part of the docker CLI's config.json that concerns us.
type dockerConfig struct {
	CurrentContext string                `json:"currentContext"`
	Auths          map[string]dockerAuth `json:"auths"`
	CredsStore     string                `json:"credsStore"`
	CredHelpers    map[string]string     `json:"credHelpers"`
}

type dockerAuth struct {
	Auth          string `json:"auth"` // base64 of user:password
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

func dockerConfigDir() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".docker"
	}
	return filepath.Join(home, ".docker")
}

// readDockerConfig reads the CLI's configuration. A missing or broken one is an empty one, as for the CLI.
func readDockerConfig() dockerConfig {
	var c dockerConfig
	raw, err := os.ReadFile(filepath.Join(dockerConfigDir(), "config.json"))
	if err != nil {
		return c
	}
	if json.Unmarshal(raw, &c) != nil {
		return dockerConfig{}
	}
	return c
}
