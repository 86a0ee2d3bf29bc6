package ec2

import (
	"context"
	"slices"

	"miniecs/awsapi/wire"
)

type describeAvailabilityZonesInput struct {
	ZoneNames []string `wire:"ZoneName"`
	ZoneIDs   []string `wire:"ZoneId"`
	Filters   []filter `wire:"Filter"`
}

type describeAvailabilityZonesOutput struct {
	Zones []zone `wire:"availabilityZoneInfo"`
}

type zone struct {
	Name               string `wire:"zoneName"`
	ID                 string `wire:"zoneId"`
	State              string `wire:"zoneState"`
	Region             string `wire:"regionName"`
	OptInStatus        string `wire:"optInStatus"`
	GroupName          string `wire:"groupName"`
	NetworkBorderGroup string `wire:"networkBorderGroup"`
	Type               string `wire:"zoneType"`
	Messages           []tag  `wire:"messageSet"` // always empty
}

func (s *service) describeAvailabilityZones(_ context.Context, in *describeAvailabilityZonesInput) (*describeAvailabilityZonesOutput, error) {
	var (
		all        []zone
		names, ids []string
	)
	for _, z := range s.account.Zones() {
		names, ids = append(names, z.Name), append(ids, z.ID)
		if !named(z.Name, in.ZoneNames) || !named(z.ID, in.ZoneIDs) {
			continue
		}
		all = append(all, zone{
			Name: z.Name, ID: z.ID, State: "available", Region: s.account.Region, OptInStatus: "opt-in-not-required",
			GroupName: s.account.Region + "-zg-1", NetworkBorderGroup: s.account.Region, Type: "availability-zone", Messages: []tag{},
		})
	}
	for _, asked := range []struct{ given, known []string }{{in.ZoneNames, names}, {in.ZoneIDs, ids}} {
		if name, bad := unknown(asked.given, asked.known); bad {
			return nil, wire.Errorf("InvalidParameterValue", "Invalid availability zone: [%s]", name)
		}
	}
	found, err := sift(all, in.Filters, func(z zone) attributes {
		return attributes{
			"zone-name": z.Name, "zone-id": z.ID, "state": z.State, "region-name": z.Region, "group-name": z.GroupName,
			"opt-in-status": z.OptInStatus, "zone-type": z.Type,
		}
	})
	return &describeAvailabilityZonesOutput{found}, err
}

type describeAccountAttributesInput struct {
	Names []string `wire:"AttributeName"`
}

type describeAccountAttributesOutput struct {
	Attributes []accountAttribute `wire:"accountAttributeSet"`
}

type accountAttribute struct {
	Name   string           `wire:"attributeName"`
	Values []attributeValue `wire:"attributeValueSet"`
}

type attributeValue struct {
	Value string `wire:"attributeValue"`
}

func (s *service) describeAccountAttributes(_ context.Context, in *describeAccountAttributesInput) (*describeAccountAttributesOutput, error) {
	all := []accountAttribute{
		{"supported-platforms", []attributeValue{{"VPC"}}},
		{"default-vpc", []attributeValue{{s.account.VPC.ID}}},
	}
	for _, name := range in.Names {
		if !slices.ContainsFunc(all, func(a accountAttribute) bool { return a.Name == name }) {
			return nil, wire.Errorf("InvalidParameterValue", "Value (%s) for parameter attributeName is invalid. Invalid attribute name.", name)
		}
	}
	out := &describeAccountAttributesOutput{Attributes: []accountAttribute{}}
	for _, a := range all {
		if named(a.Name, in.Names) {
			out.Attributes = append(out.Attributes, a)
		}
	}
	return out, nil
}
