package pages

// Size is how many records are allocated at a time: large enough to make the page table small (a pointer per 1024
// records), small enough that growth is never felt in a turn.
const Size = 1 << shift

const shift = 10

// Pages is the array; its zero value is empty. Pages come to be when they are first written to.
type Pages[T any] struct {
	page []*[Size]T
}

// At is the record i, which must have been made.
func (p *Pages[T]) At(i uint32) *T { return &p.page[i>>shift][i%Size] }

// MaybeAt is the record i, nil where its page was never made.
func (p *Pages[T]) MaybeAt(i uint32) *T {
	if n := i >> shift; int(n) < len(p.page) && p.page[n] != nil {
		return &p.page[n][i%Size]
	}
	return nil
}

// Make is the record i, zero if its page is new.
func (p *Pages[T]) Make(i uint32) *T {
	n := int(i >> shift)
	for n >= len(p.page) {
		p.page = append(p.page, nil)
	}
	if p.page[n] == nil {
		p.page[n] = new([Size]T)
	}
	return &p.page[n][i%Size]
}
