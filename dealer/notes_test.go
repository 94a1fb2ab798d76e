package dealer

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// A note is what was written for its record, whatever other records do, and is empty for the record that comes after it.
func TestNotesAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		calls, invs := NewCalls(1), NewInvocations(1)
		notes, under := map[uint64][]byte{}, map[uint64]*Call{}
		kept := map[uint64]*Invocation{}
		request := uint64(0)
		some := func(of int) uint64 { return uint64(rapid.IntRange(1, of).Draw(t, "which")) }
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				request++
				c, _ := calls.Open(0, request)
				under[request] = c
				v, _ := invs.Open(0, Origin{Call: request}, 1, 0)
				kept[request] = v
			},
			"note": func(t *rapid.T) {
				if request == 0 {
					return
				}
				r := some(int(request))
				if c := under[r]; c != nil {
					b := []byte(fmt.Sprint("note of ", r, rapid.StringN(0, 200, -1).Draw(t, "text")))
					if !calls.Note(c, b) || !invs.Note(kept[r], b) {
						t.Fatal("no room")
					}
					notes[r] = append(notes[r], b...)
				}
			},
			"forget": func(t *rapid.T) {
				if request == 0 {
					return
				}
				r := some(int(request))
				if c := under[r]; c != nil {
					but := rapid.IntRange(0, 300).Draw(t, "but")
					calls.Forget(c, but)
					n := min(but, len(notes[r]))
					invs.Forget(kept[r])
					invs.Note(kept[r], notes[r][:n])
					notes[r] = notes[r][:n]
				}
			},
			"close": func(t *rapid.T) {
				if request == 0 {
					return
				}
				r := some(int(request))
				if c := under[r]; c != nil {
					calls.Close(c)
					invs.Close(kept[r])
					delete(under, r)
					delete(kept, r)
					delete(notes, r)
				}
			},
			"": func(t *rapid.T) {
				total := 0
				for r, c := range under {
					if !bytes.Equal(calls.Noted(c), notes[r]) || !bytes.Equal(invs.Noted(kept[r]), notes[r]) {
						t.Fatalf("of %d is noted %q and %q, want %q", r, calls.Noted(c), invs.Noted(kept[r]), notes[r])
					}
					total += len(notes[r])
				}
				if calls.notes.bytes != total || invs.notes.bytes != total {
					t.Fatalf("%d and %d bytes are counted, there are %d", calls.notes.bytes, invs.notes.bytes, total)
				}
			},
		})
	})
}

func TestNotesAreBounded(t *testing.T) {
	b := NewCalls(1)
	half := make([]byte, notesBytesMax/2)
	one, _ := b.Open(0, 1)
	two, _ := b.Open(0, 2)
	if !b.Note(one, half) || !b.Note(two, half) || b.Note(one, []byte{1}) {
		t.Error("the bound is elsewhere")
	}
	if len(b.Noted(one)) != len(half) {
		t.Error("what was refused is there")
	}
	b.Close(one)
	if !b.Note(two, []byte{1}) {
		t.Error("what is over counts")
	}
	b.Close(two)
	if len(b.notes.spare) != 0 {
		t.Error("a burst's memory is kept")
	}
}

func TestNotesAllocNothing(t *testing.T) {
	b := NewCalls(1)
	note := make([]byte, 1000)
	once := func() {
		c, _ := b.Open(0, 1)
		b.Note(c, note)
		b.Forget(c, 10)
		b.Note(c, note)
		b.Close(c)
	}
	once()
	if n := testing.AllocsPerRun(100, once); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
