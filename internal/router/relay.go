package router

import (
	"errors"
	"unsafe"

	"kleeblatt/broker"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"

	"github.com/tinylib/msgp/msgp"
)

// relayVersion is the first byte of every relay frame. A frame of another version is refused as a whole; within one version
// fields are only added, behind the head's others, under a new kind.
const relayVersion = 1

const (
	filterItemsMax = 1 << 16 // entries of one filter list in a frame: far above what fits a sensible PUBLISH
	triedMax       = 8       // callees that may refuse one call before its caller is told
)

// frameKind says which fields of a relay frame count.
type frameKind uint8

const (
	framePublish   frameKind = iota + 1 // realm, uri (topic), id (publication), from, flags, filter, pass, payload
	frameInvoke                         // session (callee), realm, uri (called procedure), id (registration), call, worker, from, flags, timeout, tried, pass, payload
	frameReply                          // session (caller), call, flags, pass, payload
	frameError                          // session (caller), call, uri (error), flags, pass, payload
	frameCancel                         // session (callee), call, worker, mode
	framePressure                       // session (publisher), level
	frameRefuse                         // session (caller), call, level (why), rest: the frameInvoke that was refused
	frameTestament                      // like framePublish: what a session has left behind
	frameAccept                         // session (caller), call: the callee has the first part of a call in parts
)

// publishes says that the frame is a publication.
func (k frameKind) publishes() bool { return k == framePublish || k == frameTestament }

const (
	flagExcludeMe     uint16 = 1 << iota // publish: not to the publisher itself
	flagDisclose                         // publish, invoke: from is to be shown
	flagRetain                           // publish
	flagProgress                         // invoke: receive_progress; reply: not the last
	flagFilter                           // publish: filter lists follow
	flagPass                             // options that pass through follow
	flagMore                             // invoke: further parts of the call will come
	flagPart                             // invoke: a further part of a call that the callee has
	flagTakesPassthru                    // invoke: the caller understands payload passthru mode
	flagPassthru                         // invoke: the payload is in payload passthru mode
)

// Why a callee's worker refused an invocation that it provably did not start.
const (
	refusedGone uint8 = iota // the session has no such registration (any more)
	refusedBusy              // at its concurrency limit
	refusedAway              // the callee itself says that it is not available
)

// identity is a session as it is shown to others.
type identity struct {
	session          uint64
	authID, authRole []byte
	trust            uint32 // its role's trust level + 1; 0: none
}

// frame is one relay frame between workers of one node or of two, parsed. Slices alias the frame and the reader's scratch memory.
// The head is a sequence of msgpack values, the payload's bytes follow untouched.
type frame struct {
	kind    frameKind
	flags   uint16
	level   uint8
	worker  uint8 // the caller's worker
	mode    wamp.CancelMode
	session uint64
	call    uint64 // the caller's worker's number of the call
	id      uint64
	timeout uint64
	realm   []byte
	uri     []byte
	from    identity
	filter  broker.Filter
	tried   []uint64

	serializer wamp.Serializer // of pass and payload
	pass       codec.Pass
	payload    codec.Payload
	rest       []byte
}

var errFrame = errors.New("router: malformed relay frame")

// appendFrame appends the encoded frame to dst.
func appendFrame(dst []byte, f *frame) []byte {
	dst = append(dst, relayVersion, byte(f.kind))
	flags := f.flags &^ flagPass
	if f.pass.N > 0 {
		flags |= flagPass
	}
	if f.kind.publishes() {
		return appendPublishFrame(dst, f, flags)
	}
	dst = msgp.AppendUint64(dst, f.session)
	switch f.kind {
	case frameInvoke:
		dst = msgp.AppendUint64(dst, f.call)
		dst = msgp.AppendUint64(dst, uint64(f.worker))
		dst = msgp.AppendUint64(dst, f.id)
		dst = msgp.AppendUint64(dst, uint64(flags))
		dst = msgp.AppendUint64(dst, f.timeout)
		dst = msgp.AppendStringFromBytes(dst, f.realm)
		dst = msgp.AppendStringFromBytes(dst, f.uri)
		dst = appendIdentity(dst, &f.from)
		dst = appendIDs(dst, f.tried)
		return appendPayload(dst, f)
	case frameReply:
		dst = msgp.AppendUint64(dst, f.call)
		dst = msgp.AppendUint64(dst, uint64(flags))
		return appendPayload(dst, f)
	case frameError:
		dst = msgp.AppendUint64(dst, f.call)
		dst = msgp.AppendStringFromBytes(dst, f.uri)
		dst = msgp.AppendUint64(dst, uint64(flags))
		return appendPayload(dst, f)
	case frameCancel:
		dst = msgp.AppendUint64(dst, f.call)
		dst = msgp.AppendUint64(dst, uint64(f.worker))
		return msgp.AppendUint64(dst, uint64(f.mode))
	case framePressure:
		return msgp.AppendUint64(dst, uint64(f.level))
	case frameRefuse:
		dst = msgp.AppendUint64(dst, f.call)
		dst = msgp.AppendUint64(dst, uint64(f.level))
		return append(dst, f.rest...)
	case frameAccept:
		return msgp.AppendUint64(dst, f.call)
	}
	panic("router: relay frame of unknown kind")
}

