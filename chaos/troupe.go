package chaos

import "time"

// troupe plays the clients of a world, and judges what they saw.
type troupe struct {
	w      *World
	crowd  *crowd
	ledger *ledger
	core   []int // the nodes that were healed for good
	heavy  bool  // what is published fills windows, so that frames may be lost in any outage
}

// heavyWorlds is the share of worlds whose clients publish much at a time.
const heavyWorlds = 0.25

// clientsPerNode: a run of two and a half minutes does several hundred things, whatever its size.
const clientsPerNode = 3

func init() {
	newTraffic = func(w *World) traffic { return newTroupe(w) }
}

func newTroupe(w *World) *troupe {
	t := &troupe{w: w, ledger: newLedger(func() int64 { return w.now })}
	t.ledger.count, t.ledger.collide, t.ledger.standby = &w.count, w.draw.idBits < 53, w.draw.standby
	t.ledger.settled = t.settled
	t.ledger.trouble, t.ledger.torn = t.trouble, t.torn
	t.ledger.late = func(a, b int, from, until int64) bool { return w.journal.trouble(a, b, from, until) != calm }
	t.ledger.gone, t.ledger.died = t.gone, t.died
	t.ledger.wait.gone = int64(w.draw.failMax + w.draw.hideAfter + w.draw.leaveGrace + goneSlack)
	t.ledger.report = func(v violation) { w.violate("%s: %s", v.rule, v.text) }
	t.crowd = &crowd{place: t, rnd: w.rnd, ledger: t.ledger, realm: "realm1", padMax: min(w.draw.window/64, w.draw.outboxBytes/8)}
	if w.chance(heavyWorlds) {
		t.heavy, t.crowd.padMax = true, min(largePad, w.draw.window/4, w.draw.outboxBytes/8)
	}
	return t
}

// trouble is what a fault may have done to two nodes, as far as it did.
func (t *troupe) trouble(a, b int, from, until int64) trouble {
	if a == b {
		return t.w.journal.trouble(a, b, from, until)
	}
	t.w.history.upTo(until)
	seen := t.w.history.worst(a, b, from, until)
	if seen == calm {
		return calm
	}
	if t.heavy && seen == torn && t.w.journal.trouble(a, b, from, until) != calm {
		return torn
	}
	return min(seen, t.w.journal.trouble(a, b, from, until))
}

func (t *troupe) torn(a, b int, at int64) int64 {
	seen, noted := t.w.history.tornBefore(a, b, at), t.w.journal.torn(a, b, at)
	if seen == 0 || noted == 0 && !t.heavy {
		return 0
	}
	return max(seen, noted)
}

// settled: that a node was not is an excuse only where a fault touched one of its pairs, or either end.
func (t *troupe) settled(node int, from, until int64) bool {
	d := &t.w.draw
	before := from - int64(d.hideAfter+d.failMax) - t.ledger.wait.recovered // as long it may take until it is clear that another is away
	for other := range t.w.sites {
		if t.w.journal.trouble(node, other, before, until) != calm {
			return t.w.history.settledFor(node, from, until) >= (until-from)*2/3
		}
	}
	return true
}

// goneSlack is what telling takes beyond the times of membership and tables.
const goneSlack = 10 * time.Second

// gone says that a has given b up at some time in between.
func (t *troupe) gone(a, b int, from, until int64) bool {
	for _, at := range t.w.tables.gaveUp[givenUp{a, t.w.sites[b].name}] {
		if at >= from && at <= until {
			return true
		}
	}
	return false
}

func (t *troupe) died(node int, from, until int64) bool {
	for _, at := range t.w.sites[node].deaths {
		if at >= from && at <= until+int64(time.Second) {
			return true
		}
	}
	return false
}

func (t *troupe) start() {
	for range max(12, clientsPerNode*t.w.draw.nodes) {
		t.crowd.add()
	}
	for node := range t.w.draw.nodes {
		t.crowd.watch(node)
	}
}

func (t *troupe) healed(core []int) { t.core = core }

// rest: clients start nothing new; probes try out what is believed where all is healed.
func (t *troupe) rest() {
	t.crowd.stop()
	if len(t.core) > 0 {
		t.w.after(probeAfter, func() { t.crowd.probe(t.core) })
	}
}

// probeAfter is how long after the clients' last act the tables may still change.
const probeAfter = 500 * time.Millisecond

func (t *troupe) finish() {
	t.w.history.look()
	t.ledger.checkEnd()
	t.checkRecords()
	t.checkHeldByOwners()
	if len(t.core) > 0 {
		t.crowd.checkProbes()
	}
}

// The world as clients see it.

func (t *troupe) later(d time.Duration, f func()) { t.w.after(d, f) }
func (t *troupe) nodes() int                      { return t.w.draw.nodes }

func (t *troupe) serves(node int) bool {
	p := t.w.sites[node].p
	return p != nil && p.serving && !p.paused
}

func (t *troupe) connect(node int, end clientSide) clientLink {
	s := end.(*session)
	c := t.w.openClient(node, s)
	c.serializer = s.serializer
	return c
}
