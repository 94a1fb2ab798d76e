package chaos

import (
	"slices"
	"strings"
	"time"

	"kleeblatt/crdt"
	"kleeblatt/gossip"
	"kleeblatt/internal/node"
	"kleeblatt/transport/link"
)

// scanEvery is after how many events everything is looked at.
const scanEvery = 1000

// tables checks what must hold of the nodes' tables: after each turn of a node what it may have touched, now and then everything.
type tables struct {
	w     *World
	logs  map[lifeOf]*ownerLog
	names map[gossip.Life]string // all lives there ever were
	// gaveUp is when a site's processes took the sessions of a name, or of one life of it, for over.
	gaveUp map[givenUp][]int64
	want   []*wish // liveness: what has to hold at the end

	from, to []link.LaneStatus // of the link that is looked at
	compared map[calleeOf]bool // callees of the parts that are compared, but for those that were found to be routed to
}

// lifeOf is one life of a name.
type lifeOf struct {
	name string
	life gossip.Life
}

// ownerLog is the history of a life's part: its hash at each version.
type ownerLog struct {
	hashes []crdt.Hash
	shadow *crdt.Part // made from the owner's changes alone
}

// givenUp names an observing site and the node that it has given up.
type givenUp struct {
	site int
	name string
}

// heldPart is what a process held of another node when it was last looked at.
type heldPart struct {
	owner   string
	life    gossip.Life
	version uint64
	hash    crdt.Hash
	state   gossip.PeerState
	most    uint64 // the highest version of life that it ever had
	buried  bool   // life has said goodbye
	suspect int64  // since when nothing comes from it, 0: it does
	hidden  int64  // since when it is not routed to
}

func (t *tables) init(w *World) {
	t.w = w
	t.logs, t.names, t.compared = map[lifeOf]*ownerLog{}, map[gossip.Life]string{}, map[calleeOf]bool{}
	t.gaveUp = map[givenUp][]int64{}
}

// born notes a new life.
func (t *tables) born(p *process, life gossip.Life) {
	if other, ok := t.names[life]; ok {
		t.w.violate("%v begins the life %v, which %s has had", p, life, other)
	}
	t.names[life] = p.String()
	p.log = &ownerLog{shadow: crdt.NewPart(life), hashes: []crdt.Hash{{}}}
	t.logs[lifeOf{p.site.name, life}] = p.log
}

// look is called after each turn of a process's first loop.
func (t *tables) look(p *process) {
	t.lookAtOwn(p)
	i := 0
	p.sim.EachNode(func(x gossip.PartStatus) {
		if h := p.holding(x.Owner, i); !h.is(&x) {
			y := x // most looks find what they have found before, and must be cheap
			t.lookAt(p, &y)
		}
		i++
	})
}

// holding is what the process holds of another node, whose place in the order of names is at, most likely.
func (p *process) holding(owner string, at int) *heldPart {
	if at < len(p.held) && p.held[at].owner == owner {
		return p.held[at]
	}
	at, found := p.heldAt(owner)
	if !found {
		p.held = slices.Insert(p.held, at, &heldPart{owner: owner})
	}
	return p.held[at]
}

// heldAt is the place of a node in held, or where it belongs.
func (p *process) heldAt(owner string) (at int, found bool) {
	return slices.BinarySearchFunc(p.held, owner, func(h *heldPart, name string) int { return strings.Compare(h.owner, name) })
}

// is says that nothing has changed.
func (h *heldPart) is(x *gossip.PartStatus) bool {
	return h.version == x.Version && h.state == x.State && h.life == x.Life && h.hash == x.Hash
}

// lookAtOwn keeps the history of the process's own part.
func (t *tables) lookAtOwn(p *process) {
	own := p.sim.Self()
	log := p.log
	if log == nil || log.shadow.Life() != own.Life {
		t.w.violate("%v lives a life %v that it never began", p, own.Life)
		return
	}
	have := log.shadow.Version()
	if own.Version < have {
		t.w.violate("%v goes back from version %d to %d", p, have, own.Version)
		return
	}
	for log.shadow.Version() < own.Version {
		d, ok := p.sim.OwnDelta(log.shadow.Version())
		if !ok {
			log.leap(p, own) // a rebirth, or a crowd of clients that came in one turn
			return
		}
		for _, op := range d.Ops {
			one := crdt.Delta{Life: d.Life, From: log.shadow.Version(), Ops: []crdt.Op{op}}
			if _, err := log.shadow.Apply(&one, nil); err != nil {
				t.w.violate("the changes of %v do not apply: %v", p, err)
				return
			}
			log.hashes = append(log.hashes, log.shadow.Hash())
		}
	}
	if own.Version > have && own.Hash != log.shadow.Hash() {
		t.w.violate("the part of %v is not what its changes make of it", p)
	}
}

