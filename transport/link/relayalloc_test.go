package link

import "testing"

// relayPump moves frames over a relay with nothing between the nodes: what one writes the other reads at once.
type relayPump struct {
	w   *mesh
	now int64
	out map[*Machine]*[]Effect
	n   int
}

func (p *relayPump) step(n *meshNode, peer string, in Input) {
	m := n.m[peer]
	out := p.out[m]
	in.Now = p.now
	*out = m.Step(&in, (*out)[:0])
	p.do(n, peer, *out)
}

func (p *relayPump) flush(n *meshNode, peer string) {
	out := p.out[n.m[peer]]
	*out = n.m[peer].Flush(p.now, (*out)[:0])
	p.do(n, peer, *out)
}

func (p *relayPump) do(n *meshNode, peer string, out []Effect) {
	var few [2]Feed
	for i := range out {
		e := &out[i]
		switch e.Kind {
		case FxWrite:
			if e.Conn&VirtualConn == 0 {
				far := p.w.conns[e.Conn].end[0]
				if far == n {
					far = p.w.conns[e.Conn].end[1]
				}
				p.step(far, n.name, Input{Kind: InBytes, Conn: e.Conn, Bytes: e.Bytes})
				continue
			}
			for _, f := range n.d.Write(e.Conn, e.Bytes, few[:0]) {
				p.step(n, f.Peer, f.In)
			}
		case FxRelay:
			for _, f := range n.d.Item(peer, e.Bytes, few[:0]) {
				p.step(n, f.Peer, f.In)
			}
		case FxData:
			p.n++
		}
	}
}

func TestAllocRelayedFrames(t *testing.T) {
	w := meshOf(t, "a", "b", "c")
	w.cutBoth("a", "b", true)
	w.run(5e9)
	w.allUp(t, 2)
	p := &relayPump{w: w, now: w.now, out: map[*Machine]*[]Effect{}}
	for _, n := range w.nodes {
		for _, m := range n.m {
			p.out[m] = new([]Effect)
		}
	}
	a, b := w.node("a"), w.node("b")
	frame := make([]byte, 150)
	checkAllocs(t, "64 frames out, passed on, in and acknowledged", func() {
		for i := range 64 {
			p.step(a, "b", Input{Kind: InData, Lane: uint64(i), Bytes: frame})
		}
		p.now += 2e6
		p.flush(a, "b")
		p.flush(b, "a")
	})
	if p.n < 64*800 {
		t.Errorf("%d frames arrived", p.n)
	}
}
