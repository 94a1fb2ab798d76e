package link

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/house/stories"
)

// TestRelayStories plays testdata/relay/*.txt: as TestStories, with several nodes and paths that are cut one way at a time.
func TestRelayStories(t *testing.T) {
	stories.Play(t, "testdata/relay/*.txt", func(t *testing.T, told string) string {
		st := &meshStory{t: t}
		for line := range strings.Lines(told) {
			line = strings.TrimRight(line, "\n")
			if strings.HasPrefix(line, "  ") {
				continue
			}
			fmt.Fprintln(&st.out, line)
			if words, ok := strings.CutPrefix(line, "> "); ok {
				st.command(strings.Fields(words))
			}
		}
		return st.out.String()
	})
}

type meshStory struct {
	t     *testing.T
	w     *mesh
	start int64
	out   bytes.Buffer
}

func (st *meshStory) command(words []string) {
	args := words[1:]
	switch words[0] {
	case "nodes": // a b c, old=c for one that knows no relays
		st.nodes(args)
	case "run":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			st.t.Fatal(err)
		}
		st.w.run(int64(d))
	case "cut", "mend": // a b, or a>b for one way
		on := words[0] == "cut"
		if from, to, ok := strings.Cut(args[0], ">"); ok {
			st.w.cut(from, to, on)
		} else {
			st.w.cutBoth(args[0], args[1], on)
		}
	case "full", "roomy": // c b: c's connection to b takes nothing (or something again) of others
		st.w.node(args[0]).full[args[1]] = words[0] == "full"
	case "delay": // a c 20ms, one way
		d, _ := time.ParseDuration(args[2])
		st.w.delay[[2]string{args[0], args[1]}], st.w.delay[[2]string{args[1], args[0]}] = int64(d), int64(d)
	case "call": // a b
		st.w.node(args[0]).number(args[1], 0, 100, true)
		st.w.run(0)
	case "send": // a b n
		n := 0
		fmt.Sscan(args[2], &n)
		for range n {
			st.w.node(args[0]).publish(args[1], 0, 100)
		}
		st.w.run(0)
	case "links":
		st.say("%s", strings.TrimSpace(st.w.links()))
	case "carried":
		s := st.w.node(args[0]).d.Stats()
		st.say("%s passed on some: %v, refused some: %v", args[0], s.Frames > 0, s.Refused+s.Crowded > 0)
	case "arrived":
		st.say("%s has %d from %s", args[1], st.w.node(args[1]).got[args[0]][1], args[0])
	default:
		st.t.Fatalf("unknown command %q", words[0])
	}
}

func (st *meshStory) nodes(args []string) {
	var names, old []string
	for _, a := range args {
		if o, ok := strings.CutPrefix(a, "old="); ok {
			old = append(old, o)
		} else {
			names = append(names, a)
		}
	}
	st.w = newMesh(func(self, _ string, c *Config) { c.Relay = !slices.Contains(old, self) }, names...)
	st.w.fail = st.t.Fatalf
	st.start = st.w.now
	for _, n := range st.w.nodes {
		n.on = func(peer string, e *Effect) { st.effect(n, peer, e) }
	}
	st.w.meet()
}

func (st *meshStory) say(format string, a ...any) {
	fmt.Fprintf(&st.out, "  %8.1f ms  %s\n", float64(st.w.now-st.start)/1e6, fmt.Sprintf(format, a...))
}

func (st *meshStory) effect(n *meshNode, peer string, e *Effect) {
	who := n.name + ">" + peer
	switch e.Kind {
	case FxUp:
		by := "directly"
		if via := n.d.Via(e.Conn); via != "" {
			by = "over " + via
		}
		st.say("%s UP %s, resumed %v", who, by, e.Resumed)
	case FxDetour:
		st.say("%s looks for a neighbour", who)
	case FxSuspect:
		st.say("%s SUSPECT%s", who, map[bool]string{true: ", it does not hear us"}[n.m[peer].unheard])
	case FxCallsFail:
		st.say("%s CALLS FAIL", who)
	case FxLost:
		st.say("%s LOST %d", who, e.Lost)
	case FxDown:
		st.say("%s DOWN: %s", who, e.Text)
	case FxClose:
		if e.Conn&VirtualConn != 0 {
			st.say("%s closes the virtual connection: %s", who, e.Text)
		}
	}
}
