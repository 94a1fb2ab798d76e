package swim

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
)

// A piece of news travels as a rumour, and now and then a rumour misses somebody: at 50 nodes about one pair of all after a cut. So
// each answer to a probe carries a sum of whom the one who answers holds alive. Who meets three other sums in a row exchanges the
// membership with the last of them, instead of waiting for the exchange that comes by itself, which takes 10 s and at 64 nodes 20 s.

// apartProbes is how many answers in a row have to differ from our view: fewer would meet every rumour that is still on its way.
const apartProbes = 3

// view sums up whom we hold alive and under which lives, ourselves included; the order of the members does not matter. n.mu is held.
func (n *Swim) view() uint64 {
	sum := viewOf(n.cfg.Name, n.tags.Life)
	for name, m := range n.members {
		if m.alive {
			sum ^= viewOf(name, m.tags.Life)
		}
	}
	return sum
}

func viewOf(name string, life Life) uint64 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], life.Epoch)
	binary.BigEndian.PutUint64(b[8:], life.Nonce)
	h := fnv.New64a()
	h.Write(b[:])
	h.Write([]byte(name))
	return h.Sum64()
}

// viewed compares the view of one who answered with ours. n.mu is held.
func (n *Swim) viewed(name string, view uint64) {
	if view == n.view() {
		n.apart = 0
		return
	}
	n.apart, n.apartFrom = n.apart+1, name
	if n.apart >= apartProbes {
		poke(n.joinUp)
	}
}

// agree exchanges the membership with one whose view differs, if that has lasted.
func (n *Swim) agree() {
	n.mu.Lock()
	name, addr := n.apartFrom, netip.AddrPort{}
	if m := n.members[name]; m != nil && m.alive && n.apart >= apartProbes {
		addr = m.addr
		n.apart = 0
	}
	n.mu.Unlock()
	if !addr.IsValid() || n.ctx.Err() != nil || n.yielded.Load() {
		return
	}
	if _, err := n.serf.Join([]string{name + "/" + addr.String()}, false); err != nil {
		n.log.std.Printf("[INFO] swim: %s holds others alive than we do, and an exchange with it failed: %v", name, err)
	}
}
