package router

import (
	"encoding/binary"
)

// idOf is the id of the key: the one that it has, or else a new one, which it has as soon as its entry is edited. It is derived from the
// key by a keyed hash, so that all nodes give the same; where it is taken, the next salt is tried.
func (t *Tables) idOf(k tableKey) uint64 {
	if k.kind == Interest {
		if e := t.entry(k); e != nil {
			return e.ID
		}
	} else if r := t.registration(k); r != nil {
		return r.ID
	}
	for salt := uint64(0); ; salt++ {
		id := t.derive(k, salt)
		_, subscribed := t.subs[id]
		_, registered := t.regs[id]
		if !subscribed && !registered {
			return id
		}
		t.collisions++
	}
}

func (t *Tables) derive(k tableKey, salt uint64) uint64 {
	b := t.scratch[:0]
	realm := t.realms.at(k.realm).Name
	b = appendElementHead(b, k.kind, realm, k.match, k.uri)
	b = binary.AppendUvarint(b, salt)
	t.scratch = b
	t.mac.Reset()
	t.mac.Write(b)
	t.sum = t.mac.Sum(t.sum[:0])
	return 1 + binary.BigEndian.Uint64(t.sum)%t.idMax
}
