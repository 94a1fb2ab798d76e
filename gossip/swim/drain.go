package swim

import (
	"net"
	"net/netip"

	"github.com/hashicorp/serf/serf"
)

// drain turns serf's events into ours. It never waits for anybody: serf holds its own locks while it sends.
// over is closed once serf sends nothing more; what it has sent by then is taken out, so that nothing of serf stays blocked.
func (n *Swim) drain(over <-chan struct{}) {
	for {
		select {
		case e := <-n.events:
			n.drainOne(e)
		case <-over:
			for {
				select {
				case e := <-n.events:
					n.drainOne(e)
				default:
					return
				}
			}
		}
	}
}

func (n *Swim) drainOne(e serf.Event) {
	switch e := e.(type) {
	case serf.MemberEvent:
		for i := range e.Members {
			n.memberEvent(e.Type, &e.Members[i])
		}
	case serf.UserEvent:
		if e.Name != headEvent {
			return
		}
		if owner, life, version, err := parseHead(e.Payload); err == nil && owner != n.cfg.Name {
			n.box.put(Event{Kind: EvHead, Name: owner, Life: life, Version: version})
		}
	}
}

func (n *Swim) memberEvent(kind serf.EventType, sm *serf.Member) {
	if sm.Name == n.cfg.Name {
		return
	}
	switch kind {
	case serf.EventMemberJoin, serf.EventMemberUpdate:
		n.memberAlive(sm)
	case serf.EventMemberLeave:
		n.memberGone(sm.Name, true)
	case serf.EventMemberFailed:
		n.memberGone(sm.Name, false)
	}
}

// memberAlive takes serf's word that a member lives. Rumours of a former life of it outlast that life, and beat the news of its successor
// for a moment, until that has refuted them; so an older life than we know of counts only once it has answered a probe itself.
func (n *Swim) memberAlive(sm *serf.Member) {
	t, err := parseTags(sm.Tags)
	if err != nil || !ValidName(sm.Name) {
		return // the merge delegate has refused it by name already
	}
	n.mu.Lock()
	m := n.members[sm.Name]
	if m == nil {
		n.forgetOne()
		m = &member{}
		n.members[sm.Name] = m
	}
	now := member{tags: t, addr: addrPort(sm.Addr, sm.Port), alive: true, back: m.back}
	if t.Life.Less(m.tags.Life) {
		m.claim = &now
		n.mu.Unlock()
		return
	}
	before := *m
	*m = now
	if known := before.tags.Life != (Life{}); known && (!before.alive || before.tags.Life != t.Life) {
		m.back = true
	}
	now = *m
	n.mu.Unlock()
	if before.alive && before.tags.Life != now.tags.Life {
		n.box.put(before.event(sm.Name, false, false))
	}
	if !before.alive || before.tags != now.tags || before.addr != now.addr {
		n.box.put(now.event(sm.Name, true, false))
	}
	poke(n.joinUp)
	poke(n.keepUp)
}

// claimed makes an older life that has answered the one that we know. n.mu is held.
func (n *Swim) claimed(name string, m *member, life Life) {
	if m.claim == nil || m.claim.tags.Life != life {
		return
	}
	before := *m
	*m = *before.claim
	m.back = true
	if before.alive {
		n.box.put(before.event(name, false, false))
	}
	n.box.put(m.event(name, true, false))
	poke(n.joinUp)
}

func (n *Swim) memberGone(name string, left bool) {
	n.mu.Lock()
	m := n.members[name]
	if m != nil {
		m.claim = nil
	}
	if m == nil || !m.alive && m.left == left {
		n.mu.Unlock()
		return
	}
	m.alive, m.left, n.gone = false, left, true
	gone := *m
	if left {
		delete(n.members, name) // it does not want to be asked back
		n.forgetKnown(m.addr)
	}
	n.mu.Unlock()
	n.box.put(gone.event(name, false, left))
	poke(n.joinUp)
	poke(n.keepUp)
}

// knownMax bounds the members that are remembered after they failed, for rejoin to try: a cluster whose nodes get new names at
// every start must not try dead names for ever.
const knownMax = 256

// forgetOne makes room for one more member. n.mu is held. Which of the failed ones goes does not matter.
func (n *Swim) forgetOne() {
	dead := ""
	count := 0
	for name, m := range n.members {
		if !m.alive {
			dead = name
			count++
		}
	}
	if count >= knownMax {
		delete(n.members, dead)
	}
}

func (m *member) event(name string, alive, left bool) Event {
	return Event{
		Kind: EvMember, Name: name, Alive: alive, Left: left, Life: m.tags.Life, Proto: m.tags.Proto,
		Addr: m.addr.String(), LinkAddr: linkAddr(m.tags.LinkAddr, m.addr.Addr().String()), LinkUnix: m.tags.LinkUnix, Tables: m.tags.Tables,
	}
}

// aliveCount is the number of other members that are alive. n.mu is held.
func (n *Swim) aliveCount() int {
	c := 0
	for _, m := range n.members {
		if m.alive {
			c++
		}
	}
	return c
}

func addrPort(ip net.IP, port uint16) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a.Unmap(), port)
}