// leap takes the owner's part as it is, where its changes cannot be had any more. What lay between is unknown.
func (l *ownerLog) leap(p *process, own gossip.PartStatus) {
	b := crdt.NewBuilder(own.Life, own.Version, own.Hash, own.Entries)
	if err := b.Insert(p.sim.Elements(p.site.name)); err != nil {
		p.site.w.violate("the part of %v is none: %v", p, err)
	}
	part, ok := b.Part()
	if !ok {
		p.site.w.violate("the part of %v has not the hash that it says", p)
		return
	}
	for uint64(len(l.hashes)) < own.Version {
		l.hashes = append(l.hashes, crdt.Hash{})
	}
	l.hashes, l.shadow = append(l.hashes, own.Hash), part
}

// lookAt checks a copy of another's part.
func (t *tables) lookAt(p *process, x *gossip.PartStatus) {
	h := p.holding(x.Owner, len(p.held))
	if h.is(x) {
		return
	}
	before := *h
	if h.life != x.Life {
		h.most, h.buried = 0, false
	}
	h.life, h.version, h.hash, h.state = x.Life, x.Version, x.Hash, x.State
	h.most = max(h.most, x.Version)
	h.buried = h.buried || x.State == gossip.Buried
	t.judge(p, x, &before, h)
}

func (t *tables) judge(p *process, x *gossip.PartStatus, before, h *heldPart) {
	w := t.w
	log := t.logs[lifeOf{x.Owner, x.Life}]
	shown := x.State == gossip.Reachable || x.State == gossip.Suspect
	forgotten := before.state == gossip.Forgotten || x.State == gossip.Forgotten || x.State == gossip.Buried
	if p.resumed == w.now && !shown && x.Version == 0 {
		forgotten = true // all that the time of its stop amounts to happens in one turn
	}
	switch {
	case log == nil:
		w.violate("%v holds a life of %s that never was: %v", p, x.Owner, x.Life)
	case x.Version >= uint64(len(log.hashes)):
		w.violate("%v holds version %d of %s, which has made %d", p, x.Version, x.Owner, len(log.hashes)-1)
	case x.Hash != log.hashes[x.Version] && log.hashes[x.Version] != (crdt.Hash{}):
		w.violate("%v has another part of %s at version %d than the owner had", p, x.Owner, x.Version)
	case x.Life.Less(before.life):
		w.violate("%v goes back from life %v of %s to %v", p, before.life, x.Owner, x.Life)
	case x.Life == before.life && x.Version < before.version && !forgotten:
		w.violate("%v goes back from version %d of %s to %d", p, before.version, x.Owner, x.Version)
	case shown && x.Version < h.most:
		w.violate("%v routes by version %d of %s and has had %d", p, x.Version, x.Owner, h.most)
	case shown && h.buried:
		w.violate("%v routes by a buried life of %s", p, x.Owner)
	case h.buried && x.Entries > 0:
		w.violate("%v keeps %d entries of a buried life of %s", p, x.Entries, x.Owner)
	}
	t.judgeGrace(p, x, before, h)
	if before.state != x.State {
		w.count.state(before.state, x.State, before.life == x.Life)
		w.say("%v: %s is %v (version %d)", p, x.Owner, x.State, x.Version)
	}
}

// judgeGrace: who was only cut off is not given up before its time, in which it may come back and nobody is told that its sessions have left.
func (t *tables) judgeGrace(p *process, x *gossip.PartStatus, before, h *heldPart) {
	w := t.w
	switch x.State {
	case gossip.Reachable:
		h.hidden, h.suspect = 0, 0
	case gossip.Suspect:
		h.hidden = 0
		if before.state != x.State || before.life != x.Life {
			h.suspect = w.now
		}
	case gossip.Hidden:
		shown := before.state == gossip.Reachable || before.state == gossip.Suspect
		waited := h.suspect != 0 && w.now-h.suspect >= int64(w.draw.hideAfter)
		if shown && before.life == x.Life && !waited && p.resumed != w.now && t.trusted(p, x.Owner) {
			w.violate("%v hides %s, which membership calls alive, before %v are over", p, x.Owner, w.draw.hideAfter)
		}
	case gossip.Gone, gossip.Forgotten:
		if before.state == gossip.Hidden && before.life == x.Life && h.hidden != 0 && w.now-h.hidden < int64(w.draw.leaveGrace) && p.resumed != w.now {
			w.violate("%v gives %s up %v after it was hidden, not after %v", p, x.Owner, time.Duration(w.now-h.hidden), w.draw.leaveGrace)
		}
	}
	if x.State == gossip.Hidden && (before.state != gossip.Hidden || before.life != x.Life) {
		h.hidden = w.now
	}
	over := x.State == gossip.Gone || x.State == gossip.Forgotten || x.State == gossip.Buried
	if over && before.state != x.State || before.life != x.Life && before.life != (gossip.Life{}) {
		t.noteGivenUp(p, x.Owner)
	}
}

