package router

// timerKind says what is due.
type timerKind uint8

const (
	helloTimer   timerKind = iota + 1 // slot, key: its connection
	goodbyeTimer                      // slot, key: its connection
	episodeTimer                      // slot, key: its connection; publishers have waited long enough for it
	rateTimer                         // slot, key: its connection; it has been held up long enough for its rate
	pauseTimer                        // slot, key: its connection; a receiver elsewhere kept it waiting long enough
	nodeTimer                         // key: the node; its link has been waited for long enough
)

// timer is one deadline. It is not taken back when its reason is gone: whoever handles it checks that the reason still holds.
type timer struct {
	at   int64
	key  uint64
	slot uint32
	kind timerKind
}

// timers is a binary heap by time.
type timers struct{ heap []timer }

// next is the earliest deadline, 0 if there is none.
func (t *timers) next() int64 {
	if len(t.heap) == 0 {
		return 0
	}
	return t.heap[0].at
}

func (t *timers) add(x timer) {
	t.heap = append(t.heap, x)
	i := len(t.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if t.heap[parent].at <= x.at {
			break
		}
		t.heap[i] = t.heap[parent]
		i = parent
	}
	t.heap[i] = x
}

// due takes the earliest deadline out if it has passed.
func (t *timers) due(now int64) (timer, bool) {
	if len(t.heap) == 0 || t.heap[0].at > now {
		return timer{}, false
	}
	first := t.heap[0]
	last := t.heap[len(t.heap)-1]
	t.heap = t.heap[:len(t.heap)-1]
	if len(t.heap) > 0 {
		t.sink(0, last)
	}
	return first, true
}

func (t *timers) sink(i int, x timer) {
	n := len(t.heap)
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && t.heap[child+1].at < t.heap[child].at {
			child++
		}
		if t.heap[child].at >= x.at {
			break
		}
		t.heap[i] = t.heap[child]
		i = child
	}
	t.heap[i] = x
}
