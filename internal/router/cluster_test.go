package router

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// testCluster is some nodes of some workers with their tables, wired by queues that a test empties in order or shuffled. It keeps to what the
// real wiring promises: each queue is first in, first out, and a frame is not looked at before the changes of the tables that its sender made
// before it.
type testCluster struct {
	t      testing.TB
	nodes  []*testNode
	conns  map[Conn]*testConn
	queues map[route]*testQueue
	order  []*testQueue
	shake  *rand.Rand // nil: queues are emptied in the order in which they were first used
	now    int64
	next   Conn
	random func() uint64 // publication ids
}

type testNode struct {
	c       *testCluster
	index   int
	realms  *Realms
	tables  *Tables
	dir     *Directory
	ret     *Retention
	workers []*Worker
	tx      []TablesEffect
	sent    int   // changes of our part
	reached []int // by node: how many of its changes our tables have
	part    map[string]bool
	relays  int
	posts   int
	cut     bool // nothing reaches or leaves it
}

type testConn struct {
	name       string
	node       *testNode
	worker     int
	id         Conn
	serializer wamp.Serializer
	closed     bool // no message may follow
	gone       bool
	paused     bool
	out        []string
	got        func(kind string, msg []byte) // "" for messages
}

// route names a queue: from a node's worker (-1: its home) to another's.
type route struct{ fromNode, fromWorker, toNode, toWorker, lane int }

type testQueue struct {
	items []testItem
}

type testItem struct {
	ready func() bool
	run   func()
}

var testRealms = []RealmConfig{
	{Name: "r"}, {Name: "r2"}, {Name: "strict", Strict: true}, {Name: "stricturi", StrictURI: true},
	{Name: "never", Disclosure: DiscloseNever}, {Name: "always", Disclosure: DiscloseAlways},
	{Name: "ruled", Auth: withBoss("ruled"), Roles: map[string]*RoleConfig{auth.RoleAnonymous: {Rules: anonymousRules}}},
	{Name: "ruled.never", Disclosure: DiscloseNever, Auth: withBoss("ruled.never"), Roles: map[string]*RoleConfig{auth.RoleAnonymous: {Rules: anonymousRules}}},
	{Name: "asked", Roles: map[string]*RoleConfig{auth.RoleAnonymous: {Rules: anonymousRules, Authorizer: &Authorizer{Procedure: "com.auth.ask", Realm: "ruled", Lifetime: 10 * time.Second}}, "other": {Authorizer: &Authorizer{Procedure: "com.auth.own"}}}},
	{Name: "dyn", Auth: withWho("dyn")},
	{
		Name: "small", Auth: withBoss("small"), Limits: SessionLimits{Sessions: 3, Subscriptions: 1, Registrations: 1, Calls: 1, Invocations: 1},
		Roles: map[string]*RoleConfig{auth.RoleAnonymous: {Limits: SessionLimits{Sessions: 2, Subscriptions: 2, MessageBytes: 1000}}},
	},
	{Name: "trusted", Auth: withBoss("trusted"), Roles: map[string]*RoleConfig{auth.RoleAnonymous: {Trust: new(uint32)}}},
	{
		Name: "everything", Disclosure: DiscloseAlways, Limits: SessionLimits{Rate: 1 << 20, Burst: 1 << 24, Sessions: 1000},
		Roles: map[string]*RoleConfig{auth.RoleAnonymous: {
			Rules: anonymousRules, Authorizer: &Authorizer{Procedure: "com.auth.ask", Realm: "ruled"}, Trust: new(uint32),
			Limits: SessionLimits{Calls: 100, Invocations: 100},
		}},
	},
	{Name: "ending", Roles: map[string]*RoleConfig{auth.RoleAnonymous: {Rules: endingRules}}},
	{Name: "everywhere", Roles: map[string]*RoleConfig{auth.RoleAnonymous: {Rules: allRules}}},
	{Name: "rated", Limits: SessionLimits{Rate: 100, Burst: 50}},
}

// testTemplates make realms on demand, at most testOnDemand.
var testTemplates = []RealmTemplate{{Pattern: "tenant.*"}, {Pattern: "closed.*", RealmConfig: RealmConfig{Auth: withBoss("closed")}}}

const testOnDemand = 4

