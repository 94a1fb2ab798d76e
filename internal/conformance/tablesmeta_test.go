package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// revocable announces that revocations are understood.
const revocable = `{"publisher":{},"subscriber":{"features":{"subscription_revocation":true}},"caller":{},` +
	`"callee":{"features":{"registration_revocation":true,"shared_registration":true}}}`

// listener is a session of metaRealm that is told what becomes of registrations and subscriptions.
type listener struct {
	*peer
	topics map[uint64]string
	of     []string // the URIs that are of interest: others are of tests before
	ids    map[uint64]bool
}

func (p *place) listen(name, kind string, of ...string) *listener {
	p.Helper()
	l := &listener{peer: p.joinAs(name, metaRealm, allRoles), topics: map[uint64]string{}, of: of, ids: map[uint64]bool{}}
	occasions := []string{"on_create", "on_register", "on_unregister", "on_delete"}
	if kind == "subscription" {
		occasions = []string{"on_create", "on_subscribe", "on_unsubscribe", "on_delete"}
	}
	for _, o := range occasions {
		l.topics[l.subscribe("wamp."+kind+"."+o, `{}`)] = o
	}
	p.settle()
	return l
}

// tell reads the next event about what is of interest: the occasion, the session, and the second argument.
func (l *listener) tell() (occasion string, session uint64, what any) {
	l.t.Helper()
	for {
		m := l.expect(`[36,"*","*",{},["*","*"]]`)
		args := m[4].([]any)
		occasion = l.topics[num(m[1])]
		if d, ok := args[1].(map[string]any); ok {
			if !slices.Contains(l.of, d["uri"].(string)) {
				continue
			}
			l.ids[num(d["id"])] = true
		} else if !l.ids[num(args[1])] {
			continue
		}
		return occasion, num(args[0]), args[1]
	}
}

// told expects an event that is not a creation.
func (l *listener) told(occasion string, session, id uint64) {
	l.t.Helper()
	if o, s, what := l.tell(); o != occasion || s != session || fmt.Sprint(what) != fmt.Sprint(id) {
		l.t.Fatalf("%s is told %s of %d: %v; want %s of %d: %d", l.name, o, s, what, occasion, session, id)
	}
}

var isoTime = regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// created expects the creation of something; details is the text of a dict without id and created.
func (l *listener) created(session, id uint64, details string) {
	l.t.Helper()
	o, s, what := l.tell()
	d, _ := what.(map[string]any)
	if o != "on_create" || s != session {
		l.t.Fatalf("%s is told %s of %d: %v", l.name, o, s, what)
	}
	created, _ := d["created"].(string)
	if err := matches([]any{d}, `[{"id":%d,%s}]`, id, details); err != nil || !isoTime.MatchString(created) {
		l.t.Fatalf("%v, created %q", err, created)
	}
}

func TestRMA_01_RMA_02_RMA_03_RMA_04_RegistrationsComeAndGo(t *testing.T) {
	everywhere(t, func(p *place) {
		x, y := p.uri("x"), p.uri("y")
		l, m := p.listen("L", "registration", x, y), p.listen("M", "registration", x, y)
		both := func(f func(l *listener)) { t.Helper(); f(l); f(m) }
		a, b := p.joinAs("A", metaRealm, allRoles), p.joinAs("B", metaRealm, allRoles)
		other := p.join("other realm")
		other.register(x, `{}`) // RMA-04

		id := a.register(x, `{"invoke":"roundrobin"}`)
		both(func(l *listener) {
			l.created(a.id, id, fmt.Sprintf(`"uri":%q,"match":"exact","invoke":"roundrobin"`, x))
			l.told("on_register", a.id, id)
		})
		p.settle()
		b.register(x, `{"invoke":"roundrobin"}`)
		both(func(l *listener) { l.told("on_register", b.id, id) })
		a.unregister(id)
		both(func(l *listener) { l.told("on_unregister", a.id, id) })
		b.goodbye()
		both(func(l *listener) { l.told("on_unregister", b.id, id); l.told("on_delete", b.id, id) })

		id = a.register(y, `{"match":"prefix"}`)
		both(func(l *listener) {
			l.created(a.id, id, fmt.Sprintf(`"uri":%q,"match":"prefix","invoke":"single"`, y))
			l.told("on_register", a.id, id)
		})
		a.conn.Close()
		both(func(l *listener) { l.told("on_unregister", a.id, id); l.told("on_delete", a.id, id) })
	})
}

