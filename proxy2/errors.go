package proxy

import "fmt"

// Error is a refusal, with ELB's code on the wire (alb.md 5.4).
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ELB's error codes, as far as this package gives them.
const (
	CodeDuplicateListener          = "DuplicateListener"
	CodeDuplicateLoadBalancerName  = "DuplicateLoadBalancerName"
	CodeDuplicateTagKeys           = "DuplicateTagKeys"
	CodeDuplicateTargetGroupName   = "DuplicateTargetGroupName"
	CodeInvalidConfiguration       = "InvalidConfigurationRequest"
	CodeInvalidLoadBalancerAction  = "InvalidLoadBalancerAction"
	CodeInvalidTarget              = "InvalidTarget"
	CodeListenerNotFound           = "ListenerNotFound"
	CodeLoadBalancerNotFound       = "LoadBalancerNotFound"
	CodeOperationNotPermitted      = "OperationNotPermitted"
	CodeResourceInUse              = "ResourceInUse"
	CodeRuleNotFound               = "RuleNotFound"
	CodeTargetGroupAssociation     = "TargetGroupAssociationLimit"
	CodeTargetGroupNotFound        = "TargetGroupNotFound"
	CodeTooManyActions             = "TooManyActions"
	CodeTooManyListeners           = "TooManyListeners"
	CodeTooManyLoadBalancers       = "TooManyLoadBalancers"
	CodeTooManyTags                = "TooManyTags"
	CodeTooManyTargetGroups        = "TooManyTargetGroups"
	CodeTooManyTargets             = "TooManyTargets"
	CodeUnsupportedProtocol        = "UnsupportedProtocol"
	CodeValidation                 = "ValidationError"
	maxLoadBalancers, maxListeners = 50, 50 // per account; per load balancer (alb.md 5.7)
	maxTargetGroups, maxTargets    = 3000, 1000
	maxTags                        = 50
)

func refuse(code, format string, args ...any) error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error { return refuse(CodeValidation, format, args...) }

// notYet refuses what AWS does and miniecs does not: accepting it would be a promise.
func notYet(format string, args ...any) error {
	return refuse(CodeInvalidConfiguration, "miniecs does not support "+format+" yet", args...)
}