func (t *tables) noteGivenUp(p *process, owner string) {
	k := givenUp{p.site.index, owner}
	t.gaveUp[k] = append(t.gaveUp[k], t.w.now)
}

// resumed: whom a process had lost before it was stopped, longer ago than leave_grace, it gives up in its first turn, in which it may find the
// other alive as well.
func (t *tables) resumed(p *process) {
	for _, s := range t.w.sites {
		if at, found := p.heldAt(s.name); found {
			if h := p.held[at]; h.hidden != 0 && t.w.now-h.hidden >= int64(t.w.draw.leaveGrace) {
				t.noteGivenUp(p, s.name)
			}
		}
	}
}

// doubled says that two processes have, or had, the name: who links with it may meet one life after the other, and the first again.
func (w *World) doubled(name string) bool {
	for _, s := range w.sites {
		if s.twin && s.name == name {
			return true
		}
	}
	return false
}

// trusted says that membership has told p a while ago that the node is alive, and which process that is is beyond doubt.
func (t *tables) trusted(p *process, owner string) bool {
	if t.w.doubled(owner) {
		return false
	}
	o := t.w.members.of(p.site, owner)
	return o.alive && t.w.now-o.since > int64(settlesIn)
}

// ended gives back what was kept of a process.
func (t *tables) ended(p *process) {
	v := p.sim.View()
	t.w.count.sum(&v)
	p.held, p.log = nil, nil
}

// scan looks at everything.
func (t *tables) scan() {
	w := t.w
	w.count.Scans++
	t.lanes()
	equal := map[[16]byte]routes{}
	for _, s := range w.sites {
		p := s.p
		if p == nil || p.dead {
			continue
		}
		v := p.sim.View()
		t.lookAtMemory(p, &v)
		if !v.Settled {
			continue
		}
		r := t.routes(p, &v)
		if other, ok := equal[v.Digest]; ok {
			w.count.RoutesCompared++
			if other.sum != r.sum {
				w.violate("%v and %v have the same digest, but route differently: %s", other.p, p, difference(other.words(), r.words()))
			}
		}
		equal[v.Digest] = r
	}
}

// lookAtMemory adds up what a node keeps.
func (t *tables) lookAtMemory(p *process, v *node.View) {
	w := t.w
	if v.Alarms > p.alarms {
		p.alarms = v.Alarms
		w.violate("%v says that tables disagree", p)
	}
	if most := len(v.Peers) * w.draw.bufferedBytes; v.Backlog.HeldBytes > most {
		w.violate("%v holds back %d bytes of deltas, of %d", p, v.Backlog.HeldBytes, most)
	}
	if most := w.draw.retainBytes; v.Backlog.RetainedBytes <= most {
		p.heavy = 0
	} else if p.heavy == 0 {
		p.heavy = w.now
	} else if w.now-p.heavy > int64(settlesIn) && !p.paused {
		w.violate("%v keeps %d bytes of nodes that are gone, of %d", p, v.Backlog.RetainedBytes, most)
	}
	for i := range v.Peers {
		if x := &v.Peers[i]; x.WindowBytes() > lanesMax*(w.draw.window+w.draw.window/2) {
			w.violate("%v keeps %d bytes for %s in its window", p, x.WindowBytes(), x.Name)
		}
	}
}

// settlesIn is how long a bound that a tick restores may be passed: the tick, and the worst lag of a loop.
const settlesIn = time.Second

// lanesMax is control and data lanes of a link.
const lanesMax = 5

// difference is the first line that one has and the other has not.
func difference(a, b []string) string {
	for _, x := range a {
		if !slices.Contains(b, x) {
			return "the first has " + x
		}
	}
	for _, x := range b {
		if !slices.Contains(a, x) {
			return "the second has " + x
		}
	}
	return "in order"
}
