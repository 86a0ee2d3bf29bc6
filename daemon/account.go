package daemon

import (
	"fmt"
	"net/netip"

	"miniecs/cloud/account"
)

// newAccount is who the API answers as, with the VPC whose range is that of the tasks' network.
func newAccount(s settings, network netip.Prefix) (account.Account, error) {
	a, err := account.New(s.Account, s.Region, network)
	if err != nil {
		return a, fmt.Errorf("make the account: %w", err)
	}
	return a, nil
}
