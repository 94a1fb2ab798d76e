package chaos

import (
	"time"

	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
)

// membership is a model of SWIM: each observer has its own opinion of each name, which follows the truth late, and at times strays from
// it. Who can exchange datagrams, directly or by way of others, agrees sooner or later.
type membership struct {
	w         *World
	opinions  []map[string]*opinion // by the observing site
	component []int                 // by site: sites of the same can exchange datagrams
}

// opinion is what an observer holds of a name.
type opinion struct {
	known   bool
	alive   bool
	site    *site
	life    gossip.Life
	since   int64
	pending bool // a change is on its way
	stray   bool // a false death: not to be corrected before its time
}

// memberTick is how often the model looks at the truth.
const memberTick = 250 * time.Millisecond

func (m *membership) init(w *World) {
	m.w = w
	w.after(memberTick, m.tick)
	w.after(time.Second, m.probe)
	if every := w.draw.falseDeaths; every > 0 {
		w.after(every, m.falseDeath)
	}
}

func (m *membership) of(observer *site, name string) *opinion {
	for len(m.opinions) <= observer.index {
		m.opinions = append(m.opinions, map[string]*opinion{})
	}
	o := m.opinions[observer.index][name]
	if o == nil {
		o = &opinion{}
		m.opinions[observer.index][name] = o
	}
	return o
}

// started: the process knows nobody, and joins by way of somebody whom it reaches.
func (m *membership) started(p *process) {
	w := m.w
	for len(m.opinions) <= p.site.index {
		m.opinions = append(m.opinions, map[string]*opinion{})
	}
	m.opinions[p.site.index] = map[string]*opinion{}
	w.journal.began(p.site)
	w.after(w.between(20*time.Millisecond, w.draw.aliveMax), func() { m.join(p, w.now+int64(swim.AloneAfter)) })
}

// join tries until somebody is reached; after a while the process is told that it is alone.
func (m *membership) join(p *process, alone int64) {
	w := m.w
	if p.dead {
		return
	}
	m.connect()
	var contacts []*site
	for _, o := range w.sites {
		if o.name != p.site.name && m.reaches(p.site, o) {
			contacts = append(contacts, o)
		}
	}
	switch {
	case len(contacts) > 0:
		p.joined = true
		m.exchange(p, contacts[w.rnd.IntN(len(contacts))])
		m.tell(p, swim.Event{Kind: swim.EvJoined})
		m.ghost(p)
		return
	case alone != 0 && w.now >= alone:
		m.tell(p, swim.Event{Kind: swim.EvJoined, Alone: true})
		alone = 0
	}
	w.after(w.between(200*time.Millisecond, time.Second), func() { m.join(p, alone) })
}

// exchange gives each side what the other knows, as a join does; at times a part of it comes later.
func (m *membership) exchange(p *process, contact *site) {
	w := m.w
	m.introduce(p.site, contact)
	m.introduce(contact, p.site)
	for _, o := range w.sites {
		if o != contact && m.of(contact, o.name).alive && !w.chance(0.1) {
			m.introduce(p.site, o)
		}
	}
}

// introduce makes the observer know the other's name at once.
func (m *membership) introduce(a, b *site) {
	if a.name == b.name || !m.up(a) || !a.p.joined {
		return
	}
	if o := m.of(a, b.name); !o.stray {
		m.correct(a, b.name, o)
	}
}

// ghost tells the process of another life of its name that somebody remembers.
func (m *membership) ghost(p *process) {
	w := m.w
	for _, o := range w.sites {
		if o.p == nil || o.name == p.site.name || !m.reaches(p.site, o) {
			continue
		}
		if x := m.of(o, p.site.name); x.known && x.life != p.sim.Life() && !x.life.Less(p.sim.Life()) {
			life := x.life
			w.after(w.between(0, time.Second), func() { m.tell(p, swim.Event{Kind: swim.EvGhost, Life: swim.Life(life)}) })
			return
		}
	}
}

