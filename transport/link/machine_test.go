package link

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// TestAFailedCallThatWasHalfWayIsVoid: a call of several records of which the peer has some becomes a no-op, and the frames
// around it arrive.
func TestAFailedCallThatWasHalfWayIsVoid(t *testing.T) {
	s := newSim()
	s.fail = t.Fatalf
	ca := testConfig("a", "b")
	ca.Inflight = 3 * chunkBytes // so that only a part of the call is written
	a, b := s.addPair(ca, testConfig("b", "a"))
	var got []int
	b.got = func(_ uint8, f []byte) { got = append(got, len(f)) }
	a.input(Input{Kind: InMember, Alive: true})
	s.run(1e8)
	a.input(Input{Kind: InData, Bytes: make([]byte, 20)})
	a.input(Input{Kind: InData, Call: true, Bytes: make([]byte, 1_000_000)})
	a.input(Input{Kind: InData, Bytes: make([]byte, 30)})
	s.run(1e6)
	if b.m.recv[1].next < 3 || !b.m.recv[1].partial {
		t.Fatalf("nothing of the call is there: next %d", b.m.recv[1].next)
	}
	s.hole = true
	cutAll(s)
	s.run(1e9)
	s.hole = false
	s.run(5e9)
	if len(got) != 2 || got[0] != 20 || got[1] != 30 {
		t.Fatalf("arrived: %v", got)
	}
	if sa, sb := a.m.Stats(), b.m.Stats(); sa.Cancelled != 1 || sb.Voided != 1 || sa.Lost != 0 {
		t.Fatalf("a %+v\nb %+v", sa, sb)
	}
}

// TestACallThatFailedDoesNotComeOutOfAClog: the bytes of a call wait on a connection on which nothing gets through. Its caller has been told
// that it failed; when the network lets them through, they are not there any more.
func TestACallThatFailedDoesNotComeOutOfAClog(t *testing.T) {
	s := newSim()
	s.fail = t.Fatalf
	a, b := s.addPair(testConfig("a", "b"), testConfig("b", "a"))
	var got []string
	b.got = func(_ uint8, f []byte) { got = append(got, string(f)) }
	failed := 0
	a.onEffect = func(e *Effect) {
		if e.Kind == FxCallsFail {
			failed++
		}
	}
	a.input(Input{Kind: InMember, Alive: true})
	s.run(1e8)
	s.latency = func() int64 { return 15e9 }
	a.input(Input{Kind: InData, Call: true, Bytes: []byte("a call")})
	a.input(Input{Kind: InData, Bytes: []byte("an event")})
	s.run(5e9)
	if failed == 0 {
		t.Fatal("the call has not failed")
	}
	s.run(11e9) // what lay on the connection has come through, before any new one
	s.latency = func() int64 { return 1e6 }
	s.run(20e9)
	if len(got) != 1 || got[0] != "an event" {
		t.Errorf("arrived: %q", got)
	}
	if n := a.m.Stats(); n.Cancelled != 1 || n.Lost != 0 {
		t.Errorf("%+v", n)
	}
}

// TestAForgottenMachineIsMetAnew: an end that lost its machine in the same life neither blocks nor is taken for a duplicate.
func TestAForgottenMachineIsMetAnew(t *testing.T) {
	s := newSim()
	s.fail = t.Fatalf
	a, b := s.addPair(testConfig("a", "b"), testConfig("b", "a"))
	n := 0
	b.got = func(uint8, []byte) { n++ }
	a.input(Input{Kind: InMember, Alive: true})
	for range 50 {
		a.input(Input{Kind: InData, Bytes: make([]byte, 20)})
	}
	s.run(1e8)
	a.restart(a.cfg.Life) // same life, new machine
	a.input(Input{Kind: InMember, Alive: true})
	a.input(Input{Kind: InData, Bytes: make([]byte, 20)})
	s.run(1e9)
	if n != 51 || b.lost != 1 {
		t.Fatalf("%d arrived, %d resets seen", n, b.lost)
	}
	b.restart(b.cfg.Life)
	a.input(Input{Kind: InData, Bytes: make([]byte, 20)})
	s.run(5e9)
	if n != 52 {
		t.Fatalf("%d arrived", n)
	}
}

