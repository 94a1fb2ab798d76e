package gossip

import (
	"fmt"
	"slices"
	"strings"

	"kleeblatt/crdt"
)

// Machine is the tables' protocol of one node: its own part, copies of the others' parts, and what it takes to keep them equal
// everywhere. It has one owner, who calls Step for each input and Flush at the end of each turn.
type Machine struct {
	cfg     Config
	own     *crdt.Part
	flushed uint64 // the version of own that linked peers have been sent
	retired bool

	nodes map[string]*node
	order []*node // all nodes, by name: the order of everything that is said to or of several

	ackDue    bool      // somebody is to be told how far its part counts
	cohorts   []*cohort // in the order in which they began
	barrierBy int64     // no barrier is over before that; 0 for none

	compareAt int64 // when digests are compared next
	served    []*served

	rival    uint64 // the epoch that is to be outbid, 0 for none
	rebornAt int64  // when that was last done, 0 for never

	stats Stats

	root      crdt.Hash
	rootValid bool
	turn      int // AppendDigest: whose heads come first
	armed     int64
	portion   int  // elements that this Step may still tell
	heavier   bool // parts that are kept for nodes that are away have grown
	touched   bool // deadlines may have changed
	now       int64
	out       []Effect // the caller's slice, during a call
	changes   []crdt.Op
	digest    crdt.Digest
	scratch   []byte
}

// New returns the machine of a node that knows nobody yet. Its own part is empty.
func New(cfg Config) *Machine {
	cfg = cfg.withDefaults()
	return &Machine{cfg: cfg, own: cfg.newPart(cfg.Life), nodes: map[string]*node{}}
}

// Step takes one input and appends what is to be done to out. It never fails, whatever the input.
func (m *Machine) Step(in *Input, out []Effect) []Effect {
	m.begin(in.Now, out)
	if in.Kind != InPropose {
		m.touched = true
	}
	switch in.Kind {
	case InPropose:
		m.propose(in)
	case InMember:
		m.onMember(in.Name, in.Life, in.Alive)
	case InLink:
		if in.Up {
			m.onLinkUp(in.Name, in.Life, in.Version)
		} else {
			m.onLinkDown(in.Name, in.Life)
		}
	case InLinkSuspect:
		m.onLinkSuspect(in.Name, in.On)
	case InControl:
		m.onControl(in.Name, in.Bytes)
	case InDigest:
		m.onProbeDigest(in.Name, in.Bytes)
	case InHead:
		m.onNews(in.Name, in.Life, in.Version)
	case InRetire:
		m.retireSelf()
	case InSettled:
		m.onSettled(in.Name, in.Life, in.Version)
	case InBarrier:
		m.startBarrier(in.Token, in.Until)
	case InRefuse:
		m.refuse(in.Name, in.Element)
	}
	if in.Kind == InTick || m.armed != 0 && m.now >= m.armed {
		m.tick()
	}
	if len(m.cohorts) > 0 {
		m.settleBarriers()
	}
	return m.end()
}

// Flush tells the linked peers what has changed in our part since the last Flush, however often it changed, and how far theirs count
// with us. The caller calls it at the end of a turn, before data that depends on the changes is sent.
func (m *Machine) Flush(now int64, out []Effect) []Effect {
	if !m.Unsent() {
		return out
	}
	m.begin(now, out)
	if m.own.Version() != m.flushed {
		m.push()
	}
	m.sendAcks()
	return m.end()
}

func (m *Machine) begin(now int64, out []Effect) {
	m.now = max(m.now, now)
	m.out = out
	m.portion = m.cfg.Portion
}

func (m *Machine) end() []Effect {
	if m.heavier {
		m.maybeForgetSome()
	}
	if m.touched {
		m.touched = false
		m.arm()
	}
	out := m.out
	m.out = nil
	return out
}

func (m *Machine) emit(e Effect) { m.out = append(m.out, e) }

func (m *Machine) send(n *node, b []byte) {
	m.emit(Effect{Kind: FxControl, Name: n.name, Bytes: b})
}

// alarm reports what must not happen, at most once per node and comparison: a broken peer must not fill the log.
func (m *Machine) alarm(n *node, format string, args ...any) {
	if n.alarmAt != 0 && m.now-n.alarmAt < int64(m.cfg.CompareEvery) {
		return
	}
	n.alarmAt = max(m.now, 1)
	m.emit(Effect{Kind: FxAlarm, Name: n.name, Text: fmt.Sprintf(format, args...)})
}

