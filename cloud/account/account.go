// Package account is what surrounds ECS in an AWS account: its number, its region, and the default VPC
// that every account has, with a subnet in each of two availability zones and a security group. All ids
// derive from account and region, so they are the same after every start and on every machine: files
// that name them keep working.
package account

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// Account is an account in one region. It is immutable.
type Account struct {
	ID     string // 12 digits
	Region string
	VPC    VPC // the default one
}

// VPC is a virtual private cloud.
type VPC struct {
	ID            string
	CIDR          netip.Prefix
	AssociationID string // of the CIDR block
	DHCPOptionsID string
	Subnets       []Subnet
	SecurityGroup SecurityGroup // the default one
}

// Subnet is a range of a VPC's addresses in one availability zone.
type Subnet struct {
	ID   string
	CIDR netip.Prefix
	Zone Zone
}

// Available is how many addresses can be given out; AWS keeps five of each subnet for itself.
func (s Subnet) Available() int { return 1<<(32-s.CIDR.Bits()) - 5 }

// SecurityGroup is a named set of rules. The default one lets its members talk with one another and with
// the world; here it is a name only, nothing is filtered.
type SecurityGroup struct {
	ID, Name, Description string
}

// Zone is an availability zone: "eu-central-1a", with the id "euc1-az1".
type Zone struct {
	Name, ID string
}

var (
	ids     = regexp.MustCompile(`^[0-9]{12}$`)
	regions = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$`)
)

// New describes an account whose default VPC has the given range, which is 172.31.0.0/16 on AWS. The
// subnets are the range's first two blocks of AWS's size, /20, or its halves if it is small.
func New(id, region string, cidr netip.Prefix) (Account, error) {
	switch {
	case !ids.MatchString(id):
		return Account{}, fmt.Errorf("account '%s' is not a number of 12 digits", id)
	case !regions.MatchString(region):
		return Account{}, fmt.Errorf("region '%s' has not the form of one, like eu-central-1", region)
	case !cidr.IsValid() || !cidr.Addr().Is4() || cidr.Bits() < 8 || cidr.Bits() > 27:
		return Account{}, fmt.Errorf("VPC range %s is not an IPv4 range from /8 to /27", cidr)
	}
	a := Account{ID: id, Region: region}
	a.VPC = VPC{
		ID: a.derive("vpc", ""), CIDR: cidr.Masked(), AssociationID: a.derive("vpc-cidr-assoc", ""), DHCPOptionsID: a.derive("dopt", ""),
		SecurityGroup: SecurityGroup{ID: a.derive("sg", ""), Name: "default", Description: "default VPC security group"},
	}
	bits := max(20, a.VPC.CIDR.Bits()+1)
	for i, zone := range a.Zones() {
		a.VPC.Subnets = append(a.VPC.Subnets, Subnet{
			ID: a.derive("subnet", zone.Name), CIDR: block(a.VPC.CIDR.Addr(), bits, i), Zone: zone,
		})
	}
	return a, nil
}

// Zones returns the two availability zones of the region.
func (a Account) Zones() []Zone {
	short := shortRegion(a.Region)
	return []Zone{{a.Region + "a", short + "-az1"}, {a.Region + "b", short + "-az2"}}
}

// Subnet finds a subnet of the default VPC by its id.
func (a Account) Subnet(id string) (Subnet, bool) {
	for _, s := range a.VPC.Subnets {
		if s.ID == id {
			return s, true
		}
	}
	return Subnet{}, false
}

// derive makes an id in the form EC2 gives: prefix, hyphen, 17 hexadecimal digits that begin with 0.
func (a Account) derive(prefix, what string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{"miniecs", a.ID, a.Region, prefix, what}, "/")))
	return prefix + "-0" + hex.EncodeToString(sum[:8])
}

// block returns the n-th range of a size, counted from an address.
func block(from netip.Addr, bits, n int) netip.Prefix {
	b := from.As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	v += uint32(n) << (32 - bits)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), bits)
}

// shortRegion abbreviates a region as zone ids do: us-east-1 is use1, ap-southeast-2 apse2, us-gov-west-1
// usgw1.
func shortRegion(region string) string {
	parts := strings.Split(region, "-")
	var b strings.Builder
	for i, p := range parts {
		switch {
		case i == 0 || i == len(parts)-1:
			b.WriteString(p)
		case (strings.HasPrefix(p, "south") || strings.HasPrefix(p, "north")) && len(p) > len("south"):
			b.WriteString(p[:1] + p[5:6])
		default:
			b.WriteString(p[:1])
		}
	}
	return b.String()
}
