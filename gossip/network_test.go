package gossip

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"kleeblatt/crdt"
)

// failer is what testing.T and rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

const (
	ms   = int64(time.Millisecond)
	step = 5 * ms // how far simulated time jumps
)

// network is N machines in one thread, from one seed: links that lose, delay and break, membership that finds out late, restarts.
type network struct {
	forged bool // what comes from the others is made up: they have nothing
	t      failer
	rng    *rand.Rand
	now    int64
	hosts  []*host // by name
	links  map[[2]string]*wire
	cuts   map[[2]string]bool // by sorted pair: no direct path
	loss   float64            // of each frame while the link is up
	delay  int64              // longest delay of a frame
	trace  func(format string, args ...any)
	swim   int64 // when membership is looked at next
	acks   bool  // nodes tell what counts with them
	epoch  uint64
	cfg    Config            // of those that are started from now on
	past   map[moment]string // what each part was at each version; nil where nobody asks
}

// moment is one version of an owner's part.
type moment struct {
	owner string
	version
}

// host is one node: its machine and the dumb twins of it.
type host struct {
	name   string
	m      *Machine
	alive  bool
	wakeAt int64
	own    map[string]bool            // what has been applied
	routed map[string]map[string]bool // what the effects say: shown node → its elements
	left   map[string]map[string]bool // hidden node → elements that are still to be taken out
	told   map[string]Life            // shown lives whose sessions have not been given up since
	buried map[string]Life            // lives that have said goodbye
	seen   map[string]version         // versions never go back
	member map[string]Life            // whom membership calls alive, and which life
	alarms int
	reborn int
	token  uint64
	ops    map[uint64]Op
	fx     []Effect

	settled  []Effect          // versions that count at the end of the turn
	barriers map[uint64]wanted // those under way
	born     int64
}

type version struct {
	life Life
	n    uint64
}

// Op is a proposed change under way.
type Op = crdt.Op

// wire is one direction of a link.
type wire struct {
	up    bool
	queue []parcel
	dead  int64 // when the broken link gives up and calls itself down; 0 for never
}

type parcel struct {
	at int64
	b  []byte
}

func newNetwork(t failer, seed uint64, names ...string) *network {
	w := &network{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: int64(time.Hour), links: map[[2]string]*wire{}, cuts: map[[2]string]bool{},
		delay: 10 * ms, trace: func(string, ...any) {}, epoch: 1,
	}
	slices.Sort(names)
	for _, name := range names {
		w.hosts = append(w.hosts, &host{name: name})
	}
	for _, a := range names {
		for _, b := range names {
			w.links[[2]string{a, b}] = &wire{}
		}
	}
	for _, h := range w.hosts {
		w.start(h, w.epoch)
	}
	return w
}

func (w *network) host(name string) *host {
	for _, h := range w.hosts {
		if h.name == name {
			return h
		}
	}
	w.t.Fatalf("no host %q", name)
	return nil
}

// start begins a new life of a host, with nothing but what a disk would have kept: its epoch.
func (w *network) start(h *host, epoch uint64) {
	*h = host{
		name: h.name, alive: true, own: map[string]bool{}, routed: map[string]map[string]bool{}, left: map[string]map[string]bool{},
		told: map[string]Life{}, buried: map[string]Life{}, seen: map[string]version{},
		member: map[string]Life{}, ops: map[uint64]Op{}, barriers: map[uint64]wanted{}, born: w.now,
	}
	c := w.cfg
	c.Name, c.Life, c.Rand = h.name, Life{Epoch: epoch, Nonce: w.rng.Uint64() % 1000}, w.rng.Uint64
	h.m = New(c)
}

func (w *network) restart(name string) {
	w.stop(name)
	w.epoch++
	w.start(w.host(name), w.epoch)
}

func (w *network) stop(name string) {
	h := w.host(name)
	h.alive = false
	for _, o := range w.hosts {
		w.breakLink(h.name, o.name)
	}
}

