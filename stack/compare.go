package stack

import "reflect"

// covered says whether have is as want says. What want leaves open (nil, an empty string, an absent map key) may be
// anything, so that AWS's defaults are no difference. Numbers and bools that are no pointers have no "left out": they
// are compared as they are. Lists must have the same items in the same places.
func covered(want, have reflect.Value) bool {
	if want.Kind() == reflect.Pointer || want.Kind() == reflect.Interface {
		if want.IsNil() {
			return true
		}
		want = want.Elem()
	}
	if have.Kind() == reflect.Pointer || have.Kind() == reflect.Interface {
		if have.IsNil() {
			return want.IsZero()
		}
		have = have.Elem()
	}
	if want.Kind() != have.Kind() {
		return false
	}
	switch want.Kind() {
	case reflect.Struct:
		for i := range want.NumField() {
			f := want.Type().Field(i)
			if !f.IsExported() {
				continue
			}
			if other := have.FieldByName(f.Name); other.IsValid() && !covered(want.Field(i), other) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if want.IsNil() {
			return true
		}
		if want.Len() != have.Len() {
			return false
		}
		for i := range want.Len() {
			if !covered(want.Index(i), have.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		for _, k := range want.MapKeys() {
			if e := have.MapIndex(k); !e.IsValid() || !covered(want.MapIndex(k), e) {
				return false
			}
		}
		return true
	case reflect.String:
		return want.Len() == 0 || want.String() == have.String()
	}
	return reflect.DeepEqual(want.Interface(), have.Interface())
}

// changed names the members of want, a struct, that are set and differ from those of the same name in the first of
// have that has them. A member that none has cannot be compared and is no difference.
func changed(want any, have ...any) []string {
	w := reflect.Indirect(reflect.ValueOf(want))
	var names []string
	for i := range w.NumField() {
		f := w.Type().Field(i)
		if !f.IsExported() || w.Field(i).IsZero() {
			continue
		}
		for _, h := range have {
			other := reflect.Indirect(reflect.ValueOf(h)).FieldByName(f.Name)
			if !other.IsValid() {
				continue
			}
			if !covered(w.Field(i), other) {
				names = append(names, f.Name)
			}
			break
		}
	}
	return names
}

// assign copies members by name into another struct of the SDK's, whose member may be a pointer where the first has a
// value. It gives the names that to does not have: they cannot be changed.
func assign(to, from any, names []string) (immutable []string) {
	t, f := reflect.ValueOf(to).Elem(), reflect.Indirect(reflect.ValueOf(from))
	for _, name := range names {
		dst, src := t.FieldByName(name), f.FieldByName(name)
		switch {
		case !dst.IsValid():
			immutable = append(immutable, name)
		case dst.Kind() == reflect.Pointer && src.Kind() != reflect.Pointer:
			p := reflect.New(src.Type())
			p.Elem().Set(src)
			dst.Set(p)
		default:
			dst.Set(src)
		}
	}
	return immutable
}
