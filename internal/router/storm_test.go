package router

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"kleeblatt/dealer"
	"kleeblatt/internal/wamp"
)

// stormClient is a client that knows what it may get.
type stormClient struct {
	*testConn
	t        testing.TB
	request  uint64
	pending  map[uint64]string  // request → "subscribe", …, without calls
	calls    map[uint64]bool    // request → progress asked for
	subs     map[uint64]bool    // held
	regs     map[uint64]bool    // held
	invoked  map[uint64]bool    // invocations that wait for an answer
	lastInv  uint64             // IDS-07
	seen     map[string]float64 // publisher → newest number got, over all subscriptions (PUB-10)
	seenSub  map[string]float64 // publisher and subscription → the same (no duplicates)
	of       map[uint64]string  // request of a call in parts → procedure
	parts    map[uint64]int     // request of a call in parts → number of the next one
	running  map[uint64]int     // invocation in parts → number of the next one
	finals   int
	inParts  int // INVOCATIONs that were not the first of their call
	events   int
	goodbyes bool
	knows    bool // all features of calls
}

type storm struct {
	*testCluster
	r       *rand.Rand
	clients []*stormClient
	number  float64
}

// TestStormP8P20P27 lets clients do anything at any time in clusters of several shapes whose queues are shuffled, and holds every message
// against what its receiver may get: one answer per request, one final answer per call (CAL-04, P20), events in order and none twice
// (PUB-10, P8), nothing before SUBSCRIBED or behind UNSUBSCRIBED (PUB-11, PUB-13), invocations in sequence (IDS-07) and not
// before REGISTERED (CAL-07). At the end nothing is left (P27).
func TestStormP8P20P27(t *testing.T) {
	shapes := [][2]int{{1, 1}, {1, 3}, {2, 1}, {2, 2}, {3, 2}}
	all := 0
	for seed := uint64(1); seed <= 80; seed++ {
		shape := shapes[seed%uint64(len(shapes))]
		t.Run(fmt.Sprintf("%dx%d seed %d", shape[0], shape[1], seed), func(t *testing.T) {
			s := &storm{testCluster: newCluster(t, shape[0], shape[1], seed, Limits{}), r: rand.New(rand.NewPCG(seed, 99))}
			for range 400 {
				s.now += 1e6
				s.act()
				for range s.r.IntN(8) {
					s.step()
				}
			}
			s.settle()
			for _, c := range s.clients {
				c.atRest()
			}
			s.balanced()
			s.answerAll()
			events, finals, parts := 0, 0, 0
			for _, c := range s.clients {
				if !c.closed && len(c.calls) > 0 {
					t.Errorf("%s: %d calls have no answer", c.name, len(c.calls))
				}
				events += c.events
				finals += c.finals
				parts += c.inParts
			}
			if events < 8 || finals < 8 {
				t.Errorf("a calm storm: %d events, %d calls", events, finals)
			}
			all += parts
			s.dropAll()
			s.checkEmpty()
		})
	}
	if all < 100 {
		t.Errorf("%d parts of calls in all storms", all)
	}
}

// balanced: at rest each pending call has its invocation, and each invocation its call.
func (s *storm) balanced() {
	calls, invocations := 0, 0
	for _, n := range s.nodes {
		for _, w := range n.workers {
			calls += w.caller.Len()
			invocations += w.callee.Len()
			for slot := range w.sessions {
				kept := uint32(0)
				w.caller.EachOfSession(dealer.Slot(slot), func(c *dealer.Call) bool {
					if c.Offered || c.Waits {
						s.t.Errorf("call %d still waits for a callee to take it", c.Request)
					}
					kept += c.Kept
					return true
				})
				if x := &w.sessions[slot]; x.state == stateOpen && x.kept != kept {
					s.t.Errorf("session %d keeps %d bytes, and is counted for %d", x.id, kept, x.kept)
				}
				if x := &w.sessions[slot]; x.state == stateOpen && x.pauses > 0 {
					s.t.Errorf("session %d is not read", x.id)
				}
			}
		}
	}
	if calls != invocations {
		s.t.Errorf("%d calls, %d invocations", calls, invocations)
	}
}

func (s *storm) join() {
	n := s.r.IntN(len(s.nodes))
	c := &stormClient{
		t: s.t, pending: map[uint64]string{}, calls: map[uint64]bool{}, of: map[uint64]string{}, parts: map[uint64]int{}, running: map[uint64]int{}, subs: map[uint64]bool{}, regs: map[uint64]bool{},
		invoked: map[uint64]bool{}, seen: map[string]float64{}, seenSub: map[string]float64{},
	}
	c.testConn = s.open(fmt.Sprint("c", len(s.clients)), n, s.r.IntN(len(s.nodes[n].workers)), allSerializers[s.r.IntN(3)], 0)
	c.got = c.onMessage
	s.clients = append(s.clients, c)
	details := []string{allFeatures, noFeatures, everyFeature, everyFeature}[s.r.IntN(4)]
	c.knows = details == everyFeature
	c.send(fmt.Sprintf(`[1,"r",%s]`, details))
}

