package link

// LaneStatus is what one lane has taken and brought, for checks of both ends against each other. All but the gauges count frames since the
// peer's present life is known, calls that were made void included.
type LaneStatus struct {
	Out  [LostKinds]uint64 // accepted for sending, by kind
	Lost [LostKinds]uint64 // of them given up: an upper bound until the same life of the peer is back
	In   [LostKinds]uint64 // that came, by kind

	Waiting   int   // bytes that the peer has not acknowledged
	HeldBytes int   // that came, and wait for our tables
	HeldSince int64 // when the first of them came, 0: none
}

// Marks are those counters of Stats that tell whether frames were lost and paths renewed. They are cheap to read.
type Marks struct{ Ups, Resets, Lost, Dropped uint64 }

// Marks returns a copy.
func (m *Machine) Marks() Marks {
	lost := m.lostFirst.lost()
	for i := range m.send {
		lost += m.send[i].lost.lost()
	}
	return Marks{Ups: m.stats.Ups, Resets: m.resets, Lost: lost, Dropped: m.stats.Dropped}
}

// WindowBytes is what is kept because the peer has not acknowledged it, as in Stats.
func (m *Machine) WindowBytes() (bytes int) {
	for i := range m.send {
		bytes += m.send[i].bytes
	}
	return bytes
}

// Lane returns the state of lane i, 0 for control and up to Config.Lanes for data.
func (m *Machine) Lane(i int) (s LaneStatus) {
	out, in := &m.send[i], &m.recv[i]
	s.Out, s.Lost, s.In = out.finals.kinds(), out.lost.kinds(), in.done.kinds()
	s.Waiting, s.HeldBytes = out.bytes, in.hold.bytes()
	if !in.hold.empty() {
		s.HeldSince, _ = in.hold.first()
	}
	return s
}

// Lanes is the number of lanes that we send on, control included.
func (m *Machine) Lanes() int { return m.cfg.Lanes + 1 }

// kinds is the tally with void calls among the others.
func (t *tally) kinds() (k [LostKinds]uint64) {
	copy(k[:], t[:LostKinds])
	k[LostCall] += t[tallyVoid]
	return k
}