func TestUMA_01_UMA_02_UMA_06_UMA_07_SubscriptionsComeAndGo(t *testing.T) {
	everywhere(t, func(p *place) {
		x, y := p.uri("x"), p.uri("y")
		l, m := p.listen("L", "subscription", x, y), p.listen("M", "subscription", x, y)
		both := func(f func(l *listener)) { t.Helper(); f(l); f(m) }
		a, b := p.joinAs("A", metaRealm, allRoles), p.joinAs("B", metaRealm, allRoles)
		other := p.join("other realm")
		other.subscribe(x, `{}`)

		id := a.subscribe(x, `{}`)
		both(func(l *listener) {
			l.created(a.id, id, fmt.Sprintf(`"uri":%q,"match":"exact"`, x))
			l.told("on_subscribe", a.id, id)
		})
		p.settle()
		a.subscribe(x, `{}`) // UMA-07: once more is nothing new
		b.subscribe(x, `{}`)
		both(func(l *listener) { l.told("on_subscribe", b.id, id) })
		a.unsubscribe(id)
		both(func(l *listener) { l.told("on_unsubscribe", a.id, id) })
		b.goodbye()
		both(func(l *listener) { l.told("on_unsubscribe", b.id, id); l.told("on_delete", b.id, id) })

		id = a.subscribe(y, `{"match":"wildcard"}`)
		both(func(l *listener) {
			l.created(a.id, id, fmt.Sprintf(`"uri":%q,"match":"wildcard"`, y))
			l.told("on_subscribe", a.id, id)
		})
		a.conn.Close()
		both(func(l *listener) { l.told("on_unsubscribe", a.id, id); l.told("on_delete", a.id, id) })
	})
}

// UMA_02: who had subscribed before anybody listened is told of when it leaves, too.
func TestUMA_02_SubscribersOfBefore(t *testing.T) {
	everywhere(t, func(p *place) {
		x := p.uri("x")
		a := p.joinAs("A", metaRealm, allRoles)
		id := a.subscribe(x, `{}`)
		p.settle()
		l := p.listen("L", "subscription", x)
		l.ids[id] = true
		a.conn.Close()
		l.told("on_unsubscribe", a.id, id)
		l.told("on_delete", a.id, id)
	})
}

func TestUMA_04_UMA_05_NothingOfItselfAndOfMetaTopics(t *testing.T) {
	everywhere(t, func(p *place) {
		l := p.joinAs("L", metaRealm, allRoles)
		l.subscribe("wamp.", `{"match":"prefix"}`)
		p.settle()
		a := p.joinAs("A", metaRealm, allRoles)
		id := a.subscribe("wamp.subscription.on_create", `{"match":"prefix"}`)
		a.unsubscribe(id)
		a.subscribe("kleeblatt.", `{"match":"prefix"}`)
		l.send(`[32,%d,{},%q]`, l.nextRequest(), p.uri("l"))
		l.send(`[64,%d,{},%q]`, l.nextRequest(), p.uri("l"))
		for acks := 0; ; {
			m := l.recv()
			if num(m[0]) == 33 || num(m[0]) == 65 {
				if acks++; acks == 2 {
					a.subscribe(p.uri("a"), `{}`)
				}
				continue
			}
			topic := m[3].(map[string]any)["topic"].(string)
			args := m[4].([]any)
			if !strings.HasPrefix(topic, "wamp.subscription.") && !strings.HasPrefix(topic, "wamp.registration.") {
				continue // sessions of tests before
			}
			if num(args[0]) == l.id {
				t.Fatalf("told of itself: %s", show(m))
			}
			if num(args[0]) != a.id {
				continue
			}
			if d, ok := args[1].(map[string]any); !ok || d["uri"] != p.uri("a") {
				t.Fatalf("told of a meta topic: %s", show(m))
			}
			break
		}
	})
}

