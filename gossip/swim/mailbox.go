package swim

import (
	"sync"
	"time"
)

// mailbox holds what is still to be told to OnEvent. Putting never waits. Probes and heads replace an untold one of the same
// member, so its length is bounded by the number of members and of their changes.
type mailbox struct {
	mu    sync.Mutex
	queue []Event
	probe map[string]int // member → its place in queue
	head  map[string]int // owner → its place in queue
	full  chan struct{}  // holds one token while queue is not empty
}

func newMailbox() *mailbox {
	return &mailbox{probe: map[string]int{}, head: map[string]int{}, full: make(chan struct{}, 1)}
}

func (m *mailbox) put(e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e.Kind {
	case EvProbe:
		if i, ok := m.probe[e.Name]; ok {
			m.queue[i] = e
			return
		}
		m.probe[e.Name] = len(m.queue)
	case EvHead:
		if i, ok := m.head[e.Name]; ok {
			if old := &m.queue[i]; old.Life.Less(e.Life) || old.Life == e.Life && old.Version < e.Version {
				*old = e
			}
			return
		}
		m.head[e.Name] = len(m.queue)
	}
	m.queue = append(m.queue, e)
	select {
	case m.full <- struct{}{}:
	default:
	}
}

// take gives all that waits; spare is reused for what comes next.
func (m *mailbox) take(spare []Event) []Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.queue
	clear(spare) // lets go of what was told
	m.queue = spare[:0]
	clear(m.probe)
	clear(m.head)
	return q
}

// deliver tells until stop is closed, and then what is left.
func (m *mailbox) deliver(on func(Event), stop <-chan struct{}) {
	var q []Event
	for {
		select {
		case <-m.full:
		case <-stop:
			for _, e := range m.take(q) {
				on(e)
			}
			return
		}
		q = m.take(q)
		for _, e := range q {
			on(e)
		}
	}
}

// sleep waits; it reports false when stop was closed first.
func sleep(d time.Duration, stop <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-stop:
		return false
	}
}
