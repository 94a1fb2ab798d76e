package crdt

import (
	"errors"
)

// The bounds of a part. They hold for the writer and for each copy alike, so that no copy refuses what the writer accepted.
const (
	// ElementBytesMax leaves room for one element in a frame of 64 KiB, whatever stands beside it. A URI is a few dozen bytes.
	ElementBytesMax = 32 << 10
	// EntriesMax is 16 times the goal of 10^6 topics per node; at about 100 bytes each a part that is full takes 1.6 GB.
	EntriesMax = 1 << 24
)

var (
	// ErrElementSize: the element is longer than ElementBytesMax.
	ErrElementSize = errors.New("crdt: element too long")
	// ErrFull: the part holds EntriesMax entries.
	ErrFull = errors.New("crdt: the part is full")
	// ErrLife: the delta is of another life than the part.
	ErrLife = errors.New("crdt: delta of another life")
	// ErrGap: the delta begins after the part's version; what lies between has to come first.
	ErrGap = errors.New("crdt: delta does not continue the part")
	// ErrDuplicate: the element is there already, or its counter is not one of the part's.
	ErrDuplicate = errors.New("crdt: entry twice in a snapshot, or ahead of its version")
)

// Entry is one element with the counter of its dot.
type Entry struct {
	Element string
	Counter uint64
}

// Op is one change of a part. Its counter is given by its place in a Delta or in the log.
type Op struct {
	Element string
	Add     bool
}

// Part is an OR-Set with one writer: the entries that one life has added and not removed. The owner changes it by Add and Remove,
// copies by Apply. Memory per entry: the element's bytes, 24 for the entry, about 40 for the index.
type Part struct {
	life    Life
	version uint64 // all changes with counters ≤ version are in
	hash    Hash   // over entries, see Hash
	entries []Entry
	index   map[string]uint32 // place in entries
	log     opLog             // the latest changes, up to version
	peak    int               // most entries since the index was last made
	bytes   int               // of the entries' elements
	scratch []byte            // for hashing
}

// NewPart returns the empty part of a life, at version 0.
func NewPart(l Life) *Part {
	return &Part{life: l, index: map[string]uint32{}}
}

// Life is the writer.
func (p *Part) Life() Life { return p.life }

// Version is the counter of the last change.
func (p *Part) Version() uint64 { return p.version }

// Hash stands for the entries: equal for equal entries (dots included) of the same life, however they came.
func (p *Part) Hash() Hash { return p.hash }

// Len is the number of entries.
func (p *Part) Len() int { return len(p.entries) }

// entryOverhead is what an entry takes beside its element: 24 bytes in the list, about 40 in the index.
const entryOverhead = 64

// Bytes is about how much memory the part takes, its log included.
func (p *Part) Bytes() int { return p.bytes + entryOverhead*len(p.entries) + p.log.bytes }

// Contains says whether e is in the part.
func (p *Part) Contains(e string) bool { _, ok := p.index[e]; return ok }

// Entries are all entries in an order that depends on the changes alone. The slice is the part's: read it before the next change.
func (p *Part) Entries() []Entry { return p.entries }

// Add is for the owner: e is in the part from the next version on. It returns false where e was there already, which takes no
// version. The error is ErrElementSize or ErrFull.
func (p *Part) Add(e string) (bool, error) {
	switch {
	case p.Contains(e):
		return false, nil
	case len(e) > ElementBytesMax:
		return false, ErrElementSize
	case len(p.entries) >= EntriesMax:
		return false, ErrFull
	}
	p.step(Op{e, true})
	return true, nil
}

// Remove is for the owner: e is not in the part from the next version on. It returns false where it was not there.
func (p *Part) Remove(e string) bool {
	if !p.Contains(e) {
		return false
	}
	p.step(Op{e, false})
	return true
}

