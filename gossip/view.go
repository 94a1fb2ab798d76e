package gossip

import (
	"kleeblatt/crdt"

	"github.com/tinylib/msgp/msgp"
)

// PartStatus is one part, for status and metrics.
type PartStatus struct {
	Owner   string
	Life    Life
	Version uint64
	Hash    crdt.Hash
	Entries int
	State   PeerState
}

// Stats count what the protocol has done, for metrics.
type Stats struct {
	DeltasOut    uint64 // frames, to each peer
	DeltasIn     uint64 // frames, what was no news included
	SnapshotsOut uint64 // sent to their end
	SnapshotsIn  uint64 // received completely, and right
	Asks         uint64 // requests for what is missing; their continuations are not counted
	AcksOut      uint64 // frames that tell an owner how far its part counts with us
	AcksIn       uint64
	Unknown      uint64 // frames of kinds that a later version has added: skipped
	Gaps         uint64 // deltas that lie beyond something that has not come
	Overlaps     uint64 // deltas of which a part was there already
	LateDeltas   uint64 // deltas of a life that is over
	Obituaries   uint64 // words of a life that is over: a handshake, or membership's
	Recalls      uint64 // parts of forgotten lives that are had again
	Distrusts    uint64 // parts that differed from another of their version
	CaughtUp     uint64 // snapshots that were swapped in for a part that had gone on, or with deltas waiting
}

// Stats returns a copy.
func (m *Machine) Stats() Stats { return m.stats }

// Self is our own part. Its state is Reachable.
func (m *Machine) Self() PartStatus {
	return PartStatus{m.cfg.Name, m.own.Life(), m.own.Version(), m.own.Hash(), m.own.Len(), Reachable}
}

// Parts lists what we hold of the others, by owner. Nodes that have never proven a life are left out.
func (m *Machine) Parts() []PartStatus {
	parts := make([]PartStatus, 0, len(m.order))
	for _, n := range m.order {
		if n.part != nil {
			parts = append(parts, PartStatus{n.name, n.life, n.part.Version(), n.part.Hash(), n.part.Len(), n.state})
		}
	}
	return parts
}

// DigestRoot stands for the tables that we route by: our own part and those that are shown. It is equal on two nodes exactly when
// both route by the same lives' parts at the same versions.
func (m *Machine) DigestRoot() [16]byte {
	if !m.rootValid {
		m.digest = m.digest[:0]
		own := false
		for _, n := range m.order {
			if !own && n.name > m.cfg.Name {
				own = true
				m.digest = append(m.digest, m.ownHead().Head)
			}
			if n.shown() {
				m.digest = append(m.digest, crdt.Head{Owner: n.name, Life: n.life, Version: n.part.Version(), Hash: n.part.Hash()})
			}
		}
		if !own {
			m.digest = append(m.digest, m.ownHead().Head)
		}
		m.root = m.digest.Root(nil)
		m.rootValid = true
	}
	return m.root
}

// AppendDigest appends what the answer to a probe carries: a version byte, the root, our own head, and as many others' as fit in
// DigestBytesMax. The others take turns.
func (m *Machine) AppendDigest(dst []byte) []byte {
	begin := len(dst)
	root := m.DigestRoot()
	dst = append(append(dst, wireVersion), root[:]...)
	own := m.ownHead()
	count, list := 1, appendHead(m.scratch[:0], &own)
	for range m.order {
		n := m.order[m.turn%len(m.order)]
		if n.part != nil {
			h := n.headLine()
			longer := appendHead(list, &h)
			if len(dst)-begin+msgp.ArrayHeaderSize+len(longer) > DigestBytesMax {
				break
			}
			count, list = count+1, longer
		}
		m.turn = (m.turn + 1) % len(m.order)
	}
	m.scratch = list
	return append(msgp.AppendArrayHeader(dst, uint32(count)), list...)
}

// parseProbeDigest reads what AppendDigest wrote, or a bare root.
func parseProbeDigest(b []byte) (root crdt.Hash, heads []head, err error) {
	if len(b) == rootBytes {
		return crdt.Hash(b), nil, nil
	}
	r := reader{b: b}
	if r.byte() != wireVersion || len(r.b) < rootBytes {
		return root, nil, errFrame
	}
	root, r.b = crdt.Hash(r.b[:rootBytes]), r.b[rootBytes:]
	heads = r.heads()
	if r.bad {
		return crdt.Hash{}, nil, errFrame
	}
	return root, heads, nil
}
