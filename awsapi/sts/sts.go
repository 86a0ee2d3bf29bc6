// Package sts answers the one question that every tool asks first: who am I?
package sts

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"miniecs/awsapi/wire"
	"miniecs/cloud/account"
)

// Service is AWS STS. Whoever signs a request is the account's root user: there are no others here.
func Service(a account.Account) wire.Service {
	return wire.Service{
		Name: "sts", Protocol: wire.Query, Version: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Ops: map[string]wire.Op{
			"GetCallerIdentity": wire.Handle(func(context.Context, *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
				return &sts.GetCallerIdentityOutput{
					Account: aws.String(a.ID), UserId: aws.String(a.ID), Arn: aws.String("arn:aws:iam::" + a.ID + ":root"),
				}, nil
			}),
		},
	}
}
