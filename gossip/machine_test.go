package gossip

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"kleeblatt/crdt"
)

// solo is one machine whose peers are played by the test.
type solo struct {
	t   *testing.T
	m   *Machine
	now int64
}

func life(epoch uint64) Life { return Life{Epoch: epoch, Nonce: 1} }

func newSolo(t *testing.T) *solo {
	return &solo{t, New(Config{Name: "me", Life: life(10), Rand: rand.New(rand.NewPCG(1, 1)).Uint64}), int64(time.Hour)}
}

func (s *solo) step(in Input) []Effect {
	in.Now = s.now
	return s.m.Step(&in, nil)
}

func (s *solo) after(d time.Duration) []Effect {
	s.now += int64(d)
	return s.step(Input{Kind: InTick})
}

func (s *solo) up(name string, l Life, head uint64) []Effect {
	return s.step(Input{Kind: InLink, Name: name, Life: l, Version: head, Up: true})
}

func (s *solo) control(name string, b []byte) []Effect {
	return s.step(Input{Kind: InControl, Name: name, Bytes: b})
}

// lines renders effects; comparisons of digests and wake-ups are left out.
func lines(fx []Effect) string {
	var all []string
	for i := range fx {
		switch e := &fx[i]; {
		case e.Kind == FxWakeAt:
		case e.Kind == FxControl && e.Bytes[1] == kindDigest:
		case e.Kind == FxControl:
			all = append(all, "→"+e.Name+" "+Describe(e.Bytes))
		default:
			all = append(all, describe(e))
		}
	}
	return strings.Join(all, "; ")
}

