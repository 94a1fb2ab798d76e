package node

import (
	"slices"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/internal/router"
)

// Questions: the home hub of one node asks that of another and gets its answer, or learns in time that there will be none. A new one is a
// router.QuestionKind and a line in answerers.

const (
	// questionsMax bounds the questions to one node that wait for their answers: each is a call of a client, or a step of one, and holds a
	// closure and a number. Whoever would ask more is told at once that there is no answer.
	questionsMax = 4096
	// answerBytesMax bounds an answer, so that it fits a frame of the link as any WAMP message does.
	answerBytesMax = 16 << 20
	// questionWait is how long another node may take to answer where nothing else is said: a node that has lost its path is suspect within a
	// second or so, and questions to it fail then.
	questionWait = 2 * time.Second
)

// answerers answer questions of other nodes, on the home hub. The question's bytes are valid during the call. reply has to be called
// once, then or later, on the home hub; ok false says that there is no answer. It takes the answer over.
var answerers map[router.QuestionKind]func(o *home, from *peer, question []byte, reply func(answer []byte, ok bool))

func init() { // they ask in turn, which would make a circle of the table
	answerers = map[router.QuestionKind]func(o *home, from *peer, question []byte, reply func(answer []byte, ok bool)){
		router.QuestionPing:    func(_ *home, _ *peer, question []byte, reply func([]byte, bool)) { reply(slices.Clone(question), true) },
		router.QuestionPart:    (*home).questionPart,
		router.QuestionHistory: (*home).questionHistory,
	}
}

// questions are those that other nodes have not answered yet, the oldest first. The zero value has none.
type questions struct {
	number uint64
	open   []question
	dueAt  int64 // the earliest deadline, 0 if there is none
}

type question struct {
	number uint64
	to     *peer
	due    int64
	done   func(answer []byte, ok bool)
}

// askNode asks another node. done is called exactly once, on the home hub, perhaps before askNode returns: with the answer, which is
// valid during the call, or with ok false when the node cannot be reached, does not know the question, or has not answered in time. What
// was asked for may have happened then all the same, unless the node could not be reached from the beginning.
func (o *home) askNode(p *peer, kind router.QuestionKind, body []byte, wait time.Duration, done func(answer []byte, ok bool)) {
	q := &o.questions
	if !p.asked() || q.count(p) >= questionsMax {
		done(nil, false)
		return
	}
	q.number++
	due := o.h.loop.Now() + int64(wait)
	q.open = append(q.open, question{number: q.number, to: p, due: due, done: done})
	q.dueAt = earlier(q.dueAt, due)
	p.send(q.number, router.AppendQuestion(nil, &router.Question{Number: q.number, Kind: kind, Rest: body}))
}

// askAll asks every other node of the cluster. each is called for each answer, in no order; done once all have answered or the time is
// over. complete says that no node is missing: not one that is asked and silent, nor one that is cut off and may still have sessions.
func (o *home) askAll(kind router.QuestionKind, body []byte, wait time.Duration, each func(answer []byte), done func(complete bool)) {
	o.askThose(kind, body, wait, func(*peer) bool { return true }, each, done)
}

// askThose asks the nodes that wanted says; complete is about them alone.
func (o *home) askThose(kind router.QuestionKind, body []byte, wait time.Duration, wanted func(*peer) bool, each func(answer []byte), done func(complete bool)) {
	left, complete := 1, true
	over := func() {
		if left--; left == 0 {
			done(complete)
		}
	}
	for _, p := range o.places() {
		switch {
		case p == nil || !wanted(p):
		case p.asked():
			left++
			o.askNode(p, kind, body, wait, func(answer []byte, ok bool) {
				if ok {
					each(answer)
				}
				complete = complete && ok
				over()
			})
		case p.missing():
			complete = false
		}
	}
	over()
}

// asked says whether questions go to the node: it is routed to.
func (p *peer) asked() bool { return p.state == gossip.Reachable || p.state == gossip.Suspect }

// missing says that the node is not there to be asked and may have sessions all the same.
func (p *peer) missing() bool { return p.state == gossip.Hidden && (p.cut || p.alive) }

func (q *questions) count(p *peer) (n int) {
	for i := range q.open {
		if q.open[i].to == p {
			n++
		}
	}
	return n
}

// fromHome takes a question or an answer of another node's home hub.
func (o *home) fromHome(p *peer, f []byte) {
	q, err := router.ParseQuestion(f)
	switch {
	case err != nil:
		o.n.log.Error("a question cannot be read", "node", p.name, "err", err)
	case q.Answer:
		o.answered(p, &q)
	default:
		o.questioned(p, &q)
	}
}

func (o *home) questioned(p *peer, q *router.Question) {
	number := q.Number
	reply := func(answer []byte, ok bool) {
		if o.slots[p.slot] != p {
			return // it has lost its place meanwhile
		}
		if len(answer) > answerBytesMax {
			answer, ok = nil, false
		}
		p.send(number, router.AppendQuestion(nil, &router.Question{Number: number, Answer: true, OK: ok, Rest: answer}))
	}
	if f := answerers[q.Kind]; f != nil {
		f(o, p, q.Rest, reply)
	} else { // of a later version
		reply(nil, false)
	}
}

func (o *home) answered(p *peer, a *router.Question) {
	q := &o.questions
	i, known := slices.BinarySearchFunc(q.open, a.Number, func(x question, n uint64) int {
		switch {
		case x.number < n:
			return -1
		case x.number > n:
			return 1
		}
		return 0
	})
	if !known || q.open[i].to != p {
		return // too late
	}
	done := q.open[i].done
	q.open = slices.Delete(q.open, i, i+1)
	if len(q.open) == 0 {
		q.dueAt = 0
	}
	done(a.Rest, a.OK)
}

// giveUp ends the questions that over says.
func (q *questions) giveUp(over func(*question) bool) {
	var gone []question
	q.dueAt = 0
	q.open = slices.DeleteFunc(q.open, func(x question) bool {
		if over(&x) {
			gone = append(gone, x)
			return true
		}
		q.dueAt = earlier(q.dueAt, x.due)
		return false
	})
	for i := range gone {
		gone[i].done(nil, false)
	}
}

// questionsLost ends the questions to a node whose calls fail.
func (o *home) questionsLost(p *peer) {
	if len(o.questions.open) > 0 {
		o.questions.giveUp(func(q *question) bool { return q.to == p })
	}
}

// questionsDue ends those whose time is over.
func (o *home) questionsDue(now int64) {
	if at := o.questions.dueAt; at != 0 && now >= at {
		o.questions.giveUp(func(q *question) bool { return now >= q.due })
	}
}
