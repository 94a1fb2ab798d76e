package router

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kleeblatt/broker"
	"kleeblatt/dealer"
	"kleeblatt/internal/wamp"
)

func newTables(t testing.TB) (*Tables, *Realms) {
	realms, err := NewRealms(RealmConfig{Name: "r"}, RealmConfig{Name: "s"})
	if err != nil {
		t.Fatal(err)
	}
	return NewTables(TablesConfig{NodeName: "me", Key: []byte("secret"), Realms: realms}), realms
}

// changes carries out what Tables propose, at once and with nobody else to ask, and returns the answers in the order of ops.
func (t *Tables) changes(ops ...Op) (answers []TablesEffect) {
	var fx []TablesEffect
	for i, op := range ops {
		fx = t.Propose(op, uint64(i+1), 1, fx)
	}
	for i := 0; i < len(fx); i++ {
		switch fx[i].Kind {
		case TxPropose:
			fx = t.Applied(fx[i].Token, fx)
		case TxBarrier:
			fx = t.Barrier(fx[i].Token, 0, 0, fx)
		default:
			answers = append(answers, fx[i])
		}
	}
	t.Commit()
	slices.SortStableFunc(answers, func(a, b TablesEffect) int { return cmp.Compare(a.Token, b.Token) })
	return answers
}

func TestRealmsRefuseWhatIsNone(t *testing.T) {
	for _, names := range [][]string{{}, {"a..b"}, {""}, {"r", "r"}} {
		var configs []RealmConfig
		for _, n := range names {
			configs = append(configs, RealmConfig{Name: n})
		}
		if _, err := NewRealms(configs...); err == nil {
			t.Errorf("realms %q are accepted", names)
		}
	}
}

// IDS-05: ids are the same on all nodes with the same key, and unique over realms, kinds and policies.
func TestIDsAreDerivedIDS05(t *testing.T) {
	a, _ := newTables(t)
	b, _ := newTables(t)
	ops := []Op{
		{Kind: OpSubscribe, Realm: "r", URI: "a.b"}, {Kind: OpSubscribe, Realm: "s", URI: "a.b"},
		{Kind: OpSubscribe, Realm: "r", URI: "a.b", Match: wamp.Prefix}, {Kind: OpRegister, Realm: "r", URI: "a.b", Session: 1},
	}
	x, y := a.changes(ops...), b.changes(ops[3], ops[2], ops[1], ops[0])
	seen := map[uint64]bool{}
	for i := range x {
		if x[i].ID != y[len(y)-1-i].ID {
			t.Errorf("%+v has two ids", ops[i])
		}
		if seen[x[i].ID] || !wamp.ValidID(x[i].ID) {
			t.Errorf("id %d is out of range or used twice", x[i].ID)
		}
		seen[x[i].ID] = true
	}
}

// A collision gives the later the next salt, and it keeps that as long as it lives.
func TestIDsDoNotCollide(t *testing.T) {
	a, realms := newTables(t)
	key := tableKey{kind: Interest, uri: "x"}
	taken := a.derive(key, 0)
	a.subs[taken] = nil
	id := a.changes(Op{Kind: OpSubscribe, Realm: "r", URI: "x"})[0].ID
	if id == taken || id != a.derive(key, 1) {
		t.Errorf("id is %d, taken is %d", id, taken)
	}
	delete(a.subs, taken)
	if again := a.changes(Op{Kind: OpSubscribe, Worker: 1, Realm: "r", URI: "x"})[0].ID; again != id {
		t.Errorf("the id changed from %d to %d", id, again)
	}
	a.changes(Op{Kind: OpUnsubscribe, Realm: "r", URI: "x"}, Op{Kind: OpUnsubscribe, Worker: 1, Realm: "r", URI: "x"})
	if len(a.subs)+len(a.regs) != 0 || realms.Get("r").Cell.Load().Broker.Len() != 0 {
		t.Error("something is left")
	}
}

