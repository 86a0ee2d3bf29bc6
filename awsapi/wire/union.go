package wire

import "reflect"

// A union is a sealed interface in the SDK, with one struct type (with the field Value) a variant. An
// open JSON value, a document, is an interface with a constructor. Reflection finds neither from the
// interface alone, so unions_gen.go registers them.
var (
	variants     = map[reflect.Type]map[string]reflect.Type{} // union interface, wire name: variant
	variantNames = map[reflect.Type]string{}                  // variant: wire name
	documents    = map[reflect.Type]func(any) any{}
)

// union registers one variant of a union. Only init functions call it: the maps have no lock.
func union[I any](wireName string, variant I) {
	iface, v := reflect.TypeFor[I](), reflect.TypeOf(variant).Elem()
	if variants[iface] == nil {
		variants[iface] = map[string]reflect.Type{}
	}
	variants[iface][wireName] = v
	variantNames[v] = wireName
}

// openDocument registers how a JSON value becomes the SDK's document type.
func openDocument[I any](construct func(any) I) {
	documents[reflect.TypeFor[I]()] = func(v any) any { return construct(v) }
}
