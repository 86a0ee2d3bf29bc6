package taskdef

import (
	"fmt"
	"regexp"
	"strings"
)

// Services that a secret's value can come from.
const (
	SecretFromSSM            = "ssm"
	SecretFromSecretsManager = "secretsmanager"
)

// SecretRef is a secret's valueFrom, taken apart.
type SecretRef struct {
	Service string // SecretFromSSM or SecretFromSecretsManager
	Region  string // "" is the Region of the task
	Account string // "" is the account of the task
	Name    string // /path/to/param, or a secret's name with its six random characters
	ID      string // what the service is asked for: the parameter's name or ARN, the secret's ARN

	// Of Secrets Manager only: one key of a secret that is a JSON object, and which version of it.
	JSONKey      string
	VersionStage string
	VersionID    string
}

var secretSuffix = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

// FriendlyName is Name without the random characters that Secrets Manager adds to it in an ARN.
func (r SecretRef) FriendlyName() string {
	if r.Service != SecretFromSecretsManager {
		return r.Name
	}
	return secretSuffix.ReplaceAllString(r.Name, "")
}

// ParseSecretRef reads the four forms of task-definition.md 4.4.
func ParseSecretRef(valueFrom string) (SecretRef, error) {
	if valueFrom == "" {
		return SecretRef{}, fmt.Errorf("valueFrom is empty")
	}
	if !strings.HasPrefix(valueFrom, "arn:") {
		return SecretRef{Service: SecretFromSSM, Name: valueFrom, ID: valueFrom}, nil
	}
	parts := strings.Split(valueFrom, ":")
	if len(parts) < 6 || parts[3] == "" || parts[4] == "" {
		return SecretRef{}, fmt.Errorf("%q is not an ARN", valueFrom)
	}
	ref := SecretRef{Service: parts[2], Region: parts[3], Account: parts[4]}
	switch ref.Service {
	case SecretFromSSM:
		name, ok := strings.CutPrefix(strings.Join(parts[5:], ":"), "parameter/")
		if !ok || name == "" {
			return SecretRef{}, fmt.Errorf("%q is not the ARN of an SSM parameter", valueFrom)
		}
		if strings.Contains(name, "/") {
			name = "/" + name // the ARN of /a/b is …:parameter/a/b
		}
		ref.Name, ref.ID = name, valueFrom
		return ref, nil
	case SecretFromSecretsManager:
		return parseManagedSecret(ref, parts, valueFrom)
	}
	return SecretRef{}, fmt.Errorf("%q is neither of SSM nor of Secrets Manager", valueFrom)
}

// parseManagedSecret wants no colon behind the secret's name, or all three.
func parseManagedSecret(ref SecretRef, parts []string, valueFrom string) (SecretRef, error) {
	if parts[5] != "secret" || len(parts) < 7 || parts[6] == "" {
		return SecretRef{}, fmt.Errorf("%q is not the ARN of a secret", valueFrom)
	}
	ref.Name, ref.ID = parts[6], strings.Join(parts[:7], ":")
	switch len(parts) {
	case 7:
	case 10:
		ref.JSONKey, ref.VersionStage, ref.VersionID = parts[7], parts[8], parts[9]
	default:
		return SecretRef{}, fmt.Errorf(
			"%q: behind the secret's name come json-key:version-stage:version-id, each of which may be empty, with all three colons", valueFrom)
	}
	return ref, nil
}
