package baseline

import (
	"maps"
	"slices"
)

// server is a member of the log's cluster. Its id is a life's: who comes back without the log that it voted by is another server.
type server struct {
	place
	name   string
	voter  bool
	leader bool // it is us
}

// job is one thing that the leader does for the cluster.
type job struct {
	kind   jobKind
	server server
	purge  *entry
}

type jobKind uint8

const (
	addServer jobKind = iota + 1 // as a non-voter
	promote
	removeServer
	purgeRows
)

// tend lets the leader do the next thing that is due; one at a time.
func (r *replicator) tend() {
	if r.tending || !r.journal.leads() {
		return
	}
	j, ok := r.nextJob(r.journal.servers())
	if !ok {
		return
	}
	r.tending = true
	r.journal.do(j, func() { r.tending = false })
}

// nextJob is what the cluster needs most: rows of the dead go, newcomers come, who is caught up votes while there are too few that do.
func (r *replicator) nextJob(servers []server) (job, bool) {
	names := slices.Sorted(maps.Keys(r.members))
	for _, name := range names {
		x := r.table.nodes[name]
		if m := r.members[name]; x != nil && !m.alive && len(x.elements) > 0 {
			return job{kind: purgeRows, purge: &entry{kind: purge, node: name, epoch: x.epoch}}, true
		}
	}
	voters := 0
	var dead, spare *server
	for i := range servers {
		s := &servers[i]
		m, known := r.members[s.name]
		gone := known && (!m.alive || m.epoch != s.epoch)
		switch {
		case s.leader:
			voters++
		case gone && (m.alive || !s.voter):
			return job{kind: removeServer, server: *s}, true
		case s.voter:
			voters++
			if gone {
				dead = s
			}
		case known && r.caughtUp(s):
			spare = s
		}
	}
	switch {
	case spare != nil && voters < r.voters:
		return job{kind: promote, server: *spare}, true
	case spare != nil && dead != nil:
		return job{kind: removeServer, server: *dead}, true
	}
	for _, name := range names {
		m := r.members[name]
		if m.alive && !slices.ContainsFunc(servers, func(s server) bool { return s.name == name }) {
			return job{kind: addServer, server: server{place: m.place, name: name}}, true
		}
	}
	return job{}, false
}

// caughtUp says that the server has written an entry of its life, which it could not before it had all that came before.
func (r *replicator) caughtUp(s *server) bool {
	x := r.table.nodes[s.name]
	return x != nil && x.epoch == s.epoch
}
