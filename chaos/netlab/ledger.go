package netlab

import "time"

// Tally is what the ledger has counted so far.
type Tally struct {
	Published  uint64 `json:"published"` // acknowledged ones
	Received   uint64 `json:"received"`
	Duplicates uint64 `json:"duplicates"`
	Disorder   uint64 `json:"out_of_order"`
	Missing    uint64 `json:"missing"`

	Calls           uint64 `json:"calls"`
	Answered        uint64 `json:"answered"`
	Failed          uint64 `json:"failed"`
	Gone            uint64 `json:"gone_with_their_session"`
	Unanswered      uint64 `json:"unanswered"` // for longer than an answer may take
	AnsweredTwice   uint64 `json:"answered_twice"`
	RunTwice        uint64 `json:"run_twice"`
	RunDisorder     uint64 `json:"run_out_of_order"`
	RunAfterFailure uint64 `json:"run_after_failure"` // allowed where a CANCEL follows; for information
}

// party is one session of one client; its name is used once.
type party struct {
	name string
	node string // that it is connected to
}

// ledger is what the clients saw. It judges per pair of sessions, as the promises are made. It is pure: callers serialize.
type ledger struct {
	tally   Tally
	sent    map[string]uint64 // party → its last acknowledged event
	gone    map[string]bool   // parties whose session has ended
	streams map[[2]string]*stream
	calls   map[callKey]*callRecord
	runs    map[[2]string]uint64 // (caller, callee) → the last call that ran
}

// stream is what one subscriber's session got of one publisher's.
type stream struct {
	from, to party
	first    uint64
	last     uint64
	missing  map[uint64]bool
}

type callKey struct {
	caller string
	seq    uint64
}

type callRecord struct {
	began   time.Duration
	ended   bool
	failed  bool
	overdue bool
	at      time.Duration
	ran     bool
}

func newLedger() *ledger {
	return &ledger{
		sent: map[string]uint64{}, gone: map[string]bool{}, streams: map[[2]string]*stream{},
		calls: map[callKey]*callRecord{}, runs: map[[2]string]uint64{},
	}
}

// published notes that an event was acknowledged. Numbers of a party begin with 1 and leave none out.
func (l *ledger) published(p party, seq uint64) {
	l.tally.Published++
	l.sent[p.name] = max(l.sent[p.name], seq)
}

// received notes an event. It returns what is wrong with it, "" for nothing. A stream begins with the first event that comes: where a
// subscription or a node is new, others learn of it a moment later.
func (l *ledger) received(from, to party, seq uint64) string {
	l.tally.Received++
	key := [2]string{from.name, to.name}
	s := l.streams[key]
	if s == nil {
		l.streams[key] = &stream{from: from, to: to, first: seq, last: seq, missing: map[uint64]bool{}}
		return ""
	}
	switch {
	case seq > s.last:
		l.miss(s, seq)
		s.last = seq
		return ""
	case s.missing[seq]:
		delete(s.missing, seq)
		l.tally.Missing--
		l.tally.Disorder++
		return "out of order"
	case seq < s.first:
		l.tally.Disorder++
		return "out of order"
	}
	l.tally.Duplicates++
	return "a duplicate"
}

// miss notes all between the last one and seq as missing.
func (l *ledger) miss(s *stream, seq uint64) {
	for n := s.last + 1; n < seq; n++ {
		s.missing[n] = true
		l.tally.Missing++
	}
}

// left notes the end of a session: what was under way to it or from it is nobody's loss.
func (l *ledger) left(p party) { l.gone[p.name] = true }

// behind is how many acknowledged events living subscribers have not got yet, at the ends of their streams.
func (l *ledger) behind() (n uint64) {
	for _, s := range l.streams {
		if sent := l.sent[s.from.name]; l.lives(s) && sent > s.last {
			n += sent - s.last
		}
	}
	return n
}

func (l *ledger) lives(s *stream) bool { return !l.gone[s.from.name] && !l.gone[s.to.name] }

// close notes what is behind as missing. It is for the end, when nothing is under way any more.
func (l *ledger) close() {
	for _, s := range l.streams {
		if l.lives(s) {
			l.miss(s, l.sent[s.from.name]+1)
			s.last = max(s.last, l.sent[s.from.name])
		}
	}
}

// missing is how many events are missing, by the nodes of publisher and subscriber.
func (l *ledger) missing() map[[2]string]uint64 {
	m := map[[2]string]uint64{}
	for _, s := range l.streams {
		if n := len(s.missing); n > 0 {
			m[[2]string{s.from.node, s.to.node}] += uint64(n)
		}
	}
	return m
}

// called notes a CALL. Times are from the begin of the run.
func (l *ledger) called(caller string, seq uint64, now time.Duration) {
	l.tally.Calls++
	l.calls[callKey{caller, seq}] = &callRecord{began: now}
}

// answered notes a final answer, failed one that is an ERROR.
func (l *ledger) answered(caller string, seq uint64, failed bool, now time.Duration) {
	c := l.end(caller, seq, now)
	switch {
	case c == nil:
		l.tally.AnsweredTwice++
	case failed:
		c.failed = true
		l.tally.Failed++
	default:
		l.tally.Answered++
	}
}

// abandoned notes a call whose caller's session has ended: no answer is owed.
func (l *ledger) abandoned(caller string, seq uint64, now time.Duration) {
	if l.end(caller, seq, now) != nil {
		l.tally.Gone++
	}
}

func (l *ledger) end(caller string, seq uint64, now time.Duration) *callRecord {
	c := l.calls[callKey{caller, seq}]
	if c == nil || c.ended {
		return nil
	}
	if c.overdue {
		l.tally.Unanswered--
	}
	c.ended, c.at = true, now
	return c
}

// ran notes an invocation. It returns what is wrong with it, "" for nothing.
func (l *ledger) ran(caller, callee string, seq uint64) string {
	key := [2]string{caller, callee}
	c, last := l.calls[callKey{caller, seq}], l.runs[key]
	l.runs[key] = max(last, seq)
	switch {
	case c == nil:
		return "an invocation of no call"
	case c.ran:
		l.tally.RunTwice++
		return "run twice"
	case seq < last:
		c.ran = true
		l.tally.RunDisorder++
		return "run out of order"
	}
	c.ran = true
	if c.ended && c.failed {
		l.tally.RunAfterFailure++
	}
	return ""
}

// remembered is how long an ended call is: longer than any fault, so that one that runs late is still known.
const remembered = 3 * time.Minute

// overdue counts calls that have waited longer than limit for an answer, and forgets those that ended long ago.
func (l *ledger) overdue(now, limit time.Duration) uint64 {
	for key, c := range l.calls {
		switch {
		case c.ended && now-c.at > remembered:
			delete(l.calls, key)
		case !c.ended && !c.overdue && now-c.began > limit:
			c.overdue = true
			l.tally.Unanswered++
		}
	}
	return l.tally.Unanswered
}
