package node

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kleeblatt/gossip"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
)

// A change is judged by the same histories every time; go test -rapid.seed=N looks at others.
func init() { flag.Set("rapid.seed", "20261124") }

// claimWorld is some nodes of which nothing is left but tables and gossip. Frames between two nodes keep their order; which link goes on
// next is a matter of chance.
type claimWorld struct {
	t     *rapid.T
	rng   *rand.Rand
	now   int64
	nodes []*claimNode
	links map[[2]int]*claimLink
	calm  bool // no path was ever lost, no clock is wrong
	sess  uint64
}

type claimLink struct {
	up     bool
	frames [][]byte
}

type claimNode struct {
	w       *claimWorld
	index   int
	name    string
	realms  *router.Realms
	tables  *router.Tables
	g       *gossip.Machine
	m       machine[gossip.Input, gossip.Effect]
	tfx     []router.TablesEffect
	tabling bool
	reached []gossip.Effect
	skew    int64 // of its wall clock, milliseconds
	token   uint64
	asked   map[uint64]claimAsk
	holds   map[uint64]claimAsk // by session: REGISTERED, and neither left nor revoked
	refused int
	revoked int
}

type claimAsk struct {
	session   uint64
	procedure string
	invoke    wamp.Invoke
	left      bool
}

func newClaimWorld(t *rapid.T, count int, seed uint64) *claimWorld {
	w := &claimWorld{t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: int64(time.Hour), links: map[[2]int]*claimLink{}, calm: true}
	for i := range count {
		realms, err := router.NewRealms(router.RealmConfig{Name: "r"})
		if err != nil {
			t.Fatal(err)
		}
		n := &claimNode{w: w, index: i, name: fmt.Sprint("n", i), realms: realms, asked: map[uint64]claimAsk{}, holds: map[uint64]claimAsk{}}
		n.tables = router.NewTables(router.TablesConfig{NodeName: n.name, Key: []byte("k"), Realms: realms})
		n.g = gossip.New(gossip.Config{Name: n.name, Life: gossip.Life{Epoch: 1, Nonce: uint64(i + 1)}, Rand: w.rng.Uint64})
		n.m = machine[gossip.Input, gossip.Effect]{step: n.g.Step, exec: n.exec}
		w.nodes = append(w.nodes, n)
	}
	w.each(func(a, b *claimNode) { w.links[[2]int{a.index, b.index}] = &claimLink{} })
	w.each(func(a, b *claimNode) {
		if a.index < b.index {
			w.connect(a, b)
		}
	})
	w.run(time.Second)
	return w
}

func (w *claimWorld) each(f func(a, b *claimNode)) {
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			if a != b {
				f(a, b)
			}
		}
	}
}

func (w *claimWorld) connect(a, b *claimNode) {
	for _, x := range [][2]*claimNode{{a, b}, {b, a}} {
		if l := w.links[[2]int{x[0].index, x[1].index}]; !l.up {
			*l = claimLink{up: true}
			self := x[1].g.Self()
			x[0].feed(gossip.Input{Kind: gossip.InMember, Name: x[1].name, Life: self.Life, Alive: true})
			x[0].feed(gossip.Input{Kind: gossip.InLink, Name: x[1].name, Life: self.Life, Version: self.Version, Up: true})
		}
	}
}

// part loses what is on the way between two nodes. Each finds out that it hears nothing, and gives the other up where membership does so too.
func (w *claimWorld) part(a, b *claimNode, failed bool) {
	w.calm = false
	for _, x := range [][2]*claimNode{{a, b}, {b, a}} {
		if l := w.links[[2]int{x[0].index, x[1].index}]; l != nil && l.up {
			*l = claimLink{}
			x[0].feed(gossip.Input{Kind: gossip.InLinkSuspect, Name: x[1].name, On: true})
			if failed {
				x[0].feed(gossip.Input{Kind: gossip.InMember, Name: x[1].name, Life: x[1].g.Self().Life})
			}
		}
	}
}

