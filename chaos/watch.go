package chaos

import (
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Some clients do nothing but listen, mostly to who comes and goes: one on each node. What each of them is told of a session has to be a
// well-bracketed sequence (DESIGN.md section 10): it joins before it leaves, neither twice, and none leaves whose node was only cut off and came
// back within leave_grace.

const (
	topicJoin  = "wamp.session.on_join"
	topicLeave = "wamp.session.on_leave"

	// topicHeard is one of the crowd's topics, which watchers hear as well: they stay through outages, when most others come and go.
	topicHeard = "t.a"

	// rewatchEvery is how long a watcher waits whose session has ended.
	rewatchEvery = 700 * time.Millisecond

	ruleBrackets = "brackets of meta events"
)

// sight is what one subscriber was told of one session.
type sight struct {
	id      uint64
	present bool    // the last word was that it has joined
	joins   []int64 // when it was told so
	leaves  []int64
	orphan  int64 // when it was told that the session has left, of which it had not heard before; 0: never
}

// watch keeps a watcher on a node.
func (c *crowd) watch(node int) {
	var s *session
	var look func()
	look = func() {
		if (s == nil || s.state == sessionOver) && !c.stopped && c.place.serves(node) {
			s = c.newSession(node)
			s.sights = map[uint64]*sight{}
			watcher := s
			// The end before the beginning: who hears of a session's beginning hears of its end as well.
			s.begin = func() {
				watcher.subscribe(pattern{wamp.Exact, topicLeave})
				watcher.subscribe(pattern{wamp.Exact, topicJoin})
				watcher.subscribe(pattern{wamp.Exact, topicHeard})
			}
		}
		c.place.later(rewatchEvery, look)
	}
	look()
}

// watching is since when the session hears of all others, 0: never.
func (s *session) watching() (since int64) {
	if s.sights == nil || len(s.everHeld) < 2 || s.everHeld[0].since == 0 || s.everHeld[1].since == 0 {
		return 0
	}
	return max(s.everHeld[0].since, s.everHeld[1].since)
}

// meta says that the subscription is one of a watcher.
func (s *subscription) meta() bool { return s.uri == topicJoin || s.uri == topicLeave }

// onMeta takes what a watcher is told.
func (l *ledger) onMeta(s *session, sub *subscription, m *codec.Message) {
	id, ok := sessionIn(s.serializer, m.Payload)
	switch {
	case !ok || id == 0 || id > wamp.MaxID:
		l.broken("well-formed messages", "session %v is told of no session in %s", s, sub.uri)
		return
	case id == s.id:
		l.broken("exclusion", "session %v is told of itself: %s", s, sub.uri)
		return
	}
	x := s.sights[id]
	if x == nil {
		x = &sight{id: id}
		s.sights[id] = x
		s.sightList = append(s.sightList, x)
	}
	l.metaID(sub.uri, id, m.ID)
	if sub.uri == topicJoin {
		if x.present {
			l.broken(ruleBrackets, "session %v is told twice that session %d has joined", s, id)
		}
		x.present, x.joins = true, append(x.joins, l.clock())
		l.count.JoinsHeard++
		countIf(&l.count.Rejoins, len(x.leaves) > 0)
		return
	}
	if len(x.leaves) > 0 && !x.present {
		l.broken(ruleBrackets, "session %v is told twice that session %d has left", s, id)
	}
	if len(x.joins) == 0 && x.orphan == 0 {
		x.orphan = l.clock()
	}
	x.present, x.leaves = false, append(x.leaves, l.clock())
	l.count.LeavesHeard++
}

// metaID: the event of one session's beginning, or end, has one publication id everywhere, which nothing else has.
func (l *ledger) metaID(topic string, session, id uint64) {
	k := metaKey{topic, session}
	if was, known := l.metaIDs[k]; known && was != id || l.byID[id] != nil {
		l.broken("ids are unique", "%s of session %d is publication %d, and %d", topic, session, id, was)
	}
	l.metaIDs[k] = id
}

type metaKey struct {
	topic   string
	session uint64
}

// sessionIn reads the id of the session that a meta event is about: its only details, or the first of its arguments.
func sessionIn(ser wamp.Serializer, p codec.Payload) (id uint64, ok bool) {
	args, _ := codec.ReadPayload(ser, p)
	if len(args) == 0 {
		return 0, false
	}
	v := args[0]
	if d, is := v.(codec.Dict); is {
		v = nil
		for _, x := range d {
			if x.Key == "session" {
				v = x.Value
			}
		}
	}
	id, ok = v.(uint64)
	return id, ok
}

// checkWatchers judges, at the end, what each watcher was told of each session.
func (l *ledger) checkWatchers() {
	unborn, strangers := 0, map[uint64]bool{}
	for _, x := range l.sessions {
		if x.id == 0 {
			unborn++ // its client was gone before it was welcomed
		}
	}
	for _, w := range l.sessions {
		since := w.watching()
		if since == 0 {
			continue
		}
		for _, seen := range w.sightList {
			if l.bySessionID[seen.id] == nil {
				strangers[seen.id] = true
			}
		}
		for _, x := range l.sessions {
			if x != w && x.id != 0 {
				l.checkTold(w, x, since)
			}
		}
	}
	if len(strangers) > unborn {
		l.broken(ruleBrackets, "watchers were told of %d sessions that are nobody's, and %d were not welcomed", len(strangers), unborn)
	}
}

// checkTold judges what w, a watcher since then, was told of x.
func (l *ledger) checkTold(w, x *session, since int64) {
	seen := w.sights[x.id]
	if seen == nil {
		seen = &sight{id: x.id}
	}
	if seen.orphan != 0 && x.begun > since {
		l.broken(ruleBrackets, "session %v was told at %v that session %v has left, and never that it had joined", w, time.Duration(seen.orphan), x)
	}
	for _, at := range seen.leaves {
		l.checkLeave(w, x, since, at)
	}
	for _, at := range seen.joins {
		if x.over != 0 && at-x.over > l.wait.settled && l.trouble(w.node, x.node, x.over-l.wait.recovered, at) == calm {
			l.broken(ruleBrackets, "session %v was told at %v that session %v has joined, which was over at %v", w, time.Duration(at), x, time.Duration(x.over))
		}
	}
	if len(seen.joins) == 0 && l.mustHear(w, x, max(since, x.joined), since) && x.joined > since+l.wait.visible && ongoing(x.over, x.joined+l.wait.settled) {
		l.broken(ruleBrackets, "session %v, a watcher since %v, was never told that session %v has joined at %v", w, time.Duration(since), x, time.Duration(x.joined))
	}
	l.checkLastWord(w, x, seen)
}

// mustHear says that nothing kept the news of a moment from a watcher.
func (l *ledger) mustHear(w, x *session, at, since int64) bool {
	until := at + l.wait.settled
	if until > l.clock() || !ongoing(w.over, until) || w.broke || l.trouble(w.node, x.node, at-l.wait.recovered-l.wait.visible, until) != calm {
		return false
	}
	end := l.torn(w.node, x.node, at)
	return end == 0 || end+l.wait.recovered+l.wait.visible < at
}

// checkLeave: who is said to have left has done so, or its node was given up for good.
func (l *ledger) checkLeave(w, x *session, since, at int64) {
	until := at + l.wait.settled
	if !ongoing(x.over, until) || until > l.clock() || x.stalledWithin(at, until) {
		return
	}
	l.count.LeavesWhileAlive++
	if w.node == x.node || !l.gone(w.node, x.node, w.begun, at) {
		l.broken(ruleBrackets, "session %v was told at %v that session %v has left, which lives, and whose node was not given up", w, time.Duration(at), x)
	}
}

// checkLastWord: in the end a watcher knows whoever is there.
func (l *ledger) checkLastWord(w, x *session, seen *sight) {
	now := l.clock()
	long := l.wait.recovered + l.wait.visible + l.wait.settled
	if w.state != sessionOpen || now-w.joined < long {
		return
	}
	quiet := l.trouble(w.node, x.node, now-long, now) == calm
	switch {
	case seen.present && x.over != 0 && now-x.over > l.wait.settled && (quiet || l.lapsed(w, x)):
		l.broken(ruleBrackets, "session %v still believes in session %v, which was over at %v", w, x, time.Duration(x.over))
	case !seen.present && len(seen.leaves) > 0 && x.state == sessionOpen && quiet && now-x.joined > long:
		l.broken(ruleBrackets, "session %v still believes that session %v has left at %v, which is there", w, x, time.Duration(seen.leaves[len(seen.leaves)-1]))
	}
}

// lapsed says that x ended with its node, so long ago that every other node must have given it up, reachable or not.
func (l *ledger) lapsed(w, x *session) bool {
	return l.died(x.node, x.joined, x.over) && l.clock()-x.over > l.wait.gone && l.trouble(w.node, w.node, x.over, l.clock()) == calm
}
