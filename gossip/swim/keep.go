package swim

import (
	"net/netip"
	"slices"
	"time"
)

// KnownMax bounds the addresses that are kept for the next run: a full mesh of 64 nodes. Who is alive goes before who was.
const KnownMax = 64

// keepEvery is the time between two calls of Config.Keep: a cluster that starts or falls changes many times in a moment.
const keepEvery = time.Second

// keep hands the addresses of the members on whenever they have changed, so that they outlive the process.
func (n *Swim) keep() {
	last := n.knownAddrs()
	for {
		select {
		case <-n.keepUp:
		case <-n.ctx.Done():
			return
		}
		if now := n.knownAddrs(); !slices.Equal(now, last) {
			n.cfg.Keep(now)
			last = now
		}
		select {
		case <-time.After(keepEvery):
		case <-n.ctx.Done():
			return
		}
	}
}

// knownAddrs lists where members are or were, and where some were at the end of the last run, in one order: those that are alive first.
func (n *Swim) knownAddrs() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var alive, others []netip.AddrPort
	for _, m := range n.members {
		if m.alive {
			alive = append(alive, m.addr)
		} else {
			others = append(others, m.addr)
		}
	}
	others = append(others, n.known...)
	slices.SortFunc(alive, netip.AddrPort.Compare)
	slices.SortFunc(others, netip.AddrPort.Compare)
	list := make([]string, 0, min(len(alive)+len(others), KnownMax))
	seen := make(map[netip.AddrPort]bool, len(alive)+len(others))
	for _, a := range append(alive, others...) {
		if !seen[a] && len(list) < KnownMax {
			seen[a] = true
			list = append(list, a.String())
		}
	}
	return list
}

// parseKnown reads what Keep was given in an earlier run. What is no address is passed over: it is a help, not more.
func parseKnown(list []string) (addrs []netip.AddrPort) {
	for _, s := range list {
		if a, err := netip.ParseAddrPort(s); err == nil && a.Port() != 0 && len(addrs) < KnownMax {
			addrs = append(addrs, netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port()))
		}
	}
	return addrs
}

// forgetKnown is called when who was at addr has said goodbye. n.mu is held.
func (n *Swim) forgetKnown(addr netip.AddrPort) {
	n.known = slices.DeleteFunc(n.known, func(a netip.AddrPort) bool { return a == addr })
}
