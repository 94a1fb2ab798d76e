package gossip

import (
	"kleeblatt/crdt"
)

// How others' parts change: deltas that continue, deltas that wait, and snapshots that are swapped in.

func (m *Machine) onControl(name string, b []byte) {
	n := m.nodes[name]
	if n == nil {
		return
	}
	if !n.linked {
		m.remind(n, b)
		return
	}
	m.heard(n)
	f, err := parseFrame(b)
	if err == errUnknownKind {
		m.stats.Unknown++
		return
	}
	if err != nil {
		m.alarm(n, "%s sends what cannot be read: %v", name, err)
		return
	}
	switch f.kind {
	case kindDigest:
		m.onRoot(n, f.hash)
	case kindHeads:
		for i := range f.heads {
			m.onHead(name, &f.heads[i], len(f.heads) == 1)
		}
	case kindAsk:
		m.onAsk(n, &f)
	case kindDelta:
		m.stats.DeltasIn++
		m.onDelta(n, &f)
	case kindChunk:
		m.onChunk(n, &f)
	case kindRetire:
		m.onRetire(name, f.owner, f.life, f.version)
	case kindAck:
		m.onAck(n, f.life, f.version)
	case kindRefusal:
		m.onRefusal(n, f.life, f.element)
	}
}

// remind tells a life that we refused, and that goes on comparing tables with us, once more to take a higher epoch.
func (m *Machine) remind(n *node, b []byte) {
	if !n.outlived || n.retired {
		return
	}
	f, err := parseFrame(b)
	switch {
	case err != nil:
	case f.kind == kindDigest:
		m.sendHead(n, n.headLine())
	case f.kind == kindDelta && n.refuses(f.life):
		m.stats.LateDeltas++
	}
}

// onDelta takes a delta of any part from any peer. A life that is not the newest, buried, or no member's is refused.
func (m *Machine) onDelta(from *node, f *frame) {
	o := m.nodes[f.owner]
	if o != nil && o.refuses(f.life) {
		m.stats.LateDeltas++
	}
	if o == nil || f.life != o.life || !o.member() {
		return
	}
	d := heldDelta{f.delta, f.hash, f.hasHash}
	switch v := o.part.Version(); {
	case d.delta.From > v:
		m.stats.Gaps++
	case d.delta.From < v && d.delta.To() > v:
		m.stats.Overlaps++
	}
	if d.delta.From > o.part.Version() {
		m.hold(o, d)
		m.want(o, d.delta.To(), from.name)
		return
	}
	m.apply(o, &d)
	m.drain(o)
	if o.fetch.aside != nil && from == o {
		m.bringOn(o, &d)
	}
	m.progress(o, from.name)
}

// apply makes the changes of a delta that continues the part.
func (m *Machine) apply(o *node, d *heldDelta) {
	before := o.part.Version()
	changes, err := o.part.Apply(&d.delta, m.changes[:0])
	m.changes = changes[:0]
	if err != nil {
		m.alarm(o, "a delta of %s cannot be applied: %v", o.name, err)
		return
	}
	if o.part.Version() == before {
		return
	}
	if o.routed() {
		for i := range changes {
			m.tell(o, telling{kind: changeKind(changes[i].Add), element: changes[i].Element})
		}
		m.reached(o)
	} else {
		m.heavier = true
	}
	clear(changes)
	if d.hasHash && d.delta.To() == o.part.Version() && d.hash != o.part.Hash() {
		m.disagree(o)
	}
}

func changeKind(add bool) EffectKind {
	if add {
		return FxAdd
	}
	return FxRemove
}

// hold keeps a delta that lies beyond a gap until the gap is closed. What does not fit is asked for again then.
func (m *Machine) hold(o *node, d heldDelta) {
	size := 0
	for _, op := range d.delta.Ops {
		size += len(op.Element) + 32 // the string's header and the op's flag included
	}
	if o.heldBytes+size > m.cfg.BufferedBytes {
		return
	}
	if last := len(o.held) - 1; last >= 0 {
		end := o.held[last].delta.To()
		if d.delta.From > end || d.delta.To() <= end {
			return
		}
	}
	o.held = append(o.held, d)
	o.heldBytes += size
}

// drain applies what was held, as far as it continues.
func (m *Machine) drain(o *node) {
	for len(o.held) > 0 && o.held[0].delta.From <= o.part.Version() {
		m.apply(o, &o.held[0])
		o.held[0] = heldDelta{}
		o.held = o.held[1:]
	}
	if len(o.held) == 0 {
		o.dropHeld()
	}
}

