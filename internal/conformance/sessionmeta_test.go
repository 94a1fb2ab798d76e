package conformance

import (
	"fmt"
	"slices"
	"testing"
)

// metaRealm is where no other test has sessions. Sessions of a test before may still be leaving it.
const metaRealm = "meta.realm"

// watcher is a session of metaRealm that is told of joins and leaves.
type watcher struct {
	*peer
	joins, leaves uint64
}

func (p *place) watch(name string) *watcher {
	p.Helper()
	w := &watcher{peer: p.joinAs(name, metaRealm, allRoles)}
	w.joins = w.subscribe("wamp.session.on_join", `{}`)
	w.leaves = w.subscribe("wamp.session.on_leave", `{}`)
	p.settle()
	return w
}

// about reads events until one is about that session: its join (true) or its leave.
func (w *watcher) about(session uint64) (join bool, m []any) {
	w.t.Helper()
	for {
		m := w.expect(`[36,"*","*",{},"*"]`)
		args := m[4].([]any)
		if num(m[1]) == w.leaves {
			if num(args[0]) == session {
				return false, m
			}
			continue
		}
		if d, ok := args[0].(map[string]any); ok && num(d["session"]) == session {
			return true, m
		}
	}
}

func (w *watcher) joined(s *peer) {
	w.t.Helper()
	join, m := w.about(s.id)
	if !join {
		w.t.Fatalf("%s has left before it joined", s.name)
	}
	d := s.details
	if err := matches(m, `[36,%d,"*",{},[{"session":%d,"authid":%q,"authrole":%q,"authmethod":%q,"authprovider":%q}]]`,
		w.joins, s.id, d["authid"], d["authrole"], d["authmethod"], d["authprovider"]); err != nil {
		w.t.Error(err)
	}
}

func (w *watcher) left(s *peer) {
	w.t.Helper()
	join, m := w.about(s.id)
	if join {
		w.t.Fatalf("%s has joined twice", s.name)
	}
	if err := matches(m, `[36,%d,"*",{},[%d,%q,%q]]`, w.leaves, s.id, s.details["authid"], s.details["authrole"]); err != nil {
		w.t.Error(err)
	}
}

func TestSMA_01_SMA_02_JoinsAndLeaves(t *testing.T) {
	everywhere(t, func(p *place) {
		w, v := p.watch("W"), p.watch("V")
		for _, end := range []func(*peer){
			func(s *peer) { s.goodbye() },
			func(s *peer) { s.send(`[3,{},"wamp.close.normal"]`) },
			func(s *peer) { s.send(`[32,1,[],"x"]`) },
			func(s *peer) { s.conn.Close() },
		} {
			s := p.joinAs("S", metaRealm, plainRoles)
			w.joined(s)
			v.joined(s)
			end(s)
			w.left(s)
			v.left(s)
		}
	})
}

func TestSMA_03_NobodyIsToldOfItself(t *testing.T) {
	everywhere(t, func(p *place) {
		w := p.watch("W")
		s := p.watch("S")
		w.joined(s.peer)
		last := p.joinAs("last", metaRealm, plainRoles)
		if m := s.recvAbout(last.id); m != nil {
			t.Errorf("told of itself: %s", show(m))
		}
		w.joined(last)
		s.goodbye() // and no EVENT behind GOODBYE
		w.left(s.peer)
	})
}

// recvAbout reads to the event about that session and returns the one about the watcher itself, if it comes first.
func (w *watcher) recvAbout(session uint64) []any {
	for {
		m := w.recv()
		if num(m[0]) != 36 {
			continue
		}
		args := m[4].([]any)
		id := num(args[0])
		if d, ok := args[0].(map[string]any); ok {
			id = num(d["session"])
		}
		switch id {
		case w.id:
			return m
		case session:
			return nil
		}
	}
}

// HND-09 is about the same: who was not welcomed is nobody.
func TestSMA_07_OnlyTheCallersRealm(t *testing.T) {
	everywhere(t, func(p *place) {
		s, other := p.joinAs("S", metaRealm, plainRoles), p.join("other")
		r := s.call("wamp.session.get", `{}`, fmtArgs(other.id))
		s.refused(48, r, "wamp.error.no_such_session")
		w := p.watch("W")
		p.join("another")
		last := p.joinAs("last", metaRealm, plainRoles)
		w.joined(last)
	})
}

func TestSMA_04_SMA_05_CountAndList(t *testing.T) {
	everywhere(t, func(p *place) {
		var all []*peer
		for _, name := range []string{"A", "B", "C"} {
			all = append(all, p.joinAs(name, metaRealm, allRoles))
		}
		p.settle()
		for _, s := range all {
			var ids []uint64
			p.eventually("all are listed", func() bool {
				r := s.call("wamp.session.list", `{}`, "")
				ids = nil
				for _, v := range s.expect(`[50,%d,{},["*"]]`, r)[3].([]any)[0].([]any) {
					ids = append(ids, num(v))
				}
				return len(ids) == 3
			})
			for _, o := range all {
				if !slices.Contains(ids, o.id) {
					t.Errorf("%s does not see %s", s.name, o.name)
				}
			}
			s.expect(`[50,%d,{},[3]]`, s.call("wamp.session.count", `{}`, ""))
			s.expect(`[50,%d,{},[3]]`, s.call("wamp.session.count", `{}`, `,[["anonymous"]]`))
			s.expect(`[50,%d,{},[0]]`, s.call("wamp.session.count", `{}`, `,[["nobody"]]`))
			s.expect(`[50,%d,{},[[]]]`, s.call("wamp.session.list", `{}`, `,[["nobody"]]`))
		}
	})
}

func TestSMA_06_Get(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", metaRealm, allRoles), p.joinAs("B", metaRealm, allRoles)
		w := p.watch("W")
		for _, s := range []*peer{a, b} {
			d := s.details
			r := a.call("wamp.session.get", `{}`, fmtArgs(s.id))
			a.expect(`[50,%d,{},[{"session":%d,"authid":%q,"authrole":%q,"authmethod":%q,"authprovider":%q}]]`,
				r, s.id, d["authid"], d["authrole"], d["authmethod"], d["authprovider"])
		}
		b.goodbye()
		w.left(b)
		w.refused(48, w.call("wamp.session.get", `{}`, fmtArgs(b.id)), "wamp.error.no_such_session")
	})
}

func TestSMA_15_ArgumentsThatAreNone(t *testing.T) {
	here(t, func(p *place) {
		s := p.join("S")
		for _, args := range []string{"", `,[]`, `,["one"]`, `,[-1]`, `,[1.5]`, `,[{}]`, `,[null]`} {
			s.refused(48, s.call("wamp.session.get", `{}`, args), "wamp.error.invalid_argument")
		}
		for _, args := range []string{`,["admin"]`, `,[[1]]`, `,[{}]`} {
			s.refused(48, s.call("wamp.session.count", `{}`, args), "wamp.error.invalid_argument")
		}
	})
}

func fmtArgs(id uint64) string { return fmt.Sprintf(",[%d]", id) }
