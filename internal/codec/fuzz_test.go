package codec

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"kleeblatt/internal/wamp"
)

// seedValues are values that say everything that can be said, for the fuzzers.
var seedValues = []string{
	`[]`, `[1,-1,127,128,255,256,-32,-33,-128,-129,65535,65536,-32768,-32769,4294967295,4294967296,-2147483648,-2147483649]`,
	`[9007199254740992,-9007199254740992,18446744073709551615,-9223372036854775808,18446744073709551616,20000000000000000000,-20000000000000000000,1e21,1e-7,-0,-0.0,1.5,1.0]`,
	`[null,true,false,"","ü","\ud83d\ude00\n\"\\\/","\u0000EOP/kFMHXFJvX8BtT+N82w==","\u0000",{"a":{"b":[{}]},"c":""}]`,
	`[[[[[[]]]]],[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16],{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13,"n":14,"o":15,"p":16}]`,
}

// seedBytes are such values of one serializer.
var seedBytes = map[wamp.Serializer][]string{
	wamp.JSON:    {" [ 1 , { \"a\" : 2 } ] ", `["\ud800"]`, `[1e400]`, `[{"a":1,"a":1}]`, `["\u0000x"]`, "[\"\xff\"]"},
	wamp.MsgPack: {"\x91\xd4\x01\x00", "\x92\x81\x01\x02\x81\xc4\x01a\xc0", "\x92\xca\x7f\x80\x00\x00\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "\x91\xc1", "\x91\xdd\xff\xff\xff\xff"},
	wamp.CBOR: {"\x9f\xbf\x61a\x01\xff\x7f\x61b\xff\x5f\x41c\xff\xff", "\x85\xf7\xf9\x3c\x00\xf9\x00\x01\xc2\x42\x01\x00\xc3\x41\x00",
		"\x81\xd9\xd9\xf7\x01", "\x81\xd8\x2a\x01", "\x81\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "\x81\xf8\xff", "\x81\xa1\x20\x01", "\xc3\x30", "\x63\x30\x30\xd3\x80"},
}

func addValueSeeds(f *testing.F, add func(s wamp.Serializer, value []byte)) {
	for _, s := range serializers {
		for _, v := range seedValues {
			add(s, in(f, s, v))
		}
		for _, v := range seedBytes[s] {
			add(s, []byte(v))
		}
	}
}

// walkers are the walks of a whole value.
func walkWhole(s wamp.Serializer, b []byte) (why string) {
	var c cursor
	c.start(s, b)
	c.walk(0)
	c.end(whyTrailing)
	return c.why
}

// FuzzWalk: what the full decoders call well-formed is walked, and nothing else, but for our depth and (MessagePack, CBOR) our UTF-8.
func FuzzWalk(f *testing.F) {
	addValueSeeds(f, func(s wamp.Serializer, v []byte) { f.Add(uint8(s), v) })
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		s := serializers[int(kind)%len(serializers)]
		why := walkWhole(s, b)
		theirs := wellFormed(s, b)
		switch {
		case why == "" && !theirs:
			t.Fatalf("%v: %q is walked, but not well-formed", s, b)
		case why != "" && theirs && why != whyDepth && !(why == whyUTF8 && s != wamp.JSON):
			t.Fatalf("%v: %q is well-formed, but: %s", s, b, why)
		case s == wamp.JSON && why == whyUTF8 && utf8.Valid(b):
			t.Fatalf("%v: %q is UTF-8", s, b)
		}
	})
}