func pickKey[V any](r *rand.Rand, m map[uint64]V) (uint64, bool) {
	if len(m) == 0 {
		return 0, false
	}
	least, found := uint64(0), false
	start := r.Uint64()
	for k := range m { // the key next to a random point: does not depend on the map's order
		if !found || k-start < least-start {
			least, found = k, true
		}
	}
	return least, true
}

// act lets a random client do a random thing.
func (s *storm) act() {
	what := s.r.IntN(100)
	if what < 6 || len(s.clients) == 0 {
		s.join()
		return
	}
	c := s.clients[s.r.IntN(len(s.clients))]
	if c.closed {
		return
	}
	one := func(of ...string) string { return of[s.r.IntN(len(of))] }
	ask := func(kind, format string, args ...any) {
		c.request++
		if kind == "call" {
			c.calls[c.request] = true
		} else if kind != "" {
			c.pending[c.request] = kind
		}
		c.send(fmt.Sprintf(format, append([]any{c.request}, args...)...))
	}
	switch {
	case what < 8:
		s.drop(c.testConn)
	case what < 9:
		c.goodbyes = true
		c.send(`[6,{},"wamp.close.normal"]`)
	case what < 10:
		c.sendRaw([]byte{0xc1})
	case what < 22:
		ask("subscribe", `[32,%d,{"match":%q},%q]`, one("exact", "exact", "prefix", "wildcard"), one("a", "a.b", "b.c"))
	case what < 26:
		if id, ok := pickKey(s.r, c.subs); ok {
			ask("unsubscribe", `[34,%d,%d]`, id)
			delete(c.subs, id) // events may still come until UNSUBSCRIBED, which comes within this very step
		}
	case what < 50:
		s.number++
		ask("", `[16,%d,{"exclude_me":%s},%q,[%q,%v]]`, one("true", "false"), one("a", "a.b", "b.c"), c.name, s.number)
	case what < 58:
		ask("register", `[64,%d,{"invoke":%q,"concurrency":%d},%q]`, one("single", "roundrobin", "first"), s.r.IntN(3), one("p", "q", "r"))
	case what < 61:
		if id, ok := pickKey(s.r, c.regs); ok {
			delete(c.regs, id)
			ask("unregister", `[66,%d,%d]`, id)
		}
	case what < 66 && c.knows:
		procedure := one("p", "q", "r")
		c.parts[c.request+1] = 1
		ask("call", `[48,%d,{"progress":true,"receive_progress":true,"timeout":%d,"ppt_scheme":"any"},%q,[0]]`, one2(s.r, 0, 50), procedure)
		c.of[c.request] = procedure
		for range s.r.IntN(4) { // at once
			s.part(c, c.request)
		}
	case what < 73 && c.knows:
		if id, ok := pickKey(s.r, c.parts); ok {
			s.part(c, id)
		}
	case what < 80:
		ask("call", `[48,%d,{"receive_progress":true,"timeout":%d},%q,[0]]`, one2(s.r, 0, 50), one("p", "q", "r"))
	case what < 84:
		if id, ok := pickKey(s.r, c.calls); ok {
			c.send(fmt.Sprintf(`[49,%d,{"mode":%q}]`, id, one("skip", "kill", "killnowait")))
		}
	case what < 97:
		s.answer(c)
	case what < 98:
		s.everyWorker(Input{Kind: InTick})
	case what < 99:
		s.lose(InNodeLost)
	default:
		s.lose(InNodeUp)
	}
}

// part sends a further part of a call, whether it is over or not: the client may not know.
func (s *storm) part(c *stormClient, request uint64) {
	n, open := c.parts[request]
	if !open {
		return
	}
	c.parts[request]++
	more := s.r.IntN(4) > 0
	if !more {
		delete(c.parts, request)
	}
	c.send(fmt.Sprintf(`[48,%d,{"progress":%v},%q,[%d]]`, request, more, c.of[request], n))
}

func one2(r *rand.Rand, a, b int) int {
	if r.IntN(2) == 0 {
		return a
	}
	return b
}

func (s *storm) answer(c *stormClient) {
	id, ok := pickKey(s.r, c.invoked)
	if !ok {
		return
	}
	switch s.r.IntN(5) {
	case 0:
		c.send(fmt.Sprintf(`[70,%d,{"progress":true},[1]]`, id))
	case 4:
		delete(c.invoked, id)
		c.send(fmt.Sprintf(`[8,68,%d,{},"wamp.error.unavailable"]`, id))
	case 1:
		delete(c.invoked, id)
		c.send(fmt.Sprintf(`[8,68,%d,{},"an.error"]`, id))
	default:
		delete(c.invoked, id)
		c.send(fmt.Sprintf(`[70,%d,{},[1]]`, id))
	}
}

