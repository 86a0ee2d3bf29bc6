package elbv2

import (
	"errors"

	"miniecs/awsapi/wire"
	"miniecs/proxy"
)

// spell turns a refusal of the proxy into AWS's error. What it does not know passes through: wire answers
// InternalFailure and logs the whole.
func spell(err error) error {
	if refused, ok := errors.AsType[*proxy.Error](err); ok {
		return wire.Errorf(refused.Code, "%s", refused.Message)
	}
	return err
}
