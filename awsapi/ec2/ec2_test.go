package ec2

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"miniecs/awsapi/wire"
	"miniecs/cloud/account"
)

func testAccount(t *testing.T) account.Account {
	t.Helper()
	a, err := account.New("000000000000", "eu-central-1", netip.MustParsePrefix("172.31.0.0/16"))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// answer is what any of the operations answers, as far as the tests look.
type answer struct {
	Vpcs    []string `xml:"vpcSet>item>vpcId"`
	Subnets []string `xml:"subnetSet>item>subnetId"`
	Groups  []string `xml:"securityGroupInfo>item>groupId"`
	Zones   []string `xml:"availabilityZoneInfo>item>zoneName"`
	Values  []string `xml:"accountAttributeSet>item>attributeValueSet>item>attributeValue"`
	Code    string   `xml:"Errors>Error>Code"`
	Message string   `xml:"Errors>Error>Message"`
}

func (a answer) found() []string {
	return slices.Concat(a.Vpcs, a.Subnets, a.Groups, a.Zones, a.Values)
}

func ask(t *testing.T, form string) (int, answer) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("Version=2016-11-15&Action="+form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261124/eu-central-1/ec2/aws4_request, SignedHeaders=host, Signature=00")
	w := httptest.NewRecorder()
	wire.New([]wire.Service{Service(testAccount(t))}, wire.Options{}).ServeHTTP(w, r)
	var a answer
	if err := xml.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return w.Code, a
}

func TestDescribe(t *testing.T) {
	a := testAccount(t)
	vpcID, sg := a.VPC.ID, a.VPC.SecurityGroup.ID
	one, two := a.VPC.Subnets[0].ID, a.VPC.Subnets[1].ID
	for _, c := range []struct {
		form string
		want string // ids, or the error
	}{
		{"DescribeVpcs", vpcID},
		{"DescribeVpcs&VpcId.1=" + vpcID, vpcID},
		{"DescribeVpcs&Filter.1.Name=isDefault&Filter.1.Value.1=true", vpcID},
		{"DescribeVpcs&Filter.1.Name=is-default&Filter.1.Value.1=false", ""},
		{"DescribeVpcs&Filter.1.Name=cidr&Filter.1.Value.1=172.*", vpcID},
		{"DescribeVpcs&Filter.1.Name=cidr&Filter.1.Value.1=172.31.0.0/1?", vpcID},
		{"DescribeVpcs&Filter.1.Name=cidr&Filter.1.Value.1=[", ""},
		{"DescribeVpcs&Filter.1.Name=tag:Name&Filter.1.Value.1=x", ""},
		{"DescribeVpcs&Filter.1.Name=colour&Filter.1.Value.1=x", "InvalidParameterValue: The filter 'colour' is invalid"},
		{"DescribeVpcs&VpcId.1=vpc-1", "InvalidVpcID.NotFound: The vpc ID 'vpc-1' does not exist"},
		{"DescribeVpcs&VpcId.1=x", `InvalidVpcId.Malformed: Invalid id: "x" (expecting "vpc-...")`},
		{"DescribeSubnets", one + " " + two},
		{"DescribeSubnets&SubnetId.1=" + two, two},
		{"DescribeSubnets&Filter.1.Name=vpc-id&Filter.1.Value.1=" + vpcID + "&Filter.2.Name=default-for-az&Filter.2.Value.1=true", one + " " + two},
		{"DescribeSubnets&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-2", ""},
		{"DescribeSubnets&Filter.1.Name=availability-zone&Filter.1.Value.1=eu-central-1b", two},
		{"DescribeSubnets&Filter.1.Name=subnet-id&Filter.1.Value.1=" + one + "&Filter.1.Value.2=" + two, one + " " + two},
		{"DescribeSubnets&SubnetId.1=" + one + "&SubnetId.2=subnet-1", "InvalidSubnetID.NotFound: The subnet ID 'subnet-1' does not exist"},
		{"DescribeSubnets&SubnetId.1=x", `InvalidSubnetID.Malformed: Invalid id: "x" (expecting "subnet-...")`},
		{"DescribeSecurityGroups", sg},
		{"DescribeSecurityGroups&GroupId.1=" + sg + "&GroupName.1=default", sg},
		{"DescribeSecurityGroups&Filter.1.Name=group-name&Filter.1.Value.1=default&Filter.2.Name=vpc-id&Filter.2.Value.1=" + vpcID, sg},
		{"DescribeSecurityGroups&Filter.1.Name=group-name&Filter.1.Value.1=web", ""},
		{"DescribeSecurityGroups&GroupId.1=sg-1", "InvalidGroup.NotFound: The security group 'sg-1' does not exist"},
		{"DescribeSecurityGroups&GroupId.1=x", `InvalidGroupId.Malformed: Invalid id: "x" (expecting "sg-...")`},
		{"DescribeSecurityGroups&GroupName.1=web", "InvalidGroup.NotFound: The security group 'web' does not exist in default VPC '" + vpcID + "'"},
		{"DescribeAvailabilityZones", "eu-central-1a eu-central-1b"},
		{"DescribeAvailabilityZones&ZoneName.1=eu-central-1b", "eu-central-1b"},
		{"DescribeAvailabilityZones&ZoneName.1=us-east-1a", "InvalidParameterValue: Invalid availability zone: [us-east-1a]"},
		{"DescribeAccountAttributes", "VPC " + vpcID},
		{"DescribeAccountAttributes&AttributeName.1=default-vpc", vpcID},
		{"DescribeAccountAttributes&AttributeName.1=x", "InvalidParameterValue: Value (x) for parameter attributeName is invalid. Invalid attribute name."},
	} {
		t.Run(c.form, func(t *testing.T) {
			status, a := ask(t, strings.ReplaceAll(c.form, "[", url.QueryEscape("[")))
			got := strings.Join(a.found(), " ")
			wantStatus := http.StatusOK
			if a.Code != "" {
				got, wantStatus = a.Code+": "+a.Message, http.StatusBadRequest
			}
			if got != c.want || status != wantStatus {
				t.Errorf("got  %d %s\nwant %s", status, got, c.want)
			}
		})
	}
}
