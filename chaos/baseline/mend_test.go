package baseline

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/wamp"
)

// stage is a replicator whose log and node are the test's: what it does is written down, and letters are delivered by turn.
type stage struct {
	*replicator
	letters []func()
	told    []string
	sent    []*entry
}

func newStage(st style) *stage {
	s := &stage{}
	s.replicator = &replicator{
		name: "me", epoch: 7, host: s, log: slog.New(slog.DiscardHandler), bound: time.Minute, style: st, voters: 3, journal: s,
		table: newTable(), members: map[string]member{}, shown: map[string]bool{}, flood: map[string]int{}, want: map[string]struct{}{},
		started: time.Now(),
	}
	return s
}

func (s *stage) turn() {
	for len(s.letters) > 0 {
		f := s.letters[0]
		s.letters = s.letters[1:]
		f()
	}
}

// commit gives the log's next entry to the replicator: the last that it proposed, unless another is given.
func (s *stage) commit(e *entry) {
	if e == nil {
		e = s.sent[len(s.sent)-1]
	}
	s.committed(e)
	s.turn()
}

func (s *stage) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(s.told, want) {
		t.Errorf("got %q\nwant %q", s.told, want)
	}
	s.told = nil
}

func (s *stage) tell(format string, a ...any) { s.told = append(s.told, fmt.Sprintf(format, a...)) }

// What the node is asked.
func (s *stage) Do(f func())                      { s.letters = append(s.letters, f) }
func (s *stage) Applied(token uint64)             { s.tell("applied %d", token) }
func (s *stage) Refused(token uint64, uri string) { s.tell("refused %d %s", token, uri) }
func (s *stage) Revoke(element, uri string)       { s.tell("revoke %s", uri) }
func (s *stage) Add(node, element string)         { s.tell("add %s", node) }
func (s *stage) Remove(node, element string)      { s.tell("remove %s", node) }
func (s *stage) Changed()                         { s.tell("ready") }

// What the log is asked.
func (s *stage) propose(e *entry, _ time.Time) { s.sent = append(s.sent, e) }
func (s *stage) found()                        {}
func (s *stage) meet(string, place, bool)      {}
func (s *stage) leads() bool                   { return false }
func (s *stage) led() bool                     { return true }
func (s *stage) servers() []server             { return nil }
func (s *stage) do(job, func())                {}
func (s *stage) close()                        {}

// TestPurgedButAlive: whoever was taken for dead puts its rows back; a registration that another has got meanwhile is revoked.
func TestPurgedButAlive(t *testing.T) {
	s := newStage(style{})
	s.Propose(true, registered("p", 1, wamp.Single), 1)
	s.Propose(true, interest("t"), 2)
	s.turn()
	s.commit(nil)
	s.expect(t, "applied 1", "applied 2", "ready")
	s.commit(&entry{kind: purge, node: "me", epoch: 7})
	s.commit(&entry{kind: change, node: "other", epoch: 1, seq: 1, ops: []op{{true, registered("p", 9, wamp.Single)}}})
	s.tick(time.Now())
	s.commit(nil)
	s.expect(t, "revoke "+wamp.ErrProcedureAlreadyExists)
	if _, has := s.table.nodes["me"].elements[interest("t")]; !has {
		t.Error("the subscription does not count any more")
	}
}

// TestLate: a change that was refused when its time was over, and counts later all the same, is taken back.
func TestLate(t *testing.T) {
	s := newStage(style{})
	s.Propose(true, interest("t"), 1)
	s.turn()
	late := s.sent[0]
	s.tick(time.Now().Add(2 * time.Minute))
	s.expect(t, "refused 1 "+wamp.ErrUnavailable)
	s.commit(late)
	s.tick(time.Now().Add(4 * time.Minute)) // gives up the entry that said that we are there
	s.commit(nil)
	s.tick(time.Now())
	s.commit(nil)
	if n := len(s.table.nodes["me"].elements); n != 0 {
		t.Errorf("%d elements count that nobody was told of", n)
	}
}

// TestShown: a node's rows are routed by only while it is shown, and in the order of the log.
func TestShown(t *testing.T) {
	s := newStage(style{})
	rows := func(seq uint64, ops ...op) { s.commit(&entry{kind: change, node: "a", epoch: 1, seq: seq, ops: ops}) }
	rows(1, op{true, interest("x")})
	s.expect(t)
	s.Shown("a")
	rows(2, op{true, interest("y")}, op{false, interest("x")})
	s.expect(t, "add a", "add a", "remove a")
	s.Hidden("a")
	rows(3, op{false, interest("y")})
	s.expect(t, "remove a")
}

// TestFlood: in the 2019 design an interest of one node makes messages go to all, as long as anybody has it.
func TestFlood(t *testing.T) {
	s := newStage(style{flood: true})
	s.Shown("a")
	s.Shown("b")
	for i, node := range []string{"a", "c"} {
		s.commit(&entry{kind: change, node: node, epoch: 1, seq: 1, ops: []op{{true, interest("x")}}})
		if want := []string{"add a", "add b"}; i == 0 && !slices.Equal(s.told, want) {
			t.Errorf("got %q, want %q", s.told, want)
		}
	}
	s.commit(&entry{kind: purge, node: "a", epoch: 1})
	if strings.Contains(strings.Join(s.told, " "), "remove") {
		t.Error("removed while c has it")
	}
	s.told = nil
	s.commit(&entry{kind: purge, node: "c", epoch: 1})
	s.expect(t, "remove a", "remove b")
}
