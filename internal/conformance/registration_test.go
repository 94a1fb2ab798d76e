package conformance

import (
	"fmt"
	"testing"
)

// reaches calls the URI, which has to reach the registration of the callee and nothing else.
func (p *place) reaches(a *peer, uri string, b *peer, reg uint64) {
	p.Helper()
	call := a.call(uri, `{}`, `,["x"]`)
	m := b.expect(`[68,"*",%d,{},["x"]]`, reg)
	b.send(`[70,%d,{},[%d]]`, num(m[1]), reg)
	a.expect(`[50,%d,{},[%d]]`, call, reg)
}

func TestPBR_01_PBR_02_PBR_06_PBR_07_Patterns(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		for i, c := range []struct {
			match, pattern string
			yes, no        []string
		}{
			{"exact", "myobject1", []string{"myobject1"}, []string{"myobject1.x", "myobject"}},
			{"prefix", "myobject1",
				[]string{"myobject1.myprocedure1", "myobject1-mysubobject1", "myobject1.mysubobject1.myprocedure1", "myobject1"},
				[]string{"myobject2", "myobject"}},
			{"wildcard", "myapp..myprocedure1",
				[]string{"myapp.myobject1.myprocedure1", "myapp.myobject2.myprocedure1"},
				[]string{"myapp.myobject1.myprocedure1.mysubprocedure1", "myapp.myobject1.myprocedure2", "myapp2.myobject1.myprocedure1"}},
			{"wildcard", "a.b.", []string{"a.b.c"}, []string{"a.b", "a.b.c.d"}},
		} {
			base := p.uri(fmt.Sprintf("x%d.", i))
			reg := b.register(base+c.pattern, fmt.Sprintf(`{"match":%q}`, c.match))
			p.settle()
			for _, uri := range c.yes {
				call := a.call(base+uri, `{}`, "")
				m := b.expect(`[68,"*",%d,{}]`, reg)
				if got := m[3].(map[string]any)["procedure"]; c.match != "exact" && got != base+uri {
					t.Errorf("Details.procedure is %v", got)
				}
				b.send(`[70,%d,{}]`, num(m[1]))
				a.expect(`[50,%d,{}]`, call)
			}
			for _, uri := range c.no {
				call := a.call(base+uri, `{}`, "")
				a.refused(48, call, noSuchProcedure)
			}
			p.fence(a, b)
		}
	})
}

// TestPBR_03: the specification's table, but for the row in which it forgets that a prefix is a string.
func TestPBR_03_PBR_05_PBR_08_ExactThenPrefixThenWildcard(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		base := clean(p.Name()) // one component, so that the rest is as written
		regs := make([]uint64, 8)
		owner := make([]*peer, 8)
		for i, r := range []struct{ match, uri string }{
			{"exact", "a1.b2.c3.d4.e55"},
			{"prefix", "a1.b2.c3"},
			{"prefix", "a1.b2.c3.d4"},
			{"wildcard", "a1.b2..d4.e5"},
			{"wildcard", "a1.b2.c33..e5"},
			{"wildcard", "a1.b2..d4.e5..g7"},
			{"wildcard", "a1.b2..d4..f6.g7"},
		} {
			owner[i+1] = []*peer{b, c}[i%2]
			regs[i+1] = owner[i+1].register(base+"."+r.uri, fmt.Sprintf(`{"match":%q}`, r.match))
		}
		p.settle()
		for _, x := range []struct {
			uri string
			rpc int
		}{
			{"a1.b2.c3.d4.e55", 1},
			{"a1.b2.c3.d98.e74", 2},
			{"a1.b2.c3.d4.e325", 3},
			{"a1.b2.c55.d4.e5", 4},
			{"a1.b2.c33.d4.e5", 2},
			{"a1.b2.c88.d4.e5.f6.g7", 6},
			{"a1.b2.c88.d4.x.f6.g7", 7},
		} {
			p.reaches(a, base+"."+x.uri, owner[x.rpc], regs[x.rpc])
		}
		call := a.call(base+".a2.b2.c2.d2.e2", `{}`, "")
		a.refused(48, call, noSuchProcedure)
		p.fence(a, b, c)
	})
}

