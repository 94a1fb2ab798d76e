package chaos

import (
	"slices"
	"time"
)

// faults is what is done to the nodes and the network, and when. In a liveness run there comes a time from which on nothing is done to the
// core any more, while the rest stays broken.
type faults struct {
	w     *World
	undo  []*undo // cuts under way
	core  []int   // of sites, once it is chosen
	twins int
}

// undo takes a cut back, once.
type undo struct {
	f    func()
	done bool
}

func (u *undo) run() {
	if !u.done {
		u.done = true
		u.f()
	}
}

// settleIn is how long nothing happens at the beginning: a run whose cluster never came to be proves little.
const settleIn = 8 * time.Second

func (f *faults) init(w *World) {
	f.w = w
	if !w.opts.Calm {
		w.after(settleIn+w.between(0, w.draw.faultEvery), f.next)
	}
	if w.draw.mode == Liveness {
		w.after(w.draw.healAt, f.healCore)
	}
	w.after(w.opts.Duration-restBefore, func() {
		if w.traffic != nil {
			w.traffic.rest()
		}
	})
}

// restBefore the end of a run clients start nothing new.
const restBefore = 8 * time.Second

// fault is one kind of thing that can happen; it returns what took place, "" for nothing.
type fault struct {
	weight int
	do     func(f *faults) string
}

var kinds = []fault{
	{6, (*faults).partition}, {4, (*faults).oneWay}, {4, (*faults).isolate}, {3, (*faults).udpOnly}, {3, (*faults).tcpOnly},
	{3, (*faults).flap}, {3, (*faults).clog}, {4, (*faults).pairCut}, {6, (*faults).crash}, {3, (*faults).restart}, {3, (*faults).leave},
	{4, (*faults).stop}, {2, (*faults).skew}, {2, (*faults).twin}, {3, (*faults).breakLinks},
}

// next does one fault and plans another.
func (f *faults) next() {
	w := f.w
	if w.quiet {
		return
	}
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	pick := w.rnd.IntN(total)
	for _, k := range kinds {
		if pick -= k.weight; pick < 0 {
			if what := k.do(f); what != "" {
				w.count.Faults++
				w.say("fault: %s", what)
				w.trace.addBytes([]byte(what))
				w.history.look()
			}
			break
		}
	}
	w.after(w.between(w.draw.faultEvery/4, 2*w.draw.faultEvery), f.next)
}

// lasts is how long a fault goes on: mostly seconds, sometimes past all times of the tables.
func (f *faults) lasts() time.Duration {
	w := f.w
	switch w.rnd.IntN(4) {
	case 0:
		return w.between(50*time.Millisecond, 2*time.Second)
	case 1:
		return w.between(time.Second, w.draw.hideAfter)
	case 2:
		return w.between(w.draw.hideAfter, w.draw.hideAfter+w.draw.leaveGrace)
	}
	return w.between(w.draw.hideAfter, w.draw.hideAfter+2*w.draw.retain)
}

// during makes a change of the network, and takes it back after a while.
func (f *faults) during(d time.Duration, change func(on bool)) {
	change(true)
	u := &undo{f: func() { change(false) }}
	f.undo = append(f.undo, u)
	f.w.after(d, func() {
		u.run()
		f.undo = slices.DeleteFunc(f.undo, func(x *undo) bool { return x.done })
	})
}

func (f *faults) site() *site { return f.w.sites[f.w.rnd.IntN(len(f.w.sites))] }

// halves splits the sites in two by chance; neither half is empty.
func (f *faults) halves() (a, b []*site) {
	all := slices.Clone(f.w.sites)
	f.w.rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	n := 1 + f.w.rnd.IntN(len(all)-1)
	return all[:n], all[n:]
}

func (f *faults) cut(from, to []*site, tcp, udp, on bool) {
	for _, a := range from {
		for _, b := range to {
			if a != b {
				f.w.net.cut(a, b, tcp, udp, on)
			}
		}
	}
}

func (f *faults) partition() string {
	a, b := f.halves()
	f.w.count.Partitions++
	f.during(f.lasts(), func(on bool) { f.cut(a, b, true, true, on); f.cut(b, a, true, true, on) })
	return "partition " + names(a) + " | " + names(b)
}

