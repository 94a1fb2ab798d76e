package dealer

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"kleeblatt/internal/wamp"

	"pgregory.net/rapid"
)

// The book of calls does what a list does. Every way out leads out.
func TestP27CallsAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewCalls(rapid.Uint64().Draw(t, "seed"))
		var twin []Call // in the order in which they were opened
		var over []uint64
		end := func(gone func(*Call) bool) (ids []uint64) {
			twin = slices.DeleteFunc(twin, func(c Call) bool {
				if gone(&c) {
					ids = append(ids, c.ID)
				}
				return gone(&c)
			})
			over = append(over, ids...)
			return ids
		}
		bound := map[uint64]int{} // call id → when it was bound
		clock := 0
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			slot, request := Slot(rapid.IntRange(0, 3).Draw(t, "slot")), crowded(1, 6).Draw(t, "request")
			node := uint8(rapid.IntRange(0, 2).Draw(t, "node"))
			at := slices.IndexFunc(twin, func(c Call) bool { return c.Caller == slot && c.Request == request })
			c := b.Find(slot, request)
			if (c != nil) != (at >= 0) {
				t.Fatalf("%d %d: found %v", slot, request, c)
			}
			clock++
			switch step := rapid.IntRange(0, 9).Draw(t, "step"); {
			case step < 5:
				o, dup := b.Open(slot, request)
				if dup != (at >= 0) || dup && o.ID != twin[at].ID {
					t.Fatalf("open: %v dup %v", o, dup)
				}
				if !dup {
					if o.Tries != 0 || o.Callee != 0 || o.State != Active {
						t.Fatalf("a new record is not clean: %+v", o)
					}
					twin = append(twin, *o)
				}
				if rapid.Bool().Draw(t, "bind") {
					b.Bind(o, node, 5, 6)
					bound[o.ID] = clock
				}
				if rapid.Bool().Draw(t, "deadline") {
					b.SetDeadline(o, rapid.Int64Range(0, 5).Draw(t, "at"))
				}
				at = slices.IndexFunc(twin, func(c Call) bool { return c.ID == o.ID })
				twin[at] = *o
			case step == 5:
				now := rapid.Int64Range(0, 5).Draw(t, "now")
				due := b.Due(now)
				for _, c := range twin {
					if c.Deadline != 0 && c.Deadline <= now && due == nil {
						t.Fatalf("%v is due", c)
					}
				}
				if due != nil {
					end(func(c *Call) bool { return c.ID == due.ID })
					b.Close(due)
				}
			case step == 6:
				mode := wamp.CancelMode(rapid.IntRange(0, 2).Draw(t, "mode"))
				was, what := b.Cancel(slot, request, mode)
				want := NotCancelled
				if at >= 0 && mode != wamp.Kill {
					want = CancelNow
					end(func(c *Call) bool { return c.ID == was.ID })
				} else if at >= 0 && twin[at].State == Active {
					want = CancelWait
					twin[at].State = Killing
				}
				if what != want {
					t.Fatalf("cancel %v: %v, want %v", mode, what, want)
				}
			case step == 7:
				var got []uint64
				b.DropSession(slot, func(c Call) { got = append(got, c.ID) })
				if want := end(func(c *Call) bool { return c.Caller == slot }); !slices.Equal(got, want) {
					t.Fatalf("dropped %v, want %v", got, want)
				}
			case step == 8:
				var got []uint64
				b.DropNode(node, func(c Call) { got = append(got, c.ID) })
				want := end(func(c *Call) bool { return c.Tries > 0 && c.Node == node && node != 0 })
				slices.SortFunc(want, func(a, b uint64) int { return bound[a] - bound[b] })
				if !slices.Equal(got, want) {
					t.Fatalf("dropped %v, want %v", got, want)
				}
			case c != nil:
				end(func(x *Call) bool { return x.ID == c.ID })
				b.Close(c)
			}
			if b.Len() != len(twin) {
				t.Fatalf("%d records, want %d", b.Len(), len(twin))
			}
		}
		for _, c := range twin {
			if got := b.FindByID(c.ID); got == nil || got.Request != c.Request || got.Caller != c.Caller {
				t.Fatalf("%v is not found", c)
			}
		}
		for _, id := range over {
			if b.FindByID(id) != nil {
				t.Fatalf("%x is over, yet found", id)
			}
		}
		for slot := range Slot(4) {
			n := 0
			b.EachOfSession(slot, func(*Call) bool { n++; return true })
			if n != b.Pending(slot) {
				t.Fatalf("%d pending, %d seen", b.Pending(slot), n)
			}
			b.DropSession(slot, func(Call) {})
		}
		wantEmptyCalls(t, b)
	})
}

