package bench

// trackerWindow is how far back a tracker remembers each number. Whoever comes later than that is told apart only by whether
// anything is missing.
const trackerWindow = 256

// tracker judges the numbers that one receiver gets from one sender, who counts from 0. It belongs to the receiver's reader.
type tracker struct {
	next     uint32                     // above all that came
	distinct uint32                     // how many different ones came
	seen     [trackerWindow / 64]uint64 // bit n%trackerWindow for each of the last trackerWindow below next
}

type verdict uint8

const (
	fresh   verdict = iota // above all before it
	late                   // the first of its number, below one before it
	doubled                // its number came before
)

func (k *tracker) take(seq uint32) verdict {
	if seq >= k.next {
		for n := max(k.next, seq-min(seq, trackerWindow-1)); n < seq; n++ {
			k.seen[n%trackerWindow/64] &^= 1 << (n % 64)
		}
		k.seen[seq%trackerWindow/64] |= 1 << (seq % 64)
		k.next = seq + 1
		k.distinct++
		return fresh
	}
	known := k.seen[seq%trackerWindow/64]&(1<<(seq%64)) != 0
	if k.next-seq > trackerWindow {
		known = k.distinct == k.next
	} else {
		k.seen[seq%trackerWindow/64] |= 1 << (seq % 64)
	}
	if known {
		return doubled
	}
	k.distinct++
	return late
}
