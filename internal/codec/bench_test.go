package codec

import (
	"bytes"
	"testing"

	"kleeblatt/internal/wamp"
)

var serializers = []wamp.Serializer{wamp.JSON, wamp.MsgPack, wamp.CBOR}

// in encodes a JSON value in s.
func in(t testing.TB, s wamp.Serializer, json string) []byte {
	t.Helper()
	b, err := FromJSON(nil, s, []byte(json))
	if err != nil {
		t.Fatalf("%s in %v: %v", json, s, err)
	}
	return b
}

// args is a payload of one text of n bytes.
func args(t testing.TB, s wamp.Serializer, n int) Payload {
	return Payload{N: 1, Raw: in(t, s, `["`+string(bytes.Repeat([]byte("x"), n))+`"]`)}
}

// hotFrames are the messages of the hot paths with a payload of size bytes.
func hotFrames(t testing.TB, s wamp.Serializer, size int) map[string][]byte {
	p := args(t, s, size)
	return map[string][]byte{
		"publish": AppendPublish(nil, s, 123456, nil, "com.myapp.topic1", p),
		"call":    AppendCall(nil, s, 123456, nil, "com.myapp.procedure1", p),
		"yield":   AppendYield(nil, s, 123456, false, p),
		"publishOptions": AppendPublish(nil, s, 123456, &PublishOptions{Acknowledge: true, IncludeMe: true,
			Exclude: []uint64{1 << 50, 2}, EligibleAuthRole: []string{"user", "admin"}}, "com.myapp.topic1", p),
		"publishKw": AppendPublish(nil, s, 123456, nil, "com.myapp.topic1",
			Payload{N: 2, Raw: joined(s, in(t, s, `[1,-2,true,null,1.5]`), in(t, s, `{"a":[1,2,3],"text":"hello, world","c":{"d":"e"}}`))}),
	}
}

// joined puts two payload values behind one another.
func joined(s wamp.Serializer, a, b []byte) []byte {
	if s == wamp.JSON {
		return append(append(bytes.Clone(a), ','), b...)
	}
	return append(bytes.Clone(a), b...)
}

func BenchmarkParse(b *testing.B) {
	for _, s := range serializers {
		for _, name := range []string{"publish", "call", "yield", "publishOptions", "publishKw"} {
			frame := hotFrames(b, s, 128)[name]
			b.Run(s.String()+"/"+name, func(b *testing.B) {
				var p Parser
				var m Message
				b.ReportAllocs()
				for b.Loop() {
					if err := p.Parse(s, frame, &m); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, s := range serializers {
		p := args(b, s, 128)
		dst := make([]byte, 0, 1024)
		b.Run(s.String()+"/event", func(b *testing.B) {
			var d EventDetails
			b.ReportAllocs()
			for b.Loop() {
				dst = AppendEvent(dst[:0], s, 1<<52, 1<<52+1, &d, p)
			}
		})
		b.Run(s.String()+"/eventTopic", func(b *testing.B) {
			d := EventDetails{Topic: []byte("com.myapp.topic1")}
			b.ReportAllocs()
			for b.Loop() {
				dst = AppendEvent(dst[:0], s, 1<<52, 1<<52+1, &d, p)
			}
		})
		b.Run(s.String()+"/result", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst = AppendResult(dst[:0], s, 123456, false, p)
			}
		})
	}
}

func BenchmarkTranscode(b *testing.B) {
	const value = `[1,"hello, world",true,null,{"a":[1.5,-7,9007199254740992],"key":"Grüße"}]`
	for _, from := range serializers {
		p := Payload{N: 1, Raw: in(b, from, value)}
		for _, to := range serializers {
			if from == to {
				continue
			}
			b.Run(from.String()+"/"+to.String(), func(b *testing.B) {
				var t Transcoder
				dst := make([]byte, 0, 1024)
				b.ReportAllocs()
				for b.Loop() {
					var err error
					if dst, err = t.Payload(dst[:0], from, to, p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
