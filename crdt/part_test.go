package crdt

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var testLife = Life{5, 77}

func contents(p *Part) map[string]uint64 {
	m := map[string]uint64{}
	for _, e := range p.Entries() {
		m[e.Element] = e.Counter
	}
	return m
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// check proves the invariants of a part from its entries alone.
func check(t failer, p *Part) {
	t.Helper()
	var sum Hash
	for i, e := range p.entries {
		h, _ := entryHash(p.life, e.Counter, e.Element, nil)
		sum = sum.plus(h)
		if p.index[e.Element] != uint32(i) || e.Counter == 0 || e.Counter > p.version {
			t.Fatalf("entry %d %+v: index %d, version %d", i, e, p.index[e.Element], p.version)
		}
	}
	if len(p.index) != len(p.entries) || sum != p.hash {
		t.Fatalf("%d entries, %d indexed, hash %v, computed %v", len(p.entries), len(p.index), p.hash, sum)
	}
	if p.log.len() > LogOpsMax || p.log.bytes > LogBytesMax || uint64(p.log.len()) > p.version {
		t.Fatalf("log of %d ops, %d bytes at version %d", p.log.len(), p.log.bytes, p.version)
	}
}

// TestPartIsORSet: a part and its copies are the OR-Set with one writer.
func TestPartIsORSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own, far := NewPart(testLife), NewPart(testLife)
		var twin, farTwin ORSet
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			e := rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(t, "element")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				if added, err := own.Add(e); err != nil || added == twin.Contains(e) {
					t.Fatalf("add %q: %v %v", e, added, err)
				} else if added {
					twin.Add(testLife, e)
				}
			case 2:
				if own.Remove(e) != twin.Contains(e) {
					t.Fatalf("remove %q", e)
				}
				twin.Remove(e)
			case 3:
				pull(t, far, own, rapid.IntRange(1, 64).Draw(t, "bytes"))
				farTwin.Merge(&twin)
			}
			if got := slices.Sorted(maps.Keys(contents(own))); !slices.Equal(got, twin.Elements()) {
				t.Fatalf("part %q, twin %q", got, twin.Elements())
			}
			if got := slices.Sorted(maps.Keys(contents(far))); !slices.Equal(got, farTwin.Elements()) {
				t.Fatalf("copy %q, twin %q", got, farTwin.Elements())
			}
			check(t, own)
			check(t, far)
		}
		pull(t, far, own, math.MaxInt)
		if far.Hash() != own.Hash() || far.Version() != own.Version() || !maps.Equal(contents(far), contents(own)) {
			t.Fatal("the copy differs")
		}
	})
}

// pull brings to up to from by deltas, over the wire, and proves that the reported changes lead from the old set to the new one.
func pull(t *rapid.T, to, from *Part, bytesMax int) {
	set := map[string]bool{}
	for _, e := range to.Entries() {
		set[e.Element] = true
	}
	for {
		back := min(to.Version(), uint64(rapid.IntRange(0, 3).Draw(t, "overlap")))
		d, ok := from.Delta(to.Version()-back, bytesMax)
		if !ok || d.To() <= to.Version() {
			d, ok = from.Delta(to.Version(), bytesMax)
		}
		if !ok {
			break
		}
		read, rest, err := ReadDelta(AppendDelta(nil, &d))
		if err != nil || len(rest) != 0 || read.Life != d.Life || read.From != d.From || !slices.Equal(read.Ops, d.Ops) {
			t.Fatalf("%+v read as %+v, %v", d, read, err)
		}
		before := to.Version()
		changes, err := to.Apply(&read, nil)
		if err != nil || to.Version() < before {
			t.Fatal(err)
		}
		for _, c := range changes {
			if set[c.Element] == c.Add {
				t.Fatalf("change %+v changes nothing", c)
			}
			set[c.Element] = c.Add
		}
	}
	maps.DeleteFunc(set, func(_ string, in bool) bool { return !in })
	if got := contents(to); len(got) != len(set) {
		t.Fatalf("changes lead to %v, the copy is %v", set, got)
	}
}

// TestHashOrder (P17): the hash of equal entries is equal, whatever the order in which they came.
func TestHashOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := NewPart(testLife)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			e := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "element")
			if rapid.Bool().Draw(t, "add") {
				_, _ = own.Add(e)
			} else {
				own.Remove(e)
			}
		}
		entries := slices.Clone(own.Entries())
		if len(entries) > 0 {
			entries = rapid.Permutation(entries).Draw(t, "order")
		}
		b := NewBuilder(testLife, own.Version(), own.Hash(), own.Len())
		if err := b.Insert(entries); err != nil {
			t.Fatal(err)
		}
		p, ok := b.Part()
		if !ok {
			t.Fatalf("hash %v, want %v", p.Hash(), own.Hash())
		}
		check(t, p)
		h := []Head{{"a", testLife, p.Version(), p.Hash()}, {"b", testLife, 1, Hash{}}}
		o := []Head{{"a", testLife, own.Version(), own.Hash()}, {"b", testLife, 1, Hash{}}}
		if Digest(h).Root(nil) != Digest(o).Root(make([]byte, 7)) {
			t.Fatal("roots differ")
		}
	})
}

