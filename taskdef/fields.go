package taskdef

import (
	"reflect"
	"strings"
	"sync"
)

var fieldCache sync.Map // reflect.Type to map[string]int

// fieldsOf are the members of a struct by their wire names, with the index of the field.
func fieldsOf(t reflect.Type) map[string]int {
	if known, ok := fieldCache.Load(t); ok {
		return known.(map[string]int)
	}
	fields := map[string]int{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[name] = i
	}
	fieldCache.Store(t, fields)
	return fields
}
