package router

import (
	"cmp"
	"slices"
)

// Testaments in the directory (testament.go): each is an element of its node's part until its session is over. Those of other nodes are kept
// here for the case that the node goes with them.

// legacy are the testaments of another node's sessions, by publication id.
type legacy map[uint64]legacyEntry

type legacyEntry struct {
	element string
	round   uint8 // the node's when it was last told
}

// proposeTestament hands a testament of ours, or its end, to the Replicator. Nothing waits for the answer: this node publishes it by itself.
func (d *Directory) proposeTestament(op *Op, out []TablesEffect) []TablesEffect {
	d.token++
	return append(out, TablesEffect{
		Kind: TxPropose, Token: d.token | directoryToken, Op: TableOp{Add: op.Kind == OpTestament, Element: op.Element},
	})
}

// addTestament takes one of another node, whose element e was read of.
func (d *Directory) addTestament(node NodeSlot, element string, e *Element) error {
	id, err := testamentID(octets(e.Frame))
	if err != nil {
		d.unknown++
		return err
	}
	n := &d.nodes[node]
	if n.legacy == nil {
		n.legacy = legacy{}
	}
	n.legacy[id] = legacyEntry{element, n.round}
	return nil
}

// removeTestament takes back what addTestament added.
func (d *Directory) removeTestament(node NodeSlot, element string, e *Element) {
	id, err := testamentID(octets(e.Frame))
	if n := &d.nodes[node]; err == nil && n.legacy[id].element == element {
		delete(n.legacy, id)
	}
}

// Published says that a relay frame has come from the node. If it is a testament, nobody has to publish it any more should the node be gone
// before it could say that it is over.
func (d *Directory) Published(node NodeSlot, frame []byte) {
	if len(frame) > 1 && frameKind(frame[1]) == frameTestament {
		if id, err := testamentID(frame); err == nil {
			delete(d.nodes[node].legacy, id)
		}
	}
}

// forgetUntold drops the testaments that were not told anew: they were published, or taken back, while the node was away.
func (n *nodeSessions) forgetUntold() {
	for id, x := range n.legacy {
		if x.round != n.round {
			delete(n.legacy, id)
		}
	}
}

// publishLegacy notes the testaments of a node that is gone as events for this node's subscribers: session by session, detached first, then as
// they were added.
func (d *Directory) publishLegacy(node NodeSlot) {
	n := &d.nodes[node]
	if len(n.legacy) == 0 {
		return
	}
	all := make([]Element, 0, len(n.legacy))
	for _, x := range n.legacy {
		e, _ := ParseElement(x.element)
		all = append(all, e)
	}
	n.legacy = nil
	slices.SortFunc(all, func(a, b Element) int {
		return cmp.Or(cmp.Compare(a.Realm, b.Realm), cmp.Compare(a.Session, b.Session), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Place, b.Place))
	})
	for i := range all {
		r := d.realm(all[i].Realm)
		_, _, _, topic, err := Route(octets(all[i].Frame))
		if r == nil || err != nil {
			continue
		}
		if retains(all[i].Frame) {
			d.unretained = append(d.unretained, all[i].Frame)
		}
		if d.heard(r.index, text(topic)) {
			d.news.items = append(d.news.items, newsItem{realm: r.index, frame: all[i].Frame})
		}
	}
}

// retains says that the publication is to be kept for those who subscribe later.
func retains(publication string) bool {
	var f frame
	return f.parse(octets(publication)) == nil && f.flags&flagRetain != 0
}

// EachUnretained takes out the testaments of nodes that are gone that are to be retained: each of the others does so, and the latest counts.
func (d *Directory) EachUnretained(each func(realm string, publication []byte)) {
	for _, f := range d.unretained {
		if _, _, realm, _, err := Route(octets(f)); err == nil {
			each(string(realm), []byte(f))
		}
	}
	d.unretained = nil
}

// testamentID reads the publication id of a testament's frame.
func testamentID(b []byte) (uint64, error) {
	var f frame
	if err := f.parse(b); err != nil {
		return 0, err
	}
	if f.kind != frameTestament {
		return 0, errFrame
	}
	return f.id, nil
}
