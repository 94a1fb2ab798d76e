package chaos

import (
	"fmt"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/transport/link"
)

// wish is something that has to hold at some time near the end of a liveness run, when nothing new is started any more.
type wish struct {
	what  string
	holds func() bool
	did   bool
}

const (
	// sampleFor and sampleEvery: heartbeats and comparisons go on, so that a window is empty in between only.
	sampleFor   = 6 * time.Second
	sampleEvery = 20 * time.Millisecond
)

// expect plans the samples of what the core has to come to.
func (t *tables) expect(core []int) {
	w := t.w
	for _, i := range core {
		for _, j := range core {
			if i != j {
				t.expectOf(w.sites[i], w.sites[j])
			}
		}
		a := w.sites[i]
		t.wish(fmt.Sprintf("%s serves clients", a.name), func() bool { return a.p.serving })
		t.wish(fmt.Sprintf("%s waits for no part", a.name), func() bool { return a.p.sim.View().Backlog.Fetches == 0 })
	}
	w.at(w.end-int64(sampleFor), t.sample)
}

func (t *tables) wish(what string, holds func() bool) {
	t.want = append(t.want, &wish{what: what, holds: holds})
}

// expectOf says what a has to know of b.
func (t *tables) expectOf(a, b *site) {
	t.wish(fmt.Sprintf("%s routes by all that %s has", a.name, b.name), func() bool {
		own := b.p.sim.Self()
		var x gossip.PartStatus
		a.p.sim.EachNode(func(y gossip.PartStatus) {
			if y.Owner == b.name {
				x = y
			}
		})
		return x.State == gossip.Reachable && x.Life == own.Life && x.Version == own.Version && x.Hash == own.Hash
	})
	t.wish(fmt.Sprintf("%s has a link to %s with nothing in its window", a.name, b.name), func() bool {
		x, found := a.p.sim.Peer(b.name)
		return found && x.Path == link.Up && x.WindowBytes() == 0 && !x.Full
	})
}

// sample looks which wishes have come true.
func (t *tables) sample() {
	w := t.w
	for _, x := range t.want {
		x.did = x.did || x.holds()
	}
	if w.now < w.end-int64(sampleEvery) {
		w.after(sampleEvery, t.sample)
	}
}

// converged is called at the end of a liveness run.
func (t *tables) converged() {
	for _, x := range t.want {
		if !x.did {
			t.w.violate("%v after the healing it does not hold that %s", t.w.draw.converge, x.what)
		}
	}
	t.want = nil
}
