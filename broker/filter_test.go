package broker

import (
	"testing"

	"pgregory.net/rapid"
)

// sub is a subscriber, as a filter sees it.
type sub struct {
	session          uint64
	authid, authrole string
}

var subs = map[string]sub{"A": {1, "ann", "staff"}, "B": {2, "bob", "staff"}, "C": {3, "cid", "guest"}}

func texts(s ...string) [][]byte {
	l := make([][]byte, len(s))
	for i := range s {
		l[i] = []byte(s[i])
	}
	return l
}

func wantAdmitted(t *testing.T, f Filter, want string) {
	t.Helper()
	for _, sorted := range []bool{false, true} {
		if sorted {
			f.Sort()
		}
		got := ""
		for _, name := range []string{"A", "B", "C"} {
			if s := subs[name]; f.Admits(s.session, s.authid, s.authrole) {
				got += name
			}
		}
		if got != want {
			t.Errorf("%+v: admits %q, want %q", f, got, want)
		}
	}
}

func TestBWL01Exclude(t *testing.T) {
	wantAdmitted(t, Filter{Has: HasExclude, Exclude: []uint64{2}}, "AC")
	wantAdmitted(t, Filter{Has: HasExclude}, "ABC")
	wantAdmitted(t, Filter{Exclude: []uint64{2}}, "ABC") // absent
}

func TestBWL02Eligible(t *testing.T) {
	wantAdmitted(t, Filter{Has: HasEligible, Eligible: []uint64{2}}, "B")
}

func TestBWL03ExcludeAuth(t *testing.T) {
	wantAdmitted(t, Filter{Has: HasExcludeAuthID, ExcludeAuthID: texts("bob", "eve")}, "AC")
	wantAdmitted(t, Filter{Has: HasExcludeAuthRole, ExcludeAuthRole: texts("staff")}, "C")
}

func TestBWL04EligibleAuth(t *testing.T) {
	wantAdmitted(t, Filter{Has: HasEligibleAuthID, EligibleAuthID: texts("bob", "cid")}, "BC")
	wantAdmitted(t, Filter{Has: HasEligibleAuthRole, EligibleAuthRole: texts("staff")}, "AB")
}

func TestBWL05ConjunctionOfAll(t *testing.T) {
	wantAdmitted(t, Filter{Has: HasExclude | HasEligible, Eligible: []uint64{2, 3}, Exclude: []uint64{2}}, "C")
	wantAdmitted(t, Filter{Has: HasEligible | HasEligibleAuthRole, Eligible: []uint64{2, 3}, EligibleAuthRole: texts("staff")}, "B")
	wantAdmitted(t, Filter{Has: HasEligible | HasExcludeAuthID, Eligible: []uint64{2, 3}, ExcludeAuthID: texts("bob")}, "C")
}

func TestBWL06EmptyEligibleIsNobody(t *testing.T) {
	wantAdmitted(t, Filter{Has: HasEligible, Eligible: []uint64{}}, "")
	wantAdmitted(t, Filter{Has: HasEligibleAuthID}, "")
	wantAdmitted(t, Filter{Has: HasEligibleAuthRole}, "")
}

// The publisher is the caller's business: a filter that names it says nothing about exclude_me.
func TestBWL07PublisherIsOneOfMany(t *testing.T) {
	wantAdmitted(t, Filter{Has: HasEligible, Eligible: []uint64{1}}, "A")
}

func TestBWL08UnknownIdsAreIgnored(t *testing.T) {
	wantAdmitted(t, Filter{Has: HasExclude | HasEligible, Exclude: []uint64{77, 1 << 53}, Eligible: []uint64{99, 1, 98, 2}}, "AB")
}

// P14: the six rules, word by word, against the filter, sorted and not, with short and long lists.
func TestP14FilterAgainstTheSixRules(t *testing.T) {
	names := []string{"", "a", "b", "ab", "c", "admin"}
	rapid.Check(t, func(t *rapid.T) {
		max := rapid.SampledFrom([]int{0, 3, 40}).Draw(t, "max")
		ids := func(name string) []uint64 {
			return rapid.SliceOfN(rapid.Uint64Range(1, 60), 0, max).Draw(t, name)
		}
		list := func(name string) [][]byte {
			return texts(rapid.SliceOfN(rapid.SampledFrom(names), 0, max).Draw(t, name)...)
		}
		f := Filter{
			Has:     Lists(rapid.IntRange(0, 63).Draw(t, "has")),
			Exclude: ids("exclude"), Eligible: ids("eligible"),
			ExcludeAuthID: list("exclude_authid"), ExcludeAuthRole: list("exclude_authrole"),
			EligibleAuthID: list("eligible_authid"), EligibleAuthRole: list("eligible_authrole"),
		}
		inIDs := func(l []uint64, id uint64) bool {
			for _, x := range l {
				if x == id {
					return true
				}
			}
			return false
		}
		in := func(l [][]byte, s string) bool {
			for _, x := range l {
				if string(x) == s {
					return true
				}
			}
			return false
		}
		check := func() {
			for range 10 {
				s := sub{rapid.Uint64Range(1, 60).Draw(t, "session"), rapid.SampledFrom(names).Draw(t, "authid"),
					rapid.SampledFrom(names).Draw(t, "authrole")}
				want := (f.Has&HasEligible == 0 || inIDs(f.Eligible, s.session)) &&
					(f.Has&HasEligibleAuthID == 0 || in(f.EligibleAuthID, s.authid)) &&
					(f.Has&HasEligibleAuthRole == 0 || in(f.EligibleAuthRole, s.authrole)) &&
					(f.Has&HasExclude == 0 || !inIDs(f.Exclude, s.session)) &&
					(f.Has&HasExcludeAuthID == 0 || !in(f.ExcludeAuthID, s.authid)) &&
					(f.Has&HasExcludeAuthRole == 0 || !in(f.ExcludeAuthRole, s.authrole))
				if f.Admits(s.session, s.authid, s.authrole) != want {
					t.Fatalf("%+v admits %+v: want %v", f, s, want)
				}
			}
		}
		check()
		f.Sort()
		check()
	})
}

func TestFilterAllocatesNothing(t *testing.T) {
	f := Filter{Has: HasExclude | HasEligibleAuthID | HasExcludeAuthRole, Exclude: make([]uint64, 100),
		EligibleAuthID: texts("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"), ExcludeAuthRole: texts("x")}
	authid := string([]byte("j"))
	if n := testing.AllocsPerRun(1000, func() {
		g := f
		g.Sort()
		if !g.Admits(5, authid, "staff") {
			t.Fatal("not admitted")
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
	if (*Filter)(nil).Admits(1, "", "") != true {
		t.Fatal("no filter admits everybody")
	}
}
