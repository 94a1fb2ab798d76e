package node

// machine drives one pure state machine: it feeds inputs and carries out effects. An input that arises while effects are being
// carried out waits its turn, since the effects alias the state machine's memory. Such an input must not alias it too.
type machine[I, E any] struct {
	step func(in *I, out []E) []E
	exec func(e *E)

	in      I
	fx      []E
	pending []I
	busy    bool
}

// feed steps the state machine and carries out what follows, inputs that arise on the way included.
func (m *machine[I, E]) feed(in I) {
	if m.busy {
		m.pending = append(m.pending, in)
		return
	}
	m.in = in
	m.feedAt(&m.in)
}

// feedAt is feed for an input that its owner keeps and uses again: the hottest ones, which are large to hand about.
func (m *machine[I, E]) feedAt(in *I) {
	if m.busy {
		m.pending = append(m.pending, *in)
		return
	}
	m.busy = true
	m.run(in)
	m.goOn()
}

// goOn runs what has waited.
func (m *machine[I, E]) goOn() {
	if len(m.pending) > 0 {
		for i := 0; i < len(m.pending); i++ {
			m.in = m.pending[i] // pending may move
			m.run(&m.in)
		}
		clear(m.pending)
		m.pending = m.pending[:0]
	}
	m.busy = false
}

func (m *machine[I, E]) run(in *I) {
	m.fx = m.step(in, m.fx[:0])
	m.perform(m.fx)
}

// perform carries effects out.
func (m *machine[I, E]) perform(fx []E) {
	for i := range fx {
		m.exec(&fx[i])
	}
}

// flush calls f, which appends effects as step does, and carries them out.
func (m *machine[I, E]) flush(f func(out []E) []E) {
	m.busy = true
	m.fx = f(m.fx[:0])
	m.perform(m.fx)
	m.goOn()
}