// FuzzParse: no bytes make Parse, Hello or Welcome panic; what parses, parses again to the same after it was written anew, in each serializer.
func FuzzParse(f *testing.F) {
	for _, s := range serializers {
		for _, text := range []string{
			`[16,1,{"acknowledge":true,"exclude":[1,2],"eligible_authid":["a"],"x":[{}]},"a.b",[1,"x"],{"k":null}]`,
			`[1,"realm1",{"roles":{"caller":{"features":{"call_canceling":true}}},"authid":"j","authmethods":["a"]}]`,
			`[2,1,{"realm":"r","roles":{"broker":{"features":{"x":true}},"dealer":{}}}]`,
			`[8,48,1,{},"a.b",[]]`, `[35,0,{"subscription":3}]`, `[36,1,2,{"topic":"t","publisher":7},["x"]]`, `[3,{"message":"m"},"a"]`,
			`[64,1,{"match":"prefix","invoke":"first","concurrency":3,"x_barrier":5},"a."]`, `[69,1,{"mode":"kill"}]`,
		} {
			f.Add(uint8(s), in(f, s, text))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, frame []byte) {
		s := serializers[int(kind)%len(serializers)]
		before := bytes.Clone(frame)
		var p Parser
		var m Message
		err := p.Parse(s, frame, &m)
		if !bytes.Equal(before, frame) {
			t.Fatal("Parse has changed the frame")
		}
		_ = p.Hello(s, frame, new(Hello)) // whatever it is
		_ = p.Welcome(s, frame, new(WelcomeDetails))
		var syntax *SyntaxError
		if err != nil {
			if !errors.As(err, &syntax) || err.Error() == "" || syntax.Offset > len(frame) {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if !wellFormed(s, bytes.TrimSpace(frame)) && !wellFormed(s, frame) {
			t.Fatalf("%v: %q parses, but is not well-formed", s, frame)
		}
		if err := p.Parse(s, frame, &m); err != nil { // into used memory
			t.Fatal(err)
		}
		if err := WalkPayload(s, m.Payload); err != nil {
			t.Fatal(err)
		}
		var again Message
		var q Parser
		out := rebuild(s, &m)
		if err := q.Parse(s, out, &again); err != nil {
			t.Fatalf("%v: %q, written as %q: %v", s, frame, out, err)
		}
		same(t, "written anew", &m, &again, true)
		if out := typed(s, &m); out != nil {
			checkTyped(t, s, &m, out)
		}
		acrossSerializers(t, s, &m)
	})
}

// checkTyped: what the function for a type has written says at least the same about ids, URI and payload.
func checkTyped(t *testing.T, s wamp.Serializer, m *Message, out []byte) {
	zero := (m.Type == wamp.Unsubscribed && m.Options.Subscription == 0 || m.Type == wamp.Unregistered && m.Options.Registration == 0) && m.Request == 0
	var p Parser
	var again Message
	if err := p.Parse(s, out, &again); err != nil {
		if zero { // a revocation of nothing
			return
		}
		t.Fatalf("%v: %+v, written as %q: %v", s, m, out, err)
	}
	if again.Type != m.Type || again.Request != m.Request || again.ID != m.ID || !bytes.Equal(again.URI, m.URI) ||
		m.Type != wamp.Abort && (again.Payload.N != m.Payload.N || !bytes.Equal(again.Payload.Raw, m.Payload.Raw)) {
		t.Fatalf("%v: %+v, written as %q", s, m, out)
	}
}

// acrossSerializers writes the message in the other serializers.
func acrossSerializers(t *testing.T, s wamp.Serializer, m *Message) {
	for _, to := range serializers {
		var tr Transcoder
		raw, err := tr.Payload(nil, s, to, m.Payload)
		if err != nil {
			continue
		}
		moved := *m
		moved.Payload.Raw = raw
		var p Parser
		var again Message
		out := rebuild(to, &moved)
		if err := p.Parse(to, out, &again); err != nil {
			t.Fatalf("%+v from %v to %v: %q: %v", m, s, to, out, err)
		}
		same(t, "in "+to.String(), &moved, &again, true)
	}
}

// FuzzTranscode: what is carried is well-formed in the other serializer, says the same there, and comes back the same; all else is a CarryError.
func FuzzTranscode(f *testing.F) {
	addValueSeeds(f, func(s wamp.Serializer, v []byte) {
		for _, to := range serializers {
			f.Add(uint8(s), uint8(to), v)
		}
	})
	f.Fuzz(func(t *testing.T, kind, other uint8, b []byte) {
		from, to := serializers[int(kind)%len(serializers)], serializers[int(other)%len(serializers)]
		checkTranscode(t, from, to, b)
	})
}

func checkTranscode(t *testing.T, from, to wamp.Serializer, b []byte) {
	t.Helper()
	var tr Transcoder
	out, err := tr.one([]byte("kept"), from, to, b)
	if !bytes.HasPrefix(out, []byte("kept")) || err != nil && len(out) != 4 {
		t.Fatalf("dst is %q after %v", out, err)
	}
	out = out[4:]
	why := walkWhole(from, bytes.TrimLeft(b, map[bool]string{true: " \t\r\n"}[from == wamp.JSON]))
	var carry *CarryError
	if err != nil {
		if !errors.As(err, &carry) || carry.Reason == "" || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%T %v", err, err)
		}
		return
	}
	if why != "" {
		t.Fatalf("%q is carried from %v to %v, but: %s", b, from, to, why)
	}
	if !wellFormed(to, out) || walkWhole(to, out) != "" {
		t.Fatalf("%q from %v to %v is %q: not well-formed", b, from, to, out)
	}
	wide := from != wamp.MsgPack && to != wamp.MsgPack
	if theirs, ok := meaning(from, b, wide); ok {
		if ours, ok := meaning(to, out, wide); !ok || ours != theirs && !strings.Contains(theirs, "float 7ff") && !strings.Contains(theirs, "float fff") {
			t.Fatalf("%q from %v to %v is %q:\n%s\n%s", b, from, to, out, theirs, ours)
		}
	}
	if from == to {
		return
	}
	back, err := tr.one(nil, to, from, out)
	if err != nil {
		t.Fatalf("%q from %v to %v is %q, which does not come back: %v", b, from, to, out, err)
	}
	if again, err := tr.one(nil, from, to, back); err != nil || !bytes.Equal(again, out) {
		t.Fatalf("%q from %v to %v is %q, then %q: %v", b, from, to, out, again, err)
	}
}