func TestFlushIsBoundedAndLanesTakeTurns(t *testing.T) {
	p := newPairUp(t)
	p.a.rttMin = int64(10 * time.Millisecond) // a path that takes more than a turn's bound at once
	large, small := make([]byte, 3<<20), make([]byte, 100)
	p.send(p.a, 0, large)
	p.send(p.a, 1, small)
	in := Input{Kind: InControl, Bytes: small}
	p.a.Step(&in, nil)
	out := p.a.Flush(p.now, nil)
	total := 0
	for i, e := range out {
		if e.Kind == FxWrite {
			total += len(e.Bytes)
			if len(e.Bytes) > writeMax {
				t.Errorf("a write of %d bytes", len(e.Bytes))
			}
		}
		if i == 0 && (e.Bytes[2] != itemData || bytes.IndexByte(e.Bytes, itemData|2) < 0) {
			t.Errorf("the first write begins with item %#x, or lacks the small frame of lane 2", e.Bytes[2])
		}
	}
	if last := out[len(out)-1]; total > flushMax || total < flushMax/2 || last.Kind != FxWakeAt || last.At != p.now {
		t.Fatalf("%d bytes in a turn, then %+v", total, last)
	}
	p.turn() // the rest may follow in the next turns
}

// TestInflightFollowsThePathNotItsQueues: what lies between two nodes is what the path takes by itself. A round trip that was measured
// behind our own data does not make it more.
func TestInflightFollowsThePathNotItsQueues(t *testing.T) {
	m := New(Config{Self: "a", Peer: "b", Nonce: func() uint64 { return 1 }})
	for _, c := range []struct {
		rtt      time.Duration
		idle     bool
		inflight int
	}{
		{300 * time.Microsecond, true, inflightMin},
		{50 * time.Millisecond, false, inflightMin},
		{8 * time.Millisecond, true, inflightMin},
	} {
		m.observeRTT(int64(c.rtt), c.idle)
		if got := m.inflight(); got != c.inflight || m.pause() != 2*got {
			t.Errorf("after %v: %d on the wire, paused at %d, want %d", c.rtt, got, m.pause(), c.inflight)
		}
	}
	for range 100 { // the path has become longer
		m.observeRTT(int64(8*time.Millisecond), true)
	}
	if got := m.inflight(); got < 1900<<10 || got > 2<<20 {
		t.Errorf("%d on the wire of 8 ms", got)
	}
	m.rttMin = int64(time.Second)
	if m.inflight() != DefaultInflight || m.pause() != DefaultPause {
		t.Errorf("%d on the wire of a second, paused at %d", m.inflight(), m.pause())
	}
}

// TestWindowMemoryFollowsTheBytesInFlight: after a burst it is given back.
func TestWindowMemoryFollowsTheBytesInFlight(t *testing.T) {
	p := newPairUp(t)
	frame := make([]byte, 1000)
	for range 8000 {
		p.send(p.a, 3, frame)
	}
	if w := p.a.Stats().WindowBytes; w < 8_000_000 {
		t.Fatalf("window of %d", w)
	}
	for range 20 {
		p.turn()
	}
	if p.n != 8000 || p.a.Stats().WindowBytes != 0 {
		t.Fatalf("%d arrived, window %d", p.n, p.a.Stats().WindowBytes)
	}
	for range 10_000 { // ten seconds of heartbeats
		p.turn()
	}
	if n := len(p.a.pool.free); n > 1 {
		t.Fatalf("%d chunks are kept", n)
	}
	if cap(p.a.wbuf) > 4*chunkBytes {
		t.Fatalf("a write buffer of %d is kept", cap(p.a.wbuf))
	}
}

// TestOurOwnLatenessIsNotThePeersSilence: after a stop of our own process the peer is heard before it is judged.
func TestOurOwnLatenessIsNotThePeersSilence(t *testing.T) {
	p := newPairUp(t)
	for range 400 {
		p.turn()
	}
	p.now = p.a.wake + int64(deadMin) - 1e6
	if out := p.a.Step(&Input{Kind: InTick, Now: p.now}, nil); p.a.State() != Up {
		t.Fatalf("%v, %v", p.a.State(), out)
	}
	p.a.Flush(p.now, nil)
	for range 20 { // but silence with ticks in time is
		p.now += 100e6
		p.a.Step(&Input{Kind: InTick, Now: p.now}, nil)
		p.a.Flush(p.now, nil)
	}
	if p.a.State() != Suspect {
		t.Fatal(p.a.State())
	}
}

// TestAfterALongStopNothingOldRuns: what lies in the socket of a process that was stopped is not read where its callers have been told that
// it failed. It comes again, without what failed; see also testdata/suspect_and_down.txt.
func TestAfterALongStopNothingOldRuns(t *testing.T) {
	for _, first := range []InputKind{InTick, InBytes} {
		p := newPairUp(t)
		for range 400 {
			p.turn()
		}
		conn := p.a.cur.id
		p.now = p.a.wake + 2*int64(deadMin)
		record := []byte{p.a.cur.version, kindBatch}
		out := p.a.Step(&Input{Kind: first, Conn: conn, Now: p.now, Bytes: record}, nil)
		if len(out) == 0 || out[0].Kind != FxClose || !out[0].On || out[0].Conn != conn {
			t.Fatalf("%v: %v", first, out)
		}
		for _, e := range p.a.Step(&Input{Kind: InBytes, Conn: conn, Now: p.now, Bytes: record}, nil) {
			if e.Kind == FxData || e.Kind == FxControl {
				t.Errorf("%v: %v", first, e)
			}
		}
		if s := p.a.Stats(); s.Stopped != 1 {
			t.Errorf("%+v", s)
		}
	}
}

