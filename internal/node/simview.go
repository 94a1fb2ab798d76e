package node

import (
	"kleeblatt/crdt"
	"kleeblatt/gossip"
	"kleeblatt/internal/router"
	"kleeblatt/transport/link"
)

// View is what a simulation sees of a node, a copy but for what the peers' links are asked.
type View struct {
	Ready      bool
	Reason     string // why it is not, or with which reservation
	Self       gossip.PartStatus
	Digest     [16]byte // of the tables that the node routes by
	Peers      []PeerView
	Gossip     gossip.Stats
	Rebirths   uint64
	Alarms     uint64
	Refused    uint64 // links that the other end did not want
	Unknown    uint64 // table entries that could not be used
	Dropped    uint64 // frames for other nodes that no link took
	Collisions uint64 // of subscription and registration ids
	Tables     router.TablesStats
	Waiting    int64 // bytes in the mailboxes
	Backlog    gossip.Backlog
	Settled    bool // what gossip has told is in the snapshots, all of it
}

// PeerView is one other node as this one sees it.
type PeerView struct {
	Name      string
	Slot      router.NodeSlot
	State     gossip.PeerState
	Alive     bool        // membership's word
	Life      gossip.Life // at the other end of the link
	Path      link.State
	Kind      string // of the path: tcp, unix, relay or none
	Lingers   bool   // hidden, but events still go to it
	Full      bool   // a lane's window or credit is used up
	Suspected uint64 // times

	l *link.Machine
}

// Marks are the link's, as they are when it is asked.
func (v *PeerView) Marks() link.Marks { return v.l.Marks() }

// WindowBytes is what the link keeps for the peer when it is asked.
func (v *PeerView) WindowBytes() int { return v.l.WindowBytes() }

// Stats are the link's when it is asked, a copy.
func (v *PeerView) Stats() link.Stats { return v.l.Stats() }

// View looks at the node. It must not be called from inside of a handler.
func (s *Sim) View() View {
	o := s.n.hubs[0].home
	r := s.n.ready.Load()
	v := View{
		Ready: r.ready, Reason: r.reason,
		Self: o.g.Self(), Digest: o.g.DigestRoot(), Gossip: o.g.Stats(),
		Rebirths: s.n.count.rebirths.Load(), Alarms: s.n.count.alarms.Load(), Refused: s.n.count.linkRefused.Load(),
		Unknown: o.tables.Unknown(), Collisions: o.tables.Collisions(), Tables: o.tables.Stats(), Dropped: o.dropped,
		Backlog: o.g.Backlog(),
	}
	v.Settled = !o.dirty && len(o.reached) == 0 && len(o.tfx) == 0 && v.Backlog.Tellings == 0
	for _, h := range s.n.hubs {
		v.Waiting += h.box.bytes.Load()
	}
	v.Peers = make([]PeerView, 0, len(o.peers))
	s.EachPeer(func(p *PeerView) { v.Peers = append(v.Peers, *p) })
	return v
}

// EachPeer calls f with each other node that has a place, by slot. What it is given is valid during the call.
func (s *Sim) EachPeer(f func(*PeerView)) {
	var v PeerView
	for _, p := range s.n.hubs[0].home.places() {
		if p != nil {
			v = p.view()
			f(&v)
		}
	}
}

// Peer is the other node of that name, if it has a place.
func (s *Sim) Peer(name string) (v PeerView, found bool) {
	o := s.n.hubs[0].home
	if p := o.peers[name]; p != nil && o.slots[p.slot] == p {
		return p.view(), true
	}
	return v, false
}

func (p *peer) view() PeerView {
	return PeerView{
		Name: p.name, Slot: p.slot, State: p.state, Alive: p.alive, Life: p.life, Path: p.l.State(), Kind: p.kind,
		Lingers: p.lingers, Full: p.full != 0, Suspected: p.suspected, l: p.l,
	}
}

// Self is the node's own part.
func (s *Sim) Self() gossip.PartStatus { return s.n.hubs[0].home.g.Self() }

// Settled reports whether the node knows all that those whom it reaches have to tell.
func (s *Sim) Settled() bool { return s.n.hubs[0].home.g.Settled() }

// OwnDelta is what the own part has changed after a version, as far as its log reaches.
func (s *Sim) OwnDelta(from uint64) (crdt.Delta, bool) { return s.n.hubs[0].home.g.OwnDelta(from) }

// EachNode calls f with what is held of each other node whose life is known, by name.
func (s *Sim) EachNode(f func(gossip.PartStatus)) { s.n.hubs[0].home.g.EachNode(f) }

// Elements are the entries of an owner's part, which may not be changed or kept.
func (s *Sim) Elements(owner string) []crdt.Entry { return s.n.hubs[0].home.g.Elements(owner) }

// Worker returns the counters of worker i.
func (s *Sim) Worker(i int) router.Stats { return s.n.hubs[i].worker.Stats() }

// Realm is what the workers route by in that realm, nil where there is none. Nodes are slots there, see PeerView.
func (s *Sim) Realm(name string) *router.Snapshot {
	r := s.n.realms.Get(name)
	if r == nil {
		return nil
	}
	return r.Cell.Load()
}

// EachLane calls f with the state of each lane to and from the peer in that slot.
func (s *Sim) EachLane(slot router.NodeSlot, f func(lane int, x link.LaneStatus)) {
	if p := s.n.hubs[0].home.slots[slot]; p != nil {
		for i := range p.l.Lanes() {
			f(i, p.l.Lane(i))
		}
	}
}

// SimFrame is what came of a relay frame at a worker.
type SimFrame struct {
	Worker      int
	Node        router.NodeSlot // that it came from, 0: another worker of this node
	Publication uint64          // 0: it is none
	Owed        int             // EVENTs, by a walk over all sessions and what they hold
	Events      uint64          // handed to connections
	Withheld    uint64          // EVENTs that were counted and not handed over: too large for the receiver, or not to be said in its serializer
	PassedOn    int             // frames with the same publication that left
}

// watched is the worker's Step, and a word about each frame.
func watched(w *router.Worker, index int, tell func(SimFrame)) func(*router.Input, []router.Effect) []router.Effect {
	return func(in *router.Input, out []router.Effect) []router.Effect {
		id, ok := uint64(0), in.Kind == router.InFrame
		if ok {
			id, ok = router.Publication(in.Bytes)
		}
		if !ok {
			return w.Step(in, out)
		}
		f := SimFrame{Worker: index, Node: in.Node, Publication: id, Owed: w.Owed(in.Bytes)}
		before := w.Stats()
		at := len(out)
		out = w.Step(in, out)
		after := w.Stats()
		f.Events = after.Events - before.Events
		f.Withheld = after.EventsTooLarge + after.EventsUncarriable - before.EventsTooLarge - before.EventsUncarriable
		for i := range out[at:] {
			e := &out[at+i]
			if e.Kind != router.FxPost && e.Kind != router.FxRelay {
				continue
			}
			if other, _ := router.Publication(e.Bytes); other == id {
				f.PassedOn++
			}
		}
		tell(f)
		return out
	}
}
