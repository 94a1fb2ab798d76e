package auth

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kleeblatt/internal/wamp"
)

// The dumb twin of the set relations: all URIs over a small alphabet are listed, and sets are compared by what they hold. The URIs have one
// more letter, one more component and longer components than the patterns, so that what a pattern leaves open does occur.
var (
	universe = paths([]string{"a", "b", "c", "ab", "ac", "abc"}, 4)
	patterns = allPatterns()
	members  = func() (sets [][]bool) {
		for _, p := range patterns {
			set := make([]bool, len(universe))
			for i, uri := range universe {
				set[i] = holds(p.match, p.uri, uri)
			}
			sets = append(sets, set)
		}
		return sets
	}()
)

func paths(components []string, most int) (all []string) {
	level := []string{""}
	for n := range most {
		var next []string
		for _, before := range level {
			for _, c := range components {
				if n > 0 {
					next = append(next, before+"."+c)
				} else {
					next = append(next, c)
				}
			}
		}
		all = append(all, next...)
		level = next
	}
	return all
}

func allPatterns() (all []pattern) {
	for _, uri := range paths([]string{"a", "b", "ab"}, 3) {
		all = append(all, pattern{uri, wamp.Exact}, pattern{uri, wamp.Prefix})
		if strings.Count(uri, ".") < 2 {
			all = append(all, pattern{uri + ".", wamp.Prefix})
		}
	}
	all = append(all, pattern{"", wamp.Prefix})
	for _, uri := range paths([]string{"", "a", "b", "ab"}, 3) {
		all = append(all, pattern{uri, wamp.Wildcard})
	}
	return all
}

// holds is what CONFORMANCE calls exact, prefix and wildcard matching, said once more.
func holds(m wamp.Match, p, uri string) bool {
	switch m {
	case wamp.Exact:
		return p == uri
	case wamp.Prefix:
		return len(uri) >= len(p) && uri[:len(p)] == p
	}
	a, b := strings.Split(p, "."), strings.Split(uri, ".")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != "" && a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestPatternsAgainstEnumeration: covers and meets say of every two patterns what their members say.
func TestPatternsAgainstEnumeration(t *testing.T) {
	for i, p := range patterns {
		for j, q := range patterns {
			covers, meets := true, false
			for k, in := range members[j] {
				covers = covers && (!in || members[i][k])
				meets = meets || in && members[i][k]
			}
			a, b := patternOf(p.match, p.uri), patternOf(q.match, q.uri)
			if got := a.covers(b); got != covers {
				t.Errorf("%v %q covers %v %q: %v", p.match, p.uri, q.match, q.uri, got)
			}
			if got := a.meets(b); got != meets {
				t.Errorf("%v %q meets %v %q: %v", p.match, p.uri, q.match, q.uri, got)
			}
		}
	}
}

func drawRules(t *rapid.T) (list []Rule) {
	for range rapid.IntRange(0, 6).Draw(t, "rules") {
		p := rapid.SampledFrom(patterns).Draw(t, "pattern")
		x := Rule{URI: p.uri, Match: p.match}
		if rapid.Bool().Draw(t, "denies") {
			x.Deny = Of(Subscribe)
		} else {
			x.Allow = Of(Subscribe)
		}
		if rapid.IntRange(0, 4).Draw(t, "other") == 0 {
			x.Allow, x.Deny = 0, Of(Call) // nothing that subscribing has to do with
		}
		list = append(list, x)
	}
	return list
}

// expected is Decide for one URI in the words of the rule: look for the best rank, then whether anything of that rank denies.
func expected(list []Rule, a Action, uri string) bool {
	rank := func(x Rule) int {
		switch {
		case x.Match == wamp.Prefix:
			return len(x.URI) + 1
		case x.Match == wamp.Exact || !slices.Contains(strings.Split(x.URI, "."), ""):
			return 1 << 20
		}
		return 0
	}
	best, allowed := -1, false
	for _, x := range list {
		if (x.Allow | x.Deny).Has(a) && holds(x.Match, x.URI, uri) {
			switch r := rank(x); {
			case r > best:
				best, allowed = r, x.Allow.Has(a)
			case r == best:
				allowed = allowed && x.Allow.Has(a)
			}
		}
	}
	return allowed
}

// TestRulesAgainstEnumeration, AZN-03: a URI gets what its most specific rule says; a pattern is granted where one rule allows all of its
// URIs and none denies one, and then each of them would have been granted alone.
func TestRulesAgainstEnumeration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawRules(t)
		r, err := NewRules(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, uri := range universe {
			if got, want := r.Decide(Subscribe, wamp.Exact, uri).Allowed, expected(list, Subscribe, uri); got != want {
				t.Fatalf("%q: %v, want %v", uri, got, want)
			}
		}
		at := rapid.IntRange(0, len(patterns)-1).Draw(t, "asked")
		p := patterns[at]
		got := r.Decide(Subscribe, p.match, p.uri).Allowed
		if patternOf(p.match, p.uri).match == wamp.Exact {
			if got != expected(list, Subscribe, p.uri) {
				t.Fatalf("%v %q is one URI and gets another answer: %v", p.match, p.uri, got)
			}
			return
		}
		want := false
		for _, x := range list {
			all := true
			for k, in := range members[at] {
				mine := in && holds(x.Match, x.URI, universe[k])
				all = all && in == mine
				if mine && x.Deny.Has(Subscribe) {
					if got {
						t.Fatalf("%v %q is granted, though %q is denied", p.match, p.uri, universe[k])
					}
					return
				}
			}
			want = want || all && x.Allow.Has(Subscribe)
		}
		if got != want {
			t.Fatalf("%v %q: %v, want %v", p.match, p.uri, got, want)
		}
		for k, in := range members[at] {
			if got && in && !expected(list, Subscribe, universe[k]) {
				t.Fatalf("%v %q leaks %q", p.match, p.uri, universe[k])
			}
		}
	})
}

