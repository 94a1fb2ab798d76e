package null

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// FuzzMessages: whatever two clients send, the hub neither panics nor hands out what is not in its arena.
func FuzzMessages(f *testing.F) {
	for _, m := range [][]any{
		{1, "realm", map[string]any{"roles": map[string]any{}}},
		{32, 1, map[string]any{}, "a"},
		{16, 2, map[string]any{"acknowledge": true}, "a", []any{1, "two"}},
		{64, 3, map[string]any{"invoke": "roundrobin"}, "p"},
		{48, 4, map[string]any{}, "p", []any{1}, map[string]any{"k": 2.5}},
		{70, 1<<32 | 4, map[string]any{}, []any{1}},
		{6, map[string]any{}, "wamp.close.close_realm"},
	} {
		f.Add(encode(f, m), encode(f, m))
	}
	f.Add(bytes.Repeat([]byte{0x91}, 64), []byte{0x95, 16, 0xcf})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		h := newHub()
		h.sessions = []*session{{slot: 0}, {slot: 1}}
		for _, m := range [][]byte{a, b, a} {
			for _, s := range h.sessions {
				h.message(s, m)
			}
		}
		for _, s := range h.dirty {
			for _, f := range s.spans {
				if rest := h.arena[f.from:f.to]; len(rest) == 0 || rest[0] != finBit|opBinary {
					t.Fatalf("%d–%d of the arena is no frame: %x", f.from, f.to, rest)
				}
			}
			h.sent(s)
		}
		h.turned()
		for _, s := range h.sessions {
			h.leave(s)
		}
		if len(h.topics)+len(h.procedures) != 0 {
			t.Fatal("something is left of sessions that left")
		}
	})
}

// FuzzSkip: what a full decoder takes for one value is passed over whole, up to what clients have no need of.
func FuzzSkip(f *testing.F) {
	for _, v := range []any{nil, true, 1, -1, 300, 1 << 40, 1.5, float32(2), "text", string(make([]byte, 300)), make([]byte, 70_000), []any{1, []any{2}}, map[string]any{"a": 1}} {
		f.Add(encode(f, v))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		rest, ok := skip(p, depthMax)
		if !ok {
			return
		}
		d := msgpack.NewDecoder(bytes.NewReader(p))
		raw, err := d.DecodeRaw()
		if err != nil || len(raw) != len(p)-len(rest) {
			t.Fatalf("%x: %d of %d bytes are a value; %d, %v", p, len(p)-len(rest), len(p), len(raw), err)
		}
		if s, after, ok := text(p); ok {
			if want, err := msgpack.NewDecoder(bytes.NewReader(p)).DecodeString(); err != nil || want != string(s) || len(after) != len(rest) {
				t.Fatalf("%x: %q, want %q", p, s, want)
			}
		}
	})
}

func encode(t testing.TB, v any) []byte {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.UseCompactInts(true)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzFrames: any stream, in any two pieces, gives the same frames.
func FuzzFrames(f *testing.F) {
	f.Add(masked(opBinary, []byte("hello")), 3)
	f.Add(slices.Concat(masked(opPing, nil), masked(opBinary, make([]byte, 300)), masked(opBinary, make([]byte, 70_000))), 350)
	f.Add([]byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1)
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		cut = max(0, min(cut, len(stream)))
		whole, _, ok := frames(slices.Clone(stream))
		first, used, okFirst := frames(slices.Clone(stream[:cut]))
		if !okFirst {
			if ok || len(first) > len(whole) {
				t.Fatal("a part is refused of what is not refused as a whole")
			}
			return
		}
		second, _, okSecond := frames(slices.Clone(stream[used:]))
		if ok != okSecond || !slices.EqualFunc(whole, append(first, second...), bytes.Equal) {
			t.Fatalf("%d frames in one piece, %d and %d in two", len(whole), len(first), len(second))
		}
	})
}

func frames(p []byte) (list [][]byte, used int, ok bool) {
	for {
		op, body, n, ok := nextFrame(p[used:])
		if !ok || n == 0 {
			return list, used, ok
		}
		used += n
		list = append(list, append([]byte{op}, body...))
	}
}

// masked is a client's frame, masked octet by octet.
func masked(op byte, body []byte) []byte {
	out := []byte{finBit | op}
	switch n := len(body); {
	case n < 126:
		out = append(out, maskBit|byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, maskBit|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, maskBit|127), uint64(n))
	}
	key := [4]byte{1, 2, 3, 4}
	out = append(out, key[:]...)
	for i, b := range body {
		out = append(out, b^key[i%4])
	}
	return out
}

func TestUnmask(t *testing.T) {
	for n := range 100 {
		want := bytes.Repeat([]byte{byte(n)}, n)
		op, body, used, ok := nextFrame(masked(opBinary, want))
		if !ok || op != opBinary || used != n+6 || !bytes.Equal(body, want) {
			t.Fatalf("%d bytes: op %d, %d used, %x", n, op, used, body)
		}
	}
}

// TestAlloc: in steady state a message allocates nothing.
func TestAlloc(t *testing.T) {
	h := newHub()
	h.sessions = []*session{{slot: 0}, {slot: 1}}
	a, b := h.sessions[0], h.sessions[1]
	h.message(b, encode(t, []any{32, 1, map[string]any{}, "topic"}))
	h.message(b, encode(t, []any{64, 2, map[string]any{}, "procedure"}))
	messages := [][]byte{
		encode(t, []any{16, 1, map[string]any{"acknowledge": true}, "topic", []any{"argument"}}),
		encode(t, []any{48, 2, map[string]any{}, "procedure", []any{"argument"}}),
		encode(t, []any{70, 0<<requestBits | 2, map[string]any{}, []any{"argument"}}),
	}
	turn := func() {
		for _, m := range messages {
			if !h.message(a, m) {
				t.Fatalf("%x was no message", m)
			}
		}
		for _, s := range h.dirty {
			h.sent(s)
		}
		h.turned()
	}
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestUpgrade(t *testing.T) {
	request := "GET /ws HTTP/1.1\r\nHost: x\r\nsec-websocket-protocol: wamp.2.json, wamp.2.msgpack\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	answer, used, ok := upgrade([]byte(request + "rest"))
	if !ok || used != len(request) || !bytes.Contains(answer, []byte("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")) { // RFC 6455, 1.3
		t.Errorf("%v, %d of %d: %s", ok, used, len(request), answer)
	}
	for name, c := range map[string]struct {
		request string
		ok      bool
	}{
		"a part":      {request[:50], true},
		"no key":      {"GET / HTTP/1.1\r\nSec-WebSocket-Protocol: wamp.2.msgpack\r\n\r\n", false},
		"JSON alone":  {"GET / HTTP/1.1\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n", false},
		"without end": {string(bytes.Repeat([]byte("x"), headBytesMax)), false},
	} {
		if answer, _, ok := upgrade([]byte(c.request)); ok != c.ok || bytes.Contains(answer, []byte("101")) {
			t.Errorf("%s: %v, %s", name, ok, answer)
		}
	}
}
