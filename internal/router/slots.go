package router

// slotTable finds a session's slot by a number of the session (its connection, its id). It is a hash table with linear probing that
// holds slots only and reads the numbers where they are, so it costs 5 to 11 bytes a session.
type slotTable struct {
	key   func(slot uint32) uint64 // the number of the session in that slot
	tab   []uint32                 // slot + 1, 0 where empty; the length is a power of two
	shift uint8
	n     int
}

const slotTableMin = 16

func (t *slotTable) home(key uint64) uint32 {
	return uint32(key * 0x9e3779b97f4a7c15 >> t.shift)
}

// get returns the slot of the session with that number.
func (t *slotTable) get(key uint64) (slot uint32, ok bool) {
	if t.n == 0 {
		return 0, false
	}
	mask := uint32(len(t.tab) - 1)
	for i := t.home(key); ; i = (i + 1) & mask {
		s := t.tab[i]
		if s == 0 {
			return 0, false
		}
		if t.key(s-1) == key {
			return s - 1, true
		}
	}
}

// add enters a slot, whose number must not be in the table.
func (t *slotTable) add(slot uint32) {
	if t.n >= len(t.tab)/4*3 { // at least a quarter stays empty, so every search ends
		t.grow()
	}
	t.n++
	t.put(slot)
}

func (t *slotTable) put(slot uint32) {
	mask := uint32(len(t.tab) - 1)
	i := t.home(t.key(slot))
	for t.tab[i] != 0 {
		i = (i + 1) & mask
	}
	t.tab[i] = slot + 1
}

func (t *slotTable) grow() {
	old := t.tab
	t.tab = make([]uint32, max(slotTableMin, 2*len(old)))
	t.shift = 64
	for n := len(t.tab); n > 1; n >>= 1 {
		t.shift--
	}
	for _, s := range old {
		if s != 0 {
			t.put(s - 1)
		}
	}
}

// remove takes a slot out; its number must still be readable. What stood behind it moves up, so no marks are left.
func (t *slotTable) remove(slot uint32) {
	if t.n == 0 {
		return
	}
	mask := uint32(len(t.tab) - 1)
	i := t.home(t.key(slot))
	for t.tab[i] != slot+1 {
		if t.tab[i] == 0 {
			return
		}
		i = (i + 1) & mask
	}
	t.n--
	for j := i; ; {
		j = (j + 1) & mask
		s := t.tab[j]
		if s == 0 {
			break
		}
		if home := t.home(t.key(s - 1)); (j-home)&mask >= (j-i)&mask {
			t.tab[i] = s
			i = j
		}
	}
	t.tab[i] = 0
}
