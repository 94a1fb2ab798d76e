package crdt

import "slices"

// Snapshot is a part frozen at a version. It shares the elements' bytes with the part and nothing else, so the part may go on
// changing while the snapshot is read in chunks.
type Snapshot struct {
	life    Life
	version uint64
	hash    Hash
	entries []Entry
}

// Snapshot freezes the part: 24 bytes are copied per entry.
func (p *Part) Snapshot() *Snapshot {
	return &Snapshot{p.life, p.version, p.hash, slices.Clone(p.entries)}
}

// Life, Version, Hash and Len are those of the part when it was frozen.
func (s *Snapshot) Life() Life      { return s.life }
func (s *Snapshot) Version() uint64 { return s.version }
func (s *Snapshot) Hash() Hash      { return s.hash }
func (s *Snapshot) Len() int        { return len(s.entries) }

// Chunk returns the entries from the offset-th on, as many as fit in bytesMax encoded but at least one if there is one. The slice
// is the snapshot's and must not be changed.
func (s *Snapshot) Chunk(offset, bytesMax int) []Entry {
	if offset < 0 || offset >= len(s.entries) {
		return nil
	}
	size, end := 0, offset
	for end < len(s.entries) && end-offset < DeltaOpsMax {
		size += entryBytes(s.entries[end])
		if size > bytesMax && end > offset {
			break
		}
		end++
	}
	return s.entries[offset:end]
}

// Builder puts a part together from chunks, aside from the one in use.
type Builder struct {
	part  *Part
	hash  Hash
	total int
}

// NewBuilder begins the part that a snapshot of this life, version, hash and number of entries makes.
func NewBuilder(l Life, version uint64, h Hash, total int) *Builder {
	p := NewPart(l)
	p.version = version
	return &Builder{p, h, total}
}

// Version is the version of the part when it is complete.
func (b *Builder) Version() uint64 { return b.part.version }

// Len is the number of entries so far: the offset of the next chunk.
func (b *Builder) Len() int { return b.part.Len() }

// Insert adds the next chunk. After an error the builder is of no more use.
func (b *Builder) Insert(entries []Entry) error {
	for _, e := range entries {
		if b.part.Len() >= b.total {
			return ErrFull
		}
		if err := b.part.insert(e); err != nil {
			return err
		}
	}
	return nil
}

// Complete says whether all entries are there.
func (b *Builder) Complete() bool { return b.part.Len() == b.total }

// Part returns the part; it is false when entries are missing or the hash is not the one announced. The builder must not be used
// afterwards.
func (b *Builder) Part() (*Part, bool) {
	return b.part, b.Complete() && b.part.hash == b.hash
}
