package conformance

import "testing"

// killRealm is where sessions are killed. Sessions of a test before may still be leaving it.
const killRealm = "kill.realm"

// killers opens a session that kills and some others, and waits until the first knows of all.
func (p *place) killers(names ...string) (k *peer, others []*peer) {
	p.Helper()
	k = p.joinKiller("killer", killRealm)
	for _, name := range names {
		others = append(others, p.joinAs(name, killRealm, allRoles))
	}
	p.knows(k, len(others)+1)
	return k, others
}

// knows waits until the session counts that many.
func (p *place) knows(s *peer, count int) {
	p.Helper()
	p.eventually("all are counted", func() bool {
		r := s.call("wamp.session.count", `{}`, "")
		return num(s.expect(`[50,%d,{},["*"]]`, r)[3].([]any)[0]) == uint64(count)
	})
}

// killed expects the GOODBYE of a session that somebody else ends, answers it, and sees the connection end.
func (p *peer) killed(reason string) map[string]any {
	p.t.Helper()
	m := p.expect(`[6,{},%q]`, reason)
	p.send(`[6,{},"wamp.close.goodbye_and_out"]`)
	p.ended()
	return m[1].(map[string]any)
}

func TestSMA_08_SMA_17_CLS_07_Kill(t *testing.T) {
	everywhere(t, func(p *place) {
		k, o := p.killers("A", "B", "C")
		k.expect(`[50,%d,{}]`, k.call("wamp.session.kill", `{}`, fmtArgs(o[0].id)))
		if d := o[0].killed("wamp.close.killed"); len(d) != 0 {
			t.Errorf("details %v", d)
		}
		k.expect(`[50,%d,{}]`, k.call("wamp.session.kill", `{}`, fmtArgs(o[1].id)+`,{"reason":"com.example.enough","message":"it is late"}`))
		if d := o[1].killed("com.example.enough"); d["message"] != "it is late" || len(d) != 1 {
			t.Errorf("details %v", d)
		}
		k.expect(`[50,%d,{},[2]]`, k.call("wamp.session.count", `{}`, "")) // at once
		k.refused(48, k.call("wamp.session.kill", `{}`, fmtArgs(o[0].id)), "wamp.error.no_such_session")
		k.refused(48, k.call("wamp.session.get", `{}`, fmtArgs(o[1].id)), "wamp.error.no_such_session")
		p.fence(k, k)
	})
}

func TestSMA_09_SMA_10_KillsThatAreRefused(t *testing.T) {
	everywhere(t, func(p *place) {
		k, o := p.killers("A")
		other := p.join("other realm")
		k.refused(48, k.call("wamp.session.kill", `{}`, fmtArgs(k.id)), "wamp.error.no_such_session")
		k.refused(48, k.call("wamp.session.kill", `{}`, fmtArgs(other.id)), "wamp.error.no_such_session") // SMA-07
		for _, reason := range []string{`"a..b"`, `""`, `"a b"`} {
			k.refused(48, k.call("wamp.session.kill", `{}`, fmtArgs(o[0].id)+`,{"reason":`+reason+`}`), "wamp.error.invalid_uri")
			k.refused(48, k.call("wamp.session.kill_all", `{}`, `,[],{"reason":`+reason+`}`), "wamp.error.invalid_uri")
		}
		for _, args := range []string{``, `,["x"]`, `,[null]`, fmtArgs(o[0].id) + `,{"reason":7}`, fmtArgs(o[0].id) + `,{"message":[]}`} {
			k.refused(48, k.call("wamp.session.kill", `{}`, args), "wamp.error.invalid_argument")
		}
		for _, args := range []string{``, `,[7]`, `,[["a"]]`} {
			k.refused(48, k.call("wamp.session.kill_by_authid", `{}`, args), "wamp.error.invalid_argument")
			k.refused(48, k.call("wamp.session.kill_by_authrole", `{}`, args), "wamp.error.invalid_argument")
		}
		o[0].quiet()
		other.quiet()
	})
}

func TestSMA_11_KillByAuthid(t *testing.T) {
	everywhere(t, func(p *place) {
		k, o := p.killers("A", "B")
		r := k.call("wamp.session.kill_by_authid", `{}`, `,["nobody"]`)
		k.expect(`[50,%d,{},[[]]]`, r)
		for _, s := range o {
			authID := s.details["authid"].(string)
			r := k.call("wamp.session.kill_by_authid", `{}`, `,["`+authID+`"],{"reason":"com.example.x"}`)
			k.expect(`[50,%d,{},[[%d]]]`, r, s.id)
			s.killed("com.example.x")
		}
		r = k.call("wamp.session.kill_by_authid", `{}`, `,["`+k.details["authid"].(string)+`"]`)
		k.expect(`[50,%d,{},[[]]]`, r) // the caller is spared
		k.quiet()
	})
}

