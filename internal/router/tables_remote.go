package router

import (
	"slices"

	"kleeblatt/dealer"
)

// What other nodes' parts contribute to the tables. gossip decides whose elements are routed to; here they only come and go.

// SetTime tells the wall-clock time in milliseconds, from which other nodes' subscriptions are dated that come next.
func (t *Tables) SetTime(now int64) { t.now = now }

// RemoteAdd takes an element of another node that is routed to from now on. It keeps neither string's memory longer than the
// element stays.
func (t *Tables) RemoteAdd(node NodeSlot, nodeName string, element string, out []TablesEffect) ([]TablesEffect, error) {
	e, k, err := t.parse(element)
	if err != nil || k.realm < 0 || e.Kind != Interest && e.Kind != Registration && e.Kind != Note {
		return out, err
	}
	switch e.Kind {
	case Interest:
		t.setNode(k, t.idOf(k), uint8(node), true)
		return out, nil
	case Note:
		if t.affairs != nil {
			k.kind = Interest
			t.affairs.note(k, node, e.Session, e.On)
		}
		return out, nil
	}
	t.seen(node, e.Order)
	if e.Tentative {
		return t.remoteClaim(k, claim{node, nodeName, element, e.Session, e.Order, e.Invoke}, out), nil
	}
	t.addCallee(k, e.Invoke, dealer.Callee{
		Node: uint8(node), Session: e.Session, Order: e.Order, NodeName: nodeName,
		Concurrency: e.Concurrency, DiscloseCaller: e.DiscloseCaller,
		ForwardTimeout: e.ForwardTimeout,
	})
	return t.remoteConfirmed(k, e.Invoke, out), nil
}

// RemoteRemove takes back what RemoteAdd added.
func (t *Tables) RemoteRemove(node NodeSlot, nodeName string, element string) {
	e, k, err := t.parse(element)
	if err != nil || k.realm < 0 || e.Kind != Interest && e.Kind != Registration {
		return
	}
	if e.Tentative {
		t.dropClaim(k, func(c *claim) bool { return c.node == node && c.element == element })
		return
	}
	if e.Kind == Interest {
		t.removeInterest(k, uint8(node))
		return
	}
	t.removeCallee(k, uint8(node), e.Session)
}

func (t *Tables) removeInterest(k tableKey, node uint8) {
	if e := t.entry(k); e != nil && e.Nodes.Has(node) {
		t.setNode(k, e.ID, node, false)
	}
}

func (t *Tables) parse(element string) (Element, tableKey, error) {
	e, err := ParseElement(element)
	if err != nil {
		t.unknown++
		return e, tableKey{}, err
	}
	k := tableKey{realm: -1, kind: e.Kind, match: e.Match, uri: e.URI}
	if r := t.realm(e.Realm); r != nil {
		k.realm = r.index
	} else {
		t.unknown++
	}
	return e, k, nil
}

// Hidden says that a node is not routed to any more, and that its elements are being removed one by one: until they are, its
// registrations stand in nobody's way, and its claims are void.
func (t *Tables) Hidden(node NodeSlot) {
	t.dropClaims(node)
	t.hidden.Add(uint8(node))
}

// Shown says that a node is routed to again, or that all of its elements are removed.
func (t *Tables) Shown(node NodeSlot) { t.hidden.Remove(uint8(node)) }

// scrub removes the callees of hidden nodes from the registration that is about to change.
func (t *Tables) scrub(k tableKey) {
	if t.hidden.Empty() || k.kind != Registration {
		return
	}
	for r := t.registration(k); r != nil; r = t.registration(k) {
		i := slices.IndexFunc(r.Callees, func(c dealer.Callee) bool { return c.Node != 0 && t.hidden.Has(c.Node) })
		if i < 0 {
			return
		}
		t.removeCallee(k, r.Callees[i].Node, r.Callees[i].Session)
	}
}

// HideNode removes all elements of the node. It looks at every entry of the tables, which may take long: it is for a node whose place in
// the numbering another one gets.
func (t *Tables) HideNode(node NodeSlot) {
	t.dropClaims(node)
	for i := range t.edit {
		t.hideInterest(i, uint8(node))
		t.hideCallees(i, uint8(node))
	}
}

func (t *Tables) hideInterest(realm int, node uint8) {
	t.gone = t.gone[:0]
	for e := range t.edit[realm].Broker.All {
		if e.Nodes.Has(node) {
			t.gone = append(t.gone, goneElement{key: tableKey{realm, Interest, e.Match, e.Topic}})
		}
	}
	for _, g := range t.gone {
		t.removeInterest(g.key, node)
	}
	clear(t.gone)
}

func (t *Tables) hideCallees(realm int, node uint8) {
	t.gone = t.gone[:0]
	for r := range t.edit[realm].Dealer.All {
		for i := range r.Callees {
			if c := &r.Callees[i]; c.Node == node {
				t.gone = append(t.gone, goneElement{tableKey{realm, Registration, r.Match, r.Procedure}, c.Session})
			}
		}
	}
	for _, g := range t.gone {
		t.removeCallee(g.key, node, g.session)
	}
	clear(t.gone)
}