func appendPublishFrame(dst []byte, f *frame, flags uint16) []byte {
	dst = msgp.AppendStringFromBytes(dst, f.realm)
	dst = msgp.AppendStringFromBytes(dst, f.uri)
	dst = msgp.AppendUint64(dst, f.id)
	dst = appendIdentity(dst, &f.from)
	flags &^= flagFilter
	if f.filter.Has != 0 {
		flags |= flagFilter
	}
	dst = msgp.AppendUint64(dst, uint64(flags))
	if f.filter.Has != 0 {
		dst = msgp.AppendUint64(dst, uint64(f.filter.Has))
		dst = appendIDs(dst, f.filter.Exclude)
		dst = appendIDs(dst, f.filter.Eligible)
		for _, l := range textLists(&f.filter) {
			dst = appendTexts(dst, *l)
		}
	}
	return appendPayload(dst, f)
}

func appendIdentity(dst []byte, i *identity) []byte {
	dst = msgp.AppendUint64(dst, i.session)
	dst = msgp.AppendStringFromBytes(dst, i.authID)
	dst = msgp.AppendStringFromBytes(dst, i.authRole)
	return msgp.AppendUint64(dst, uint64(i.trust))
}

func appendPayload(dst []byte, f *frame) []byte {
	dst = msgp.AppendUint64(dst, uint64(f.serializer))
	if f.pass.N > 0 {
		dst = msgp.AppendUint64(dst, uint64(f.pass.N))
		dst = msgp.AppendBytes(dst, f.pass.Raw)
	}
	dst = msgp.AppendUint64(dst, uint64(f.payload.N))
	return append(dst, f.payload.Raw...)
}

func appendIDs(dst []byte, ids []uint64) []byte {
	dst = msgp.AppendArrayHeader(dst, uint32(len(ids)))
	for _, id := range ids {
		dst = msgp.AppendUint64(dst, id)
	}
	return dst
}

func appendTexts(dst []byte, texts [][]byte) []byte {
	dst = msgp.AppendArrayHeader(dst, uint32(len(texts)))
	for _, t := range texts {
		dst = msgp.AppendStringFromBytes(dst, t)
	}
	return dst
}

// textLists are the filter's lists of authids and authroles in the order in which they are encoded.
func textLists(f *broker.Filter) [4]*[][]byte {
	return [4]*[][]byte{&f.ExcludeAuthID, &f.ExcludeAuthRole, &f.EligibleAuthID, &f.EligibleAuthRole}
}

// parse reads an encoded frame into f. What f held before is overwritten, its lists' memory reused.
func (f *frame) parse(b []byte) error {
	r := frameReader{b: b}
	f.kind = r.head()
	if f.kind.publishes() {
		f.realm, f.uri = r.text(), r.text()
		f.id = r.num(wamp.MaxID)
		r.identity(&f.from)
		f.flags = uint16(r.num(0xffff))
		f.filter.Has = 0
		if f.flags&flagFilter != 0 {
			r.filter(&f.filter)
		}
		r.payload(f)
		return r.err()
	}
	f.session = r.num(wamp.MaxID)
	switch f.kind {
	case frameInvoke:
		f.call = r.num(1<<64 - 1)
		f.worker = uint8(r.num(broker.MaxWorkers - 1))
		f.id = r.num(wamp.MaxID)
		f.flags = uint16(r.num(0xffff))
		f.timeout = r.num(1<<64 - 1)
		f.realm, f.uri = r.text(), r.text()
		r.identity(&f.from)
		f.tried = r.ids(f.tried[:0], triedMax)
		r.payload(f)
	case frameReply:
		f.call = r.num(1<<64 - 1)
		f.flags = uint16(r.num(0xffff))
		r.payload(f)
	case frameError:
		f.call = r.num(1<<64 - 1)
		f.uri = r.text()
		f.flags = uint16(r.num(0xffff))
		r.payload(f)
	case frameCancel:
		f.call = r.num(1<<64 - 1)
		f.worker = uint8(r.num(broker.MaxWorkers - 1))
		f.mode = wamp.CancelMode(r.num(uint64(wamp.Skip)))
	case framePressure:
		f.level = uint8(r.num(2))
	case frameRefuse:
		f.call = r.num(1<<64 - 1)
		f.level = uint8(r.num(0xff))
		f.rest = r.b
	case frameAccept:
		f.call = r.num(1<<64 - 1)
	default:
		r.bad = true
	}
	return r.err()
}

