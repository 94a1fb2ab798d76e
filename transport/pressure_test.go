package transport

import (
	"encoding/binary"
	"sync/atomic"
	"testing"

	"github.com/gobwas/ws"
)

// TestPressure: a reader that stops leads to HalfFull, then to Full with the message refused, urgent messages go further;
// when it reads again everything that was queued comes, in order, and Drained is told.
func TestPressure(t *testing.T) {
	const bound, size = 8 << 20, 64 << 10
	h := &hooks{}
	levels := make(chan Level, 1000)
	queued := make(chan uint32, 1)
	h.pressure = func(_ ConnID, level Level) { levels <- level }
	h.received = func(c ConnID, _ []byte) {
		// Messages until the outbox refuses one, then urgent ones until it refuses those too.
		n := uint32(0)
		msg := make([]byte, size)
		for _, urgent := range []bool{false, true} {
			for {
				binary.BigEndian.PutUint32(msg, n)
				if !h.l.Send(c, msg, urgent) {
					break
				}
				n++
			}
			q := h.l.Queued(c)
			limit := bound
			if urgent {
				limit += bound / 4
			}
			if q > limit || q < limit-2*size {
				t.Errorf("%d bytes queued, bound %d", q, limit)
			}
		}
		queued <- n
	}
	s := serve(t, Config{}, h)
	c := connect(t, s.Addrs()[0])
	c.rawHello(15, 2)
	c.put(rawFrame(0, nil)...)
	n := recv(t, queued)
	for range 2 {
		if level := recv(t, levels); level != Full {
			t.Errorf("level %d, want Full: from inside of Send", level)
		}
	}
	for i := range n {
		c.get(4)
		if got := binary.BigEndian.Uint32(c.get(size)); got != i {
			t.Fatalf("message %d came as number %d", got, i)
		}
	}
	for recv(t, levels) != Drained {
	}
	if st := s.Stats(); st.Dropped != 2 {
		t.Errorf("%+v", st)
	}
	waitFor(t, func() bool { return s.Stats().OutboxBytes == 0 })
}

// TestHalfFull is told at the flush that leaves more than half of the bound.
func TestHalfFull(t *testing.T) {
	h := &hooks{}
	levels := make(chan Level, 10)
	var draining atomic.Int32
	h.pressure = func(_ ConnID, level Level) {
		if level == Draining {
			draining.Add(1)
			return
		}
		levels <- level
	}
	h.received = func(c ConnID, _ []byte) { h.l.Send(c, make([]byte, 12<<20), false) } // an empty outbox takes any one message
	s := serve(t, Config{}, h)
	c := upgrade1(t, s.Addrs()[0], "wamp.2.cbor")
	c.frame(ws.OpBinary, true, nil)
	if l := recv(t, levels); l != HalfFull {
		t.Errorf("level %d", l)
	}
	if draining.Load() != 0 {
		t.Error("the far end has not read yet, but it is draining")
	}
	c.wantFrame(ws.OpBinary, make([]byte, 12<<20))
	if l := recv(t, levels); l != Drained {
		t.Errorf("level %d", l)
	}
	if draining.Load() == 0 && dialsOnLoop && !s.cfg.streams { // a goroutine writes all of it at once
		t.Error("nothing told that the far end reads")
	}
}

// TestHugeMessage: who is sent a message larger than the bound has all of the bound for what comes behind it, once.
func TestHugeMessage(t *testing.T) {
	const bound, huge, size = 8 << 20, 12 << 20, 64 << 10
	h := &hooks{}
	type outcome struct{ queued, messages int }
	done := make(chan outcome, 2)
	h.received = func(c ConnID, _ []byte) {
		h.l.Send(c, make([]byte, size), false)
		if !h.l.Send(c, make([]byte, huge), false) {
			t.Error("a nearly empty outbox did not take the huge message")
		}
		n := 2
		for h.l.Send(c, make([]byte, size), false) {
			n++
		}
		done <- outcome{h.l.Queued(c), n}
		if h.l.Send(c, make([]byte, huge), false) {
			t.Error("a full outbox took another huge message")
		}
	}
	s := serve(t, Config{}, h)
	c := connect(t, s.Addrs()[0])
	c.rawHello(15, 2)
	for range 2 { // when it is drained all is as before
		c.put(rawFrame(0, nil)...)
		o := recv(t, done)
		if o.queued > huge+bound+1024 || o.queued < huge+bound-2*size {
			t.Errorf("%d bytes queued, want about %d", o.queued, huge+bound)
		}
		for range o.messages {
			head := c.get(4)
			c.get(int(head[1])<<16 | int(head[2])<<8 | int(head[3]))
		}
		waitFor(t, func() bool { return s.Stats().OutboxBytes == 0 })
	}
}

// TestSlowReader (P13, transport's part): one stuck subscriber costs the others nothing and the node a bounded memory.
func TestSlowReader(t *testing.T) {
	h := &hooks{}
	var ids []ConnID
	ready := make(chan struct{}, 2)
	var full atomic.Bool
	h.opened = func(c ConnID, _ *Info) { ids = append(ids, c); ready <- struct{}{} }
	h.received = func(_ ConnID, msg []byte) { h.l.Fanout(ids[:2], msg) }
	h.pressure = func(_ ConnID, l Level) { full.Store(full.Load() || l == Full) }
	s := serve(t, Config{Limits: Limits{OutboxBytesMax: 1 << 20}}, h)
	a := s.Addrs()[0]
	stuck := upgrade1(t, a, "wamp.2.msgpack")
	recv(t, ready)
	healthy := upgrade1(t, a, "wamp.2.msgpack")
	recv(t, ready)
	publisher := upgrade1(t, a, "wamp.2.msgpack")
	_ = stuck
	msg := make([]byte, 60<<10)
	for i := range 400 {
		msg[0] = byte(i)
		publisher.frame(ws.OpBinary, true, msg)
		healthy.wantFrame(ws.OpBinary, msg)
	}
	if !full.Load() {
		t.Error("the stuck reader was never Full")
	}
	if st := s.Stats(); st.OutboxBytes > 1<<20+2*inHandBytes || st.Dropped == 0 {
		t.Errorf("%+v", st)
	}
}