// TestFailedCallsDoNotLingerOnTheConnectionBefore: while a new connection is not accepted by the other end yet, the call lies in the one that it
// supersedes, which the other end still reads.
func TestFailedCallsDoNotLingerOnTheConnectionBefore(t *testing.T) {
	p := newPairUp(t)
	p.a.Step(&Input{Kind: InData, Now: p.now, Lane: 1, Call: true, Bytes: []byte("a call")}, nil)
	p.a.Flush(p.now, nil) // on its way
	until := func(s State) {
		for range 100 {
			if p.now += 20e6; p.a.State() == s {
				return
			}
			p.a.Step(&Input{Kind: InTick, Now: p.now}, nil)
			p.a.Flush(p.now, nil)
		}
		t.Fatal(p.a.State())
	}
	until(Suspect)
	p.b.Step(&Input{Kind: InUp, Now: p.now, Conn: 2}, nil)
	hello := p.a.Step(&Input{Kind: InUp, Now: p.now, Conn: 2, Dialed: true}, nil)
	answer := p.b.Step(&Input{Kind: InBytes, Now: p.now, Conn: 2, Bytes: hello[0].Bytes}, nil)
	p.a.Step(&Input{Kind: InBytes, Now: p.now, Conn: 2, Bytes: answer[0].Bytes}, nil)
	if p.a.cur.id != 2 || p.a.stale != 1 {
		t.Fatal(p.a.cur.id, p.a.stale)
	}
	var out []Effect
	for range 20 {
		p.now += 20e6
		out = p.a.Step(&Input{Kind: InTick, Now: p.now}, out)
	}
	closed := slices.IndexFunc(out, func(e Effect) bool { return e.Kind == FxClose && e.Conn == 1 && e.On })
	failed := slices.IndexFunc(out, func(e Effect) bool { return e.Kind == FxCallsFail })
	if failed < 0 || closed < 0 || closed > failed {
		t.Errorf("closed at once at %d, calls failed at %d: %v", closed, failed, out)
	}
}

func TestRTTIsMeasuredByHeartbeats(t *testing.T) {
	s := newSim()
	s.latency = func() int64 { return 40e6 }
	a, b := s.addPair(testConfig("a", "b"), testConfig("b", "a"))
	var digest []byte
	b.onEffect = func(e *Effect) {
		if e.Kind == FxDigest {
			digest = bytes.Clone(e.Bytes)
		}
	}
	a.m.SetDigest([16]byte{1, 2, 3})
	a.input(Input{Kind: InMember, Alive: true})
	s.run(20e9)
	for _, n := range []*simNode{a, b} {
		if r := n.m.RTT(); r < 75e6 || r > 85e6 {
			t.Errorf("%s: %d ms", n.name, r/1e6)
		}
		if d := n.m.deadTime(); d < 1.3e9 || d > 1.34e9 {
			t.Errorf("%s: dead time %d ms", n.name, d/1e6)
		}
	}
	if len(digest) != 16 || digest[2] != 3 {
		t.Errorf("digest %x", digest)
	}
}

// TestItemsOfALaterVersionAreSkipped and the frame's other items count.
func TestItemsOfALaterVersionAreSkipped(t *testing.T) {
	p := newPairUp(t)
	f := []byte{1, kindBatch, itemRelay, 3, 9, 9, 9, 0x33, 0}
	f = appendDataItem(f, 1, 1, appendRecord(nil, flagFinal, 0, []byte("x")))
	out := p.b.Step(&Input{Kind: InBytes, Conn: 1, Now: p.now, Bytes: f}, nil)
	if len(out) != 1 || out[0].Kind != FxData || string(out[0].Bytes) != "x" {
		t.Fatalf("%+v", out)
	}
}

// TestAGapClosesTheConnection: a write that got lost on the way out (a full outbox) is noticed and healed by a new connection.
func TestAGapClosesTheConnection(t *testing.T) {
	s := newSim()
	s.fail = t.Fatalf
	a, b := s.addPair(testConfig("a", "b"), testConfig("b", "a"))
	got := b.watch()
	a.input(Input{Kind: InMember, Alive: true})
	s.run(1e8)
	for i := range 100 {
		a.feed(uint64(i), 100, false)
		if i == 50 {
			a.input(Input{Kind: InTick})
			a.out = a.m.Flush(s.now, a.out[:0]) // and thrown away
		}
		s.run(1e5)
	}
	s.run(1e9)
	if got[0] != 100 || b.m.Stats().Faults != 1 {
		t.Fatalf("%d arrived, %d faults", got[0], b.m.Stats().Faults)
	}
}

