package router

import (
	"slices"

	"kleeblatt/broker"
	"kleeblatt/internal/auth"
)

// Directory knows the sessions of the whole cluster, as far as nodes tell of them, and what is to be told to this node's subscribers about
// it (events.go). It belongs to the home loop, like the Tables, and is a state machine like them: what it proposes to the Replicator it
// appends to the caller's effects.
//
// A session is in it from the moment at which it counts (its element is applied) until it has left, or its node is gone for good. A node
// that is hidden keeps its sessions: it may only be cut off. When it is shown again, what changed meanwhile is told as differences,
// leaves first. So for each session every subscriber sees joins and leaves in turn.
type Directory struct {
	realms *Realms
	local  bool
	list   []realmSessions // by realm
	nodes  [broker.MaxNodes]nodeSessions
	tokens map[uint64]sessionKey // of changes at the Replicator
	token  uint64
	clash  uint64

	unknown    uint64
	news       news
	unretained []string // testaments
	affairs    *affairs // what else is told; nil: nothing
}

// DirectoryConfig is what a Directory has to know.
type DirectoryConfig struct {
	Realms *Realms
	Local  bool // this node's sessions are not told to the others (directory: query)
}

// realmSessions are the sessions of one realm.
type realmSessions struct {
	byID  map[uint64]record
	roles map[string]int // how many of them count, by authrole
	count int            // that count
}

// record is one session.
type record struct {
	element string
	node    NodeSlot // 0: ours
	state   recordState
	round   uint8 // the round of its node's when it was last told
	silent  bool  // nobody is told when it leaves
}

// recordState is where one of our own sessions stands; those of others are joined.
type recordState uint8

const (
	joined      recordState = iota // it counts, and its element is in our part
	joining                        // its element is at the Replicator: it does not count yet
	joiningLeft                    // the same, and it has left already
	leaving                        // the end of its element is at the Replicator
	private                        // it counts, and no other node knows of it
)

type sessionKey struct {
	realm   int
	session uint64
}

// nodeSessions is how far another node's sessions have been told anew.
type nodeSessions struct {
	syncing bool
	round   uint8
	joins   []sessionJoin // not known before this round
	legacy  legacy
}

type sessionJoin struct {
	key     sessionKey
	element string
}

// directoryToken marks the Directory's tokens among all that a Replicator is given.
const directoryToken = 1 << 63

// IsDirectoryToken says whether a change that was applied or refused is the Directory's, and not the Tables'.
func IsDirectoryToken(token uint64) bool { return token&directoryToken != 0 }

// NewDirectory returns an empty directory.
func NewDirectory(c DirectoryConfig) *Directory {
	d := &Directory{realms: c.Realms, local: c.Local, tokens: map[uint64]sessionKey{}}
	d.meet()
	return d
}

// realm is the realm of that name, which is opened if a template fits; nil where it is not served here.
func (d *Directory) realm(name string) *Realm {
	r := d.realms.Open(name)
	if r != nil && r.index >= len(d.list) {
		d.meet()
	}
	return r
}

// meet makes room for the realms that have come to be.
func (d *Directory) meet() {
	for range d.realms.All()[len(d.list):] {
		d.list = append(d.list, realmSessions{byID: map[uint64]record{}, roles: map[string]int{}})
	}
}

// Clashes counts sessions of other nodes that are left out because another one has their id. Ids are random: none is to be expected.
func (d *Directory) Clashes() uint64 { return d.clash }

// Unknown counts the elements of other nodes that could not be used, as Tables.Unknown does.
func (d *Directory) Unknown() uint64 { return d.unknown }

// Propose takes the change of one of our own sessions: OpSessionOpen or OpSessionOver, OpTestament or OpTestamentOver.
func (d *Directory) Propose(op *Op, out []TablesEffect) []TablesEffect {
	r := d.realm(op.Realm)
	if r == nil {
		return out
	}
	if op.Kind == OpTestament || op.Kind == OpTestamentOver {
		return d.proposeTestament(op, out)
	}
	k := sessionKey{r.index, op.Session}
	x, known := d.list[r.index].byID[op.Session]
	switch {
	case op.Kind == OpSessionOpen && known:
		d.clash++
	case op.Kind == OpSessionOpen && d.local:
		d.join(k, record{element: op.Element, state: private})
	case op.Kind == OpSessionOpen:
		d.list[r.index].byID[op.Session] = record{element: op.Element, state: joining}
		out = d.fly(k, true, op.Element, out)
	case !known || x.node != 0:
	case x.state == joined:
		out = d.setState(k, x, leaving, out)
	case x.state == joining:
		out = d.setState(k, x, joiningLeft, out)
	case x.state == private:
		d.leave(k, x)
	}
	return out
}

// setState moves one of our sessions on; one that leaves is told to the Replicator.
func (d *Directory) setState(k sessionKey, x record, s recordState, out []TablesEffect) []TablesEffect {
	x.state = s
	d.list[k.realm].byID[k.session] = x
	if s == leaving {
		return d.fly(k, false, x.element, out)
	}
	return out
}

func (d *Directory) fly(k sessionKey, add bool, element string, out []TablesEffect) []TablesEffect {
	d.token++
	d.tokens[d.token] = k
	return append(out, TablesEffect{Kind: TxPropose, Token: d.token | directoryToken, Op: TableOp{Add: add, Element: element}})
}

// Applied says that the change that TxPropose gave this token counts from now on.
func (d *Directory) Applied(token uint64, out []TablesEffect) []TablesEffect {
	return d.landed(token, joined, out)
}

// Refused says that it is not going to count. The session counts on this node all the same; the others do not know of it.
func (d *Directory) Refused(token uint64, out []TablesEffect) []TablesEffect {
	return d.landed(token, private, out)
}