func (w *claimWorld) healAll() {
	w.each(w.connect)
}

func (n *claimNode) feed(in gossip.Input) {
	in.Now = n.w.now
	n.m.feed(in)
	n.execTables()
}

func (n *claimNode) exec(e *gossip.Effect) {
	slot, peer := router.NodeSlot(0), -1
	for i, o := range n.w.nodes {
		if o.name == e.Name {
			slot, peer = router.NodeSlot(i+1), i
		}
	}
	switch e.Kind {
	case gossip.FxApplied:
		n.tfx = n.tables.Applied(e.Token, n.tfx)
	case gossip.FxBarrier:
		if e.Acked < e.Of {
			n.w.calm = false
		}
		n.tfx = n.tables.Barrier(e.Token, e.Acked, e.Of, n.tfx)
	case gossip.FxRefusal:
		n.tfx = n.tables.RefusedBy(e.Element, n.tfx)
	case gossip.FxControl:
		if l := n.w.links[[2]int{n.index, peer}]; l.up {
			l.frames = append(l.frames, e.Bytes)
		}
	case gossip.FxAdd:
		var err error
		if n.tfx, err = n.tables.RemoteAdd(slot, e.Name, e.Element, n.tfx); err != nil {
			n.w.t.Fatal(err)
		}
	case gossip.FxRemove, gossip.FxUnroute:
		n.tables.RemoteRemove(slot, e.Name, e.Element)
	case gossip.FxReached:
		n.reached = append(n.reached, *e)
	case gossip.FxAlarm:
		n.w.t.Fatal(e.Text)
	}
}

func (n *claimNode) execTables() {
	if n.tabling || n.m.busy {
		return
	}
	n.tabling = true
	for i := 0; i < len(n.tfx); i++ {
		switch e := n.tfx[i]; e.Kind {
		case router.TxPropose:
			n.feed(gossip.Input{Kind: gossip.InPropose, Add: e.Op.Add, Element: e.Op.Element, Token: e.Token})
		case router.TxBarrier:
			n.feed(gossip.Input{Kind: gossip.InBarrier, Token: e.Token, Until: n.w.now + e.Wait*int64(time.Millisecond)})
		case router.TxRefuse:
			n.feed(gossip.Input{Kind: gossip.InRefuse, Name: n.w.nodes[e.Node-1].name, Element: e.Op.Element})
		case router.TxRevoked:
			if _, ok := n.holds[e.Session]; !ok {
				n.w.t.Fatalf("%s: session %d loses what it does not have", n.name, e.Session)
			}
			delete(n.holds, e.Session)
			n.revoked++
		case router.TxApplied:
			n.answered(&e)
		}
	}
	n.tfx = n.tfx[:0]
	n.tabling = false
}

func (n *claimNode) answered(e *router.TablesEffect) {
	ask := n.asked[e.Token]
	delete(n.asked, e.Token)
	switch {
	case e.Err != "":
		n.refused++
	case ask.left:
		n.propose(router.OpUnregister, ask, 0)
	default:
		n.holds[ask.session] = ask
		n.w.checkOwner(n, ask)
	}
}

// checkOwner: as long as every node reaches every other, nobody else has what was registered just now.
func (w *claimWorld) checkOwner(n *claimNode, ask claimAsk) {
	for _, o := range w.nodes {
		for _, h := range o.holds {
			if w.calm && h.session != ask.session && h.procedure == ask.procedure && (h.invoke != ask.invoke || ask.invoke == wamp.Single) {
				w.t.Fatalf("%s has registered %+v, %s has %+v", n.name, ask, o.name, h)
			}
		}
	}
}

func (n *claimNode) propose(kind router.OpKind, ask claimAsk, token uint64) {
	op := router.Op{Kind: kind, Realm: "r", URI: ask.procedure, Session: ask.session, Invoke: ask.invoke}
	n.tfx = n.tables.Propose(op, token, n.w.now/int64(time.Millisecond)+n.skew, n.tfx)
	n.execTables()
}