// Route reads of a relay frame what decides to which worker it goes: a publication goes by its realm and topic to the workers
// with receivers, any other frame to the worker that owns the session (session % workers). The slices alias the frame.
func Route(b []byte) (session uint64, publish bool, realm, topic []byte, err error) {
	r := frameReader{b: b}
	switch r.head() {
	case framePublish, frameTestament:
		publish = true
		realm, topic = r.text(), r.text()
	case frameInvoke, frameReply, frameError, frameCancel, framePressure, frameRefuse, frameAccept:
		session = r.num(wamp.MaxID)
	default:
		r.bad = true
	}
	return session, publish, realm, topic, r.err()
}

// IsCall reports whether a relay frame begins a call, or asks the other node: when its link fails before it left, it must never run later.
func IsCall(b []byte) bool {
	return len(b) > 1 && (frameKind(b[1]) == frameInvoke || frameKind(b[1]) == frameQuestion)
}

// IsEvent reports whether a relay frame is a publication: what may be dropped, and is counted, where the receiver cannot keep up.
func IsEvent(b []byte) bool { return len(b) > 1 && frameKind(b[1]).publishes() }

// frameReader eats a frame's head from the front; bad stays set after the first thing that does not fit.
type frameReader struct {
	b   []byte
	bad bool
}

func (r *frameReader) err() error {
	if r.bad {
		return errFrame
	}
	return nil
}

func (r *frameReader) head() frameKind {
	if len(r.b) < 2 || r.b[0] != relayVersion {
		r.bad, r.b = true, nil
		return 0
	}
	k := frameKind(r.b[1])
	r.b = r.b[2:]
	return k
}

func (r *frameReader) num(limit uint64) uint64 {
	v, rest, err := msgp.ReadUint64Bytes(r.b)
	if err != nil || v > limit {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = rest
	return v
}

func (r *frameReader) text() []byte {
	v, rest, err := msgp.ReadStringZC(r.b)
	if err != nil {
		r.bad, r.b = true, nil
		return nil
	}
	r.b = rest
	return v
}

func (r *frameReader) octets() []byte {
	v, rest, err := msgp.ReadBytesZC(r.b)
	if err != nil {
		r.bad, r.b = true, nil
		return nil
	}
	r.b = rest
	return v
}

func (r *frameReader) identity(i *identity) {
	i.session = r.num(wamp.MaxID)
	i.authID, i.authRole = r.text(), r.text()
	i.trust = uint32(r.num(trustMax + 1))
}

func (r *frameReader) count(limit int) int {
	n, rest, err := msgp.ReadArrayHeaderBytes(r.b)
	if err != nil || n > uint32(limit) || int(n) > len(rest) {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = rest
	return int(n)
}

func (r *frameReader) ids(dst []uint64, limit int) []uint64 {
	for n := r.count(limit); n > 0 && !r.bad; n-- {
		dst = append(dst, r.num(1<<64-1))
	}
	return dst
}

func (r *frameReader) texts(dst [][]byte) [][]byte {
	for n := r.count(filterItemsMax); n > 0 && !r.bad; n-- {
		dst = append(dst, r.text())
	}
	return dst
}

func (r *frameReader) filter(f *broker.Filter) {
	f.Has = broker.Lists(r.num(0xff))
	f.Exclude = r.ids(f.Exclude[:0], filterItemsMax)
	f.Eligible = r.ids(f.Eligible[:0], filterItemsMax)
	for _, l := range textLists(f) {
		*l = r.texts((*l)[:0])
	}
}

func (r *frameReader) payload(f *frame) {
	f.serializer = wamp.Serializer(r.num(wamp.SerializerBound - 1))
	f.pass = codec.Pass{}
	if f.flags&flagPass != 0 {
		f.pass = codec.Pass{N: uint8(r.num(0xff)), Raw: r.octets()}
		if f.pass.N == 0 || len(f.pass.Raw) == 0 || len(f.pass.Raw) > codec.PassBytesMax {
			r.bad = true
		}
	}
	n := r.num(2)
	if f.serializer == 0 || (n == 0) != (len(r.b) == 0) {
		r.bad = true
	}
	f.payload = codec.Payload{N: uint8(n), Raw: r.b}
}

// text is b seen as a string, valid as long as b is not overwritten; it lets functions that only read take either.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// octets is s seen as bytes, which must not be written to.
func octets(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
