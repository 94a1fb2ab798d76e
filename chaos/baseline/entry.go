package baseline

import (
	"encoding/binary"
	"errors"
)

// kind says what an entry of the log does.
type kind byte

const (
	change kind = iota + 1 // a node's elements come and go, in order; with none it says that the node is there
	purge                  // all elements of a node's life go
)

// batchMax is how many changes one entry holds at most: it bounds what one proposal can hold up.
const batchMax = 64

// entryBytesMax bounds an encoded entry. A URI has 64 KiB at most where clients are not told otherwise, and a batch has 64.
const entryBytesMax = 16 << 20

// entry is one command of the log.
type entry struct {
	kind  kind
	node  string
	epoch uint64 // of the node's life
	seq   uint64 // counts the node's entries: what comes twice or late counts once, or not at all
	ops   []op
}

// op adds or removes an element.
type op struct {
	add     bool
	element string
}

var errEntry = errors.New("no entry of the tables")

func (e *entry) append(dst []byte) []byte {
	dst = append(dst, byte(e.kind))
	dst = appendText(dst, e.node)
	dst = binary.AppendUvarint(dst, e.epoch)
	dst = binary.AppendUvarint(dst, e.seq)
	dst = binary.AppendUvarint(dst, uint64(len(e.ops)))
	for _, o := range e.ops {
		add := byte(0)
		if o.add {
			add = 1
		}
		dst = appendText(append(dst, add), o.element)
	}
	return dst
}

// parseEntry reads what append wrote, and nothing else.
func parseEntry(b []byte) (e entry, err error) {
	if e, b, err = nextEntry(b); err == nil && len(b) > 0 {
		err = errEntry
	}
	return e, err
}

// nextEntry reads an entry from the front of b. Its strings are copies.
func nextEntry(b []byte) (e entry, rest []byte, err error) {
	r := reader{b: b}
	e.kind = kind(r.byte())
	e.node = r.text()
	e.epoch, e.seq = r.uvarint(), r.uvarint()
	n := r.uvarint()
	if r.bad || e.kind != change && e.kind != purge || n > uint64(len(r.b)) { // an op takes two bytes
		return entry{}, nil, errEntry
	}
	for range n {
		add := r.byte()
		o := op{add: add == 1, element: r.text()}
		if r.bad || add > 1 {
			return entry{}, nil, errEntry
		}
		e.ops = append(e.ops, o)
	}
	return e, r.b, nil
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// reader eats bytes from the front; bad stays set after the first that do not fit.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}