// TestNodeBudget: with the node's budget used up, connections with a backlog take nothing more, healthy ones everything.
func TestNodeBudget(t *testing.T) {
	h := &hooks{}
	var ids []ConnID
	ready := make(chan struct{}, 2)
	h.opened = func(c ConnID, _ *Info) { ids = append(ids, c); ready <- struct{}{} }
	h.received = func(_ ConnID, msg []byte) { h.l.Fanout(ids[:2], msg) }
	s := serve(t, Config{Limits: Limits{NodeOutboxBytesMax: 1 << 20}}, h)
	a := s.Addrs()[0]
	upgrade1(t, a, "wamp.2.msgpack") // never reads
	recv(t, ready)
	healthy := upgrade1(t, a, "wamp.2.msgpack")
	recv(t, ready)
	msg := make([]byte, 60<<10)
	for range 400 {
		healthy.frame(ws.OpBinary, true, msg)
		healthy.wantFrame(ws.OpBinary, msg)
	}
	if st := s.Stats(); st.OutboxBytes > 1<<20+2*inHandBytes || st.Dropped == 0 {
		t.Errorf("%+v", st)
	}
}

// TestPauseResume: nothing is delivered while paused, also what came in one read; afterwards all comes in order.
func TestPauseResume(t *testing.T) {
	for _, protocol := range []string{"wamp.2.json", "wamp.2.json.batched", "raw"} {
		t.Run(protocol, func(t *testing.T) { pauseResume(t, protocol) })
	}
}

func pauseResume(t *testing.T, protocol string) {
	const messages = 3000
	h := &hooks{}
	q := &commands{}
	var id ConnID
	got := make(chan byte, messages)
	h.opened = func(c ConnID, _ *Info) { id = c }
	h.received = func(c ConnID, msg []byte) {
		h.l.Pause(c)
		got <- msg[0]
	}
	h.woken = q.run
	s := serve(t, Config{}, h)
	q.l = h.l
	c := connect(t, s.Addrs()[0])
	if protocol == "raw" {
		c.rawHello(15, 1)
	} else {
		c.upgrade(protocol)
	}
	var in []byte
	for i := range messages {
		switch protocol {
		case "raw":
			in = append(in, rawFrame(0, []byte{byte(i)})...)
		case "wamp.2.json":
			in = append(in, clientFrame(ws.OpText, true, []byte{byte(i)})...)
		default:
			if in = append(in, byte(i)|0x20, batchSeparator); i == messages-1 {
				in = clientFrame(ws.OpText, true, in)
			}
		}
	}
	c.put(in...)
	for i := range messages {
		want := byte(i)
		if protocol == "wamp.2.json.batched" {
			want |= 0x20
		}
		if v := recv(t, got); v != want {
			t.Fatalf("message %d came as number %d", v, i)
		}
		if len(got) > 0 {
			t.Fatal("delivered while paused")
		}
		q.do(func() { h.l.Resume(id) })
	}
}

// TestPausedIsNotRead: a paused publisher is held back by TCP, and its silence is not taken for death.
func TestPausedIsNotRead(t *testing.T) {
	h := &hooks{}
	q := &commands{}
	var id ConnID
	var n atomic.Int64
	paused := make(chan struct{}, 1)
	h.opened = func(c ConnID, _ *Info) { id = c }
	h.received = func(c ConnID, msg []byte) {
		if n.Add(1) == 1 {
			h.l.Pause(c)
			paused <- struct{}{}
		}
	}
	h.woken = q.run
	s := serve(t, Config{}, h)
	q.l = h.l
	c := connect(t, s.Addrs()[0])
	c.rawHello(15, 1)
	const total = 64 << 20
	f := rawFrame(0, make([]byte, 32<<10))
	written := make(chan struct{})
	go func() {
		for range total / (32 << 10) {
			c.Write(f)
		}
		close(written)
	}()
	recv(t, paused)
	if in := s.Stats().BytesIn; in > 1<<20 {
		t.Errorf("%d bytes were read from a paused connection", in)
	}
	select {
	case <-written:
		t.Error("the publisher was not held back")
	default:
	}
	q.do(func() { h.l.Resume(id) })
	recv(t, written)
	waitFor(t, func() bool { return n.Load() == total/(32<<10) })
}

// TestTurnIsBounded: a handler that takes long leaves the rest of a read to the next turn, in order.
func TestTurnIsBounded(t *testing.T) {
	h := &hooks{}
	var next byte
	var turns, atTurn int
	done := make(chan int, 1)
	h.turn = func(int64) (int64, bool) { turns++; return 0, false }
	h.received = func(_ ConnID, msg []byte) {
		if msg[0] != next {
			t.Errorf("message %d came after %d", msg[0], next-1)
		}
		next++
		for end := Nanotime() + 100_000; Nanotime() < end; {
		}
		if msg[0] == 0 {
			atTurn = turns
		}
		if msg[0] == 255 {
			done <- turns - atTurn
		}
	}
	s := serve(t, Config{}, h)
	c := connect(t, s.Addrs()[0])
	c.rawHello(15, 1)
	var in []byte
	for i := range 256 {
		in = append(in, rawFrame(0, []byte{byte(i)})...)
	}
	c.put(in...)
	if n := recv(t, done); n < 2 {
		t.Errorf("%d turns for 25 ms of work", n)
	}
}