// TestPBR_04: among wildcards the longer literal portion wins, portion by portion.
func TestPBR_04_TheMostLiteralWildcardWins(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		for i, c := range []struct {
			winner, loser, uri string
		}{
			{"a1.b2..d4", "a1...d4", "a1.b2.x.d4"},
			{"a1.b2..", "a1..c3.d4", "a1.b2.c3.d4"},
			{"a1..c3.", "a1...d4", "a1.b2.c3.d4"},
			{"a1..c3.d4.", "a1..c3..e5", "a1.b2.c3.d4.e5"},
			{"a1..c3..", "a1...d4.e5", "a1.b2.c3.d4.e5"},
		} {
			for _, order := range [][]string{{c.winner, c.loser}, {c.loser, c.winner}} {
				base := p.uri(fmt.Sprintf("x%d%s", i, clean(order[0]))) + "."
				regs := map[string]uint64{}
				for _, pattern := range order {
					regs[pattern] = b.register(base+pattern, `{"match":"wildcard"}`)
				}
				p.settle()
				p.reaches(a, base+c.uri, b, regs[c.winner])
			}
		}
		// a leading wildcard, whose first portion is empty
		last := clean(p.Name())
		tied := b.register(".d4."+last+".", `{"match":"wildcard"}`)
		b.register(".."+last+".e5", `{"match":"wildcard"}`)
		p.settle()
		p.reaches(a, "x.d4."+last+".e5", b, tied)
		p.fence(a, b)
	})
}

func TestPBR_09_PBR_10_PBR_11_SameTextOtherMatch(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		uri := p.uri("a.b")
		exact, prefix, wildcard := b.register(uri, `{}`), c.register(uri, `{"match":"prefix"}`), b.register(uri, `{"match":"wildcard"}`)
		longer := b.register(uri+"b", `{"match":"prefix"}`) // of as many components
		if exact == prefix || exact == wildcard || prefix == wildcard {
			t.Error("the same id")
		}
		p.settle()
		p.reaches(a, uri, b, exact)
		p.reaches(a, uri+".c", c, prefix)
		p.reaches(a, uri+"b", b, longer)
		p.reaches(a, uri+"bx", b, longer)
		p.reaches(a, uri+"x", c, prefix)
		b.unregister(exact)
		b.unregister(longer)
		p.settle()
		p.serve(c)
		for _, u := range []string{uri, uri + "bx"} {
			p.eventually("the prefix has them all", func() bool { // a call that meets the change may be refused
				call := a.call(u, `{}`, "")
				return matches(a.recv(), `[50,%d,{},["C"]]`, call) == nil
			})
		}
		p.fence(a, b)
	})
}

// callees joins sessions that register the procedure one after the other, each on the next node, and answer by their names.
func (p *place) callees(procedure, options string, names ...string) map[string]*peer {
	p.Helper()
	all := map[string]*peer{}
	var id uint64
	for i, name := range names {
		s := p.joinOn(name, i)
		got := s.register(procedure, options)
		if id == 0 {
			id = got
		}
		if got != id { // SHR-04
			p.Errorf("%s has registration %d, not %d", name, got, id)
		}
		all[name] = s
		p.settle()
	}
	for _, s := range all {
		p.serve(s)
	}
	return all
}

func TestSHR_01_SHR_04_SHR_05_RoundRobin(t *testing.T) {
	everywhere(t, func(p *place) {
		a, procedure := p.join("A"), p.uri("procedure")
		p.callees(procedure, `{"invoke":"roundrobin"}`, "a", "b", "c")
		next := map[string]string{"a": "b", "b": "c", "c": "a"}
		last := a.answeredBy(procedure)
		for range 8 { // exact for the callers of one node
			name := a.answeredBy(procedure)
			if name != next[last] {
				t.Errorf("%s after %s", name, last)
			}
			last = name
		}
	})
}

func TestSHR_06_Random(t *testing.T) {
	everywhere(t, func(p *place) {
		const n = 3000
		a, procedure := p.join("A"), p.uri("procedure")
		p.callees(procedure, `{"invoke":"random"}`, "a", "b", "c")
		sent := make(chan error, 1)
		go func() { sent <- a.flood(n, func(i int) string { return fmt.Sprintf(`[48,%d,{},%q]`, i+1, procedure) }) }()
		counts, by := map[string]float64{}, make([]string, n)
		for range n {
			m := a.expect(`[50,"*",{},["*"]]`)
			name := m[3].([]any)[0].(string)
			counts[name]++
			by[num(m[1])-1] = name
		}
		changes := 0
		for i := 1; i < n; i++ {
			if by[i] != by[i-1] {
				changes++
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		chi := 0.0
		for _, name := range []string{"a", "b", "c"} {
			d := counts[name] - n/3
			chi += d * d / (n / 3)
		}
		if chi > 30 { // two degrees of freedom: once in three million
			t.Errorf("%v: chi square is %.1f", counts, chi)
		}
		if changes < n*3/5 || changes > n*11/15 { // two thirds are expected, and 200 away is eight standard deviations
			t.Errorf("%d changes of callee in %d calls", changes, n)
		}
	})
}

func TestSHR_01_SHR_07_FirstAndLast(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.join("A")
		for invoke, order := range map[string][]string{"first": {"a", "b", "c"}, "last": {"c", "b", "a"}} {
			procedure := p.uri(invoke)
			all := p.callees(procedure, fmt.Sprintf(`{"invoke":%q}`, invoke), "a", "b", "c")
			for _, name := range order {
				for range 3 {
					if got := a.answeredBy(procedure); got != name {
						t.Errorf("%s: %s answered, not %s", invoke, got, name)
					}
				}
				all[name].conn.Close()
				if name == order[2] {
					break
				}
				p.eventually("the next takes over", func() bool {
					call := a.call(procedure, `{}`, "")
					m := a.recv()
					return isRefused(m, 48, call, canceled) != nil && m[3].([]any)[0] != name
				})
			}
			p.eventually("the registration is gone", func() bool {
				call := a.call(procedure, `{}`, "")
				return isRefused(a.recv(), 48, call, noSuchProcedure) == nil
			})
		}
	})
}