// lists asks for all registrations or subscriptions.
func (p *peer) lists(kind string) map[string][]uint64 {
	p.t.Helper()
	r := p.call("wamp."+kind+".list", `{}`, "")
	all := map[string][]uint64{}
	for match, list := range p.expect(`[50,%d,{},[{"exact":"*","prefix":"*","wildcard":"*"}]]`, r)[3].([]any)[0].(map[string]any) {
		ids := []uint64{}
		for _, id := range list.([]any) { // a list also where it is empty
			ids = append(ids, num(id))
		}
		all[match] = ids
	}
	return all
}

func TestRMA_05_RMA_06_RMA_07_RMA_08_RMA_09_WhatIsRegistered(t *testing.T) {
	everywhere(t, func(p *place) {
		x := p.uri("x")
		a, b, c := p.joinAs("A", metaRealm, allRoles), p.joinAs("B", metaRealm, allRoles), p.joinAs("C", metaRealm, allRoles)
		exact := a.register(x, `{"invoke":"first"}`)
		prefix := a.register(x, `{"match":"prefix"}`)
		p.settle()
		b.register(x, `{"invoke":"first"}`)
		p.settle()
		none := p.uri("none")
		for _, s := range []*peer{a, b, c} {
			all := s.lists("registration")
			if !slices.Contains(all["exact"], exact) || !slices.Contains(all["prefix"], prefix) || slices.Contains(all["exact"], prefix) || len(all) != 3 {
				t.Errorf("%s: %v", s.name, all)
			}
			one := func(want, procedure, args string) {
				t.Helper()
				s.expect(`[50,%d,{},[%s]]`, s.call("wamp.registration."+procedure, `{}`, args), want)
			}
			id := func(n uint64) string { return fmt.Sprint(n) }
			one(id(exact), "lookup", fmt.Sprintf(`,[%q]`, x))
			one(id(exact), "lookup", fmt.Sprintf(`,[%q,{"match":"exact"}]`, x))
			one(id(prefix), "lookup", fmt.Sprintf(`,[%q,{"match":"prefix"}]`, x))
			one("null", "lookup", fmt.Sprintf(`,[%q,{"match":"wildcard"}]`, x))
			one("null", "lookup", fmt.Sprintf(`,[%q]`, none))
			one(id(exact), "match", fmt.Sprintf(`,[%q]`, x))
			one(id(prefix), "match", fmt.Sprintf(`,[%q]`, x+".y"))
			one("null", "match", fmt.Sprintf(`,[%q]`, none))
			r := s.call("wamp.registration.get", `{}`, fmtArgs(exact))
			d := s.expect(`[50,%d,{},[{"id":%d,"uri":%q,"match":"exact","invoke":"first"}]]`, r, exact, x)[3].([]any)[0].(map[string]any)
			if created, _ := d["created"].(string); !isoTime.MatchString(created) || len(d) != 5 {
				t.Errorf("%s: %v", s.name, d)
			}
			one(fmt.Sprintf("[%d,%d]", a.id, b.id), "list_callees", fmtArgs(exact))
			one("2", "count_callees", fmtArgs(exact))
			one(fmt.Sprintf("[%d]", a.id), "list_callees", fmtArgs(prefix))
			for _, procedure := range []string{"get", "list_callees", "count_callees"} {
				s.refused(48, s.call("wamp.registration."+procedure, `{}`, `,[77]`), "wamp.error.no_such_registration")
				s.refused(48, s.call("wamp.registration."+procedure, `{}`, `,["x"]`), "wamp.error.invalid_argument")
			}
			s.refused(48, s.call("wamp.registration.lookup", `{}`, fmt.Sprintf(`,[%q,{"match":"nearly"}]`, x)), "wamp.error.invalid_argument")
			s.refused(48, s.call("wamp.registration.match", `{}`, `,["a..b"]`), "wamp.error.invalid_uri")
		}
		other := p.join("other realm")
		other.refused(48, other.call("wamp.registration.get", `{}`, fmtArgs(exact)), "wamp.error.no_such_registration")
	})
}