func pair(a, b string) [2]string {
	if a > b {
		a, b = b, a
	}
	return [2]string{a, b}
}

func (w *network) cut(a, b string)  { w.cuts[pair(a, b)] = true }
func (w *network) heal(a, b string) { delete(w.cuts, pair(a, b)) }
func (w *network) healAll()         { clear(w.cuts) }

// feed gives a host one input and carries out what follows.
func (w *network) feed(h *host, in Input) {
	in.Now = w.now
	h.fx = h.m.Step(&in, h.fx[:0])
	w.perform(h, h.fx)
}

func (w *network) propose(name string, add bool, element string) {
	h := w.host(name)
	h.token++
	h.ops[h.token] = Op{Element: element, Add: add}
	w.feed(h, Input{Kind: InPropose, Add: add, Element: element, Token: h.token})
}

// perform carries out effects, and proves that each makes sense where it comes.
func (w *network) perform(h *host, fx []Effect) {
	shakeAnew := false
	for _, e := range fx {
		elements, shown := h.routed[e.Name]
		ok := true
		switch e.Kind {
		case FxApplied:
			op := h.ops[e.Token]
			delete(h.ops, e.Token)
			h.own[op.Element] = op.Add
			w.remember(h)
		case FxControl:
			w.post(h.name, e.Name, e.Bytes)
			continue
		case FxAdd:
			ok = shown && !elements[e.Element]
			if ok {
				elements[e.Element] = true
			}
		case FxRemove:
			ok = shown && elements[e.Element]
			delete(elements, e.Element)
		case FxShow:
			ok = !shown && len(h.left[e.Name]) == 0 && h.buried[e.Name].Less(h.m.nodes[e.Name].life)
			h.routed[e.Name] = map[string]bool{}
			h.told[e.Name] = h.m.nodes[e.Name].life
		case FxGone:
			ok = !shown && h.told[e.Name] == e.Life && !e.Life.IsZero()
			delete(h.told, e.Name)
		case FxState:
			if e.State == Buried {
				h.buried[e.Name] = h.m.nodes[e.Name].life
			}
			ok = h.told[e.Name].IsZero() || e.State < Gone
		case FxHide:
			ok = shown
			h.left[e.Name] = elements
			delete(h.routed, e.Name)
		case FxUnroute:
			ok = !shown && h.left[e.Name][e.Element]
			delete(h.left[e.Name], e.Element)
		case FxReached:
			ok = shown && !e.Life.IsZero()
			if w.acks {
				h.settled = append(h.settled, e)
			}
		case FxBarrier:
			w.checkBarrier(h, &e)
		case FxRefusal:
			ok = h.own[e.Element]
		case FxAlarm:
			h.alarms++
		case FxReborn:
			h.reborn++
			shakeAnew = true
			w.remember(h)
		case FxWakeAt:
			if h.wakeAt == 0 || e.At < h.wakeAt {
				h.wakeAt = e.At
			}
			continue
		}
		w.trace("%s: %s", h.name, describe(&e))
		if !ok {
			w.t.Fatalf("%s: %s makes no sense here", h.name, describe(&e))
		}
	}
	if shakeAnew {
		for _, o := range w.hosts {
			w.breakLink(h.name, o.name)
			w.links[[2]string{h.name, o.name}].dead = 0
		}
	}
}

func (w *network) post(from, to string, b []byte) {
	if len(b) > defaultFrameBytes {
		w.t.Fatalf("%s sends a frame of %d bytes", from, len(b))
	}
	l := w.links[[2]string{from, to}]
	if l == nil || !l.up || w.rng.Float64() < w.loss {
		return
	}
	at := w.now + step + w.rng.Int64N(w.delay)
	if n := len(l.queue); n > 0 {
		at = max(at, l.queue[n-1].at) // in order on each link, in any order between links
	}
	l.queue = append(l.queue, parcel{at, b})
}

