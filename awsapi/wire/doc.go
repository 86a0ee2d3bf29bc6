// Package wire speaks the AWS wire protocols, server side: AWS JSON 1.0 and 1.1, Query with XML
// answers, and EC2's dialect of Query. Its request and response types are those of the AWS SDK for Go
// itself, so a handler is a typed method and an operation is one line of a table:
//
//	wire.Service{
//		Name: "ecs", Protocol: wire.JSON, TargetPrefix: "AmazonEC2ContainerServiceV20141113",
//		Ops: map[string]wire.Op{"CreateCluster": wire.Handle(s.CreateCluster)},
//	}
//
// New makes one http.Handler of any number of services: one port for everything. Guard keeps web pages
// and strange host names away from it.
//
// The package knows no service: it maps Go structs to messages by reflection (shape.go, decode.go,
// encode_json.go, encode_xml.go), with the wire names from the SDK's schemas where a module has them.
// What the SDK states only in code, the required members, the operations' names and the unions, is in
// the generated tables (tables_gen.go, unions_gen.go; see reqgen). Read server.go first.
package wire

//go:generate go run ./reqgen
