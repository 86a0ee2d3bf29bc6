// Package awsapi_test drives the smaller services with the real aws command line.
package awsapi_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"miniecs/awsapi/autoscaling"
	"miniecs/awsapi/ec2"
	"miniecs/awsapi/sts"
	"miniecs/awsapi/wire"
	"miniecs/cloud/account"
)

func TestCLI(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("SKIP: NO aws COMMAND LINE on this machine: its view of sts, ec2 and application-autoscaling is not tested")
	}
	a, err := account.New("000000000000", "eu-central-1", netip.MustParsePrefix("172.31.0.0/16"))
	if err != nil {
		t.Fatal(err)
	}
	secret := func(id string) (string, bool) { return "secret", id == "test" }
	server := httptest.NewServer(wire.Guard(
		wire.New([]wire.Service{sts.Service(a), ec2.Service(a), autoscaling.Service()}, wire.Options{Secret: secret}), nil))
	t.Cleanup(server.Close)
	vpcID, sg, subnet := a.VPC.ID, a.VPC.SecurityGroup.ID, a.VPC.Subnets[1].ID
	for _, c := range []struct {
		args string
		want string // the JSON of --query, or a part of the error
	}{
		{"sts get-caller-identity", `{"UserId":"000000000000","Account":"000000000000","Arn":"arn:aws:iam::000000000000:root"}`},
		{"ec2 describe-vpcs --filters Name=isDefault,Values=true --query Vpcs[].[VpcId,CidrBlock,IsDefault,State,CidrBlockAssociationSet[0].CidrBlock,Tags]",
			`[["` + vpcID + `","172.31.0.0/16",true,"available","172.31.0.0/16",[]]]`},
		{"ec2 describe-subnets --subnet-ids " + subnet + " --query Subnets[].[SubnetId,VpcId,AvailabilityZone,AvailableIpAddressCount,DefaultForAz]",
			`[["` + subnet + `","` + vpcID + `","eu-central-1b",4091,true]]`},
		{"ec2 describe-security-groups --group-names default --query SecurityGroups[].[GroupId,GroupName,IpPermissions[0].UserIdGroupPairs[0].GroupId,IpPermissionsEgress[0].IpRanges[0].CidrIp]",
			`[["` + sg + `","default","` + sg + `","0.0.0.0/0"]]`},
		{"ec2 describe-subnets --subnet-ids subnet-1", "An error occurred (InvalidSubnetID.NotFound) when calling the DescribeSubnets operation: The subnet ID 'subnet-1' does not exist"},
		{"ec2 describe-instances", "(InvalidAction)"},
		{"application-autoscaling describe-scalable-targets --service-namespace ecs", `{"ScalableTargets":[]}`},
		{"application-autoscaling describe-scaling-policies --service-namespace nothing", "An error occurred (ValidationException) when calling the DescribeScalingPolicies operation: " +
			"1 validation error detected: Value 'nothing' at 'serviceNamespace' failed to satisfy constraint: Member must satisfy enum value set: ["},
		{"application-autoscaling delete-scaling-policy --policy-name p --service-namespace ecs --resource-id r --scalable-dimension ecs:service:DesiredCount",
			"(UnsupportedOperationException) when calling the DeleteScalingPolicy operation: miniecs does not implement application-autoscaling:DeleteScalingPolicy yet"},
	} {
		t.Run(strings.Join(strings.Fields(c.args)[:2], " "), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), cli, append([]string{"--endpoint-url", server.URL, "--output", "json"}, strings.Fields(c.args)...)...)
			cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=eu-central-1",
				"AWS_DEFAULT_REGION=eu-central-1", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_MAX_ATTEMPTS=1")
			out, err := cmd.CombinedOutput()
			var got, want any
			if json.Unmarshal([]byte(c.want), &want) == nil {
				if err != nil || json.Unmarshal(out, &got) != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("got  %s (%v)\nwant %s", out, err, c.want)
				}
				return
			}
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("got  %s (%v)\nwant %s", out, err, c.want)
			}
		})
	}
}