func TestSHR_03_OtherPoliciesAreRefused(t *testing.T) {
	everywhere(t, func(p *place) {
		policies := []string{"single", "roundrobin", "random", "first", "last"}
		for _, policy := range policies[1:] {
			a, b := p.join("A"), p.join("B")
			procedure := p.uri(policy)
			reg := a.register(procedure, fmt.Sprintf(`{"invoke":%q}`, policy))
			p.settle()
			for _, other := range policies {
				r := b.nextRequest()
				b.send(`[64,%d,{"invoke":%q},%q]`, r, other, procedure)
				if other != policy {
					b.refused(64, r, alreadyExists)
				} else {
					b.unregister(num(b.expect(`[65,%d,%d]`, r, reg)[2]))
				}
			}
		}
	})
}

func TestSHR_08_WhenCalleesLeave(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		procedure := p.uri("procedure")
		reg := b.register(procedure, `{"invoke":"roundrobin"}`)
		c.register(procedure, `{"invoke":"roundrobin"}`)
		p.settle()
		b.unregister(reg)
		p.settle()
		p.eventually("only C is left", func() bool {
			call := a.call(procedure, `{}`, "")
			c.send(`[70,%d,{}]`, num(c.expect(`[68,"*","*",{}]`)[1]))
			a.expect(`[50,%d,{}]`, call)
			return true
		})
		c.goodbye()
		p.eventually("another policy is possible", func() bool {
			r := a.nextRequest()
			a.send(`[64,%d,{"invoke":"last"},%q]`, r, procedure)
			return num(a.recv()[0]) == 65
		})
	})
}

// TestSHR_09: who registers twice in a shared registration is in it once, and leaves nothing behind.
func TestSHR_09_P29_RegisteredTwice(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		procedure := p.uri("procedure")
		reg := b.register(procedure, `{"invoke":"roundrobin"}`)
		if again := b.register(procedure, `{"invoke":"roundrobin"}`); again != reg {
			t.Error("another id")
		}
		c.register(procedure, `{"invoke":"roundrobin"}`)
		p.settle()
		for range 2 { // one turn each
			calls := []uint64{a.call(procedure, `{}`, ""), a.call(procedure, `{}`, "")}
			for _, s := range []*peer{b, c} {
				s.send(`[70,%d,{}]`, num(s.expect(`[68,"*","*",{}]`)[1]))
			}
			a.expectAny(fmt.Sprintf(`[50,%d,{}]`, calls[0]), fmt.Sprintf(`[50,%d,{}]`, calls[1]))
		}
		b.unregister(reg)
		r := b.nextRequest()
		b.send(`[66,%d,%d]`, r, reg)
		b.refused(66, r, noSuchRegistration)
		b.register(procedure, `{"invoke":"roundrobin"}`)
		b.register(procedure, `{"invoke":"roundrobin"}`)
		b.goodbye()
		p.settle()
		c.goodbye()
		p.eventually("nobody is left", func() bool {
			call := a.call(procedure, `{}`, "")
			return isRefused(a.recv(), 48, call, noSuchProcedure) == nil
		})
	})
}

func TestSHR_11_PatternsAreSharedToo(t *testing.T) {
	everywhere(t, func(p *place) {
		a, base := p.join("A"), p.uri("x")
		for match, pattern := range map[string]string{"prefix": base + ".p", "wildcard": base + "..w"} {
			p.callees(pattern, fmt.Sprintf(`{"match":%q,"invoke":"roundrobin"}`, match), match+"1", match+"2")
			uri := map[string]string{"prefix": base + ".p.q", "wildcard": base + ".any.w"}[match]
			counts := map[string]int{}
			for range 6 {
				counts[a.answeredBy(uri)]++
			}
			if counts[match+"1"] != 3 || counts[match+"2"] != 3 {
				t.Errorf("%s: %v", match, counts)
			}
		}
	})
}