// anonymousRules are what who proves nothing may do in realms with rules.
var anonymousRules = func() *auth.Rules {
	all := auth.Of(auth.Call, auth.Register, auth.Publish, auth.Subscribe)
	r, err := auth.NewRules([]auth.Rule{
		{URI: "com.open.", Match: wamp.Prefix, Allow: all},
		{URI: "com.open.secret", Match: wamp.Prefix, Deny: auth.Of(auth.Subscribe, auth.Call)},
		{URI: "com..status", Match: wamp.Wildcard, Allow: auth.Of(auth.Subscribe)},
		{URI: "com.one", Allow: all},
		{URI: "com.auth.", Match: wamp.Prefix, Allow: auth.Of(auth.Register)},
		{URI: "com.named.", Match: wamp.Prefix, Allow: auth.Of(auth.Call, auth.Publish), Disclose: auth.Of(auth.Call, auth.Publish)},
		{URI: "wamp.session.count", Allow: auth.Of(auth.Call)},
		{URI: "wamp.session.add_testament", Allow: auth.Of(auth.Call)},
		{URI: "wamp.session.on_join", Allow: auth.Of(auth.Subscribe)},
	})
	if err != nil {
		panic(err)
	}
	return r
}()

// allRules are a catch-all; endingRules let who has them end what others have, too.
var (
	allRules    = mustRules(catchAll)
	endingRules = mustRules(catchAll, auth.Rule{URI: "wamp.", Match: wamp.Prefix, Allow: auth.Of(auth.Call)})
	catchAll    = auth.Rule{Match: wamp.Prefix, Allow: auth.Of(auth.Call, auth.Register, auth.Publish, auth.Subscribe)}
)

func mustRules(list ...auth.Rule) *auth.Rules {
	r, err := auth.NewRules(list)
	if err != nil {
		panic(err)
	}
	return r
}

// withBoss lets in one user, whose role has no rules, beside those who prove nothing.
func withBoss(realm string) *auth.Realm {
	r, err := auth.NewRealm(auth.RealmConfig{Name: realm, Anonymous: true, Users: []auth.User{{AuthID: "boss", Role: "admin", Ticket: "sesame"}}})
	if err != nil {
		panic(err)
	}
	return r
}

// withWho asks about everybody.
func withWho(realm string) *auth.Realm {
	r, err := auth.NewRealm(auth.RealmConfig{
		Name: realm, Users: []auth.User{{AuthID: "boss", Role: "admin", Ticket: "sesame"}}, Roles: []string{"guest"},
		Authenticators: []*auth.Authenticator{{
			Procedure: "com.auth.who", Realm: "ruled",
			Methods: []string{auth.MethodTicket, auth.MethodCRA, auth.MethodScram, auth.MethodCryptosign, auth.MethodAnonymous, auth.MethodCertificate},
		}},
	})
	if err != nil {
		panic(err)
	}
	return r
}

func newCluster(t testing.TB, nodes, workers int, seed uint64, limits Limits) *testCluster {
	c := &testCluster{t: t, conns: map[Conn]*testConn{}, queues: map[route]*testQueue{}, now: 1, random: rand.New(rand.NewPCG(3, seed)).Uint64}
	if seed != 0 {
		c.shake = rand.New(rand.NewPCG(seed, 1))
	}
	for i := range nodes {
		realms, err := NewRealmsOf(testRealms, testTemplates, testOnDemand)
		if err != nil {
			t.Fatal(err)
		}
		n := &testNode{c: c, index: i, realms: realms, reached: make([]int, nodes), part: map[string]bool{}}
		n.tables = NewTables(TablesConfig{NodeName: fmt.Sprint("n", i), Key: []byte("key"), Realms: realms})
		n.dir = NewDirectory(DirectoryConfig{Realms: realms})
		n.ret = NewRetention(RetentionConfig{NodeName: fmt.Sprint("n", i), Realms: realms, Events: 8})
		n.tables.TellBy(n.dir)
		for w := range workers {
			random := rand.New(rand.NewPCG(uint64(i)<<8|uint64(w), seed))
			n.workers = append(n.workers, NewWorker(WorkerConfig{
				Index: w, Count: workers, Node: fmt.Sprint("n", i), Realms: realms, Rand: random.Uint64, Agent: "test", Limits: limits,
			}))
		}
		c.nodes = append(c.nodes, n)
	}
	return c
}

