package wire

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"time"
)

// encodeForm writes v as a client of a Query service does, to compare with the SDK's own requests.
func encodeForm(v any) url.Values {
	out := url.Values{}
	writeForm(out, "", reflect.ValueOf(v))
	return out
}

func writeForm(out url.Values, path string, v reflect.Value) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Type() == timeType {
		out.Set(path, v.Interface().(time.Time).UTC().Format(time.RFC3339))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, m := range shapeOf(v.Type()).members {
			if f := v.Field(m.field); !absent(f) {
				writeForm(out, join(path, m.name), f)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			out.Set(path, base64.StdEncoding.EncodeToString(v.Bytes()))
			return
		}
		if v.Len() == 0 {
			out.Set(path, "")
		}
		for i := range v.Len() {
			writeForm(out, path+".member."+strconv.Itoa(i+1), v.Index(i))
		}
	case reflect.Map:
		for i, k := range sortedMapKeys(v) {
			entry := path + ".entry." + strconv.Itoa(i+1)
			out.Set(entry+".key", k.String())
			writeForm(out, entry+".value", v.MapIndex(k))
		}
	default:
		out.Set(path, fmt.Sprint(v.Interface()))
	}
}
