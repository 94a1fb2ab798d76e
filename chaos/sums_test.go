package chaos

import (
	"strings"
	"testing"
	"time"

	"kleeblatt/dealer"
	"kleeblatt/internal/node"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport/link"
)

// TestFramesFindEachFlaw: what a worker must not do with a publication from elsewhere is found out.
func TestFramesFindEachFlaw(t *testing.T) {
	good := node.SimFrame{Node: 1, Publication: 7, Owed: 3, Events: 2, Withheld: 1}
	for _, c := range []struct {
		text   string
		change func(f *node.SimFrame)
	}{
		{"", func(f *node.SimFrame) { f.Publication = 8 }},
		{"", func(f *node.SimFrame) { f.Worker = 1 }},
		{"", func(f *node.SimFrame) { f.Node = 0 }},
		{"4 are owed", func(f *node.SimFrame) { f.Publication, f.Owed = 8, 4 }},
		{"makes 3 EVENTs", func(f *node.SimFrame) { f.Publication, f.Events = 8, 3 }},
		{"twice", func(f *node.SimFrame) {}},
		{"passes publication 8 on", func(f *node.SimFrame) { f.Publication, f.PassedOn = 8, 1 }},
	} {
		w := NewWorld(Options{Seed: 1, Nodes: 3, Calm: true, Deserted: true})
		s := &sums{w: w, p: &process{id: 1, site: w.sites[0]}, came: map[cameTo]bool{}}
		s.onFrame(good)
		f := good
		c.change(&f)
		s.onFrame(f)
		if got := strings.Join(w.violations, "\n"); c.text == "" && got != "" || !strings.Contains(got, c.text) {
			t.Errorf("%q, want %q", got, c.text)
		}
	}
}

// TestLanesFindEachFlaw: a frame that is neither there nor counted, or that is there and counted as lost, is found out.
func TestLanesFindEachFlaw(t *testing.T) {
	for _, c := range []struct {
		from, to link.LaneStatus
		text     string
	}{
		{link.LaneStatus{Out: frames(5, 1, 2), Lost: frames(2, 0, 1)}, link.LaneStatus{In: frames(3, 1, 1)}, ""},
		{link.LaneStatus{Out: frames(5, 0, 0), Waiting: 9}, link.LaneStatus{In: frames(4, 0, 0)}, ""},
		{link.LaneStatus{Out: frames(5, 0, 0)}, link.LaneStatus{In: frames(4, 0, 0)}, "of 5 frames (event)"},
		{link.LaneStatus{Out: frames(0, 5, 0), Lost: frames(0, 1, 0)}, link.LaneStatus{In: frames(0, 5, 0)}, "1 are counted as lost"},
		{link.LaneStatus{Out: frames(0, 0, 5)}, link.LaneStatus{In: frames(0, 0, 6)}, "6 came"},
	} {
		got := strings.Join(unbalanced([]link.LaneStatus{{}, c.from}, []link.LaneStatus{{}, c.to}), "\n")
		if c.text == "" && got != "" || !strings.Contains(got, c.text) {
			t.Errorf("%q, want %q", got, c.text)
		}
	}
}

func frames(events, calls, others uint64) [link.LostKinds]uint64 {
	return [link.LostKinds]uint64{events, calls, others}
}

// TestHoldsTooMuch: frames wait half a second for the tables, and a megabyte of them at most.
func TestHoldsTooMuch(t *testing.T) {
	now := int64(time.Minute)
	for _, c := range []struct {
		l       link.LaneStatus
		running int64
		text    string
	}{
		{link.LaneStatus{}, 0, ""},
		{link.LaneStatus{HeldBytes: 1 << 20, HeldSince: now - int64(time.Second)}, 0, ""},
		{link.LaneStatus{HeldBytes: 9, HeldSince: now - int64(3*time.Second)}, 0, "for 3s"},
		{link.LaneStatus{HeldBytes: 9, HeldSince: now - int64(3*time.Second)}, now, ""},
		{link.LaneStatus{HeldBytes: 2 << 20, HeldSince: now}, 0, "holds 2097152 bytes"},
	} {
		if got := holdsTooMuch(&c.l, now, c.running, 1<<19); c.text == "" && got != "" || !strings.Contains(got, c.text) {
			t.Errorf("%q, want %q", got, c.text)
		}
	}
}

// TestWhatClientsHoldIsLookedFor: of a world that went well, a client that believes in more than its node has, and a node that remembers more
// than its clients wait for, are found out.
func TestWhatClientsHoldIsLookedFor(t *testing.T) {
	w := NewWorld(Options{Seed: 3, Nodes: 3, Calm: true, Duration: 30 * time.Second})
	w.Run()
	tr := w.traffic.(*troupe)
	for _, s := range tr.ledger.sessions {
		if s.state != sessionOpen {
			continue
		}
		s.subscriptions = append(s.subscriptions, &subscription{pattern: pattern{wamp.Exact, "t.nobody"}, s: s, since: 1})
		s.registrations = append(s.registrations, &registration{pattern: pattern{wamp.Exact, "p.nobody"}, s: s, since: 1})
		tr.checkHeldByOwners()
		break
	}
	if got := strings.Join(w.violations, "\n"); len(w.violations) != 2 || !strings.Contains(got, "t.nobody") || !strings.Contains(got, "p.nobody") {
		t.Errorf("found %q", got)
	}
	if got := tooMany(router.Stats{CallsPending: 2, InvocationsPending: 3}, 2, 3); len(got) != 0 {
		t.Errorf("found %q", got)
	}
	if got := tooMany(router.Stats{CallsPending: 3, InvocationsPending: 4}, 2, 3); len(got) != 2 {
		t.Errorf("found %q", got)
	}
}

// TestWhatPartsHaveIsRouted: a callee that a part has and the snapshot has not is found out, and one that the snapshot alone has.
func TestWhatPartsHaveIsRouted(t *testing.T) {
	w := NewWorld(Options{Seed: 3, Nodes: 3, Calm: true, Duration: 30 * time.Second})
	w.Run()
	p := w.sites[0].p
	v := p.sim.View()
	s := p.sim.Realm(simRealms[0])
	if w.tables.compare(p, placesOf(p, &v)); len(w.violations) > 0 || !v.Settled {
		t.Fatalf("settled %v, %q", v.Settled, w.violations)
	}
	callee := func(remote bool) (*dealer.Registration, *dealer.Callee) {
		for x := range s.Dealer.All {
			for i := range x.Callees {
				if (x.Callees[i].Node != 0) == remote {
					return x, &x.Callees[i]
				}
			}
		}
		t.Fatalf("nobody has registered anything, remote %v", remote)
		return nil, nil
	}
	all := s.Dealer
	for _, remote := range []bool{false, true} {
		w.violations = nil
		x, c := callee(remote)
		s.Dealer = all.WithoutCallee(x.Key, c.Node, c.Session)
		w.tables.compare(p, placesOf(p, &v))
		if got := strings.Join(w.violations, "\n"); len(w.violations) != 1 || !strings.Contains(got, "does not route to 1 callees") {
			t.Errorf("remote %v: found %q", remote, got)
		}
		s.Dealer = all
	}
	w.violations = nil
	x, c := callee(true)
	stranger := *c
	stranger.Session++
	s.Dealer = all.WithCallee(x.Key, x.ID, x.Invoke, stranger)
	w.tables.compare(p, placesOf(p, &v))
	if got := strings.Join(w.violations, "\n"); len(w.violations) != 1 || !strings.Contains(got, "that no part has") {
		t.Errorf("a stranger: found %q", got)
	}
}
