package router

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kleeblatt/broker"
	"kleeblatt/dealer"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// ear is a directory with somebody who hears everything that it says of sessions in realm r.
type ear struct {
	t interface {
		Helper()
		Fatalf(string, ...any)
	}
	d     *Directory
	there map[uint64]bool // as heard
	heard []string        // since it was last asked
}

func newEar(t interface {
	Helper()
	Fatalf(string, ...any)
}, local bool) *ear {
	realms, err := NewRealms(RealmConfig{Name: "r"}, RealmConfig{Name: "quiet"})
	if err != nil {
		t.Fatalf("%v", err)
	}
	all := broker.Key{Match: wamp.Prefix}
	realms.Get("r").Cell.Store(&Snapshot{Broker: new(broker.Index).WithWorker(all, 1, 0, true), Dealer: new(dealer.Index)})
	return &ear{t: t, d: NewDirectory(DirectoryConfig{Realms: realms, Local: local}), there: map[uint64]bool{}}
}

// listen takes all events. A session's have to be bracketed: join, leave, join, leave.
func (e *ear) listen() []string {
	e.t.Helper()
	for {
		b, ok := e.d.NextEvent(1)
		if !ok {
			break
		}
		var f frame
		if err := f.parse(b); err != nil || !f.kind.publishes() || string(f.realm) != "r" || !wamp.ValidID(f.id) {
			e.t.Fatalf("an event is %x: %v", b, err)
		}
		args, _ := codec.ReadPayload(f.serializer, f.payload)
		switch string(f.uri) {
		case topicJoin:
			id, _ := args[0].(codec.Dict)[0].Value.(uint64)
			if e.there[id] {
				e.t.Fatalf("session %d joins twice", id)
			}
			e.there[id] = true
			e.heard = append(e.heard, fmt.Sprint("+", id))
		case topicLeave:
			id, _ := args[0].(uint64)
			if !e.there[id] {
				e.t.Fatalf("session %d leaves, and was not there", id)
			}
			delete(e.there, id)
			e.heard = append(e.heard, fmt.Sprint("-", id))
		default:
			e.heard = append(e.heard, fmt.Sprintf("%s%v", f.uri, args))
		}
	}
	heard := e.heard
	e.heard = nil
	return heard
}

func testSession(id uint64) string {
	return string(AppendSession(nil, "r", id, &auth.Principal{AuthID: fmt.Sprint("u", id), AuthRole: fmt.Sprint("role", id%3)}))
}

