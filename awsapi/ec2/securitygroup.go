package ec2

import (
	"context"
	"strings"

	"miniecs/awsapi/wire"
)

type describeSecurityGroupsInput struct {
	GroupIDs   []string `wire:"GroupId"`
	GroupNames []string `wire:"GroupName"`
	Filters    []filter `wire:"Filter"`
}

type describeSecurityGroupsOutput struct {
	Groups []securityGroup `wire:"securityGroupInfo"`
}

type securityGroup struct {
	GroupID     string       `wire:"groupId"`
	GroupARN    string       `wire:"securityGroupArn"`
	GroupName   string       `wire:"groupName"`
	Description string       `wire:"groupDescription"`
	OwnerID     string       `wire:"ownerId"`
	VpcID       string       `wire:"vpcId"`
	Ingress     []permission `wire:"ipPermissions"`
	Egress      []permission `wire:"ipPermissionsEgress"`
	Tags        []tag        `wire:"tagSet"`
}

type permission struct {
	Protocol    string      `wire:"ipProtocol"`
	Groups      []groupPair `wire:"groups"`
	IPRanges    []ipRange   `wire:"ipRanges"`
	IPv6Ranges  []ipRange   `wire:"ipv6Ranges"`
	PrefixLists []tag       `wire:"prefixListIds"` // always empty
}

type groupPair struct {
	UserID  string `wire:"userId"`
	GroupID string `wire:"groupId"`
}

type ipRange struct {
	CIDR string `wire:"cidrIp"`
}

func (s *service) describeSecurityGroups(_ context.Context, in *describeSecurityGroupsInput) (*describeSecurityGroupsOutput, error) {
	g, vpcID := s.account.VPC.SecurityGroup, s.account.VPC.ID
	if id, bad := unknown(in.GroupIDs, []string{g.ID}); bad {
		if !strings.HasPrefix(id, "sg-") {
			return nil, wire.Errorf("InvalidGroupId.Malformed", `Invalid id: "%s" (expecting "sg-...")`, id)
		}
		return nil, wire.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
	}
	if name, bad := unknown(in.GroupNames, []string{g.Name}); bad {
		return nil, wire.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC '%s'", name, vpcID)
	}
	all := []securityGroup{{
		GroupID: g.ID, GroupName: g.Name, Description: g.Description, OwnerID: s.account.ID, VpcID: vpcID, Tags: []tag{},
		GroupARN: "arn:aws:ec2:" + s.account.Region + ":" + s.account.ID + ":security-group/" + g.ID,
		// The rules of a default group: its members may talk with one another, and with everybody.
		Ingress: []permission{{
			Protocol: "-1", Groups: []groupPair{{s.account.ID, g.ID}}, IPRanges: []ipRange{}, IPv6Ranges: []ipRange{}, PrefixLists: []tag{},
		}},
		Egress: []permission{{
			Protocol: "-1", Groups: []groupPair{}, IPRanges: []ipRange{{"0.0.0.0/0"}}, IPv6Ranges: []ipRange{}, PrefixLists: []tag{},
		}},
	}}
	found, err := sift(all, in.Filters, func(g securityGroup) attributes {
		return attributes{
			"group-id": g.GroupID, "group-name": g.GroupName, "description": g.Description, "owner-id": g.OwnerID, "vpc-id": g.VpcID,
		}
	})
	return &describeSecurityGroupsOutput{found}, err
}
