package elbv2

import (
	"errors"

	"miniecs/awsapi/wire"
	"miniecs/proxy2"
)

// spell turns a refusal of the proxy into an error of the API. The proxy's codes are ELB's own; all have status 400
// (alb.md 5.4). What it does not know passes through: wire answers InternalFailure and logs the whole.
func spell(err error) error {
	if refusal, ok := errors.AsType[*proxy.Error](err); ok {
		return wire.Errorf(refusal.Code, "%s", refusal.Message)
	}
	return err
}

func invalid(format string, args ...any) error {
	return wire.Errorf(proxy.CodeValidation, format, args...)
}

// notYet refuses a member that AWS knows and miniecs does not act on.
func notYet(what string) error {
	return wire.Errorf(proxy.CodeInvalidConfiguration, "miniecs does not support %s yet", what)
}
