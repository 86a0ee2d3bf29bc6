package runtime

import "fmt"

// Kind classes the errors of this package; awsapi/ecs spells each as AWS does.
type Kind string

// Kinds of errors. The words are ECS's exception names without the suffix, where it has one.
const (
	Invalid                 Kind = "InvalidParameter"
	Client                  Kind = "Client"
	ClusterNotFound         Kind = "ClusterNotFound"
	ServiceNotFound         Kind = "ServiceNotFound"
	ServiceNotActive        Kind = "ServiceNotActive"
	ClusterContainsServices Kind = "ClusterContainsServices"
	ClusterContainsTasks    Kind = "ClusterContainsTasks"
	ResourceNotFound        Kind = "ResourceNotFound"
	Conflict                Kind = "Conflict"
	PlatformUnknown         Kind = "PlatformUnknown"
	Unsupported             Kind = "UnsupportedFeature"
	LimitExceeded           Kind = "LimitExceeded"
)

// Error is a refusal: nothing was changed. Message is AWS's wording where it is known.
type Error struct {
	Kind        Kind
	Message     string
	ResourceIDs []string // Conflict: what the client token made before
}

func (e *Error) Error() string { return e.Message }

func refuse(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}
