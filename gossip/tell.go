package gossip

// How a part's elements are told to the routing: in portions, so that a node with a large part does not stand in the way of everything
// else for as long as it takes to route all of it.

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
	if t.kind == FxShow {
		n.told = true
	}
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

// show begins to route to a node, behind what is still to be taken back: all of its part, then the state.
func (m *Machine) show(n *node) {
	n.showing = true
	m.tell(n, telling{kind: FxShow})
	for _, e := range n.part.Entries() {
		m.tell(n, telling{kind: FxAdd, element: e.Element})
	}
	m.tell(n, telling{})
	m.reached(n)
}

// unroute takes back what the routing has been told of a node.
func (m *Machine) unroute(n *node) {
	elements, shown := n.routedElements()
	n.dropTellings()
	if shown {
		m.emit(Effect{Kind: FxHide, Name: n.name})
	}
	for _, e := range elements {
		m.tell(n, telling{kind: FxUnroute, element: e})
	}
}

// routedElements are those that the routing has: the part, but for what has not been told yet. shown is false where FxShow is among that.
func (n *node) routedElements() (elements []string, shown bool) {
	shown = true
	var differs map[string]bool // element → the routing has it; only where that is not what the part says
	var extra []string
	if len(n.tellings) > 0 {
		differs = map[string]bool{}
	}
	for i := len(n.tellings) - 1; i >= 0; i-- { // the first change that was not told counts: what was before it is what the routing has
		switch t := &n.tellings[i]; t.kind {
		case FxShow:
			shown = false
		case FxAdd:
			differs[t.element] = false
		case FxRemove, FxUnroute:
			differs[t.element] = true
			extra = append(extra, t.element)
		}
	}
	elements = make([]string, 0, n.part.Len())
	for _, e := range n.part.Entries() {
		if has, told := differs[e.Element]; !told || has {
			elements = append(elements, e.Element)
			delete(differs, e.Element)
		}
	}
	for _, e := range extra {
		if differs[e] && !n.part.Contains(e) {
			elements = append(elements, e)
			delete(differs, e)
		}
	}
	return elements, shown
}
