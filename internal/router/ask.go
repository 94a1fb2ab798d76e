package router

import (
	"slices"
	"time"

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
)

// Ask is one call of a procedure of the node's own, whose arguments have been read. It belongs to whoever gets it.
type Ask struct {
	Kind       AskKind
	Serializer wamp.Serializer // that the answer is wanted in
	BytesMax   uint32          // of a message that the caller takes
	Realm      string
	Session    uint64
	Filtered   bool     // only those of Roles
	Roles      []string // sorted, none twice
	URI        string
	Wait       time.Duration // how long the answer may wait for others
}

// Answer is what a procedure of the node's own returns: a payload in the asked serializer, or an error.
type Answer struct {
	Err     string // URI of the error, "" for none
	Text    string // for people, with Err
	Payload codec.Payload
}

// Return is the answer with these values.
func (q *Ask) Return(args []any, kwargs codec.Dict) Answer {
	_, p := codec.AppendPayload(nil, q.Serializer, args, kwargs)
	return Answer{Payload: p}
}

// idBytes is what an id takes in a list at least, in any serializer: most are 9 bytes, in JSON 17.
const idBytes = 9

// Answer answers what asks about sessions. complete says that the directory knows the whole cluster; where it does not, the answer
// says so by the keyword complete.
func (d *Directory) Answer(q *Ask, complete bool) Answer {
	r := d.realm(q.Realm)
	if r == nil {
		return Answer{Err: wamp.ErrNoSuchRealm}
	}
	var limits codec.Dict
	if !complete {
		limits = codec.Dict{{Key: "complete", Value: false}}
	}
	l := &d.list[r.index]
	switch q.Kind {
	case AskSessionCount:
		return q.Return([]any{l.countOf(q)}, limits)
	case AskSessionList:
		if uint64(l.countOf(q))*idBytes > uint64(q.BytesMax) {
			return Answer{Err: wamp.ErrPayloadSizeExceeded, Text: "there are more sessions than fit in a message"}
		}
		return q.Return([]any{l.listOf(q)}, limits)
	case AskSession:
		x, known := l.byID[q.Session]
		if !known || !x.counts() {
			return Answer{Err: wamp.ErrNoSuchSession}
		}
		e, _ := ParseElement(x.element)
		return q.Return([]any{e.details()}, limits)
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
