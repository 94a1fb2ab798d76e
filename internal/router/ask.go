package router

import (
	"slices"
	"time"

	"kleeblatt/broker"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// AskKind is what a worker asks the owner of the tables on behalf of a caller.
type AskKind uint8

const (
	AskSessionCount AskKind = iota + 1 // Filtered, Roles
	AskSessionList                     // Filtered, Roles
	AskSession                         // Session
	AskExplain                         // URI
	AskBarrier                         // Wait

	AskKill         // Session, Reason, Message
	AskKillAuthID   // Who, Reason, Message
	AskKillAuthRole // Who, Reason, Message
	AskKillAll      // Reason, Message
	AskSilence      // nodes ask each other: nobody is told of the leaves to come (SMA-13)
	AskUnsilence    // the end of that

	AskRegistrations
	AskRegistrationLookup // URI, Match
	AskRegistrationMatch  // URI
	AskRegistration       // ID
	AskCallees            // ID
	AskCalleeCount        // ID
	AskRemoveCallee       // ID, Session, Reason

	AskSubscriptions
	AskSubscriptionLookup // URI, Match
	AskSubscriptionMatch  // URI
	AskSubscription       // ID
	AskSubscribers        // ID
	AskSubscriberCount    // ID
	AskRemoveSubscriber   // ID, Session, Reason
	AskEvents             // ID, History
)

// Ask is one call of a procedure of the node's own, whose arguments have been read. It belongs to whoever gets it.
type Ask struct {
	Kind       AskKind
	Serializer wamp.Serializer // that the answer is wanted in
	BytesMax   uint32          // of a message that the caller takes
	Realm      string
	Caller     uint64 // the session that asks
	Session    uint64
	ID         uint64 // of a subscription or registration
	Match      wamp.Match
	Who        string   // an authid or authrole
	Reason     string   // what a session is told whose something ends, a URI; "": nothing
	Message    string   // the same, for people
	Filtered   bool     // only those of Roles
	Roles      []string // sorted, none twice
	URI        string
	History    broker.HistoryQuery
	Wait       time.Duration // how long the answer may wait for others
}

// Answer is what a procedure of the node's own returns: a payload in the asked serializer, or an error.
type Answer struct {
	Err     string // URI of the error, "" for none
	Text    string // for people, with Err
	Payload codec.Payload

	Incomplete bool // a part of the cluster could not be asked
}

// Return is the answer with these values.
func (q *Ask) Return(args []any, kwargs codec.Dict) Answer {
	_, p := codec.AppendPayload(nil, q.Serializer, args, kwargs)
	return Answer{Payload: p}
}

// idBytes is what an id takes in a list at least, in any serializer: most are 9 bytes, in JSON 17.
const idBytes = 9

// tooLong says that a list of so many ids is more than the caller takes.
func (q *Ask) tooLong(ids int) bool { return uint64(ids)*idBytes > uint64(q.BytesMax) }

// Part is one node's part of an answer: what it knows of its own sessions.
type Part struct {
	Found   bool   // the session, subscription or registration was there
	Count   uint64 // of sessions
	Created int64  // when what was asked for came, wall-clock milliseconds; 0: not known
	IDs     []uint64
	Element string // the session's
}

// Add takes another node's part in.
func (p *Part) Add(o *Part) {
	p.Found = p.Found || o.Found
	p.Count += o.Count
	if p.Created == 0 || o.Created != 0 && o.Created < p.Created {
		p.Created = o.Created
	}
	p.IDs = append(p.IDs, o.IDs...)
	if p.Element == "" {
		p.Element = o.Element
	}
}

// Part tells of the sessions that the directory knows: of all of the cluster, or where nodes do not tell each other, of this node.
func (d *Directory) Part(q *Ask) (p Part) {
	r := d.realm(q.Realm)
	if r == nil {
		return p
	}
	l := &d.list[r.index]
	switch q.Kind {
	case AskSessionCount:
		p.Count = uint64(l.countOf(q))
	case AskSessionList:
		p.IDs = l.listOf(q)
	case AskSession:
		if x, known := l.byID[q.Session]; known && x.counts() {
			p.Found, p.Element = true, x.element
		}
	}
	return p
}

// Return is the answer that all parts together make.
func (p *Part) Return(q *Ask) Answer {
	switch q.Kind {
	case AskSessionCount, AskSubscriberCount:
		return q.Return([]any{p.Count}, nil)
	case AskSessionList, AskSubscribers, AskKillAuthID:
		slices.Sort(p.IDs)
		p.IDs = slices.Compact(p.IDs)
		if q.tooLong(len(p.IDs)) {
			return Answer{Err: wamp.ErrPayloadSizeExceeded, Text: "there are more sessions than fit in a message"}
		}
		return q.Return([]any{p.IDs}, nil)
	case AskSession:
		e, err := ParseElement(p.Element)
		if !p.Found || err != nil {
			return Answer{Err: wamp.ErrNoSuchSession}
		}
		return q.Return([]any{e.details()}, nil)
	case AskKillAuthRole, AskKillAll: // a count, not a list
		return q.Return([]any{len(p.IDs)}, nil)
	case AskKill, AskRemoveCallee, AskRemoveSubscriber:
		if !p.Found {
			return Answer{Err: wamp.ErrNoSuchSession}
		}
		return Answer{}
	}
	return Answer{Err: wamp.ErrNoSuchProcedure}
}

func (l *realmSessions) countOf(q *Ask) (n int) {
	if !q.Filtered {
		return l.count
	}
	for _, role := range q.Roles {
		n += l.roles[role]
	}
	return n
}

// listOf looks at all sessions.
func (l *realmSessions) listOf(q *Ask) []uint64 {
	ids := make([]uint64, 0, l.countOf(q))
	for id, x := range l.byID {
		if !x.counts() {
			continue
		}
		if q.Filtered {
			if _, found := slices.BinarySearch(q.Roles, roleOf(x.element)); !found {
				continue
			}
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
