package ec2

import (
	"context"
	"strconv"
	"strings"

	"miniecs/awsapi/wire"
)

type describeSubnetsInput struct {
	SubnetIDs []string `wire:"SubnetId"`
	Filters   []filter `wire:"Filter"`
}

type describeSubnetsOutput struct {
	Subnets []subnet `wire:"subnetSet"`
}

type subnet struct {
	SubnetID            string            `wire:"subnetId"`
	SubnetARN           string            `wire:"subnetArn"`
	State               string            `wire:"state"`
	OwnerID             string            `wire:"ownerId"`
	VpcID               string            `wire:"vpcId"`
	CIDRBlock           string            `wire:"cidrBlock"`
	IPv6Associations    []cidrAssociation `wire:"ipv6CidrBlockAssociationSet"`
	AvailableAddresses  int32             `wire:"availableIpAddressCount"`
	AvailabilityZone    string            `wire:"availabilityZone"`
	AvailabilityZoneID  string            `wire:"availabilityZoneId"`
	DefaultForAZ        bool              `wire:"defaultForAz"`
	MapPublicIPOnLaunch bool              `wire:"mapPublicIpOnLaunch"`
	AssignIPv6          bool              `wire:"assignIpv6AddressOnCreation"`
	MapCustomerOwnedIP  bool              `wire:"mapCustomerOwnedIpOnLaunch"`
	EnableDNS64         bool              `wire:"enableDns64"`
	IPv6Native          bool              `wire:"ipv6Native"`
	PrivateDNS          privateDNSOptions `wire:"privateDnsNameOptionsOnLaunch"`
	Tags                []tag             `wire:"tagSet"`
}

type privateDNSOptions struct {
	HostnameType string `wire:"hostnameType"`
	ARecord      bool   `wire:"enableResourceNameDnsARecord"`
	AAAARecord   bool   `wire:"enableResourceNameDnsAAAARecord"`
}

func (s *service) describeSubnets(_ context.Context, in *describeSubnetsInput) (*describeSubnetsOutput, error) {
	var (
		all []subnet
		ids []string
	)
	for _, n := range s.account.VPC.Subnets {
		ids = append(ids, n.ID)
		if !named(n.ID, in.SubnetIDs) {
			continue
		}
		all = append(all, subnet{
			SubnetID: n.ID, State: "available", OwnerID: s.account.ID, VpcID: s.account.VPC.ID,
			SubnetARN: "arn:aws:ec2:" + s.account.Region + ":" + s.account.ID + ":subnet/" + n.ID,
			CIDRBlock: n.CIDR.String(), IPv6Associations: []cidrAssociation{}, AvailableAddresses: int32(n.Available()),
			AvailabilityZone: n.Zone.Name, AvailabilityZoneID: n.Zone.ID, DefaultForAZ: true, MapPublicIPOnLaunch: true,
			PrivateDNS: privateDNSOptions{HostnameType: "ip-name"}, Tags: []tag{},
		})
	}
	if id, bad := unknown(in.SubnetIDs, ids); bad {
		if !strings.HasPrefix(id, "subnet-") {
			return nil, wire.Errorf("InvalidSubnetID.Malformed", `Invalid id: "%s" (expecting "subnet-...")`, id)
		}
		return nil, wire.Errorf("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
	}
	found, err := sift(all, in.Filters, func(n subnet) attributes {
		return attributes{
			"subnet-id": n.SubnetID, "subnet-arn": n.SubnetARN, "vpc-id": n.VpcID, "owner-id": n.OwnerID, "state": n.State,
			"availability-zone": n.AvailabilityZone, "availabilityZone": n.AvailabilityZone,
			"availability-zone-id": n.AvailabilityZoneID, "availabilityZoneId": n.AvailabilityZoneID,
			"default-for-az": boolean(n.DefaultForAZ), "defaultForAz": boolean(n.DefaultForAZ),
			"map-public-ip-on-launch": boolean(n.MapPublicIPOnLaunch), "ipv6-native": boolean(n.IPv6Native),
			"cidr": n.CIDRBlock, "cidr-block": n.CIDRBlock, "cidrBlock": n.CIDRBlock,
			"available-ip-address-count": strconv.Itoa(int(n.AvailableAddresses)),
		}
	})
	return &describeSubnetsOutput{found}, err
}
