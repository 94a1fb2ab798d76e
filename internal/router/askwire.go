package router

import (
	"kleeblatt/internal/wamp"

	"github.com/tinylib/msgp/msgp"
)

// What a node is asked for its part of an answer, and that part, as they travel. Fields are only added, at the end.

// askListMax bounds the roles of a question: what a client may name in askBytesMax.
const askListMax = askBytesMax

// AppendAsk appends what another node needs to know of the question.
func AppendAsk(dst []byte, q *Ask) []byte {
	dst = msgp.AppendUint64(dst, uint64(q.Kind))
	dst = msgp.AppendString(dst, q.Realm)
	dst = msgp.AppendUint64(dst, q.Caller)
	dst = msgp.AppendUint64(dst, q.Session)
	dst = msgp.AppendUint64(dst, q.ID)
	dst = msgp.AppendUint64(dst, uint64(q.Match))
	dst = msgp.AppendString(dst, q.URI)
	dst = msgp.AppendString(dst, q.Who)
	dst = msgp.AppendString(dst, q.Reason)
	dst = msgp.AppendString(dst, q.Message)
	filtered := uint64(0)
	if q.Filtered {
		filtered = 1
	}
	dst = msgp.AppendUint64(dst, filtered)
	dst = msgp.AppendArrayHeader(dst, uint32(len(q.Roles)))
	for _, r := range q.Roles {
		dst = msgp.AppendString(dst, r)
	}
	return dst
}

// ParseAsk reads what AppendAsk wrote, and copies it.
func ParseAsk(b []byte) (*Ask, error) {
	r := frameReader{b: b}
	q := &Ask{
		Kind: AskKind(r.num(0xff)), Realm: string(r.text()), Caller: r.num(wamp.MaxID), Session: r.num(1<<64 - 1), ID: r.num(1<<64 - 1),
		Match: wamp.Match(r.num(uint64(wamp.Wildcard))), URI: string(r.text()), Who: string(r.text()), Reason: string(r.text()), Message: string(r.text()),
		Filtered: r.num(1) == 1,
	}
	for n := r.count(askListMax); n > 0 && !r.bad; n-- {
		q.Roles = append(q.Roles, string(r.text()))
	}
	return q, r.err()
}

// AppendPart appends a node's part of an answer.
func AppendPart(dst []byte, p *Part) []byte {
	found := uint64(0)
	if p.Found {
		found = 1
	}
	dst = msgp.AppendUint64(dst, found)
	dst = msgp.AppendUint64(dst, p.Count)
	dst = msgp.AppendUint64(dst, uint64(max(p.Created, 0)))
	dst = msgp.AppendString(dst, p.Element)
	return appendIDs(dst, p.IDs)
}

// ParsePart reads what AppendPart wrote, and copies it.
func ParsePart(b []byte) (p Part, err error) {
	r := frameReader{b: b}
	p.Found = r.num(1) == 1
	p.Count = r.num(1 << 62)
	p.Created = int64(r.num(1 << 62))
	p.Element = string(r.text())
	p.IDs = r.ids(nil, len(b))
	return p, r.err()
}
