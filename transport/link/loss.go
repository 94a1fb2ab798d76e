package link

// Kinds of frames that a lossy reset may give up, as Stats.LostKinds counts them.
const (
	LostEvent = iota
	LostCall
	LostOther // answers, cancels and control
	LostKinds
)

// LostNames are for metrics.
var LostNames = [LostKinds]string{"event", "call", "answer_or_control"}

// tally counts frames by kind. Calls that were made void have a place of their own: what the caller was told had failed is not lost again.
type tally [LostKinds + 1]uint64

const tallyVoid = LostKinds

func kindOf(flags byte) int {
	switch {
	case flags&flagVoid != 0:
		return tallyVoid
	case flags&flagCall != 0:
		return LostCall
	case flags&flagEvent != 0:
		return LostEvent
	}
	return LostOther
}

func (t *tally) add(o *tally) {
	for i, n := range o {
		t[i] += n
	}
}

// all counts the no-ops, too.
func (t *tally) all() (n uint64) { return t.lost() + t[tallyVoid] }

func (t *tally) lost() (n uint64) {
	for _, v := range t[:LostKinds] {
		n += v
	}
	return n
}

// learn corrects what was given up, first an upper bound, by what the peer says has arrived: frames in all, and of them events and the
// others (answers and control); the rest are calls, void or not. A peer that does not tell kinds corrects the sum alone.
func (l *sendLane) learn(told *laneState) {
	if told.done > l.finals.all() {
		return // it knows of more than we have sent: it means another machine of ours
	}
	waiting := l.pending()
	if !told.kinds {
		l.shrink(int64(l.finals.all()) - int64(told.done) - int64(waiting.all()))
		return
	}
	exact := func(kind int, done uint64) {
		if n := int64(l.finals[kind]) - int64(done) - int64(waiting[kind]); n >= 0 && uint64(n) < l.lost[kind] {
			l.lost[kind] = uint64(n)
		}
	}
	exact(LostEvent, told.events)
	exact(LostOther, told.others)
	calls := int64(l.finals[LostCall]+l.finals[tallyVoid]) - int64(told.done-told.events-told.others) - int64(waiting[LostCall]+waiting[tallyVoid])
	if calls >= 0 && uint64(calls) < l.lost[LostCall]+l.lost[tallyVoid] {
		l.lost[tallyVoid] = min(l.lost[tallyVoid], uint64(calls))
		l.lost[LostCall] = uint64(calls) - l.lost[tallyVoid]
	}
}

// shrink takes the sum down to n.
func (l *sendLane) shrink(n int64) {
	if n < 0 {
		return
	}
	for _, kind := range []int{LostOther, LostCall, LostEvent, tallyVoid} {
		if over := int64(l.lost.all()) - n; over > 0 {
			l.lost[kind] -= min(l.lost[kind], uint64(over))
		}
	}
}
