package frame

import (
	"bytes"
	"testing"
)

func TestBatchKeepsFramesInOrderWithTheirAddresses(t *testing.T) {
	var pool Pool
	b := pool.Get()
	want := [][]byte{[]byte("one"), {}, bytes.Repeat([]byte("x"), 70_000)}
	for i, f := range want {
		b.Append(Addr{Node: uint8(i), Lane: uint64(i) << 40}, f)
	}
	i := 0
	b.Each(func(a Addr, f []byte) {
		if a.Node != uint8(i) || a.Lane != uint64(i)<<40 || !bytes.Equal(f, want[i]) {
			t.Fatalf("frame %d: %v, %d bytes", i, a, len(f))
		}
		i++
	})
	if i != len(want) || b.Len() != len(want) {
		t.Fatalf("%d frames of %d", i, len(want))
	}
	pool.Put(b)
}

func TestBatchPanicsWhenUsedAfterPut(t *testing.T) {
	var pool Pool
	b := pool.Get()
	pool.Put(b)
	defer func() {
		if recover() == nil {
			t.Fatal("a batch that was put back could be used")
		}
	}()
	b.Append(Addr{}, nil)
}

func TestBatchAllocNothingInSteadyState(t *testing.T) {
	b := new(Batch) // a Pool keeps its batches, but for what collections and the race detector take from it
	f := make([]byte, 150)
	n := 0
	count := func(Addr, []byte) { n++ }
	if a := testing.AllocsPerRun(200, func() {
		for range 64 {
			b.Append(Addr{Node: 1}, f)
		}
		b.Each(count)
		b.reset()
	}); a != 0 {
		t.Fatalf("%v allocations per batch", a)
	}
}
