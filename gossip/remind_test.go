package gossip

import (
	"flag"
	"testing"

	"kleeblatt/crdt"
)

// A change is judged by the same histories every time; go test -rapid.seed=N looks at others.
func init() { flag.Set("rapid.seed", "20261124") }

// TestRemind: a life that we refuse is told so again as long as it compares tables with us: the first word may have been lost.
func TestRemind(t *testing.T) {
	m := New(Config{Name: "b", Life: Life{Epoch: 1, Nonce: 8}, Rand: func() uint64 { return 7 }})
	step := func(in Input) (told bool) {
		in.Now = 1
		for _, e := range m.Step(&in, nil) {
			if e.Kind != FxControl || e.Name != "a" {
				continue
			}
			f, err := parseFrame(e.Bytes)
			told = told || err == nil && f.kind == kindHeads && f.heads[0].Owner == "a" && f.heads[0].Life == Life{Epoch: 2, Nonce: 900}
		}
		return told
	}
	step(Input{Kind: InMember, Name: "a", Life: Life{Epoch: 2, Nonce: 900}, Alive: true})
	if !step(Input{Kind: InLink, Name: "a", Life: Life{Epoch: 2, Nonce: 3}, Up: true}) {
		t.Fatal("an older life is not told of the newer one")
	}
	digest := appendDigest(nil, crdt.Hash{1})
	for range 2 {
		if !step(Input{Kind: InControl, Name: "a", Bytes: digest}) {
			t.Fatal("it is told only once")
		}
	}
	step(Input{Kind: InLink, Name: "a", Life: Life{Epoch: 3, Nonce: 1}, Up: true})
	if step(Input{Kind: InControl, Name: "a", Bytes: digest}) {
		t.Fatal("it is told although it has taken a higher epoch")
	}
}