func (n *claimNode) register(procedure string, invoke wamp.Invoke) {
	n.w.sess++
	n.token++
	ask := claimAsk{session: n.w.sess, procedure: procedure, invoke: invoke}
	n.asked[n.token] = ask
	n.propose(router.OpRegister, ask, n.token)
}

// leave ends one of the node's sessions, the oldest first.
func (n *claimNode) leave() {
	least := uint64(0)
	for s := range n.holds {
		if least == 0 || s < least {
			least = s
		}
	}
	if least != 0 {
		ask := n.holds[least]
		delete(n.holds, least)
		n.propose(router.OpUnregister, ask, 0)
		return
	}
	for token := range n.asked {
		if least == 0 || token < least {
			least = token
		}
	}
	if ask, ok := n.asked[least]; ok && !ask.left {
		ask.left = true
		n.asked[least] = ask
		n.propose(router.OpLeave, ask, 0)
	}
}

// turn is the end of a node's turn, as of the home hub.
func (n *claimNode) turn() {
	n.feed(gossip.Input{Kind: gossip.InTick})
	n.tables.Commit()
	for _, e := range n.reached {
		n.feed(gossip.Input{Kind: gossip.InSettled, Name: e.Name, Life: e.Life, Version: e.Version})
	}
	n.reached = n.reached[:0]
	if at := n.tables.WakeAt(); at != 0 && n.w.now >= at {
		n.tfx = n.tables.Tick(n.w.now, n.w.now/int64(time.Millisecond)+n.skew, n.g.Settled(), n.tfx)
		n.execTables()
		n.tables.Commit()
	}
	n.m.flush(func(out []gossip.Effect) []gossip.Effect { return n.g.Flush(n.w.now, out) })
	n.execTables()
}

// run lets time pass, in which links deliver in any order.
func (w *claimWorld) run(d time.Duration) {
	for end := w.now + int64(d); w.now < end; w.now += int64(5 * time.Millisecond) {
		for _, at := range w.rng.Perm(len(w.nodes) * len(w.nodes)) {
			from, to := at/len(w.nodes), at%len(w.nodes)
			l := w.links[[2]int{from, to}]
			if l == nil || !l.up || w.rng.IntN(3) == 0 {
				continue
			}
			for k := w.rng.IntN(len(l.frames) + 1); k > 0 && len(l.frames) > 0; k-- {
				b := l.frames[0]
				l.frames = l.frames[1:]
				w.nodes[to].feed(gossip.Input{Kind: gossip.InControl, Name: w.nodes[from].name, Bytes: b})
			}
		}
		for _, n := range w.nodes {
			n.turn()
		}
	}
}

// holder is one who was told that it has a procedure, with the right by which it does.
type holder struct {
	order   uint64
	node    string
	session uint64
	invoke  wamp.Invoke
}

func (w *claimWorld) holders(procedure string) (all []holder) {
	for _, n := range w.nodes {
		r := n.realms.Get("r").Cell.Load().Dealer.Match([]byte(procedure))
		for s, h := range n.holds {
			if h.procedure != procedure {
				continue
			}
			c := r.Callee(0, s)
			if c == nil {
				w.t.Fatalf("%s has dropped %+v without a word", n.name, h)
			}
			all = append(all, holder{c.Order, n.name, s, h.invoke})
		}
	}
	slices.SortFunc(all, func(a, b holder) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.node, b.node), cmp.Compare(a.session, b.session))
	})
	return all
}

// survivors is what is left of holders by the letter of the rule.
func survivors(all []holder) (left []holder) {
	for i, h := range all {
		if i == 0 || h.invoke == all[0].invoke && h.invoke != wamp.Single {
			left = append(left, h)
		}
	}
	return left
}

