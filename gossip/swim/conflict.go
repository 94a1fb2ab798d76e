package swim

import (
	"fmt"
	"net"
)

// rivalPings is how often a rival is asked before it is taken for a ghost: one lost packet must not let two of a name live.
const rivalPings = 3

// settleRivals asks every rival that was not answered for whether it lives. It reports whether this node may go on: false means
// that it has to give way, or that a living rival was met and neither is to give way yet.
func (n *Swim) settleRivals() bool {
	n.mu.Lock()
	var open []rival
	for _, r := range n.rivals {
		if !r.settled {
			open = append(open, r)
		}
	}
	me := n.tags
	n.mu.Unlock()
	ok := true
	for _, r := range open {
		if n.isSelf(r.addr, localAddrs()) || !n.lives(r) { // at an address of ours only we ourselves would answer
			n.forgetRival(r) // if it is heard of again, it is asked again
			continue
		}
		switch yield := givesWay(me, r.tags); {
		case yield:
			n.yielded.Store(true)
			n.box.put(n.conflict(r, true))
			return false
		case me.joined:
			n.settleRival(r)
			n.box.put(n.conflict(r, false))
		default:
			ok = false // both are new, we are older: it will end; until then we have not joined
		}
	}
	return ok
}

// givesWay says which of two living processes of one name ends: the one that has not joined, and among equals the younger. Both
// sides come to the same verdict, and no clock decides while one of them is established.
func givesWay(me, other tags) bool {
	if me.joined != other.joined {
		return !me.joined
	}
	return other.born.Less(me.born)
}

func (n *Swim) lives(r rival) bool {
	for range rivalPings {
		if n.ctx.Err() != nil {
			return false
		}
		if _, err := n.serf.Memberlist().Ping(n.cfg.Name, net.UDPAddrFromAddrPort(r.addr)); err == nil {
			return true
		}
	}
	return false
}

func (n *Swim) forgetRival(r rival) {
	n.mu.Lock()
	delete(n.rivals, r.tags.born)
	n.mu.Unlock()
}

func (n *Swim) settleRival(r rival) {
	n.mu.Lock()
	r.settled = true
	n.rivals[r.tags.born] = r
	n.mu.Unlock()
}

func (n *Swim) conflict(r rival, yield bool) Event {
	e := Event{Kind: EvConflict, Addr: r.addr.String(), Life: r.tags.Life, Yield: yield}
	if yield {
		e.Text = fmt.Sprintf("a node named %q already runs at %s: give this one another --name", n.cfg.Name, r.addr)
	} else {
		e.Text = fmt.Sprintf("a second node named %q was started at %s: it should end by itself; give it another --name", n.cfg.Name, r.addr)
	}
	return e
}
