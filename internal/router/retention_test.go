package router

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kleeblatt/broker"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// retainers are nodes whose retained events travel as the elements of their parts do: at once, or all anew when a cut is over.
type retainers struct {
	t     interface{ Fatal(args ...any) }
	nodes []*retainer
	clock uint64
	at    int64
}

type retainer struct {
	r    *Retention
	all  *Realms
	part map[string]bool
	name string
	cut  map[int]bool // from whom
	dead bool
	tx   []TablesEffect
}

func newRetainers(t interface{ Fatal(args ...any) }, n int) *retainers {
	x := &retainers{t: t, at: 1}
	for range n {
		x.join(fmt.Sprint("n", len(x.nodes)))
	}
	return x
}

// join adds a node, which is told what the others carry.
func (x *retainers) join(name string) int {
	realms, err := NewRealms(RealmConfig{Name: "r"})
	if err != nil {
		x.t.Fatal(err)
	}
	n := &retainer{all: realms, part: map[string]bool{}, name: name, cut: map[int]bool{}}
	n.r = NewRetention(RetentionConfig{NodeName: name, Realms: realms})
	x.nodes = append(x.nodes, n)
	for i, o := range x.nodes[:len(x.nodes)-1] {
		if !o.dead {
			x.tellAll(i, len(x.nodes)-1)
		}
	}
	return len(x.nodes) - 1
}

// run carries out what node i wants of its part, and tells those that it reaches.
func (x *retainers) run(i int) {
	n := x.nodes[i]
	for len(n.tx) > 0 {
		op := n.tx[0].Op
		n.tx = n.tx[1:]
		if n.part[op.Element] == op.Add {
			x.t.Fatal("added or removed twice by ", n.name)
		}
		n.part[op.Element] = op.Add
		for j := range x.nodes {
			if x.reach(i, j) {
				x.tell(i, j, op)
			}
		}
	}
}

func (x *retainers) reach(i, j int) bool {
	return i != j && !x.nodes[i].dead && !x.nodes[j].dead && !x.nodes[i].cut[j]
}

func (x *retainers) tell(from, to int, op TableOp) {
	n := x.nodes[to]
	if !op.Add {
		n.r.RemoteRemove(slotOf(to, from), op.Element)
		return
	}
	var err error
	var clock uint64
	if n.tx, clock, err = n.r.RemoteAdd(slotOf(to, from), op.Element, n.tx); err != nil {
		x.t.Fatal(err)
	}
	x.clock = max(x.clock, clock)
	x.run(to)
}

func (x *retainers) tellAll(from, to int) {
	x.nodes[to].r.Away(slotOf(to, from))
	var all []string
	for e, on := range x.nodes[from].part {
		if on {
			all = append(all, e)
		}
	}
	slices.Sort(all)
	for _, e := range all {
		x.tell(from, to, TableOp{Add: true, Element: e})
	}
}

func retainedFrame(topic string, id uint64, role string) []byte {
	_, p := codec.AppendPayload(nil, wamp.MsgPack, []any{id}, nil)
	f := frame{kind: framePublish, flags: flagRetain, realm: []byte("r"), uri: []byte(topic), id: id, serializer: wamp.MsgPack, payload: p}
	if role != "" {
		f.filter = broker.Filter{Has: broker.HasEligibleAuthRole, EligibleAuthRole: [][]byte{[]byte(role)}}
	}
	return appendFrame(nil, &f)
}

func (x *retainers) retain(i int, topic string, id uint64, role string) {
	x.clock++
	n := x.nodes[i]
	n.tx = n.r.Retain("r", retainedFrame(topic, id, role), x.clock, n.tx)
	x.run(i)
}

// rest lets everything come to rest: cuts are over, and orphans found homes.
func (x *retainers) rest() {
	for i, n := range x.nodes {
		for j := range x.nodes {
			if n.cut[j] {
				delete(n.cut, j)
				delete(x.nodes[j].cut, i)
				if !n.dead && !x.nodes[j].dead {
					x.tellAll(i, j)
					x.tellAll(j, i)
				}
			}
		}
	}
	for range len(x.nodes) + 1 {
		x.at += orphanGrace
		x.tick()
	}
}

func (x *retainers) tick() {
	for i, n := range x.nodes {
		var others []string
		for j, o := range x.nodes {
			if x.reach(i, j) {
				others = append(others, o.name)
			}
		}
		if !n.dead {
			n.tx = n.r.Tick(x.at, others, n.tx)
			x.run(i)
		}
	}
}

func (x *retainers) holds(i int) (all []string) {
	for e := range x.nodes[i].all.Get("r").Retained().All {
		all = append(all, fmt.Sprintf("%s %v %d", e.Topic, len(e.Filter.EligibleAuthRole), e.ID))
	}
	slices.Sort(all)
	return all
}

func (x *retainers) die(i int) {
	x.nodes[i].dead = true
	for j, n := range x.nodes {
		if !n.dead {
			n.r.Away(slotOf(j, i))
		}
	}
}

