package chaos

import (
	"fmt"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
	"kleeblatt/internal/node"
	"kleeblatt/internal/router"
	"kleeblatt/transport"
	"kleeblatt/transport/link"
)

// twinsMax is how many nodes may have a second process under their name in one run.
const twinsMax = 2

// site is a place in the network where a node's processes run, one after the other, and what its disk and clock hold.
type site struct {
	w     *World
	index int
	name  string // of the node; twins share it
	addr  string // of its links
	off   bool   // the host is off: nothing leaves or enters, and nothing is answered
	p     *process
	disk  uint64        // the last epoch, 0 for no data
	old   uint64        // a copy of it, made earlier
	skew  time.Duration // of its wall clock
	twin  bool
	lives int

	deaths []int64 // when its processes ended
}

// process is one run of a node.
type process struct {
	id      int
	site    *site
	sim     *node.Sim
	loops   []*loop
	serving bool  // its client ports are open
	paused  bool  // SIGSTOP
	resumed int64 // when it was last let go on
	dead    bool
	leaving bool
	joined  bool // membership has said so
	born    int64
	told    uint64 // the head that membership has been told

	generation uint32 // of connection ids
	alarms     uint64
	heavy      int64 // since when it keeps too much of nodes that are gone

	log  *ownerLog   // of its present life
	held []*heldPart // what it holds of other nodes, by name
}

func (w *World) addSite(name string) *site {
	s := &site{w: w, index: len(w.sites), name: name, addr: fmt.Sprintf("%s/%d", name, len(w.sites))}
	if w.chance(0.3) {
		s.skew = w.between(-12*time.Hour, 12*time.Hour)
	}
	w.sites = append(w.sites, s)
	w.journal.down(s)
	w.net.add(s)
	return s
}

// epochZero is the wall clock at the beginning of each run, in milliseconds.
const epochZero = 1_700_000_000_000

// wall is the site's wall clock in milliseconds.
func (s *site) wall() int64 { return epochZero + (s.w.now+int64(s.skew))/int64(time.Millisecond) }

// startAll starts all nodes, one shortly after the other.
func (w *World) startAll() {
	for _, s := range w.sites {
		w.after(w.between(0, 2*time.Second), func() { s.start() })
	}
}

// start begins a new process on the site.
func (s *site) start() {
	w := s.w
	if s.p != nil || s.off {
		return
	}
	s.lives++
	w.count.Starts++
	p := &process{id: int(w.count.Starts), site: s, born: w.now}
	s.p = p
	epoch := max(s.disk+1, uint64(s.wall()))
	if s.old == 0 || w.chance(0.3) {
		s.old = s.disk // somebody made a copy before this start
	}
	s.disk = epoch
	life := gossip.Life{Epoch: epoch, Nonce: w.rnd.Uint64()}
	var loops []transport.Loop
	for i := range w.draw.workers[s.index] {
		l := &loop{w: w, p: p, index: i}
		p.loops = append(p.loops, l)
		loops = append(loops, l)
	}
	p.sim = node.NewSim(node.SimConfig{
		Name: s.name, Life: life, LinkAddr: s.addr, Loops: loops, Rand: w.rnd.Uint64, Wall: s.wall,
		Ready:    func() { p.serving = true; w.journal.up(s); w.say("%v is ready", p) },
		Reborn:   func(l gossip.Life) { s.disk = l.Epoch; w.bornAgain(p, l) },
		Tags:     func(swim.Tags) {}, // membership looks at the life itself
		Conflict: map[bool]router.ConflictPolicy{true: router.Standby}[w.draw.standby],
		Frame:    (&sums{w: w, p: p, came: map[cameTo]bool{}}).onFrame,
		Announce: func(v uint64) {
			w.members.announce(p, v)
		},
		Worker: w.tuneWorker, Tables: w.tuneTables, Gossip: w.tuneGossip, Link: w.tuneLink,
	})
	for i, l := range p.loops {
		l.h = p.sim.Handler(i)
	}
	w.say("%v starts with life %v", p, life)
	w.tables.born(p, life)
	w.members.started(p)
	p.loops[0].plan(w.now)
}

func (w *World) tuneWorker(c *router.WorkerConfig) {}
func (w *World) tuneTables(c *router.TablesConfig) { c.IDMax = 1 << w.draw.idBits }

