package router

import (
	"slices"
	"strings"

	"kleeblatt/broker"
	"kleeblatt/dealer"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

// affairs tell this node's subscribers what becomes of registrations and subscriptions, on whatever node (advanced/meta_api_registrations.md,
// meta_api_subscriptions.md). Each node derives these events for its own subscribers, in the order in which the changes come: created ahead of
// the first that has it, deleted behind the last. So every subscriber sees a well-bracketed sequence.
//
// A registration's element says whose it is. That of a subscription does not: of subscribers a node tells the others only while somebody
// in the cluster listens (Snapshot.Watched), by a note in its part, which it takes back at once. Whoever was not told by the cut of a link that
// a session has subscribed hears at the latest with its end, or that of the subscription, that it does not any more.
//
// A node that is hidden keeps what it has; what has changed when it is shown again is told as differences, what has ended first. All of
// this costs nothing where nobody listens: then nothing is remembered but the number of those who would.
//
// The protocol's own topics are no affair (UMA-04): whoever listens to these events would hear of itself.
type affairs struct {
	t      *Tables
	d      *Directory
	realms []realmAffairs
	nodes  [broker.MaxNodes]nodeAffairs
	gone   broker.NodeSet // whose subscriptions are over, whether or not they are still in the tables

	away    map[tableKey]int // callees, or nodes with interest, that are hidden
	pending map[tableKey]int // callees that are in the tables and have not been told
}

// realmAffairs are about the subscriptions of one realm, and empty while nobody of this node listens.
type realmAffairs struct {
	subs, regs int // subscriptions, of any node, to events about subscriptions and registrations

	fresh     map[tableKey]struct{} // subscriptions that have come, and nobody knows yet by whom
	bySession map[uint64][]tableKey // who was told to have subscribed
	byTopic   map[tableKey][]told   // the same
	pairs     int                   // their number
	last      map[tableKey]uint64   // who was told last to be no subscriber any more
}

type told struct {
	session uint64
	node    NodeSlot
}

// nodeAffairs are what a node is to be compared with when it is shown again.
type nodeAffairs struct {
	callees map[calleeKey]uint64  // that it had when it was hidden, with the registrations' ids
	topics  map[tableKey]struct{} // likewise
	blind   map[int]struct{}      // realms in which nobody listened then: nothing can be told of differences
	joins   []calleeKey           // that have come since it is shown
}

type calleeKey struct {
	tableKey
	session uint64
}

const (
	// affairsMax bounds what is remembered of subscriptions in one realm while somebody listens: of those beyond it is not told that they
	// end when their node dies. One takes some 150 bytes.
	affairsMax = 1 << 18
	// lastMax bounds for how many subscriptions it is remembered who left last: they are about to be deleted, or have others.
	lastMax = 1 << 12
)

const (
	onCreate = iota // of a subscription or registration
	onGain          // a session has it
	onLoss          // a session does not have it any more
	onDelete
	occasions
)

var (
	subscriptionTopics = [occasions]string{
		"wamp.subscription.on_create", "wamp.subscription.on_subscribe", "wamp.subscription.on_unsubscribe", "wamp.subscription.on_delete",
	}
	registrationTopics = [occasions]string{
		"wamp.registration.on_create", "wamp.registration.on_register", "wamp.registration.on_unregister", "wamp.registration.on_delete",
	}
)

// TellBy lets d tell what becomes of registrations and subscriptions. It is called once, while both are empty.
func (t *Tables) TellBy(d *Directory) {
	a := &affairs{t: t, d: d, away: map[tableKey]int{}, pending: map[tableKey]int{}}
	t.affairs, d.affairs = a, a
}

func (a *affairs) realm(i int) *realmAffairs {
	for len(a.realms) <= i {
		a.realms = append(a.realms, realmAffairs{})
	}
	return &a.realms[i]
}

// matchesAny says whether a subscription would get events of one of the topics.
func matchesAny(match wamp.Match, uri string, topics *[occasions]string) bool {
	return slices.ContainsFunc(topics[:], func(topic string) bool { return auth.Holds(match, uri, topic) })
}

// hears says whether somebody of this node listens.
func (a *affairs) hears(realm, listeners int, topics *[occasions]string) bool {
	if listeners == 0 {
		return false
	}
	a.d.meet()
	for _, topic := range topics {
		if a.d.heard(realm, topic) {
			return true
		}
	}
	return false
}

// hearsSubscriptions says whether somebody of this node listens to events about subscriptions. If not, nothing is remembered.
func (a *affairs) hearsSubscriptions(realm int) bool {
	r := a.realm(realm)
	if a.hears(realm, r.subs, &subscriptionTopics) {
		return true
	}
	if r.pairs > 0 || len(r.fresh) > 0 || len(r.last) > 0 {
		*r = realmAffairs{subs: r.subs, regs: r.regs}
	}
	return false
}

// tell notes an event of which a session is the cause. It is not told itself, as it is not when it joins (UMA-05).
func (a *affairs) tell(k tableKey, occasion int, session uint64, what any) {
	topics := &subscriptionTopics
	if k.kind == Registration {
		topics = &registrationTopics
	}
	if a.d.heard(k.realm, topics[occasion]) {
		a.d.news.items = append(a.d.news.items, newsItem{realm: k.realm, topic: topics[occasion], args: []any{session, what}, by: session})
	}
}

// live says whether the subscription has subscribers, as far as is known.
func (a *affairs) live(e *broker.Entry) bool {
	if e == nil {
		return false
	}
	nodes := e.Nodes
	nodes.AndNot(a.gone)
	return e.Workers != 0 || !nodes.Empty()
}

// topicChanged is called when a node has (on) interest in a topic or none any more, which made after of before.
func (a *affairs) topicChanged(k tableKey, id uint64, node NodeSlot, on bool, before, after *broker.Entry) {
	a.countListeners(k, before, after)
	if wamp.Reserved(octets(k.uri)) {
		return
	}
	n := &a.nodes[node]
	heard := a.hearsSubscriptions(k.realm)
	switch {
	case on:
		if _, kept := n.topics[k]; kept {
			delete(n.topics, k)
			a.less(a.away, k)
			return
		}
		if heard && !n.isBlind(k.realm) && !a.live(before) && a.away[k] == 0 {
			a.makeFresh(k)
		}
	case node != 0 && a.gone.Has(uint8(node)): // told when it went
	case node != 0 && a.t.hidden.Has(uint8(node)):
		if !heard {
			n.setBlind(k.realm)
			return
		}
		if n.topics == nil {
			n.topics = map[tableKey]struct{}{}
		}
		n.topics[k] = struct{}{}
		a.away[k]++
	case heard:
		a.topicLeft(k, id, node, after)
	}
}

func (a *affairs) makeFresh(k tableKey) {
	r := a.realm(k.realm)
	if r.fresh == nil {
		r.fresh = map[tableKey]struct{}{}
	}
	if len(r.fresh) < affairsMax {
		r.fresh[k] = struct{}{}
	}
}

// countListeners keeps Snapshot.Watched true.
func (a *affairs) countListeners(k tableKey, before, after *broker.Entry) {
	if (before == nil) == (after == nil) || k.match == wamp.Exact && !strings.HasPrefix(k.uri, "wamp.") {
		return
	}
	by := 1
	if after == nil {
		by = -1
	}
	r := a.realm(k.realm)
	if matchesAny(k.match, k.uri, &subscriptionTopics) {
		r.subs += by
		a.t.edit[k.realm].Watched = r.subs > 0
	}
	if matchesAny(k.match, k.uri, &registrationTopics) {
		r.regs += by
	}
}

// topicLeft is called when a node has no interest in a topic any more.
func (a *affairs) topicLeft(k tableKey, id uint64, node NodeSlot, after *broker.Entry) {
	for _, x := range slices.Clone(a.realm(k.realm).byTopic[k]) {
		if x.node == node {
			a.lost(k, id, x.session)
		}
	}
	if !a.live(after) && a.away[k] == 0 {
		a.topicOver(k, id)
	}
}

// topicOver tells that a subscription has gone, if it was told that it came.
func (a *affairs) topicOver(k tableKey, id uint64) {
	r := a.realm(k.realm)
	if _, fresh := r.fresh[k]; fresh {
		delete(r.fresh, k)
		return
	}
	session := r.last[k]
	delete(r.last, k)
	a.tell(k, onDelete, session, id)
}

// Subscriber takes a session of this node that has subscribed (OpSubscribed), or is no subscriber any more (OpUnsubscribed), and tells the
// other nodes where somebody listens there. It comes behind the interest of the first and ahead of the end of that of the last.
func (t *Tables) Subscriber(op *Op, out []TablesEffect) []TablesEffect {
	r, a := t.realm(op.Realm), t.affairs
	if r == nil || a == nil {
		return out
	}
	k := tableKey{realm: r.index, kind: Interest, match: op.Match, uri: op.URI}
	a.note(k, 0, op.Session, op.Kind == OpSubscribed)
	if !a.heardElsewhere(r.index) {
		return out
	}
	note := string(AppendNote(t.scratch[:0], op.Realm, op.Match, op.URI, op.Session, op.Kind == OpSubscribed))
	out = append(out, TablesEffect{Kind: TxPropose, Op: TableOp{Add: true, Element: note}})
	return append(out, TablesEffect{Kind: TxPropose, Op: TableOp{Element: note}})
}

// heardElsewhere says whether another node has listeners to events about subscriptions.
func (a *affairs) heardElsewhere(realm int) bool {
	if a.realm(realm).subs == 0 {
		return false
	}
	for _, topic := range subscriptionTopics {
		for _, e := range a.t.edit[realm].Broker.Match(octets(topic), nil) {
			if !e.Nodes.Empty() {
				return true
			}
		}
	}
	return false
}

// note is called when it is known of a session that it has (on) subscribed, or is no subscriber any more.
func (a *affairs) note(k tableKey, node NodeSlot, session uint64, on bool) {
	if wamp.Reserved(octets(k.uri)) || !a.hearsSubscriptions(k.realm) {
		return
	}
	r, id := a.realm(k.realm), a.t.idOf(k)
	_, fresh := r.fresh[k]
	switch {
	case on && fresh:
		delete(r.fresh, k)
		created := a.t.now
		if e := a.t.entry(k); e != nil {
			created = e.Created
		}
		a.tell(k, onCreate, session, subscriptionDetails(id, created, k.match, k.uri))
		fallthrough
	case on:
		a.tell(k, onGain, session, id)
		r.remember(k, told{session, node})
	case !fresh:
		a.lost(k, id, session)
	}
}

// lost tells that a session is no subscriber any more.
func (a *affairs) lost(k tableKey, id, session uint64) {
	r := a.realm(k.realm)
	r.forget(k, session)
	if r.last == nil || len(r.last) >= lastMax {
		r.last = map[tableKey]uint64{}
	}
	r.last[k] = session
	a.tell(k, onLoss, session, id)
}

func (r *realmAffairs) remember(k tableKey, x told) {
	if r.pairs >= affairsMax || slices.Contains(r.bySession[x.session], k) {
		return
	}
	if r.bySession == nil {
		r.bySession, r.byTopic = map[uint64][]tableKey{}, map[tableKey][]told{}
	}
	r.pairs++
	r.bySession[x.session] = append(r.bySession[x.session], k)
	r.byTopic[k] = append(r.byTopic[k], x)
}

func (r *realmAffairs) forget(k tableKey, session uint64) {
	keys := r.bySession[session]
	i := slices.Index(keys, k)
	if i < 0 {
		return
	}
	r.pairs--
	if keys = slices.Delete(keys, i, i+1); len(keys) == 0 {
		delete(r.bySession, session)
	} else {
		r.bySession[session] = keys
	}
	of := slices.DeleteFunc(r.byTopic[k], func(x told) bool { return x.session == session })
	if len(of) == 0 {
		delete(r.byTopic, k)
	} else {
		r.byTopic[k] = of
	}
}

// sessionOver is called before it is told that a session has left: it has nothing any more.
func (a *affairs) sessionOver(realm int, session uint64) {
	if a == nil || realm >= len(a.realms) {
		return
	}
	for _, k := range slices.Clone(a.realms[realm].bySession[session]) {
		a.lost(k, a.t.idOf(k), session)
	}
}

// calleeCame is called when a session has registered, before which there was before.
func (a *affairs) calleeCame(k tableKey, id uint64, c *dealer.Callee, before *dealer.Registration) {
	if before.Callee(c.Node, c.Session) != nil {
		return
	}
	n, key := &a.nodes[c.Node], calleeKey{k, c.Session}
	_, kept := n.callees[key]
	switch {
	case kept:
		delete(n.callees, key)
		a.less(a.away, k)
	case n.isBlind(k.realm):
	case c.Node != 0 && a.d.nodes[c.Node].syncing:
		n.joins = append(n.joins, key)
		a.pending[k]++
	default:
		a.tellCallee(k, id, c.Session, a.others(k, before))
	}
}

// others is how many callees a registration has of those who were told.
func (a *affairs) others(k tableKey, r *dealer.Registration) int {
	n := a.away[k] - a.pending[k]
	if r != nil {
		n += len(r.Callees)
	}
	return n
}

func (a *affairs) hearsRegistrations(realm int) bool {
	return a.hears(realm, a.realm(realm).regs, &registrationTopics)
}

func (a *affairs) tellCallee(k tableKey, id, session uint64, others int) {
	if !a.hearsRegistrations(k.realm) {
		return
	}
	if r := a.t.registration(k); others <= 0 && r != nil {
		a.tell(k, onCreate, session, registrationDetails(r))
	}
	a.tell(k, onGain, session, id)
}

// calleeLeft is called when a session has not registered any more, which left after.
func (a *affairs) calleeLeft(k tableKey, id uint64, c *dealer.Callee, after *dealer.Registration) {
	n, key := &a.nodes[c.Node], calleeKey{k, c.Session}
	if i := slices.Index(n.joins, key); i >= 0 {
		n.joins = slices.Delete(n.joins, i, i+1)
		a.less(a.pending, k)
		return
	}
	switch {
	case c.Node != 0 && a.gone.Has(c.Node):
	case c.Node != 0 && a.t.hidden.Has(c.Node):
		if !a.hearsRegistrations(k.realm) {
			n.setBlind(k.realm)
			return
		}
		if n.callees == nil {
			n.callees = map[calleeKey]uint64{}
		}
		n.callees[key] = id
		a.away[k]++
	default:
		a.tellCalleeGone(k, id, c.Session, a.others(k, after))
	}
}

func (a *affairs) tellCalleeGone(k tableKey, id, session uint64, others int) {
	if !a.hearsRegistrations(k.realm) {
		return
	}
	a.tell(k, onLoss, session, id)
	if others <= 0 {
		a.tell(k, onDelete, session, id)
	}
}

func (a *affairs) less(counts map[tableKey]int, k tableKey) {
	if counts[k]--; counts[k] == 0 {
		delete(counts, k)
	}
}
