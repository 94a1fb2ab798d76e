package chaos

import (
	"fmt"
	"time"

	"kleeblatt/internal/wamp"
)

// trouble says how much faults had to do with what happened between two nodes.
type trouble uint8

const (
	calm   trouble = iota
	shaken         // the path was late or broken, for less than the links' windows hold: nothing is lost, but calls may fail
	torn           // longer than that, or one of the two died: frames may be lost
)

// ledger is the truth: who held what and when, what was published and called, and what came of it. Clients write it, and every message that
// a client gets is held against it. Times are the world's, ns; 0 is never. Records stay for the whole run.
type ledger struct {
	clock func() int64
	// trouble is the worst that touched the pair of nodes within a time; a node and itself: the node.
	trouble func(a, b int, from, until int64) trouble
	// late says that a fault may have made what one node told the other late, whether they noticed or not.
	late func(a, b int, from, until int64) bool
	// torn is when the last torn time of the pair that began before at ended, 0 for none.
	torn func(a, b int, at int64) int64
	// gone says that node a has given node b, or a life of it, up for good at some time in between.
	gone func(a, b int, from, until int64) bool
	// died says that a process that served the node from the first time on has ended by the second, or a moment later.
	died func(node int, from, until int64) bool

	// settled says that a node knew, for most of the time in between, all that those whom it reaches have to tell.
	settled func(node int, from, until int64) bool

	wait    patience
	collide bool // ids are so short that they collide
	standby bool // who loses a conflict stands by

	sessions     []*session
	publications []*publication
	calls        []*call
	published    map[tag]*publication
	called       map[tag]*call
	byID         map[uint64]*publication // publication ids
	topicIDs     map[pattern]uint64      // ids that the router gave; equal on all nodes
	procedureIDs map[pattern]uint64
	bySessionID  map[uint64]*session
	metaIDs      map[metaKey]uint64
	held         map[pattern][]*registration // every registration that was ever asked for

	violations []violation
	count      *Counters
	report     func(violation) // may be nil
}

// violation is one broken promise.
type violation struct {
	at   int64
	rule string // which promise, in few words
	text string
}

func (v violation) String() string {
	return fmt.Sprintf("%v %s: %s", time.Duration(v.at), v.rule, v.text)
}

// violationsKept bounds what is kept: the first tells most.
const violationsKept = 100

// pattern is a topic or procedure with its matching policy.
type pattern struct {
	match wamp.Match
	uri   string
}

func (p pattern) String() string { return p.match.String() + " " + p.uri }

// subscription is a session's, from SUBSCRIBE on.
type subscription struct {
	pattern
	s       *session
	id      uint64
	asked   int64
	since   int64 // SUBSCRIBED came
	leaving int64 // UNSUBSCRIBE was sent
	over    int64 // UNSUBSCRIBED came, or the session ended
	got     map[tag]bool
}

// registration is a session's, from REGISTER on.
type registration struct {
	pattern
	s       *session
	invoke  wamp.Invoke
	limit   uint64
	id      uint64
	asked   int64
	since   int64
	leaving int64
	over    int64 // UNREGISTERED or ERROR came, it was revoked, or the session ended
	revoked int64
	refused bool
}

func (r *registration) String() string {
	return fmt.Sprintf("session %v (%v, since %v, over %v)", r.s, r.pattern, time.Duration(r.since), time.Duration(r.over))
}

// publication is one PUBLISH.
type publication struct {
	tag
	s           *session
	topic       string
	id          uint64 // as receivers or the answer tell; 0: not known yet
	at          int64
	acknowledge bool
	acked       int64
	includeMe   bool
	exclude     *session // by its id
	probe       bool
}

// call is one CALL.
type call struct {
	tag
	s          *session
	request    uint64
	procedure  string
	at         int64
	timeout    time.Duration
	progressed int64
	cancelled  int64
	mode       wamp.CancelMode
	answered   int64
	errURI     string
	invoked    *invocation
	probe      bool
}

// invocation is one INVOCATION.
type invocation struct {
	call        *call
	s           *session
	reg         *registration
	request     uint64
	at          int64
	answered    int64 // the callee's last word was sent
	progress    int64 // the first progressive result was sent
	interrupted int64
	errURI      string
}

func countIf(n *uint64, on bool) {
	if on {
		*n++
	}
}

func newLedger(clock func() int64) *ledger {
	return &ledger{
		clock: clock, wait: defaultPatience, count: new(Counters),
		published: map[tag]*publication{}, called: map[tag]*call{}, byID: map[uint64]*publication{},
		topicIDs: map[pattern]uint64{}, procedureIDs: map[pattern]uint64{},
		settled: func(int, int64, int64) bool { return true },
		metaIDs: map[metaKey]uint64{}, bySessionID: map[uint64]*session{}, held: map[pattern][]*registration{},
	}
}

// broken notes a broken promise.
func (l *ledger) broken(rule, format string, args ...any) {
	if len(l.violations) < violationsKept {
		v := violation{l.clock(), rule, fmt.Sprintf(format, args...)}
		l.violations = append(l.violations, v)
		if l.report != nil {
			l.report(v)
		}
	}
}

// matches says whether the pattern matches the URI (advanced/pubsub_pattern_based_subscription.md), by looking at it component by component.
func (p pattern) matches(uri string) bool {
	switch p.match {
	case wamp.Prefix:
		return len(uri) >= len(p.uri) && uri[:len(p.uri)] == p.uri
	case wamp.Wildcard:
		want, got := components(p.uri), components(uri)
		if len(want) != len(got) {
			return false
		}
		for i := range want {
			if want[i] != "" && want[i] != got[i] {
				return false
			}
		}
		return true
	}
	return p.uri == uri
}

func components(uri string) (list []string) {
	from := 0
	for i := 0; i <= len(uri); i++ {
		if i == len(uri) || uri[i] == '.' {
			list = append(list, uri[from:i])
			from = i + 1
		}
	}
	return list
}

// ongoing says whether a thing that ended at over (0: not yet) was still there at a time.
func ongoing(over, at int64) bool { return over == 0 || over > at }
