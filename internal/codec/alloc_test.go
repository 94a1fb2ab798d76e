package codec

import (
	"testing"

	"kleeblatt/internal/wamp"
)

func noAlloc(t *testing.T, what string, f func()) {
	t.Helper()
	f() // scratch memory grows once
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%s allocates %v times", what, n)
	}
}

func TestParseAlloc(t *testing.T) {
	for _, s := range serializers {
		var p Parser
		var m Message
		for name, frame := range hotFrames(t, s, 128) {
			noAlloc(t, s.String()+" "+name, func() {
				if err := p.Parse(s, frame, &m); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
	escaped := []byte(`[32,1,{"x\u0041":1,"m\u0061tch":"pre\u0066ix"},"a\u002eb"]`)
	var p Parser
	var m Message
	noAlloc(t, "escapes", func() {
		if err := p.Parse(wamp.JSON, escaped, &m); err != nil || string(m.URI) != "a.b" {
			t.Fatal(err)
		}
	})
	hello := AppendHello(nil, wamp.MsgPack, "realm1", &HelloDetails{AuthMethods: []string{"ticket"}, Roles: wamp.Roles{Caller: true, CallerFeatures: 7}})
	var h Hello
	noAlloc(t, "hello", func() {
		if p.Parse(wamp.MsgPack, hello, &m) != nil || p.Hello(wamp.MsgPack, m.Dict, &h) != nil {
			t.Fatal()
		}
	})
}

func TestAppendAlloc(t *testing.T) {
	dst := make([]byte, 0, 4096)
	for _, s := range serializers {
		p := args(t, s, 128)
		e := EventDetails{Topic: []byte("a.b"), Publisher: 7, PublisherAuthID: "joe", PublisherAuthRole: "user", Retained: true}
		i := InvocationDetails{Procedure: []byte("a.b"), Caller: 7, CallerAuthID: "joe", ReceiveProgress: true, Timeout: 5}
		uri := []byte("a.b")
		noAlloc(t, s.String(), func() {
			dst = AppendEvent(dst[:0], s, 1<<52, 1<<52, &e, p)
			dst = AppendInvocation(dst[:0], s, 1, 1<<52, &i, p)
			dst = AppendResult(dst[:0], s, 1, true, p)
			dst = AppendError(dst[:0], s, wamp.Call, 1, uri, p)
			dst = AppendErrorText(dst[:0], s, wamp.Call, 1, wamp.ErrCanceled, "why")
			dst = AppendPublished(dst[:0], s, 1, 1<<52)
			dst = AppendSubscribed(dst[:0], s, 1, 1<<52)
			dst = AppendInterrupt(dst[:0], s, 1, wamp.KillNoWait)
		})
	}
}

func TestTranscodeAlloc(t *testing.T) {
	dst := make([]byte, 0, 4096)
	for _, from := range serializers {
		for _, value := range seedValues {
			p := Payload{N: 1, Raw: in(t, from, value)}
			for _, to := range serializers {
				var tr Transcoder
				noAlloc(t, from.String()+" to "+to.String(), func() {
					var err error
					if dst, err = tr.Payload(dst[:0], from, to, p); err != nil {
						t.Fatal(value, err)
					}
				})
			}
		}
	}
}
