package gossip

// How a part's elements are told to the routing: in portions, so that a node with a large part does not stand in the way of everything
// else for as long as it takes to route all of it.

// portionMax bounds the elements told in one Step; the rest follows in the next turns. An element takes the routing about 3 µs.
const portionMax = 1024

// telling is one effect that waits for its turn. Kind 0 stands for the end of showing.
type telling struct {
	kind    EffectKind
	element string
	version uint64
}

// tell emits an effect about a node's part, behind those that wait.
func (m *Machine) tell(n *node, t telling) {
	if len(n.tellings) == 0 && m.portion > 0 {
		m.tellNow(n, &t)
		return
	}
	n.tellings = append(n.tellings, t)
	m.touched = true
}

func (m *Machine) tellNow(n *node, t *telling) {
	m.portion--
	if t.kind != 0 {
		m.emit(Effect{Kind: t.kind, Name: n.name, Life: n.lifeOf(t.kind), Element: t.element, Version: t.version})
		return
	}
	n.showing = false
	m.rootValid = false
	if n.path() {
		m.becomeState(n, Reachable)
	} else {
		m.becomeState(n, Suspect)
	}
}

// lifeOf is the life that an effect of this kind names.
func (n *node) lifeOf(k EffectKind) Life {
	if k == FxReached {
		return n.life
	}
	return Life{}
}

// tellOn goes on with what waits, as far as this Step's portion reaches.
func (m *Machine) tellOn(n *node) {
	i := 0
	for ; i < len(n.tellings) && m.portion > 0; i++ {
		m.tellNow(n, &n.tellings[i])
		n.tellings[i] = telling{}
	}
	if n.tellings = n.tellings[i:]; len(n.tellings) == 0 {
		n.tellings = nil
	}
}

// dropTellings is called where nothing of the node is routed any more.
func (n *node) dropTellings() { n.tellings, n.showing = nil, false }

// show begins to route to a node: all of its part, then the state.
func (m *Machine) show(n *node) {
	m.emit(Effect{Kind: FxShow, Name: n.name})
	n.showing, n.told = true, true
	for _, e := range n.part.Entries() {
		m.tell(n, telling{kind: FxAdd, element: e.Element})
	}
	m.tell(n, telling{})
	m.reached(n)
}

// replace tells a part that is to stand in place of all that was told before.
func (m *Machine) replace(n *node) {
	showing := n.showing
	n.dropTellings()
	m.emit(Effect{Kind: FxReplace, Name: n.name})
	n.showing = showing
	for _, e := range n.part.Entries() {
		m.tell(n, telling{kind: FxAdd, element: e.Element})
	}
	if showing {
		m.tell(n, telling{})
	}
	m.reached(n)
}
