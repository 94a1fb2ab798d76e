//go:build unix

package main

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

const (
	outboxBound  = 8 << 20  // --limit-outbox
	messageBound = 16 << 20 // --limit-message
	// heapSlack is what the heap may grow by beside what a test is about: garbage until it is collected, buffers of those that read.
	heapSlack = 48 << 20
	// flatSlack is the same where nothing is to be kept at all.
	flatSlack = 16 << 20
)

// grewBy checks how much more memory than base the process has had since forgetPeak.
func (p *proc) grewBy(what string, base, atMost int) {
	p.t.Helper()
	grown := p.memory("VmHWM") - base
	p.t.Logf("%s: resident memory of %s grew by %.1f MiB, at most %d are allowed", what, p.name, float64(grown)/(1<<20), atMost>>20)
	if grown > atMost {
		p.t.Errorf("%s: resident memory of %s grew by %d MiB", what, p.name, grown>>20)
	}
}

func needsProc(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("resident memory is read from /proc")
	}
}

// TestProcessSubscriberThatNeverReadsW2 (P13, P31): events of 1 KiB come as fast as a publisher can send them, from its own node and from another.
// Memory stays within the outbox's bound, the session is closed and counted, and whoever reads gets everything.
func TestProcessSubscriberThatNeverReadsW2(t *testing.T) {
	needsProc(t)
	c := startCluster(t, 2)
	near, far := c.nodes[0], c.nodes[1]
	const events = 40_000
	filler := strings.Repeat("x", 1<<10)
	for round, from := range []*proc{far, near} {
		topic := fmt.Sprint("com.flood.", from.name)
		readers := map[*proc]*listener{}
		for _, p := range c.nodes {
			readers[p] = listen(t, connect(t, client.Config{Serializer: wamp.MsgPack}, p.rs()), topic)
		}
		deaf := joinRaw(t, near.client, speeches()[round], smallBuffer)
		deaf.subscribe(topic)
		pub := connect(t, client.Config{Serializer: wamp.MsgPack}, from.rs())
		c.awaitMesh()
		closed := near.metric("kleeblatt_slow_consumers_closed_total", "")
		bases := map[*proc]int{near: near.forgetPeak(), far: far.forgetPeak()}

		ctx, cancel := contextOf(t)
		defer cancel()
		for n := range events {
			if _, err := pub.Publish(ctx, topic, client.Args(n+1, filler), nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range c.nodes {
			readers[p].complete("a reader at "+p.name, topic, 1, events)
			p.grewBy("a flood from "+from.name, bases[p], outboxBound+outboxBound/4+heapSlack)
		}
		if now := near.metric("kleeblatt_slow_consumers_closed_total", ""); now != closed+1 {
			t.Errorf("%v sessions were closed for a full queue, then %v", closed, now)
		}
		deaf.ended()
	}
}

// attack is one way of making a router keep or reserve memory.
type attack struct {
	name   string
	speech speech
	joined bool // behind WELCOME
	conns  int
	stays  bool // it is legal so far: the connection stays open
	bytes  func(p *rawPeer) []byte
	repeat int // how often bytes is sent, at most
	grows  int // what it may cost, all connections together; a message that is growing, twice its bound
}

func attacks() []attack {
	ws, rs := speech{true, wamp.JSON}, speech{false, wamp.MsgPack}
	part := make([]byte, 64<<10)
	for i := range part {
		part[i] = ' ' // JSON, so far
	}
	fragment := func(*rawPeer) []byte { return webFrame(nil, opContinuation, uint64(len(part)), part) }
	huge := func(p *rawPeer) []byte { return webFrame(nil, finBit|p.opcode(), 1<<40, part[:100]) }
	long := func(*rawPeer) []byte { return rawFrame(nil, 1<<24-1, part[:100]) }
	const endless = 4 * messageBound / (64 << 10)
	return []attack{
		{name: "endless fragments, no session", speech: ws, conns: 20, bytes: fragment, repeat: endless, grows: flatSlack},
		{name: "a header of 2^40, no session", speech: ws, conns: 50, bytes: huge, repeat: 1, grows: flatSlack},
		{name: "a header of 2^40", speech: ws, joined: true, conns: 50, bytes: huge, repeat: 1, grows: flatSlack},
		{name: "a prefix of 16 MiB, no session", speech: rs, conns: 50, bytes: long, repeat: 1, grows: flatSlack},
		{name: "a prefix of 16 MiB", speech: rs, joined: true, conns: 50, stays: true, bytes: long, repeat: 1, grows: flatSlack},
		{name: "an unknown frame type", speech: rs, joined: true, conns: 50, repeat: 1, grows: flatSlack,
			bytes: func(*rawPeer) []byte { return rawFrame(nil, 3<<24|100, part[:100]) }},
		// The last one: what it has freed would hide what another one takes.
		{name: "endless fragments", speech: ws, joined: true, conns: 3, bytes: fragment, repeat: endless, grows: 3*2*messageBound + heapSlack},
	}
}

// TestProcessHostileBytes (P29, P32): memory does not grow with what is announced, connections that ask for too much are closed, and the others do
// not notice.
func TestProcessHostileBytes(t *testing.T) {
	needsProc(t)
	c := startCluster(t, 2)
	victim, other := c.nodes[0], c.nodes[1]
	there := listen(t, connect(t, client.Config{}, victim.ws()), "com.calm")
	pub := connect(t, client.Config{}, other.ws())
	c.awaitMesh()
	calm := talk(t, pub, "com.calm", talkEvery)
	for _, a := range attacks() {
		base := victim.forgetPeak()
		var peers []*rawPeer
		for range a.conns {
			p := dialRaw(t, victim.client, a.speech, 0)
			if a.joined {
				p.hello()
			}
			peers = append(peers, p)
		}
		for _, p := range peers {
			a.launch(p)
		}
		for _, p := range peers {
			if !a.stays {
				p.ended()
			}
		}
		there.await(victim.name, "com.calm", int(calm.last.Load())+someTalk)
		victim.grewBy(a.name, base, a.grows)
		if a.stays {
			if open := int(victim.metric("kleeblatt_connections", "")); open < a.conns {
				t.Errorf("%s: %d connections are open", a.name, open)
			}
		}
		for _, p := range peers {
			p.conn.Close()
		}
	}
	last, err := calm.stop()
	if err != nil {
		t.Error(err)
	}
	there.complete(victim.name, "com.calm", 1, last)
	status, _, err := victim.get("/livez")
	if err != nil || status != 200 {
		t.Errorf("/livez: %d, %v", status, err)
	}
}

// launch sends the attack's bytes until there are enough or the other end takes no more. For a while after it has closed its sending side
// it reads and drops what still comes.
func (a *attack) launch(p *rawPeer) {
	p.conn.SetDeadline(time.Now().Add(patience))
	b := a.bytes(p)
	if a.repeat > 1 {
		b[0] = p.opcode() // the first fragment
	}
	for range a.repeat {
		if p.raw(b) != nil {
			return
		}
		b[0] = opContinuation
	}
}
