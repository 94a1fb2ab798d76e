package node

import (
	"fmt"
	"testing"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/internal/router"
)

// asking collects what one question to all others has come to.
type asking struct {
	answers []string
	over    int
	all     bool
}

func (w *testWorld) askAll(n *Node, kind router.QuestionKind, wait time.Duration) *asking {
	a := &asking{}
	h := n.hubs[0]
	h.deliver(letter{kind: letterDo, do: func() {
		h.home.askAll(kind, []byte("hello"), wait,
			func(answer []byte) { a.answers = append(a.answers, string(answer)) },
			func(complete bool) { a.over++; a.all = complete })
	}})
	w.run()
	return a
}

func (a *asking) expect(t *testing.T, answers int, over int, all bool) {
	t.Helper()
	if len(a.answers) != answers || a.over != over || over > 0 && a.all != all {
		t.Fatalf("%q, over %d times, complete: %v", a.answers, a.over, a.all)
	}
}

// TestQuestionIsAnsweredByEveryNode: and by a node that has nobody else, at once.
func TestQuestionIsAnsweredByEveryNode(t *testing.T) {
	w := newWorld(t, 2, "a", "b", "c")
	a := w.askAll(w.nodes[0], router.QuestionPing, time.Second)
	a.expect(t, 2, 1, true)
	if a.answers[0] != "hello" {
		t.Errorf("%q", a.answers)
	}
	alone := newWorld(t, 1, "a")
	alone.askAll(alone.nodes[0], router.QuestionPing, time.Second).expect(t, 0, 1, true)
}

// TestQuestionHasADeadline: a node that is silent costs what was said it may; one that is known to be cut off costs nothing, and the
// answer is known not to be complete. A late answer is none.
func TestQuestionHasADeadline(t *testing.T) {
	w := newWorld(t, 1, "a", "b", "c")
	w.dead["c"] = true
	a := w.askAll(w.nodes[0], router.QuestionPing, 50*time.Millisecond)
	a.expect(t, 1, 0, false)
	w.advance(49 * time.Millisecond)
	a.expect(t, 1, 0, false)
	w.advance(time.Millisecond)
	a.expect(t, 1, 1, false)
	w.dead["c"] = false
	w.advance(time.Second)
	a.expect(t, 1, 1, false)
	w.askAll(w.nodes[0], router.QuestionPing, time.Second).expect(t, 2, 1, true)

	w.dead["c"] = true
	w.advance(2 * time.Second)
	w.member(w.nodes[0], w.nodes[2], false)
	w.run()
	if p := w.nodes[0].hubs[0].home.peers["c"]; p.state != gossip.Hidden {
		t.Fatalf("c is %v", p.state)
	}
	w.askAll(w.nodes[0], router.QuestionPing, time.Second).expect(t, 1, 1, false)
}

// TestQuestionFailsWithTheCalls: when calls to a node fail for want of a path, so do questions, long before their time is over.
func TestQuestionFailsWithTheCalls(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	w.dead["b"] = true
	a := w.askAll(w.nodes[0], router.QuestionPing, time.Hour)
	w.advance(5 * time.Second)
	a.expect(t, 0, 1, false)
}

// TestQuestionOfALaterVersion is answered: nobody waits for what will not come.
func TestQuestionOfALaterVersion(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	w.askAll(w.nodes[0], 200, time.Hour).expect(t, 0, 1, false)
}

// TestQuestionsAreBounded: to one node there are so many at a time; the others are told at once.
func TestQuestionsAreBounded(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	w.dead["b"] = true
	h := w.nodes[0].hubs[0]
	refused := 0
	h.deliver(letter{kind: letterDo, do: func() {
		for range questionsMax + 5 {
			h.home.askNode(h.home.peers["b"], router.QuestionPing, nil, time.Second, func(_ []byte, ok bool) {
				if !ok {
					refused++
				}
			})
		}
	}})
	w.run()
	if refused != 5 {
		t.Errorf("%d were refused", refused)
	}
	w.advance(time.Second)
	if refused != questionsMax+5 || len(h.home.questions.open) != 0 {
		t.Errorf("%d have ended, %d wait", refused, len(h.home.questions.open))
	}
}

// FuzzQuestion: any frame is either refused or means what it is written as again.
func FuzzQuestion(f *testing.F) {
	f.Add(router.AppendQuestion(nil, &router.Question{Number: 7, Kind: router.QuestionPart, Rest: []byte("x")}))
	f.Add(router.AppendQuestion(nil, &router.Question{Number: 7, Answer: true, OK: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := router.ParseQuestion(b)
		if err != nil {
			return
		}
		again, err := router.ParseQuestion(router.AppendQuestion(nil, &q))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(q) {
			t.Fatalf("%v became %v, %v", q, again, err)
		}
	})
}
