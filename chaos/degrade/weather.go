package degrade

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"
)

// Direction is which way bytes go through the proxy.
type Direction int

// The directions; Both is of outages.
const (
	There Direction = iota // from those who connect to the node behind the proxy
	Back
	Both
)

func (d Direction) String() string { return [...]string{"there", "back", "both"}[d] }

// Window is a time of bad weather, since the proxy began.
type Window struct {
	From, To  time.Duration
	Kind      string // outage or clog
	Direction Direction
}

func (w Window) String() string {
	return fmt.Sprintf("%9.3f s  %-6s  %-5s  for %.3f s", w.From.Seconds(), w.Kind, w.Direction, (w.To - w.From).Seconds())
}

// Plan is the weather of a profile until then.
func Plan(p Profile, seed uint64, until time.Duration) []Window {
	var all []Window
	for _, s := range []struct {
		spell Spell
		kind  string
		d     Direction
	}{{p.Outage, "outage", Both}, {p.Clog, "clog", There}, {p.Clog, "clog", Back}} {
		w := newWeather(s.spell, seed, s.kind, s.d)
		for w.spell != (Spell{}) {
			w.more()
			last := w.windows[len(w.windows)-1]
			if last.From >= until {
				break
			}
			all = append(all, last)
		}
	}
	slices.SortStableFunc(all, func(a, b Window) int { return cmp.Compare(a.From, b.From) })
	return all
}

// weather is the bad times of one kind, drawn as far as they were asked for.
type weather struct {
	spell   Spell
	chance  *rand.Rand
	windows []Window // in order, the old ones dropped
	kind    string
	d       Direction
	end     time.Duration // of the last window
}

func newWeather(s Spell, seed uint64, kind string, d Direction) *weather {
	return &weather{spell: s, chance: chance(seed, kind, d.String()), kind: kind, d: d}
}

// chance is a source of its own for each name.
func chance(seed uint64, names ...string) *rand.Rand {
	h := fnv.New64a()
	for _, n := range names {
		h.Write(append([]byte(n), 0))
	}
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// more draws the next window.
func (w *weather) more() {
	from := w.end + between(w.chance, w.spell.FairMin, w.spell.FairMax)
	w.end = from + between(w.chance, w.spell.BadMin, w.spell.BadMax)
	w.windows = append(w.windows, Window{from, w.end, w.kind, w.d})
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)+1))
}

// fair is t, or the end of the bad time that t is in. Nobody asks about times before now any more.
func (w *weather) fair(now, t time.Duration) time.Duration {
	if w.spell == (Spell{}) {
		return t
	}
	for w.end <= t {
		w.more()
	}
	for w.windows[0].To <= now {
		w.windows = slices.Delete(w.windows, 0, 1)
	}
	for _, x := range w.windows {
		if t >= x.From && t < x.To {
			return x.To
		}
	}
	return t
}
