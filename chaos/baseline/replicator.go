package baseline

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"kleeblatt/internal/node"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
)

const (
	// proposeTimeout is how long a change waits for a leader and a majority: long enough for two elections with the library's timeouts.
	proposeTimeout = 5 * time.Second
	// tickEvery is how often deadlines and the cluster's configuration are looked at, in addition to what happens.
	tickEvery = 100 * time.Millisecond
	// takenInAfter is how long a founder waits for those who may have a cluster to take it in: as long as a change waits for a leader.
	takenInAfter = proposeTimeout
	// queueMax bounds the changes that wait for their turn; what is above it is refused at once. One takes some 100 bytes.
	queueMax = 1 << 17
)

// replicator is a node's end of the log. All of it but the log itself belongs to the node's home loop.
type replicator struct {
	name    string
	epoch   uint64
	host    node.ReplicatorHost
	log     *slog.Logger
	bound   time.Duration // proposeTimeout
	style   style
	founds  bool
	voters  int
	journal journal

	table   *table
	members map[string]member
	shown   map[string]bool
	flood   map[string]int      // of the 2019 design: by interest, how many nodes have it
	want    map[string]struct{} // elements of ours that a client was told of, or that nobody waits for
	differs bool                // our rows may not be want

	queue    []waiting
	flight   []waiting // the batch under way
	flying   bool
	seq      uint64
	until    time.Time // of the batch under way
	flushing bool      // a flush is on its way
	ready    bool
	tending  bool // the cluster's configuration is being changed
	started  time.Time
}

// waiting is a change that is not in the log yet.
type waiting struct {
	op
	token uint64 // 0: nobody waits
	until time.Time
}

// member is another node.
type member struct {
	place
	alive bool
}

// journal is the replicated log, see raft.go. Its methods do not block.
type journal interface {
	propose(e *entry, until time.Time) // until it is in the log, the time is over or the next one is proposed
	found()                            // the cluster begins with us
	meet(name string, p place, alive bool)
	leads() bool
	led() bool // somebody does
	servers() []server
	do(job job, done func()) // a change of the cluster's configuration, or a purge
	close()
}

// Propose implements node.Replicator.
func (r *replicator) Propose(add bool, element string, token uint64) bool {
	taken := router.IsRoute(element)
	if !taken {
		if !r.style.sessions || !router.IsSession(element) {
			return false
		}
		token = 0
	}
	if !add {
		delete(r.want, element)
	}
	if token == 0 && add {
		r.want[element] = struct{}{}
	}
	if len(r.queue) >= queueMax {
		r.differs = true
		r.answer(token, wamp.ErrUnavailable)
		return taken
	}
	r.queue = append(r.queue, waiting{op{add, element}, token, time.Now().Add(r.bound)})
	r.flushSoon()
	return taken
}

// answer tells what has become of a change; it comes after the method that is at work.
func (r *replicator) answer(token uint64, uri string) {
	switch {
	case token == 0:
	case uri == "":
		r.host.Do(func() { r.host.Applied(token) })
	default:
		r.host.Do(func() { r.host.Refused(token, uri) })
	}
}

// flushSoon sends what has gathered at the next letter: changes of one turn share a batch.
func (r *replicator) flushSoon() {
	if !r.flushing && !r.flying {
		r.flushing = true
		r.host.Do(func() {
			r.flushing = false
			r.flush()
		})
	}
}

// flush begins the next batch. There is one at a time: what comes meanwhile gathers.
func (r *replicator) flush() {
	if r.flying || len(r.queue) == 0 && r.ready {
		return
	}
	n := min(len(r.queue), batchMax)
	r.flight = append(r.flight[:0], r.queue[:n]...)
	r.queue = slices.Delete(r.queue, 0, n)
	r.flying, r.until = true, time.Now().Add(r.bound)
	r.seq++
	e := &entry{kind: change, node: r.name, epoch: r.epoch, seq: r.seq}
	for _, w := range r.flight {
		e.ops = append(e.ops, w.op)
		if w.until.Before(r.until) {
			r.until = w.until
		}
	}
	r.journal.propose(e, r.until)
}

// committed takes the next entry of the log.
func (r *replicator) committed(e *entry) {
	fx := r.table.apply(e)
	for _, c := range fx.changes {
		r.changed(e.node, c)
	}
	if e.node != r.name || e.epoch != r.epoch {
		return
	}
	if e.kind == purge || !r.flying || e.seq != r.seq {
		r.differs = true // they took us for dead, or a change counts that was refused when its time was over
		return
	}
	for i, w := range r.flight {
		r.decided(&w, slices.Contains(fx.refused, i))
	}
	r.flying = false
	if !r.ready {
		r.ready = true
		r.host.Changed()
	}
	r.flushSoon()
}

// decided tells what the log made of a change of ours.
func (r *replicator) decided(w *waiting, refused bool) {
	switch {
	case refused && w.token == 0:
		delete(r.want, w.element)
		r.host.Revoke(w.element, wamp.ErrProcedureAlreadyExists)
	case refused:
		r.host.Refused(w.token, wamp.ErrProcedureAlreadyExists)
	default:
		if w.add {
			r.want[w.element] = struct{}{}
		}
		if w.token != 0 {
			r.host.Applied(w.token)
		}
	}
}

