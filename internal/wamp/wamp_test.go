package wamp

import (
	"regexp"
	"slices"
	"testing"
	"unicode/utf8"
)

// URI-01, URI-02, URI-03, URI-07, URI-10, A-44.
func TestValidURI(t *testing.T) {
	for _, c := range []struct {
		uri                             string
		exact, prefix, wildcard, strict bool // strict: with Exact
	}{
		{"com.myapp.topic1", true, true, true, true},
		{"a", true, true, true, true},
		{"a_1.b", true, true, true, true},
		{"", false, true, true, false},
		{"a.", false, true, true, false},
		{"com.myapp.", false, true, true, false},
		{"a..", false, false, true, false},
		{".a", false, false, true, false},
		{"a..b", false, false, true, false},
		{"..", false, false, true, false},
		{".", false, false, true, false},
		{"a b", false, false, false, false},
		{"a\tb", false, false, false, false},
		{"a\u00a0b", false, false, false, false},
		{"a\u2003b", false, false, false, false},
		{"a#b", false, false, false, false},
		{"A.b", true, true, true, false},
		{"Ä.*.x-Y", true, true, true, false},
		{"a.\xff", false, false, false, false},
		{"a.\xed\xa0\x80", false, false, false, false},
		{"a.\ufffd", true, true, true, false},
	} {
		for m, want := range map[Match]bool{Exact: c.exact, Prefix: c.prefix, Wildcard: c.wildcard} {
			if got := ValidURI([]byte(c.uri), m, false); got != want {
				t.Errorf("ValidURI(%q, %v, loose) = %v", c.uri, m, got)
			}
		}
		if got := ValidURI([]byte(c.uri), Exact, true); got != c.strict {
			t.Errorf("ValidURI(%q, exact, strict) = %v", c.uri, got)
		}
	}
	if !ValidURI([]byte("a..b"), Wildcard, true) || ValidURI([]byte("a..B"), Wildcard, true) {
		t.Error("strict wildcard")
	}
	if !ValidURI([]byte("a."), Prefix, true) || !ValidURI(nil, Prefix, true) {
		t.Error("strict prefix")
	}
}

// FuzzValidURI holds the byte loop against the regular expressions of the specification.
func FuzzValidURI(f *testing.F) {
	type rule struct {
		match  Match
		strict bool
	}
	const loose = `[^\s\p{Z}\x{85}\x{0b}\.#]`
	dumb := map[rule]*regexp.Regexp{
		{Exact, false}:    regexp.MustCompile(`^(` + loose + `+\.)*(` + loose + `+)$`),
		{Prefix, false}:   regexp.MustCompile(`^(` + loose + `+\.)*(` + loose + `*)$`),
		{Wildcard, false}: regexp.MustCompile(`^((` + loose + `+\.)|\.)*(` + loose + `+)?$`),
		{Exact, true}:     regexp.MustCompile(`^([0-9a-z_]+\.)*([0-9a-z_]+)$`),
		{Prefix, true}:    regexp.MustCompile(`^([0-9a-z_]+\.)*([0-9a-z_]*)$`),
		{Wildcard, true}:  regexp.MustCompile(`^(([0-9a-z_]+\.)|\.)*([0-9a-z_]+)?$`),
	}
	for _, s := range []string{"", "a.b", "a..b", "a b", "Ä.*", "a#", "\u2028", "a.", ".a", "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, uri []byte) {
		for r, re := range dumb {
			want := utf8.Valid(uri) && re.Match(uri)
			if got := ValidURI(uri, r.match, r.strict); got != want {
				t.Errorf("ValidURI(%q, %v, %v) = %v", uri, r.match, r.strict, got)
			}
		}
	})
}

// URI-06.
func TestReserved(t *testing.T) {
	for uri, want := range map[string]bool{
		"wamp.session.on_join": true, "wamp.": true, "kleeblatt.barrier": true,
		"wamp": false, "wampx.a": false, "com.wamp.a": false, "Wamp.a": false, "": false, "kleeblatt": false,
	} {
		if Reserved([]byte(uri)) != want {
			t.Errorf("Reserved(%q) = %v", uri, !want)
		}
	}
}

