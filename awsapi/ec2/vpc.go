package ec2

import (
	"context"
	"strings"

	"miniecs/awsapi/wire"
)

type describeVpcsInput struct {
	VpcIDs  []string `wire:"VpcId"`
	Filters []filter `wire:"Filter"`
}

type describeVpcsOutput struct {
	Vpcs []vpc `wire:"vpcSet"`
}

type vpc struct {
	VpcID           string            `wire:"vpcId"`
	OwnerID         string            `wire:"ownerId"`
	State           string            `wire:"state"`
	CIDRBlock       string            `wire:"cidrBlock"`
	Associations    []cidrAssociation `wire:"cidrBlockAssociationSet"`
	DHCPOptionsID   string            `wire:"dhcpOptionsId"`
	InstanceTenancy string            `wire:"instanceTenancy"`
	IsDefault       bool              `wire:"isDefault"`
	Tags            []tag             `wire:"tagSet"`
}

type cidrAssociation struct {
	AssociationID string    `wire:"associationId"`
	CIDRBlock     string    `wire:"cidrBlock"`
	State         cidrState `wire:"cidrBlockState"`
}

type cidrState struct {
	State string `wire:"state"`
}

func (s *service) describeVpcs(_ context.Context, in *describeVpcsInput) (*describeVpcsOutput, error) {
	v := s.account.VPC
	if id, bad := unknown(in.VpcIDs, []string{v.ID}); bad {
		if !strings.HasPrefix(id, "vpc-") {
			return nil, wire.Errorf("InvalidVpcId.Malformed", `Invalid id: "%s" (expecting "vpc-...")`, id)
		}
		return nil, wire.Errorf("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
	}
	all := []vpc{{
		VpcID: v.ID, OwnerID: s.account.ID, State: "available", CIDRBlock: v.CIDR.String(),
		Associations:  []cidrAssociation{{v.AssociationID, v.CIDR.String(), cidrState{"associated"}}},
		DHCPOptionsID: v.DHCPOptionsID, InstanceTenancy: "default", IsDefault: true, Tags: []tag{},
	}}
	found, err := sift(all, in.Filters, func(v vpc) attributes {
		return attributes{
			"vpc-id": v.VpcID, "owner-id": v.OwnerID, "state": v.State, "dhcp-options-id": v.DHCPOptionsID,
			"isDefault": boolean(v.IsDefault), "is-default": boolean(v.IsDefault),
			"cidr": v.CIDRBlock, "cidr-block": v.CIDRBlock, "cidrBlock": v.CIDRBlock,
			"cidr-block-association.cidr-block":     v.CIDRBlock,
			"cidr-block-association.association-id": v.Associations[0].AssociationID,
			"cidr-block-association.state":          v.Associations[0].State.State,
		}
	})
	return &describeVpcsOutput{found}, err
}
