package conformance

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// The subscriptions whose events are kept, and by whom: a realm of their own.
const historyRealm = "history.realm"

var historyWords = []string{
	"--realm", historyRealm, "--history", historyRealm + ",h.exact", "--history", historyRealm + ",h.order.,match=prefix",
	"--history", historyRealm + ",h..wild,match=wildcard", "--history", historyRealm + ",h.few,events=3",
	"--history", historyRealm + ",h.pattern.,match=prefix", "--history", historyRealm + ",h.empty", "--history", historyRealm + ",h.filter",
	"--history", historyRealm + ",h.spec", "--history", historyRealm + ",h.spec,match=prefix",
	"--history", ruledRealm + ",ruled.secret.log", "--history", ruledRealm + ",ruled.log",
}

// past is an event of a history, as far as tests look at it.
type past struct {
	at          time.Time
	publication uint64
	event       map[string]any
}

// history asks for the events of a subscription.
func (p *peer) history(id uint64, kwargs string) (events []past) {
	p.t.Helper()
	r := p.call("wamp.subscription.get_events", `{}`, fmt.Sprintf(`,[%d],{%s}`, id, kwargs))
	m := p.recv()
	if err := matches(m[:3], `[50,%d,{}]`, r); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	if len(m) == 3 {
		return nil // EVH-13
	}
	for _, v := range m[3].([]any) {
		e, ok := v.(map[string]any)
		if !ok {
			p.t.Fatalf("%s: %s is no event", p.name, show([]any{v}))
		}
		text, _ := e["timestamp"].(string)
		at, err := time.Parse(time.RFC3339, text)
		_, isDict := e["details"].(map[string]any)
		if err != nil || num(e["subscription"]) != id || !isDict {
			p.t.Errorf("%s: %v: %v", p.name, e, err)
		}
		events = append(events, past{at, num(e["publication"]), e})
	}
	return events
}

func idsOfPast(events []past) (ids []uint64) {
	for _, e := range events {
		ids = append(ids, e.publication)
	}
	return ids
}

// lookup is the id of a subscription that the node has before anybody subscribes (EVH-14).
func (p *place) lookup(s *peer, topic, match string) (id uint64) {
	p.Helper()
	p.eventually("a keeper subscribes to "+topic, func() bool {
		r := s.call("wamp.subscription.lookup", `{}`, fmt.Sprintf(`,[%q,{"match":%q}]`, topic, match))
		m := s.expect(`[50,%d,{},["*"]]`, r)
		id = num(m[3].([]any)[0])
		return id != 0
	})
	return id
}

// kept waits until the history has those publications, and returns it.
func (p *place) kept(s *peer, id uint64, kwargs string, want []uint64) (events []past) {
	p.Helper()
	p.eventually(fmt.Sprintf("the history has %v", want), func() bool {
		events = s.history(id, kwargs)
		return slices.Equal(idsOfPast(events), want)
	})
	return events
}

func TestEVH_01_EVH_02_EVH_03_EVH_04_EVH_14_InTheOrderOfArrival(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", historyRealm, allRoles), p.joinAs("B", historyRealm, allRoles)
		id := p.lookup(b, "h.exact", "exact")
		p.settle()
		p.before(b, id)
		var ids []uint64
		for i := range 5 {
			ids = append(ids, a.publish("h.exact", "", fmt.Sprintf(`,[%d,-1.5,null],{"n":{"k":[%d]}}`, i, i)))
		}
		start := p.begun[id]
		events := p.kept(b, id, start, ids)
		for i, e := range events {
			if err := matches([]any{e.event}, `[{"args":[%d,-1.5,null],"kwargs":{"n":{"k":[%d]}}}]`, i, i); err != nil {
				t.Error(err)
			}
			if i > 0 && e.at.Before(events[i-1].at) {
				t.Errorf("event %d is older than the one before", i)
			}
		}
		back := slices.Clone(ids)
		slices.Reverse(back)
		p.kept(b, id, start+`,"reverse":true`, back)
		p.kept(b, id, start+`,"limit":2`, ids[:2])
		p.kept(b, id, start+`,"limit":2,"reverse":true`, back[:2])
		for _, bad := range []string{`"limit":0`, `"limit":-1`, `"limit":"2"`, `"reverse":1`, `"from_time":"yesterday"`, `"after_time":7`, `"until_publication":"x"`, `"topic":1`} {
			b.refused(48, b.call("wamp.subscription.get_events", `{}`, fmt.Sprintf(`,[%d],{%s}`, id, bad)), "wamp.error.invalid_argument")
		}
		b.refused(48, b.call("wamp.subscription.get_events", `{}`, `,["x"]`), "wamp.error.invalid_argument")
		b.refused(48, b.call("wamp.subscription.get_events", `{}`, `,[7]`), "wamp.error.no_such_subscription")
	})
}