// breakLink loses what is under way in both directions. Both ends notice at once, and call the link down 30 s later.
func (w *network) breakLink(a, b string) {
	for _, p := range [][2]string{{a, b}, {b, a}} {
		l := w.links[p]
		if !l.up {
			continue
		}
		*l = wire{dead: w.now + int64(defaultHideAfter)}
		if h := w.host(p[0]); h.alive && a != b {
			w.feed(h, Input{Kind: InLinkSuspect, Name: p[1], On: true})
		}
	}
}

func (w *network) connect(a, b *host) {
	w.links[[2]string{a.name, b.name}].up = true
	w.links[[2]string{b.name, a.name}].up = true
	as, bs := a.m.Self(), b.m.Self()
	w.feed(a, Input{Kind: InLink, Name: b.name, Life: bs.Life, Version: bs.Version, Up: true})
	w.feed(b, Input{Kind: InLink, Name: a.name, Life: as.Life, Version: as.Version, Up: true})
}

// run lets d of simulated time pass.
func (w *network) run(d time.Duration) {
	for end := w.now + int64(d); w.now < end; {
		next := w.next()
		w.now = min(max(next, w.now+step), max(end, w.now+step))
		w.tick()
	}
}

// next is the time of the next event.
func (w *network) next() int64 {
	next := w.swim
	due := func(at int64) {
		if at != 0 {
			next = min(next, at)
		}
	}
	for _, h := range w.hosts {
		if h.alive {
			due(h.wakeAt)
			if h.m.Unsent() {
				return w.now
			}
		}
	}
	for _, l := range w.links {
		due(l.dead)
		if len(l.queue) > 0 {
			due(l.queue[0].at)
		}
	}
	return next
}

func (w *network) tick() {
	for _, a := range w.hosts {
		for _, b := range w.hosts {
			w.tickLink(a, b)
		}
	}
	if w.now >= w.swim {
		w.swim = w.now + 500*ms
		w.gossipMembers()
	}
	for _, h := range w.hosts {
		if !h.alive {
			continue
		}
		if h.wakeAt != 0 && w.now >= h.wakeAt {
			h.wakeAt = 0
			w.feed(h, Input{Kind: InTick})
		}
		w.settle(h)
		h.fx = h.m.Flush(w.now, h.fx[:0])
		w.perform(h, h.fx)
		w.checkVersions(h)
	}
}

func (w *network) tickLink(a, b *host) {
	l := w.links[[2]string{a.name, b.name}]
	switch {
	case a == b || !b.alive:
	case l.up && w.cuts[pair(a.name, b.name)]:
		w.breakLink(a.name, b.name)
	case l.up:
		for len(l.queue) > 0 && l.queue[0].at <= w.now && l.up {
			f := l.queue[0].b
			l.queue = l.queue[1:]
			w.trace("%s→%s: %s", a.name, b.name, Describe(f))
			w.feed(b, Input{Kind: InControl, Name: a.name, Bytes: f})
		}
	case a.alive && !w.cuts[pair(a.name, b.name)] && a.name < b.name:
		w.connect(a, b)
	}
	if l = w.links[[2]string{b.name, a.name}]; !l.up && l.dead != 0 && w.now >= l.dead && b.alive {
		// The other direction's end is b's own view of its link to a.
		l.dead = 0
		if n := b.m.nodes[a.name]; n != nil {
			w.feed(b, Input{Kind: InLink, Name: a.name, Life: n.life})
		}
	}
}

// reachable says whether membership gets from a to b, by others if need be.
func (w *network) reachable(a, b *host) bool {
	seen := map[string]bool{a.name: true}
	for todo := []*host{a}; len(todo) > 0; todo = todo[1:] {
		if todo[0] == b {
			return true
		}
		for _, o := range w.hosts {
			if o.alive && !seen[o.name] && !w.cuts[pair(todo[0].name, o.name)] {
				seen[o.name] = true
				todo = append(todo, o)
			}
		}
	}
	return false
}

