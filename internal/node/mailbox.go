package node

import (
	"sync"
	"sync/atomic"

	"kleeblatt/internal/frame"
	"kleeblatt/internal/router"
)

// letter is what one hub hands to another. Exactly one of batch, input, op, ask and do counts, by kind.
type letter struct {
	kind  letterKind
	from  uint8 // the worker that sent it
	batch *frame.Batch
	input router.Input
	op    router.Op
	ask   *router.Ask
	token uint64
	do    func()
}

type letterKind uint8

const (
	letterFrames  letterKind = iota + 1 // batch: frames for the worker; Addr.Node is the node that they come from
	letterRelay                         // batch: frames for other nodes (to the home hub only); Addr.Node is the destination
	letterInput                         // input: one input for the worker
	letterPropose                       // op, token: a proposal of worker from (to the home hub only)
	letterSession                       // op: a session of worker from opens or is over (to the home hub only)
	letterAsk                           // ask, token: a question of worker from (to the home hub only)
	letterDo                            // do: run on the loop
)

// proposalBytes is what a proposal that waits counts for beside its URI: the letter, the worker's note of who waits, the answer.
const proposalBytes = 512

// weight is what the letter counts for while it waits: what clients can make pile up. The others are few.
func (l *letter) weight() int64 {
	switch {
	case l.batch != nil:
		return int64(l.batch.Bytes())
	case l.kind == letterPropose, l.kind == letterSession, l.kind == letterAsk:
		return proposalBytes + int64(len(l.op.URI)+len(l.op.Element))
	}
	return 0
}

// mailbox is where other goroutines leave letters for a hub. Putting never blocks; the bytes that wait are counted, so that
// whoever fills it can stop reading its sources.
type mailbox struct {
	bytes atomic.Int64 // frames and proposals that wait

	mu      sync.Mutex
	letters []letter
}

// put adds the letter; the caller wakes the loop.
func (m *mailbox) put(l letter) {
	if n := l.weight(); n > 0 {
		m.bytes.Add(n)
	}
	m.mu.Lock()
	m.letters = append(m.letters, l)
	m.mu.Unlock()
}

// take swaps the waiting letters with the (emptied) slice that it is given.
func (m *mailbox) take(empty []letter) []letter {
	m.mu.Lock()
	got := m.letters
	m.letters = empty
	m.mu.Unlock()
	return got
}

// done returns the memory of a batch that has been read.
func (m *mailbox) done(pool *frame.Pool, b *frame.Batch) {
	m.bytes.Add(-int64(b.Bytes()))
	pool.Put(b)
}
