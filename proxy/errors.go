package proxy

import "fmt"

// Error is a refusal: nothing was changed. Code is ELB's wire code and Message ELB's wording where it is known
// (alb.md 5.4, 5.5).
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Message }

// Codes of errors.
const (
	CodeValidation           = "ValidationError"
	CodeLoadBalancerNotFound = "LoadBalancerNotFound"
	CodeTargetGroupNotFound  = "TargetGroupNotFound"
	CodeListenerNotFound     = "ListenerNotFound"
	CodeRuleNotFound         = "RuleNotFound"
	CodeDuplicateBalancer    = "DuplicateLoadBalancerName"
	CodeDuplicateGroup       = "DuplicateTargetGroupName"
	CodeDuplicateListener    = "DuplicateListener"
	CodeResourceInUse        = "ResourceInUse"
	CodeAssociationLimit     = "TargetGroupAssociationLimit"
	CodeNotPermitted         = "OperationNotPermitted"
	CodeInvalidConfiguration = "InvalidConfigurationRequest"
	CodeInvalidTarget        = "InvalidTarget"
	CodeUnsupportedProtocol  = "UnsupportedProtocol"
	CodeInvalidAction        = "InvalidLoadBalancerAction"
	CodeTooManyTags          = "TooManyTags"
	CodeDuplicateTagKeys     = "DuplicateTagKeys"
	CodeTooManyTargets       = "TooManyTargets"
)

func refuse(code, format string, args ...any) *Error {
	return &Error{code, fmt.Sprintf(format, args...)}
}