func TestTooLargeFramesAreRefusedWhereTheyEnter(t *testing.T) {
	p := newPairUp(t)
	p.send(p.a, 0, make([]byte, DefaultMaxMessage+1))
	if s := p.a.Stats(); s.TooLarge != 1 || s.DataOut != 0 {
		t.Fatalf("%+v", s)
	}
	p.send(p.a, 0, make([]byte, DefaultMaxMessage))
	for range 100 {
		p.turn()
	}
	if p.n != 1 {
		t.Fatal("the largest legal frame did not arrive")
	}
}

// TestStrangersCannotKeepUsFromThePeer: hellos in the peer's name, without the key, change nothing.
func TestStrangersCannotKeepUsFromThePeer(t *testing.T) {
	p := newPairUp(t)
	h := hello{min: 1, max: 1, cluster: "test", name: "b", life: Life{Epoch: 1 << 40}, challenge: make([]byte, 16), have: 1 << 60}
	forged := appendHello([]byte{0, kindHello}, &h)
	var out []Effect
	for i := range uint64(20) {
		out = p.a.Step(&Input{Kind: InUp, Conn: 100 + i, Now: p.now}, out[:0])
		out = p.a.Step(&Input{Kind: InBytes, Conn: 100 + i, Now: p.now, Bytes: forged}, out[:0])
	}
	if len(p.a.pending) != pendingMax || p.a.State() != Up || p.a.PeerLife() != (Life{1, 'b'}) {
		t.Fatalf("%d handshakes, %v, %v", len(p.a.pending), p.a.State(), p.a.PeerLife())
	}
	p.send(p.a, 1, []byte("still here"))
	p.turn()
	if p.n != 1 {
		t.Fatal("the link does not work any more")
	}
}

func batch(items ...[]byte) []byte { return append([]byte{1, kindBatch}, bytes.Join(items, nil)...) }

// TestRecordsThatCameBeforeAreSkipped: on whatever path they come again.
func TestRecordsThatCameBeforeAreSkipped(t *testing.T) {
	p := newPairUp(t)
	three := appendRecord(appendRecord(appendRecord(nil, flagFinal, 0, []byte("1")), flagFinal, 0, []byte("2")), flagFinal, 0, []byte("3"))
	var got []byte
	for _, f := range [][]byte{
		batch(appendDataItem(nil, 1, 1, three[:8])),
		batch(appendDataItem(nil, 1, 1, three)),
		batch(appendDataItem(nil, 1, 2, three[4:])),
	} {
		for _, e := range p.b.Step(&Input{Kind: InBytes, Conn: 1, Now: p.now, Bytes: f}, nil) {
			if e.Kind != FxData {
				t.Fatalf("%+v", e)
			}
			got = append(got, e.Bytes...)
		}
	}
	if string(got) != "123" || p.b.Stats().Duplicates != 4 {
		t.Fatalf("%s, %d skipped", got, p.b.Stats().Duplicates)
	}
}

// TestAHeldFrameIsNotOvertaken, not even by one that need not wait itself.
func TestAHeldFrameIsNotOvertaken(t *testing.T) {
	p := newPairUp(t)
	f := batch(appendDataItem(nil, 1, 1, appendRecord(appendRecord(nil, flagFinal, 7, []byte("1")), flagFinal, 0, []byte("2"))))
	if out := p.b.Step(&Input{Kind: InBytes, Conn: 1, Now: p.now, Bytes: f}, nil); len(out) != 0 {
		t.Fatalf("%+v", out)
	}
	out := p.b.Step(&Input{Kind: InReached, Version: 7, Now: p.now}, nil)
	if len(out) != 2 || string(out[0].Bytes) != "1" || string(out[1].Bytes) != "2" {
		t.Fatalf("%+v", out)
	}
}

// TestHoldingIsBounded: above the bound the oldest go, in order, with what we know.
func TestHoldingIsBounded(t *testing.T) {
	p := newPairUp(t)
	p.a.Step(&Input{Kind: InVersion, Version: 5}, nil)
	frame := make([]byte, 100_000)
	for range 30 {
		p.send(p.a, 1, frame)
		p.turn()
	}
	for range 4 {
		p.turn()
	}
	if h := p.b.recv[2].hold; h.bytes() > DefaultHoldBytes || cap(h.b) > 4*DefaultHoldBytes {
		t.Fatalf("%d bytes held in %d", h.bytes(), cap(h.b))
	}
	if s := p.b.Stats(); s.DataIn < 19 || s.HeldTooLong == 0 {
		t.Fatalf("%+v", s)
	}
}