func (s *solo) want(what string, fx []Effect, parts ...string) {
	s.t.Helper()
	got := lines(fx)
	if want := strings.Join(parts, "; "); got != want {
		s.t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func deltaOf(owner string, p *crdt.Part, from uint64) []byte {
	d, _ := p.Delta(from, math.MaxInt)
	return appendDelta(nil, owner, &d, p.Hash(), d.To() == p.Version())
}

func partOf(l Life, elements ...string) *crdt.Part {
	p := crdt.NewPart(l)
	for _, e := range elements {
		_, _ = p.Add(e)
	}
	return p
}

// TestOvertaken (P6): an unsubscribe that is overtaken by a later subscribe leaves the element routed: routes follow the merged state.
func TestOvertaken(t *testing.T) {
	s := newSolo(t)
	a := partOf(life(1), "t")
	a.Remove("t")
	_, _ = a.Add("t")
	s.up("a", life(1), 0)
	s.want("the later add first", s.control("a", deltaOf("a", a, 2)), "→a ask a@1.1 have 0")
	s.want("what comes before", s.control("a", deltaOf("a", a, 0)),
		"add a t", "remove a t", "add a t", "reached a:3")
	s.want("again", s.control("a", deltaOf("a", a, 1)))
	if !s.m.nodes["a"].part.Contains("t") || len(s.m.nodes["a"].held) != 0 {
		t.Error("not routed")
	}
}

// TestGap: deltas beyond a gap wait, within bounds, and come in when it closes.
func TestGap(t *testing.T) {
	s := newSolo(t)
	a := partOf(life(1), "1", "2", "3", "4")
	s.up("a", life(1), 0)
	frame := func(from, to uint64) []byte {
		d, _ := a.Delta(from, math.MaxInt)
		d.Ops = d.Ops[:to-from]
		return appendDelta(nil, "a", &d, a.Hash(), to == a.Version())
	}
	s.control("a", frame(1, 2))
	s.want("the next", s.control("a", frame(2, 3)))
	s.want("within the held", s.control("a", frame(1, 3)))
	s.want("the gap", s.control("a", frame(0, 1)), "add a 1", "reached a:1", "add a 2", "reached a:2", "add a 3", "reached a:3")
	s.want("the rest", s.control("a", frame(3, 4)), "add a 4", "reached a:4")

	s.m.cfg.BufferedBytes = 1000
	for range 100 {
		_, _ = a.Add("x")
		a.Remove("x")
	}
	for v := uint64(5); v < a.Version(); v++ {
		s.control("a", frame(v, v+1))
	}
	n := s.m.nodes["a"]
	if n.heldBytes > 1000 || n.heldBytes < 900 {
		t.Errorf("%d bytes held", n.heldBytes)
	}
	s.control("a", frame(4, 5))
	if n.heldBytes != 0 || n.part.Version() <= 5 || !n.behind() {
		t.Errorf("%d bytes held at version %d", n.heldBytes, n.part.Version())
	}
}

// TestStaleLife: a newer life replaces the part at once; an older life's delta is refused from anyone, and for ever.
func TestStaleLife(t *testing.T) {
	s := newSolo(t)
	old, young := partOf(life(1), "old"), partOf(life(2), "young")
	s.up("b", life(5), 0)
	s.up("a", life(1), 0)
	s.control("a", deltaOf("a", old, 0))
	s.want("membership tells of a newer life", s.step(Input{Kind: InMember, Name: "a", Life: life(2), Alive: true}),
		"hide a", "unroute a old", "a is hidden", "gone a@1.1", "→a heads a@2.1:0")
	s.want("a late delta by the old link", s.control("a", deltaOf("a", old, 0)))
	s.want("and by another", s.control("b", deltaOf("a", old, 0)))
	s.want("the new life's", s.control("b", deltaOf("a", young, 0)))
	s.want("its link", s.up("a", life(2), 1),
		"→a heads me@10.1:0 a@2.1:1 b@5.1:0", "show a", "add a young", "a is reachable", "reached a:1")
	s.want("the old life's link", s.up("a", life(1), 1), "a is suspect", "→a heads a@2.1:1")
	s.want("the old life by it", s.control("a", deltaOf("a", old, 0)))
	s.want("the new one's link again", s.up("a", life(2), 1), "→a heads me@10.1:0 a@2.1:1 b@5.1:0", "a is reachable")
	s.want("membership calls the old one alive", s.step(Input{Kind: InMember, Name: "a", Life: life(1), Alive: true}))
	s.want("or dead", s.step(Input{Kind: InMember, Name: "a", Life: life(1)}))
	s.want("late again", s.control("b", deltaOf("a", old, 0)))
	s.want("the old one's death hides nobody", s.step(Input{Kind: InLinkSuspect, Name: "a", On: true}), "a is suspect")
	s.want("after all", s.step(Input{Kind: InLinkSuspect, Name: "a"}), "a is reachable")
	if got := s.m.Parts()[0]; got.Life != life(2) || got.Entries != 1 || got.State != Reachable {
		t.Errorf("%+v", got)
	}
}

// TestStrangers: parts of nodes that are no members are not accepted; of members they are, from anyone.
func TestStrangers(t *testing.T) {
	s := newSolo(t)
	c := partOf(life(3), "x")
	s.up("b", life(5), 0)
	news := appendHeads(nil, []head{{Head: crdt.Head{Owner: "c", Life: life(3), Version: 1, Hash: c.Hash()}}})
	s.want("news of a stranger", s.control("b", news))
	s.want("a delta of it", s.control("b", deltaOf("c", c, 0)))
	if len(s.m.Parts()) != 1 {
		t.Error("a stranger's part is kept")
	}
	s.step(Input{Kind: InMember, Name: "c", Life: life(3), Alive: true})
	s.want("news of a member", s.control("b", news), "→b ask c@3.1 have 0")
	s.want("its delta", s.control("b", deltaOf("c", c, 0)))
	s.want("a frame without a link", s.control("c", news))
	if s.m.nodes["c"].part.Len() != 1 {
		t.Error("a member's part is not accepted")
	}
	s.step(Input{Kind: InMember, Name: "c", Life: life(3)})
	_, _ = c.Add("y")
	s.control("b", deltaOf("c", c, 1))
	if s.m.nodes["c"].part.Len() != 1 {
		t.Error("accepted after membership called it failed")
	}
}

// TestShowAtHead: a hidden node is shown when its part has reached the head that it told, not before.
func TestShowAtHead(t *testing.T) {
	s := newSolo(t)
	a := partOf(life(1), "1", "2", "3")
	s.want("up", s.up("a", life(1), 3), "→a heads me@10.1:0 a@1.1:0", "→a ask a@1.1 have 0")
	d, _ := a.Delta(0, 1)
	s.want("a part of it", s.control("a", appendDelta(nil, "a", &d, crdt.Hash{}, false)))
	s.want("all", s.control("a", deltaOf("a", a, 1)),
		"show a", "add a 1", "add a 2", "add a 3", "a is reachable", "reached a:3")

	s.want("bytes are late", s.step(Input{Kind: InLinkSuspect, Name: "a", On: true}), "a is suspect")
	s.want("29 s", s.after(29*time.Second))
	s.want("a frame proves that bytes flow", s.control("a", appendDigest(nil, s.m.DigestRoot())), "a is reachable")
	s.step(Input{Kind: InLinkSuspect, Name: "a", On: true})
	s.want("30 s", s.after(30*time.Second), "hide a", "unroute a 1", "unroute a 2", "unroute a 3", "a is hidden")
	s.want("down", s.step(Input{Kind: InLink, Name: "a", Life: life(1)}))
	s.want("up again, behind", s.up("a", life(1), 4), "→a heads me@10.1:0 a@1.1:3", "→a ask a@1.1 have 3")
	a.Remove("1")
	s.want("at its head", s.control("a", deltaOf("a", a, 3)),
		"show a", "add a 3", "add a 2", "a is reachable", "reached a:4")

	s.step(Input{Kind: InMember, Name: "a", Life: life(1), Alive: true})
	s.want("membership fails with the link up", s.step(Input{Kind: InMember, Name: "a", Life: life(1)}))
	s.want("and then the link", s.step(Input{Kind: InLinkSuspect, Name: "a", On: true}), "a is suspect", "hide a",
		"unroute a 3", "unroute a 2", "a is hidden")
	s.want("late bytes after all", s.step(Input{Kind: InLinkSuspect, Name: "a"}),
		"show a", "add a 3", "add a 2", "a is reachable", "reached a:4")
}

// TestDisagreement: equal versions with unequal hashes are an alarm, and the part is fetched anew from its owner alone.
func TestDisagreement(t *testing.T) {
	s := newSolo(t)
	right, wrong := partOf(life(1), "right", "both"), partOf(life(1), "wrong", "both")
	s.up("b", life(5), 0)
	s.up("a", life(1), 0)
	s.control("a", deltaOf("a", wrong, 0))
	tell := func(p *crdt.Part) []byte {
		return appendHeads(nil, []head{{Head: crdt.Head{Owner: "a", Life: life(1), Version: 2, Hash: p.Hash()}}})
	}
	alarm := "alarm: two copies of the part of a (life 1.1) differ at version 2: fetching it from the owner"
	s.want("a third party differs", s.control("b", tell(right)), alarm, "→a ask a@1.1 have 2 full")
	s.want("again", s.control("b", tell(right)))
	snap := right.Snapshot()
	chunk := appendChunk(nil, "a", snap, 0, snap.Chunk(0, math.MaxInt))
	s.want("a chunk that nobody asked for", s.control("b", chunk))
	s.want("the owner's", s.control("a", chunk), "remove a wrong", "add a right", "reached a:2")
	s.now += int64(time.Minute)
	s.want("now the third party is known to be wrong", s.control("b", tell(wrong)))

	// A wrong hash at the end of a delta shows at once.
	_, _ = right.Add("more")
	d, _ := right.Delta(2, math.MaxInt)
	s.step(Input{Kind: InMember, Name: "a", Life: life(1), Alive: true})
	s.step(Input{Kind: InLinkSuspect, Name: "a", On: true})
	s.want("a delta by a third party with a wrong hash", s.control("b", appendDelta(nil, "a", &d, crdt.Hash{1}, true)),
		"add a more", "reached a:3", strings.Replace(alarm, "2:", "3:", 1))
	s.want("no one but the owner is asked", s.after(5*time.Second))
	s.want("as soon as it can be", s.step(Input{Kind: InLinkSuspect, Name: "a"}), "a is reachable", "→a ask a@1.1 have 3 full")
	// Its snapshot is older than what has been applied since. Versions do not go back, and what a third party had to say since is no help.
	snap = right.Snapshot()
	_, _ = wrong.Add("more")
	_, _ = wrong.Add("bogus")
	_, _ = right.Add("meanwhile")
	s.want("a delta meanwhile", s.control("b", deltaOf("a", wrong, 3)), "add a bogus", "reached a:4")
	s.want("what is not trusted is not passed on", s.control("b", appendAsk(nil, &frame{owner: "a", life: life(1), have: 2})), "→b heads a@1.1:0")
	s.want("the snapshot", s.control("a", appendChunk(nil, "a", snap, 0, snap.Chunk(0, math.MaxInt))), "→a ask a@1.1 have 3")
	s.want("the owner's changes since", s.control("a", deltaOf("a", right, 3)),
		"remove a bogus", "add a meanwhile", "reached a:4")
	s.want("trusted again", s.control("b", appendAsk(nil, &frame{owner: "a", life: life(1), have: 4})), "→b heads a@1.1:4")
}

// TestAskAnother: who does not answer, or has nothing, is not asked again while there is somebody else.
func TestAskAnother(t *testing.T) {
	s := newSolo(t)
	s.up("b", life(5), 0)
	s.up("c", life(6), 0)
	s.step(Input{Kind: InMember, Name: "a", Life: life(1), Alive: true})
	s.want("b knows", s.control("b", appendHeads(nil, []head{{Head: crdt.Head{Owner: "a", Life: life(1), Version: 7}}})),
		"→b ask a@1.1 have 0")
	s.want("one request at a time", s.control("c", appendHeads(nil, []head{{Head: crdt.Head{Owner: "a", Life: life(1), Version: 7}}})))
	s.want("b does not answer", s.after(defaultAskTimeout))
	s.want("c is asked", s.after(defaultAskGrace), "→c ask a@1.1 have 0")
	s.want("c has nothing", s.control("c", appendHeads(nil, []head{{Head: crdt.Head{Owner: "a", Life: life(1)}}})))
	s.want("b again", s.after(defaultAskGrace), "→b ask a@1.1 have 0")
	s.want("b goes", s.step(Input{Kind: InLink, Name: "b", Life: life(5)}), "b is suspect")
	s.want("c again", s.after(defaultAskGrace), "→c ask a@1.1 have 0")
	s.want("the owner is back", s.up("a", life(1), 0),
		"→a heads me@10.1:0 a@1.1:0 b@5.1:0 c@6.1:0", "show a", "a is reachable", "reached a:0")
	s.want("c does not answer", s.after(defaultAskTimeout))
	s.want("the owner is asked", s.after(defaultAskGrace), "→a ask a@1.1 have 0")
	s.want("what it does not have does not exist", s.control("a", appendHeads(nil, []head{{Head: crdt.Head{Owner: "a", Life: life(1)}}})))
	s.want("nobody is asked", s.after(5*time.Second))
}

// TestChunks: a snapshot is taken only in order, from who was asked, and as one version; what is missing after it is asked for.
func TestChunks(t *testing.T) {
	s := newSolo(t)
	a := partOf(life(1), "1", "2", "3", "4")
	s.up("a", life(1), 6)
	snap := a.Snapshot()
	chunk := func(of *crdt.Snapshot, offset int) []byte {
		return appendChunk(nil, "a", of, offset, of.Chunk(offset, 1))
	}
	n := s.m.nodes["a"]
	built := func(what string, want int) {
		t.Helper()
		if b := n.fetch.builder; b == nil && want != 0 || b != nil && b.Len() != want {
			t.Errorf("%s: builder %+v, want %d entries", what, b, want)
		}
	}
	s.control("a", chunk(snap, 1))
	built("it does not begin at the beginning", 0)
	s.control("a", chunk(snap, 0))
	s.control("a", chunk(snap, 2))
	s.control("a", chunk(snap, 0))
	built("a gap and a repetition", 1)
	s.control("a", chunk(snap, 1))
	built("the next", 2)
	a.Remove("1")
	later := a.Snapshot()
	s.control("a", chunk(later, 1))
	built("the middle of another version", 2)
	s.control("a", chunk(later, 0))
	built("its beginning", 1)
	s.control("a", chunk(later, 1))
	s.want("its end: more is to be had", s.control("a", chunk(later, 2)), "→a ask a@1.1 have 5")
	a.Remove("2")
	s.want("that", s.control("a", deltaOf("a", a, 5)), "show a", "add a 4", "add a 3", "a is reachable", "reached a:6")

	// A snapshot that is not what it says.
	s.want("news", s.control("a", appendHeads(nil, []head{{Head: crdt.Head{Owner: "a", Life: life(1), Version: 9}}})), "→a ask a@1.1 have 6")
	bad := crdt.NewPart(life(1))
	for range 4 {
		_, _ = bad.Add("x")
		bad.Remove("x")
	}
	_, _ = bad.Add("y")
	b := appendChunk(nil, "a", bad.Snapshot(), 0, []crdt.Entry{{Element: "z", Counter: 9}})
	got := lines(s.control("a", b))
	if !strings.HasPrefix(got, "alarm: the snapshot of a that a sends is not what it says") || n.part.Version() != 6 {
		t.Error(got)
	}
	s.want("the same again from whoever there is", s.after(defaultAskGrace), "→a ask a@1.1 have 6")
	s.now += int64(time.Second)
	b = appendChunk(nil, "a", bad.Snapshot(), 0, []crdt.Entry{{Element: "z", Counter: 10}})
	if got := lines(s.control("a", b)); !strings.HasPrefix(got, "alarm: a sends a snapshot of a that cannot be") {
		t.Error(got)
	}
}

// TestServed: readers of one part share a frozen copy as long as a delta leads on from it; there are few copies, and the one that has
// not been read for longest goes first.
func TestServed(t *testing.T) {
	s := newSolo(t)
	churn := func() {
		for range crdt.LogOpsMax {
			s.step(Input{Kind: InPropose, Add: true, Element: "x"})
			s.step(Input{Kind: InPropose, Element: "x"})
		}
	}
	s.step(Input{Kind: InPropose, Add: true, Element: "stays"})
	churn()
	for _, name := range []string{"a", "b"} {
		s.up(name, life(1), 0)
	}
	ask := func(from string, have, version, offset uint64) string {
		f := frame{owner: "me", life: life(10), have: have, version: version, offset: offset}
		return lines(s.control(from, appendAsk(nil, &f)))
	}
	chunk := func(to string, v int) string {
		return fmt.Sprintf("→%s chunk me@10.1 version %d entries 0..1 of 1", to, v)
	}
	wantSame := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	v := 2*crdt.LogOpsMax + 1
	wantSame("too far behind", ask("a", 0, 0, 0), chunk("a", v))
	s.step(Input{Kind: InPropose, Add: true, Element: "y"})
	wantSame("the copy is shared", ask("b", 0, 0, 0), chunk("b", v))
	wantSame("by a delta", ask("a", uint64(v), 0, 0), fmt.Sprintf("→a delta me@10.1 %d..%d", v, v+1))
	wantSame("nothing newer", ask("a", uint64(v+1), 0, 0), fmt.Sprintf("→a heads me@10.1:%d", v+1))
	s.step(Input{Kind: InPropose, Element: "y"})
	churn()
	v = 4*crdt.LogOpsMax + 3
	wantSame("no delta leads on from the copy", ask("b", 0, 0, 0), chunk("b", v))
	if len(s.m.served) != 2 {
		t.Fatalf("%d copies", len(s.m.served))
	}
	f := frame{owner: "me", life: life(10), have: uint64(v), full: true}
	wantSame("a copy that is no newer does not do", lines(s.control("a", appendAsk(nil, &f))), chunk("a", v))
	if len(s.m.served) != 3 {
		t.Fatalf("%d copies", len(s.m.served))
	}
	first, second := s.m.served[0].snapshot.Version(), s.m.served[1]
	s.now += ms
	wantSame("going on with the oldest", ask("a", 0, first, 0), chunk("a", int(first)))
	for range 3 {
		s.now += ms
		churn()
		ask("a", 0, 0, 0)
	}
	if len(s.m.served) != servedMax || s.m.served[0].snapshot.Version() != first || slices.Contains(s.m.served, second) {
		t.Errorf("%d copies, the first is of version %d", len(s.m.served), s.m.served[0].snapshot.Version())
	}
	v = int(s.m.Self().Version)
	wantSame("going on with one that is gone", ask("a", 0, 7, 5), chunk("a", v))
	wantSame("another life", lines(s.control("a", appendAsk(nil, &frame{owner: "me", life: life(9)}))), "→a heads me@9.1:0")
	wantSame("a stranger", lines(s.control("a", appendAsk(nil, &frame{owner: "who", life: life(9)}))), "→a heads who@9.1:0")
	s.after(time.Duration(servedFor))
	if len(s.m.served) != 0 {
		t.Errorf("%d copies are kept", len(s.m.served))
	}
}

// TestRebirth: another life of our name with an epoch not below ours is outbid; the same elements are published under the new life.
func TestRebirth(t *testing.T) {
	s := newSolo(t)
	for i, e := range []string{"x", "y", "z"} {
		s.step(Input{Kind: InPropose, Add: true, Element: e, Token: uint64(i)})
	}
	s.step(Input{Kind: InPropose, Element: "x"})
	s.up("a", life(1), 0)
	other := func(l Life) Input { return Input{Kind: InMember, Name: "me", Life: l} }
	s.want("one of our past", s.step(other(life(9))))
	s.want("ourselves", s.step(other(life(10))))
	fx := s.step(other(Life{Epoch: 10}))
	if got := lines(fx); !strings.HasPrefix(got, "a is suspect; reborn as 11.") || len(fx) < 2 {
		t.Error(got)
	}
	s.step(Input{Kind: InPropose, Add: true, Element: "v"})
	s.want("nothing is sent by links of the old life", s.m.Flush(s.now, nil))
	if self := s.m.Self(); self.Life.Epoch != 11 || self.Entries != 3 || self.Version != 3 {
		t.Errorf("%+v", self)
	}
	s.want("at most once a second", s.step(other(life(30))))
	s.want("until then", s.after(999*time.Millisecond))
	s.after(time.Millisecond)
	if e := s.m.Self().Life.Epoch; e != 31 {
		t.Errorf("epoch %d", e)
	}

	s.now += int64(time.Minute)
	s.up("a", life(1), 0)
	s.control("a", appendHeads(nil, []head{{crdt.Head{Owner: "me", Life: s.m.Self().Life}, true}}))
	if e := s.m.Self().Life.Epoch; e != 32 {
		t.Errorf("buried and not reborn: epoch %d", e)
	}
	s.now += int64(time.Minute)
	fx = s.step(Input{Kind: InHead, Name: "me", Life: s.m.Self().Life, Version: 1000})
	if got := lines(fx); !strings.HasPrefix(got, "alarm: others have changes") || s.m.Self().Life.Epoch != 33 {
		t.Error(got)
	}
	s.now += int64(time.Minute)
	s.step(Input{Kind: InTick})
	s.want("an epoch that cannot be", s.step(other(life(math.MaxUint64))))
}

// TestRetire: the last delta says goodbye; the life is buried, and others hear of it from anyone.
func TestRetire(t *testing.T) {
	s := newSolo(t)
	a := partOf(life(1), "x")
	s.up("b", life(5), 0)
	s.up("a", life(1), 0)
	s.control("a", deltaOf("a", a, 0))
	goodbye := appendRetire(nil, "a", life(1), 1)
	s.up("c", life(6), 0)
	s.want("goodbye", s.control("b", goodbye), "hide a", "unroute a x", "a is hidden", "gone a@1.1", "a is buried",
		"→a heads a@1.1:0†", "→c retire a@1.1 at 1")
	s.want("twice", s.control("b", goodbye))
	s.want("its delta", s.control("b", deltaOf("a", a, 0)))
	s.want("its link", s.up("a", life(1), 1), "→a heads a@1.1:0†")
	s.want("others hear", s.up("c", life(6), 0),
		"→c heads me@10.1:0 a@1.1:0† b@5.1:0 c@6.1:0")
	s.want("a new life", s.up("a", life(2), 0), "a is hidden",
		"→a heads me@10.1:0 a@2.1:0 b@5.1:0 c@6.1:0", "show a", "a is reachable", "reached a:0")
	s.want("its goodbye by way of heads", s.control("b", appendHeads(nil, []head{{crdt.Head{Owner: "a", Life: life(2)}, true}})),
		"hide a", "a is hidden", "gone a@2.1", "a is buried", "→a heads a@2.1:0†", "→c retire a@2.1 at 0")

	s.step(Input{Kind: InPropose, Add: true, Element: "mine"})
	s.want("we leave", s.step(Input{Kind: InRetire}),
		"→b delta me@10.1 0..1", "→c delta me@10.1 0..1", "→b retire me@10.1 at 1", "→c retire me@10.1 at 1")
	s.want("once", s.step(Input{Kind: InRetire}))
	s.want("that is no rival", s.control("b", appendHeads(nil, []head{{crdt.Head{Owner: "me", Life: life(10)}, true}})))
}

// TestTurn: the changes of a turn go out as one frame, at its end, however many there are.
func TestTurn(t *testing.T) {
	s := newSolo(t)
	s.up("a", life(1), 0)
	s.up("b", life(2), 0)
	for i := range 100 {
		s.want("applied at once", s.step(Input{Kind: InPropose, Add: true, Element: fmt.Sprint(i), Token: uint64(i)}), "applied")
	}
	s.want("no change", s.step(Input{Kind: InPropose, Add: true, Element: "7"}), "applied")
	s.want("no change", s.step(Input{Kind: InPropose, Element: "none"}), "applied")
	s.want("flush", s.m.Flush(s.now, nil), "→a delta me@10.1 0..100", "→b delta me@10.1 0..100")
	s.want("nothing new", s.m.Flush(s.now, nil))
	s.want("too long", s.step(Input{Kind: InPropose, Add: true, Element: strings.Repeat("x", crdt.ElementBytesMax+1)}),
		"refused: crdt: element too long")
	for range crdt.LogOpsMax {
		s.step(Input{Kind: InPropose, Add: true, Element: "x"})
		s.step(Input{Kind: InPropose, Element: "x"})
	}
	s.want("more than the log holds", s.m.Flush(s.now, nil), "→a heads me@10.1:32868", "→b heads me@10.1:32868")
	for i := range 20_000 {
		s.step(Input{Kind: InPropose, Add: true, Element: strings.Repeat("y", 40) + fmt.Sprint(i)})
	}
	s.m.Flush(s.now, nil)
	for i := range 10 {
		s.step(Input{Kind: InPropose, Add: true, Element: strings.Repeat("z", crdt.ElementBytesMax-i)})
	}
	fx := s.m.Flush(s.now, nil)
	if len(fx) < 10 {
		t.Errorf("%d frames", len(fx))
	}
	for _, e := range fx {
		if len(e.Bytes) > defaultFrameBytes {
			t.Errorf("a frame of %d bytes", len(e.Bytes))
		}
	}
}

// TestChurnFlat: a million subscribe and unsubscribe keep the heap flat, at the owner and at a copy.
func TestChurnFlat(t *testing.T) {
	owner, copyOf := newSolo(t), newSolo(t)
	copyOf.m = New(Config{Name: "copy", Life: life(1), Rand: owner.m.cfg.Rand})
	owner.up("copy", life(1), 0)
	copyOf.up("me", life(10), 0)
	var in Input
	var fx, far []Effect
	cycles := func(n int) {
		for i := range n {
			for _, add := range []bool{true, false} {
				in = Input{Kind: InPropose, Now: owner.now, Add: add, Element: fmt.Sprint("com.example.reply.", i)}
				fx = owner.m.Step(&in, fx[:0])
			}
			if i%64 == 0 {
				for _, e := range owner.m.Flush(owner.now, nil) {
					in = Input{Kind: InControl, Now: owner.now, Name: "me", Bytes: e.Bytes}
					far = copyOf.m.Step(&in, far[:0])
				}
			}
		}
	}
	cycles(50_000)
	before := heap()
	n := atScale(1_000_000)
	cycles(n)
	if grown := heap() - before; grown > 2<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if v := copyOf.m.nodes["me"].part.Version(); v < uint64(2*n) {
		t.Errorf("the copy is at %d", v)
	}
	runtime.KeepAlive(owner)
	runtime.KeepAlive(copyOf)
}

// atScale is n, or less where all is slow.
func atScale(n int) int {
	if underRace {
		return n / 10
	}
	return n
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestNames: the number of names is bounded; members are not pushed out by strangers, and who is gone makes room.
func TestNames(t *testing.T) {
	s := newSolo(t)
	for i := range 2 * defaultNodes {
		s.now++
		s.step(Input{Kind: InMember, Name: fmt.Sprint("n", i), Life: life(1), Alive: true})
	}
	if len(s.m.nodes) != defaultNodes || len(s.m.order) != defaultNodes || s.m.nodes["n0"] == nil {
		t.Fatalf("%d names", len(s.m.nodes))
	}
	s.step(Input{Kind: InMember, Name: "n7", Life: life(1)})
	s.step(Input{Kind: InMember, Name: "n3", Life: life(1)})
	s.step(Input{Kind: InMember, Name: "late", Life: life(1), Alive: true})
	if s.m.nodes["n3"] != nil || s.m.nodes["n7"] == nil || s.m.nodes["late"] == nil {
		t.Error("not the oldest made room")
	}
	for _, name := range []string{"", "me", strings.Repeat("x", NameBytesMax+1)} {
		s.up(name, life(1), 0)
		s.step(Input{Kind: InMember, Name: name, Life: life(1), Alive: true})
		if s.m.nodes[name] != nil {
			t.Errorf("%q is a name", name)
		}
	}
}

// TestDigest: it fits beside a probe's answer, and all heads take their turn.
func TestDigest(t *testing.T) {
	s := newSolo(t)
	for i := range 64 {
		s.step(Input{Kind: InMember, Name: fmt.Sprint("node-", i, ".example.com"), Life: Life{Epoch: 1 << 41, Nonce: math.MaxUint64}, Alive: true})
	}
	told := map[string]bool{}
	for range 20 {
		b := s.m.AppendDigest([]byte("before"))
		if !bytes.HasPrefix(b, []byte("before")) || len(b) > 6+DigestBytesMax {
			t.Fatalf("%d bytes", len(b))
		}
		root, heads, err := parseProbeDigest(b[6:])
		if err != nil || root != s.m.DigestRoot() || heads[0].Owner != "me" {
			t.Fatal(err, heads)
		}
		for _, h := range heads {
			told[h.Owner] = true
		}
	}
	if len(told) != 65 {
		t.Errorf("%d of 65 heads told", len(told))
	}
	s.up("node-1.example.com", Life{Epoch: 1 << 41, Nonce: math.MaxUint64}, 0)
	s.now += int64(time.Second)
	fx := s.step(Input{Kind: InDigest, Name: "node-1.example.com", Bytes: make([]byte, rootBytes)})
	if got := lines(fx); !strings.HasPrefix(got, "→node-1.example.com heads me@10.1:0") {
		t.Error("another root does not start a comparison:", got)
	}
	root := s.m.DigestRoot()
	s.want("an equal root", s.step(Input{Kind: InDigest, Name: "node-1.example.com", Bytes: root[:]}))
}

// TestMalformed: what cannot be read is an alarm, once a second at most.
func TestMalformed(t *testing.T) {
	s := newSolo(t)
	s.up("a", life(1), 0)
	for _, b := range [][]byte{nil, {0}, {wireVersion}, {wireVersion, 0}, {wireVersion + 1, kindDigest}, {wireVersion, kindHeads, 0xdd, 0xff, 0xff, 0xff, 0xff}} {
		s.now += int64(time.Second)
		s.want(fmt.Sprint(b), s.control("a", b), "alarm: a sends what cannot be read: malformed control frame")
		s.want("twice", s.control("a", b))
	}
}

// TestWake: a tick is asked for when something is due, and an idle machine without peers asks for none.
func TestWake(t *testing.T) {
	s := newSolo(t)
	if fx := s.after(time.Hour); len(fx) != 0 {
		t.Errorf("idle: %s", lines(fx))
	}
	wake := func(fx []Effect) (at int64) {
		for _, e := range fx {
			if e.Kind == FxWakeAt {
				at = e.At
			}
		}
		return at
	}
	at := wake(s.up("a", life(1), 0))
	if d := time.Duration(at - s.now); d < 800*time.Millisecond || d > 1200*time.Millisecond {
		t.Errorf("compared after %v", d)
	}
	s.now = at
	fx := s.step(Input{Kind: InTick})
	if fx[0].Kind != FxControl || fx[0].Bytes[1] != kindDigest || wake(fx) <= s.now {
		t.Errorf("no comparison: %v", fx)
	}
	s.step(Input{Kind: InLink, Name: "a", Life: life(1)})
	if got := lines(s.after(30 * time.Second)); got != "hide a; a is hidden" {
		t.Error(got)
	}
}