// TestSessionEventsAreBracketed: whatever sessions and nodes do, each session's joins and leaves come in turn, and what a subscriber makes of
// them is what the directory knows, which is what a plain set for each node says.
func TestSessionEventsAreBracketed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := newEar(t, false)
		own := map[uint64]bool{}   // that count
		flying := []TablesEffect{} // at the Replicator
		parts := [3]map[uint64]bool{nil, {}, {}}
		known := [3]map[uint64]bool{nil, {}, {}}
		shown := [3]bool{}
		next := uint64(0)
		id := func(node uint64) uint64 { next++; return next*4 + node }
		pick := func(m map[uint64]bool) (uint64, bool) {
			if len(m) == 0 {
				return 0, false
			}
			return rapid.SampledFrom(slices.Sorted(maps.Keys(m))).Draw(t, "session"), true
		}
		var open []uint64 // own sessions that have not left
		node := rapid.IntRange(1, 2)
		tellAll := func(n int) {
			for _, s := range slices.Sorted(maps.Keys(parts[n])) {
				if err := e.d.RemoteAdd(NodeSlot(n), testSession(s)); err != nil {
					t.Fatal(err)
				}
			}
			e.d.Reached(NodeSlot(n))
			known[n] = maps.Clone(parts[n])
		}
		underWay := func(s uint64) bool {
			return slices.ContainsFunc(flying, func(f TablesEffect) bool { return f.Op.Element == testSession(s) })
		}
		check := func() {
			e.listen()
			want := maps.Clone(own)
			for _, k := range known[1:] {
				maps.Copy(want, k)
			}
			if !maps.Equal(want, e.there) {
				t.Fatalf("a subscriber believes in %v, there are %v", e.there, want)
			}
			q := &Ask{Kind: AskSessionList, Serializer: wamp.MsgPack, Realm: "r", BytesMax: 1 << 20}
			args, _ := codec.ReadPayload(wamp.MsgPack, e.d.Answer(q, true).Payload)
			if n := len(args[0].([]any)); n != len(want) || e.d.Len() != n || e.d.list[0].countOf(q) != n {
				t.Fatalf("%d are listed, %d counted, %d there", n, e.d.Len(), len(want))
			}
			q.Filtered, q.Roles = true, []string{"role0", "role1"}
			n := 0
			for s := range want {
				if s%3 < 2 {
					n++
				}
			}
			if got := e.d.list[0].countOf(q); got != n || len(e.d.list[0].listOf(q)) != n {
				t.Fatalf("%d of two roles, want %d", got, n)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) {},
			"open": func(t *rapid.T) {
				s := id(0)
				open = append(open, s)
				flying = e.d.Propose(&Op{Kind: OpSessionOpen, Realm: "r", Session: s, Element: testSession(s)}, flying)
			},
			"leave": func(t *rapid.T) {
				if len(open) > 0 {
					i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
					flying = e.d.Propose(&Op{Kind: OpSessionOver, Realm: "r", Session: open[i]}, flying)
					open = slices.Delete(open, i, i+1)
				}
			},
			"land": func(t *rapid.T) {
				if len(flying) == 0 {
					return
				}
				fx := flying[0]
				flying = flying[1:]
				el, _ := ParseElement(fx.Op.Element)
				if fx.Op.Add && rapid.IntRange(0, 9).Draw(t, "refused") == 0 {
					flying = e.d.Refused(fx.Token, flying)
				} else {
					flying = e.d.Applied(fx.Token, flying)
				}
				if fx.Op.Add {
					own[el.Session] = true
				} else {
					delete(own, el.Session)
				}
			},
			"remote": func(t *rapid.T) {
				n := node.Draw(t, "node")
				if s, ok := pick(parts[n]); ok && rapid.Bool().Draw(t, "leaves") {
					delete(parts[n], s)
					if shown[n] {
						e.d.RemoteRemove(NodeSlot(n), testSession(s))
						delete(known[n], s)
					}
					return
				}
				s := id(uint64(n))
				parts[n][s] = true
				if shown[n] {
					if err := e.d.RemoteAdd(NodeSlot(n), testSession(s)); err != nil {
						t.Fatal(err)
					}
					known[n][s] = true
				}
			},
			"hide": func(t *rapid.T) { shown[node.Draw(t, "node")] = false },
			"show": func(t *rapid.T) {
				n := node.Draw(t, "node")
				e.listen()
				e.d.Show(NodeSlot(n)) // also a part that is replaced while it is shown
				tellAll(n)
				shown[n] = true
				joined := false
				for _, h := range e.listen() {
					if h[0] == '-' && joined {
						t.Fatal("a leave behind a join")
					}
					joined = joined || h[0] == '+'
				}
			},
			"gone": func(t *rapid.T) {
				n := node.Draw(t, "node")
				shown[n] = false
				known[n] = map[uint64]bool{}
				e.d.Gone(NodeSlot(n))
			},
			"another run": func(t *rapid.T) { // the node has crashed, and comes back with other sessions
				n := node.Draw(t, "node")
				if !shown[n] {
					parts[n] = map[uint64]bool{}
				}
			},
			"listen": func(*rapid.T) {
				// who was refused has no element to take back: it is over as soon as it leaves
				maps.DeleteFunc(own, func(s uint64, _ bool) bool { return !slices.Contains(open, s) && !underWay(s) })
				check()
			},
		})
	})
}