func TestTextsReadWhatTheyWrite(t *testing.T) {
	for m := Exact; m <= Wildcard; m++ {
		if got, ok := ParseMatch([]byte(m.String())); !ok || got != m {
			t.Error(m)
		}
	}
	for i := Single; i <= Last; i++ {
		if got, ok := ParseInvoke([]byte(i.String())); !ok || got != i {
			t.Error(i)
		}
	}
	for m := KillNoWait; m <= Skip; m++ {
		if got, ok := ParseCancelMode([]byte(m.String())); !ok || got != m {
			t.Error(m)
		}
	}
	for s := JSON; s < SerializerBound; s++ {
		if got, ok := ParseSerializer(s.String()); !ok || got != s {
			t.Error(s)
		}
	}
	for _, bad := range []string{"", "EXACT", "Exact", "prefix ", "singl", "killnowai"} {
		_, match := ParseMatch([]byte(bad))
		_, invoke := ParseInvoke([]byte(bad))
		_, mode := ParseCancelMode([]byte(bad))
		if match || invoke || mode {
			t.Errorf("%q is accepted", bad)
		}
	}
	if s := MessageType(99).String(); s != "message type 99" || MessageType(99).Known() || MessageType(7).Known() || !Yield.Known() {
		t.Error(s)
	}
	if Publish.String() != "PUBLISH" || Match(9).String() != "match 9" || Serializer(0).Known() || Serializer(7).String() != "serializer 7" {
		t.Error("names")
	}
}

// IDS-01.
func TestValidID(t *testing.T) {
	for id, want := range map[uint64]bool{0: false, 1: true, MaxID: true, MaxID + 1: false, 1<<64 - 1: false} {
		if ValidID(id) != want {
			t.Error(id)
		}
	}
}

// ANN-01, ANN-04, A-13, P26: announced keys have the form of MSG-05; HELLO's keys and bits belong to one another.
func TestFeatures(t *testing.T) {
	form := regexp.MustCompile(`^[a-z][a-z0-9_]{2,}$`)
	for _, keys := range [][]string{BrokerFeatures(), DealerFeatures()} {
		for i, key := range keys {
			if !form.MatchString(key) || slices.Contains(keys[:i], key) {
				t.Errorf("feature key %q", key)
			}
		}
	}
	if slices.Contains(DealerFeatures(), "progressive_call_results") && !slices.Contains(DealerFeatures(), "call_canceling") {
		t.Error("progressive results without canceling")
	}
	var all Feature
	for _, f := range features {
		if got, ok := ParseFeature([]byte(f.key)); !ok || got != f.bit || all&f.bit != 0 {
			t.Error(f.key)
		}
		all |= f.bit
	}
	if keys := all.Keys(); len(keys) != len(features) || keys[0] != "call_canceling" {
		t.Error(keys)
	}
	if got, ok := ParseFeature([]byte("call_cancelling")); !ok || got != FeatureCallCanceling {
		t.Error("the other spelling of call_canceling")
	}
	if _, ok := ParseFeature([]byte("x_foo")); ok {
		t.Error("x_foo")
	}
	if (&Roles{}).Any() || !(&Roles{Callee: true}).Any() {
		t.Error("Roles.Any")
	}
}

func TestWampAlloc(t *testing.T) {
	uri, word := []byte("com.myapp.Ä.topic1"), []byte("wildcard")
	if n := testing.AllocsPerRun(100, func() {
		_ = ValidURI(uri, Exact, false) && Reserved(uri)
		_, _ = ParseMatch(word)
		_, _ = ParseInvoke(word)
		_, _ = ParseCancelMode(word)
		_, _ = ParseFeature(word)
	}); n != 0 {
		t.Error(n)
	}
}

func BenchmarkValidURI(b *testing.B) {
	uri := []byte("com.myapp.some.topic1")
	b.ReportAllocs()
	for b.Loop() {
		ValidURI(uri, Exact, false)
	}
}
