package dealer

import (
	"fmt"

	"kleeblatt/internal/wamp"
)

// world is the least router around the books: a few nodes of one worker each, with sessions, and frames in order between any
// two nodes. What clients see is told in log. Stories and storms run it.
type world struct {
	nodes    [worldNodes]*worldNode
	sessions map[string]*worldSession
	links    [worldNodes][worldNodes][]worldFrame
	held     bool // frames wait
	log      []string
	finals   map[string]int // "A 1" → how many final answers that CALL had
}

const worldNodes = 3

// numberOf is a node's number in the books of all: 0 would be a book's own node, which is not lost. nodeOf is its inverse.
func numberOf(node uint8) uint8 { return node + 1 }
func nodeOf(number uint8) uint8 { return number - 1 }

type worldNode struct {
	calls *Calls
	invs  *Invocations
	slots map[Slot]*worldSession
	up    bool
}

type worldSession struct {
	name          string
	id            uint64
	node          uint8
	slot          Slot
	interruptible bool
	gone          bool
	limit         uint32
}

type worldFrame struct {
	kind         string // invoke, answer, refuse, cancel
	call         uint64 // Call.ID on the caller's node
	caller       uint64
	callee       *worldSession
	registration uint64
	what         string // of an answer: RESULT, PROGRESS or an error
	mode         wamp.CancelMode
}

func newWorld() *world {
	w := &world{sessions: map[string]*worldSession{}, finals: map[string]int{}}
	for n := range w.nodes {
		w.start(n)
	}
	return w
}

func (w *world) start(n int) {
	w.nodes[n] = &worldNode{calls: NewCalls(uint64(n) << 50), invs: NewInvocations(uint64(n)), slots: map[Slot]*worldSession{}, up: true}
}

func (w *world) tell(s *worldSession, format string, args ...any) {
	if !s.gone {
		w.log = append(w.log, s.name+" < "+fmt.Sprintf(format, args...))
	}
}

// join seats a session in the lowest free slot of its node.
func (w *world) join(name string, node int, interruptible bool, limit uint32) {
	n := w.nodes[node]
	slot := Slot(0)
	for n.slots[slot] != nil {
		slot++
	}
	s := &worldSession{name: name, id: uint64(len(w.sessions) + 1), node: uint8(node), slot: slot, interruptible: interruptible, limit: limit}
	n.slots[slot] = s
	w.sessions[name] = s
}

func (w *world) send(from, to uint8, f worldFrame) {
	if w.nodes[from].up && w.nodes[to].up {
		w.links[from][to] = append(w.links[from][to], f)
	}
	if !w.held {
		w.flow()
	}
}

// flow delivers frames until there are none.
func (w *world) flow() {
	for again := true; again; {
		again = false
		for from := range w.links {
			for to := range w.links[from] {
				again = w.deliver(from, to) || again
			}
		}
	}
}

func (w *world) deliver(from, to int) bool {
	l := &w.links[from][to]
	if len(*l) == 0 {
		return false
	}
	f := (*l)[0]
	*l = (*l)[1:]
	w.receive(uint8(from), uint8(to), f)
	return true
}

func (w *world) call(s *worldSession, request uint64, callee *worldSession) {
	calls := w.nodes[s.node].calls
	c, dup := calls.Open(s.slot, request)
	if dup {
		w.log = append(w.log, s.name+": the request is under way")
		return
	}
	calls.Bind(c, numberOf(callee.node), callee.id, 7)
	w.send(s.node, callee.node, worldFrame{kind: "invoke", call: c.ID, caller: s.id, callee: callee, registration: 7})
}

func (w *world) final(s *worldSession, request uint64, what string) {
	w.finals[fmt.Sprint(s.name, " ", request)]++
	w.tell(s, "%s %d", what, request)
}

