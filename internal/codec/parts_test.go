package codec

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"kleeblatt/internal/wamp"
)

// A payload that stands as arguments in another one is taken out of it as it was.
func TestPartsOfAPayloadComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(serializers).Draw(t, "serializer")
		args, _ := anyValue(t, 0).([]any)
		kwargs, _ := anyValue(t, 0).(Dict)
		_, want := AppendPayload(nil, s, args, kwargs)
		if len(args) == 0 && len(kwargs) == 0 {
			want = Payload{}
		}
		_, outer := AppendPayload(nil, s, []any{"topic", args, kwargs}, Dict{{"none", nil}, {"options", kwargs}, {"scope", "x"}})
		if args == nil {
			_, outer = AppendPayload(nil, s, []any{"topic", nil, kwargs}, Dict{{"options", kwargs}, {"scope", "x"}})
		}
		parts := Arguments(s, outer)
		if len(parts) != 3 {
			t.Fatalf("%d parts of %q", len(parts), outer.Raw)
		}
		b, got, err := JoinPayload([]byte("before"), s, parts[1], parts[2])
		if err != nil || !bytes.Equal(got.Raw, want.Raw) || got.N != want.N || len(b) != 6+len(got.Raw) {
			t.Fatalf("%v %v: %d %q, not %d %q: %v", args, kwargs, got.N, got.Raw, want.N, want.Raw, err)
		}
		if v := Keyword(s, outer, "options"); !bytes.Equal(v, parts[2]) {
			t.Fatalf("%q, not %q", v, parts[2])
		}
		if v := Keyword(s, outer, "none"); v != nil {
			t.Fatalf("null is %q", v)
		}
		if v := Keyword(s, outer, "other"); v != nil {
			t.Fatalf("nothing is %q", v)
		}
	})
}

func TestPublishOptionsAlone(t *testing.T) {
	var p Parser
	o, _, err := p.PublishOptions(wamp.JSON, []byte(`{"exclude":[7],"retain":true,"eligible_authrole":["a","b"],"match":1,"x_other":[{}]}`))
	if err != nil || o.Has != OptExclude|OptRetain|OptEligibleAuthRole || o.Exclude[0] != 7 || !o.Retain || string(o.EligibleAuthRole[1]) != "b" {
		t.Errorf("%+v %v", o, err)
	}
	for _, bad := range []string{"", "[]", "{", `{"retain":1}`, `{} `, `{}x`, `null`} {
		_, _, err := p.PublishOptions(wamp.JSON, []byte(bad))
		if (err == nil) != (bad == "{} ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzParts: whatever the bytes, they are read or refused, and what is joined is a payload.
func FuzzParts(f *testing.F) {
	f.Add(uint8(0), uint8(2), []byte(`["t",[1],{}],{"scope":"x"}`))
	f.Add(uint8(1), uint8(2), []byte("\x92\xa1t\x91\x01\x81\xa1a\x02"))
	f.Add(uint8(2), uint8(1), []byte("\x9f\x01\xff"))
	f.Fuzz(func(t *testing.T, s, n uint8, raw []byte) {
		p := Payload{n % 3, raw}
		ser := wamp.JSON + wamp.Serializer(s)%(wamp.SerializerBound-wamp.JSON)
		Keyword(ser, p, "scope")
		if _, j, err := JoinPayload(nil, ser, raw, raw); err == nil && WalkPayload(ser, j) != nil {
			t.Fatalf("%q joined is no payload", raw)
		}
		var reader Parser
		_, _, _ = reader.PublishOptions(ser, raw)
		for _, v := range Arguments(ser, p) {
			_, j, err := JoinPayload(nil, ser, v, nil)
			if err == nil && WalkPayload(ser, p) == nil && WalkPayload(ser, j) != nil {
				t.Fatalf("%q of %q is no payload", v, raw)
			}
		}
	})
}
