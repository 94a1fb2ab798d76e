package node

import (
	"fmt"
	"testing"
	"time"

	"kleeblatt/gossip/swim"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport/link"
)

// TestSeamNoPathPausesNobody: a publisher is not kept waiting for a node that has no path, however much gathers for it.
func TestSeamNoPathPausesNobody(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	pub, sub := w.join(a, 0), w.join(b, 0)
	sub.send(codec.AppendSubscribe(nil, ser, 1, "t.x", wamp.Exact))
	w.advance(time.Second)
	w.dead["b"] = true
	w.advance(2 * time.Second)
	event := codec.AppendPublish(nil, ser, 1, nil, "t.x", number(7, 100<<10))
	for range 2 * link.DefaultPause / (100 << 10) {
		pub.send(event)
	}
	if len(pub.l.paused) > 0 {
		t.Error("the publisher is paused for a node without a path")
	}
	w.dead["b"] = false
	w.advance(10 * time.Second)
	if len(pub.l.paused) > 0 {
		t.Error("the publisher is paused although all is sent")
	}
}

// TestSeamFramesBeforeALossComeBeforeIt: what a node sent before it was lost, the answers above all, is handled before the loss.
func TestSeamFramesBeforeALossComeBeforeIt(t *testing.T) {
	w := newWorld(t, 2, "a", "b")
	o := w.nodes[0].hubs[0].home
	slot := o.peers["b"].slot
	o.h.fromLink(uint8(slot), []byte("an answer"), 1<<1)
	o.everywhere(router.Input{Kind: router.InNodeLost, Node: slot})
	letters := w.nodes[0].hubs[1].box.take(nil)
	if len(letters) != 2 || letters[0].kind != letterFrames || letters[1].kind != letterInput {
		t.Errorf("%d letters, the first of kind %d", len(letters), letters[0].kind)
	}
}

// TestSeamStampsAfterARebirth: links that were shaken anew know how far the tables are, and hold nothing.
func TestSeamStampsAfterARebirth(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	subA, subB := w.join(a, 0), w.join(b, 0)
	for i := range 5 {
		for _, s := range []*fakeClient{subA, subB} {
			s.send(codec.AppendSubscribe(nil, ser, uint64(i+1), fmt.Sprint("t.", i), wamp.Exact))
		}
	}
	w.advance(time.Second)
	for _, n := range []*Node{a, b} {
		n.hubs[0].deliver(letter{kind: letterDo, do: func() {
			n.hubs[0].home.swimEvent(swim.Event{Kind: swim.EvGhost, Life: swim.Life{Epoch: 7, Nonce: 1}})
		}})
		w.run()
		w.member(a, b, true)
		w.member(b, a, true)
		w.advance(5 * time.Second)
		if a.digestNow() != b.digestNow() {
			t.Fatal("the tables differ")
		}
		for _, c := range [][2]*fakeClient{{subA, subB}, {subB, subA}} {
			before := c[1].l.sent
			c[0].send(codec.AppendPublish(nil, ser, 9, nil, "t.1", number(1, 0)))
			w.advance(time.Millisecond)
			if c[1].l.sent != before+1 {
				t.Errorf("%s is reborn: no event from %s", n.name, c[0].l.h.n.name)
			}
		}
	}
}

func (n *Node) digestNow() string { return n.hubs[0].home.digestText() }

// TestSeamProposalsCountInTheMailbox: sessions that ask for more changes of the tables than the home hub keeps up with are not read.
func TestSeamProposalsCountInTheMailbox(t *testing.T) {
	w := newWorld(t, 2, "a")
	h := w.nodes[0].hubs[1]
	l := h.loop.(*fakeLoop)
	var most int64
	var clients []*fakeClient
	for range 12 {
		clients = append(clients, w.join(w.nodes[0], 1))
	}
	for _, c := range clients {
		for i := range 4000 {
			if !l.paused[c.c] {
				h.Received(c.c, codec.AppendSubscribe(nil, ser, uint64(i+1), fmt.Sprint("com.example.topic.", c.c, ".", i), wamp.Exact))
			}
			h.Turn(w.now)
		}
		most = max(most, w.nodes[0].hubs[0].box.bytes.Load())
		if l.paused[c.c] {
			break
		}
	}
	if len(l.paused) == 0 || most < mailboxBytesMax/2 || most > mailboxBytesMax+1<<20 {
		t.Errorf("%d sessions are paused, %d bytes wait", len(l.paused), most)
	}
	w.advance(10 * time.Millisecond)
	if n := w.nodes[0].hubs[0].box.bytes.Load(); len(l.paused) != 0 || n != 0 {
		t.Errorf("afterwards %d sessions are paused, %d bytes wait", len(l.paused), n)
	}
}

// TestSeamMembersThatCannotBeLinkedAreShown: whoever looks why a node that membership knows is not routed to has to see it.
func TestSeamMembersThatCannotBeLinkedAreShown(t *testing.T) {
	w := newWorld(t, 1, "a")
	a := w.nodes[0]
	b := w.start("b", 1)
	w.dead["b"] = true
	w.member(a, b, true)
	w.advance(time.Second)
	p := a.hubs[0].home.peers["b"]
	if s := p.status(); s.State != "hidden" || s.Link != "none" {
		t.Errorf("it is %s, its link %s", s.State, s.Link)
	}
	if p.isAway() {
		t.Error("its place may be given to another")
	}
}
