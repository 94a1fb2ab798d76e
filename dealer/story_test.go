package dealer

import (
	"fmt"
	"strings"
	"testing"

	"kleeblatt/internal/house/stories"
	"kleeblatt/internal/wamp"
)

// A story is a text file of commands, each followed by its answers, two spaces indented; '#' begins a comment. What the
// commands are is said by the function that acts them.
func runStories(t *testing.T, pattern string, actor func() func(words []string) []string) {
	stories.Play(t, pattern, func(_ *testing.T, told string) string { return stories.Answers(told, actor()) })
}

func number(s string) (n uint64) {
	if _, err := fmt.Sscan(s, &n); err != nil {
		panic("no number: " + s)
	}
	return n
}

// The commands of testdata/index:
//
//	register CALLEE INVOKE MATCH PROCEDURE [node N] [order N]       callees are single letters; order is else by arrival
//	unregister CALLEE MATCH PROCEDURE [node N]
//	lost NODE
//	call PROCEDURE [without CALLEES] [times N] [random N]
func TestIndexStories(t *testing.T) {
	runStories(t, "testdata/index/*.txt", func() func([]string) []string {
		s := indexStory{}
		return s.act
	})
}

type indexStory struct {
	x     *Index
	clock uint64
}

func (s *indexStory) act(cmd []string) []string {
	opt := func(name string, deflt string) string {
		for i := 0; i+1 < len(cmd); i++ {
			if cmd[i] == name {
				return cmd[i+1]
			}
		}
		return deflt
	}
	key := func(match, procedure string) Key {
		m, ok := wamp.ParseMatch([]byte(match))
		if !ok {
			panic("no match policy: " + match)
		}
		return Key{m, strings.Trim(procedure, `"`)}
	}
	node := uint8(number(opt("node", "0")))
	switch cmd[0] {
	case "register":
		invoke, ok := wamp.ParseInvoke([]byte(cmd[2]))
		if !ok {
			panic("no invocation policy: " + cmd[2])
		}
		s.clock += 10
		order := number(opt("order", fmt.Sprint(s.clock)))
		c := Callee{Node: node, NodeName: fmt.Sprint("node", node), Session: uint64(cmd[1][0]), Order: order}
		s.x = s.x.WithCallee(key(cmd[3], cmd[4]), s.clock, invoke, c)
	case "unregister":
		s.x = s.x.WithoutCallee(key(cmd[2], cmd[3]), node, uint64(cmd[1][0]))
	case "lost":
		s.x = s.x.WithoutNode(uint8(number(cmd[1])))
	case "call":
		r := s.x.Match([]byte(cmd[1]))
		if r == nil {
			return []string{"no such procedure"}
		}
		without := opt("without", "")
		line := ""
		for range number(opt("times", "1")) {
			c := r.Pick(number(opt("random", "0")), func(c *Callee) bool { return !strings.ContainsRune(without, rune(c.Session)) })
			if c == nil {
				line += "-"
			} else {
				line += string(rune(c.Session))
			}
		}
		return []string{fmt.Sprintf("%v %q %v: %s", r.Match, r.Procedure, r.Invoke, line)}
	default:
		panic("no such command: " + cmd[0])
	}
	return nil
}

// The commands of testdata/calls:
//
//	session NAME NODE [uninterruptible] [limit N]
//	call CALLER REQUEST CALLEE
//	yield CALLEE INVOCATION     progress CALLEE INVOCATION     error CALLEE INVOCATION
//	cancel CALLER REQUEST MODE
//	leave NAME                  lost NODE
//	hold, flow                  frames wait from now on; they go on
//	records
func TestCallStories(t *testing.T) {
	runStories(t, "testdata/calls/*.txt", func() func([]string) []string {
		w := newWorld()
		return w.act
	})
}

func (w *world) act(cmd []string) []string {
	w.log = nil
	rest := strings.Join(cmd, " ")
	switch cmd[0] {
	case "session":
		limit := uint32(0)
		if i := strings.Index(rest, "limit "); i >= 0 {
			limit = uint32(number(rest[i+6:]))
		}
		w.join(cmd[1], int(number(cmd[2])), !strings.Contains(rest, "uninterruptible"), limit)
	case "call":
		w.call(w.sessions[cmd[1]], number(cmd[2]), w.sessions[cmd[3]])
	case "yield":
		w.answer(w.sessions[cmd[1]], number(cmd[2]), "RESULT")
	case "progress":
		w.answer(w.sessions[cmd[1]], number(cmd[2]), "PROGRESS")
	case "error":
		w.answer(w.sessions[cmd[1]], number(cmd[2]), "ERROR app.oops")
	case "cancel":
		mode, ok := wamp.ParseCancelMode([]byte(cmd[3]))
		if !ok {
			panic("no mode: " + cmd[3])
		}
		w.cancel(w.sessions[cmd[1]], number(cmd[2]), mode)
	case "leave":
		w.leave(w.sessions[cmd[1]])
	case "lost":
		w.lose(int(number(cmd[1])))
	case "hold":
		w.held = true
	case "flow":
		w.held = false
		w.flow()
	case "records":
		calls, invocations := w.records()
		w.log = append(w.log, fmt.Sprintf("%d calls, %d invocations", calls, invocations))
	default:
		panic("no such command: " + cmd[0])
	}
	return w.log
}
