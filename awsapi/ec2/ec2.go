// Package ec2 answers the few reads of EC2 that clients of ECS and Elastic Load Balancing make first: the
// default VPC, its subnets, its security group, the availability zones. Nothing can be changed.
//
// EC2's dialect of Query renames most members, and the SDK's types do not carry those names: the messages
// here are structs of our own, with the wire names as tags (libraries.md 3.4).
package ec2

import (
	"miniecs/awsapi/wire"
	"miniecs/cloud/account"
)

// Service is EC2, as far as it describes an account's default VPC.
func Service(a account.Account) wire.Service {
	s := &service{a}
	return wire.Service{
		Name: "ec2", Protocol: wire.EC2, Version: "2016-11-15", Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
		FaultCode: "InternalError",
		Ops: map[string]wire.Op{
			"DescribeVpcs":              wire.Handle(s.describeVpcs),
			"DescribeSubnets":           wire.Handle(s.describeSubnets),
			"DescribeSecurityGroups":    wire.Handle(s.describeSecurityGroups),
			"DescribeAvailabilityZones": wire.Handle(s.describeAvailabilityZones),
			"DescribeAccountAttributes": wire.Handle(s.describeAccountAttributes),
		},
	}
}

type service struct{ account account.Account }

// tag is there so that tagSet is written: none of these resources has a tag.
type tag struct {
	Key   string `wire:"key"`
	Value string `wire:"value"`
}