// Apply is for copies: it makes the changes of d that are not in yet, and appends to changes those that made a difference, in order.
// What overlaps is skipped. The error is ErrLife, ErrGap or ErrFull; nothing of d has been applied then.
func (p *Part) Apply(d *Delta, changes []Op) ([]Op, error) {
	switch {
	case d.Life != p.life:
		return changes, ErrLife
	case d.From > p.version:
		return changes, ErrGap
	case d.To() <= p.version:
		return changes, nil
	case len(p.entries)+len(d.Ops) > EntriesMax+DeltaOpsMax:
		return changes, ErrFull
	}
	for _, op := range d.Ops[p.version-d.From:] {
		if p.step(op) {
			changes = append(changes, op)
		}
	}
	return changes, nil
}

// insert is for building a copy from a snapshot: it adds an entry without a change of version. The error is ErrElementSize, ErrFull
// or ErrDuplicate.
func (p *Part) insert(e Entry) error {
	switch {
	case len(e.Element) > ElementBytesMax:
		return ErrElementSize
	case len(p.entries) >= EntriesMax:
		return ErrFull
	case e.Counter == 0 || e.Counter > p.version || p.Contains(e.Element):
		return ErrDuplicate
	}
	p.put(e.Element, e.Counter)
	return nil
}

// step takes the next version for op and says whether the set of elements changed. It is total: adding what is there moves the
// dot, removing what is not there only takes the version.
func (p *Part) step(op Op) (changed bool) {
	p.version++
	i, there := p.index[op.Element]
	if there {
		op.Element = p.entries[i].Element // one copy of the bytes, for the entry and the log
		p.drop(i)
	}
	if op.Add {
		p.put(op.Element, p.version)
	}
	p.log.push(op)
	return op.Add != there
}

func (p *Part) put(e string, counter uint64) {
	p.hash = p.hash.plus(p.hashOf(e, counter))
	p.index[e] = uint32(len(p.entries))
	p.entries = append(p.entries, Entry{e, counter})
	p.peak = max(p.peak, len(p.entries))
	p.bytes += len(e)
}

// drop removes the i-th entry; the last one takes its place.
func (p *Part) drop(i uint32) {
	e := p.entries[i]
	p.hash = p.hash.minus(p.hashOf(e.Element, e.Counter))
	last := len(p.entries) - 1
	if int(i) != last {
		p.entries[i] = p.entries[last]
		p.index[p.entries[i].Element] = i
	}
	p.entries[last] = Entry{}
	p.entries = p.entries[:last]
	delete(p.index, e.Element)
	p.bytes -= len(e.Element)
	p.maybeShrink()
}

func (p *Part) hashOf(e string, counter uint64) (h Hash) {
	h, p.scratch = entryHash(p.life, counter, e, p.scratch)
	return h
}

// shrinkMin is the number of entries below which the memory of a former peak is not worth giving back.
const shrinkMin = 4096

// maybeShrink gives memory back after most entries have gone: a map never does by itself.
func (p *Part) maybeShrink() {
	if p.peak < shrinkMin || len(p.entries) > p.peak/4 {
		return
	}
	p.entries = append(make([]Entry, 0, 2*len(p.entries)), p.entries...)
	p.index = make(map[string]uint32, len(p.entries))
	for i, e := range p.entries {
		p.index[e.Element] = uint32(i)
	}
	p.peak = len(p.entries)
}

// Covers says whether the log reaches back to version from, so that a delta from there can be had.
func (p *Part) Covers(from uint64) bool {
	return from <= p.version && p.version-from <= uint64(p.log.len())
}

// Delta returns the changes after version from, as many as fit in bytesMax encoded but at least one. It is false when the log does
// not reach back that far, or there is nothing after from.
func (p *Part) Delta(from uint64, bytesMax int) (Delta, bool) {
	if !p.Covers(from) || from == p.version {
		return Delta{}, false
	}
	d := Delta{Life: p.life, From: from}
	size := 0
	for i := p.log.len() - int(p.version-from); i < p.log.len() && len(d.Ops) < DeltaOpsMax; i++ {
		op := p.log.at(i)
		size += opBytes(op)
		if size > bytesMax && len(d.Ops) > 0 {
			break
		}
		d.Ops = append(d.Ops, op)
	}
	return d, true
}
