package router

import (
	"cmp"
	"slices"
	"strings"

	"kleeblatt/internal/wamp"
)

// What is told of registrations and subscriptions when a node is shown again, or has gone for good.

func (n *nodeAffairs) isBlind(realm int) bool {
	_, blind := n.blind[realm]
	return blind
}

func (n *nodeAffairs) setBlind(realm int) {
	if n.blind == nil {
		n.blind = map[int]struct{}{}
	}
	n.blind[realm] = struct{}{}
}

func compareKeys(a, b tableKey) int {
	return cmp.Or(cmp.Compare(a.realm, b.realm), cmp.Compare(a.kind, b.kind), cmp.Compare(a.match, b.match), strings.Compare(a.uri, b.uri))
}

// shown says that the node's elements are about to be told anew.
func (a *affairs) shown(node NodeSlot) {
	if a == nil || !a.gone.Has(uint8(node)) {
		return
	}
	for realm := range a.realms { // it was told that these are over; nobody knows yet by whom they are held again
		if !a.hearsSubscriptions(realm) {
			continue
		}
		for _, k := range a.heldOnlyBy(realm, node) {
			a.makeFresh(k)
		}
	}
	a.gone.Remove(uint8(node))
}

// ends tells what the node had when it was hidden and has not any more.
func (a *affairs) ends(node NodeSlot) {
	if a == nil {
		return
	}
	n := &a.nodes[node]
	var callees []calleeKey
	for c := range n.callees {
		callees = append(callees, c)
	}
	slices.SortFunc(callees, func(x, y calleeKey) int {
		return cmp.Or(compareKeys(x.tableKey, y.tableKey), cmp.Compare(x.session, y.session))
	})
	for _, c := range callees {
		a.less(a.away, c.tableKey)
		a.tellCalleeGone(c.tableKey, n.callees[c], c.session, a.others(c.tableKey, a.t.registration(c.tableKey)))
	}
	var topics []tableKey
	for k := range n.topics {
		topics = append(topics, k)
	}
	slices.SortFunc(topics, compareKeys)
	for _, k := range topics {
		a.less(a.away, k)
		if a.hearsSubscriptions(k.realm) {
			a.topicLeft(k, a.t.idOf(k), node, a.t.entry(k))
		}
	}
	n.callees, n.topics = nil, nil
}

// begins tells what has come since the node is shown.
func (a *affairs) begins(node NodeSlot) {
	if a == nil {
		return
	}
	n := &a.nodes[node]
	joins := n.joins
	n.joins, n.blind = nil, nil
	for _, c := range joins {
		r := a.t.registration(c.tableKey)
		others := a.others(c.tableKey, r)
		a.less(a.pending, c.tableKey)
		if r.Callee(uint8(node), c.session) != nil {
			a.tellCallee(c.tableKey, r.ID, c.session, others)
		}
	}
}

// over says that the node has gone for good. It looks at all subscriptions where somebody listens.
func (a *affairs) over(node NodeSlot) {
	if a == nil {
		return
	}
	a.gone.Add(uint8(node))
	n := &a.nodes[node]
	for _, c := range n.joins {
		a.less(a.pending, c.tableKey)
	}
	n.joins = nil
	for realm := range a.realms {
		if a.hearsSubscriptions(realm) {
			a.subscribersOver(realm, node)
		}
	}
	a.ends(node)
	for realm := range a.realms {
		if a.hearsSubscriptions(realm) {
			a.topicsOver(realm, node)
		}
	}
	n.blind = nil
}

// subscribersOver tells that sessions of the node are no subscribers any more.
func (a *affairs) subscribersOver(realm int, node NodeSlot) {
	type pair struct {
		tableKey
		session uint64
	}
	var all []pair
	for k, of := range a.realms[realm].byTopic {
		for _, x := range of {
			if x.node == node {
				all = append(all, pair{k, x.session})
			}
		}
	}
	slices.SortFunc(all, func(x, y pair) int {
		return cmp.Or(compareKeys(x.tableKey, y.tableKey), cmp.Compare(x.session, y.session))
	})
	for _, x := range all {
		a.lost(x.tableKey, a.t.idOf(x.tableKey), x.session)
	}
}

// topicsOver tells which subscriptions nobody has any more, though they are still in the tables.
func (a *affairs) topicsOver(realm int, node NodeSlot) {
	for _, k := range a.heldOnlyBy(realm, node) {
		a.topicOver(k, a.t.idOf(k))
	}
}

// heldOnlyBy are the subscriptions that are in the tables for want of nobody but a node that has gone.
func (a *affairs) heldOnlyBy(realm int, node NodeSlot) (all []tableKey) {
	for e := range a.t.edit[realm].Broker.All {
		k := tableKey{realm, Interest, e.Match, e.Topic}
		if e.Nodes.Has(uint8(node)) && !a.live(e) && a.away[k] == 0 && !wamp.Reserved(octets(e.Topic)) {
			all = append(all, k)
		}
	}
	return all
}