func (f *faults) oneWay() string {
	a, b := f.halves()
	if f.w.chance(0.5) {
		a, b = a[:1], b[:1]
	}
	f.w.count.OneWayCuts++
	f.during(f.lasts(), func(on bool) { f.cut(a, b, true, true, on) })
	return "nothing gets from " + names(a) + " to " + names(b)
}

func (f *faults) isolate() string {
	s := []*site{f.site()}
	f.w.count.Partitions++
	f.during(f.lasts(), func(on bool) { f.cut(s, f.w.sites, true, true, on); f.cut(f.w.sites, s, true, true, on) })
	return "isolated: " + names(s)
}

func (f *faults) udpOnly() string {
	a, b := f.halves()
	f.w.count.UDPCuts++
	f.during(f.lasts(), func(on bool) { f.cut(a, b, false, true, on); f.cut(b, a, false, true, on) })
	return "no datagrams between " + names(a) + " and " + names(b)
}

func (f *faults) tcpOnly() string {
	a, b := f.halves()
	if f.w.chance(0.5) { // which leaves a way around
		a, b = a[:1], b[:1]
	}
	f.w.count.TCPCuts++
	f.during(f.lasts(), func(on bool) { f.cut(a, b, true, false, on); f.cut(b, a, true, false, on) })
	return "no streams between " + names(a) + " and " + names(b)
}

func (f *faults) pairCut() string {
	a, b := f.site(), f.site()
	if a == b {
		return ""
	}
	f.w.count.PairCuts++
	x, y := []*site{a}, []*site{b}
	f.during(f.lasts(), func(on bool) { f.cut(x, y, true, true, on); f.cut(y, x, true, true, on) })
	return "cut: " + names(x) + " - " + names(y)
}

// flap cuts and mends many times.
func (f *faults) flap() string {
	a, b := f.halves()
	w := f.w
	w.count.Flaps++
	times := 4 + w.rnd.IntN(20)
	var again func()
	again = func() {
		if times--; times < 0 || w.quiet {
			return
		}
		d := w.between(20*time.Millisecond, 2*time.Second)
		f.during(d, func(on bool) { f.cut(a, b, true, true, on); f.cut(b, a, true, true, on) })
		w.after(d+w.between(20*time.Millisecond, 2*time.Second), again)
	}
	again()
	return "flapping between " + names(a) + " and " + names(b)
}

func (f *faults) clog() string {
	a, b := f.halves()
	w := f.w
	w.count.Clogs++
	until := w.now + int64(w.between(200*time.Millisecond, 8*time.Second))
	for _, x := range a {
		for _, y := range b {
			w.net.clog(x, y, until)
		}
	}
	return "clogged: " + names(a) + " to " + names(b)
}

// crash ends a process; whether its data survive is drawn: as they are, an old copy, or nothing.
func (f *faults) crash() string {
	s := f.site()
	if s.p == nil || s.twin {
		return ""
	}
	what := "with its data"
	switch f.w.rnd.IntN(4) {
	case 0:
		s.disk, what = 0, "without data"
	case 1:
		s.disk, what = s.old, "with an old copy of its data"
	}
	s.crash(f.w.chance(0.4), f.lasts())
	return s.name + " crashes and is to come back " + what
}

// restart is too quick for membership to notice.
func (f *faults) restart() string {
	s := f.site()
	if s.p == nil || s.twin {
		return ""
	}
	s.crash(false, f.w.between(time.Millisecond, 500*time.Millisecond))
	return s.name + " is restarted at once"
}

func (f *faults) leave() string {
	s := f.site()
	if s.p == nil || !s.p.serving || s.twin {
		return ""
	}
	s.p.leave()
	f.w.after(6*time.Second+f.lasts(), s.start)
	return s.name + " leaves and is to come back"
}

func (f *faults) stop() string {
	s := f.site()
	if s.p == nil || s.p.paused {
		return ""
	}
	p := s.p
	f.w.count.Stops++
	p.pause(true)
	f.w.after(f.lasts(), func() { p.pause(false) })
	return s.name + " is stopped"
}