// ended: nothing to do; the others find out.
func (m *membership) ended(p *process) {}

// rivals lets the younger of two processes of one name find out about the other, and give way.
func (m *membership) rivals(a *site, young *process) {
	w := m.w
	w.after(w.between(200*time.Millisecond, 20*time.Second), func() {
		m.connect()
		switch {
		case young.dead:
		case a.p == nil || !m.reaches(a, young.site):
			m.rivals(a, young)
		default:
			m.tell(young, swim.Event{Kind: swim.EvConflict, Name: a.name, Life: swim.Life(a.p.sim.Life()), Yield: true, Text: "another process has this name"})
		}
	})
}

// tell hands an event to a process, unless it has ended.
func (m *membership) tell(p *process, e swim.Event) {
	if p.dead {
		return
	}
	w := m.w
	w.saw(sawSwim, uint64(p.id)<<32|uint64(e.Kind), []byte(e.Name))
	w.say("swim tells %v: kind %d %s %v alive %v", p, e.Kind, e.Name, e.Life, e.Alive)
	p.sim.SwimEvent(e)
}

// connect finds out who can exchange datagrams.
func (m *membership) connect() {
	w := m.w
	m.component = m.component[:0]
	for i := range w.sites {
		m.component = append(m.component, i)
	}
	for changed := true; changed; {
		changed = false
		for i, a := range w.sites {
			for j, b := range w.sites[:i] {
				if m.component[i] != m.component[j] && m.up(a) && m.up(b) && !w.net.udpCut(a, b) && !w.net.udpCut(b, a) {
					m.component[i] = min(m.component[i], m.component[j])
					m.component[j] = m.component[i]
					changed = true
				}
			}
		}
	}
}

func (m *membership) up(s *site) bool { return s.p != nil && !s.p.paused && !s.off }

func (m *membership) reaches(a, b *site) bool {
	return m.up(a) && m.up(b) && m.component[a.index] == m.component[b.index]
}

// tick compares each opinion with the truth, and plans a change where they differ.
func (m *membership) tick() {
	w := m.w
	m.connect()
	for _, a := range w.sites {
		if !m.up(a) || !a.p.joined {
			continue
		}
		for i, b := range w.sites {
			if b.name == a.name || b.twin && w.sites[i].name == a.name {
				continue
			}
			if !b.twin {
				m.compare(a, b.name)
			}
		}
	}
	w.after(memberTick, m.tick)
}

// truth is the process that the observer should hold alive under that name: the one it knows, if that is reached.
func (m *membership) truth(a *site, name string, o *opinion) *process {
	if o.alive && o.site != nil && m.reaches(a, o.site) {
		return o.site.p
	}
	for _, b := range m.w.sites {
		if b.name == name && m.reaches(a, b) && b.p.joined && !b.p.leaving {
			return b.p
		}
	}
	return nil
}

func (m *membership) compare(a *site, name string) {
	w := m.w
	o := m.of(a, name)
	p := m.truth(a, name, o)
	switch {
	case o.pending || o.stray:
	case p == nil && o.alive:
		m.plan(a, name, o, w.between(w.draw.failMin, w.draw.failMax))
	case p != nil && (!o.alive || o.life != p.sim.Life()):
		d := w.between(10*time.Millisecond, w.draw.aliveMax)
		if w.chance(0.1) || o.known && !o.alive && w.now-o.since > int64(w.draw.reapAfter) {
			d = w.between(d, w.draw.aliveRun)
		}
		m.plan(a, name, o, d)
	}
}

// plan lets the observer change its opinion after a while, to what is true then.
func (m *membership) plan(a *site, name string, o *opinion, d time.Duration) {
	o.pending = true
	p := a.p
	m.w.after(d, func() {
		o.pending = false
		if a.p == p && !p.dead && !p.paused {
			m.connect()
			m.correct(a, name, o)
		}
	})
}

