package netlab

import "os/exec"

// Network is one namespace for each node, joined by a bridge whose traffic can be cut, for whoever runs nodes of his own. Clients' packets
// are never cut.
type Network struct{ nodes int }

// NewNetwork makes it, in the namespaces that this process is the first one in. It ends with the process.
func NewNetwork(nodes int) (*Network, error) {
	if !Inside() {
		return nil, errOutside
	}
	if err := settleIn(); err != nil {
		return nil, err
	}
	return &Network{nodes}, buildNetwork(nodes)
}

// Host is node i's address.
func (n *Network) Host(i int) string { return host(i) }

// Start starts a process of node i in its namespace.
func (n *Network) Start(i int, cmd *exec.Cmd) error {
	return startWithin(i, cmd)
}

// Cut drops what goes between nodes of different groups, from one moment on. A node that is in none is cut off from all.
func (n *Network) Cut(groups ...[]int) error {
	group := make([]int, n.nodes)
	for i := range group {
		group[i] = -1 - i
	}
	for g, members := range groups {
		for _, i := range members {
			group[i] = g
		}
	}
	var cuts []Cut
	for i := range n.nodes {
		for j := range n.nodes {
			if group[i] != group[j] {
				cuts = append(cuts, Cut{i, j, All})
			}
		}
	}
	return cut(cuts)
}

// Mend ends all cuts.
func (n *Network) Mend() error { return mend() }