func (f *faults) skew() string {
	s := f.site()
	f.w.count.Skews++
	s.skew = f.w.between(-12*time.Hour, 12*time.Hour)
	return s.name + "'s clock jumps"
}

// twin starts a second process under the name of a node, elsewhere. One of the two has to give way.
func (f *faults) twin() string {
	w := f.w
	s := f.site()
	if f.twins >= twinsMax || s.twin || s.p == nil {
		return ""
	}
	f.twins++
	w.count.Twins++
	t := w.addSite(s.name)
	t.twin = true
	t.start()
	w.members.rivals(s, t.p)
	return "a second process is called " + s.name
}

// breakLinks resets connections between two nodes, as a box between them does that forgets what it knew.
func (f *faults) breakLinks() string {
	a, b := f.site(), f.site()
	if a == b {
		return ""
	}
	f.w.count.Breaks++
	f.w.journal.broke(a, b)
	for _, p := range slices.Clone(f.w.net.wire(a, b).pipes) {
		if !p.ended && !p.from.shut {
			p.from.far.l.arrive(arrival{kind: arrivedClosed, end: p.from.far, err: errReset})
			p.from.l.arrive(arrival{kind: arrivedClosed, end: p.from, err: errReset})
			p.ended = true
		}
	}
	return "connections between " + a.name + " and " + b.name + " are reset"
}

func names(sites []*site) (s string) {
	for i, x := range sites {
		if i > 0 {
			s += " "
		}
		s += x.name
		if x.twin {
			s += "'"
		}
	}
	return s
}

// healCore chooses some nodes and mends all between them, for good. Between the core and the rest, and among the rest, things stay as they
// are or get worse.
func (f *faults) healCore() {
	w := f.w
	w.quiet = true
	var first []*site
	for _, s := range w.sites {
		if !s.twin {
			first = append(first, s)
		}
	}
	w.rnd.Shuffle(len(first), func(i, j int) { first[i], first[j] = first[j], first[i] })
	n := 2 + w.rnd.IntN(len(first)-1)
	core := first[:n]
	slices.SortFunc(core, func(a, b *site) int { return a.index - b.index })
	for _, u := range f.undo {
		u.run()
	}
	f.undo = nil
	for _, s := range core {
		f.core = append(f.core, s.index)
		s.powerOn()
		if s.p != nil && s.p.leaving {
			s.p.kill()
		}
		if s.p == nil {
			s.start()
		}
		s.p.pause(false)
	}
	for _, s := range w.sites {
		if s.twin && s.p != nil {
			s.p.kill()
		}
	}
	for _, a := range core {
		for _, b := range core {
			if a != b {
				f.mend(a, b)
			}
		}
	}
	f.breakRest(core)
	w.say("healed for good: %s", names(core))
	if w.traffic != nil {
		w.traffic.healed(f.core)
	}
	w.tables.expect(f.core)
}

// mend makes the network between two nodes of the core a good one.
func (f *faults) mend(a, b *site) {
	x := f.w.net.wire(a, b)
	x.loss, x.cloggedTil = min(x.loss, coreLoss), 0
}

// coreLoss is what a healed network may still lose.
const coreLoss = 0.02

// breakRest leaves those outside of the core in some state for good.
func (f *faults) breakRest(core []*site) {
	w := f.w
	for _, s := range w.sites {
		if s.twin || slices.Contains(core, s) {
			continue
		}
		one, all := []*site{s}, w.sites
		switch w.rnd.IntN(6) {
		case 0:
			f.cut(one, all, true, true, true)
			f.cut(all, one, true, true, true)
		case 1: // it hears, and is not heard
			f.cut(one, all, true, true, true)
		case 2:
			f.cut(all, one, true, false, true)
		case 3:
			f.cut(one, all, false, true, true)
			f.cut(all, one, false, true, true)
		case 4:
			if s.p != nil {
				s.p.kill()
			}
			s.off = w.chance(0.5)
		case 5:
			if s.p != nil {
				s.p.pause(true)
			}
		}
	}
}
