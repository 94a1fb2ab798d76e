package chaos

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Mode is what a run proves.
type Mode string

const (
	// Safety: faults go on to the end; nothing wrong may happen.
	Safety Mode = "safety"
	// Liveness: at some time a part of the nodes is healed for good, and has to converge; the rest stays broken.
	Liveness Mode = "liveness"
)

// Options describe one run.
type Options struct {
	Seed     uint64
	Nodes    int           // 0: drawn
	Duration time.Duration // 0: DefaultDuration
	Mode     Mode          // "": drawn
	Calm     bool          // no faults, a good network
	Deserted bool          // without the world's own clients
	Trace    io.Writer     // what happens, line by line; nil for none
}

// DefaultDuration is long enough for a node to be hidden, gone, forgotten and back under the times that are drawn.
const DefaultDuration = 150 * time.Second

// violationsMax is how many violations of one run are kept: the first tells most.
const violationsMax = 20

// World is one simulated cluster. Everything in it happens on one goroutine, in virtual time, and follows from the seed.
type World struct {
	opts  Options
	now   int64 // nanoseconds; starts at one second, since 0 means never in the rooms
	begun int64
	end   int64
	rnd   *rand.Rand
	heap  events
	steps uint64

	draw    draws
	sites   []*site
	net     network
	members membership
	plan    faults
	tables  tables
	history history
	traffic traffic
	journal journal
	buffers buffers

	quiet      bool // faults are over for the core
	trace      tracer
	violations []string
	count      Counters
}

// traffic is what clients do in the world. It is called on the world's goroutine.
type traffic interface {
	// start is called once, at the beginning; it plans what follows by World.after.
	start()
	// healed is called when these sites are healed for good (liveness only). What clients do from then on has to succeed in time.
	healed(core []int)
	// rest is called when nothing new should be started any more: what is on its way has time to arrive until finish.
	rest()
	// finish is called once, at the end, and judges.
	finish()
}

// newTraffic makes the clients of a world; nil for none.
var newTraffic func(*World) traffic

// NewWorld draws a world from its seed.
func NewWorld(o Options) *World {
	if o.Duration == 0 {
		o.Duration = DefaultDuration
	}
	w := &World{opts: o, now: int64(time.Second), rnd: rand.New(rand.NewPCG(o.Seed, 0x6b6c656562))}
	w.begun, w.end = w.now, w.now+int64(o.Duration)
	w.trace = newTracer(o.Trace)
	w.draw = w.drawAll()
	w.journal.w = w
	w.net.init(w)
	w.members.init(w)
	w.tables.init(w)
	for i := range w.draw.nodes {
		w.addSite(fmt.Sprintf("n%02d", i))
	}
	return w
}

// after plans f.
func (w *World) after(d time.Duration, f func()) { w.at(w.now+int64(d), f) }

func (w *World) at(at int64, f func()) { w.push(event{at: at, do: f}) }

func (w *World) push(e event) { w.heap.push(e) }

// Run plays the world to its end.
func (w *World) Run() Result {
	w.startAll()
	w.history.init(w)
	w.plan.init(w)
	if newTraffic != nil && !w.opts.Deserted {
		w.traffic = newTraffic(w)
		w.traffic.start()
	}
	for at, ok := w.heap.next(); ok && at <= w.end && len(w.violations) < violationsMax; at, ok = w.heap.next() {
		e := w.heap.pop()
		w.now = e.at
		w.steps++
		switch {
		case e.loop != nil:
			e.loop.due(e.at)
		case e.pipe != nil:
			e.pipe.due()
		default:
			e.do()
		}
		if w.steps%scanEvery == 0 {
			w.tables.scan()
		}
	}
	w.tables.scan()
	w.tables.converged()
	if w.traffic != nil {
		w.traffic.finish()
	}
	return w.result()
}

// between draws a duration from [lo, hi], evenly.
func (w *World) between(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(w.rnd.Int64N(int64(hi-lo)+1))
}

// chance is true with probability p.
func (w *World) chance(p float64) bool { return p > 0 && w.rnd.Float64() < p }

// violate reports what must not happen.
func (w *World) violate(format string, args ...any) {
	s := fmt.Sprintf("%8.3f s: ", float64(w.now-w.begun)/1e9) + fmt.Sprintf(format, args...)
	w.say("VIOLATION %s", s)
	if len(w.violations) < violationsMax {
		w.violations = append(w.violations, s)
	}
}
