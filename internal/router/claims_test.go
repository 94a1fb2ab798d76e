package router

import (
	"slices"
	"testing"

	"kleeblatt/broker"
	"kleeblatt/internal/wamp"
)

func only(fx []TablesEffect, kind TablesEffectKind) []TablesEffect {
	return slices.DeleteFunc(slices.Clone(fx), func(e TablesEffect) bool { return e.Kind != kind })
}

func claimOp(session uint64) Op { return Op{Kind: OpRegister, Realm: "r", URI: "p", Session: session} }

func remoteElement(order uint64, tentative bool) string {
	e := Element{Realm: "r", URI: "p", Session: 77, Order: order, Tentative: tentative}
	return string(AppendRegistration(nil, &e))
}

func (t *Tables) remoteAdd(tb testing.TB, element string) []TablesEffect {
	fx, err := t.RemoteAdd(3, "other", element, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return fx
}

// Who is earlier refuses: a claim of ours the later one of another node, in each of its phases; an entry of ours every claim.
func TestClaimsAreRefused(t *testing.T) {
	late, early := remoteElement(1<<62, true), remoteElement(1, true)
	for phase, name := range []string{"claiming", "claimed", "confirming", "confirmed"} {
		a, _ := newTables(t)
		fx := a.Propose(claimOp(1), 1, 1, nil)
		if phase >= 1 {
			fx = a.Applied(fx[0].Token, nil)
		}
		if phase >= 2 {
			fx = a.Barrier(fx[0].Token, 1, 1, nil)
		}
		if phase >= 3 {
			a.Applied(fx[0].Token, nil)
		}
		if got := only(a.remoteAdd(t, late), TxRefuse); len(got) != 1 || got[0].Node != 3 || got[0].Op.Element != late {
			t.Errorf("%s: a later claim gets %+v", name, got)
		}
		if got := only(a.remoteAdd(t, early), TxRefuse); len(got) != phase/2 {
			t.Errorf("%s: an earlier claim gets %+v", name, got)
		}
		a.HideNode(3)
		if len(a.claims) != 0 {
			t.Errorf("%s: claims of a hidden node are kept", name)
		}
	}
}

// What is refused, or left, before the Replicator has taken it is withdrawn as soon as it has.
func TestClaimIsWithdrawn(t *testing.T) {
	leave := claimOp(1)
	leave.Kind = OpLeave
	reasons := map[string]func(a *Tables, element string, out []TablesEffect) []TablesEffect{
		"refused": func(a *Tables, element string, out []TablesEffect) []TablesEffect { return a.RefusedBy(element, out) },
		"left":    func(a *Tables, _ string, out []TablesEffect) []TablesEffect { return a.Propose(leave, 0, 1, out) },
		"confirmed elsewhere": func(a *Tables, _ string, out []TablesEffect) []TablesEffect {
			return append(out, a.remoteAdd(t, remoteElement(1<<62, false))...)
		},
	}
	for name, reason := range reasons {
		for _, waiting := range []bool{false, true} {
			a, _ := newTables(t)
			fx := a.Propose(claimOp(1), 1, 1, nil)
			element, token := fx[0].Op.Element, fx[0].Token
			if waiting {
				a.Applied(token, nil)
			}
			fx = reason(a, element, nil)
			if !waiting {
				if len(fx) != 0 {
					t.Errorf("%s: %+v before it is applied", name, fx)
				}
				fx = a.Applied(token, nil)
			}
			took, told := only(fx, TxPropose), only(fx, TxApplied)
			if len(took) != 1 || took[0].Op.Add || took[0].Op.Element != element || len(told) != 1 || told[0].Err == "" || a.Stats().Claiming != 0 {
				t.Errorf("%s: %+v", name, fx)
			}
		}
	}
}

// Several REGISTERs of one procedure wait for each other; a session that ends takes its own out of the queue.
func TestClaimsQueue(t *testing.T) {
	a, _ := newTables(t)
	first := a.Propose(claimOp(1), 1, 1, nil)[0].Token
	a.Propose(claimOp(2), 2, 1, nil)
	a.Propose(claimOp(3), 3, 1, nil)
	leave := claimOp(2)
	leave.Kind = OpLeave
	if fx := a.Propose(leave, 0, 1, nil); len(fx) != 1 || fx[0].Token != 2 || fx[0].Err != wamp.ErrCanceled {
		t.Errorf("the second leaves: %+v", fx)
	}
	a.Applied(first, nil)
	leave.Session = 1
	fx := a.Propose(leave, 0, 1, nil)
	if add := only(fx, TxPropose); len(add) != 2 || !add[1].Op.Add {
		t.Errorf("the third does not have its turn: %+v", fx)
	}
}

// A clock more than a minute ahead is told of once a minute and counted each time; whoever follows it is not blamed.
func TestClockAhead(t *testing.T) {
	const wall = 1_000_000
	a, _ := newTables(t)
	ahead := func(ms, now int64) []TablesEffect {
		a.remoteAdd(t, remoteElement(uint64(wall+ms)<<clockBits, false))
		if a.WakeAt() == 0 {
			return nil
		}
		return only(a.Tick(now, wall, true, nil), TxClockAhead)
	}
	if fx := ahead(50_000, 1); len(fx) != 0 {
		t.Errorf("50 s: %+v", fx)
	}
	if fx := ahead(3_600_000, 1); len(fx) != 1 || fx[0].Node != 3 || fx[0].Wait != 3_600_000 {
		t.Errorf("an hour: %+v", fx)
	}
	if fx := ahead(7_200_000, 2); len(fx) != 0 || a.Stats().ClockAhead != 2 {
		t.Errorf("told twice: %+v, %+v", fx, a.Stats())
	}
	e := Element{Realm: "r", URI: "q", Session: 5, Order: uint64(wall+7_200_001) << clockBits}
	if _, err := a.RemoteAdd(4, "follower", string(AppendRegistration(nil, &e)), nil); err != nil || a.WakeAt() != 0 || a.Stats().ClockAhead != 2 {
		t.Errorf("who follows is blamed: %+v", a.Stats())
	}
	if fx := ahead(20_000_000, clockWarnEvery+10); len(fx) != 1 {
		t.Errorf("not told again: %+v", fx)
	}
}

// An answer that waits for the other nodes stands for what is true when it is given.
func TestDelayedAnswers(t *testing.T) {
	a, _ := newTables(t)
	sub := Op{Kind: OpSubscribe, Realm: "r", URI: "t", Barrier: 500}
	fx := a.Applied(a.Propose(sub, 1, 1, nil)[0].Token, nil)
	if len(fx) != 1 || fx[0].Kind != TxBarrier || fx[0].Wait != 500 {
		t.Fatalf("not delayed: %+v", fx)
	}
	token := fx[0].Token
	unsub := Op{Kind: OpUnsubscribe, Realm: "r", URI: "t"}
	a.Applied(a.Propose(unsub, 0, 1, nil)[0].Token, nil) // another session of the worker came and went meanwhile
	fx = a.Barrier(token, 1, 1, nil)
	if len(fx) != 1 || fx[0].Kind != TxPropose || !fx[0].Op.Add {
		t.Fatalf("a subscription that is not there is confirmed: %+v", fx)
	}
	if fx = a.Applied(fx[0].Token, nil); len(fx) != 1 || fx[0].Token != 1 || fx[0].ID == 0 {
		t.Errorf("answer %+v", fx)
	}
	if e := a.entry(tableKey{kind: Interest, uri: "t"}); e == nil || e.Workers != broker.WorkerSet(1) {
		t.Errorf("entry %+v", e)
	}
	reg := claimOp(1)
	reg.Barrier = 500
	fx = a.Applied(a.Propose(reg, 2, 1, nil)[0].Token, nil)
	fx = a.Applied(a.Barrier(fx[0].Token, 0, 0, nil)[0].Token, nil)
	waits := only(fx, TxBarrier)
	if len(waits) != 1 || len(only(fx, TxApplied)) != 0 {
		t.Fatalf("not delayed: %+v", fx)
	}
	gone := claimOp(1)
	gone.Kind = OpUnregister
	a.Propose(gone, 0, 1, nil)
	if fx = a.Barrier(waits[0].Token, 1, 1, nil); len(fx) != 1 || fx[0].Err == "" {
		t.Errorf("a registration that is gone is confirmed: %+v", fx)
	}
	if len(a.delayed) != 0 {
		t.Error("something is left")
	}
}
