package dealer

import (
	"math/bits"

	"kleeblatt/internal/wamp/pages"
)

// table finds records by the hash of their keys. Records are known by their numbers, which start at 1; the keys stay in the
// records, and the caller compares them. It grows by linear hashing: each new record splits at most one bucket, so no turn
// ever pays for a whole rehash, and a steady number of records allocates nothing. It does not shrink.
type table struct {
	heads   pages.Pages[uint32] // bucket → its first record
	links   pages.Pages[chain]  // record → the next one of its bucket
	buckets uint32
	mask    uint32 // one less than the next power of two, buckets itself included
	n       uint32
}

type chain struct{ hash, next uint32 }

// bucket is where the hash belongs: of the buckets that the next power of two would have, those not yet split off are still
// part of the one half of it below.
func (t *table) bucket(hash uint32) uint32 {
	if b := hash & t.mask; b < t.buckets {
		return b
	}
	return hash & (t.mask >> 1)
}

// first is the first record with that hash, 0 if there is none; after is the one behind record i.
func (t *table) first(hash uint32) uint32 {
	if t.n == 0 {
		return 0
	}
	return t.seek(*t.heads.At(t.bucket(hash)), hash)
}

func (t *table) after(i uint32) uint32 {
	l := t.links.At(i)
	return t.seek(l.next, l.hash)
}

func (t *table) seek(i, hash uint32) uint32 {
	for i != 0 {
		l := t.links.At(i)
		if l.hash == hash {
			return i
		}
		i = l.next
	}
	return 0
}

// add enters record i, which is not in the table.
func (t *table) add(i, hash uint32) {
	if t.n >= t.buckets {
		t.split()
	}
	t.n++
	t.push(t.heads.At(t.bucket(hash)), i, hash)
}

// remove takes record i out; it must be in the table.
func (t *table) remove(i uint32) {
	l := t.links.At(i)
	at := t.heads.At(t.bucket(l.hash))
	for *at != i {
		at = &t.links.At(*at).next
	}
	*at = l.next
	t.n--
}

func (t *table) push(head *uint32, i, hash uint32) {
	*t.links.Make(i) = chain{hash, *head}
	*head = i
}

// split adds one bucket and gives it its share of the one that it is split off.
func (t *table) split() {
	t.buckets++
	t.mask = uint32(1)<<bits.Len32(t.buckets-1) - 1
	fresh := t.heads.Make(t.buckets - 1)
	if t.buckets == 1 {
		return
	}
	old := t.heads.At((t.buckets - 1) &^ (1 << (bits.Len32(t.buckets-1) - 1)))
	i := *old
	*old = 0
	for i != 0 {
		l := *t.links.At(i)
		head := old
		if t.bucket(l.hash) == t.buckets-1 {
			head = fresh
		}
		t.push(head, i, l.hash)
		i = l.next
	}
}

// hashOf mixes a key of two numbers with the book's seed. Clients choose request ids: without a seed they could choose
// them for one bucket.
func hashOf(seed, a, b uint64) uint32 {
	hi, lo := bits.Mul64(a^seed, 0x9e3779b97f4a7c15)
	hi, lo = bits.Mul64(hi^lo^b, seed|1)
	hi, lo = bits.Mul64(hi^lo^a, 0xd1b54a32d192ed03)
	return uint32(hi ^ lo)
}
