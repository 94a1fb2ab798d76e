package chaos

import (
	"strings"
	"testing"
	"time"

	"kleeblatt/crdt"
	"kleeblatt/gossip"
)

// watchedWorld is a world of which only the tables' checkers are used, with one process and a life of another node with two versions.
func watchedWorld() (w *World, p *process, x gossip.PartStatus) {
	w = NewWorld(Options{Seed: 1, Nodes: 3, Calm: true, Deserted: true})
	p = &process{id: 1, site: w.sites[0]}
	life := gossip.Life{Epoch: 5, Nonce: 7}
	w.tables.logs[lifeOf{"n01", life}] = &ownerLog{shadow: crdt.NewPart(life), hashes: []crdt.Hash{{}, {1}, {2}}}
	return w, p, gossip.PartStatus{Owner: "n01", Life: life, Version: 2, Hash: crdt.Hash{2}, State: gossip.Reachable}
}

// TestTablesFindEachFlaw: what a node must not do with another's part is found out.
func TestTablesFindEachFlaw(t *testing.T) {
	grace := func(w *World) time.Duration { return w.draw.leaveGrace }
	for _, c := range []struct {
		name, text string
		then       func(w *World, x *gossip.PartStatus, look func())
	}{
		{"nothing", "", func(w *World, x *gossip.PartStatus, look func()) {
			look()
			x.State = gossip.Hidden
			look()
			w.now += int64(grace(w))
			x.State = gossip.Gone
			look()
			x.State, x.Version, x.Hash = gossip.Forgotten, 0, crdt.Hash{}
			look()
		}},
		{"given up too early", "gives n01 up", func(w *World, x *gossip.PartStatus, look func()) {
			x.State = gossip.Hidden
			look()
			w.now += int64(grace(w)) - 1
			x.State = gossip.Gone
			look()
		}},
		{"hidden too early", "hides n01", func(w *World, x *gossip.PartStatus, look func()) {
			*w.members.of(w.sites[0], "n01") = opinion{known: true, alive: true, since: w.now - int64(time.Minute)}
			look()
			x.State = gossip.Suspect
			look()
			w.now += int64(w.draw.hideAfter) - 1
			x.State = gossip.Hidden
			look()
		}},
		{"back to an earlier version", "goes back from version 2", func(w *World, x *gossip.PartStatus, look func()) {
			look()
			x.Version, x.Hash = 1, crdt.Hash{1}
			look()
		}},
		{"another part at the same version", "has another part", func(w *World, x *gossip.PartStatus, look func()) {
			x.Hash = crdt.Hash{3}
			look()
		}},
		{"a version that never was", "which has made", func(w *World, x *gossip.PartStatus, look func()) {
			x.Version = 3
			look()
		}},
		{"a life that never was", "never was", func(w *World, x *gossip.PartStatus, look func()) {
			x.Life.Nonce++
			look()
		}},
		{"routed to after the burial", "routes by a buried life", func(w *World, x *gossip.PartStatus, look func()) {
			x.State, x.Version, x.Hash = gossip.Buried, 0, crdt.Hash{}
			look()
			x.State, x.Version, x.Hash = gossip.Reachable, 2, crdt.Hash{2}
			look()
		}},
		{"kept after the burial", "entries of a buried life", func(w *World, x *gossip.PartStatus, look func()) {
			x.State, x.Entries = gossip.Buried, 2
			look()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, p, x := watchedWorld()
			c.then(w, &x, func() { y := x; w.tables.lookAt(p, &y) })
			got := strings.Join(w.violations, "\n")
			if c.text == "" && got != "" || !strings.Contains(got, c.text) {
				t.Errorf("%q, want %q", got, c.text)
			}
		})
	}
}

// TestGivenUpIsNoted: watchers' excuses come from what their node made of another.
func TestGivenUpIsNoted(t *testing.T) {
	w, p, x := watchedWorld()
	tr := newTroupe(w)
	look := func() { y := x; w.tables.lookAt(p, &y) }
	look()
	x.State = gossip.Hidden
	look()
	if tr.gone(0, 1, 0, w.now) {
		t.Error("hidden is not given up")
	}
	w.now += int64(w.draw.leaveGrace)
	x.State = gossip.Gone
	look()
	if !tr.gone(0, 1, w.now, w.now) || tr.gone(0, 2, 0, w.now) || tr.gone(0, 1, w.now+1, w.now+2) {
		t.Error("n01, and nobody else, is given up now, and not later")
	}
}
