package dealer

import (
	"fmt"
	"testing"

	"kleeblatt/internal/wamp"

	"pgregory.net/rapid"
)

// P27, P20: any storm of calls, answers, cancels and deaths, with frames as late as they like, ends with no record anywhere and
// with exactly one final answer to each CALL whose caller lived to hear it.
func TestP27StormLeavesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		w.held = true
		var names []string
		join := func() {
			name := fmt.Sprint("s", len(names))
			names = append(names, name)
			node := rapid.IntRange(0, worldNodes-1).Draw(t, "node")
			w.join(name, node, rapid.Bool().Draw(t, "interruptible"), uint32(rapid.IntRange(0, 2).Draw(t, "limit")))
			if !w.nodes[node].up {
				w.sessions[name].gone = true
			}
		}
		some := func() *worldSession { return w.sessions[rapid.SampledFrom(names).Draw(t, "session")] }
		join()
		join()
		called := map[string]*worldSession{}
		requests := map[string]uint64{}
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			s := some()
			switch step := rapid.IntRange(0, 39).Draw(t, "step"); {
			case step < 4:
				join()
			case step < 14:
				callee := some()
				if s.gone || !w.nodes[callee.node].up {
					continue
				}
				requests[s.name]++
				called[fmt.Sprint(s.name, " ", requests[s.name])] = s
				w.call(s, requests[s.name], callee)
			case step < 28:
				w.deliver(rapid.IntRange(0, worldNodes-1).Draw(t, "from"), rapid.IntRange(0, worldNodes-1).Draw(t, "to"))
			case s.gone:
			case step < 34:
				what := rapid.SampledFrom([]string{"RESULT", "PROGRESS", "ERROR app"}).Draw(t, "what")
				w.answer(s, rapid.Uint64Range(0, 8).Draw(t, "invocation"), what)
			case step < 37:
				w.cancel(s, rapid.Uint64Range(0, 6).Draw(t, "request"), wamp.CancelMode(rapid.IntRange(0, 2).Draw(t, "mode")))
			case step < 39:
				w.leave(s)
			default:
				if node := rapid.IntRange(0, worldNodes-1).Draw(t, "lost"); w.nodes[node].up {
					w.lose(node)
				}
			}
		}
		// Every callee answers what it still has to, or leaves.
		w.held = false
		w.flow()
		for _, name := range names {
			s := w.sessions[name]
			if s.gone {
				continue
			}
			if rapid.Bool().Draw(t, "leaves") {
				w.leave(s)
				continue
			}
			invs := w.nodes[s.node].invs
			for id := range invs.Issued(s.slot) {
				w.answer(s, id+1, "RESULT")
			}
		}
		if calls, invocations := w.records(); calls != 0 || invocations != 0 {
			t.Fatalf("left over: %d calls, %d invocations", calls, invocations)
		}
		for _, n := range w.nodes {
			if n.up {
				wantEmptyCalls(t, n.calls)
				wantEmptyInvocations(t, n.invs)
			}
		}
		for call, s := range called {
			if n := w.finals[call]; n > 1 || n == 0 && !s.gone {
				t.Fatalf("%s has %d final answers", call, n)
			}
		}
	})
}