// TestClaimsModel: tables and gossip of some nodes, frames in any order, partitions that heal. As long as no path was lost, at most one session
// holds a procedure that cannot be shared. After everything has healed exactly the earliest is left, all nodes route to it, and nobody
// else lost anything without being told.
func TestClaimsModel(t *testing.T) {
	var confirmed, refused, revoked, withdrawn, avoided uint64
	rapid.Check(t, func(t *rapid.T) {
		w := newClaimWorld(t, rapid.IntRange(1, 4).Draw(t, "nodes"), rapid.Uint64().Draw(t, "seed"))
		procedures := []string{"p", "q"}
		any := func() *claimNode { return w.nodes[w.rng.IntN(len(w.nodes))] }
		storms := rapid.Bool().Draw(t, "partitions")
		if rapid.Bool().Draw(t, "skew") {
			for _, n := range w.nodes {
				n.skew = w.rng.Int64N(10_000) - 5_000
			}
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch what := w.rng.IntN(10); {
			case what < 5:
				invoke := wamp.Single
				if w.rng.IntN(4) == 0 {
					invoke = wamp.RoundRobin
				}
				p := procedures[w.rng.IntN(len(procedures))]
				for range 1 + w.rng.IntN(3) {
					any().register(p, invoke)
				}
			case what < 7:
				any().leave()
			case what == 7 && storms:
				w.part(any(), any(), w.rng.IntN(3) > 0)
			case what == 8 && storms:
				side := w.rng.IntN(1 << len(w.nodes))
				w.each(func(a, b *claimNode) {
					if side>>a.index&1 != side>>b.index&1 {
						w.part(a, b, true)
					}
				})
			case what == 9:
				w.healAll()
			}
			w.run(time.Duration([]int{0, 5, 20, 100, 400, 1200}[w.rng.IntN(6)]) * time.Millisecond)
		}
		w.run(1100 * time.Millisecond) // claims that are under way
		before := map[string][]holder{}
		for _, p := range procedures {
			before[p] = w.holders(p)
		}
		w.healAll()
		w.run(8 * time.Second)
		for _, p := range procedures {
			now, left := w.holders(p), before[p]
			if !storms {
				if !slices.Equal(now, left) {
					t.Fatalf("%s: %+v have become %+v in peace", p, left, now)
				}
			} else if earlier := survivors(left); len(now) > 0 && len(survivors(now)) != len(now) || len(earlier) > 0 && (len(now) == 0 || now[0] != earlier[0]) {
				t.Fatalf("%s: %+v have become %+v", p, left, now)
			}
			for _, n := range w.nodes {
				var called []holder
				if r := n.realms.Get("r").Cell.Load().Dealer.Match([]byte(p)); r != nil {
					for _, c := range r.Called() {
						called = append(called, holder{c.Order, c.NodeName, c.Session, c.Invoke})
					}
				}
				if !slices.Equal(called, now) {
					t.Fatalf("%s calls %+v, %s is held by %+v", n.name, called, p, now)
				}
			}
		}
		for _, n := range w.nodes {
			s := n.tables.Stats()
			if s.Claiming != 0 || len(n.asked) != 0 || s.Reserves != 0 {
				t.Fatalf("%s is not at rest: %+v, %d unanswered", n.name, s, len(n.asked))
			}
			if got := n.g.Self().Entries; got != len(n.holds) {
				t.Fatalf("%s has %d entries for %d registrations", n.name, got, len(n.holds))
			}
			confirmed, refused, revoked = confirmed+s.ClaimsConfirmed, refused+s.ClaimsRefused, revoked+s.Revoked
			withdrawn, avoided = withdrawn+s.ClaimsWithdrawn, avoided+s.VerdictsChanged
		}
	})
	t.Log("claims confirmed", confirmed, "refused", refused, "withdrawn", withdrawn, "revoked", revoked, "avoided", avoided)
	if !t.Failed() && (confirmed == 0 || refused == 0 || revoked == 0) {
		t.Error("one of these never happened")
	}
}