// gossipMembers is SWIM: it knows within half a second whom it reaches.
func (w *network) gossipMembers() {
	for _, h := range w.hosts {
		for _, o := range w.hosts {
			if h == o || !h.alive {
				continue
			}
			was, now := h.member[o.name], Life{}
			if o.alive && w.reachable(h, o) {
				now = o.m.Self().Life
			}
			if was == now {
				continue
			}
			h.member[o.name] = now
			if !was.IsZero() {
				w.feed(h, Input{Kind: InMember, Name: o.name, Life: was})
			}
			if !now.IsZero() {
				w.feed(h, Input{Kind: InMember, Name: o.name, Life: now, Alive: true})
			}
		}
	}
}

// probe gives h the digest of o, as the answer to a probe does.
func (w *network) probe(h, o *host) {
	d := o.m.AppendDigest(nil)
	if len(d) > DigestBytesMax {
		w.t.Fatalf("digest of %d bytes", len(d))
	}
	w.feed(h, Input{Kind: InDigest, Name: o.name, Bytes: d})
}

// remember notes what a host's own part is now.
func (w *network) remember(h *host) {
	if w.past != nil {
		w.past[moment{h.name, version{h.m.own.Life(), h.m.own.Version()}}] = elementsOf(h.m.own)
	}
}

func elementsOf(p *crdt.Part) string {
	var l []string
	for _, e := range p.Entries() {
		l = append(l, e.Element)
	}
	slices.Sort(l)
	return strings.Join(l, " ")
}

// checkVersions proves that no part goes back, but for one that was forgotten, and that each is what its owner's was at that version.
func (w *network) checkVersions(h *host) {
	for _, n := range h.m.order {
		if n.part == nil {
			continue
		}
		now := moment{n.name, version{n.life, n.part.Version()}}
		if then, known := w.past[now]; known && then != elementsOf(n.part) {
			w.t.Fatalf("%s: the part of %s at %v is %q, and was %q with its owner", h.name, n.name, now, elementsOf(n.part), then)
		}
		if n.routed() && now.n < n.floor {
			w.t.Fatalf("%s: %s is routed to at %d, below what was remembered: %d", h.name, n.name, now.n, n.floor)
		}
	}
	self := h.m.Self()
	for _, p := range append(h.m.Parts(), self) {
		was, is := h.seen[p.Owner], version{p.Life, p.Version}
		if n := h.m.nodes[p.Owner]; n != nil && n.floor > is.n && is.life == was.life {
			continue // begun anew, and not there yet
		}
		if is.life.Less(was.life) || is.life == was.life && is.n < was.n && !h.m.isRetired(p.Owner) {
			w.t.Fatalf("%s: the part of %s goes back from %v to %v", h.name, p.Owner, was, is)
		}
		h.seen[p.Owner] = is
	}
}

func (m *Machine) isRetired(name string) bool { n := m.nodes[name]; return n != nil && n.retired }

// tables is all that a host routes by, dots included.
func (h *host) tables() map[string]string {
	tables := map[string]string{h.name: tableOf(h.m.own)}
	for name := range h.routed {
		if h.m.nodes[name].shown() {
			tables[name] = tableOf(h.m.nodes[name].part)
		}
	}
	return tables
}

func tableOf(p *crdt.Part) string {
	entries := slices.Clone(p.Entries())
	slices.SortFunc(entries, func(a, b crdt.Entry) int { return strings.Compare(a.Element, b.Element) })
	return fmt.Sprint(p.Life(), p.Version(), entries)
}

