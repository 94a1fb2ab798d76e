package link

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/house/stories"
)

// TestStories plays testdata/*.txt: lines with > are commands, the indented lines below are what both ends are told to do.
func TestStories(t *testing.T) {
	stories.Play(t, "testdata/*.txt", func(t *testing.T, told string) string { return string(playStory(t, told)) })
}

type story struct {
	t     *testing.T
	s     *sim
	a, b  *simNode
	start int64
	out   bytes.Buffer
}

func playStory(t *testing.T, text string) []byte {
	st := &story{t: t}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "> "):
			fmt.Fprintln(&st.out, line)
			st.command(strings.Fields(line[2:]))
		case strings.HasPrefix(line, "  "):
		default:
			fmt.Fprintln(&st.out, line)
		}
	}
	return st.out.Bytes()
}

// args splits words into plain ones and key=value.
func args(words []string) (plain []string, set map[string]string) {
	set = map[string]string{}
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok {
			set[k] = v
		} else {
			plain = append(plain, w)
		}
	}
	return plain, set
}

func (st *story) number(s string, def int) int {
	if s == "" {
		return def
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		st.t.Fatalf("number %q: %v", s, err)
	}
	return n
}

func (st *story) node(name string) *simNode {
	n := st.s.nodes[name]
	if n == nil {
		st.t.Fatalf("no node %q", name)
	}
	return n
}

// nodes a.key=… b.name=… begins a world of two.
func (st *story) nodes(set map[string]string) {
	st.s = newSim()
	st.s.say = st.say
	st.s.fail = st.t.Fatalf
	st.start = st.s.now
	cfg := map[string]*Config{}
	for _, n := range []string{"a", "b"} {
		c := testConfig(n, map[string]string{"a": "b", "b": "a"}[n])
		cfg[n] = &c
	}
	for k, v := range set {
		n, field, _ := strings.Cut(k, ".")
		c := cfg[n]
		switch field {
		case "key":
			c.Key = []byte(v)
		case "cluster":
			c.Cluster = v
		case "name":
			c.Self = v
		case "versions":
			lo, hi, _ := strings.Cut(v, "-")
			c.VersionMin, c.VersionMax = uint8(st.number(lo, 1)), uint8(st.number(hi, 1))
		case "dials":
			c.Dialer = v == "yes"
		case "window":
			c.Window = st.number(v, 0)
			c.MaxMessage = c.Window / 2
		case "pause":
			c.Pause = st.number(v, 0)
		default:
			st.t.Fatalf("unknown setting %q", k)
		}
	}
	st.a, st.b = st.s.addPair(*cfg["a"], *cfg["b"])
	st.a.onEffect = func(e *Effect) { st.effect(st.a, e) }
	st.b.onEffect = func(e *Effect) { st.effect(st.b, e) }
}

func (st *story) command(words []string) {
	plain, set := args(words[1:])
	arg := func(i int) string {
		if i < len(plain) {
			return plain[i]
		}
		return ""
	}
	switch words[0] {
	case "nodes":
		st.nodes(set)
	case "run":
		d, err := time.ParseDuration(arg(0))
		if err != nil {
			st.t.Fatal(err)
		}
		st.s.run(int64(d))
	case "network":
		st.s.refuse, st.s.hole = arg(0) == "refuses", arg(0) == "swallows"
	case "cut":
		cutAll(st.s)
		st.s.run(0)
	case "state":
		for _, n := range []*simNode{st.a, st.b} {
			st.say("%s is %v", n.name, n.m.State())
		}
	case "stats":
		st.stats(st.node(arg(0)), plain[1:])
	default:
		st.nodeCommand(words[0], st.node(arg(0)), plain[1:], set)
		st.s.run(0)
	}
}

