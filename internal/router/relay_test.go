package router

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"kleeblatt/broker"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

var anyFrame = rapid.Custom(func(t *rapid.T) frame {
	some := rapid.SliceOfN(rapid.Byte(), 0, 12)
	id := rapid.Uint64Range(0, wamp.MaxID)
	f := frame{
		kind: frameKind(rapid.IntRange(int(framePublish), int(frameAccept)).Draw(t, "kind")),
	}
	if !f.kind.publishes() {
		f.session = id.Draw(t, "session")
		f.call = rapid.Uint64().Draw(t, "call")
	}
	identify := func() {
		f.from = identity{session: id.Draw(t, "from"), authID: some.Draw(t, "authid"), authRole: some.Draw(t, "authrole"), trust: rapid.Uint32Range(0, trustMax+1).Draw(t, "trust")}
	}
	pay := func() {
		f.serializer = wamp.Serializer(rapid.IntRange(1, 3).Draw(t, "serializer"))
		f.payload = codec.Payload{Raw: rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "payload")}
		if rapid.Bool().Draw(t, "passes") {
			f.flags |= flagPass
			f.pass = codec.Pass{N: uint8(rapid.IntRange(1, 255).Draw(t, "pairs")), Raw: rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "pass")}
		}
		if len(f.payload.Raw) > 0 {
			f.payload.N = uint8(rapid.IntRange(1, 2).Draw(t, "n"))
		}
	}
	switch f.kind {
	case framePublish, frameTestament:
		f.realm, f.uri, f.id = some.Draw(t, "realm"), some.Draw(t, "topic"), id.Draw(t, "publication")
		f.flags = uint16(rapid.IntRange(0, 15).Draw(t, "flags"))
		identify()
		if rapid.Bool().Draw(t, "filtered") {
			f.filter.Has = broker.Lists(rapid.IntRange(1, 63).Draw(t, "lists"))
			f.flags |= flagFilter
			f.filter.Exclude = rapid.SliceOfN(rapid.Uint64(), 1, 5).Draw(t, "exclude")
			f.filter.EligibleAuthRole = rapid.SliceOfN(some, 1, 5).Draw(t, "roles")
		}
		pay()
	case frameInvoke:
		f.realm, f.uri, f.id = some.Draw(t, "realm"), some.Draw(t, "procedure"), id.Draw(t, "registration")
		f.flags, f.worker = rapid.Uint16().Draw(t, "flags")&^flagPass, uint8(rapid.IntRange(0, 63).Draw(t, "worker"))
		f.timeout = rapid.Uint64().Draw(t, "timeout")
		f.tried = rapid.SliceOfN(rapid.Uint64(), 1, triedMax).Draw(t, "tried")
		identify()
		pay()
	case frameReply:
		f.flags = rapid.Uint16().Draw(t, "flags") &^ flagPass
		pay()
	case frameError:
		f.uri = some.Draw(t, "error")
		f.flags = rapid.Uint16().Draw(t, "flags") &^ flagPass
		pay()
	case frameCancel:
		f.worker, f.mode = uint8(rapid.IntRange(0, 63).Draw(t, "worker")), wamp.CancelMode(rapid.IntRange(0, 2).Draw(t, "mode"))
	case framePressure:
		f.call, f.level = 0, uint8(rapid.IntRange(0, 2).Draw(t, "level"))
	case frameRefuse:
		f.level, f.rest = rapid.Byte().Draw(t, "why"), some.Draw(t, "rest")
	}
	return f
})

// same compares what counts of two frames.
func same(a, b *frame) bool {
	x, y := *a, *b
	for _, f := range []*frame{&x, &y} {
		if f.filter.Has == 0 {
			f.filter = broker.Filter{}
		}
		clean(&f.realm, &f.uri, &f.from.authID, &f.from.authRole, &f.payload.Raw, &f.rest)
		for _, l := range append([]*[][]byte{}, textListsOf(&f.filter)...) {
			if len(*l) == 0 {
				*l = nil
			}
			for i := range *l {
				clean(&(*l)[i])
			}
		}
		if len(f.filter.Eligible) == 0 {
			f.filter.Eligible = nil
		}
	}
	return reflect.DeepEqual(x, y)
}

func textListsOf(f *broker.Filter) []*[][]byte { l := textLists(f); return l[:] }

func clean(bs ...*[]byte) {
	for _, b := range bs {
		if len(*b) == 0 {
			*b = nil
		}
	}
}

func TestRelayFramesComeBackAsTheyWent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFrame.Draw(t, "frame")
		b := appendFrame(nil, &f)
		var got frame
		if err := got.parse(b); err != nil {
			t.Fatal(err)
		}
		if !same(&f, &got) {
			t.Fatalf("sent %+v\ncame %+v", f, got)
		}
		session, publish, realm, topic, err := Route(b)
		if err != nil || publish != f.kind.publishes() || session != f.session {
			t.Fatalf("routed as %d %v, %v", session, publish, err)
		}
		if publish && (!bytes.Equal(realm, f.realm) || !bytes.Equal(topic, f.uri)) {
			t.Fatal("routed by another topic")
		}
		if IsCall(b) != (f.kind == frameInvoke) || IsEvent(b) != publish {
			t.Fatal("taken for another kind")
		}
		b[0]++
		if got.parse(b) == nil {
			t.Fatal("a frame of another version is accepted")
		}
	})
}

// FuzzRelayFrame: any bytes are read or refused, and what was read is read again from what it is written as.
func FuzzRelayFrame(f *testing.F) {
	f.Add(appendFrame(nil, &frame{kind: frameReply, session: 7, serializer: 1}))
	f.Add(appendFrame(nil, &frame{kind: framePublish, realm: []byte("r"), uri: []byte("a.b"), serializer: 2,
		filter: broker.Filter{Has: 3, Exclude: []uint64{1}}}))
	f.Add(appendFrame(nil, &frame{kind: frameInvoke, session: 7, tried: []uint64{1, 2}, serializer: 3}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var x, y frame
		if x.parse(b) != nil {
			return
		}
		if _, _, _, _, err := Route(b); err != nil {
			t.Fatal("read, but not routed")
		}
		if err := y.parse(appendFrame(nil, &x)); err != nil {
			t.Fatal(err)
		}
		if !x.kind.publishes() || x.filter.Has != 0 || x.flags&flagFilter == 0 {
			if !same(&x, &y) {
				t.Fatalf("%+v\n%+v", x, y)
			}
		}
	})
}
