package pause

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Offsets in IPv4 and TCP headers.
const (
	ipDestination  = 16
	tcpDestination = 2
)

// guard puts in the rules of the namespace: 169.254.170.2:80 is redirected to our port, so that the task may still
// bind 0.0.0.0:80 itself, and whatever else of 169.254.0.0/16 is asked for is rejected at once: on a cloud host a
// task would reach the host's real credentials there (design.md 4). The redirect comes first (its hook's priority
// is lower), so the second chain sees only what was not redirected.
func guard(port uint16) error {
	if err := install(port, &expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: icmpPortUnreachable}); err == nil {
		return nil
	}
	// A kernel without nft_reject drops: just as safe, only slower to notice.
	if err := install(port, &expr.Verdict{Kind: expr.VerdictDrop}); err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	return nil
}

// icmpPortUnreachable makes connect fail with ECONNREFUSED.
const icmpPortUnreachable = 3

func install(port uint16, refuse expr.Any) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "miniecs"})
	nat := c.AddChain(&nftables.Chain{
		Name: "metadata", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest,
	})
	c.AddRule(&nftables.Rule{Table: table, Chain: nat, Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: ipDestination, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{169, 254, 170, 2}},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: tcpDestination, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{0, 80}},
		&expr.Immediate{Register: 1, Data: []byte{127, 0, 0, 1}},
		&expr.Immediate{Register: 2, Data: []byte{byte(port >> 8), byte(port)}},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2},
	}})
	filter := c.AddChain(&nftables.Chain{
		Name: "linklocal", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter,
	})
	c.AddRule(&nftables.Rule{Table: table, Chain: filter, Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: ipDestination, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{169, 254}},
		refuse,
	}})
	return c.Flush()
}
