package link_test

import (
	"fmt"

	"kleeblatt/transport/link"
)

// Two machines whose executor is a loop that carries each write to the other end at once.
func Example() {
	random := uint64(0)
	node := func(self, peer string) *link.Machine {
		return link.New(link.Config{
			Self: self, Peer: peer, Life: link.Life{Epoch: 1, Nonce: 1}, Key: []byte("secret"), Dialer: self == "a",
			Nonce: func() uint64 { random++; return random }, // in production: unpredictable
		})
	}
	a, b := node("a", "b"), node("b", "a")

	var do func(name string, m, peer *link.Machine, peerName string, out []link.Effect)
	do = func(name string, m, peer *link.Machine, peerName string, out []link.Effect) {
		for _, e := range out {
			switch e.Kind {
			case link.FxWrite:
				in := link.Input{Kind: link.InBytes, Now: 1, Conn: 1, Bytes: e.Bytes}
				do(peerName, peer, m, name, peer.Step(&in, nil))
			case link.FxUp:
				fmt.Println(name, "is linked")
			case link.FxData:
				fmt.Printf("%s got %s\n", name, e.Bytes)
			}
		}
	}
	b.Step(&link.Input{Kind: link.InUp, Now: 1, Conn: 1}, nil)
	do("a", a, b, "b", a.Step(&link.Input{Kind: link.InUp, Now: 1, Conn: 1, Dialed: true}, nil))

	session := uint64(4711) // any hash of the origin session: its frames keep their order
	a.Step(&link.Input{Kind: link.InData, Now: 1, Lane: session, Bytes: []byte("one")}, nil)
	a.Step(&link.Input{Kind: link.InData, Now: 1, Lane: session, Bytes: []byte("two")}, nil)
	do("a", a, b, "b", a.Flush(1, nil)) // one write
	// Output:
	// a is linked
	// b is linked
	// b got one
	// b got two
}
