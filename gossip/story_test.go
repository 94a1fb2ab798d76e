package gossip

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/house/stories"
)

// TestStories plays testdata/*.txt: paragraphs of commands, each followed by ---- and what came of them. Lines with # are prose.
//
//	nodes a b c        nodes that do not know each other yet; links come up and membership finds them as time passes
//	propose a +x -y    changes of a's part
//	run 1s             time passes
//	cut a b, heal a b  the direct path between two is lost, is back
//	restart a          a new process under the same name, with a higher epoch
//	clone a 3          the same, but its epoch is 3 (a disk that was restored)
//	stop a             the process is gone
//	retire a           it says goodbye, and is gone
//	acks               from now on nodes acknowledge what counts with them
//	barrier a 1s       a waits until all have what it has
//	refuse b a x       b objects to x of a
//	retain 500         before nodes: how many bytes of parts of nodes that are gone are kept
//	hush               comparisons are not told from now on: where nodes do not route by the same tables they go on and on
//	tables             what each routes by
//
// What is said: frames as they arrive and effects as they are carried out; comparisons of digests only where they differ.
func TestStories(t *testing.T) {
	stories.Play(t, "testdata/*.txt", play)
}

type story struct {
	t           *testing.T
	w           *network
	out         strings.Builder
	retainBytes int
	hushed      bool
}

func play(t *testing.T, text string) string {
	s := &story{t: t}
	var result strings.Builder
	for _, paragraph := range strings.Split(strings.TrimRight(text, "\n"), "\n\n") {
		commands, _, _ := strings.Cut(paragraph, "\n----")
		result.WriteString(commands + "\n")
		s.out.Reset()
		acted := false
		for _, line := range strings.Split(commands, "\n") {
			if !strings.HasPrefix(line, "#") {
				acted = true
				s.command(strings.Fields(line))
			}
		}
		if acted {
			result.WriteString("----\n" + s.out.String())
		}
		result.WriteString("\n")
	}
	return strings.TrimRight(result.String(), "\n") + "\n"
}

func (s *story) say(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

func (s *story) command(words []string) {
	s.t.Helper()
	if len(words) == 0 {
		s.t.Fatal("an empty command")
	}
	switch args := words[1:]; words[0] {
	case "nodes":
		s.w = newNetwork(s.t, 1, args...)
		for i, h := range s.w.hosts {
			h.m = New(s.config(h.name, Life{Epoch: 1, Nonce: uint64(i + 1)}))
		}
		begin := s.w.now
		s.w.trace = func(format string, args ...any) {
			line := fmt.Sprintf(format, args...)
			if s.hushed && strings.Contains(line, ": heads ") {
				return
			}
			if strings.HasSuffix(line, ": digest") || strings.HasSuffix(line, ": applied") {
				return
			}
			s.say("%7.3f %s", time.Duration(s.w.now-begin).Seconds(), line)
		}
	case "hush":
		s.hushed = true
	case "retain":
		n, err := strconv.Atoi(args[0])
		if err != nil {
			s.t.Fatal(err)
		}
		s.retainBytes = n
		return
	case "propose":
		for _, a := range args[1:] {
			s.w.propose(args[0], a[0] == '+', a[1:])
		}
	case "run":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			s.t.Fatal(err)
		}
		s.w.run(d)
	case "cut":
		s.w.cut(args[0], args[1])
	case "heal":
		s.w.heal(args[0], args[1])
	case "restart":
		s.w.restart(args[0])
		s.fix(args[0], s.w.epoch)
	case "clone":
		epoch, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		s.w.stop(args[0])
		s.w.start(s.w.host(args[0]), epoch)
		s.fix(args[0], epoch)
	case "stop":
		s.w.stop(args[0])
	case "retire":
		s.w.feed(s.w.host(args[0]), Input{Kind: InRetire})
		s.w.run(50 * time.Millisecond)
		s.w.stop(args[0])
	case "tables":
		s.tables()
	case "acks":
		s.w.acks = true
	case "barrier":
		d, err := time.ParseDuration(args[1])
		if err != nil {
			s.t.Fatal(err)
		}
		s.w.barrier(args[0], d)
	case "refuse":
		s.w.feed(s.w.host(args[0]), Input{Kind: InRefuse, Name: args[1], Element: args[2]})
	default:
		s.t.Fatalf("unknown command %q", words)
	}
	s.w.check()
}

// fix gives a restarted node a life that can be read, and chance that is none.
func (s *story) fix(name string, epoch uint64) {
	s.w.host(name).m = New(s.config(name, Life{Epoch: epoch, Nonce: 1}))
}

func (s *story) config(name string, life Life) Config {
	return Config{Name: name, Life: life, Rand: func() uint64 { return 1 }, RetainBytes: s.retainBytes}
}

func (s *story) tables() {
	for _, h := range s.w.hosts {
		if !h.alive {
			continue
		}
		own := slices.Sorted(maps.Keys(h.own))
		own = slices.DeleteFunc(own, func(e string) bool { return !h.own[e] })
		self := h.m.Self()
		s.say("%s@%v:%d %v", h.name, self.Life, self.Version, own)
		for _, p := range h.m.Parts() {
			s.say("  %s@%v:%d %v %v", p.Owner, p.Life, p.Version, p.State, slices.Sorted(maps.Keys(h.routed[p.Owner])))
		}
	}
}
