package taskdef

import "reflect"

// Clone is a deep copy: nothing is shared, and absent and empty stay apart.
func (td *TaskDefinition) Clone() *TaskDefinition {
	if td == nil {
		return nil
	}
	return deepCopy(reflect.ValueOf(td)).Interface().(*TaskDefinition)
}

// Clone is a deep copy.
func (o Overrides) Clone() Overrides { return deepCopy(reflect.ValueOf(o)).Interface().(Overrides) }

var timestampType = reflect.TypeFor[Timestamp]()

// deepCopy copies the kinds that this package's types are made of.
func deepCopy(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(deepCopy(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(deepCopy(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for key, value := range v.Seq2() {
				out.SetMapIndex(key, deepCopy(value))
			}
		}
	case reflect.Struct:
		if v.Type() == timestampType {
			out.Set(v)
			break
		}
		for i := range v.NumField() {
			out.Field(i).Set(deepCopy(v.Field(i)))
		}
	default:
		out.Set(v)
	}
	return out
}
