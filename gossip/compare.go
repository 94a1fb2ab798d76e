package gossip

import (
	"kleeblatt/crdt"
)

// Anti-entropy: what got lost on the way is found by comparing digests with each linked peer, and with whom SWIM probes.

// maybeCompare sends the root of our digest to all linked peers when it is time.
func (m *Machine) maybeCompare() {
	if m.now < m.compareAt {
		return
	}
	m.compareAt = m.jittered()
	var b []byte
	for _, n := range m.order {
		if !n.path() {
			continue
		}
		if b == nil {
			b = appendDigest(nil, m.DigestRoot())
		}
		m.send(n, b)
	}
}

// jittered is the time of the next comparison: nodes that were started together drift apart.
func (m *Machine) jittered() int64 {
	every := int64(m.cfg.CompareEvery)
	return m.now + every - every/8 + int64(m.cfg.Rand()%uint64(every/4+1))
}

// onRoot compares a peer's root with ours. Where they differ it is told all our heads and finds what it lacks; so do we, since it
// compares as well.
func (m *Machine) onRoot(n *node, root crdt.Hash) {
	if root == m.DigestRoot() {
		return
	}
	if n.headsAt != 0 && m.now-n.headsAt < int64(m.cfg.CompareEvery)/2 {
		return
	}
	m.sendHeads(n)
}

// onProbeDigest takes the digest that came with the answer to a probe. It comes by datagrams and may be late: what cannot be read is
// dropped, and what is old is no news.
func (m *Machine) onProbeDigest(name string, b []byte) {
	root, heads, err := parseProbeDigest(b)
	if err != nil || name == m.cfg.Name {
		return
	}
	for i := range heads {
		m.onHead(name, &heads[i], false)
	}
	if n := m.nodes[name]; n != nil && n.path() {
		m.onRoot(n, root)
	}
}

// sendHeads tells a peer how far each part is with us.
func (m *Machine) sendHeads(n *node) {
	n.headsAt = max(m.now, 1)
	heads := []head{m.ownHead()}
	size := 0
	for _, o := range m.order {
		if o.life.IsZero() {
			continue
		}
		if size += len(o.name) + headerBytes - NameBytesMax; size > m.payloadBytes() {
			m.send(n, appendHeads(nil, heads))
			heads, size = heads[:0], 0
		}
		h := o.headLine()
		if o == n {
			h.Version = max(h.Version, o.floor) // an owner with less than we remember has to take a higher epoch
		}
		heads = append(heads, h)
	}
	m.send(n, appendHeads(nil, heads))
}

// onNews takes the news, from anywhere, that an owner's part has reached a version.
func (m *Machine) onNews(owner string, life Life, version uint64) {
	if owner == m.cfg.Name {
		m.onRival(life, false, version)
		return
	}
	if o := m.nodes[owner]; o != nil && life == o.life && o.member() {
		m.want(o, version, "")
	}
}

// onHead takes a peer's word on how far a part is with it. An answer to a request may say that there is nothing newer.
func (m *Machine) onHead(from string, h *head, answer bool) {
	if h.Owner == m.cfg.Name {
		m.onRival(h.Life, h.buried, h.Version)
		return
	}
	if h.buried {
		m.onRetire(from, h.Owner, h.Life, h.Version)
		return
	}
	o := m.nodes[h.Owner]
	if o == nil || h.Life != o.life || !o.member() {
		return
	}
	switch v := o.part.Version(); {
	case h.Version > v:
		m.want(o, h.Version, from)
	case h.Version == v && h.Hash != o.part.Hash():
		m.disagree(o)
	case answer:
		m.nothingNewer(o, from)
	}
}