// changed brings a change of a node's rows to the routing tables.
func (r *replicator) changed(name string, c op) {
	if r.style.flood && router.IsInterest(c.element) {
		r.flooded(c)
		return
	}
	if name != r.name && r.shown[name] && router.IsRoute(c.element) {
		r.bring(name, c)
	}
}

func (r *replicator) bring(name string, c op) {
	if c.add {
		r.host.Add(name, c.element)
	} else {
		r.host.Remove(name, c.element)
	}
}

// flooded makes an interest of anybody one of all nodes: their messages go everywhere.
func (r *replicator) flooded(c op) {
	was := r.flood[c.element] > 0
	if c.add {
		r.flood[c.element]++
	} else if r.flood[c.element]--; r.flood[c.element] == 0 {
		delete(r.flood, c.element)
	}
	if is := r.flood[c.element] > 0; is == was {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.shown)) {
		r.bring(name, c)
	}
}

// routed are the elements by which a node is routed to.
func (r *replicator) routed(name string) (out []string) {
	if x := r.table.nodes[name]; x != nil {
		for _, e := range slices.Sorted(maps.Keys(x.elements)) {
			if router.IsRoute(e) && !(r.style.flood && router.IsInterest(e)) {
				out = append(out, e)
			}
		}
	}
	return append(out, slices.Sorted(maps.Keys(r.flood))...)
}

// Shown implements node.Replicator.
func (r *replicator) Shown(name string) {
	if r.shown[name] {
		return
	}
	r.shown[name] = true
	for _, e := range r.routed(name) {
		r.host.Add(name, e)
	}
}

// Hidden implements node.Replicator.
func (r *replicator) Hidden(name string) {
	if !r.shown[name] {
		return
	}
	delete(r.shown, name)
	for _, e := range r.routed(name) {
		r.host.Remove(name, e)
	}
}

// reset takes the table of a snapshot in place of ours.
func (r *replicator) reset(t *table) {
	shown := slices.Sorted(maps.Keys(r.shown))
	for _, name := range shown {
		r.Hidden(name)
	}
	r.table = t
	clear(r.flood)
	if r.style.flood {
		for _, x := range t.nodes {
			for e := range x.elements {
				if router.IsInterest(e) {
					r.flood[e]++
				}
			}
		}
	}
	for _, name := range shown {
		r.Shown(name)
	}
	r.differs = true
}

// Ready implements node.Replicator: a node is caught up once the entry that it wrote itself has come back to it. The 2019 design did not wait.
func (r *replicator) Ready() bool { return r.ready || r.style.impatient }

// Member implements node.Replicator.
func (r *replicator) Member(name, tag string, alive bool) {
	p, err := parsePlace(tag)
	if err != nil {
		r.log.Error("a node has other tables than ours", "node", name)
		return
	}
	r.members[name] = member{p, alive}
	r.journal.meet(name, p, alive)
	r.tend()
}

// Close implements node.Replicator.
func (r *replicator) Close() { r.journal.close() }

// tick looks after what is due.
func (r *replicator) tick(now time.Time) {
	if r.flying && !now.Before(r.until) {
		r.flying = false
		r.differs = true
		r.queue = slices.Insert(r.queue, 0, r.flight...) // those that have time left are tried again
	}
	r.queue = slices.DeleteFunc(r.queue, func(w waiting) bool {
		late := !now.Before(w.until)
		if late {
			r.expired(&w)
			r.differs = true
		}
		return late
	})
	r.maybeFound(now)
	r.mend()
	r.flush()
	r.tend()
}

// maybeFound founds the cluster, once it is clear that there is none. Whoever lives longer than we do may have one, which then takes us
// in: node 0 has come back.
func (r *replicator) maybeFound(now time.Time) {
	wait := r.style.foundAfter
	for _, m := range r.members {
		if m.alive && m.epoch < r.epoch && !r.style.impatient {
			wait = takenInAfter
		}
	}
	switch {
	case !r.founds:
	case r.journal.led():
		r.founds = false
	case now.Sub(r.started) >= wait:
		r.founds = false
		r.journal.found()
	}
}

// expired refuses a change that the log has not taken in time.
func (r *replicator) expired(w *waiting) {
	if w.token != 0 {
		r.host.Refused(w.token, wamp.ErrUnavailable)
	}
}

// mend proposes the difference between our rows and what they should be, when nothing else is under way.
func (r *replicator) mend() {
	x := r.table.nodes[r.name]
	if !r.differs || r.flying || len(r.queue) > 0 || x == nil || x.epoch != r.epoch {
		return
	}
	r.differs = false
	until := time.Now().Add(r.bound)
	for _, e := range slices.Sorted(maps.Keys(x.elements)) {
		if _, ok := r.want[e]; !ok {
			r.queue = append(r.queue, waiting{op{false, e}, 0, until})
		}
	}
	for _, e := range slices.Sorted(maps.Keys(r.want)) {
		if _, ok := x.elements[e]; !ok {
			r.queue = append(r.queue, waiting{op{true, e}, 0, until})
		}
	}
}