func (m *membership) correct(a *site, name string, o *opinion) {
	p := m.truth(a, name, o)
	switch {
	case p == nil && o.alive:
		m.opine(a, name, o, o.site, o.life, false)
	case p != nil && (!o.alive || o.life != p.sim.Life()):
		if o.alive { // the old life's death is told first
			m.opine(a, name, o, o.site, o.life, false)
		}
		m.opine(a, name, o, p.site, p.sim.Life(), true)
	}
}

// opine makes the observer hold something, and tells its node.
func (m *membership) opine(a *site, name string, o *opinion, s *site, life gossip.Life, alive bool) {
	m.w.journal.opinion(a, s, alive)
	o.known, o.alive, o.site, o.life, o.since = true, alive, s, life, m.w.now
	e := swim.Event{Kind: swim.EvMember, Name: name, Life: swim.Life(life), Alive: alive, LinkAddr: s.addr, Proto: link1}
	m.tell(a.p, e)
}

const link1 = 1 // the protocol version of links

// falseDeath makes some observer believe for a while that a node that it reaches has failed.
func (m *membership) falseDeath() {
	w := m.w
	a, b := w.sites[w.rnd.IntN(len(w.sites))], w.sites[w.rnd.IntN(len(w.sites))]
	if m.up(a) && a.name != b.name && !w.quiet {
		if o := m.of(a, b.name); o.alive && !o.stray {
			w.count.FalseDeaths++
			o.stray = true
			m.opine(a, b.name, o, o.site, o.life, false)
			w.after(w.between(100*time.Millisecond, 10*time.Second), func() { o.stray = false })
		}
	}
	w.after(w.between(0, 2*w.draw.falseDeaths), m.falseDeath)
}

// probe lets each node ask a random member, whose answer carries its digest.
func (m *membership) probe() {
	w := m.w
	for _, a := range w.sites {
		if !m.up(a) || !a.p.joined {
			continue
		}
		b := w.sites[w.rnd.IntN(len(w.sites))]
		if b.name == a.name || !m.up(b) || !m.of(a, b.name).alive {
			continue
		}
		asker, answerer := a.p, b.p
		w.net.datagram(a, b, func() {
			if answerer.dead || answerer.paused {
				return
			}
			e := swim.Event{
				Kind: swim.EvProbe, Name: b.name, Life: swim.Life(answerer.sim.Life()),
				RTT: time.Duration(w.net.wire(a, b).base + w.net.wire(b, a).base), Digest: answerer.sim.ProbeDigest(),
			}
			w.net.datagram(b, a, func() { m.tell(asker, e) })
		})
	}
	w.after(w.between(900*time.Millisecond, 1100*time.Millisecond), m.probe)
}

// announce spreads the news of a head, coalesced: only the last one of a while.
func (m *membership) announce(p *process, v uint64) {
	w := m.w
	waits := p.told != 0
	p.told = v
	if waits {
		return
	}
	w.after(w.between(50*time.Millisecond, 500*time.Millisecond), func() {
		v, life := p.told, p.sim.Life()
		p.told = 0
		if p.dead || p.paused {
			return
		}
		m.connect()
		for _, o := range w.sites {
			if o == p.site || o.name == p.site.name || !m.reaches(p.site, o) {
				continue
			}
			to := o.p
			e := swim.Event{Kind: swim.EvHead, Name: p.site.name, Life: swim.Life(life), Version: v}
			// By way of others where the direct way is cut: the network's loss, order and copies are those of the direct one.
			w.after(w.between(0, 200*time.Millisecond), func() {
				x := w.net.wire(p.site, o)
				if w.chance(x.loss) {
					return
				}
				m.tell(to, e)
				if w.chance(x.dup + w.draw.reorder) {
					w.after(w.between(0, 2*time.Second), func() { m.tell(to, e) })
				}
			})
		}
	})
}