// check proves that each machine is what its effects say, and that digests are equal exactly where tables are.
func (w *network) check() {
	w.t.Helper()
	live := slices.DeleteFunc(slices.Clone(w.hosts), func(h *host) bool { return !h.alive })
	for _, h := range live {
		for _, e := range h.m.own.Entries() {
			if !h.own[e.Element] {
				w.t.Fatalf("%s: %q is in the part and was not applied", h.name, e.Element)
			}
		}
		for _, n := range h.m.order {
			if len(n.tellings) > 0 {
				continue
			}
			if _, shown := h.routed[n.name]; shown != n.routed() || len(h.left[n.name]) > 0 {
				w.t.Fatalf("%s: effects and state of %s disagree: %v", h.name, n.name, n.state)
			}
			if n.shown() && n.part.Len() != len(h.routed[n.name]) {
				w.t.Fatalf("%s: %s has %d elements, routed are %d", h.name, n.name, n.part.Len(), len(h.routed[n.name]))
			}
			for e := range h.routed[n.name] {
				if !n.part.Contains(e) {
					w.t.Fatalf("%s: %q of %s is routed and not in the part", h.name, e, n.name)
				}
			}
			if n.heldBytes > h.m.cfg.BufferedBytes || len(h.m.served) > servedMax {
				w.t.Fatalf("%s: a bound is broken", h.name)
			}
		}
		for _, o := range live {
			same := maps.Equal(h.tables(), o.tables())
			if same != (h.m.DigestRoot() == o.m.DigestRoot()) {
				w.t.Fatalf("%s and %s: tables equal %v, roots %x %x", h.name, o.name, same, h.m.DigestRoot(), o.m.DigestRoot())
			}
		}
	}
}

// converged says whether all who live route by the same tables, which are those of their authors.
func (w *network) converged() bool {
	for _, h := range w.hosts {
		for _, o := range w.hosts {
			if !h.alive || !o.alive || h == o {
				continue
			}
			n := h.m.nodes[o.name]
			if h.m.DigestRoot() != o.m.DigestRoot() || n == nil || n.state != Reachable || n.life != o.m.Self().Life {
				return false
			}
			for e, in := range o.own {
				if in && !h.routed[o.name][e] || !in && h.routed[o.name][e] {
					return false
				}
			}
		}
	}
	return true
}

// within fails unless the network converges within d.
func (w *network) within(d time.Duration) time.Duration {
	w.t.Helper()
	begin := w.now
	for !w.converged() {
		if w.now-begin > int64(d) {
			w.t.Fatalf("not converged after %v\n%s", d, w.dump())
		}
		w.run(time.Duration(step))
	}
	w.check()
	return time.Duration(w.now - begin)
}

func (w *network) dump() string {
	var b strings.Builder
	for _, h := range w.hosts {
		if !h.alive {
			continue
		}
		self := h.m.Self()
		fmt.Fprintf(&b, "%s@%v:%d %d entries root %x\n", h.name, self.Life, self.Version, self.Entries, h.m.DigestRoot())
		for _, n := range h.m.order {
			line := n.headLine()
			fmt.Fprintf(&b, "  %s@%v:%d head %d %v linked %v suspect %v swim %d wanted %d fetch %+v distrust %v\n",
				n.name, n.life, line.Version, n.head, n.state, n.linked, n.suspect, n.swim, n.wanted, n.fetch, n.distrust)
		}
	}
	return b.String()
}

func describe(e *Effect) string {
	switch e.Kind {
	case FxApplied:
		return "applied"
	case FxAdd:
		return fmt.Sprintf("add %s %s", e.Name, e.Element)
	case FxRemove:
		return fmt.Sprintf("remove %s %s", e.Name, e.Element)
	case FxShow:
		return "show " + e.Name
	case FxHide:
		return "hide " + e.Name
	case FxUnroute:
		return fmt.Sprintf("unroute %s %s", e.Name, e.Element)
	case FxState:
		return e.Name + " is " + e.State.String()
	case FxReached:
		return fmt.Sprintf("reached %s:%d", e.Name, e.Version)
	case FxReborn:
		return fmt.Sprintf("reborn as %v", e.Life)
	case FxAlarm:
		return "alarm: " + e.Text
	case FxRefused:
		return "refused: " + e.Text
	case FxBarrier:
		return fmt.Sprintf("barrier %d: %d of %d", e.Token, e.Acked, e.Of)
	case FxRefusal:
		return fmt.Sprintf("%s refuses %s", e.Name, e.Element)
	case FxGone:
		return fmt.Sprintf("gone %s@%v", e.Name, e.Life)
	}
	return fmt.Sprintf("effect %d", e.Kind)
}