// before notes how a query begins behind all that was published so far by other tests.
func (p *place) before(s *peer, id uint64) {
	if p.begun == nil {
		p.begun = map[uint64]string{}
	}
	p.begun[id] = `"x":0`
	if events := s.history(id, ""); len(events) > 0 {
		p.begun[id] = fmt.Sprintf(`"after_publication":%d`, events[len(events)-1].publication)
	}
}

func TestEVH_05_EVH_07_EVH_08_Bounds(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", historyRealm, allRoles), p.joinAs("B", historyRealm, allRoles)
		id := p.lookup(b, "h.order.", "prefix")
		p.settle()
		var ids []uint64
		for i := range 6 {
			ids = append(ids, a.publish("h.order.x", "", fmt.Sprintf(`,[%d]`, i)))
			for stop := time.Now().Add(3 * time.Millisecond); time.Now().Before(stop); { // timestamps differ
			}
		}
		all := p.kept(b, id, "", ids)
		text := func(i int) string { return all[i].event["timestamp"].(string) }
		for kwargs, want := range map[string][]uint64{
			fmt.Sprintf(`"from_publication":%d`, ids[2]):                                 ids[2:],
			fmt.Sprintf(`"after_publication":%d`, ids[2]):                                ids[3:],
			fmt.Sprintf(`"before_publication":%d`, ids[2]):                               ids[:2],
			fmt.Sprintf(`"until_publication":%d`, ids[2]):                                ids[:3],
			fmt.Sprintf(`"after_publication":%d,"until_publication":%d`, ids[1], ids[3]): ids[2:4],
			fmt.Sprintf(`"after_publication":%d,"limit":1`, ids[1]):                      ids[2:3],
			fmt.Sprintf(`"from_publication":%d,"before_publication":%d`, ids[3], ids[2]): nil,
		} {
			if got := idsOfPast(b.history(id, kwargs)); !slices.Equal(got, want) {
				t.Errorf("%s: %v, not %v", kwargs, got, want)
			}
		}
		// Each keeper has its own clock, and several publications may share a millisecond: the bounds are held against the timestamps told.
		for key, holds := range map[string]func(a, b time.Time) bool{
			"from_time": func(a, b time.Time) bool { return !a.Before(b) }, "after_time": time.Time.After,
			"before_time": time.Time.Before, "until_time": func(a, b time.Time) bool { return !a.After(b) },
		} {
			got := b.history(id, fmt.Sprintf(`%q:%q`, key, text(2)))
			if len(got) < 1 {
				t.Errorf("%s: %d events", key, len(got))
			}
			for _, e := range got {
				if !holds(e.at, all[2].at) {
					t.Errorf("%s %v: %v", key, all[2].at, e.at)
				}
			}
		}
	})
}

func TestEVH_06_EVH_09_PatternsAndTopics(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", historyRealm, allRoles), p.joinAs("B", historyRealm, allRoles)
		id := p.lookup(b, "h.pattern.", "prefix")
		exact, prefix, wild := p.lookup(b, "h.spec", "exact"), p.lookup(b, "h.spec", "prefix"), p.lookup(b, "h..wild", "wildcard")
		p.settle()
		x, y := a.publish("h.pattern.x", "", `,["x"]`), a.publish("h.pattern.y", "", `,["y"]`)
		events := p.kept(b, id, "", []uint64{x, y})
		if d := events[1].event["details"].(map[string]any); d["topic"] != "h.pattern.y" {
			t.Errorf("details are %v", d)
		}
		p.kept(b, id, `"topic":"h.pattern.y"`, []uint64{y})
		p.kept(b, id, `"topic":"h.pattern"`, nil)
		one, two, three := a.publish("h.spec", "", `,[1]`), a.publish("h.spec.more", "", `,[2]`), a.publish("h.spec.wild", "", `,[3]`)
		four := a.publish("h.other.wild", `"disclose_me":true`, `,[4]`)
		p.kept(b, exact, "", []uint64{one})
		p.kept(b, prefix, "", []uint64{one, two, three})
		e := p.kept(b, wild, "", []uint64{three, four})
		if d := e[1].event["details"].(map[string]any); num(d["publisher"]) != a.id {
			t.Errorf("details are %v", d)
		}
	})
}