// TestRetainedEventsConverge: whatever is retained where, whoever is cut off or dies: at rest all nodes hold the same, of each topic and filter the
// latest that a living node has learnt of, and each is carried by a living node, so that one that joins learns of all.
func TestRetainedEventsConverge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newRetainers(t, 4)
		id := uint64(0)
		node := rapid.Custom(func(t *rapid.T) int { return rapid.IntRange(0, len(x.nodes)-1).Draw(t, "of all") })
		living := func() int {
			for {
				if i := node.Draw(t, "node"); !x.nodes[i].dead {
					return i
				}
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				i, j := node.Draw(t, "cut"), node.Draw(t, "from")
				if i != j {
					x.nodes[i].cut[j], x.nodes[j].cut[i] = true, true
				}
			case 1:
				if i := living(); i > 1 { // two stay
					x.die(i)
				}
			case 2:
				if len(x.nodes) < 7 {
					x.join(fmt.Sprint("late", len(x.nodes)))
				}
			case 9:
				x.at += rapid.Int64Range(0, 2*orphanGrace).Draw(t, "time")
				x.tick()
			case 3:
				x.rest()
			default:
				id++
				x.retain(living(), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "topic"), id, rapid.SampledFrom([]string{"", "x"}).Draw(t, "role"))
			}
		}
		x.rest()
		want := x.holds(0)
		carried := map[string]int{}
		for i, n := range x.nodes {
			if n.dead {
				continue
			}
			if got := x.holds(i); !slices.Equal(got, want) {
				t.Fatalf("%s holds %v, n0 %v", n.name, got, want)
			}
			if s := n.r.Stats(); s.Events != len(want) || len(n.r.kept) != len(want) || len(n.r.byItem) != len(want) {
				t.Fatalf("%s counts %d and knows %d, %d of %d", n.name, s.Events, len(n.r.kept), len(n.r.byItem), len(want))
			}
			for e, on := range n.part {
				if on {
					carried[e]++
				}
			}
		}
		if len(carried) != len(want) {
			t.Fatalf("%d are carried of %d", len(carried), len(want))
		}
		if got := x.holds(x.join("late")); !slices.Equal(got, want) {
			t.Fatalf("who joins learns of %v, not %v", got, want)
		}
	})
}

// TestRetentionIsBounded: what is too much or too large is refused, and counted; what replaces another is not too much.
func TestRetentionIsBounded(t *testing.T) {
	x := newRetainers(t, 1)
	n := x.nodes[0]
	n.r.config.Events, n.r.config.Bytes = 3, 4000
	for i := range uint64(4) {
		x.retain(0, fmt.Sprint("t", i), i+1, "")
	}
	x.retain(0, "t0", 9, "")
	big := frame{kind: framePublish, realm: []byte("r"), uri: []byte("t1"), serializer: wamp.MsgPack, payload: codec.Payload{N: 1, Raw: make([]byte, 3000)}}
	n.tx = n.r.Retain("r", appendFrame(nil, &big), 1000, n.tx)
	big.payload.Raw = make([]byte, retainedBytesMax)
	n.tx = n.r.Retain("r", appendFrame(nil, &big), 1001, n.tx)
	n.tx = n.r.Retain("none", retainedFrame("t", 1, ""), 1002, n.tx)
	n.tx = n.r.Retain("r", []byte("what"), 1003, n.tx)
	if got := fmt.Sprint(x.holds(0)); got != "[t0 0 9 t1 0 2 t2 0 3]" || n.r.Stats().Refused != 5 || n.r.Stats().Events != 3 {
		t.Errorf("%s, %+v", got, n.r.Stats())
	}
	for _, e := range []string{"", "x", string(AppendInterest(nil, "r", 0, "t")), string(AppendRetained(nil, &Element{Realm: "r", Frame: "x"})),
		string(AppendRetained(nil, &Element{Realm: "r2", Frame: string(retainedFrame("t", 1, ""))}))} {
		if _, _, err := n.r.RemoteAdd(1, e, nil); err == nil {
			t.Errorf("%q is taken", e)
		}
		n.r.RemoteRemove(1, e)
	}
}

// TestP15_ALiveCopyOfAReplayedEventIsNotASecondOne: the tables' news are ahead of the event itself.
func TestP15_ALiveCopyOfAReplayedEventIsNotASecondOne(t *testing.T) {
	c := newCluster(t, 1, 1, 0, Limits{})
	b := c.member("b", 0, 0, wamp.JSON)
	n := c.nodes[0]
	x := Element{Realm: "r", Order: 7, Node: "far", Frame: string(retainedFrame("t", 42, ""))}
	if _, _, err := n.ret.RemoteAdd(1, string(AppendRetained(nil, &x)), nil); err != nil {
		t.Fatal(err)
	}
	c.say(b, `[32,1,{"get_retained":true},"t"]`)
	if len(b.out) != 2 {
		t.Fatal(b.out)
	}
	for _, f := range [][]byte{[]byte(x.Frame), retainedFrame("t", 43, "")} {
		n.feed(0, Input{Kind: InFrame, Node: 1, Bytes: f})
	}
	c.settle()
	if len(b.out) != 3 {
		t.Errorf("got %q", b.out)
	}
}

// What is remembered of replays is bounded, and the oldest goes first.
func TestReplayedIsBounded(t *testing.T) {
	var r replayed
	for i := range uint64(3 * replayedMax / 2) {
		r.note(replayKey{1, 2, i})
		r.note(replayKey{1, 2, i})
	}
	_, old := r.known[replayKey{1, 2, replayedMax/2 - 1}]
	_, last := r.known[replayKey{1, 2, replayedMax / 2}]
	if len(r.known) != replayedMax || old || !last {
		t.Errorf("%d, %v %v", len(r.known), old, last)
	}
}