// slot is how node i numbers node j, and nodeAt is the reverse.
func slotOf(i, j int) NodeSlot {
	if j < i {
		return NodeSlot(j + 1)
	}
	return NodeSlot(j)
}

func nodeAt(i int, s NodeSlot) int {
	if int(s) <= i {
		return int(s) - 1
	}
	return int(s)
}

func (c *testCluster) push(r route, ready func() bool, run func()) {
	q := c.queues[r]
	if q == nil {
		q = &testQueue{}
		c.queues[r] = q
		c.order = append(c.order, q)
	}
	q.items = append(q.items, testItem{ready, run})
}

// step runs one item of one queue; false when there is none that could run.
func (c *testCluster) step() bool {
	var can []*testQueue
	for _, q := range c.order {
		if len(q.items) > 0 && (q.items[0].ready == nil || q.items[0].ready()) {
			can = append(can, q)
			if c.shake == nil {
				break
			}
		}
	}
	if len(can) == 0 {
		return false
	}
	q := can[0]
	if c.shake != nil {
		q = can[c.shake.IntN(len(can))]
	}
	item := q.items[0]
	q.items = q.items[1:]
	item.run()
	return true
}

func (c *testCluster) settle() {
	for i := 0; c.step(); i++ {
		if i > 1_000_000 {
			c.t.Fatal("the cluster does not come to rest")
		}
	}
}

// feed steps a worker. What it is given is scribbled over afterwards: nothing may be kept of it.
func (n *testNode) feed(worker int, in Input) {
	in.Now = n.c.now
	in.Bytes = append([]byte(nil), in.Bytes...)
	fx := n.workers[worker].Step(&in, nil)
	for i := range in.Bytes {
		in.Bytes[i] = 0xc1
	}
	for i := range fx {
		n.exec(worker, &fx[i])
	}
}

func (n *testNode) exec(worker int, e *Effect) {
	c := n.c
	switch e.Kind {
	case FxSend:
		n.sendTo(e.Conn, e.Bytes)
	case FxFanout:
		for _, conn := range e.Conns {
			n.sendTo(conn, e.Bytes)
		}
	case FxClose, FxReset:
		conn := c.conns[e.Conn]
		if conn.closed {
			c.t.Errorf("%s: closed twice", conn.name)
		}
		conn.closed = true
		if e.Kind == FxReset {
			conn.got("reset", nil)
		} else {
			conn.got("closed", nil)
		}
		c.push(route{n.index, -2, n.index, worker, int(e.Conn)}, nil, func() { c.drop(conn) })
	case FxPause:
		c.conns[e.Conn].paused = true
		c.conns[e.Conn].got("paused", nil)
	case FxResume:
		c.conns[e.Conn].paused = false
		c.conns[e.Conn].got("resumed", nil)
	case FxPost:
		n.posts++
		if int(e.Worker) == worker {
			c.t.Error("a worker posts to itself")
		}
		b, to := append([]byte(nil), e.Bytes...), int(e.Worker)
		c.push(route{n.index, worker, n.index, to, 0}, nil, func() { n.feed(to, Input{Kind: InFrame, Bytes: b}) })
	case FxRelay:
		n.relays++
		if nodeAt(n.index, e.Node) >= len(c.nodes) {
			return // a node that was made up
		}
		b, to, lane := append([]byte(nil), e.Bytes...), c.nodes[nodeAt(n.index, e.Node)], int(e.Lane%4)
		c.push(route{n.index, worker, n.index, -1, 0}, nil, func() { n.relay(to, lane, b) })
	case FxPropose:
		op, token := *e.Op, e.Token
		c.push(route{n.index, worker, n.index, -1, 0}, nil, func() { n.propose(op, token) })
	case FxSession:
		op := *e.Op
		c.push(route{n.index, worker, n.index, -1, 0}, nil, func() {
			if op.Kind == OpSubscribed || op.Kind == OpUnsubscribed {
				n.tx = n.tables.Subscriber(&op, n.tx)
			} else if op.Kind == OpRetain {
				n.tx = n.ret.Retain(op.Realm, []byte(op.Element), n.tables.Stamp(n.c.now/1e6), n.tx)
			} else {
				n.tx = n.dir.Propose(&op, n.tx)
			}
			n.execTables()
		})
	case FxAsk:
		q, token := e.Ask, e.Token
		c.push(route{n.index, worker, n.index, -1, 0}, nil, func() {
			a := n.answer(q)
			c.push(route{n.index, -1, n.index, worker, 0}, nil, func() { n.feed(worker, Input{Kind: InAnswer, Token: token, Answer: &a}) })
		})
	}
}

