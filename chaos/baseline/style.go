package baseline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// style is what distinguishes the baselines.
type style struct {
	about      string
	tune       func(*raft.Config)
	foundAfter time.Duration // that a node without seeds waits for others before it founds a cluster
	sessions   bool          // who is connected is in the log as well
	flood      bool          // messages go to all nodes, as soon as any has a subscriber
	gateway    bool          // all proposals go by way of the founder
	impatient  bool          // clients are served before the tables are known, and a cluster is founded whoever else is there
}

// foundAfter gives membership time to meet those whom a restarted founder has left behind.
const foundAfter = time.Second

// styles are the baselines by their names. The product's own tables are called gossip.
var styles = map[string]style{
	"raft":     {about: "Raft with the library's timeouts: 1 s, 1 s, 500 ms", tune: func(*raft.Config) {}, foundAfter: foundAfter},
	"raft-lan": {about: "Raft with timeouts for a LAN: elections after 150 to 300 ms", tune: lan, foundAfter: foundAfter},
	"raft-paper": {
		about: "a re-implementation of the 2019 design: sessions in the log, node 0 the gateway, messages flooded, no join barrier",
		tune:  func(*raft.Config) {}, sessions: true, flood: true, gateway: true, impatient: true,
	},
}

// gossipTables names the product's own tables.
const gossipTables = "gossip"

// lan are timeouts for round trips below a few milliseconds. The library draws a timeout from one to two times what it is given.
func lan(c *raft.Config) {
	c.HeartbeatTimeout = 150 * time.Millisecond
	c.ElectionTimeout = 150 * time.Millisecond
	c.LeaderLeaseTimeout = 100 * time.Millisecond
	c.CommitTimeout = 5 * time.Millisecond // also how soon followers learn that an entry counts
}

func styleNames() []string {
	names := []string{gossipTables}
	for name := range styles {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// styleOf finds the named baseline; none for gossip.
func styleOf(name string) (*style, error) {
	if name == gossipTables {
		return nil, nil
	}
	s, ok := styles[name]
	if !ok {
		return nil, fmt.Errorf("--tables %s: there are %s", name, strings.Join(styleNames(), ", "))
	}
	return &s, nil
}
