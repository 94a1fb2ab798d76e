package gossip

import (
	"errors"
	"fmt"

	"github.com/tinylib/msgp/msgp"

	"kleeblatt/crdt"
)

// wireVersion is the first byte of each control frame and of each digest. What a later version appends to a frame is ignored.
const wireVersion = 1

// The kinds of control frames: the second byte.
const (
	kindDigest  = 1 + iota // root
	kindHeads              // heads
	kindAsk                // owner, life, have, version, offset, full
	kindDelta              // owner, hash or nothing, delta
	kindChunk              // owner, life, version, hash, total, offset, entries
	kindRetire             // owner, life, version
	kindAck                // life of the receiver, version of its part that counts with the sender
	kindRefusal            // life of the receiver, element of its part that the sender objects to
	kindBound              // no kind of ours: skipped
)

var kindNames = [...]string{kindDigest: "digest", kindHeads: "heads", kindAsk: "ask", kindDelta: "delta", kindChunk: "chunk", kindRetire: "retire",
	kindAck: "ack", kindRefusal: "refusal"}

var (
	// errFrame: bytes that are no control frame of ours.
	errFrame = errors.New("malformed control frame")
	// errUnknownKind: a frame that a later version of the protocol has added, and that may be skipped.
	errUnknownKind = errors.New("unknown kind of control frame")
)

// head is one line of a Heads frame.
type head struct {
	crdt.Head
	buried bool // the owner's life is over, and refused from anyone
}

// frame is a control frame, decoded. Kind says which fields count.
type frame struct {
	kind    byte
	owner   string
	life    Life
	have    uint64 // ask: the version that the asker has
	version uint64 // ask: of the snapshot to go on with, 0 for none; chunk: of the whole snapshot; retire: the last one
	offset  uint64 // ask, chunk: entries before this chunk
	total   uint64 // chunk: entries of the snapshot
	full    bool   // ask: the snapshot is wanted even if have is up to date
	hasHash bool   // delta: hash is the part's at the delta's end
	hash    crdt.Hash
	heads   []head
	delta   crdt.Delta
	entries []crdt.Entry
	element string // refusal
}

func appendFrameHead(dst []byte, kind byte) []byte { return append(dst, wireVersion, kind) }

func appendDigest(dst []byte, root crdt.Hash) []byte {
	return msgp.AppendBytes(appendFrameHead(dst, kindDigest), root[:])
}

func appendHeads(dst []byte, heads []head) []byte {
	return appendHeadList(appendFrameHead(dst, kindHeads), heads)
}

func appendHeadList(dst []byte, heads []head) []byte {
	dst = msgp.AppendArrayHeader(dst, uint32(len(heads)))
	for i := range heads {
		dst = appendHead(dst, &heads[i])
	}
	return dst
}

func appendHead(dst []byte, h *head) []byte {
	dst = msgp.AppendString(dst, h.Owner)
	dst = crdt.AppendLife(dst, h.Life)
	dst = msgp.AppendUint64(dst, h.Version)
	dst = msgp.AppendBytes(dst, h.Hash[:])
	return msgp.AppendBool(dst, h.buried)
}

func appendAsk(dst []byte, f *frame) []byte {
	dst = msgp.AppendString(appendFrameHead(dst, kindAsk), f.owner)
	dst = crdt.AppendLife(dst, f.life)
	dst = msgp.AppendUint64(dst, f.have)
	dst = msgp.AppendUint64(dst, f.version)
	dst = msgp.AppendUint64(dst, f.offset)
	return msgp.AppendBool(dst, f.full)
}

// appendDelta appends a delta frame; last says that hash is the part's at its end.
func appendDelta(dst []byte, owner string, d *crdt.Delta, hash crdt.Hash, last bool) []byte {
	dst = msgp.AppendString(appendFrameHead(dst, kindDelta), owner)
	if last {
		dst = msgp.AppendBytes(dst, hash[:])
	} else {
		dst = msgp.AppendBytes(dst, nil)
	}
	return crdt.AppendDelta(dst, d)
}

func appendChunk(dst []byte, owner string, s *crdt.Snapshot, offset int, entries []crdt.Entry) []byte {
	dst = msgp.AppendString(appendFrameHead(dst, kindChunk), owner)
	dst = crdt.AppendLife(dst, s.Life())
	dst = msgp.AppendUint64(dst, s.Version())
	h := s.Hash()
	dst = msgp.AppendBytes(dst, h[:])
	dst = msgp.AppendUint64(dst, uint64(s.Len()))
	dst = msgp.AppendUint64(dst, uint64(offset))
	return crdt.AppendEntries(dst, entries)
}

func appendRetire(dst []byte, owner string, life Life, version uint64) []byte {
	dst = msgp.AppendString(appendFrameHead(dst, kindRetire), owner)
	dst = crdt.AppendLife(dst, life)
	return msgp.AppendUint64(dst, version)
}

func appendAck(dst []byte, life Life, version uint64) []byte {
	return msgp.AppendUint64(crdt.AppendLife(appendFrameHead(dst, kindAck), life), version)
}

func appendRefusal(dst []byte, life Life, element string) []byte {
	return msgp.AppendString(crdt.AppendLife(appendFrameHead(dst, kindRefusal), life), element)
}

