package account

import (
	"net/netip"
	"reflect"
	"regexp"
	"testing"
)

func TestNew_HasAWSsDefaultVPC(t *testing.T) {
	a, err := New("000000000000", "eu-central-1", netip.MustParsePrefix("172.31.0.0/16"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range a.VPC.Subnets {
		got = append(got, s.CIDR.String(), s.Zone.Name, s.Zone.ID)
		if s.Available() != 4091 {
			t.Errorf("%s has %d addresses, want 4091", s.CIDR, s.Available())
		}
		if found, ok := a.Subnet(s.ID); !ok || found != s {
			t.Errorf("Subnet(%s) = %v, %t", s.ID, found, ok)
		}
	}
	want := []string{"172.31.0.0/20", "eu-central-1a", "euc1-az1", "172.31.16.0/20", "eu-central-1b", "euc1-az2"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, ok := a.Subnet("subnet-0"); ok {
		t.Error("an unknown subnet was found")
	}
	for _, id := range []string{a.VPC.ID, a.VPC.Subnets[0].ID, a.VPC.Subnets[1].ID, a.VPC.SecurityGroup.ID} {
		if !regexp.MustCompile(`^(vpc|subnet|sg)-0[0-9a-f]{16}$`).MatchString(id) {
			t.Errorf("id %q has not EC2's form", id)
		}
	}
}

// The ids are in users' files: they may never change.
func TestNew_GivesTheSameIDsForEver(t *testing.T) {
	a, err := New("000000000000", "us-east-1", netip.MustParsePrefix("10.9.0.0/16"))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{a.VPC.ID, a.VPC.Subnets[0].ID, a.VPC.Subnets[1].ID, a.VPC.SecurityGroup.ID}
	want := []string{"vpc-0a63468f60b1e9d72", "subnet-0a276fa9d4fb02535", "subnet-00bb7cc5137d29e7b", "sg-0100dddcc5e4b5b48"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	b, _ := New("000000000000", "us-east-2", netip.MustParsePrefix("10.9.0.0/16"))
	if b.VPC.ID == a.VPC.ID || a.VPC.Subnets[0].ID == a.VPC.Subnets[1].ID {
		t.Error("two things have one id")
	}
}

func TestNew_CutsOtherRanges(t *testing.T) {
	for _, c := range []struct{ cidr, first, second string }{
		{"10.0.0.0/8", "10.0.0.0/20", "10.0.16.0/20"},
		{"192.168.77.5/24", "192.168.77.0/25", "192.168.77.128/25"},
		{"192.168.77.0/19", "192.168.64.0/20", "192.168.80.0/20"},
		{"192.168.77.0/27", "192.168.77.0/28", "192.168.77.16/28"},
	} {
		a, err := New("123456789012", "us-gov-west-1", netip.MustParsePrefix(c.cidr))
		if err != nil {
			t.Fatal(err)
		}
		if got := a.VPC.Subnets; got[0].CIDR.String() != c.first || got[1].CIDR.String() != c.second {
			t.Errorf("%s was cut into %s and %s, want %s and %s", c.cidr, got[0].CIDR, got[1].CIDR, c.first, c.second)
		}
	}
}

func TestNew_Refuses(t *testing.T) {
	good := netip.MustParsePrefix("172.31.0.0/16")
	for _, c := range []struct {
		id, region string
		cidr       netip.Prefix
	}{
		{"1", "us-east-1", good},
		{"000000000000", "", good},
		{"000000000000", "localhost", good},
		{"000000000000", "us-east-1", netip.Prefix{}},
		{"000000000000", "us-east-1", netip.MustParsePrefix("fd00::/16")},
		{"000000000000", "us-east-1", netip.MustParsePrefix("10.0.0.0/28")},
	} {
		if a, err := New(c.id, c.region, c.cidr); err == nil {
			t.Errorf("New(%q, %q, %s) = %v", c.id, c.region, c.cidr, a)
		}
	}
}

func TestShortRegion(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "use1", "eu-central-1": "euc1", "ap-southeast-2": "apse2", "ap-northeast-1": "apne1",
		"us-gov-west-1": "usgw1", "eu-north-1": "eun1", "eu-south-2": "eus2",
	} {
		if got := shortRegion(region); got != want {
			t.Errorf("shortRegion(%s) = %s, want %s", region, got, want)
		}
	}
}