func (w *world) receive(from, to uint8, f worldFrame) {
	n := w.nodes[to]
	switch f.kind {
	case "invoke":
		if f.callee.gone {
			w.send(to, from, worldFrame{kind: "answer", call: f.call, what: "ERROR canceled"})
			return
		}
		switch v, how := n.invs.Open(f.callee.slot, Origin{numberOf(from), 0, f.call, f.caller}, f.registration, f.callee.limit); how {
		case Opened:
			w.tell(f.callee, "INVOCATION %d", v.ID)
		case AtLimit:
			w.send(to, from, worldFrame{kind: "answer", call: f.call, what: "ERROR unavailable"})
		}
	case "answer":
		c := n.calls.FindByID(f.call)
		if c == nil {
			w.log = append(w.log, "a late answer is dropped")
			return
		}
		s := n.slots[c.Caller]
		if f.what == "PROGRESS" {
			w.tell(s, "PROGRESS %d", c.Request)
			return
		}
		request := c.Request
		n.calls.Close(c)
		w.final(s, request, f.what)
	case "cancel":
		v := n.invs.FindByOrigin(numberOf(from), 0, f.call)
		if v == nil {
			return
		}
		s := n.slots[v.Callee]
		switch was, what := n.invs.Cancel(v, f.mode, s.interruptible); what {
		case Interrupt:
			w.tell(s, "INTERRUPT %d %v", was.ID, f.mode)
		case AnswerCanceled:
			w.send(to, nodeOf(was.Node), worldFrame{kind: "answer", call: was.Call, what: "ERROR canceled"})
		}
	}
}

func (w *world) answer(s *worldSession, id uint64, what string) {
	invs := w.nodes[s.node].invs
	switch v, verdict := invs.Judge(s.slot, id); verdict {
	case Running:
		f := worldFrame{kind: "answer", call: v.Call, what: what}
		to := nodeOf(v.Node)
		if what != "PROGRESS" {
			invs.Close(v)
		}
		w.send(s.node, to, f)
	case Late:
		w.log = append(w.log, s.name+": discarded")
	case NotIssued:
		w.log = append(w.log, s.name+": protocol violation")
	}
}

func (w *world) cancel(s *worldSession, request uint64, mode wamp.CancelMode) {
	was, what := w.nodes[s.node].calls.Cancel(s.slot, request, mode)
	if what == NotCancelled {
		return
	}
	if what == CancelNow {
		w.final(s, request, "ERROR canceled")
	}
	w.send(s.node, nodeOf(was.Node), worldFrame{kind: "cancel", call: was.ID, mode: mode})
}

func (w *world) leave(s *worldSession) {
	n := w.nodes[s.node]
	s.gone = true
	n.calls.DropSession(s.slot, func(c Call) {
		w.send(s.node, nodeOf(c.Node), worldFrame{kind: "cancel", call: c.ID, mode: wamp.KillNoWait})
	})
	n.invs.DropSession(s.slot, func(v Invocation) {
		w.send(s.node, nodeOf(v.Node), worldFrame{kind: "answer", call: v.Call, what: "ERROR canceled"})
	})
	delete(n.slots, s.slot)
}

// lose ends a node: its sessions are gone with it, nothing of or for it arrives any more, and the others notice.
func (w *world) lose(lost int) {
	w.nodes[lost].up = false
	for _, s := range w.sessions {
		if int(s.node) == lost {
			s.gone = true
		}
	}
	for n := range w.nodes {
		w.links[n][lost], w.links[lost][n] = nil, nil
		if n == lost || !w.nodes[n].up {
			continue
		}
		w.nodes[n].calls.DropNode(numberOf(uint8(lost)), func(c Call) {
			w.final(w.nodes[n].slots[c.Caller], c.Request, "ERROR canceled")
		})
		w.nodes[n].invs.DropNode(numberOf(uint8(lost)), func(v Invocation) {
			if s := w.nodes[n].slots[v.Callee]; s.interruptible {
				w.tell(s, "INTERRUPT %d killnowait", v.ID)
			}
		})
	}
}

// records is how many there are on the nodes that are up.
func (w *world) records() (calls, invocations int) {
	for _, n := range w.nodes {
		if n.up {
			calls += n.calls.Len()
			invocations += n.invs.Len()
		}
	}
	return calls, invocations
}