func TestUMA_03_WhatIsSubscribed(t *testing.T) {
	everywhere(t, func(p *place) {
		x := p.uri("x")
		a, b, c := p.joinAs("A", metaRealm, allRoles), p.joinAs("B", metaRealm, allRoles), p.joinAs("C", metaRealm, allRoles)
		exact := a.subscribe(x, `{}`)
		b.subscribe(x, `{}`)
		prefix := b.subscribe(x, `{"match":"prefix"}`)
		p.settle()
		none := p.uri("none")
		for _, s := range []*peer{a, b, c} {
			all := s.lists("subscription")
			if !slices.Contains(all["exact"], exact) || !slices.Contains(all["prefix"], prefix) || slices.Contains(all["exact"], prefix) || len(all) != 3 {
				t.Errorf("%s: %v", s.name, all)
			}
			one := func(want, procedure, args string) {
				t.Helper()
				s.expect(`[50,%d,{},[%s]]`, s.call("wamp.subscription."+procedure, `{}`, args), want)
			}
			id := func(n uint64) string { return fmt.Sprint(n) }
			one(id(exact), "lookup", fmt.Sprintf(`,[%q]`, x))
			one(id(prefix), "lookup", fmt.Sprintf(`,[%q,{"match":"prefix"}]`, x))
			one("null", "lookup", fmt.Sprintf(`,[%q]`, none))
			one(fmt.Sprintf("[%d,%d]", exact, prefix), "match", fmt.Sprintf(`,[%q]`, x))
			one(fmt.Sprintf("[%d]", prefix), "match", fmt.Sprintf(`,[%q]`, x+".y"))
			one("null", "match", fmt.Sprintf(`,[%q]`, none))
			r := s.call("wamp.subscription.get", `{}`, fmtArgs(exact))
			d := s.expect(`[50,%d,{},[{"id":%d,"uri":%q,"match":"exact"}]]`, r, exact, x)[3].([]any)[0].(map[string]any)
			if created, _ := d["created"].(string); !isoTime.MatchString(created) || len(d) != 4 {
				t.Errorf("%s: %v", s.name, d)
			}
			both := []uint64{a.id, b.id}
			slices.Sort(both)
			one(fmt.Sprintf("[%d,%d]", both[0], both[1]), "list_subscribers", fmtArgs(exact))
			one("2", "count_subscribers", fmtArgs(exact))
			one(fmt.Sprintf("[%d]", b.id), "list_subscribers", fmtArgs(prefix))
			for _, procedure := range []string{"get", "list_subscribers", "count_subscribers"} {
				s.refused(48, s.call("wamp.subscription."+procedure, `{}`, `,[77]`), "wamp.error.no_such_subscription")
				s.refused(48, s.call("wamp.subscription."+procedure, `{}`, `,[]`), "wamp.error.invalid_argument")
			}
		}
		other := p.join("other realm")
		other.refused(48, other.call("wamp.subscription.get", `{}`, fmtArgs(exact)), "wamp.error.no_such_subscription")
	})
}

func TestRRV_01_RRV_02_RRV_03_RRV_04_RMA_11_RegistrationsAreRevoked(t *testing.T) {
	everywhere(t, func(p *place) {
		x, y := p.uri("x"), p.uri("y")
		l := p.listen("L", "registration", x, y)
		a, b := p.joinAs("A", metaRealm, revocable), p.joinAs("B", metaRealm, plainRoles)
		onX, onY := a.register(x, `{}`), b.register(y, `{}`)
		l.created(a.id, onX, fmt.Sprintf(`"uri":%q`, x))
		l.told("on_register", a.id, onX)
		l.created(b.id, onY, fmt.Sprintf(`"uri":%q`, y))
		l.told("on_register", b.id, onY)
		p.settle()
		k := p.joinKiller("K", metaRealm)
		k.refused(48, k.call("wamp.registration.remove_callee", `{}`, `,[77,1]`), "wamp.error.no_such_registration")
		k.refused(48, k.call("wamp.registration.remove_callee", `{}`, fmt.Sprintf(`,[%d,%d]`, onX, b.id)), "wamp.error.no_such_session")
		k.refused(48, k.call("wamp.registration.remove_callee", `{}`, fmt.Sprintf(`,[%d]`, onX)), "wamp.error.invalid_argument")

		k.expect(`[50,%d,{}]`, k.call("wamp.registration.remove_callee", `{}`, fmt.Sprintf(`,[%d,%d],{"reason":"com.example.moved"}`, onX, a.id)))
		a.expect(`[67,0,{"registration":%d,"reason":"com.example.moved"}]`, onX)
		l.told("on_unregister", a.id, onX)
		l.told("on_delete", a.id, onX)
		k.expect(`[50,%d,{}]`, k.call("wamp.registration.remove_callee", `{}`, fmt.Sprintf(`,[%d,%d]`, onY, b.id)))
		l.told("on_unregister", b.id, onY)
		l.told("on_delete", b.id, onY)
		b.quiet()
		p.settle()
		for _, procedure := range []string{x, y} {
			k.refused(48, k.call(procedure, `{}`, ""), "wamp.error.no_such_procedure")
		}
		b.send(`[66,%d,%d]`, b.nextRequest(), onY)
		b.refused(66, b.request, "wamp.error.no_such_registration")
		a.register(x, `{}`) // it may come back
	})
}

