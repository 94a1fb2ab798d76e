package router

import (
	"testing"

	"pgregory.net/rapid"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

var anyElement = rapid.Custom(func(t *rapid.T) Element {
	text := rapid.StringN(0, 20, 40)
	e := Element{
		Kind:  rapid.SampledFrom([]ElementKind{Interest, Registration, Session, Testament, Retained, Note}).Draw(t, "kind"),
		Realm: text.Draw(t, "realm"),
	}
	if e.Kind == Session {
		e.Session = rapid.Uint64Range(1, wamp.MaxID).Draw(t, "session")
		e.AuthID, e.AuthRole = text.Draw(t, "authid"), text.Draw(t, "authrole")
		e.AuthMethod, e.AuthProvider = text.Draw(t, "authmethod"), text.Draw(t, "authprovider")
		return e
	}
	if e.Kind == Retained {
		e.Order, e.Node, e.Frame = rapid.Uint64().Draw(t, "order"), text.Draw(t, "node"), text.Draw(t, "frame")
		return e
	}
	if e.Kind == Testament {
		e.Session, e.Scope = rapid.Uint64Range(1, wamp.MaxID).Draw(t, "session"), Scope(rapid.IntRange(0, 1).Draw(t, "scope"))
		e.Place, e.Frame = rapid.Uint64().Draw(t, "place"), text.Draw(t, "frame")
		return e
	}
	e.URI = text.Draw(t, "uri")
	e.Match = wamp.Match(rapid.IntRange(0, 2).Draw(t, "match"))
	if e.Kind == Note {
		e.Session, e.On = rapid.Uint64Range(1, wamp.MaxID).Draw(t, "session"), rapid.Bool().Draw(t, "on")
	}
	if e.Kind == Registration {
		e.Session = rapid.Uint64Range(1, wamp.MaxID).Draw(t, "session")
		e.Invoke = wamp.Invoke(rapid.IntRange(0, 4).Draw(t, "invoke"))
		e.Concurrency = rapid.Uint32().Draw(t, "concurrency")
		e.Order = rapid.Uint64().Draw(t, "order")
		e.Tentative = rapid.Bool().Draw(t, "tentative")
		e.DiscloseCaller = rapid.Bool().Draw(t, "disclose")
	}
	return e
})

func encodeElement(e *Element) string {
	switch e.Kind {
	case Session:
		return string(AppendSession(nil, e.Realm, e.Session, &e.Principal))
	case Testament:
		return string(AppendTestament(nil, e))
	case Retained:
		return string(AppendRetained(nil, e))
	case Note:
		return string(AppendNote(nil, e.Realm, e.Match, e.URI, e.Session, e.On))
	case Interest:
		return string(AppendInterest(nil, e.Realm, e.Match, e.URI))
	}
	return string(AppendRegistration(nil, e))
}

// P17: equal elements are equal bytes, differing ones differ.
func TestElementEncodingIsCanonicalP17(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyElement.Draw(t, "a"), anyElement.Draw(t, "b")
		x, y := encodeElement(&a), encodeElement(&b)
		if (a == b) != (x == y) {
			t.Fatalf("%+v, %+v: %x, %x", a, b, x, y)
		}
		got, err := ParseElement(x)
		if err != nil || got != a {
			t.Fatalf("%+v came back as %+v, %v", a, got, err)
		}
		if _, err := ParseElement(x + "\x00"); err == nil {
			t.Fatal("bytes behind the element are accepted")
		}
		if _, err := ParseElement(x[:len(x)-1]); err == nil {
			t.Fatal("half an element is accepted")
		}
	})
}

// FuzzParseElement: whatever is accepted is exactly what would be written.
func FuzzParseElement(f *testing.F) {
	f.Add(string(AppendInterest(nil, "r", wamp.Prefix, "a.b")))
	f.Add(string(AppendRegistration(nil, &Element{Realm: "r", URI: "p.q", Session: 300, Concurrency: 3, Order: 1 << 40})))
	f.Add(string(AppendSession(nil, "r", 300, &auth.Principal{AuthID: "me", AuthRole: "user"})))
	f.Add(string(AppendTestament(nil, &Element{Realm: "r", Session: 300, Scope: Destroyed, Place: 3, Frame: "frame"})))
	f.Add(string(AppendRetained(nil, &Element{Realm: "r", Order: 1 << 40, Node: "n", Frame: "frame"})))
	f.Add(string(AppendNote(nil, "r", wamp.Wildcard, "a..b", 300, true)))
	f.Add("\x01\x01\x81\x00")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseElement(s)
		if err != nil {
			return
		}
		if again := encodeElement(&e); again != s {
			t.Fatalf("%x is also written as %x", s, again)
		}
	})
}
