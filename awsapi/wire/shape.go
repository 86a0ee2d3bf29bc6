package wire

import (
	"math/big"
	"reflect"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/document"
)

// shape is how one struct type is written on the wire.
type shape struct {
	members []member
	byName  map[string]int // wire name, with either case of the first letter, to index in members
}

// member is one field of a struct that is written.
type member struct {
	field int // index in the Go struct
	name  string
}

var shapes sync.Map // reflect.Type to *shape: built once a type, then only read

// renamed has the members whose wire name follows from nothing else: type and Go name to wire name. The
// corpus test finds them.
var renamed = map[string]string{"sts.PolicyDescriptorType.Arn": "arn"}

// shapeOf returns the wire form of a struct type. A member's name comes from its `wire` tag, else from
// the schema that the SDK gave the type (ECS), else from its Go name (the services without schemas have
// no other: libraries.md 3.4).
func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	named := map[string]string{} // Go name to wire name
	if schema := schemaOf(t); schema != nil {
		for name := range schema.Members() {
			named[upperFirst(name)] = name
		}
	}
	s := &shape{byName: map[string]int{}}
	typeName := moduleOf(t) + "." + t.Name() + "."
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" || f.Name == "ErrorCodeOverride" {
			continue
		}
		name := f.Tag.Get("wire")
		switch {
		case name == "-":
			continue
		case name != "":
		case renamed[typeName+f.Name] != "":
			name = renamed[typeName+f.Name]
		case named[f.Name] != "":
			name = named[f.Name]
		default:
			name = f.Name
		}
		s.byName[lowerFirst(name)] = len(s.members)
		s.byName[upperFirst(name)] = len(s.members)
		s.members = append(s.members, member{i, name})
	}
	v, _ := shapes.LoadOrStore(t, s)
	return v.(*shape)
}

// lookup finds a member by the name that a client used; clients differ in the case of the first letter.
func (s *shape) lookup(name string) (member, bool) {
	i, ok := s.byName[name]
	if !ok {
		return member{}, false
	}
	return s.members[i], true
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}

// schemaOf returns the schema that the SDK generated for a type. The SDK has no accessor for it, but a
// type's Serialize announces it before anything else: a serializer that only listens is enough.
func schemaOf(t reflect.Type) *smithy.Schema {
	v, ok := reflect.New(t).Interface().(smithy.Serializable)
	if !ok {
		return nil
	}
	l := &schemaListener{}
	v.Serialize(l)
	return l.schema
}

// schemaListener is a serializer that writes nothing and notes the first schema it hears of.
type schemaListener struct{ schema *smithy.Schema }

var _ smithy.ShapeSerializer = (*schemaListener)(nil)

func (l *schemaListener) WriteStruct(s *smithy.Schema) {
	if l.schema == nil {
		l.schema = s
	}
}
func (*schemaListener) CloseStruct()                                 {}
func (*schemaListener) WriteUnion(_, _ *smithy.Schema)               {}
func (*schemaListener) CloseUnion()                                  {}
func (*schemaListener) WriteList(*smithy.Schema)                     {}
func (*schemaListener) CloseList()                                   {}
func (*schemaListener) WriteMap(*smithy.Schema)                      {}
func (*schemaListener) WriteKey(*smithy.Schema, string)              {}
func (*schemaListener) CloseMap()                                    {}
func (*schemaListener) WriteInt8(*smithy.Schema, int8)               {}
func (*schemaListener) WriteInt16(*smithy.Schema, int16)             {}
func (*schemaListener) WriteInt32(*smithy.Schema, int32)             {}
func (*schemaListener) WriteInt64(*smithy.Schema, int64)             {}
func (*schemaListener) WriteFloat32(*smithy.Schema, float32)         {}
func (*schemaListener) WriteFloat64(*smithy.Schema, float64)         {}
func (*schemaListener) WriteBigInt(*smithy.Schema, *big.Int)         {}
func (*schemaListener) WriteBigFloat(*smithy.Schema, *big.Float)     {}
func (*schemaListener) WriteBool(*smithy.Schema, bool)               {}
func (*schemaListener) WriteString(*smithy.Schema, string)           {}
func (*schemaListener) WriteBlob(*smithy.Schema, []byte)             {}
func (*schemaListener) WriteTime(*smithy.Schema, time.Time)          {}
func (*schemaListener) WriteDocument(*smithy.Schema, document.Value) {}
func (*schemaListener) WriteNil(*smithy.Schema)                      {}
func (*schemaListener) Bytes() []byte                                { return nil }