// TestRulesByExample: what an operator would expect, in words.
func TestRulesByExample(t *testing.T) {
	r, err := NewRules([]Rule{
		{URI: "com.", Match: wamp.Prefix, Allow: Of(Call, Publish, Subscribe)},
		{URI: "com.secret.", Match: wamp.Prefix, Deny: Of(Subscribe, Call)},
		{URI: "com.secret.door", Allow: Of(Call), Disclose: Of(Call)},
		{URI: "com..log", Match: wamp.Wildcard, Deny: Of(Publish)},
		{URI: "org.a", Allow: Of(Publish)},
		{URI: "org.a", Deny: Of(Publish)},
		{URI: "net..log", Match: wamp.Wildcard, Allow: Of(Subscribe, Register)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		action Action
		match  wamp.Match
		uri    string
		want   Verdict
	}{
		{Call, wamp.Exact, "com.x", Verdict{Allowed: true}},
		{Register, wamp.Exact, "com.x", Verdict{Silent: true}},
		{Call, wamp.Exact, "com.secret.x", Verdict{}},
		{Publish, wamp.Exact, "com.secret.x", Verdict{Allowed: true}},
		{Call, wamp.Exact, "com.secret.door", Verdict{Allowed: true, Disclose: true}},
		{Publish, wamp.Exact, "com.x.log", Verdict{Allowed: true}}, // a prefix is more specific than a wildcard
		{Publish, wamp.Exact, "org.a", Verdict{}},
		{Publish, wamp.Exact, "org.b", Verdict{Silent: true}},
		{Subscribe, wamp.Prefix, "", Verdict{}},
		{Subscribe, wamp.Prefix, "com", Verdict{}},
		{Subscribe, wamp.Prefix, "com.", Verdict{}},
		{Subscribe, wamp.Prefix, "com.open", Verdict{Allowed: true}},
		{Subscribe, wamp.Prefix, "com.sec", Verdict{}},
		{Subscribe, wamp.Wildcard, "com.x.", Verdict{Allowed: true}},
		{Subscribe, wamp.Wildcard, "com..x", Verdict{}},
		{Subscribe, wamp.Wildcard, "net.x.log", Verdict{Allowed: true}},
		{Register, wamp.Wildcard, "net..log", Verdict{Allowed: true}},
		{Register, wamp.Wildcard, "net..", Verdict{Silent: true}},
	} {
		if got := r.Decide(c.action, c.match, c.uri); got != c.want {
			t.Errorf("%s %v %q: %+v, want %+v", ActionNames[c.action], c.match, c.uri, got, c.want)
		}
	}
	if none, _ := NewRules(nil); none.Decide(Call, wamp.Exact, "a").Allowed {
		t.Error("a role with an empty list of rules may call")
	}
	for _, bad := range [][]Rule{{{URI: "", Match: wamp.Exact}}, {{URI: "a..b", Match: wamp.Prefix}}, {{URI: "a b"}}, make([]Rule, RulesMax+1)} {
		if _, err := NewRules(bad); err == nil {
			t.Errorf("%d rules, the first for %q, are taken", len(bad), bad[0].URI)
		}
	}
}

func TestDecideAllocs(t *testing.T) {
	r, err := NewRules([]Rule{{URI: "a..c", Match: wamp.Wildcard, Allow: Of(Call)}, {URI: "b", Match: wamp.Prefix, Deny: Of(Call)}})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if !r.Decide(Call, wamp.Exact, "a.b.c").Allowed || r.Decide(Call, wamp.Wildcard, "a.b..").Allowed {
			t.Error("wrong")
		}
	}); n != 0 {
		t.Errorf("a decision allocates %v times", n)
	}
}

