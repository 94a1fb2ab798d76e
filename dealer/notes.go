package dealer

import "kleeblatt/internal/wamp/pages"

const (
	// notesBytesMax bounds the notes of one book: what they are for (a call in parts that waits for its callee, one that may have to go to another
	// callee) then fails, and nothing else.
	notesBytesMax = 32 << 20
	// spareNotesMax and spareNoteBytes bound the memory that a book keeps for the notes to come: a burst must not pin its memory.
	spareNotesMax  = 64
	spareNoteBytes = 16 << 10
)

// notes is memory for the router that belongs to records and ends with them.
type notes struct {
	of    pages.Pages[[]byte] // record → its note
	spare [][]byte
	bytes int // in notes, spare ones aside
}

// write appends b to the record's note, unless that is too much for the book.
func (n *notes) write(i uint32, b []byte) bool {
	if n.bytes+len(b) > notesBytesMax {
		return false
	}
	note := n.of.Make(i)
	if *note == nil && len(n.spare) > 0 {
		last := len(n.spare) - 1
		*note, n.spare = n.spare[last], n.spare[:last]
	}
	*note = append(*note, b...)
	n.bytes += len(b)
	return true
}

// cut keeps the first so many bytes of the record's note.
func (n *notes) cut(i uint32, to int) {
	if note := n.of.MaybeAt(i); note != nil && to < len(*note) {
		n.bytes -= len(*note) - to
		*note = (*note)[:to]
	}
}

func (n *notes) read(i uint32) []byte {
	if note := n.of.MaybeAt(i); note != nil {
		return *note
	}
	return nil
}

// drop ends the record's note.
func (n *notes) drop(i uint32) {
	note := n.of.MaybeAt(i)
	if note == nil || *note == nil {
		return
	}
	n.bytes -= len(*note)
	if len(n.spare) < spareNotesMax && cap(*note) <= spareNoteBytes {
		n.spare = append(n.spare, (*note)[:0])
	}
	*note = nil
}

// Note appends to the memory that goes with the call's record, in which the router keeps what it needs to go on with the call; false says that
// the book has no room for it.
func (b *Calls) Note(c *Call, more []byte) bool { return b.notes.write(c.place, more) }

// Noted is what was noted of the call, nil for nothing. It is good until the next Note or until the call is closed.
func (b *Calls) Noted(c *Call) []byte { return b.notes.read(c.place) }

// Forget keeps only the first so many bytes of what was noted of the call.
func (b *Calls) Forget(c *Call, but int) { b.notes.cut(c.place, but) }

// Note appends to the memory that goes with the invocation's record; false says that the book has no room for it.
func (b *Invocations) Note(v *Invocation, more []byte) bool { return b.notes.write(v.place, more) }

// Noted is what was noted of the invocation, nil for nothing. It is good until the next Note or until the invocation is closed.
func (b *Invocations) Noted(v *Invocation) []byte { return b.notes.read(v.place) }

// Forget drops what was noted of the invocation.
func (b *Invocations) Forget(v *Invocation) { b.notes.cut(v.place, 0) }
