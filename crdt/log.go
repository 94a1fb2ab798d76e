package crdt

// The log's bounds. They decide how far a copy may be behind and still catch up by a delta; beyond, it gets a snapshot.
const (
	// LogOpsMax is a few seconds of heavy churn.
	LogOpsMax = 1 << 14
	// LogBytesMax bounds the log of each part, elements included: 64 nodes' logs take at most 64 MiB.
	LogBytesMax = 1 << 20
	// logOpBytes is what an op takes beside its element.
	logOpBytes = 24
	// logGap is the empty front that is not worth moving the rest for.
	logGap = 64
)

// opLog is the tail of a part's changes. Its last op has the part's version as its counter.
type opLog struct {
	ops   []Op // ops[head:] count
	head  int
	bytes int
	most  int // ops that are kept; 0: LogOpsMax
}

func (l *opLog) len() int { return len(l.ops) - l.head }

// at returns the i-th oldest op.
func (l *opLog) at(i int) Op { return l.ops[l.head+i] }

// BoundLog keeps at most that many changes from the next one on, fewer than LogOpsMax: so that who checks snapshots need not make so many.
func (p *Part) BoundLog(ops int) { p.log.most = min(ops, LogOpsMax) }

// push appends op and forgets the oldest ones until the bounds hold.
func (l *opLog) push(op Op) {
	l.ops = append(l.ops, op)
	l.bytes += logOpBytes + len(op.Element)
	most := l.most
	if most == 0 {
		most = LogOpsMax
	}
	for l.len() > most || l.bytes > LogBytesMax {
		l.bytes -= logOpBytes + len(l.ops[l.head].Element)
		l.ops[l.head] = Op{}
		l.head++
	}
	if l.head > l.len()+logGap {
		// The front half and more is empty: moving the rest costs less than one op per op pushed.
		n := copy(l.ops, l.ops[l.head:])
		clear(l.ops[n:])
		l.ops, l.head = l.ops[:n], 0
	}
}
