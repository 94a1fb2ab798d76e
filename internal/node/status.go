package node

import "kleeblatt/gossip"

// URLs are where clients reach this node, once it is ready.
func (n *Node) URLs() []string {
	var out []string
	addrs := n.server.Addrs()
	for i, l := range n.cfg.Listen {
		if i < len(addrs) {
			out = append(out, clientURL(l, addrs[i]))
		}
	}
	return out
}

// GossipAddr is the address that others join by.
func (n *Node) GossipAddr() string {
	if n.swim == nil {
		return ""
	}
	return n.swim.Addr()
}

// Digest is equal on two nodes exactly when they route by equal tables.
func (n *Node) Digest() (d string) {
	n.hubs[0].ask(func() { d = n.hubs[0].home.digestText() })
	return d
}

// Reachable is the number of other nodes that this one routes to over a link that lives.
func (n *Node) Reachable() (count int) {
	n.hubs[0].ask(func() {
		for _, p := range n.hubs[0].home.places() {
			if p != nil && p.state == gossip.Reachable {
				count++
			}
		}
	})
	return count
}

// WaitTurn waits until the home loop has had another turn.
func (n *Node) WaitTurn() { n.hubs[0].ask(func() {}) }
