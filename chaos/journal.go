package chaos

import (
	"time"
)

// journal notes which pairs of sites a fault touched, and when: what goes wrong between their clients has to have a reason there. The
// primitives of the network and of the processes write it, whoever uses them. History tells what the nodes made of it: an excuse needs both, a
// fault that may have such consequences, and the consequences.
type journal struct {
	w     *World
	pairs [][]annals // by site, the smaller index second
	sites []annals   // what happened to a site itself
}

// annals are what happened to one pair or site. Each list is in order of beginnings.
type annals struct {
	shaken  course  // the path was cut, slow or broken; the process was stopped
	torn    course  // what waited for the other end may be lost: it died, began anew, or has not begun yet
	strange bool    // they have not met since one of them began: torn goes on meanwhile
	knows   [2]bool // the larger index holds the smaller alive, and the other way round
	doubt   course  // membership calls one of them dead: whoever has given the other up does not look for it until that is over
}

// course is times that may overlap while they go on; those that are over are kept as one where they follow closely.
type course struct {
	past  []span
	open  int
	since int64 // of the first that goes on
	close int64 // what follows within this time is one
}

func (c *course) begin(now int64) {
	if c.open++; c.open == 1 {
		c.since = now
	}
}

func (c *course) end(now int64) {
	if c.open--; c.open == 0 {
		c.add(span{c.since, now})
	}
}

func (c *course) add(s span) {
	if n := len(c.past) - 1; n >= 0 && s.from <= c.past[n].until+c.close {
		c.past[n] = span{min(c.past[n].from, s.from), max(c.past[n].until, s.until)}
		return
	}
	c.past = append(c.past, s)
}

// all is the times so far: those that are over, as far as what goes on does not continue the last of them, and that.
func (c *course) all(now int64) (past []span, last span) {
	past, last = c.past, span{c.since, now}
	if n := len(past) - 1; c.open == 0 {
		if n < 0 {
			return nil, span{1, 0}
		}
		past, last = past[:n], past[n]
	} else if n >= 0 && last.from <= past[n].until+c.close {
		past, last = past[:n], span{min(past[n].from, last.from), max(past[n].until, last.until)}
	}
	return past, last
}

// each visits the times so far.
func (c *course) each(now int64, f func(span)) {
	past, last := c.all(now)
	for _, s := range past {
		f(s)
	}
	if last.from <= last.until {
		f(last)
	}
}

const (
	// redialIn is how much longer than its cut a path may be lost: the dial's first packets were lost, and the next one waits.
	redialIn = int64(8 * time.Second)
	// slowPacket is what a packet may take without being a fault: well below the time after which a silent peer is suspect.
	slowPacket = int64(400 * time.Millisecond)
)

func newAnnals() annals { return annals{shaken: course{close: redialIn}} }

func (j *journal) pair(a, b *site) *annals {
	x, y := max(a.index, b.index), min(a.index, b.index)
	for len(j.pairs) <= x {
		row := make([]annals, len(j.pairs)+1)
		for i := range row {
			row[i] = newAnnals()
		}
		j.pairs = append(j.pairs, row)
	}
	return &j.pairs[x][y]
}

func (j *journal) site(s *site) *annals {
	for len(j.sites) <= s.index {
		j.sites = append(j.sites, newAnnals())
	}
	return &j.sites[s.index]
}

// tears visits the times in which frames between two sites may have been lost, in no order. hold is how long a link keeps them without a path.
func (h *annals) tears(now, hold int64, f func(span)) {
	h.torn.each(now, f)
	h.shaken.each(now, func(s span) {
		if s.until-s.from+redialIn < hold {
			return
		}
		h.doubt.each(now, func(d span) {
			if d.from <= s.until+redialIn && d.until >= s.from {
				s.until = max(s.until, d.until)
			}
		})
		f(s)
	})
}

