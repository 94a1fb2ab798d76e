package link

import (
	"encoding/binary"
	"slices"
	"testing"
)

// FuzzDecoders: any bytes into each decoder; what parses, encodes and parses to the same.
func FuzzDecoders(f *testing.F) {
	f.Add(appendHello(nil, &hello{min: 1, max: 2, name: "a", challenge: make([]byte, challengeLen)}))
	f.Add(appendState(nil, &state{}))
	f.Add(appendRefuse(nil, refuseKey, "text", Life{})[2:])
	f.Add(appendBeat(nil, &beat{ping: 1, echo: 2, delay: 3}))
	f.Add(appendRecord(nil, flagFinal, 1<<40, []byte("body")))
	f.Add(appendRelay(nil, &relayHead{dialer: true, number: 300, from: []byte("a"), to: []byte("b")}, []byte("frame")))
	f.Add(appendNeighbours(nil, []neighbour{{"a", 5}, {"b", 1 << 20}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, ok := readHello(b); ok {
			if again, ok := readHello(appendHello(nil, &h)); !ok || again.name != h.name || again.life != h.life || again.have != h.have {
				t.Fatalf("%+v %+v", h, again)
			}
		}
		if s, ok := readState(b); ok {
			again, ok := readState(appendState(nil, &s))
			for i := range s.lanes {
				s.lanes[i].kinds = true // the version before did not say
			}
			if !ok || again != s {
				t.Fatalf("%+v %+v", s, again)
			}
		}
		if _, text, _, ok := readRefuse(b); ok && len(clip(text)) > textMax {
			t.Fatalf("%q", text)
		}
		var v, w beat
		if readBeat(b, &v) && (!readBeat(appendBeat(nil, &v), &w) || v != w) {
			t.Fatalf("%+v %+v", v, w)
		}
		if flags, stamp, body, size, ok := readRecord(b); ok {
			again := appendRecord(nil, flags, stamp, body)
			if _, _, _, n, ok := readRecord(again); !ok || n > size {
				t.Fatalf("%x %x", b[:size], again)
			}
		}
		ParseHello(b)
		if h, frame, ok := readRelay(b); ok {
			again, same, ok := readRelay(appendRelay(nil, &h, frame))
			if !ok || string(again.from) != string(h.from) || string(again.to) != string(h.to) || again.number != h.number ||
				again.end != h.end || again.dialer != h.dialer || string(same) != string(frame) {
				t.Fatalf("%+v %+v", h, again)
			}
		}
		if list, ok := readNeighbours(nil, b); ok {
			again, ok := readNeighbours(nil, appendNeighbours(nil, list))
			if !ok || !slices.Equal(list, again) || len(list) > neighboursMax {
				t.Fatalf("%+v %+v", list, again)
			}
		}
	})
}

// inState brings a machine into one of its states and returns it with the connection to feed, and its clock.
func inState(which byte) (m *Machine, conn uint64, now int64) {
	if which&1 == 0 {
		m, conn, now = New(testConfig("a", "b")), 1, 1e9
		m.Step(&Input{Kind: InUp, Conn: 1, Dialed: which&2 == 0, Now: now}, nil)
		if which&4 == 0 {
			return m, conn, now
		}
		// One good frame of the handshake, so that later phases are reached.
		peer := New(testConfig("b", "a"))
		peer.Step(&Input{Kind: InUp, Conn: 1, Now: now}, nil)
		if which&2 != 0 {
			h := hello{min: 1, max: 1, cluster: "test", name: "b", life: Life{1, 'b'}, challenge: make([]byte, challengeLen)}
			m.Step(&Input{Kind: InBytes, Conn: 1, Now: now, Bytes: appendHello([]byte{0, kindHello}, &h)}, nil)
			return m, conn, now
		}
		hello := append([]byte{0, kindHello}, m.pending[0].ours...)
		for _, e := range peer.Step(&Input{Kind: InBytes, Conn: 1, Now: now, Bytes: hello}, nil) {
			m.Step(&Input{Kind: InBytes, Conn: 1, Now: now, Bytes: e.Bytes}, nil)
		}
		return m, conn, now
	}
	p := &pairUp{a: New(testConfig("a", "b")), b: New(testConfig("b", "a")), now: 1e9}
	p.step(p.a, p.b, Input{Kind: InUp, Conn: 1, Dialed: true})
	for i := range uint64(6) {
		p.send(p.a, i, make([]byte, 10<<i))
		p.send(p.b, i, make([]byte, 10<<i))
	}
	if which&2 != 0 {
		p.turn()
		p.send(p.a, 1, make([]byte, 100_000))
		p.a.Flush(p.now, nil)
	}
	if which&4 != 0 {
		p.now += 2e9
		p.a.Step(&Input{Kind: InTick, Now: p.now}, nil)
	}
	if which&8 != 0 {
		p.a.Step(&Input{Kind: InRetire, Now: p.now}, nil)
	}
	return p.a, 1, p.now
}

// FuzzAnyBytesInAnyState: Step is total, and its bookkeeping stays sound whatever a peer sends.
func FuzzAnyBytesInAnyState(f *testing.F) {
	frames := func(fs ...[]byte) (b []byte) {
		for _, x := range fs {
			b = binary.BigEndian.AppendUint16(b, uint16(len(x)))
			b = append(b, x...)
		}
		return b
	}
	data := appendDataItem([]byte{1, kindBatch}, 1, 1, appendRecord(nil, flagFinal, 9, []byte("x")))
	part := appendDataItem([]byte{1, kindBatch}, 2, 1, appendRecord(nil, 0, 0, []byte("y")))
	beatItem := appendItem([]byte{1, kindBatch}, itemBeat, func(b []byte) []byte { return appendBeat(b, &beat{ping: 1}) })
	f.Add(byte(0), frames([]byte{0, kindAnswer, 0x92}))
	f.Add(byte(2), frames(appendHello([]byte{0, kindHello}, &hello{min: 1, max: 1, cluster: "test", name: "b", challenge: make([]byte, 16)})))
	f.Add(byte(4), frames(appendState([]byte{1, kindState}, &state{})))
	f.Add(byte(1), frames(data, part, beatItem))
	f.Add(byte(3), frames([]byte{1, kindBatch, itemAck, 2, 2, 2}, []byte{1, kindBatch, itemCredit, 1, 6}))
	f.Add(byte(5), frames(appendRefuse(nil, refuseSuperseded, "x", Life{})))
	f.Add(byte(7), frames(part, []byte{1, kindBatch, itemBye, 0}))
	f.Add(byte(9), frames(data))
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		m, conn, now := inState(which)
		var out []Effect
		for len(b) >= 2 {
			n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
			in := Input{Kind: InBytes, Conn: conn, Now: now, Bytes: b[2 : 2+n]}
			b = b[2+n:]
			out = m.Step(&in, out[:0])
			for _, e := range out {
				if len(e.Bytes) > MaxFrame && e.Kind == FxWrite {
					t.Fatalf("a write of %d bytes", len(e.Bytes))
				}
			}
			out = m.Flush(now, out[:0])
			now += 1e8
			out = m.Step(&Input{Kind: InTick, Now: now}, out[:0])
			if err := m.check(); err != nil {
				t.Fatal(err)
			}
		}
		out = m.Step(&Input{Kind: InDown, Conn: conn, Now: now}, out[:0])
		out = m.Step(&Input{Kind: InTick, Now: now + 40e9}, out[:0])
		m.Flush(now+40e9, out[:0])
	})
}

