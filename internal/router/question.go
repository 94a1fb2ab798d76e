package router

import (
	"github.com/tinylib/msgp/msgp"
)

// Questions go from the home loop of one node to that of another and are answered by one frame. They are relay frames like the others, so
// they come behind the tables that the asking node knew of, and their answers behind what they have brought about; no worker sees them.

const (
	frameQuestion frameKind = 64 + iota // number, what, rest: the question
	frameAnswer                         // number, ok, rest: the answer
)

// QuestionKind is what one node asks another.
type QuestionKind uint8

const (
	QuestionPing    QuestionKind = iota + 1 // anything: is somebody there?
	QuestionPart                            // an Ask: your part of the answer
	QuestionHistory                         // the name of a history: what do you keep of it?
)

// Question is a question or, with Answer, what it was answered. Rest aliases the frame.
type Question struct {
	Number uint64 // of the asking node's choice
	Kind   QuestionKind
	Answer bool
	OK     bool // of an answer: the question was understood and could be answered
	Rest   []byte
}

// AppendQuestion appends the frame.
func AppendQuestion(dst []byte, q *Question) []byte {
	kind, detail := frameQuestion, uint64(q.Kind)
	if q.Answer {
		kind, detail = frameAnswer, 0
		if q.OK {
			detail = 1
		}
	}
	dst = append(dst, relayVersion, byte(kind))
	dst = msgp.AppendUint64(dst, q.Number)
	dst = msgp.AppendUint64(dst, detail)
	return append(dst, q.Rest...)
}

// IsQuestion says whether a relay frame is for the home loop of the node: a question or an answer.
func IsQuestion(b []byte) bool {
	return len(b) > 1 && (frameKind(b[1]) == frameQuestion || frameKind(b[1]) == frameAnswer)
}

// ParseQuestion reads the frame.
func ParseQuestion(b []byte) (q Question, err error) {
	r := frameReader{b: b}
	switch r.head() {
	case frameQuestion:
		q.Number = r.num(1<<64 - 1)
		q.Kind = QuestionKind(r.num(0xff))
	case frameAnswer:
		q.Answer = true
		q.Number = r.num(1<<64 - 1)
		q.OK = r.num(1) == 1
	default:
		r.bad = true
	}
	q.Rest = r.b
	return q, r.err()
}
