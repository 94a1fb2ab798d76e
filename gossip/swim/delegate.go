package swim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"
)

// pingDelegate carries our life, our view of the members and our table's digest in the answers to probes.
//
//	version octet | epoch, 8 octets | nonce, 8 octets | view, 8 octets | digest
type pingDelegate struct{ n *Swim }

const (
	ackVersion = 2
	ackHead    = 25
)

func (p pingDelegate) AckPayload() []byte {
	p.n.mu.Lock()
	life, view := p.n.tags.Life, p.n.view()
	p.n.mu.Unlock()
	var digest []byte
	if p.n.cfg.Digest != nil {
		digest = p.n.cfg.Digest()
	}
	if len(digest) > DigestMax {
		digest = nil // half a digest would be a wrong one
	}
	return appendAck(make([]byte, 0, ackHead+len(digest)), life, view, digest)
}

func appendAck(dst []byte, life Life, view uint64, digest []byte) []byte {
	dst = append(dst, ackVersion)
	dst = binary.BigEndian.AppendUint64(dst, life.Epoch)
	dst = binary.BigEndian.AppendUint64(dst, life.Nonce)
	dst = binary.BigEndian.AppendUint64(dst, view)
	return append(dst, digest...)
}

func parseAck(b []byte) (life Life, view uint64, digest []byte, ok bool) {
	if len(b) < ackHead || len(b) > ackHead+DigestMax || b[0] != ackVersion {
		return Life{}, 0, nil, false
	}
	return Life{binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])}, binary.BigEndian.Uint64(b[17:]), b[ackHead:], true
}

// NotifyPingComplete is called on memberlist's prober.
func (p pingDelegate) NotifyPingComplete(other *memberlist.Node, rtt time.Duration, payload []byte) {
	life, view, digest, ok := parseAck(payload)
	if !ok || !ValidName(other.Name) {
		return
	}
	p.n.answered(other.Name, life, view)
	p.n.box.put(Event{
		Kind: EvProbe, Name: other.Name, Life: life, RTT: rtt,
		Digest: bytes.Clone(digest), // it lies in memberlist's packet
	})
}

// answered compares the life that answers with the one that we were told of, and its view of the members with ours. A process that was restarted within the time that a
// failure takes to be seen answers for its predecessor, and knows nobody if it has no seeds: rejoin has to introduce us.
func (n *Swim) answered(name string, life Life, view uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.viewed(name, view)
	m := n.members[name]
	if m == nil {
		return
	}
	n.claimed(name, m, life)
	if m.stale = m.tags.Life != life; m.stale {
		poke(n.joinUp)
	}
}

// mergeDelegate sees the members that are offered to us: before a join the whole list of the other side, and each single one that
// is said to be alive (with memberlist's lock held, so it only notes).
type mergeDelegate struct{ n *Swim }

// NotifyMerge refuses only a single stranger. A list with a stranger in it is merged, and the stranger refused later, alone: else
// one bad entry would keep everybody from joining.
func (m mergeDelegate) NotifyMerge(list []*serf.Member) error {
	for _, sm := range list {
		t, err := parseTags(sm.Tags)
		if err != nil || !ValidName(sm.Name) {
			if len(list) == 1 {
				return fmt.Errorf("%q is refused: %w", sm.Name, errTags)
			}
			continue
		}
		if sm.Name == m.n.cfg.Name {
			m.n.namesake(t, addrPort(sm.Addr, sm.Port))
		}
	}
	return nil
}

// rival is a process, or the memory of one, that has our name.
type rival struct {
	tags tags
	addr netip.AddrPort
	// settled: it was answered for; nothing more is to be found out.
	settled bool
}

// rivalsMax bounds the rivals: more means that names are given out wrongly on a large scale, or an attack with the cluster key.
const rivalsMax = 16

// namesake notes that the cluster knows our name under these tags.
func (n *Swim) namesake(t tags, addr netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t.born == n.tags.born {
		return
	}
	r, known := n.rivals[t.born]
	if !known && len(n.rivals) == rivalsMax {
		return
	}
	elsewhere := addr != n.self
	newcomer := elsewhere && n.tags.joined && !t.joined // it will end; nobody has taken its life for ours
	if news := !known || r.tags.Life != t.Life || t.joined && !r.tags.joined; news && !newcomer {
		n.box.put(Event{Kind: EvGhost, Life: t.Life, Addr: addr.String()})
	}
	if elsewhere {
		n.seen = true
	}
	if known && r.settled {
		return
	}
	n.rivals[t.born] = rival{tags: t, addr: addr, settled: !elsewhere}
	if elsewhere {
		poke(n.joinUp)
	}
}