func TestEVH_10_EVH_11_EVH_13_P14_WhatIsNotForEverybody(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.joinAs("A", historyRealm, allRoles), p.joinAs("B", historyRealm, allRoles), p.joinAs("C", historyRealm, allRoles)
		id := p.lookup(b, "h.filter", "exact")
		if got := b.history(p.lookup(b, "h.empty", "exact"), ""); got != nil {
			t.Errorf("of nothing: %v", got)
		}
		p.settle()
		first := a.publish("h.filter", "", `,["all"]`)
		a.publish("h.filter", fmt.Sprintf(`"eligible":[%d]`, b.id), `,["not kept"]`)
		a.publish("h.filter", fmt.Sprintf(`"exclude":[%d]`, c.id), `,["not kept"]`)
		forB := a.publish("h.filter", fmt.Sprintf(`"eligible_authid":[%q]`, b.details["authid"]), `,["B"]`)
		notC := a.publish("h.filter", fmt.Sprintf(`"exclude_authid":[%q]`, c.details["authid"]), `,["not C"]`)
		a.publish("h.filter", `"eligible_authrole":["admin"]`, `,["admins"]`)
		last := a.publish("h.filter", "", `,["last"]`)
		p.kept(b, id, "", []uint64{first, forB, notC, last})
		p.kept(c, id, "", []uint64{first, last})
		// a subscription without a history
		s := b.subscribe("h.none", `{}`)
		if got := b.history(s, ""); got != nil {
			t.Errorf("of none: %v", got)
		}
	})
}

func TestEVH_12_EVH_15_EVH_16_WhoMayReadAndHowMuch(t *testing.T) {
	everywhere(t, func(p *place) {
		ruled, free := p.joinRuled("ruled"), p.joinAs("free", ruledRealm, allRoles)
		id := p.lookup(free, "ruled.secret.log", "exact")
		ruled.refused(48, ruled.call("wamp.subscription.get_events", `{}`, fmt.Sprintf(`,[%d]`, id)), "wamp.error.not_authorized")
		ruled.history(p.lookup(free, "ruled.log", "exact"), "")
		a := p.joinAs("A", historyRealm, allRoles)
		few := p.lookup(a, "h.few", "exact")
		p.settle()
		var ids []uint64
		for i := range 6 {
			ids = append(ids, a.publish("h.few", "", fmt.Sprintf(`,[%d]`, i)))
		}
		p.kept(a, few, "", ids[3:])
		if f := a.details["roles"].(map[string]any)["broker"].(map[string]any)["features"].(map[string]any); f["event_history"] != true {
			t.Errorf("not announced: %v", f)
		}
	})
}

// A keeper dies: no event is lost, and another node keeps on.
func TestEVH_01_AKeeperDies(t *testing.T) {
	p := mortal(t)
	a, b := p.connectOn("A", 0).hello(historyRealm, allRoles), p.connectOn("B", 1).hello(historyRealm, allRoles)
	id := p.lookup(b, "h.exact", "exact")
	p.settle()
	var ids []uint64
	for i := range 10 {
		ids = append(ids, a.publish("h.exact", "", fmt.Sprintf(`,[%d]`, i)))
	}
	p.kept(a, id, "", ids)
	p.kept(b, id, "", ids)
	p.nodes[2].Close()
	p.nodes = p.nodes[:2]
	ids = append(ids, a.publish("h.exact", "", `,["after"]`))
	events := func(s *peer) func() bool {
		return func() bool {
			r := s.call("wamp.subscription.get_events", `{}`, fmt.Sprintf(`,[%d]`, id))
			m := s.expect(`[50,%d,{},"*"]`, r)
			list := m[3].([]any)
			for i, e := range list {
				if i >= len(ids) || num(e.(map[string]any)["publication"]) != ids[i] {
					t.Fatalf("event %d is another one: %s", i, show(m))
				}
			}
			if len(list) < len(ids) {
				return false // the last one is on its way
			}
			return m[2].(map[string]any)["complete"] != false
		}
	}
	p.eventually("all are kept", events(b))
	p.eventually("all are kept", events(a))
}
