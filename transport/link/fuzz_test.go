package link

import (
	"encoding/binary"
	"testing"
)

// FuzzDecoders: any bytes into each decoder; what parses, encodes and parses to the same.
func FuzzDecoders(f *testing.F) {
	f.Add(appendHello(nil, &hello{min: 1, max: 2, name: "a", challenge: make([]byte, challengeLen)}))
	f.Add(appendState(nil, &state{}))
	f.Add(appendRefuse(nil, refuseKey, "text")[2:])
	f.Add(appendBeat(nil, &beat{ping: 1, echo: 2, delay: 3}))
	f.Add(appendRecord(nil, flagFinal, 1<<40, []byte("body")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, ok := readHello(b); ok {
			if again, ok := readHello(appendHello(nil, &h)); !ok || again.name != h.name || again.life != h.life || again.have != h.have {
				t.Fatalf("%+v %+v", h, again)
			}
		}
		if s, ok := readState(b); ok {
			if again, ok := readState(appendState(nil, &s)); !ok || again != s {
				t.Fatalf("%+v %+v", s, again)
			}
		}
		if _, text, ok := readRefuse(b); ok && len(clip(text)) > textMax {
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
	f.Add(byte(5), frames(appendRefuse(nil, refuseSuperseded, "x")))
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