func (n *testNode) sendTo(id Conn, b []byte) {
	conn := n.c.conns[id]
	if conn.closed {
		n.c.t.Errorf("%s: a message behind the last one: %x", conn.name, b)
		return
	}
	conn.got("", b)
}

func (n *testNode) propose(op Op, token uint64) {
	n.tx = n.tables.Propose(op, token, n.c.now/1e6, n.tx)
	n.execTables()
}

// answer is what the home of a real node answers.
func (n *testNode) answer(q *Ask) Answer {
	if q.Kind == AskExplain {
		return n.explain(q)
	}
	if q.Kind == AskEvents { // no history is configured here
		if n.tables.Subscription(q.Realm, q.ID) == nil {
			return Answer{Err: wamp.ErrNoSuchSubscription}
		}
		return q.Events(&History{}, nil, new(codec.Transcoder))
	}
	switch {
	case q.Kind == AskRemoveCallee:
		return n.removeCallee(q)
	case q.Kind == AskRemoveSubscriber:
		return n.removeSubscriber(q)
	case q.Kind >= AskRegistrations:
		return n.tables.Answer(q)
	}
	return n.dir.Answer(q, true)
}

// removeCallee ends a registration, wherever it is, as the nodes do that are asked.
func (n *testNode) removeCallee(q *Ask) Answer {
	r := n.tables.Registration(q.Realm, q.ID)
	if r == nil {
		return Answer{Err: wamp.ErrNoSuchRegistration}
	}
	q.Match, q.URI = r.Match, r.Procedure
	var p Part
	for _, o := range n.c.nodes {
		if o.tables.HasCallee(q) {
			p.Found = true
			o.propose(Op{Kind: OpRevoke, Realm: q.Realm, Match: q.Match, URI: q.URI, Session: q.Session, Reason: q.Reason}, 0)
		}
	}
	return p.Return(q)
}

func (n *testNode) removeSubscriber(q *Ask) Answer {
	if n.tables.Subscription(q.Realm, q.ID) == nil {
		return Answer{Err: wamp.ErrNoSuchSubscription}
	}
	var p Part
	for _, o := range n.c.nodes {
		for i, w := range o.workers {
			if w.Holds(q.Session, q.ID) {
				p.Found = true
				o.feed(i, Input{Kind: InUnsubscribe, Session: q.Session, ID: q.ID, Err: q.Reason})
			}
		}
	}
	return p.Return(q)
}

// execTables carries out what the tables want. A barrier is over when all nodes that were not cut off have what was sent before it; who
// objects is heard before that.
func (n *testNode) execTables() {
	for i := 0; i < len(n.tx); i++ {
		switch e := n.tx[i]; e.Kind {
		case TxPropose:
			if e.Op.Add == n.part[e.Op.Element] {
				n.c.t.Errorf("element added twice or removed twice: %q", e.Op.Element)
			}
			n.part[e.Op.Element] = e.Op.Add
			if IsDirectoryToken(e.Token) {
				n.tx = n.dir.Applied(e.Token, n.tx)
			} else {
				n.tx = n.tables.Applied(e.Token, n.tx)
			}
			n.sent++
			for _, to := range n.c.nodes {
				if to != n {
					n.c.push(route{n.index, -1, to.index, -1, 0}, nil, func() { to.remote(n, e.Op) })
				}
			}
		case TxApplied:
			n.tables.Commit()
			n.c.push(route{n.index, -1, n.index, int(e.Worker), 0}, nil, func() {
				n.feed(int(e.Worker), Input{Kind: InApplied, Token: e.Token, ID: e.ID, Err: e.Err})
			})
		case TxBarrier:
			stamp := n.sent
			var others []*testNode
			for _, o := range n.c.nodes {
				if o != n && !o.cut && !n.cut {
					others = append(others, o)
				}
			}
			n.c.push(route{n.index, -3, n.index, -1, int(e.Token)}, func() bool {
				return !slices.ContainsFunc(others, func(o *testNode) bool { return o.reached[n.index] < stamp })
			}, func() {
				n.tx = n.tables.Barrier(e.Token, len(others), len(others), n.tx)
				n.execTables()
			})
		case TxRefuse:
			owner := n.c.nodes[nodeAt(n.index, e.Node)]
			owner.tx = owner.tables.RefusedBy(e.Op.Element, owner.tx)
			owner.execTables()
		case TxRevoked:
			n.tables.Commit()
			worker := int(e.Session) % len(n.workers)
			n.c.push(route{n.index, -1, n.index, worker, 0}, nil, func() {
				n.feed(worker, Input{Kind: InRevoked, Session: e.Session, ID: e.ID, Err: e.Err})
			})
		}
	}
	n.tx = n.tx[:0]
	n.tables.Commit()
	n.publishNews()
}

