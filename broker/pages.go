package broker

// pageSize is how many records are allocated at a time: large enough to make the page table small (a pointer per 1024
// records), small enough that growth is never felt in a turn.
const pageSize = 1 << pageShift

const pageShift = 10

// pages is an array that grows without moving what it holds. Pages come to be when they are first written to.
type pages[T any] struct {
	page []*[pageSize]T
}

// at is the record i, which must have been made.
func (p *pages[T]) at(i uint32) *T { return &p.page[i>>pageShift][i%pageSize] }

// maybeAt is the record i, nil where its page was never made.
func (p *pages[T]) maybeAt(i uint32) *T {
	if n := i >> pageShift; int(n) < len(p.page) && p.page[n] != nil {
		return &p.page[n][i%pageSize]
	}
	return nil
}

// make is the record i, zero if its page is new.
func (p *pages[T]) make(i uint32) *T {
	n := int(i >> pageShift)
	for n >= len(p.page) {
		p.page = append(p.page, nil)
	}
	if p.page[n] == nil {
		p.page[n] = new([pageSize]T)
	}
	return &p.page[n][i%pageSize]
}