func (h *annals) worst(from, until, now, hold int64) trouble {
	level := calm
	h.tears(now, hold, func(s span) {
		if s.from <= until && s.until >= from {
			level = torn
		}
	})
	h.shaken.each(now, func(s span) {
		if s.from <= until && s.until >= from {
			level = max(level, shaken)
		}
	})
	return level
}

// each visits what happened to two sites, each of them and the pair.
func (j *journal) each(a, b int, f func(*annals)) {
	x, y := j.w.sites[a], j.w.sites[b]
	f(j.site(x))
	if a != b {
		f(j.site(y))
		f(j.pair(x, y))
	}
}

// trouble is the worst that touched two sites, or (a and b the same) one.
func (j *journal) trouble(a, b int, from, until int64) (worst trouble) {
	j.each(a, b, func(h *annals) { worst = max(worst, h.worst(from, until, j.w.now, int64(j.w.draw.downAfter))) })
	return worst
}

// torn is when the last time in which frames may have been lost, and which began before at, ended: 0 for none.
func (j *journal) torn(a, b int, at int64) (end int64) {
	j.each(a, b, func(h *annals) {
		h.tears(j.w.now, int64(j.w.draw.downAfter), func(s span) {
			if s.from <= at {
				end = max(end, s.until)
			}
		})
	})
	return end
}

// What the primitives say.

func (j *journal) cut(a, b *site, on bool) {
	if h := &j.pair(a, b).shaken; on {
		h.begin(j.w.now)
	} else {
		h.end(j.w.now)
	}
}

func (j *journal) slow(a, b *site, until int64) {
	if until-j.w.now > slowPacket {
		j.pair(a, b).shaken.add(span{j.w.now, until})
	}
}

func (j *journal) broke(a, b *site) { j.pair(a, b).shaken.add(span{j.w.now, j.w.now}) }

func (j *journal) paused(s *site, on bool) {
	if h := &j.site(s).shaken; on {
		h.begin(j.w.now)
	} else {
		h.end(j.w.now)
	}
}

// down and up frame the time in which nobody serves a site. A second process under a name puts its rival in doubt as well.
func (j *journal) down(s *site) { j.site(s).torn.begin(j.w.now) }
func (j *journal) up(s *site)   { j.site(s).torn.end(j.w.now) }

func (j *journal) reborn(s *site) { j.site(s).torn.add(span{j.w.now, j.w.now}) }

// began: a process begins on the site. Nobody is linked with it before membership has told both.
func (j *journal) began(s *site) {
	if s.twin { // whoever reaches it may take it for the other
		j.rival(s, func(o *site) { j.site(o).torn.begin(j.w.now) })
	}
	for _, o := range j.w.sites {
		if o == s {
			continue
		}
		h := j.pair(s, o)
		h.knows[side(s, o)] = false
		if !h.strange {
			h.strange = true
			h.torn.begin(j.w.now)
		}
	}
}

// ended: the process is no more.
func (j *journal) ended(s *site) {
	if s.twin {
		j.rival(s, func(o *site) { j.site(o).torn.end(j.w.now) })
	}
}

func (j *journal) rival(s *site, f func(*site)) {
	for _, o := range j.w.sites {
		if o != s && o.name == s.name && !o.twin {
			f(o)
		}
	}
}

// side is the observer's place in annals.knows.
func side(a, b *site) int {
	if a.index > b.index {
		return 0
	}
	return 1
}

// opinion: an observer holds another site's node alive, or dead.
func (j *journal) opinion(a, b *site, alive bool) {
	h := j.pair(a, b)
	was := h.knows[side(a, b)]
	h.knows[side(a, b)] = alive
	switch {
	case was && !alive:
		h.doubt.begin(j.w.now)
	case !was && alive && h.doubt.open > 0:
		h.doubt.end(j.w.now)
	}
	if h.strange && h.knows[0] && h.knows[1] {
		h.strange = false
		h.torn.end(j.w.now)
	}
}