func (w *World) tuneGossip(c *gossip.Config) {
	d := &w.draw
	c.HideAfter, c.LeaveGrace, c.Retain = d.hideAfter, d.leaveGrace, d.retain
	c.RetainBytes, c.BufferedBytes, c.LogOps = d.retainBytes, d.bufferedBytes, d.logOps
}

func (w *World) tuneLink(c *link.Config) {
	c.DownAfter = w.draw.downAfter
	c.Inflight, c.Window = w.draw.inflight, w.draw.window
	c.Pause = 2 * w.draw.inflight
	c.MaxMessage = w.draw.window / 2
}

func (p *process) String() string { return fmt.Sprintf("%s#%d", p.site.name, p.id) }

// bornAgain is called when a process has taken a higher epoch.
func (w *World) bornAgain(p *process, l gossip.Life) {
	w.say("%v is reborn as %v", p, l)
	w.count.Rebirths++
	w.journal.reborn(p.site)
	w.tables.born(p, l)
}

// afterTurn is called after each turn of a process's first loop.
func (w *World) afterTurn(p *process) {
	w.tables.look(p)
	if err := p.sim.Failed(); err != nil {
		w.say("%v gives up: %v", p, err)
		p.kill()
	}
}

// kill ends the process at once. Its host goes on: the other ends of its connections are told.
func (p *process) kill() {
	w := p.site.w
	if p.dead {
		return
	}
	w.say("%v ends", p)
	if p.serving {
		w.journal.down(p.site)
	}
	if p.paused {
		w.journal.paused(p.site, false)
	}
	w.journal.ended(p.site)
	p.dead, p.serving = true, false
	p.site.p = nil
	p.site.deaths = append(p.site.deaths, w.now)
	for _, l := range p.loops {
		for _, e := range l.ends {
			if e == nil {
				continue
			}
			e.shut, e.told = true, true
			if e.client != nil {
				e.client.broken()
				e.out.ended = true
			} else if !p.site.off {
				e.out.finish(errReset)
			}
		}
	}
	w.members.ended(p)
	w.tables.ended(p)
}

// crash ends the process and, with its host, whatever would tell the others. It comes back after a while.
func (s *site) crash(host bool, back time.Duration) {
	w := s.w
	w.count.Crashes++
	w.say("%s crashes, its host with it: %v", s.name, host)
	s.off = host
	if s.p != nil {
		s.p.kill()
	}
	w.after(back, func() { s.powerOn(); s.start() })
}

// powerOn makes the host answer again.
func (s *site) powerOn() {
	if !s.off {
		return
	}
	s.off = false
	for _, o := range s.w.sites {
		s.w.net.kick(o, s)
	}
}

// pause stops all loops of the process; what comes waits in the kernel.
func (p *process) pause(on bool) {
	if p.dead || p.paused == on {
		return
	}
	p.paused, p.resumed = on, p.site.w.now
	p.site.w.journal.paused(p.site, on)
	p.site.w.say("%v is stopped: %v", p, on)
	if !on {
		p.site.w.tables.resumed(p)
	}
	for _, l := range p.loops {
		l.paused = on
		if !on && l.missed {
			l.missed = false
			l.turnAt = 0
			l.plan(p.site.w.now)
		}
	}
}

// leave shuts the process down as an operator would.
func (p *process) leave() {
	w := p.site.w
	if p.dead || p.leaving {
		return
	}
	if p.serving {
		w.journal.down(p.site)
	}
	p.leaving, p.serving = true, false
	w.count.Leaves++
	w.say("%v leaves", p)
	p.sim.Drain()
	w.after(w.between(100*time.Millisecond, 3*time.Second), func() {
		if p.dead {
			return
		}
		p.sim.Retire()
		w.after(100*time.Millisecond, func() { p.leaveWhenRetired(w.now + int64(2500*time.Millisecond)) })
	})
}

func (p *process) leaveWhenRetired(deadline int64) {
	w := p.site.w
	if p.dead {
		return
	}
	if !p.sim.Retired() && w.now < deadline {
		w.after(50*time.Millisecond, func() { p.leaveWhenRetired(deadline) })
		return
	}
	p.kill()
}
