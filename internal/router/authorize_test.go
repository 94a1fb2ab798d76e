package router

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

// TestAuthorizedAllocs: rules cost nothing for the URIs that are in use, granted or not.
func TestAuthorizedAllocs(t *testing.T) {
	for _, s := range allSerializers {
		b := newBench(t, 1)
		b.joinRealm("ruled", s, `[32,1,{},"com.open.x"]`)
		callee, _ := b.joinRealm("ruled", s, `[64,1,{},"com.open.p"]`)
		c, _ := b.joinRealm("ruled", s)
		granted := encoded(t, s, `[16,1,{"acknowledge":true},"com.open.x",`+payload+`]`)
		denied := encoded(t, s, `[16,1,{},"com.closed",`+payload+`]`)
		told := encoded(t, s, `[16,1,{"acknowledge":true},"com.closed",`+payload+`]`)
		refused := encoded(t, s, `[48,1,{},"com.closed"]`)
		pattern := encoded(t, s, `[32,1,{"match":"prefix"},""]`)
		b.want(b.message(c, granted), FxFanout, FxSend)
		b.want(b.message(c, denied))
		b.want(b.message(c, told), FxSend)
		b.want(b.message(c, refused), FxSend)
		b.want(b.message(c, pattern), FxSend)
		for what, m := range map[string][]byte{"a granted publish": granted, "one denied in silence": denied, "a denied publish": told, "a denied call": refused, "a denied subscribe": pattern} {
			b.noAllocs(what, func() { b.message(c, m) })
		}
		call, yields, n := encoded(t, s, `[48,7,{},"com.open.p"]`), [256][]byte{}, 0
		for i := range yields {
			yields[i] = encoded(t, s, fmt.Sprintf(`[70,%d,{}]`, i+1))
		}
		b.noAllocs("a granted call", func() { b.message(c, call); b.message(callee, yields[n]); n++ })
	}
}

// TestVerdictsAreBounded: a client that tries one URI after the other does not make the worker remember them all, and still gets the
// right answers.
func TestVerdictsAreBounded(t *testing.T) {
	b := newBench(t, 1)
	c, _ := b.joinRealm("ruled", wamp.JSON)
	for i := range verdictsMax + 100 {
		b.want(b.message(c, fmt.Appendf(nil, `[16,%d,{"acknowledge":true},"com.closed.%d"]`, i+1, i)), FxSend)
	}
	long := strings.Repeat("x", verdictURIMax)
	b.want(b.message(c, []byte(`[16,1,{},"com.closed.`+long+`"]`)))
	b.want(b.message(c, []byte(`[48,2,{},"com.closed.`+long+`"]`)), FxSend)
	if n := len(b.w.verdicts); n > verdictsMax || n < 100 {
		t.Errorf("%d verdicts are remembered, of %d at most", n, verdictsMax)
	}
	for k := range b.w.verdicts {
		if len(k.uri) > verdictURIMax {
			t.Errorf("a URI of %d bytes is remembered", len(k.uri))
		}
	}
	if got, want := b.w.Stats().NotAuthorized, [auth.ActionBound]uint64{auth.Call: 1, auth.Publish: verdictsMax + 101}; got != want {
		t.Errorf("counted %v, want %v", got, want)
	}
	if n := b.w.Stats().Published; n != 0 {
		t.Errorf("%d denied publications were counted as published", n)
	}
}

// TestVerdictsTellApart: what is remembered for one action, policy, role or URI is not taken for another's.
func TestVerdictsTellApart(t *testing.T) {
	one, err := auth.NewRules([]auth.Rule{{URI: "a.b", Match: wamp.Exact, Allow: auth.Of(auth.Subscribe)}})
	if err != nil {
		t.Fatal(err)
	}
	two, err := auth.NewRules([]auth.Rule{{URI: "a.b", Match: wamp.Prefix, Allow: auth.Of(auth.Subscribe, auth.Call)}})
	if err != nil {
		t.Fatal(err)
	}
	v := verdicts{}
	for range 2 {
		for _, c := range []struct {
			key  verdictKey
			want bool
		}{
			{verdictKey{one, auth.Subscribe, wamp.Exact, "a.b"}, true},
			{verdictKey{one, auth.Call, wamp.Exact, "a.b"}, false},
			{verdictKey{one, auth.Subscribe, wamp.Prefix, "a.b"}, false},
			{verdictKey{one, auth.Subscribe, wamp.Exact, "a.bc"}, false},
			{verdictKey{two, auth.Subscribe, wamp.Exact, "a.bc"}, true},
			{verdictKey{two, auth.Call, wamp.Exact, "a.b"}, true},
			{verdictKey{two, auth.Subscribe, wamp.Prefix, "a.b"}, true},
			{verdictKey{two, auth.Subscribe, wamp.Wildcard, "a.b."}, true},
			{verdictKey{two, auth.Subscribe, wamp.Wildcard, "a."}, false},
		} {
			if got := v.of(c.key).Allowed; got != c.want {
				t.Errorf("%s %v %q: %v", auth.ActionNames[c.key.action], c.key.match, c.key.uri, got)
			}
		}
	}
	// A URI is read where the message stands, which is gone afterwards.
	message := []byte("a.b.message")
	v.of(verdictKey{two, auth.Call, wamp.Exact, text(message)})
	copy(message, "overwritten")
	if _, kept := v[verdictKey{two, auth.Call, wamp.Exact, "a.b.message"}]; !kept {
		t.Error("what is remembered changes with the message that it came by")
	}
}

// TestBuiltinsThatEnd: what rules must name, a role without rules may not do either.
func TestBuiltinsThatEnd(t *testing.T) {
	end := reflect.ValueOf((*Worker).mayEnd).Pointer()
	for uri, b := range builtins {
		if got := reflect.ValueOf(b.may).Pointer() == end; got != auth.Ends(uri) {
			t.Errorf("%s: its row says that it ends what others have: %v, the rules: %v", uri, got, auth.Ends(uri))
		}
	}
}
