package link

import (
	"fmt"
	"testing"
)

// TestAStaleHandshakeIsNoPath: one frame of the handshakes after a cut is held up on the way, until another connection has come, has carried
// frames and is lost again. What a handshake tells of the lanes is older then than what has arrived: it must not take them back.
func TestAStaleHandshakeIsNoPath(t *testing.T) {
	for held := range 12 {
		t.Run(fmt.Sprint("frame ", held), func(t *testing.T) {
			s := newSim()
			s.fail = t.Fatalf
			a, b := s.addPair(testConfig("a", "b"), testConfig("b", "a"))
			arrived := 0
			b.got = func(uint8, []byte) { arrived++ }
			data := func() { a.input(Input{Kind: InData, Bytes: []byte("frame")}) }
			a.input(Input{Kind: InMember, Alive: true})
			b.input(Input{Kind: InMember, Alive: true})
			s.run(1e9)
			data()
			s.run(1e8)

			sent := 0
			s.latency = func() int64 {
				if sent++; sent-1 == held {
					return 4800e6
				}
				return 1e6
			}
			cutAll(s)
			s.run(4e9)
			for range 5 {
				data()
			}
			s.run(1e8)
			high := b.m.recv[1].next
			s.refuse = true
			for _, c := range s.live() {
				if c.up[0] && c.up[1] && (a.m.cur != nil && a.m.cur.id == c.id || b.m.cur != nil && b.m.cur.id == c.id) {
					s.cut(c, [2]bool{true, true})
				}
			}
			s.run(3e9) // what was held up comes
			if got := b.m.recv[1].next; got < high {
				t.Errorf("lane 1 went back from %d to %d", high, got)
			}
			s.refuse = false
			data()
			s.run(10e9)
			if arrived != 7 || a.m.State() != Up {
				t.Errorf("%d frames of 7 arrived, a is %v", arrived, a.m.State())
			}
		})
	}
}
