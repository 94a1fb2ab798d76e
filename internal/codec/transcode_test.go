package codec

import (
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

// SER-02, SER-04, SER-05, SER-08, TRP-08, P34: value by value. "!" and a reason: refused.
func TestTranscode(t *testing.T) {
	const j, m, c = wamp.JSON, wamp.MsgPack, wamp.CBOR
	for _, v := range []struct {
		from  wamp.Serializer
		value string
		to    wamp.Serializer
		want  string
	}{
		// the specification's example of the binary convention, both ways
		{m, "\xc4\x10\x10\xe3\xff\x90\x53\x07\x5c\x52\x6f\x5f\xc0\x6d\x4f\xe3\x7c\xdb", j, `"\u0000EOP/kFMHXFJvX8BtT+N82w=="`},
		{j, `"\u0000EOP/kFMHXFJvX8BtT+N82w=="`, m, "\xc4\x10\x10\xe3\xff\x90\x53\x07\x5c\x52\x6f\x5f\xc0\x6d\x4f\xe3\x7c\xdb"},
		{j, `"\u0000EOP\/kFMHXFJvX8BtT+N82w=="`, c, "\x50\x10\xe3\xff\x90\x53\x07\x5c\x52\x6f\x5f\xc0\x6d\x4f\xe3\x7c\xdb"},
		{m, "\xc4\x00", j, `"\u0000"`},
		{j, `"\u0000"`, c, "\x40"},
		{c, "\x5f\x41\x01\x41\x02\xff", j, `"\u0000AQI="`},
		{j, `"\u0000AQI"`, m, "!" + whyBase64},
		{j, `"\u0000AQJ="`, m, "!" + whyBase64}, // bits that no encoder sets
		{j, `"\u0000AQ\nI="`, m, "!" + whyBase64},
		{j, `"\u0000hello"`, m, "!" + whyBase64},
		{m, "\xa3\x00ab", j, "!" + whyNUL},
		{m, "\xa3\x00ab", c, "\x63\x00ab"},
		{j, `{"\u0000AQI=":1}`, m, "\x81\xa5\x00AQI=\x01"}, // keys are texts
		{m, "\x81\xa5\x00AQI=\x01", j, `{"\u0000AQI=":1}`},

		// integers
		{j, `9007199254740992`, m, "\xcf\x00\x20\x00\x00\x00\x00\x00\x00"},
		{m, "\xcf\x00\x20\x00\x00\x00\x00\x00\x00", j, `9007199254740992`},
		{c, "\x1b\x00\x20\x00\x00\x00\x00\x00\x00", j, `9007199254740992`},
		{m, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", c, "\x1b\xff\xff\xff\xff\xff\xff\xff\xff"},
		{c, "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", m, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"},
		{m, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", c, "\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"},
		{c, "\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", m, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"},
		{c, "\x3b\x80\x00\x00\x00\x00\x00\x00\x00", m, "!" + whyBig},
		{c, "\x3b\xff\xff\xff\xff\xff\xff\xff\xfe", j, `-18446744073709551615`},
		{c, "\x3b\xff\xff\xff\xff\xff\xff\xff\xff", j, "!" + whyBig},
		{j, `-18446744073709551615`, c, "\x3b\xff\xff\xff\xff\xff\xff\xff\xfe"},
		{j, `18446744073709551616`, m, "\xcb\x43\xf0\x00\x00\x00\x00\x00\x00"},
		{j, `-9223372036854775809`, m, "\xcb\xc3\xe0\x00\x00\x00\x00\x00\x00"},
		{m, "\xd3\x00\x00\x00\x00\x00\x00\x00\x05", c, "\x05"},
		{m, "\xd0\x80", j, `-128`},
		{j, `[-1,-32,-33,-128,-129,-32768,-32769]`, m, "\x97\xff\xe0\xd0\xdf\xd0\x80\xd1\xff\x7f\xd1\x80\x00\xd2\xff\xff\x7f\xff"},
		{c, "\xc2\x42\x01\x00", j, `256`},
		{c, "\xc2\x40", m, "\x00"},
		{c, "\xc3\x41\x00", m, "\xff"},
		{c, "\xc2\x4a\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", m, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"},
		{c, "\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00", m, "!" + whyBig},
		{c, "\xc2\x01", m, "!" + whyTag},

		// floats
		{j, `1.0`, m, "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"},
		{m, "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", j, `1.0`},
		{j, `-0`, m, "\xcb\x80\x00\x00\x00\x00\x00\x00\x00"},
		{m, "\xcb\x80\x00\x00\x00\x00\x00\x00\x00", j, `-0.0`},
		{j, `1e21`, c, "\xfb\x44\x4b\x1a\xe4\xd6\xe2\xef\x50"},
		{c, "\xfb\x44\x4b\x1a\xe4\xd6\xe2\xef\x50", j, `1e+21`},
		{c, "\xfb\x3e\x7a\xd7\xf2\x9a\xbc\xaf\x48", j, `1e-07`},
		{c, "\xfb\x00\x00\x00\x00\x00\x00\x00\x01", j, `5e-324`},
		{m, "\xca\x3d\xcc\xcc\xcd", j, `0.10000000149011612`},
		{m, "\xca\x3d\xcc\xcc\xcd", c, "\xfa\x3d\xcc\xcc\xcd"},
		{c, "\xf9\x3e\x00", j, `1.5`},
		{c, "\xf9\x3e\x00", m, "\xca\x3f\xc0\x00\x00"},
		{c, "\xf9\x00\x01", m, "\xca\x33\x80\x00\x00"}, // the smallest half
		{c, "\xf9\x7c\x00", m, "\xca\x7f\x80\x00\x00"},
		{c, "\xf9\x7c\x00", j, "!" + whyNotFinite},
		{m, "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", j, "!" + whyNotFinite},
		{m, "\xca\xff\x80\x00\x00", j, "!" + whyNotFinite},
		{m, "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", c, "\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00"},
		{j, `1e400`, m, "!" + whyBigFloat},

		// texts
		{j, `"\ud83d\ude00\u00e4\n\/"`, m, "\xa8😀ä\n/"},
		{m, "\xa8😀ä\n\"", j, `"😀ä\n\""`},
		{m, "\xa3\x01\x1f\x7f", j, "\"\\u0001\\u001f\x7f\""},
		{j, `"\ud83d"`, m, "!" + whySurrogate},
		{j, `"\ude00\ud83d"`, m, "!" + whySurrogate},
		{c, "\x7f\x61a\x60\x62bc\xff", m, "\xa3abc"},
		{m, "\xda\x00\x01a", c, "\x61a"},

		// nothing, truth, what only one can say
		{j, `[null,true,false]`, c, "\x83\xf6\xf5\xf4"},
		{c, "\x84\xf6\xf7\xf5\xf4", m, "\x94\xc0\xc0\xc3\xc2"},
		{c, "\x82\xf7\xf6", j, `[null,null]`},
		{m, "\x92\xd4\x00\x00\x01", j, `[null,1]`},
		{m, "\x91\xd4\x00\x01", j, "!" + whyExtension},
		{c, "\xf8\x20", m, "!" + whySimple},
		{c, "\xf0", j, "!" + whySimple},
		{m, "\xd4\x01\x00", j, "!" + whyExtension},
		{m, "\x91\xd6\xff\x00\x00\x00\x00", c, "!" + whyExtension}, // the timestamp
		{c, "\xd9\xd9\xf7\xc0\x6a2026-01-01", j, `"2026-01-01"`},
		{c, "\xc1\x1a\x00\x01\x00\x00", m, "\xce\x00\x01\x00\x00"},
		{c, "\xd8\x25\x50\x10\xe3\xff\x90\x53\x07\x5c\x52\x6f\x5f\xc0\x6d\x4f\xe3\x7c\xdb", j, "!" + whyTag},

		// lists and dicts
		{c, "\x9f\x01\x9f\xff\xff", m, "\x92\x01\x90"},
		{c, "\xbf\x61a\xbf\xff\xff", j, `{"a":{}}`},
		{j, " [ 1 , [ ] , { \"a\" : { } } ] ", m, "\x93\x01\x90\x81\xa1a\x80"},
		{j, `[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5]`, m, "\xdc\x00\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x00\x01\x02\x03\x04\x05"},
		{j, `[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5]`, c, "\x90\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x00\x01\x02\x03\x04\x05"},
		{m, "\xde\x00\x01\xa1a\x01", c, "\xa1\x61a\x01"},
		{m, "\x82\x01\x02\x91\x03\x04", c, "\xa2\x01\x02\x81\x03\x04"}, // keys of any kind
		{c, "\xa1\x20\xf5", m, "\x81\xff\xc3"},
		{m, "\x81\x01\x02", j, "!" + whyKeyText},
		{c, "\xa1\x41a\x02", j, "!" + whyKeyText},
		{j, `{"a":1,"a":2}`, m, "!" + whySameKey},
		{j, `{"a":1,"\u0061":2}`, c, "!" + whySameKey},
		{m, "\x82\xa1a\x01\xd9\x01a\x02", j, "!" + whySameKey},
		{m, "\x82\x01\x01\xcc\x01\x02", c, "!" + whySameKey},
		{j, `{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"a":0,"b":0,"c":0,"d":{"a":0},"5":1}`, m, "!" + whySameKey},
		{j, `[{"a":1},{"a":2}]`, m, "\x92\x81\xa1a\x01\x81\xa1a\x02"},

		// malformed, should anybody ask
		{j, `[1`, m, "!" + whyShort},
		{j, ``, m, "!" + whyShort},
		{j, `[1]]`, m, "!" + whyTrailing},
		{c, "\x82\x01\xff", m, "!" + whyBreak},
		{c, "\xff", m, "!" + whyBreak},
		{m, "\xc1", c, "!" + whyReserved},
	} {
		var tr Transcoder
		out, err := tr.one(nil, v.from, v.to, []byte(v.value))
		if reason, refused := strings.CutPrefix(v.want, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%q from %v to %v is %q, %v; want: %s", v.value, v.from, v.to, out, err, reason)
			}
			continue
		}
		if err != nil || string(out) != v.want {
			t.Errorf("%q from %v to %v is %q, %v; want %q", v.value, v.from, v.to, out, err, v.want)
			continue
		}
		checkTranscode(t, v.from, v.to, []byte(v.value))
	}
}

// Two values, a comma between them in JSON, and white space.
func TestTranscodePayload(t *testing.T) {
	for _, from := range serializers {
		m, err := parse(from, in(t, from, `[16,1,{},"t",[1,"ü",true,null,{"a":[1.5]}],{"k":[]}]`))
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range serializers {
			var tr Transcoder
			raw, err := tr.Payload([]byte("x"), from, to, m.Payload)
			want := joined(to, in(t, to, `[1,"ü",true,null,{"a":[1.5]}]`), in(t, to, `{"k":[]}`))
			if err != nil || string(raw) != "x"+string(want) {
				t.Errorf("from %v to %v: %q, %v", from, to, raw, err)
			}
			if raw, err := tr.Payload(nil, from, to, Payload{}); err != nil || len(raw) != 0 {
				t.Errorf("nothing is %q, %v", raw, err)
			}
		}
	}
	var tr Transcoder
	spaced := Payload{N: 2, Raw: []byte("[1]\t,\n{ \"a\" :2}")}
	if raw, err := tr.Payload(nil, wamp.JSON, wamp.MsgPack, spaced); err != nil || string(raw) != "\x91\x01\x81\xa1a\x02" {
		t.Errorf("%q, %v", raw, err)
	}
	spaced.N = 1
	if raw, err := tr.Payload(nil, wamp.JSON, wamp.MsgPack, spaced); err == nil || len(raw) != 0 {
		t.Errorf("%q, %v", raw, err)
	}
}

// P23: within one serializer the payload's bytes are untouched, whatever they are.
func TestSameSerializerKeepsBytes(t *testing.T) {
	for s, values := range seedBytes {
		for _, v := range values {
			p := Payload{N: 1, Raw: []byte(v)}
			var tr Transcoder
			if raw, err := tr.Payload(nil, s, s, p); err != nil || string(raw) != v {
				t.Errorf("%q: %q, %v", v, raw, err)
			}
			m, err := parse(s, AppendPublish(nil, s, 1, nil, "t", p))
			if err != nil {
				continue // not well-formed: FuzzWalk asks others about it
			}
			if string(m.Payload.Raw) != strings.TrimSpace(v) {
				t.Errorf("%q became %q", v, m.Payload.Raw)
			}
			event := AppendEvent(nil, s, 1, 2, &EventDetails{}, m.Payload)
			if e, err := parse(s, event); err != nil || string(e.Payload.Raw) != string(m.Payload.Raw) {
				t.Errorf("%q: %v", v, err)
			}
		}
	}
}
