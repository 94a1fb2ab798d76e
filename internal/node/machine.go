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
	m.busy = true
	m.run(in)
	for i := 0; i < len(m.pending); i++ {
		m.run(m.pending[i])
	}
	clear(m.pending)
	m.pending = m.pending[:0]
	m.busy = false
}

func (m *machine[I, E]) run(in I) {
	m.in = in
	m.fx = m.step(&m.in, m.fx[:0])
	m.perform(m.fx)
}

// perform carries out effects that came from elsewhere than step (a flush).
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
	for i := 0; i < len(m.pending); i++ {
		m.run(m.pending[i])
	}
	clear(m.pending)
	m.pending = m.pending[:0]
	m.busy = false
}