func TestSRV_01_SRV_02_SRV_03_SRV_04_UMA_08_SubscriptionsAreRevoked(t *testing.T) {
	everywhere(t, func(p *place) {
		x := p.uri("x")
		l := p.listen("L", "subscription", x)
		a, b := p.joinAs("A", metaRealm, revocable), p.joinAs("B", metaRealm, plainRoles)
		id := a.subscribe(x, `{}`)
		l.created(a.id, id, fmt.Sprintf(`"uri":%q`, x))
		l.told("on_subscribe", a.id, id)
		p.settle()
		b.subscribe(x, `{}`)
		l.told("on_subscribe", b.id, id)
		p.settle()
		k := p.joinKiller("K", metaRealm)
		remove := func(s *peer, rest string) {
			t.Helper()
			k.expect(`[50,%d,{}]`, k.call("wamp.subscription.remove_subscriber", `{}`, fmt.Sprintf(`,[%d,%d]%s`, id, s.id, rest)))
		}
		k.refused(48, k.call("wamp.subscription.remove_subscriber", `{}`, `,[77,1]`), "wamp.error.no_such_subscription")
		k.refused(48, k.call("wamp.subscription.remove_subscriber", `{}`, fmt.Sprintf(`,[%d,%d]`, id, k.id)), "wamp.error.no_such_session")
		remove(a, `,{"reason":"com.example.moved"}`)
		m := a.expect(`[35,0,{"subscription":%d,"reason":"com.example.moved"}]`, id) // SRV-04: an id
		if len(m) != 3 {
			t.Errorf("%s", show(m))
		}
		l.told("on_unsubscribe", a.id, id)
		k.publish(x, "", `,[1]`)
		b.expect(`[36,%d,"*",{},[1]]`, id)
		a.quiet()
		remove(b, "")
		l.told("on_unsubscribe", b.id, id)
		l.told("on_delete", b.id, id)
		k.publish(x, "", `,[2]`)
		b.quiet()
		b.send(`[34,%d,%d]`, b.nextRequest(), id)
		b.refused(34, b.request, "wamp.error.no_such_subscription")
	})
}

// UMA-09: the features are announced, each by its role.
func TestUMA_09_MetaAndRevocationAreAnnounced(t *testing.T) {
	here(t, func(p *place) {
		s := p.join("S")
		for _, f := range []string{"registration_meta_api", "registration_revocation"} {
			if !s.announces("dealer", f) || s.announces("broker", f) {
				t.Errorf("%s", f)
			}
		}
		for _, f := range []string{"subscription_meta_api", "subscription_revocation"} {
			if !s.announces("broker", f) || s.announces("dealer", f) {
				t.Errorf("%s", f)
			}
		}
	})
}

// RMA-10: the node's own procedures are no registrations.
func TestRMA_10_OwnProceduresAreNotListed(t *testing.T) {
	everywhere(t, func(p *place) {
		s := p.joinAs("S", metaRealm, allRoles)
		for _, procedure := range []string{"lookup", "match"} {
			s.expect(`[50,%d,{},[null]]`, s.call("wamp.registration."+procedure, `{}`, `,["wamp.session.count"]`))
		}
	})
}