func TestHashTellsApart(t *testing.T) {
	seen := map[Hash]string{}
	for _, l := range []Life{{1, 2}, {2, 1}} {
		for counter := range uint64(3) {
			for _, e := range []string{"", "a", "ab", "b"} {
				h, _ := entryHash(l, counter, e, nil)
				if was, ok := seen[h]; ok {
					t.Fatalf("%v %d %q collides with %s", l, counter, e, was)
				}
				seen[h] = fmt.Sprint(l, counter, e)
				if got := h.plus(h).minus(h); got != h {
					t.Fatalf("%v + h - h = %v", h, got)
				}
			}
		}
	}
	ones := fromHalves(math.MaxUint64, math.MaxUint64)
	if got := ones.plus(fromHalves(0, 1)); got != (Hash{}) {
		t.Errorf("no carry: %v", got)
	}
	roots := map[Hash]bool{}
	for _, d := range []Digest{
		nil, {{Owner: "a"}}, {{Owner: "b"}}, {{Owner: "a", Version: 1}}, {{Owner: "a", Life: Life{1, 0}}},
		{{Owner: "a", Hash: Hash{1}}}, {{Owner: "a"}, {Owner: "b"}},
	} {
		if r := d.Root(nil); roots[r] {
			t.Errorf("the root of %v is another digest's", d)
		} else {
			roots[r] = true
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	p := NewPart(testLife)
	if _, err := p.Apply(&Delta{Life: Life{5, 78}, Ops: []Op{{"a", true}}}, nil); err != ErrLife {
		t.Error(err)
	}
	if _, err := p.Apply(&Delta{Life: testLife, From: 1, Ops: []Op{{"a", true}}}, nil); err != ErrGap {
		t.Error(err)
	}
	if _, err := p.Add(strings.Repeat("x", ElementBytesMax+1)); err != ErrElementSize {
		t.Error(err)
	}
	if p.Version() != 0 || p.Len() != 0 {
		t.Error("something was applied")
	}
	// Total: adds of what is there and removes of what is not only take versions.
	changes, err := p.Apply(&Delta{Life: testLife, Ops: []Op{{"b", false}, {"a", true}, {"a", true}, {"a", false}, {"a", false}}}, nil)
	if err != nil || !slices.Equal(changes, []Op{{"a", true}, {"a", false}}) || p.Version() != 5 {
		t.Errorf("%v %v at %d", changes, err, p.Version())
	}
	check(t, p)
}

func TestBuilderRefuses(t *testing.T) {
	for name, entries := range map[string][]Entry{
		"twice":            {{"a", 1}, {"a", 2}},
		"counter 0":        {{"a", 0}},
		"ahead of version": {{"a", 4}},
		"too many":         {{"a", 1}, {"b", 2}, {"c", 3}},
		"too long":         {{strings.Repeat("x", ElementBytesMax+1), 1}},
	} {
		if err := NewBuilder(testLife, 3, Hash{}, 2).Insert(entries); err == nil {
			t.Error(name)
		}
	}
	b := NewBuilder(testLife, 3, Hash{}, 1)
	if _, ok := b.Part(); ok || b.Complete() {
		t.Error("complete without entries")
	}
	if err := b.Insert([]Entry{{"a", 1}}); err != nil {
		t.Error(err)
	}
	if _, ok := b.Part(); ok {
		t.Error("a wrong hash is accepted")
	}
}

// TestLogTrims: the log stays within its bounds, and a delta is to be had exactly as far as it reaches.
func TestLogTrims(t *testing.T) {
	p := NewPart(testLife)
	for range LogOpsMax {
		_, _ = p.Add("a")
		p.Remove("a")
	}
	check(t, p)
	if p.Covers(p.Version() - LogOpsMax - 1) {
		t.Error("the log reaches too far back")
	}
	if d, ok := p.Delta(p.Version()-LogOpsMax, math.MaxInt); !ok || len(d.Ops) != LogOpsMax || d.To() != p.Version() {
		t.Error("the log does not reach back")
	}
	if _, ok := p.Delta(p.Version(), 1); ok {
		t.Error("a delta of nothing")
	}
	if p.Covers(p.Version() + 1) {
		t.Error("the log reaches into the future")
	}
	big := strings.Repeat("x", ElementBytesMax)
	for i := range 100 {
		_, _ = p.Add(big[i:])
	}
	check(t, p)
	if n := p.log.len(); n > LogBytesMax/(ElementBytesMax-100) {
		t.Errorf("%d large ops in the log", n)
	}
}

// TestChurnFlat: subscribing and unsubscribing leaves nothing behind.
func TestChurnFlat(t *testing.T) {
	p := NewPart(testLife)
	cycle := func(n int) {
		for i := range n {
			e := elementName(i)
			_, _ = p.Add(e)
			p.Remove(e)
		}
	}
	cycle(50_000)
	before := heap()
	cycle(atScale(300_000))
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	check(t, p)
	runtime.KeepAlive(p)
}

// atScale is n, or less where all is slow.
func atScale(n int) int {
	if underRace {
		return n / 10
	}
	return n
}

func TestShrink(t *testing.T) {
	before := heap()
	p := NewPart(testLife)
	size := atScale(200_000)
	for i := range size {
		_, _ = p.Add(elementName(i))
	}
	perEntry := (heap() - before) / int64(size)
	if perEntry > 150 {
		t.Errorf("%d bytes per entry", perEntry)
	}
	t.Logf("%d bytes per entry, element included", perEntry)
	for i := range size - 10 {
		p.Remove(elementName(i))
	}
	check(t, p)
	if kept := heap() - before; kept > 4<<20 {
		t.Errorf("%d bytes are kept for 10 entries", kept)
	}
	runtime.KeepAlive(p)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestSnapshot: a snapshot stays as it was while the part goes on, and its chunks make the part.
func TestSnapshot(t *testing.T) {
	p := NewPart(testLife)
	for i := range 10_000 {
		_, _ = p.Add(elementName(i))
	}
	s := p.Snapshot()
	want := contents(p)
	b := NewBuilder(s.Life(), s.Version(), s.Hash(), s.Len())
	var wire []byte
	for i := 0; !b.Complete(); i++ {
		p.Remove(elementName(i))
		wire = AppendEntries(wire[:0], s.Chunk(b.Len(), 1000))
		if len(wire) > 1000+8 {
			t.Fatalf("chunk of %d bytes", len(wire))
		}
		entries, rest, err := ReadEntries(wire, nil)
		if err != nil || len(rest) != 0 {
			t.Fatal(err)
		}
		if err := b.Insert(entries); err != nil {
			t.Fatal(err)
		}
	}
	far, ok := b.Part()
	if !ok || !maps.Equal(contents(far), want) {
		t.Fatal("the copy differs")
	}
	d, ok := p.Delta(far.Version(), math.MaxInt)
	if !ok {
		t.Fatal("no delta from the snapshot")
	}
	if _, err := far.Apply(&d, nil); err != nil || far.Hash() != p.Hash() {
		t.Fatal(err, "the copy differs after the delta")
	}
	if s.Chunk(s.Len(), 1) != nil || s.Chunk(-1, 1) != nil {
		t.Error("a chunk outside")
	}
}

func FuzzReadDelta(f *testing.F) {
	f.Add(AppendDelta(nil, &Delta{Life: testLife, From: 3, Ops: []Op{{"a", true}, {"", false}}}))
	f.Add(AppendDelta(nil, &Delta{}))
	f.Add([]byte{1, 2, 3, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, rest, err := ReadDelta(b)
		if err != nil {
			return
		}
		again, tail, err := ReadDelta(AppendDelta(nil, &d))
		if err != nil || len(tail) != 0 || again.From != d.From || !slices.Equal(again.Ops, d.Ops) || len(rest) > len(b) {
			t.Fatalf("%+v read as %+v, %v", d, again, err)
		}
		p := NewPart(d.Life)
		_, _ = p.Add("a")
		_, _ = p.Apply(&d, nil)
		check(t, p)
	})
}

func FuzzReadEntries(f *testing.F) {
	f.Add(AppendEntries(nil, []Entry{{"a", 1}, {"b", math.MaxUint64}}))
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, _, err := ReadEntries(b, nil)
		if err != nil {
			return
		}
		again, _, err := ReadEntries(AppendEntries(nil, entries), nil)
		if err != nil || !slices.Equal(entries, again) {
			t.Fatalf("%v read as %v, %v", entries, again, err)
		}
		builder := NewBuilder(testLife, 9, Hash{}, len(entries))
		_ = builder.Insert(entries)
		check(t, builder.part)
	})
}

func TestReadTruncated(t *testing.T) {
	d := AppendDelta(nil, &Delta{Life: testLife, From: 300, Ops: []Op{{"abc", true}, {"abc", false}}})
	e := AppendEntries(nil, []Entry{{"abc", 700}})
	for i := range d {
		if _, _, err := ReadDelta(bytes.Clone(d[:i])); err == nil {
			t.Errorf("%d of %d bytes read as a delta", i, len(d))
		}
	}
	for i := range e {
		if _, _, err := ReadEntries(bytes.Clone(e[:i]), nil); err == nil {
			t.Errorf("%d of %d bytes read as entries", i, len(e))
		}
	}
}