// FuzzRelayItems: any items from any neighbour, amid virtual connections that live: Detours is total, bounded, and passes nothing on but
// from whom it says it comes to whom it says it is for.
func FuzzRelayItems(f *testing.F) {
	item := func(h relayHead, frame string) []byte { return appendRelay(nil, &h, []byte(frame)) }
	f.Add(byte(0), item(relayHead{dialer: true, number: 1, from: []byte("b"), to: []byte("a")}, "\x00\x01"))
	f.Add(byte(1), item(relayHead{number: 1, from: []byte("a"), to: []byte("b"), end: true}, ""))
	f.Add(byte(2), item(relayHead{dialer: true, number: 2, from: []byte("c"), to: []byte("a")}, "\x01\x06"))
	f.Add(byte(3), item(relayHead{number: 3, from: []byte("d"), to: []byte("c")}, "x"))
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		w := meshOf(t, "a", "b", "c", "d")
		w.cutBoth("a", "b", true)
		w.run(3e9)
		n := w.nodes[which%4]
		from := n.peers()[which/4%3]
		for _, body := range [][]byte{b, b[:len(b)/2]} {
			for _, f := range n.d.Item(from, body, nil) {
				if h, _, ok := readRelay(f.In.Bytes); f.In.Kind == InRelay && (!ok || !h.end && (string(h.from) != from || string(h.to) != f.Peer)) {
					t.Fatalf("%s: from %s for %s: %+v", n.name, from, f.Peer, f)
				}
				n.feed(f.Peer, f.In)
			}
			n.feed(from, Input{Kind: InTick})
			if frame := appendDataless(body); n.m[from].cur != nil {
				n.feed(from, Input{Kind: InBytes, Conn: n.m[from].cur.id, Bytes: frame})
			}
		}
		for _, p := range n.d.order {
			if len(p.conns) > virtualMax || len(p.near) > neighboursMax {
				t.Fatalf("%d virtual connections, %d neighbours", len(p.conns), len(p.near))
			}
		}
		w.cutBoth("a", "b", false)
		w.run(20e9)
		w.allUp(t, 0)
	})
}

// appendDataless is a batch with b as a relay item and as a list of neighbours.
func appendDataless(b []byte) []byte {
	f := []byte{1, kindBatch}
	for _, item := range []byte{itemRelay, itemNear} {
		f = binary.AppendUvarint(append(f, item), uint64(len(b)))
		f = append(f, b...)
	}
	return f
}