// publishNews brings meta events to the workers that have subscribers.
func (n *testNode) publishNews() {
	for {
		f, ok := n.dir.NextEvent(n.c.random())
		if !ok {
			return
		}
		set, err := n.realms.WorkersFor(f, len(n.workers))
		if err != nil {
			n.c.t.Error(err)
		}
		b := append([]byte(nil), f...)
		for w := range set.Each {
			n.c.push(route{n.index, -1, n.index, w, 0}, nil, func() { n.feed(w, Input{Kind: InFrame, Bytes: b}) })
		}
	}
}

func (n *testNode) remote(from *testNode, op TableOp) {
	n.reached[from.index]++
	slot := slotOf(n.index, from.index)
	switch {
	case IsRetained(op.Element) && op.Add:
		var clock uint64
		var err error
		if n.tx, clock, err = n.ret.RemoteAdd(slot, op.Element, n.tx); err != nil {
			n.c.t.Error(err)
		}
		n.tables.Stamped(slot, clock)
		n.execTables()
	case IsRetained(op.Element):
		n.ret.RemoteRemove(slot, op.Element)
	case IsDirectory(op.Element) && op.Add:
		if err := n.dir.RemoteAdd(slot, op.Element); err != nil {
			n.c.t.Error(err)
		}
	case IsDirectory(op.Element):
		n.dir.RemoteRemove(slot, op.Element)
	case op.Add:
		var err error
		if n.tx, err = n.tables.RemoteAdd(slot, fmt.Sprint("n", from.index), op.Element, n.tx); err != nil {
			n.c.t.Error(err)
		}
		n.execTables()
	default:
		n.tables.RemoteRemove(slot, fmt.Sprint("n", from.index), op.Element)
	}
	n.tables.Commit()
	n.publishNews()
}

// relay brings a frame to another node, behind the changes that were made before it.
func (n *testNode) relay(to *testNode, lane int, b []byte) {
	stamp := n.sent
	n.c.push(route{n.index, -1, to.index, -1, 1 + lane}, func() bool { return to.reached[n.index] >= stamp }, func() {
		if n.cut || to.cut {
			return
		}
		set, err := to.realms.WorkersFor(b, len(to.workers))
		if err != nil {
			n.c.t.Error(err)
		}
		for w := range set.Each {
			n.c.push(route{to.index, -1, to.index, w, 0}, nil, func() {
				to.feed(w, Input{Kind: InFrame, Node: slotOf(to.index, n.index), Bytes: b})
			})
		}
	})
}

// open connects a client to one worker of one node.
func (c *testCluster) open(name string, node, worker int, s wamp.Serializer, maxMessage int) *testConn {
	c.next++
	conn := &testConn{name: name, node: c.nodes[node], worker: worker, id: c.next, serializer: s}
	conn.got = func(kind string, msg []byte) { conn.out = append(conn.out, conn.text(kind, msg)) }
	c.conns[conn.id] = conn
	conn.node.feed(worker, Input{Kind: InOpened, Conn: conn.id, Serializer: s, MaxMessage: maxMessage})
	return conn
}

// text is a received message as JSON, or what else happened.
func (conn *testConn) text(kind string, msg []byte) string {
	if kind != "" {
		return kind
	}
	j, err := codec.ToJSON(nil, conn.serializer, msg)
	if err != nil {
		conn.node.c.t.Errorf("%s got what cannot be read: %x: %v", conn.name, msg, err)
	}
	return string(j)
}