// progress looks what is still missing after the part has changed.
func (m *Machine) progress(o *node, from string) {
	f := &o.fetch
	switch {
	case f.active() && !f.full && !o.behind():
		o.dropFetch()
		o.failed = ""
	case f.active() && f.peer == from:
		f.deadline = m.now + int64(m.cfg.AskTimeout)
		o.failed = ""
	}
	m.maybeShow(o)
	m.maybeAsk(o)
}

// onChunk takes a piece of a snapshot that we asked this peer for.
func (m *Machine) onChunk(from *node, f *frame) {
	o := m.nodes[f.owner]
	if o == nil || o.fetch.peer != from.name || f.life != o.life || !o.member() {
		return
	}
	b := o.fetch.builder
	if b == nil || b.Version() != f.version {
		if f.offset != 0 {
			return // of an earlier transfer
		}
		if !o.fetch.full && f.version <= o.part.Version() {
			m.nothingNewer(o, from.name)
			return
		}
		b = crdt.NewBuilder(f.life, f.version, f.hash, int(f.total))
		o.fetch.builder, o.fetch.credit = b, chunksPerAsk
	}
	if f.offset != uint64(b.Len()) {
		return
	}
	if err := b.Insert(f.entries); err != nil || len(f.entries) == 0 && !b.Complete() {
		m.alarm(o, "%s sends a snapshot of %s that cannot be: %v", from.name, o.name, err)
		m.failFetch(o)
		m.maybeAsk(o)
		return
	}
	o.fetch.deadline = m.now + int64(m.cfg.AskTimeout)
	o.fetch.credit--
	if b.Complete() {
		m.complete(o, from.name)
	} else if o.fetch.credit <= 0 {
		m.sendAsk(o)
	}
}

// complete swaps the part built from chunks in.
func (m *Machine) complete(o *node, from string) {
	p, ok := o.fetch.builder.Part()
	p.BoundLog(m.cfg.LogOps)
	if !ok {
		m.alarm(o, "the snapshot of %s that %s sends is not what it says: its hash is %v", o.name, from, p.Hash())
		m.failFetch(o)
		m.maybeAsk(o)
		return
	}
	if o.fetch.full && p.Version() < o.part.Version() {
		o.fetch.aside = p
		m.sendAsk(o)
		return
	}
	if !catchUp(p, o.part) {
		m.failFetch(o)
		m.maybeAsk(o)
		return
	}
	m.stats.SnapshotsIn++
	if p.Version() > o.fetch.builder.Version() || len(o.held) > 0 {
		m.stats.CaughtUp++
	}
	o.dropFetch()
	o.failed = ""
	m.swap(o, p, from)
	m.drain(o)
	m.progress(o, from)
}

// catchUp brings p to the version of the part that it replaces, which has gone on meanwhile: versions never go back.
func catchUp(p, old *crdt.Part) bool {
	for p.Version() < old.Version() {
		d, ok := old.Delta(p.Version(), crdt.LogBytesMax)
		if !ok {
			return false
		}
		if _, err := p.Apply(&d, nil); err != nil {
			return false
		}
	}
	return true
}

// bringOn makes the owner's delta continue the part that is to replace one that is not to be trusted. What the latter has gone through
// meanwhile is no help: it may be what is wrong with it.
func (m *Machine) bringOn(o *node, d *heldDelta) {
	p := o.fetch.aside
	if d.delta.From > p.Version() {
		return // asked for already
	}
	_, err := p.Apply(&d.delta, nil)
	if err != nil || d.hasHash && d.delta.To() == p.Version() && d.hash != p.Hash() {
		m.failFetch(o)
		m.maybeAsk(o)
		return
	}
	if p.Version() >= o.part.Version() {
		m.stats.SnapshotsIn++
		o.dropFetch()
		m.swap(o, p, o.name)
	}
}

// swap replaces the part. A part in use is told as its differences, leaves first.
func (m *Machine) swap(o *node, p *crdt.Part, from string) {
	old := o.part
	o.part = p
	if from == o.name {
		o.verified = p.Version()
	}
	o.distrust = false
	if !o.routed() {
		m.heavier = true
		return
	}
	for _, e := range old.Entries() {
		if !p.Contains(e.Element) {
			m.tell(o, telling{kind: FxRemove, element: e.Element})
		}
	}
	for _, e := range p.Entries() {
		if !old.Contains(e.Element) {
			m.tell(o, telling{kind: FxAdd, element: e.Element})
		}
	}
	m.reached(o)
}

// disagree is called where a part differs from another of the same life and version. Only its owner can say which is right.
func (m *Machine) disagree(o *node) {
	if o.distrust || o.verified == o.part.Version() && o.verified != 0 {
		return
	}
	m.stats.Distrusts++
	o.distrust = true
	o.dropFetch()
	m.alarm(o, "two copies of the part of %s (life %v) differ at version %d: fetching it from the owner", o.name, o.life, o.part.Version())
	m.maybeAsk(o)
}
