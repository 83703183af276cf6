package generate_test

import (
	"reflect"
	"testing"

	"stylesprint/generate"
)

// Each field that is set stays, each other one is taken over; a field that is added has to be.
func TestParamsOr(t *testing.T) {
	t.Parallel()
	fill := func(n int) generate.Params {
		var p generate.Params
		v := reflect.ValueOf(&p).Elem()
		for i := range v.NumField() {
			f := v.Field(i)
			if f.Kind() == reflect.Slice {
				f.Set(reflect.ValueOf([]string{string(rune('a' + n))}))
				continue
			}
			f.Set(reflect.New(f.Type().Elem()))
			f.Elem().Set(reflect.ValueOf(n).Convert(f.Type().Elem()))
		}
		return p
	}
	own, others := fill(1), fill(2)
	if got := own.Or(others); !reflect.DeepEqual(got, own) {
		t.Errorf("%+v", got)
	}
	if got := (generate.Params{}).Or(others); !reflect.DeepEqual(got, others) {
		t.Errorf("%+v", got)
	}
}