func (m *Machine) propose(in *Input) {
	if !in.Add {
		m.own.Remove(in.Element)
	} else if _, err := m.own.Add(in.Element); err != nil {
		m.emit(Effect{Kind: FxRefused, Token: in.Token, Text: err.Error()})
		return
	}
	m.rootValid = false
	m.emit(Effect{Kind: FxApplied, Token: in.Token})
}

// push sends our part's news to all links. A turn that changed more than the log holds only tells its head: who wants, asks.
func (m *Machine) push() {
	frames, ok := m.deltaFrames(m.cfg.Name, m.own, m.flushed)
	if !ok {
		frames = [][]byte{appendHeads(nil, []head{m.ownHead()})}
	}
	m.flushed = m.own.Version()
	for _, n := range m.order {
		if !n.linked {
			continue
		}
		for _, f := range frames {
			m.send(n, f)
		}
		if ok {
			m.stats.DeltasOut += uint64(len(frames))
		}
	}
}

func (m *Machine) ownHead() head {
	return head{crdt.Head{Owner: m.cfg.Name, Life: m.own.Life(), Version: m.own.Version(), Hash: m.own.Hash()}, m.retired}
}

// node returns the record of a name, making one when there is room. It returns nil for our own name and for one that is no name.
func (m *Machine) node(name string) *node {
	if n := m.nodes[name]; n != nil {
		return n
	}
	if name == m.cfg.Name || name == "" || len(name) > NameBytesMax {
		return nil
	}
	if len(m.nodes) >= m.cfg.Nodes && !m.evict() {
		return nil
	}
	n := &node{name: name, state: Hidden, pathLost: m.now, hiddenAt: m.now}
	m.nodes[name] = n
	at, _ := slices.BinarySearchFunc(m.order, name, byName)
	m.order = slices.Insert(m.order, at, n)
	return n
}

func byName(n *node, name string) int { return strings.Compare(n.name, name) }

// evict makes room for a new name: who has been without a path for longest and is no member is forgotten altogether, with its buried
// lives and the version that was remembered.
func (m *Machine) evict() bool {
	var oldest *node
	for _, n := range m.order {
		if n.member() || n.swim == swimAlive && !n.retired || n.linked || n.routed() {
			continue
		}
		if oldest == nil || n.pathLost < oldest.pathLost {
			oldest = n
		}
	}
	if oldest == nil {
		return false
	}
	m.portion += len(oldest.tellings)
	m.tellOn(oldest) // nobody will know any more what is still to be taken back
	m.endSessions(oldest)
	m.becomeState(oldest, Forgotten)
	m.dropPart(oldest)
	delete(m.nodes, oldest.name)
	m.order = slices.DeleteFunc(m.order, func(n *node) bool { return n == oldest })
	return true
}

// tick does what is due.
func (m *Machine) tick() {
	m.armed = 0
	m.touched = true
	if m.rival != 0 {
		m.maybeReborn()
	}
	for _, n := range m.order {
		m.maybeHide(n)
		m.maybeGone(n)
		m.tellOn(n)
		m.expireFetch(n)
		m.maybeAsk(n)
	}
	m.maybeForgetSome()
	m.maybeCompare()
	m.expireServed()
	m.expireBarriers()
}

// arm tells the caller when the next tick is due, unless it knows.
func (m *Machine) arm() {
	next := m.deadline()
	if next == 0 || m.armed != 0 && m.armed <= next && m.armed > m.now {
		return
	}
	m.armed = next
	m.emit(Effect{Kind: FxWakeAt, At: next})
}

// deadline is the earliest time at which something is due, 0 for never.
func (m *Machine) deadline() (next int64) {
	due := func(at int64) {
		if next == 0 || at < next {
			next = max(at, 1)
		}
	}
	if m.rival != 0 {
		due(m.rebornAt + int64(m.cfg.RebirthEvery))
	}
	for _, n := range m.order {
		if n.linked {
			due(m.compareAt)
		}
		if at := m.dueStates(n); at != 0 {
			due(at)
		}
		if len(n.tellings) > 0 {
			due(m.now + 1) // the next turn
		}
		if n.fetch.active() {
			due(n.fetch.deadline)
		} else if n.member() && n.askAt > m.now && (n.distrust || n.behind()) {
			due(n.askAt)
		}
	}
	if m.barrierBy != 0 {
		due(m.barrierBy)
	}
	for _, s := range m.served {
		due(s.used + servedFor)
	}
	return next
}