func (st *story) nodeCommand(what string, n *simNode, plain []string, set map[string]string) {
	word := strings.Join(plain, " ")
	switch what {
	case "member":
		n.input(Input{Kind: InMember, Alive: word == "alive"})
	case "dial":
		st.s.connect(n)
	case "send":
		in := Input{Kind: InData, Lane: uint64(st.number(set["lane"], 1) - 1), Call: set["kind"] == "call", Event: set["kind"] == "event"}
		for i := range st.number(set["n"], 1) {
			in.Bytes = []byte(word)
			if st.number(set["n"], 1) > 1 {
				in.Bytes = fmt.Appendf(nil, "%s%d", word, i+1)
			}
			in.Bytes = append(in.Bytes, make([]byte, max(0, st.number(set["size"], 0)-len(in.Bytes)))...)
			n.input(in)
		}
	case "control":
		n.input(Input{Kind: InControl, Bytes: []byte(word)})
	case "version":
		n.input(Input{Kind: InVersion, Version: uint64(st.number(word, 0))})
	case "reached":
		n.input(Input{Kind: InReached, Version: uint64(st.number(word, 0))})
	case "credit":
		n.input(Input{Kind: InCredit, On: word == "on"})
	case "retire":
		n.input(Input{Kind: InRetire})
	case "stall":
		n.stalled = true
	case "wake":
		n.resume()
	case "restart":
		n.restart(Life{Epoch: n.cfg.Life.Epoch + 1, Nonce: n.cfg.Life.Nonce})
	case "forget":
		n.restart(Life{Epoch: n.cfg.Life.Epoch - 1, Nonce: n.cfg.Life.Nonce})
	default:
		st.t.Fatalf("unknown command %q", what)
	}
}

func (st *story) say(format string, a ...any) {
	fmt.Fprintf(&st.out, "  %8.1f ms  %s\n", float64(st.s.now-st.start)/1e6, fmt.Sprintf(format, a...))
}

func (st *story) stats(n *simNode, names []string) {
	s := n.m.Stats()
	all := map[string]uint64{
		"lost": s.Lost, "peerlost": s.PeerLost, "dropped": s.Dropped, "cancelled": s.Cancelled, "voided": s.Voided,
		"heldtoolong": s.HeldTooLong, "held": s.Held, "duplicates": s.Duplicates, "refused": s.Refused,
		"window": uint64(s.WindowBytes), "resumed": s.Resumed, "ups": s.Ups, "faults": s.Faults,
	}
	for _, name := range names {
		v, ok := all[name]
		if !ok {
			st.t.Fatalf("no counter %q", name)
		}
		st.say("%s counts %s: %d", n.name, name, v)
	}
}

var handshakeNames = map[byte]string{kindHello: "hello", kindAnswer: "answer", kindProof: "proof", kindState: "state", kindRefuse: "refuse"}

func (st *story) effect(n *simNode, e *Effect) {
	text := string(bytes.TrimRight(e.Bytes, "\x00"))
	if len(text) != len(e.Bytes) {
		text = fmt.Sprintf("%s and zeros, %d bytes", text, len(e.Bytes))
	}
	switch e.Kind {
	case FxWrite:
		if k := handshakeNames[e.Bytes[1]]; k != "" {
			st.say("%s: %s on %d", n.name, k, e.Conn)
		}
	case FxData:
		st.say("%s: data on lane %d: %s", n.name, e.Lane, text)
	case FxControl:
		st.say("%s: control: %s", n.name, text)
	case FxUp:
		st.say("%s: UP by %d, peer's life %d, version %d, resumed %v", n.name, e.Conn, e.Life.Epoch, e.Version, e.Resumed)
	case FxSuspect:
		st.say("%s: SUSPECT", n.name)
	case FxCallsFail:
		st.say("%s: CALLS FAIL", n.name)
	case FxLost:
		st.say("%s: LOST %d", n.name, e.Lost)
	case FxDown:
		st.say("%s: DOWN: %s", n.name, e.Text)
	case FxPaused:
		st.say("%s: lane %d %s", n.name, e.Lane, map[bool]string{true: "PAUSED", false: "goes on"}[e.On])
	case FxRefused:
		st.say("%s: REFUSED: %s", n.name, e.Text)
	}
}
