package node

import (
	"time"

	"kleeblatt/gossip"
	"kleeblatt/internal/router"
)

// execClaims carries out what the tables have to say of registrations with one owner.
func (o *home) execClaims(e *router.TablesEffect) {
	switch e.Kind {
	case router.TxRefuse:
		if p := o.slots[e.Node]; p != nil {
			o.feedGossip(gossip.Input{Kind: gossip.InRefuse, Name: p.name, Element: e.Op.Element})
		}
	case router.TxRevoked:
		o.dirty = true
		o.tables.Commit() // a session that was told so is not called any more
		in := router.Input{Kind: router.InRevoked, Session: e.Session, ID: e.ID, Err: e.Err}
		if w := e.Session % uint64(len(o.n.hubs)); w == uint64(o.h.index) {
			o.h.step(in)
		} else {
			o.n.hubs[w].deliver(letter{kind: letterInput, input: in})
		}
	case router.TxConflict:
		c := e.Conflict
		what := "revoked"
		if c.Policy == router.Standby {
			what = "kept in reserve"
		}
		o.n.log.Info("a registration lost against an earlier one and is "+what, "realm", c.Realm, "procedure", c.URI, "session", c.Session, "winner", c.Node)
		o.directory.TellConflict(c)
	case router.TxClockAhead:
		if p := o.slots[e.Node]; p != nil {
			o.n.log.Warn("a node's clock is ahead", "node", p.name, "by", millis(e.Wait))
		}
	}
}

// tickTables lets the tables judge what is due.
func (o *home) tickTables(now int64) {
	if at := o.tables.WakeAt(); at == 0 || now < at {
		return
	}
	o.tfx = o.tables.Tick(now, o.n.world.wall(), o.g.Settled(), o.tfx)
	o.dirty = true
	o.execTables()
	o.settle()
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