// A session that is told under an id that another one has is left out, and counted.
func TestDirectoryClashes(t *testing.T) {
	e := newEar(t, false)
	e.d.Show(1)
	e.d.Reached(1)
	for node := range NodeSlot(3) {
		if node > 0 {
			e.d.RemoteAdd(node, testSession(7))
		}
	}
	e.d.RemoteRemove(2, testSession(7))
	e.d.Gone(2)
	if got := fmt.Sprint(e.listen()); got != "[+7]" || e.d.Clashes() != 1 {
		t.Errorf("%s, %d clashes", got, e.d.Clashes())
	}
	if err := e.d.RemoteAdd(1, "\x01\x03half"); err == nil {
		t.Error("half an element is taken")
	}
	if err := e.d.RemoteAdd(1, string(AppendSession(nil, "elsewhere", 9, &auth.Principal{}))); err != nil || e.d.Len() != 1 || e.d.Unknown() != 2 {
		t.Errorf("a realm that is not served: %v, %d are known, %d not", err, e.d.Len(), e.d.Unknown())
	}
	e.d.Gone(1)
	if got := fmt.Sprint(e.listen()); got != "[-7]" || e.d.Len() != 0 || len(e.d.list[0].roles) != 0 {
		t.Errorf("%s, %d are left", got, e.d.Len())
	}
}

// Where nothing is told to the others, nothing is proposed; and the answers say so.
func TestDirectoryQuery(t *testing.T) {
	e := newEar(t, true)
	fx := e.d.Propose(&Op{Kind: OpSessionOpen, Realm: "r", Session: 5, Element: testSession(5)}, nil)
	if got := fmt.Sprint(e.listen()); len(fx) != 0 || got != "[+5]" {
		t.Errorf("%s, %d proposals", got, len(fx))
	}
	for _, kind := range []AskKind{AskSessionCount, AskSessionList, AskSession} {
		a := e.d.Answer(&Ask{Kind: kind, Serializer: wamp.JSON, Realm: "r", Session: 5, BytesMax: 1 << 20}, false)
		if !a.Incomplete {
			t.Errorf("%s", a.Payload.Raw)
		}
	}
	if a := e.d.Answer(&Ask{Kind: AskSessionList, Serializer: wamp.JSON, Realm: "r", BytesMax: 8}, true); a.Err != wamp.ErrPayloadSizeExceeded {
		t.Errorf("a list that nobody takes: %s", a.Err)
	}
	e.d.Propose(&Op{Kind: OpSessionOver, Realm: "r", Session: 5}, nil)
	e.d.Propose(&Op{Kind: OpSessionOver, Realm: "r", Session: 5}, nil)
	if got := fmt.Sprint(e.listen()); got != "[-5]" || e.d.Len() != 0 {
		t.Error(got)
	}
}

// The events of a join and a leave have the same publication ids on every node.
func TestPublicationIDsFollowFromTheEvent(t *testing.T) {
	seen := map[uint64]bool{}
	for s := range uint64(10_000) {
		for _, topic := range []string{topicJoin, topicLeave} {
			id := publicationOf(topic, s+1)
			if !wamp.ValidID(id) || seen[id] || id != publicationOf(topic, s+1) {
				t.Fatalf("id %d", id)
			}
			seen[id] = true
		}
	}
}

// Nothing is encoded, or waits, where nobody listens.
func TestDirectoryIsQuietWhereNobodyListens(t *testing.T) {
	e := newEar(t, false)
	e.d.RemoteAdd(1, string(AppendSession(nil, "quiet", 9, &auth.Principal{})))
	e.d.Tell(TopicNodeUp, "n2")
	if got := fmt.Sprint(e.listen()); got != "[kleeblatt.node.on_up[n2]]" { // in one realm of two
		t.Error(got)
	}
	if e.d.Pending() {
		t.Error("something waits")
	}
}

// What the directory keeps of a session beside its element, which the part of the tables holds anyway.
func TestMemoryPerSessionInTheDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("fills memory")
	}
	const n = 50_000
	elements := make([]string, n)
	for i := range elements {
		elements[i] = testSession(uint64(i + 1))
	}
	e := newEar(t, false)
	before := heap()
	for _, el := range elements {
		e.d.RemoteAdd(1, el)
	}
	e.listen()
	e.there = nil
	each := (heap() - before) / n
	t.Logf("%d bytes per session, and an element of %d", each, len(elements[n-1]))
	if each > 120 {
		t.Errorf("%d bytes per session, want 120 at most", each)
	}
	runtime.KeepAlive(e)
	runtime.KeepAlive(elements)
}

// Answer is what a node answers that asks nobody else.
func (d *Directory) Answer(q *Ask, complete bool) Answer {
	p := d.Part(q)
	a := p.Return(q)
	a.Incomplete = !complete
	return a
}