// answerAll lets every callee answer what it was asked, until nobody gives a call to another one any more.
func (s *storm) answerAll() {
	for again := true; again; {
		again = false
		for _, c := range s.clients {
			for len(c.invoked) > 0 && !c.closed {
				s.answer(c)
				s.settle()
				again = true
			}
		}
	}
}

// atRest: every request but calls has its answer when nothing moves.
func (c *stormClient) atRest() {
	if !c.closed && len(c.pending) > 0 {
		c.t.Errorf("%s: no answer to %v", c.name, c.pending)
	}
}

func (c *stormClient) onMessage(kind string, msg []byte) {
	if kind != "" {
		return // closed, paused: the wiring checks that nothing comes behind
	}
	var m []any
	if err := json.Unmarshal([]byte(c.text("", msg)), &m); err != nil {
		c.t.Errorf("%s got what is no message: %s", c.name, msg)
		return
	}
	num := func(i int) uint64 { return uint64(m[i].(float64)) }
	answers := func(kind string, request uint64) {
		if c.pending[request] != kind {
			c.t.Errorf("%s: an answer to %q that was not asked: %v", c.name, kind, m)
		}
		delete(c.pending, request)
	}
	switch wamp.MessageType(num(0)) {
	case wamp.Welcome, wamp.Goodbye, wamp.Abort:
	case wamp.Subscribed:
		answers("subscribe", num(1))
		c.subs[num(2)] = true
	case wamp.Unsubscribed:
		answers("unsubscribe", num(1))
	case wamp.Registered:
		answers("register", num(1))
		c.regs[num(2)] = true
	case wamp.Unregistered:
		answers("unregister", num(1))
	case wamp.Event:
		c.onEvent(num(1), m[4].([]any))
	case wamp.Invocation:
		if c.isPart(num(1), m) {
			return
		}
		if c.lastInv++; num(1) != c.lastInv {
			c.t.Errorf("%s: invocation %d behind %d", c.name, num(1), c.lastInv-1)
		}
		if !c.regs[num(2)] {
			c.t.Errorf("%s: invoked for a registration that it does not have: %v", c.name, m)
		}
		c.invoked[num(1)] = true
	case wamp.Interrupt:
		if num(1) > c.lastInv {
			c.t.Errorf("%s: interrupted before it was invoked: %v", c.name, m)
		}
	case wamp.Result:
		c.onAnswer(num(1), m[2].(map[string]any)["progress"] == true)
	case wamp.Error:
		if t := wamp.MessageType(num(1)); t == wamp.Call {
			c.onAnswer(num(2), false)
		} else {
			answers(map[wamp.MessageType]string{
				wamp.Subscribe: "subscribe", wamp.Register: "register", wamp.Unsubscribe: "unsubscribe", wamp.Unregister: "unregister",
			}[t], num(2))
		}
	default:
		c.t.Errorf("%s: what is this: %v", c.name, m)
	}
}

// isPart checks the parts of a call: all under one id, in order, none missing, with the first one's options (PCI-01, PCI-04, PCI-10).
func (c *stormClient) isPart(id uint64, m []any) bool {
	details, n := m[3].(map[string]any), int(m[4].([]any)[0].(float64))
	want, running := c.running[id]
	if n != want || id <= c.lastInv != running || running && details["ppt_scheme"] != "any" || (details["progress"] == true || running) && !c.knows {
		c.t.Errorf("%s: part %d instead of %d of invocation %d: %v", c.name, n, want, id, m)
	}
	if running {
		c.inParts++
	}
	if c.running[id]++; details["progress"] != true {
		delete(c.running, id)
	}
	return running
}

func (c *stormClient) onEvent(sub uint64, args []any) {
	c.events++
	if !c.subs[sub] {
		c.t.Errorf("%s: an event of a subscription that it does not have", c.name)
	}
	from, n := args[0].(string), args[1].(float64)
	if n < c.seen[from] {
		c.t.Errorf("%s: number %v of %s behind %v", c.name, n, from, c.seen[from])
	}
	c.seen[from] = n
	of := fmt.Sprint(from, " ", sub)
	if n <= c.seenSub[of] {
		c.t.Errorf("%s: number %v of %s twice in one subscription", c.name, n, from)
	}
	c.seenSub[of] = n
}

func (c *stormClient) onAnswer(request uint64, progress bool) {
	if !c.calls[request] {
		c.t.Errorf("%s: an answer to call %d, which is over", c.name, request)
	}
	if !progress {
		delete(c.calls, request)
		c.finals++
	}
}
