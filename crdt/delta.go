package crdt

import (
	"errors"
	"math"

	"github.com/tinylib/msgp/msgp"
)

// DeltaOpsMax bounds the changes of one delta. An op takes at least 2 bytes encoded, so a frame of 64 KiB holds no more.
const DeltaOpsMax = 1 << 15

// ErrWire: bytes that are no encoding of what they should be.
var ErrWire = errors.New("crdt: malformed bytes")

// Delta is an interval of a part's versions: the changes From+1, From+2, … To.
type Delta struct {
	Life Life
	From uint64
	Ops  []Op
}

// To is the version of a part after the delta.
func (d *Delta) To() uint64 { return d.From + uint64(len(d.Ops)) }

// opBytes bounds the encoded size of an op from above.
func opBytes(op Op) int { return len(op.Element) + 6 }

// entryBytes bounds the encoded size of an entry from above.
func entryBytes(e Entry) int { return len(e.Element) + 14 }

// AppendLife appends a life: epoch and nonce.
func AppendLife(dst []byte, l Life) []byte {
	dst = msgp.AppendUint64(dst, l.Epoch)
	return msgp.AppendUint64(dst, l.Nonce)
}

// ReadLife reads a life and returns what follows it.
func ReadLife(b []byte) (l Life, rest []byte, err error) {
	if l.Epoch, b, err = readUint(b); err != nil {
		return Life{}, nil, err
	}
	if l.Nonce, b, err = readUint(b); err != nil {
		return Life{}, nil, err
	}
	return l, b, nil
}

// AppendDelta appends life, from, and an array with the elements: a string that is added, a binary that is removed.
func AppendDelta(dst []byte, d *Delta) []byte {
	dst = AppendLife(dst, d.Life)
	dst = msgp.AppendUint64(dst, d.From)
	dst = msgp.AppendArrayHeader(dst, uint32(len(d.Ops)))
	for _, op := range d.Ops {
		if op.Add {
			dst = msgp.AppendString(dst, op.Element)
		} else {
			dst = msgp.AppendBytesHeader(dst, uint32(len(op.Element)))
			dst = append(dst, op.Element...)
		}
	}
	return dst
}

// ReadDelta reads a delta and returns what follows it. Elements are copied out of b. The error is ErrWire.
func ReadDelta(b []byte) (d Delta, rest []byte, err error) {
	if d.Life, b, err = ReadLife(b); err != nil {
		return Delta{}, nil, err
	}
	if d.From, b, err = readUint(b); err != nil {
		return Delta{}, nil, err
	}
	n, b, err := readCount(b, DeltaOpsMax)
	if err != nil || d.From > math.MaxInt64 {
		return Delta{}, nil, ErrWire
	}
	d.Ops = make([]Op, 0, n)
	for range n {
		var op Op
		if op, b, err = readOp(b); err != nil {
			return Delta{}, nil, err
		}
		d.Ops = append(d.Ops, op)
	}
	return d, b, nil
}

func readOp(b []byte) (op Op, rest []byte, err error) {
	var e []byte
	switch msgp.NextType(b) {
	case msgp.StrType:
		op.Add = true
		e, b, err = msgp.ReadStringZC(b)
	case msgp.BinType:
		e, b, err = msgp.ReadBytesZC(b)
	default:
		return Op{}, nil, ErrWire
	}
	if err != nil || len(e) > ElementBytesMax {
		return Op{}, nil, ErrWire
	}
	op.Element = string(e)
	return op, b, nil
}

// AppendEntries appends an array of (element, counter) pairs, flat.
func AppendEntries(dst []byte, entries []Entry) []byte {
	dst = msgp.AppendArrayHeader(dst, uint32(len(entries)))
	for _, e := range entries {
		dst = msgp.AppendString(dst, e.Element)
		dst = msgp.AppendUint64(dst, e.Counter)
	}
	return dst
}

// ReadEntries reads what AppendEntries wrote, appends it to dst and returns what follows. Elements are copied out of b. The error
// is ErrWire.
func ReadEntries(b []byte, dst []Entry) (entries []Entry, rest []byte, err error) {
	n, b, err := readCount(b, DeltaOpsMax)
	if err != nil {
		return dst, nil, err
	}
	for range n {
		var element []byte
		if element, b, err = msgp.ReadStringZC(b); err != nil || len(element) > ElementBytesMax {
			return dst, nil, ErrWire
		}
		e := Entry{Element: string(element)}
		if e.Counter, b, err = readUint(b); err != nil {
			return dst, nil, err
		}
		dst = append(dst, e)
	}
	return dst, b, nil
}

// readCount reads an array header. No array has more items than bytes follow, so that nobody makes us allocate by announcing.
func readCount(b []byte, most int) (n int, rest []byte, err error) {
	count, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil || int64(count) > int64(most) || int64(count) > int64(len(b)) {
		return 0, nil, ErrWire
	}
	return int(count), b, nil
}

func readUint(b []byte) (uint64, []byte, error) {
	n, b, err := msgp.ReadUint64Bytes(b)
	if err != nil {
		return 0, nil, ErrWire
	}
	return n, b, nil
}