// Only 0→1 and 1→0 leave the node, and what waits for the Replicator is answered after it.
func TestTablesProposeFirstAndLastOnly(t *testing.T) {
	a, realms := newTables(t)
	sub := func(worker uint8) Op { return Op{Kind: OpSubscribe, Worker: worker, Realm: "r", URI: "a.b"} }
	fx := a.Propose(sub(0), 10, 1, nil)
	fx = a.Propose(sub(1), 11, 1, fx)
	if len(fx) != 1 || fx[0].Kind != TxPropose || !fx[0].Op.Add {
		t.Fatalf("want one proposal, got %+v", fx)
	}
	if realms.Get("r").Cell.Load().Broker.Len() != 0 {
		t.Error("routed before it was applied")
	}
	fx = a.Applied(fx[0].Token, nil)
	if len(fx) != 2 || fx[0].Token != 10 || fx[1].Token != 11 || fx[1].Worker != 1 || fx[0].ID != fx[1].ID {
		t.Fatalf("want two answers, got %+v", fx)
	}
	if realms.Get("r").Cell.Load().Broker.Len() != 0 {
		t.Error("routed before Commit")
	}
	a.Commit()
	if e := realms.Get("r").Cell.Load().Broker.Get(broker.Key{Topic: "a.b"}); e == nil || e.Workers != 3 {
		t.Errorf("entry is %+v", e)
	}
	unsub := sub(0)
	unsub.Kind = OpUnsubscribe
	if fx = a.Propose(unsub, 0, 1, nil); len(fx) != 0 {
		t.Errorf("one of two left: %+v", fx)
	}
	if fx = a.Propose(unsub, 0, 1, nil); len(fx) != 0 {
		t.Errorf("left twice: %+v", fx)
	}
	unsub.Worker = 1
	if fx = a.Propose(unsub, 0, 1, nil); len(fx) != 1 || fx[0].Op.Add {
		t.Errorf("both left: %+v", fx)
	}
	// P6: while the removal is under way somebody comes again.
	if more := a.Propose(sub(0), 12, 1, nil); len(more) != 0 {
		t.Errorf("overtakes the removal: %+v", more)
	}
	fx = a.Applied(fx[0].Token, nil)
	if len(fx) != 1 || fx[0].Kind != TxPropose || !fx[0].Op.Add {
		t.Errorf("want the element back, got %+v", fx)
	}
	if more := a.Applied(999, nil); len(more) != 0 {
		t.Error("an unknown token has an effect")
	}
}

// REG-02, SHR-02, SHR-03: conflicts with visible registrations, here and elsewhere, and with one that is still under way.
func TestRegistrationConflictsREG02SHR02SHR03(t *testing.T) {
	a, _ := newTables(t)
	reg := func(session uint64, uri string, i wamp.Invoke) Op {
		return Op{Kind: OpRegister, Realm: "r", URI: uri, Session: session, Invoke: i}
	}
	fx := a.Propose(reg(1, "p", wamp.Single), 1, 1, nil)
	fx = a.Propose(reg(2, "p", wamp.Single), 2, 1, fx)
	if len(fx) != 1 {
		t.Fatalf("two at once: %+v", fx)
	}
	fx = a.Applied(fx[0].Token, nil)
	if len(fx) != 1 || fx[0].Kind != TxBarrier {
		t.Fatalf("the first does not claim: %+v", fx)
	}
	fx = a.Barrier(fx[0].Token, 0, 0, nil)
	fx = a.Applied(fx[0].Token, nil)
	fx = slices.DeleteFunc(fx, func(e TablesEffect) bool { return e.Kind == TxPropose }) // the tentative element's end
	if len(fx) != 2 || fx[0].Err != "" || fx[1].Err != wamp.ErrProcedureAlreadyExists {
		t.Fatalf("answers: %+v", fx)
	}
	remote := Element{Realm: "r", URI: "q", Session: 77, Invoke: wamp.RoundRobin, Order: 5}
	if _, err := a.RemoteAdd(3, "other", string(AppendRegistration(nil, &remote)), nil); err != nil {
		t.Fatal(err)
	}
	answers := a.changes(reg(1, "q", wamp.Single), reg(2, "q", wamp.Random), reg(3, "q", wamp.RoundRobin), reg(3, "q", wamp.RoundRobin))
	for i, want := range []string{wamp.ErrProcedureAlreadyExists, wamp.ErrProcedureAlreadyExists, "", ""} {
		if answers[i].Err != want {
			t.Errorf("answer %d is %q, want %q", i, answers[i].Err, want)
		}
	}
	if answers[2].ID != answers[3].ID {
		t.Error("one session, two registrations")
	}
	r := a.edit[0].Dealer.Get(dealer.Key{Procedure: "q"})
	if len(r.Callees) != 2 || r.Callees[0].Session != 77 {
		t.Errorf("callees %+v: want the earlier first", r.Callees)
	}
	a.RemoteRemove(3, "other", string(AppendRegistration(nil, &remote)))
	a.changes(Op{Kind: OpUnregister, Realm: "r", URI: "q", Session: 3}, Op{Kind: OpUnregister, Realm: "r", URI: "q", Session: 3})
	if a.edit[0].Dealer.Len() != 1 {
		t.Error("q is still there")
	}
	if fx := a.changes(reg(9, "q", wamp.Last)); fx[0].Err != "" {
		t.Errorf("the policy is not free again: %s", fx[0].Err)
	}
}