func (d *Directory) landed(token uint64, as recordState, out []TablesEffect) []TablesEffect {
	token &^= directoryToken
	k, ok := d.tokens[token]
	if !ok {
		return out
	}
	delete(d.tokens, token)
	x := d.list[k.realm].byID[k.session]
	was := x.state
	if was == leaving {
		d.leave(k, x)
		return out
	}
	x.state = as
	d.join(k, x)
	switch {
	case was == joiningLeft && as == private:
		d.leave(k, x)
	case was == joiningLeft:
		out = d.setState(k, x, leaving, out)
	}
	return out
}

// join lets a session count.
func (d *Directory) join(k sessionKey, x record) {
	l := &d.list[k.realm]
	l.byID[k.session] = x
	l.roles[roleOf(x.element)]++
	l.count++
	d.tell(k.realm, topicJoin, x.element)
}

// leave ends a session that counts.
func (d *Directory) leave(k sessionKey, x record) {
	l := &d.list[k.realm]
	delete(l.byID, k.session)
	role := roleOf(x.element)
	if l.roles[role]--; l.roles[role] == 0 {
		delete(l.roles, role)
	}
	l.count--
	d.affairs.sessionOver(k.realm, k.session)
	if !x.silent {
		d.tell(k.realm, topicLeave, x.element)
	}
}

func roleOf(element string) string {
	e, _ := ParseElement(element)
	return e.AuthRole
}

// RemoteAdd takes an element of another node that is routed to, a session or a testament. It keeps the string as long as that is known.
func (d *Directory) RemoteAdd(node NodeSlot, element string) error {
	e, err := ParseElement(element)
	if err != nil {
		d.unknown++
		return err
	}
	r := d.realm(e.Realm)
	if r == nil || e.Kind != Session && e.Kind != Testament || node == 0 {
		d.unknown++
		return nil // a realm that this node does not serve
	}
	if e.Kind == Testament {
		return d.addTestament(node, element, &e)
	}
	n := &d.nodes[node]
	k := sessionKey{r.index, e.Session}
	x, known := d.list[r.index].byID[e.Session]
	switch {
	case known && x.node != node:
		d.clash++
	case known && x.element == element:
		x.round = n.round
		d.list[r.index].byID[e.Session] = x
	case known: // another session, under the same id
		d.leave(k, x)
		d.join(k, record{element: element, node: node, round: n.round})
	case n.syncing:
		n.joins = append(n.joins, sessionJoin{k, element})
	default:
		d.join(k, record{element: element, node: node, round: n.round})
	}
	return nil
}

// RemoteRemove takes back what RemoteAdd added.
func (d *Directory) RemoteRemove(node NodeSlot, element string) {
	e, err := ParseElement(element)
	r := d.realm(e.Realm)
	if err == nil && e.Kind == Testament {
		d.removeTestament(node, element, &e)
		return
	}
	if err != nil || r == nil || e.Kind != Session {
		return
	}
	x, known := d.list[r.index].byID[e.Session]
	if known && x.node == node && node != 0 && x.element == element {
		d.leave(sessionKey{r.index, e.Session}, x)
		return
	}
	n := &d.nodes[node]
	n.joins = slices.DeleteFunc(n.joins, func(j sessionJoin) bool { return j.element == element })
}

// Show says that the node's elements are about to be told anew: all there are, until Reached.
func (d *Directory) Show(node NodeSlot) {
	n := &d.nodes[node]
	n.syncing, n.joins = true, nil
	n.round++
	d.affairs.shown(node)
}

// Reached says that they have all been told. Sessions that were not are over; they leave before new ones join.
func (d *Directory) Reached(node NodeSlot) {
	n := &d.nodes[node]
	if !n.syncing {
		return
	}
	n.syncing = false
	n.forgetUntold()
	d.affairs.ends(node)
	d.leaveAll(node, func(x *record) bool { return x.round != n.round })
	joins := n.joins
	n.joins = nil
	for _, j := range joins {
		if _, known := d.list[j.key.realm].byID[j.key.session]; known {
			d.clash++
			continue
		}
		d.join(j.key, record{element: j.element, node: node, round: n.round})
	}
	d.affairs.begins(node)
}

// Gone says that the node's sessions are over for good: their testaments are due. It looks at all sessions.
func (d *Directory) Gone(node NodeSlot) {
	if node == 0 {
		return
	}
	d.nodes[node].syncing, d.nodes[node].joins = false, nil
	d.publishLegacy(node)
	d.affairs.over(node)
	d.leaveAll(node, func(*record) bool { return true })
}

// leaveAll ends the node's sessions that are over, in the order of their ids.
func (d *Directory) leaveAll(node NodeSlot, over func(*record) bool) {
	for realm := range d.list {
		var ids []uint64
		for id, x := range d.list[realm].byID {
			if x.node == node && over(&x) {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		for _, id := range ids {
			d.leave(sessionKey{realm, id}, d.list[realm].byID[id])
		}
	}
}

// counts says whether a session is to be seen by others.
func (x *record) counts() bool { return x.state != joining && x.state != joiningLeft }

// Len is the number of sessions that are known, in all realms.
func (d *Directory) Len() (n int) {
	for i := range d.list {
		n += d.list[i].count
	}
	return n
}

// Who is the session of that id, and the node that it is on; false if it is not known.
func (d *Directory) Who(realm string, session uint64) (who auth.Principal, node NodeSlot, ok bool) {
	r := d.realm(realm)
	if r == nil {
		return who, 0, false
	}
	x, known := d.list[r.index].byID[session]
	if !known || !x.counts() {
		return who, 0, false
	}
	e, _ := ParseElement(x.element)
	return e.Principal, x.node, true
}