func TestSMA_12_KillByAuthrole(t *testing.T) {
	everywhere(t, func(p *place) {
		k, o := p.killers("A", "B", "C", "D")
		k.expect(`[50,%d,{},[0]]`, k.call("wamp.session.kill_by_authrole", `{}`, `,["nobody"]`))
		twin := p.joinKiller("twin", killRealm)
		p.knows(k, 6)
		k.expect(`[50,%d,{},[4]]`, k.call("wamp.session.kill_by_authrole", `{}`, `,["anonymous"]`))
		for _, s := range o {
			s.killed("wamp.close.killed")
		}
		k.expect(`[50,%d,{},[2]]`, k.call("wamp.session.count", `{}`, ""))
		twin.quiet() // another role
		k.expect(`[50,%d,{},[1]]`, k.call("wamp.session.kill_by_authrole", `{}`, `,["killer"],{"reason":"com.example.x","message":"why"}`))
		if d := twin.killed("com.example.x"); d["message"] != "why" || len(d) != 1 {
			t.Errorf("details %v", d)
		}
		k.expect(`[50,%d,{},[1]]`, k.call("wamp.session.count", `{}`, ""))
		k.expect(`[50,%d,{},[0]]`, k.call("wamp.session.kill_by_authrole", `{}`, `,["killer"]`)) // the caller is spared
		k.quiet()
	})
}

// SMA-13: and nobody is told, the one who asked least of all. What a session wanted to leave behind is void, too.
func TestSMA_13_TST_08_KillAll(t *testing.T) {
	everywhere(t, func(p *place) {
		k, o := p.killers("A", "B", "C", "D")
		leaves := k.subscribe("wamp.session.on_leave", `{}`)
		for _, s := range o {
			s.subscribe("wamp.session.on_leave", `{}`)
		}
		o[0].leaves(p.uri("end"), `,["A"]]`)
		k.subscribe(p.uri("end"), `{}`)
		p.settle()
		k.expect(`[50,%d,{},[4]]`, k.call("wamp.session.kill_all", `{}`, `,[],{"message":"over"}`))
		for _, s := range o {
			if d := s.killed("wamp.close.killed"); d["message"] != "over" {
				t.Errorf("details %v", d)
			}
		}
		k.expect(`[50,%d,{},[1]]`, k.call("wamp.session.count", `{}`, ""))
		later := p.joinAs("later", killRealm, plainRoles)
		p.knows(k, 2)
		later.goodbye()
		k.expect(`[36,%d,"*",{},[%d,"*","*"]]`, leaves, later.id)
	})
}

// SMA-14: the session is over at once; the connection ends when the client has answered, which nothing else that it sends is taken for.
// CLS-04 is about the same.
func TestSMA_14_GoodbyeThenTheEnd(t *testing.T) {
	everywhere(t, func(p *place) {
		k, o := p.killers("A", "B")
		a, b := o[0], o[1]
		sub := b.subscribe(p.uri("x"), `{}`)
		p.settle()
		k.expect(`[50,%d,{}]`, k.call("wamp.session.kill", `{}`, fmtArgs(a.id)))
		a.send(`[16,%d,{},%q]`, a.nextRequest(), p.uri("x")) // nobody gets it
		a.expect(`[6,{},"wamp.close.killed"]`)
		a.send(`[48,%d,{},"wamp.session.count"]`, a.nextRequest())
		a.send(`[6,{},"wamp.close.goodbye_and_out"]`)
		a.ended()
		k.publish(p.uri("x"), "", `,["only"]`)
		b.expect(`[36,%d,"*",{},["only"]]`, sub)
	})
}

// SMA-16: whoever may not, does not.
func TestSMA_16_KillsAreAuthorized(t *testing.T) {
	everywhere(t, func(p *place) {
		s := p.joinRuled("S")
		victim := p.joinAs("victim", ruledRealm, allRoles)
		for _, procedure := range []string{"kill", "kill_by_authid", "kill_by_authrole", "kill_all"} {
			s.refused(48, s.call("wamp.session."+procedure, `{}`, `,[1]`), "wamp.error.not_authorized")
		}
		victim.quiet()
	})
}

func TestSMA_18_AnnouncedOnBothRoles(t *testing.T) {
	here(t, func(p *place) {
		s := p.join("S")
		for _, role := range []string{"broker", "dealer"} {
			if !s.announces(role, "session_meta_api") {
				t.Errorf("not by the %s", role)
			}
		}
	})
}

func (p *peer) announces(role, feature string) bool {
	roles, _ := p.details["roles"].(map[string]any)
	r, _ := roles[role].(map[string]any)
	f, _ := r["features"].(map[string]any)
	return f[feature] == true
}

func TestSMA_19_AKillIsToldLikeAnyLeave(t *testing.T) {
	everywhere(t, func(p *place) {
		w := p.watch("W")
		s := p.joinAs("S", metaRealm, plainRoles)
		w.joined(s)
		s.leaves(p.uri("end"), `,["S"]]`)
		v := p.joinAs("V", metaRealm, plainRoles)
		end := v.subscribe(p.uri("end"), `{}`)
		k := p.joinKiller("K", metaRealm)
		p.settle()
		k.expect(`[50,%d,{}]`, k.call("wamp.session.kill", `{}`, fmtArgs(s.id)))
		for { // V's and K's joins come before
			m := w.recv()
			if num(m[0]) == 36 && num(m[1]) == w.joins {
				continue
			}
			if err := matches(m, `[36,%d,"*",{},[%d,"*","*"]]`, w.leaves, s.id); err != nil {
				t.Error(err)
			}
			break
		}
		s.killed("wamp.close.killed")
		v.expect(`[36,%d,"*",{},["S"]]`, end)
	})
}