// crowded draws numbers of which many have the same place in a quick table.
func crowded(from, to uint64) *rapid.Generator[uint64] {
	return rapid.Custom(func(t *rapid.T) uint64 {
		return rapid.Uint64Range(from, to).Draw(t, "number") + quickPlaces*rapid.Uint64Range(0, 2).Draw(t, "turn")
	})
}

// count is the number of records in the table.
func (q *quick) count() int {
	n := int(q.others.n)
	for _, i := range q.places {
		if i != 0 {
			n++
		}
	}
	return n
}

func wantEmptyCalls(t interface{ Fatalf(string, ...any) }, b *Calls) {
	if b.Len() != 0 || b.requests.count() != 0 || len(b.deadlines.heap) != 0 || b.nodes != [256]ring{} {
		t.Fatalf("left over: %d records, %d keys, %d deadlines", b.Len(), b.requests.count(), len(b.deadlines.heap))
	}
}

func TestP27InvocationsAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewInvocations(rapid.Uint64().Draw(t, "seed"))
		var twin []Invocation
		limited := map[uint64]bool{} // call id: it counts
		issued := map[Slot]uint64{}
		end := func(gone func(*Invocation) bool) (ids []uint64) {
			twin = slices.DeleteFunc(twin, func(v Invocation) bool {
				if gone(&v) {
					ids = append(ids, v.Call)
				}
				return gone(&v)
			})
			return ids
		}
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			slot := Slot(rapid.IntRange(0, 3).Draw(t, "slot"))
			from := Origin{uint8(rapid.IntRange(0, 2).Draw(t, "node")), uint8(rapid.IntRange(0, 1).Draw(t, "worker")),
				crowded(1, 9).Draw(t, "call"), rapid.Uint64Range(1, 3).Draw(t, "caller")}
			at := slices.IndexFunc(twin, func(v Invocation) bool {
				return v.Node == from.Node && v.Worker == from.Worker && v.Call == from.Call
			})
			v := b.FindByOrigin(from.Node, from.Worker, from.Call)
			if (v != nil) != (at >= 0) || v != nil && v.ID != twin[at].ID {
				t.Fatalf("%v: found %v", from, v)
			}
			switch step := rapid.IntRange(0, 9).Draw(t, "step"); {
			case step < 5:
				registration := rapid.Uint64Range(1, 2).Draw(t, "registration")
				limit := uint32(rapid.IntRange(0, 3).Draw(t, "limit"))
				running := uint32(0)
				for _, v := range twin {
					if v.Callee == slot && v.Registration == registration && limited[v.ID<<8|uint64(v.Callee)] {
						running++
					}
				}
				want := Opened
				if at >= 0 {
					want = Duplicate
				} else if limit > 0 && running >= limit {
					want = AtLimit
				}
				v, how := b.Open(slot, from, registration, limit)
				if how != want {
					t.Fatalf("open: %v, want %v", how, want)
				}
				if how == Opened {
					issued[slot]++
					if v.ID != issued[slot] || v.Callee != slot || v.Origin != from || v.Interrupted || v.Progressive {
						t.Fatalf("a new record is not clean: %+v", v)
					}
					limited[v.ID<<8|uint64(slot)] = limit > 0
					twin = append(twin, *v)
				}
			case step == 5 && v != nil:
				mode, able := wamp.CancelMode(rapid.IntRange(0, 2).Draw(t, "mode")), rapid.Bool().Draw(t, "interruptible")
				interrupted := twin[at].Interrupted
				_, what := b.Cancel(v, mode, able)
				want := NoInterrupt
				switch {
				case able && mode != wamp.Skip && !interrupted:
					want = Interrupt
				case mode == wamp.Kill && !able:
					want = AnswerCanceled
				}
				if what != want {
					t.Fatalf("cancel %v: %v, want %v", mode, what, want)
				}
				if able && mode == wamp.Kill {
					twin[at].Interrupted = true
				} else {
					twin = slices.Delete(twin, at, at+1)
				}
			case step == 6:
				var got []uint64
				b.DropSession(slot, func(v Invocation) { got = append(got, v.Call) })
				if want := end(func(v *Invocation) bool { return v.Callee == slot }); !slices.Equal(got, want) {
					t.Fatalf("dropped %v, want %v", got, want)
				}
				issued[slot] = 0
			case step == 7:
				var got []uint64
				b.DropNode(from.Node, func(v Invocation) { got = append(got, v.Call) })
				if want := end(func(v *Invocation) bool { return v.Node == from.Node && from.Node != 0 }); !slices.Equal(got, want) {
					t.Fatalf("dropped %v, want %v", got, want)
				}
			case step == 8:
				var got []uint64
				b.EachOfOrigin(from.Node, from.Caller, func(v *Invocation) bool {
					got = append(got, v.Call)
					b.Close(v)
					return true
				})
				if want := end(func(v *Invocation) bool { return v.Node == from.Node && from.Node != 0 && v.Caller == from.Caller }); !slices.Equal(got, want) {
					t.Fatalf("closed %v, want %v", got, want)
				}
			case v != nil:
				twin = slices.Delete(twin, at, at+1)
				b.Close(v)
			}
			if b.Len() != len(twin) || b.Issued(slot) != issued[slot] {
				t.Fatalf("%d records, want %d; %d issued, want %d", b.Len(), len(twin), b.Issued(slot), issued[slot])
			}
		}
		// A-02 for every id there ever was and some more.
		for slot := range Slot(4) {
			for id := range issued[slot] + 3 {
				running := slices.ContainsFunc(twin, func(v Invocation) bool { return v.Callee == slot && v.ID == id })
				want := NotIssued
				if running {
					want = Running
				} else if id >= 1 && id <= issued[slot] {
					want = Late
				}
				if v, got := b.Judge(slot, id); got != want || (v != nil) != running {
					t.Fatalf("%d of slot %d: %v, want %v", id, slot, got, want)
				}
			}
			b.DropSession(slot, func(Invocation) {})
		}
		wantEmptyInvocations(t, b)
	})
}