// drop ends a connection from the client's side, or after FxClose.
func (c *testCluster) drop(conn *testConn) {
	if !conn.gone {
		conn.gone, conn.closed = true, true
		conn.node.feed(conn.worker, Input{Kind: InClosed, Conn: conn.id})
	}
}

// send is one message, given as JSON.
func (conn *testConn) send(json string) {
	b, err := codec.FromJSON(nil, conn.serializer, []byte(json))
	if err != nil {
		conn.node.c.t.Fatalf("%s: %v", json, err)
	}
	conn.sendRaw(b)
}

func (conn *testConn) sendRaw(b []byte) {
	if !conn.gone {
		conn.node.feed(conn.worker, Input{Kind: InMessage, Conn: conn.id, Bytes: b})
	}
}

// everyWorker feeds an input to all workers.
func (c *testCluster) everyWorker(in Input) {
	for _, n := range c.nodes {
		for w := range n.workers {
			n.feed(w, in)
		}
	}
}

// lose lets each node lose every other; heal ends it.
func (c *testCluster) lose(kind InputKind) {
	for _, n := range c.nodes {
		for _, o := range c.nodes {
			if o != n {
				for w := range n.workers {
					n.feed(w, Input{Kind: kind, Node: slotOf(n.index, o.index)})
				}
			}
		}
	}
}

// records is how many calls, invocations and proposals are pending in the whole cluster.
func (c *testCluster) records() (n int) {
	for _, node := range c.nodes {
		for _, w := range node.workers {
			n += w.caller.Len() + w.callee.Len() + len(w.proposals.byToken)
		}
		n += len(node.tables.flights)
	}
	return n
}

// checkEmpty fails when anything is left after all sessions are gone.
func (c *testCluster) checkEmpty() {
	c.t.Helper()
	if n := c.records(); n != 0 {
		c.t.Errorf("%d records are left", n)
	}
	for _, n := range c.nodes {
		for e, on := range n.part {
			if on && !IsRetained(e) {
				c.t.Errorf("node %d still has %q", n.index, e)
			}
		}
		for _, r := range n.realms.All() {
			if s := r.Cell.Load(); s.Broker.Len() != 0 || s.Dealer.Len() != 0 {
				c.t.Errorf("node %d routes to nobody: %d topics, %d procedures", n.index, s.Broker.Len(), s.Dealer.Len())
			}
		}
		if n.dir.Len() != 0 || len(n.dir.tokens) != 0 || n.dir.Clashes() != 0 {
			c.t.Errorf("node %d still knows %d sessions", n.index, n.dir.Len())
		}
		for i := range n.dir.nodes {
			if len(n.dir.nodes[i].legacy) != 0 {
				c.t.Errorf("node %d keeps testaments", n.index)
			}
		}
		if ids := len(n.tables.subs) + len(n.tables.regs); ids != 0 {
			c.t.Errorf("node %d keeps %d ids", n.index, ids)
		}
		for _, w := range n.workers {
			if w.Sessions() != 0 || w.byConn.n != 0 || w.byID.n != 0 || w.local.Len() != 0 || len(w.topics) != 0 || len(w.registrations.byID) != 0 ||
				len(w.wills) != 0 || len(w.pauses.held) != 0 || len(w.pauses.episodes) != 0 {
				c.t.Errorf("node %d worker %d is not empty", n.index, w.config.Index)
			}
		}
	}
}

func (c *testCluster) dropAll() {
	for id := Conn(1); id <= c.next; id++ {
		c.drop(c.conns[id])
	}
	c.settle()
}

// explain asks all workers at once, as the home of a real node does by letters.
func (n *testNode) explain(q *Ask) Answer {
	x := Explainer{Realms: n.realms, Directory: n.dir, Node: func(s NodeSlot) NodeInfo {
		if s == 0 {
			return NodeInfo{Name: fmt.Sprint("n", n.index), State: "self"}
		}
		return NodeInfo{Name: fmt.Sprint("n", nodeAt(n.index, s)), State: "reachable", Link: "tcp"}
	}}
	for _, o := range n.c.nodes {
		if o != n {
			x.Nodes = append(x.Nodes, x.Node(slotOf(n.index, o.index)))
		}
	}
	ids, workers := x.Subscriptions(q)
	var holders []Holders
	for w := range workers.Each {
		holders = n.workers[w].AppendHolders(holders, ids)
	}
	return x.Explain(q, holders)
}