// The hybrid clock never goes back, follows what it sees, and cannot be driven to its end.
func TestOrderOfRegistrations(t *testing.T) {
	a, _ := newTables(t)
	last := uint64(0)
	for i, now := range []int64{100, 100, 50, 200, -1} {
		if got := a.tick(now); got <= last {
			t.Errorf("tick %d is %d, not after %d", i, got, last)
		} else {
			last = got
		}
	}
	for _, order := range []uint64{last + 1<<40, ^uint64(0)} {
		e := Element{Realm: "r", URI: fmt.Sprint("p", order), Session: 1, Order: order}
		if _, err := a.RemoteAdd(1, "n", string(AppendRegistration(nil, &e)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.tick(300); got != last+1<<40+1 {
		t.Errorf("after an element of %d the clock reads %d", last+1<<40, got)
	}
}

func TestElementsThatCannotBeUsed(t *testing.T) {
	a, _ := newTables(t)
	if _, err := a.RemoteAdd(1, "n", "\x02later", nil); err == nil {
		t.Error("an element of a later version is accepted")
	}
	if _, err := a.RemoteAdd(1, "n", string(AppendInterest(nil, "elsewhere", wamp.Exact, "a")), nil); err != nil {
		t.Error(err)
	}
	tentative := Element{Realm: "r", URI: "p", Session: 1, Tentative: true}
	if _, err := a.RemoteAdd(1, "n", string(AppendRegistration(nil, &tentative)), nil); err != nil {
		t.Error(err)
	}
	a.RemoteRemove(1, "n", "\x02later")
	a.RemoteRemove(1, "n", string(AppendInterest(nil, "r", wamp.Exact, "never.was")))
	if a.Unknown() != 3 || a.edit[0].Dealer.Len() != 0 {
		t.Errorf("%d unknown, %d procedures", a.Unknown(), a.edit[0].Dealer.Len())
	}
	if got := a.changes(Op{Kind: OpSubscribe, Realm: "elsewhere", URI: "a"}); got[0].Err != wamp.ErrNoSuchRealm {
		t.Errorf("answer %+v", got)
	}
}

// The tables against a plain set of (node, element): whatever the order of edits, the snapshots say what the set says.
func TestTablesAgainstASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		realms, err := NewRealms(RealmConfig{Name: "r"}, RealmConfig{Name: "s"})
		if err != nil {
			t.Fatal(err)
		}
		a := NewTables(TablesConfig{NodeName: "me", Key: []byte("k"), Realms: realms})
		type own struct {
			node NodeSlot
			e    Element
		}
		set := map[own]bool{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			node := NodeSlot(rapid.IntRange(1, 3).Draw(t, "node"))
			e := Element{
				Kind:  rapid.SampledFrom([]ElementKind{Interest, Registration}).Draw(t, "kind"),
				Realm: rapid.SampledFrom([]string{"r", "s"}).Draw(t, "realm"), URI: rapid.SampledFrom([]string{"a", "a.b"}).Draw(t, "uri"),
			}
			if e.Kind == Registration {
				e.Invoke, e.Session = wamp.First, uint64(node)*10+uint64(rapid.IntRange(1, 2).Draw(t, "session"))
				e.Order = e.Session
			}
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				a.HideNode(node)
				for k := range set {
					if k.node == node {
						delete(set, k)
					}
				}
			case 1, 2:
				a.RemoteRemove(node, "n", encodeElement(&e))
				delete(set, own{node, e})
			default:
				if _, err := a.RemoteAdd(node, "n", encodeElement(&e), nil); err != nil {
					t.Fatal(err)
				}
				set[own{node, e}] = true
			}
		}
		a.Commit()
		var got, want []string
		for _, r := range realms.All() {
			s := r.Cell.Load()
			for e := range s.Broker.All {
				for n := range e.Nodes.Each {
					got = append(got, fmt.Sprint(n, Interest, r.Name, e.Topic, 0))
				}
			}
			for x := range s.Dealer.All {
				for _, c := range x.Callees {
					got = append(got, fmt.Sprint(c.Node, Registration, r.Name, x.Procedure, c.Session))
				}
			}
		}
		for k := range set {
			want = append(want, fmt.Sprint(k.node, k.e.Kind, k.e.Realm, k.e.URI, k.e.Session))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("routed: %v\nset:    %v", got, want)
		}
		if n := realms.at(0).Cell.Load().Broker.Len() + realms.at(0).Cell.Load().Dealer.Len() +
			realms.at(1).Cell.Load().Broker.Len() + realms.at(1).Cell.Load().Dealer.Len(); n != len(a.subs)+len(a.regs) {
			t.Fatalf("%d entries, %d ids", n, len(a.subs)+len(a.regs))
		}
	})
}

// The registrations of a node that is not routed to stand in nobody's way, although taking them out of the tables takes a while.
func TestHiddenNodesRegistrationsAreFree(t *testing.T) {
	a, _ := newTables(t)
	for i, uri := range []string{"p", "q"} {
		for node := NodeSlot(3); node < 5; node++ {
			e := Element{Realm: "r", URI: uri, Session: uint64(node), Invoke: wamp.RoundRobin, Order: uint64(i)}
			if _, err := a.RemoteAdd(node, fmt.Sprint("n", node), string(AppendRegistration(nil, &e)), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	register := func(uri string, session uint64) string {
		return a.changes(Op{Kind: OpRegister, Realm: "r", URI: uri, Session: session})[0].Err
	}
	a.Hidden(3)
	if err := register("p", 1); err != wamp.ErrProcedureAlreadyExists {
		t.Errorf("another node that is shown holds p: %q", err)
	}
	a.Hidden(4)
	if err := register("p", 1); err != "" {
		t.Errorf("nobody who is shown holds p: %q", err)
	}
	a.Shown(3)
	if err := register("q", 1); err != wamp.ErrProcedureAlreadyExists {
		t.Errorf("who is shown again holds q: %q", err)
	}
}
