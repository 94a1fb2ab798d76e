package codec

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"kleeblatt/internal/wamp"
)

// anyValue draws what both AppendPayload and ReadPayload know.
func anyValue(t *rapid.T, depth int) any {
	kinds := 6
	if depth > 3 {
		kinds = 4
	}
	text := rapid.StringMatching(`[a-zü"\\]{0,12}`)
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Uint64().Draw(t, "number")
	case 3:
		return text.Draw(t, "text")
	case 4:
		list := []any{}
		for range rapid.IntRange(0, 20).Draw(t, "length") {
			list = append(list, anyValue(t, depth+1))
		}
		return list
	}
	var dict Dict
	for range rapid.IntRange(0, 5).Draw(t, "pairs") {
		dict = append(dict, Pair{text.Draw(t, "key"), anyValue(t, depth+1)})
	}
	return dict
}

// What is written is well-formed, and read as it was written.
func TestPayloadValuesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(serializers).Draw(t, "serializer")
		args, _ := anyValue(t, 0).([]any)
		kwargs, _ := anyValue(t, 0).(Dict)
		before := []byte("before")
		b, p := AppendPayload(before, s, args, kwargs)
		if string(b[:6]) != "before" || len(b) != 6+len(p.Raw) {
			t.Fatalf("%q is behind what stood before", b)
		}
		if err := WalkPayload(s, p); err != nil {
			t.Fatalf("%x: %v", p.Raw, err)
		}
		gotArgs, gotKwargs := ReadPayload(s, p)
		if len(gotArgs)+len(args) > 0 && !reflect.DeepEqual(gotArgs, args) || len(gotKwargs)+len(kwargs) > 0 && !reflect.DeepEqual(gotKwargs, kwargs) {
			t.Fatalf("%v %v became %v %v", args, kwargs, gotArgs, gotKwargs)
		}
	})
}

func TestPayloadValuesOfOthers(t *testing.T) {
	for _, c := range []struct {
		s    wamp.Serializer
		p    Payload
		want []any
	}{
		{wamp.JSON, Payload{1, []byte(` [ 1.0 , -1, 1.5, 1e3, null,"\u0000AA==" , {"a":[true]}]`)},
			[]any{uint64(1), Other{}, Other{}, uint64(1000), nil, Other{}, Dict{{"a", []any{true}}}}},
		{wamp.MsgPack, Payload{1, []byte("\x94\xcb\x40\x00\x00\x00\x00\x00\x00\x00\xc4\x01x\xff\x81\x01\x02")}, []any{uint64(2), Other{}, Other{}, Dict(nil)}},
		{wamp.CBOR, Payload{1, []byte("\x9f\x01\xc1\x02\x7f\x61a\x61b\xff\xff")}, []any{uint64(1), Other{}, "ab"}},
		{wamp.CBOR, Payload{1, []byte("\x41x")}, []any{Other{}}},
	} {
		if err := WalkPayload(c.s, c.p); err != nil {
			t.Fatal(err)
		}
		if got, _ := ReadPayload(c.s, c.p); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v %q: %#v", c.s, c.p.Raw, got)
		}
	}
}

// FuzzReadPayload: what the walk lets through is read to its end, and never panics.
func FuzzReadPayload(f *testing.F) {
	f.Add(uint8(1), uint8(1), []byte(`[1,"a",{"b":null}]`))
	f.Add(uint8(2), uint8(2), []byte("\x91\x01\x81\xa1a\x02"))
	f.Add(uint8(3), uint8(1), []byte("\x9f\x01\xff"))
	f.Fuzz(func(t *testing.T, s, n uint8, raw []byte) {
		p := Payload{n % 3, raw}
		ser := wamp.JSON + wamp.Serializer(s)%(wamp.SerializerBound-wamp.JSON)
		args, kwargs := ReadPayload(ser, p) // whatever the bytes
		if WalkPayload(ser, p) != nil {
			return
		}
		if p.N == 0 && args != nil || p.N < 2 && kwargs != nil {
			t.Fatal("values out of nothing")
		}
	})
}