func wantEmptyInvocations(t interface{ Fatalf(string, ...any) }, b *Invocations) {
	if b.Len() != 0 || b.ids.count() != 0 || b.origins.count() != 0 || b.counts.n != 0 || b.tallies.n != 0 || b.nodes != [256]ring{} {
		t.Fatalf("left over: %d records, %d ids, %d origins, %d tallies", b.Len(), b.ids.count(), b.origins.count(), b.tallies.n)
	}
}

func TestCallCyclesAllocateNothing(t *testing.T) {
	for _, calls := range []*Calls{NewCalls(5), {}} {
		invs := NewInvocations(5)
		request := uint64(0)
		cycle := func() {
			for slot := range Slot(50) {
				request++
				c, _ := calls.Open(slot, request)
				c.Timeout = 10
				calls.Bind(c, 1, 2, 3)
				calls.Touch(c, int64(request))
				v, _ := invs.Open(slot, Origin{1, 0, c.ID, 7}, 3, 4)
				if calls.Find(slot, request) != c || calls.FindByID(c.ID) != c || invs.Find(slot, v.ID) != v {
					t.Fatal("not found")
				}
			}
			for slot := range Slot(40) {
				calls.EachOfSession(slot, func(c *Call) bool {
					invs.Close(invs.FindByOrigin(1, 0, c.ID))
					calls.Close(c)
					return true
				})
			}
			calls.DropNode(1, func(Call) {})
			invs.DropNode(1, func(Invocation) {})
		}
		for range 100 {
			cycle()
		}
		if n := testing.AllocsPerRun(200, cycle); n != 0 {
			t.Fatalf("%v allocations", n)
		}
		wantEmptyCalls(t, calls)
		wantEmptyInvocations(t, invs)
	}
}