// TestWhatEndsOthersIsAllowedByName: a catch-all does not let a role end what others have, whatever its rank; a rule in the name space does.
func TestWhatEndsOthersIsAllowedByName(t *testing.T) {
	all := Rule{Match: wamp.Prefix, Allow: Of(Call)}
	anything := Rule{URI: "..", Match: wamp.Wildcard, Allow: Of(Call)}
	for _, c := range []struct {
		rules []Rule
		uri   string
		want  Verdict
	}{
		{[]Rule{all, anything}, "wamp.session.kill", Verdict{Silent: true}},
		{[]Rule{all}, "wamp.registration.remove_callee", Verdict{Silent: true}},
		{[]Rule{all}, "wamp.subscription.remove_subscriber", Verdict{Silent: true}},
		{[]Rule{all}, "wamp.session.count", Verdict{Allowed: true}},
		{[]Rule{all, {URI: "wamp", Match: wamp.Prefix, Allow: Of(Call)}}, "wamp.session.kill_all", Verdict{Silent: true}},
		{[]Rule{all, {URI: "wamp.", Match: wamp.Prefix, Allow: Of(Call)}}, "wamp.session.kill_all", Verdict{Allowed: true}},
		{[]Rule{all, {URI: "wamp.session.", Match: wamp.Wildcard, Allow: Of(Call)}}, "wamp.session.kill", Verdict{Allowed: true}},
		{[]Rule{all, {URI: "wamp..kill_by_authid", Match: wamp.Wildcard, Allow: Of(Call)}}, "wamp.session.kill_by_authid", Verdict{Allowed: true}},
		{[]Rule{all, {URI: "wamp.session.kill", Allow: Of(Call)}}, "wamp.session.kill", Verdict{Allowed: true}},
		{[]Rule{all, {URI: "wamp.session.kill", Allow: Of(Call)}}, "wamp.session.kill_all", Verdict{Silent: true}},
		{[]Rule{{Match: wamp.Prefix, Deny: Of(Call)}, {URI: "wamp.session.", Match: wamp.Wildcard, Allow: Of(Call)}}, "wamp.session.kill", Verdict{}},
	} {
		r, err := NewRules(c.rules)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Decide(Call, wamp.Exact, c.uri); got != c.want {
			t.Errorf("%v: %s: %+v, want %+v", c.rules, c.uri, got, c.want)
		}
	}
}
