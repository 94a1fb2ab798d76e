package node

import (
	"log/slog"

	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
	"kleeblatt/internal/config"
	"kleeblatt/internal/router"
)

// Replicator takes the changes of this node's subscriptions and registrations to the other nodes, and brings theirs. The product has none:
// there gossip does it, and a change counts as soon as it is proposed. Sessions, retained events and what becomes of nodes stay with gossip
// in any case, so that two replicators differ in nothing else.
//
// All methods but Close are called on the home loop and must not block; the host may be called back from inside of them. Strings may be kept.
type Replicator interface {
	// Propose adds or removes an element of this node. It says whether it takes the change: if not, gossip does. What it takes is answered
	// by the host's Applied or Refused, at once or later, unless the token is 0.
	Propose(add bool, element string, token uint64) (taken bool)
	// Member takes membership's word on another node; tag is what that node's replicator said of itself.
	Member(name, tag string, alive bool)
	// Shown and Hidden say whether the node is routed to from now on: only then its elements are brought (all of them, before Shown
	// returns) and taken back (before Hidden returns).
	Shown(node string)
	Hidden(node string)
	// Ready says whether clients may be served; Changed asks for it again.
	Ready() bool
	// Close ends all that it has begun. Nothing is carried out on the home loop any more by then, nor will be.
	Close()
}

// ReplicatorHost is what a replicator may ask of its node. All but Do are for the home loop: inside of Do and of the replicator's methods.
type ReplicatorHost interface {
	// Do runs f on the home loop, in order; on any goroutine. Nothing runs once the node is being closed.
	Do(f func())
	// Applied says that a change counts.
	Applied(token uint64)
	// Refused says that a change is not going to count; uri is the error that the client is told.
	Refused(token uint64, uri string)
	// Revoke ends a registration of this node that has counted; its session is told why.
	Revoke(element, uri string)
	// Add and Remove bring an element of another node, which is shown, and take it back.
	Add(node, element string)
	Remove(node, element string)
	// Changed says that Ready may answer otherwise now.
	Changed()
}

// ReplicatorConfig is what a replicator is made with.
type ReplicatorConfig struct {
	Name   string
	Epoch  uint64 // of the life that the process began with: higher than those before it
	Gossip string // where this node's membership will be bound, host:port
	Founds bool   // nobody is to be joined
	Host   ReplicatorHost
	Log    *slog.Logger
}

// Options are for those who compose a node otherwise than the product does.
type Options struct {
	// Replicator makes the node's replicator before the node has met any other; tag is told to the others' replicators and takes at
	// most swim.TablesMax bytes.
	Replicator func(ReplicatorConfig) (r Replicator, tag string, err error)
}

// StartWith is Start for a node that is composed otherwise.
func StartWith(cfg config.Config, log *slog.Logger, o Options) (*Node, error) {
	return startWith(cfg, log, hooks{replicator: o.Replicator})
}

// startReplicator makes the replicator, where there is one; the loops do not run yet.
func (n *Node) startReplicator() (err error) {
	if n.hooks.replicator == nil {
		return nil
	}
	o := n.hubs[0].home
	n.replicator, n.tables, err = n.hooks.replicator(ReplicatorConfig{
		Name: n.name, Epoch: n.life.Load().Epoch, Gossip: n.cfg.Gossip, Founds: len(n.cfg.Join) == 0, Host: replicatorHost{o}, Log: n.log,
	})
	o.replicator = n.replicator
	return err
}

// hand gives a change to whoever replicates it.
func (o *home) hand(op *router.TableOp, token uint64) {
	if o.replicator != nil && o.replicator.Propose(op.Add, op.Element, token) {
		return
	}
	o.feedGossip(gossip.Input{Kind: gossip.InPropose, Add: op.Add, Element: op.Element, Token: token})
}

// memberOf tells the replicator of a member.
func (o *home) memberOf(e *swim.Event) {
	if o.replicator != nil {
		o.replicator.Member(e.Name, e.Tables, e.Alive)
	}
}

// replicatorHost is the home hub as its replicator sees it.
type replicatorHost struct{ o *home }

// Do implements ReplicatorHost.
func (h replicatorHost) Do(f func()) {
	h.o.h.deliver(letter{kind: letterDo, do: func() {
		if h.o.n.ending.Load() {
			return
		}
		f()
		h.o.execTables()
		h.o.settle()
	}})
}

// Applied implements ReplicatorHost.
func (h replicatorHost) Applied(token uint64) {
	h.o.tfx = h.o.tables.Applied(token, h.o.tfx)
	h.o.dirty = true
}

// Refused implements ReplicatorHost.
func (h replicatorHost) Refused(token uint64, uri string) {
	h.o.tfx = h.o.tables.Refused(token, uri, h.o.tfx)
	h.o.dirty = true
}

// Revoke implements ReplicatorHost.
func (h replicatorHost) Revoke(element, uri string) {
	e, err := router.ParseElement(element)
	if err != nil || e.Kind != router.Registration {
		return
	}
	op := router.Op{Kind: router.OpRevoke, Realm: e.Realm, Match: e.Match, URI: e.URI, Session: e.Session, Reason: uri}
	h.o.tfx = h.o.tables.Propose(op, 0, h.o.n.world.wall(), h.o.tfx)
	h.o.dirty = true
}

// Add implements ReplicatorHost.
func (h replicatorHost) Add(node, element string) {
	if p := h.o.peers[node]; p != nil {
		h.o.element(p, &gossip.Effect{Kind: gossip.FxAdd, Element: element})
	}
}

// Remove implements ReplicatorHost.
func (h replicatorHost) Remove(node, element string) {
	p := h.o.peers[node]
	switch {
	case p == nil:
	case p.unrouted:
		p.unroute(element)
	default:
		h.o.element(p, &gossip.Effect{Kind: gossip.FxRemove, Element: element})
	}
}

// Changed implements ReplicatorHost.
func (h replicatorHost) Changed() { h.o.look = true }
