package link

import (
	"encoding/binary"

	"github.com/tinylib/msgp/msgp"
)

// A link frame is a version byte (0 for the handshake, whose layout every version shares; then the agreed version), a kind, a body.
const (
	kindHello byte = iota + 1
	kindAnswer
	kindProof
	kindState
	kindRefuse
	kindBatch
)

// A batch is a sequence of items. A data item is 0x80|lane, the number of its first record, its length, records. Every other
// item is a type, a length, a body; unknown ones are skipped, which is what lets two versions work together.
const (
	itemAck    byte = 0x01 // mask of lanes, then the next expected number of each
	itemCredit byte = 0x02 // mask of the lanes that must not send
	itemBeat   byte = 0x03 // see beat
	itemBye    byte = 0x04 // the sender leaves for good
	itemRelay  byte = 0x05 // see relayHead: a frame of two other nodes' virtual connection, or of ours
	itemNear   byte = 0x06 // see appendNeighbours
	itemData   byte = 0x80
	itemLane   byte = 0x0f
)

// A record is flags, table stamp, length, bytes; its number is its place in the item.
const (
	flagFinal byte = 1 << iota // the frame ends here
	flagCall                   // of a call: void once calls have failed
	flagVoid                   // a no-op: whatever was gathered of its frame is dropped
	flagEvent                  // of an event: only for counting what was lost
)

const (
	recordHeadMax = 1 + binary.MaxVarintLen64 + 3 // a record is at most a chunk
	itemHeadMax   = 1 + binary.MaxVarintLen64 + 3
	wholeMax      = 16 << 10 // frames up to this are never cut: no copy on the other end
	fragmentMin   = 4 << 10  // a chunk's rest below this is not worth a record
)

func appendRecord(dst []byte, flags byte, stamp uint64, b []byte) []byte {
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, stamp)
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// readRecord reads the record at the start of b; body aliases b, size is what the record takes of it.
func readRecord(b []byte) (flags byte, stamp uint64, body []byte, size int, ok bool) {
	if len(b) < 3 {
		return 0, 0, nil, 0, false
	}
	flags = b[0]
	stamp, n := uvarint(b[1:])
	if n <= 0 {
		return 0, 0, nil, 0, false
	}
	at := 1 + n
	length, n := uvarint(b[at:])
	if n <= 0 || length > uint64(len(b)-at-n) {
		return 0, 0, nil, 0, false
	}
	at += n
	size = at + int(length)
	return flags, stamp, b[at:size:size], size, true
}

// uvarint is binary.Uvarint with its most frequent cases in line.
func uvarint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	if len(b) > 1 && b[1] < 0x80 {
		return uint64(b[0]&0x7f) | uint64(b[1])<<7, 2
	}
	return binary.Uvarint(b)
}

func appendDataItem(dst []byte, lane int, first uint64, records []byte) []byte {
	dst = append(dst, itemData|byte(lane))
	dst = binary.AppendUvarint(dst, first)
	dst = binary.AppendUvarint(dst, uint64(len(records)))
	return append(dst, records...)
}

// appendItem frames the body that write appends. The length is a varint of always two bytes, filled in afterwards.
func appendItem(dst []byte, item byte, write func([]byte) []byte) []byte {
	at := len(dst)
	dst = append(dst, item, 0, 0)
	dst = write(dst)
	n := len(dst) - at - 3
	if n >= 1<<14 {
		panic("link: an item's body is too long for its length")
	}
	dst[at+1], dst[at+2] = byte(n)|0x80, byte(n>>7)
	return dst
}

// beat is a heartbeat.
type beat struct {
	ping    int64 // the sender's clock
	echo    int64 // the last ping that it got, 0 if none
	delay   int64 // since then
	version uint64
	digest  [digestLen]byte
	quiet   int64 // since the sender heard anything on this connection
}

// appendBeat: the sixth value is an empty list, which no version has used.
func appendBeat(dst []byte, v *beat) []byte {
	dst = msgp.AppendArrayHeader(dst, 7)
	dst = msgp.AppendInt64(dst, v.ping)
	dst = msgp.AppendInt64(dst, v.echo)
	dst = msgp.AppendInt64(dst, v.delay)
	dst = msgp.AppendUint64(dst, v.version)
	dst = msgp.AppendBytes(dst, v.digest[:])
	dst = msgp.AppendArrayHeader(dst, 0)
	return msgp.AppendInt64(dst, v.quiet)
}

func readBeat(b []byte, v *beat) bool {
	r := reader{b: b}
	n := r.array()
	v.ping, v.echo, v.delay, v.version = r.int64(), r.int64(), r.int64(), r.uint64()
	d := r.bytes(digestLen)
	if r.bad || n < 5 || len(d) != digestLen {
		return false
	}
	copy(v.digest[:], d)
	if n >= 7 {
		r.skip(1)
		v.quiet = r.int64()
	}
	return !r.bad
}

// reader reads msgpack values with a sticky failure; nothing it returns is longer than what lies in b.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) done(rest []byte, err error) {
	if err != nil {
		r.b, r.bad = nil, true
		return
	}
	r.b = rest
}

func (r *reader) array() uint32 {
	n, rest, err := msgp.ReadArrayHeaderBytes(r.b)
	r.done(rest, err)
	if r.bad {
		return 0
	}
	return n
}

func (r *reader) uint64() uint64 {
	v, rest, err := msgp.ReadUint64Bytes(r.b)
	r.done(rest, err)
	return v
}

func (r *reader) int64() int64 {
	v, rest, err := msgp.ReadInt64Bytes(r.b)
	r.done(rest, err)
	return v
}

// bytes aliases the input; longer ones than most are a failure.
func (r *reader) bytes(most int) []byte {
	v, rest, err := msgp.ReadBytesZC(r.b)
	if err == nil && len(v) > most {
		r.bad = true
		return nil
	}
	r.done(rest, err)
	return v
}

func (r *reader) text(most int) string {
	v, rest, err := msgp.ReadStringZC(r.b)
	if err == nil && len(v) > most {
		r.bad = true
		return ""
	}
	r.done(rest, err)
	return string(v)
}

// skip passes over n values that a later version has added.
func (r *reader) skip(n uint32) {
	for ; n > 0 && !r.bad; n-- {
		rest, err := msgp.Skip(r.b)
		r.done(rest, err)
	}
}
