package gossip

import (
	"slices"

	"kleeblatt/crdt"
)

// How parts, our own and others', are served to who asks.

// served is a frozen part that somebody reads.
type served struct {
	owner    string
	snapshot *crdt.Snapshot
	used     int64
}

// headerBytes bounds what a frame holds beside its elements: the owner's name, life, versions, hash.
const headerBytes = NameBytesMax + 96

func (m *Machine) payloadBytes() int { return max(m.cfg.FrameBytes-headerBytes, 1) }

func (m *Machine) onAsk(from *node, f *frame) {
	p := m.partOf(f.owner, f.life)
	if p == m.own && f.have > p.Version() {
		m.onRival(f.life, false, f.have)
		return
	}
	switch {
	case p == nil:
		m.sendHead(from, m.headOf(f.owner, f.life))
	case f.version != 0:
		m.continueSnapshot(from, p, f)
	case !f.full && p.Version() <= f.have:
		m.sendHead(from, m.headOf(f.owner, f.life))
	case !f.full && p.Covers(f.have):
		frames, _ := m.deltaFrames(f.owner, p, f.have)
		for _, b := range frames {
			m.send(from, b)
		}
		m.stats.DeltasOut += uint64(len(frames))
	default:
		m.sendChunks(from, m.freeze(f.owner, p, f.have), 0)
	}
}

// partOf returns what we have of a life's part, nil for nothing that others should have.
func (m *Machine) partOf(owner string, life Life) *crdt.Part {
	if owner == m.cfg.Name {
		if life == m.own.Life() {
			return m.own
		}
		return nil
	}
	if o := m.nodes[owner]; o != nil && o.life == life && !o.distrust {
		return o.part
	}
	return nil
}

// headOf is our word on a life's part: that we have nothing of it, if need be.
func (m *Machine) headOf(owner string, life Life) head {
	if owner == m.cfg.Name && life == m.own.Life() {
		return m.ownHead()
	}
	o := m.nodes[owner]
	if o == nil || o.life != life {
		return head{Head: crdt.Head{Owner: owner, Life: life}}
	}
	return o.headLine()
}

func (m *Machine) sendHead(to *node, h head) { m.send(to, appendHeads(nil, []head{h})) }

// deltaFrames are the changes of p after version from. The last frame carries the part's hash.
func (m *Machine) deltaFrames(owner string, p *crdt.Part, from uint64) (frames [][]byte, ok bool) {
	for from != p.Version() {
		d, ok := p.Delta(from, m.payloadBytes())
		if !ok {
			return nil, false
		}
		from = d.To()
		frames = append(frames, appendDelta(nil, owner, &d, p.Hash(), from == p.Version()))
	}
	return frames, true
}

// freeze returns a frozen copy of p that is newer than have: one that others read already if it leads to p by a delta, else a new one.
func (m *Machine) freeze(owner string, p *crdt.Part, have uint64) *served {
	for _, s := range m.served {
		if s.owner == owner && s.snapshot.Life() == p.Life() && s.snapshot.Version() > have && p.Covers(s.snapshot.Version()) {
			return s
		}
	}
	s := &served{owner: owner, snapshot: p.Snapshot()}
	if len(m.served) >= servedMax {
		idle := 0
		for i, o := range m.served {
			if o.used < m.served[idle].used {
				idle = i
			}
		}
		m.served = slices.Delete(m.served, idle, idle+1)
	}
	m.served = append(m.served, s)
	return s
}

// continueSnapshot sends the next chunks of the copy that the peer reads. If that is gone, it begins with another.
func (m *Machine) continueSnapshot(to *node, p *crdt.Part, f *frame) {
	for _, s := range m.served {
		if s.owner == f.owner && s.snapshot.Life() == f.life && s.snapshot.Version() == f.version && f.offset <= uint64(s.snapshot.Len()) {
			m.sendChunks(to, s, int(f.offset))
			return
		}
	}
	m.sendChunks(to, m.freeze(f.owner, p, f.have), 0)
}

// sendChunks sends chunks from the offset-th entry on, until the window is full or the snapshot ends. An empty snapshot is one chunk.
func (m *Machine) sendChunks(to *node, s *served, offset int) {
	s.used = m.now
	for range chunksPerAsk {
		entries := s.snapshot.Chunk(offset, m.payloadBytes())
		m.send(to, appendChunk(nil, s.owner, s.snapshot, offset, entries))
		offset += len(entries)
		if offset >= s.snapshot.Len() {
			m.stats.SnapshotsOut++
			return
		}
	}
}

func (m *Machine) expireServed() {
	m.served = slices.DeleteFunc(m.served, func(s *served) bool { return m.now-s.used >= servedFor })
}

func (m *Machine) dropServed(owner string) {
	m.served = slices.DeleteFunc(m.served, func(s *served) bool { return s.owner == owner })
}