// parseFrame decodes a control frame. It is total: any bytes lead to a frame, to errFrame or to errUnknownKind. Nothing of b is kept.
func parseFrame(b []byte) (frame, error) {
	r := reader{b: b}
	if r.byte() != wireVersion {
		r.bad = true
	}
	f := frame{kind: r.byte()}
	switch f.kind {
	case kindDigest:
		f.hash, _ = r.hash(false)
	case kindHeads:
		f.heads = r.heads()
	case kindAsk:
		f.owner, f.life = r.name(), r.life()
		f.have, f.version, f.offset, f.full = r.uint(), r.uint(), r.uint(), r.bool()
	case kindDelta:
		f.owner = r.name()
		f.hash, f.hasHash = r.hash(true)
		f.delta = r.delta()
		f.life = f.delta.Life
	case kindChunk:
		f.owner, f.life, f.version = r.name(), r.life(), r.uint()
		f.hash, _ = r.hash(false)
		f.total, f.offset = r.uint(), r.uint()
		f.entries = r.entries()
		r.bad = r.bad || f.total > crdt.EntriesMax
	case kindRetire:
		f.owner, f.life, f.version = r.name(), r.life(), r.uint()
	case kindAck:
		f.life, f.version = r.life(), r.uint()
	case kindRefusal:
		f.life, f.element = r.life(), r.element()
	default:
		if !r.bad && f.kind >= kindBound {
			return frame{}, errUnknownKind
		}
		r.bad = true
	}
	if r.bad {
		return frame{}, errFrame
	}
	return f, nil
}

// reader takes values off the front of b. After the first fault it is bad and gives zero values.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() (v byte) {
	if r.bad || len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v, r.b = r.b[0], r.b[1:]
	return v
}

// take stores what follows a value, or the fault.
func (r *reader) take(rest []byte, err error) {
	r.b = rest
	r.bad = r.bad || err != nil
}

func (r *reader) uint() uint64 {
	v, rest, err := msgp.ReadUint64Bytes(r.b)
	r.take(rest, err)
	return v
}

func (r *reader) bool() bool {
	v, rest, err := msgp.ReadBoolBytes(r.b)
	r.take(rest, err)
	return v
}

func (r *reader) name() string {
	v, rest, err := msgp.ReadStringZC(r.b)
	r.take(rest, err)
	if len(v) == 0 || len(v) > NameBytesMax {
		r.bad = true
		return ""
	}
	return string(v)
}

func (r *reader) element() string {
	v, rest, err := msgp.ReadStringZC(r.b)
	r.take(rest, err)
	if r.bad || len(v) > crdt.ElementBytesMax {
		r.bad = true
		return ""
	}
	return string(v)
}

func (r *reader) life() Life {
	l, rest, err := crdt.ReadLife(r.b)
	r.take(rest, err)
	r.bad = r.bad || l.Epoch > epochMax
	return l
}

// hash reads a hash, or none at all where that is allowed.
func (r *reader) hash(optional bool) (h crdt.Hash, there bool) {
	v, rest, err := msgp.ReadBytesZC(r.b)
	r.take(rest, err)
	if len(v) == 0 && optional {
		return h, false
	}
	if len(v) != len(h) {
		r.bad = true
		return h, false
	}
	return crdt.Hash(v), true
}

func (r *reader) heads() []head {
	n, rest, err := msgp.ReadArrayHeaderBytes(r.b)
	r.take(rest, err)
	var heads []head
	for i := uint32(0); i < n && !r.bad; i++ {
		var h head
		h.Owner, h.Life, h.Version = r.name(), r.life(), r.uint()
		h.Hash, _ = r.hash(false)
		h.buried = r.bool()
		heads = append(heads, h)
		r.bad = r.bad || len(heads) > headsMax
	}
	return heads
}

func (r *reader) delta() crdt.Delta {
	d, rest, err := crdt.ReadDelta(r.b)
	r.take(rest, err)
	r.bad = r.bad || d.Life.Epoch > epochMax
	return d
}

func (r *reader) entries() []crdt.Entry {
	e, rest, err := crdt.ReadEntries(r.b, nil)
	r.take(rest, err)
	return e
}

// Describe says in one line what a control frame is, for stories and debugging.
func Describe(b []byte) string {
	f, err := parseFrame(b)
	if err != nil {
		return err.Error()
	}
	s := kindNames[f.kind]
	switch f.kind {
	case kindHeads:
		for _, h := range f.heads {
			s += fmt.Sprintf(" %s@%v:%d", h.Owner, h.Life, h.Version)
			if h.buried {
				s += "†"
			}
		}
	case kindAsk:
		s += fmt.Sprintf(" %s@%v have %d", f.owner, f.life, f.have)
		if f.version != 0 {
			s += fmt.Sprintf(" snapshot %d from %d", f.version, f.offset)
		}
		if f.full {
			s += " full"
		}
	case kindDelta:
		s += fmt.Sprintf(" %s@%v %d..%d", f.owner, f.life, f.delta.From, f.delta.To())
	case kindChunk:
		s += fmt.Sprintf(" %s@%v version %d entries %d..%d of %d", f.owner, f.life, f.version, f.offset, f.offset+uint64(len(f.entries)), f.total)
	case kindRetire:
		s += fmt.Sprintf(" %s@%v at %d", f.owner, f.life, f.version)
	case kindAck:
		s += fmt.Sprintf(" %v:%d", f.life, f.version)
	case kindRefusal:
		s += fmt.Sprintf(" %v %s", f.life, f.element)
	}
	return s
}
