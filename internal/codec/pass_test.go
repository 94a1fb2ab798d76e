package codec

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

func TestWhatPasses(t *testing.T) {
	for _, s := range serializers {
		for text, want := range map[string]string{
			`[16,1,{},"a"]`: ``,
			`[16,1,{"acknowledge":true,"foo":1,"_x":2,"xx_a":3,"pptx_a":4,"x":5,"enc":6},"a"]`:                         ``,
			`[16,1,{"x_a":[{"b":null}],"ppt_scheme":"s","foo":1,"ppt_other":2,"enc_algo":"e","acknowledge":true},"a"]`: `"x_a":[{"b":null}],"ppt_scheme":"s","ppt_other":2,"enc_algo":"e"`,
			`[48,1,{"ppt_scheme":null,"x_":1},"a"]`:                                                                    `"x_":1`,
			`[32,1,{"x_a":1,"ppt_scheme":"s"},"a"]`:                                                                    ``, // has no payload
			`[64,1,{"x_a":1,"x_barrier":5},"a"]`:                                                                       ``,
			`[70,1,{"x_a":1,"progress":true}]`:                                                                         `"x_a":1`,
			`[8,68,1,{"x_a":1},"a.b"]`:                                                                                 `"x_a":1`,
		} {
			var p Parser
			var m Message
			if err := p.Parse(s, in(t, s, text), &m); err != nil {
				t.Errorf("%v: %s: %v", s, text, err)
				continue
			}
			var c Transcoder
			got, err := c.Pass(nil, s, wamp.JSON, m.Pass)
			if err != nil || string(got) != want {
				t.Errorf("%v: %s passes %s, %v", s, text, got, err)
			}
			if (m.Pass.N == 0) != (want == "") {
				t.Errorf("%v: %s passes %d pairs", s, text, m.Pass.N)
			}
		}
	}
}

func TestPassIsBounded(t *testing.T) {
	for _, s := range serializers {
		for n, fits := range map[int]bool{PassBytesMax / 2: true, PassBytesMax + 1: false} {
			var p Parser
			var m Message
			err := p.Parse(s, in(t, s, fmt.Sprintf(`[16,1,{"x_a":%q},"a"]`, strings.Repeat("x", n))), &m)
			if (err == nil) != fits {
				t.Errorf("%v: %d bytes: %v", s, n, err)
			}
		}
	}
}

// FuzzPass: whatever is parsed passes into every serializer, or is refused, and is read there as what it was.
func FuzzPass(f *testing.F) {
	addValueSeeds(f, func(s wamp.Serializer, v []byte) { f.Add(uint8(s), v) })
	f.Fuzz(func(t *testing.T, kind uint8, value []byte) {
		s := serializers[int(kind)%len(serializers)]
		b := appendUint(openMessage(nil, s, 4, wamp.Publish), s, 1)
		b = appendText(appendKey(openDict(b, s, 3), s, "ppt_scheme"), s, "any")
		b = append(appendKey(b, s, "x_value"), value...)
		b = shutDict(appendBool(appendKey(b, s, "acknowledge"), s, true), s)
		b = shutList(appendText(b, s, "a.b"), s)
		var p Parser
		var m Message
		if p.Parse(s, b, &m) != nil {
			return
		}
		if m.Pass.N == 0 || string(m.Options.PPTScheme) == "any" && m.Pass.N < 2 {
			return // the value was more than one
		}
		for _, to := range serializers {
			var c Transcoder
			raw, err := c.Pass(nil, s, to, m.Pass)
			if err != nil {
				var carry *CarryError
				if to == s || !errors.As(err, &carry) {
					t.Fatalf("%v to %v: %q: %v", s, to, m.Pass.Raw, err)
				}
				continue
			}
			out := AppendEvent(nil, to, 1, 2, &EventDetails{Topic: []byte("a.b"), Pass: Pass{N: m.Pass.N, Raw: raw}}, Payload{})
			var q Parser
			var again Message
			if err := q.Parse(to, out, &again); err != nil {
				t.Fatalf("%v to %v: %q became %q: %v", s, to, m.Pass.Raw, out, err)
			}
			if again.Pass.N != m.Pass.N || string(again.Pass.Raw) != string(raw) || string(again.Options.PPTScheme) != string(m.Options.PPTScheme) {
				t.Fatalf("%v to %v: %q became %q", s, to, m.Pass.Raw, again.Pass.Raw)
			}
		}
	})
}
