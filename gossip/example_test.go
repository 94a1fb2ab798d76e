package gossip_test

import (
	"fmt"

	"kleeblatt/crdt"
	"kleeblatt/gossip"
)

// A node with one peer changes its part twice in a turn: both changes count at once and leave as one delta at the end of the turn.
func Example() {
	m := gossip.New(gossip.Config{
		Name: "north", Life: crdt.Life{Epoch: 1, Nonce: 7},
		Rand: func() uint64 { return 4 }, // the caller's seeded source
	})
	m.Step(&gossip.Input{Kind: gossip.InLink, Name: "south", Life: crdt.Life{Epoch: 1, Nonce: 9}, Up: true}, nil)
	var out []gossip.Effect
	out = m.Step(&gossip.Input{Kind: gossip.InPropose, Add: true, Element: "com.example.a", Token: 1}, out)
	out = m.Step(&gossip.Input{Kind: gossip.InPropose, Add: true, Element: "com.example.b", Token: 2}, out)
	out = m.Flush(0, out)
	for _, e := range out {
		switch e.Kind {
		case gossip.FxApplied:
			fmt.Println("applied", e.Token)
		case gossip.FxControl:
			fmt.Println("to", e.Name+":", gossip.Describe(e.Bytes))
		}
	}
	// Output:
	// applied 1
	// applied 2
	// to south: delta north@1.7 0..2
}
