package link

import (
	"encoding/binary"
	"math/bits"

	"github.com/tinylib/msgp/msgp"
)

const (
	// neighboursMax bounds a list of neighbours: a full mesh is tested to 64 nodes. With names of the usual length that is 1 KiB.
	neighboursMax = 64
	// relayItemMax is a frame of a virtual connection and its head; with a batch's own head it is within MaxFrame.
	relayItemMax = writeMax + 2*nameMax + 64
)

// relayHead says whose a relay item is. A neighbour that stands between the two ends passes the item on as it is.
type relayHead struct {
	dialer   bool   // the sender dialed the connection; the number is of the dialer's counting
	end      bool   // the connection has ended, or never was
	number   uint64 // of the connection, among all that the dialer has dialed
	from, to []byte // names
}

const (
	relayDialer byte = 1 << iota
	relayEnd
)

func appendRelay(dst []byte, h *relayHead, frame []byte) []byte {
	var flags byte
	if h.dialer {
		flags |= relayDialer
	}
	if h.end {
		flags |= relayEnd
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, h.number)
	dst = binary.AppendUvarint(dst, uint64(len(h.from)))
	dst = append(dst, h.from...)
	dst = binary.AppendUvarint(dst, uint64(len(h.to)))
	dst = append(dst, h.to...)
	return append(dst, frame...)
}

// readRelay returns slices of b.
func readRelay(b []byte) (h relayHead, frame []byte, ok bool) {
	if len(b) < 2 {
		return h, nil, false
	}
	h.dialer, h.end = b[0]&relayDialer != 0, b[0]&relayEnd != 0
	number, n := uvarint(b[1:])
	if n <= 0 {
		return h, nil, false
	}
	h.number, b = number, b[1+n:]
	for _, name := range []*[]byte{&h.from, &h.to} {
		size, n := uvarint(b)
		if n <= 0 || size == 0 || size > nameMax || size > uint64(len(b)-n) {
			return h, nil, false
		}
		*name, b = b[n:n+int(size)], b[n+int(size):]
	}
	return h, b, true
}

// neighbour is a live direct neighbour as its own neighbours learn of it.
type neighbour struct {
	name string
	rtt  int64 // microseconds, see coarse
}

func appendNeighbours(dst []byte, list []neighbour) []byte {
	dst = msgp.AppendArrayHeader(dst, uint32(len(list)))
	for i := range list {
		dst = msgp.AppendArrayHeader(dst, 2)
		dst = msgp.AppendString(dst, list[i].name)
		dst = msgp.AppendInt64(dst, list[i].rtt)
	}
	return dst
}

// readNeighbours takes the first neighboursMax of a list; the slice's old memory is used again.
func readNeighbours(list []neighbour, b []byte) (_ []neighbour, ok bool) {
	list = list[:0]
	r := reader{b: b}
	n := r.array()
	for range min(n, neighboursMax) {
		k := r.array()
		v := neighbour{name: r.text(nameMax), rtt: r.int64()}
		if r.bad || k < 2 || v.rtt < 0 || v.rtt > int64(deadMax) {
			return list[:0], false
		}
		r.skip(k - 2)
		list = append(list, v)
	}
	return list, !r.bad
}

// coarse rounds down to three significant bits: a list changes when a path does, not with every measurement.
func coarse(v int64) int64 {
	if n := bits.Len64(uint64(v)); n > 3 {
		return v >> (n - 3) << (n - 3)
	}
	return v
}