// PCR-11: each progressive result starts the timeout anew.
func TestDeadlineStartsAnew(t *testing.T) {
	b := NewCalls(0)
	c, _ := b.Open(1, 1)
	if b.Touch(c, 5); c.Deadline != 0 {
		t.Fatal("no timeout, yet a deadline")
	}
	c.Timeout = 300
	b.Touch(c, 0)
	for now := int64(200); now < 2000; now += 200 {
		if b.Due(now) != nil {
			t.Fatal("timed out at ", now)
		}
		b.Touch(c, now)
	}
	if at, ok := b.NextDeadline(); !ok || at != 2100 || b.Due(2099) != nil || b.Due(2100) != c {
		t.Fatal("not timed out at 2100 but ", at)
	}
	if _, ok := b.NextDeadline(); ok || b.Due(1<<60) != nil {
		t.Fatal("due twice")
	}
}

// Dropping may lead to anything, further drops in the same book included.
func TestDropsWithinDrops(t *testing.T) {
	b, v := NewCalls(0), NewInvocations(0)
	for i := range uint64(20) {
		c, _ := b.Open(Slot(i%4), i)
		b.Bind(c, 1, 0, 0)
		v.Open(Slot(i%4), Origin{1, 0, c.ID, 0}, 1, 0)
	}
	calls, invs := 0, 0
	var each func(Call)
	each = func(c Call) { calls++; b.DropSession(c.Caller, each); b.DropNode(1, each) }
	b.DropNode(1, each)
	var eachV func(Invocation)
	eachV = func(i Invocation) { invs++; v.DropSession(i.Callee, eachV); v.DropNode(1, eachV) }
	v.DropSession(2, eachV)
	if calls != 20 || invs != 20 {
		t.Fatal(calls, invs)
	}
	wantEmptyCalls(t, b)
	wantEmptyInvocations(t, v)
}

func TestClosedRecordsAreVoid(t *testing.T) {
	b := NewCalls(0)
	c, _ := b.Open(1, 1)
	b.Close(c)
	defer func() {
		if recover() == nil {
			t.Fatal("closed twice without a word")
		}
	}()
	b.Close(c)
}

func BenchmarkCall(b *testing.B) {
	for _, open := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprint(open), func(b *testing.B) {
			calls, invs := NewCalls(1), NewInvocations(1)
			request := uint64(0)
			next := func() uint64 {
				request++
				c, _ := calls.Open(Slot(request%100), request)
				calls.Bind(c, 1, 2, 3)
				invs.Open(Slot(request%10), Origin{1, 0, c.ID, 7}, 3, 0)
				return c.ID
			}
			ids := make([]uint64, open)
			for i := range ids {
				ids[i] = next()
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				id := &ids[i%open]
				invs.Close(invs.FindByOrigin(1, 0, *id))
				calls.Close(calls.FindByID(*id))
				*id = next()
			}
		})
	}
}

// indexOf holds n procedures; some of them are returned.
func indexOf(n int) (x *Index, procedures [][]byte) {
	for i := range n {
		p := fmt.Sprintf("com.example.service.%07d.get", i*7919%n)
		x = x.WithCallee(Key{wamp.Exact, p}, uint64(i), wamp.RoundRobin, Callee{Session: uint64(i)})
		if i < 1<<12 {
			procedures = append(procedures, []byte(p))
		}
	}
	return x, procedures
}

func BenchmarkIndexMatch(b *testing.B) {
	for _, n := range []int{1, 1000, 1_000_000} {
		once := sync.OnceValues(func() (*Index, [][]byte) { return indexOf(n) }) // a million takes seconds, and -count runs this several times
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x, procedures := once()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if x.Match(procedures[i%len(procedures)]).Pick(0, nil) == nil {
					b.Fatal("nobody")
				}
			}
		})
	}
}
