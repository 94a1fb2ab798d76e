package pages

import "testing"

func TestPages(t *testing.T) {
	var p Pages[int]
	if p.MaybeAt(5*Size) != nil {
		t.Fatal("an empty array holds something")
	}
	far := p.Make(5*Size + 1)
	*far = 7
	for i := range uint32(3 * Size) {
		*p.Make(i) += int(i)
	}
	if p.At(5*Size+1) != far || *far != 7 {
		t.Error("what it holds has moved")
	}
	for i := range uint32(3 * Size) {
		if *p.At(i) != int(i) {
			t.Fatalf("record %d is %d", i, *p.At(i))
		}
	}
	if p.MaybeAt(4*Size) != nil || p.MaybeAt(2*Size) == nil {
		t.Error("the wrong pages exist")
	}
}
