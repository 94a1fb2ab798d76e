package conformance

import (
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"net/url"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kleeblatt/internal/config"
	"kleeblatt/internal/node"
	"kleeblatt/internal/wamp"
)

// clusters are shared by all tests: a node alone and a cluster of three. Tests keep apart by their topics and procedures.
var clusters struct{ one, three []*node.Node }

// The realms of every node: two alike, and others with rules of their own.
const (
	realm       = "realm1"
	otherRealm  = "realm2"
	strictRealm = "strict.realm"
	plainRealm  = "plain.realm" // without payload passthru mode
)

func TestMain(m *testing.M) {
	var err error
	if rulesPath, err = writeRules(); err == nil {
		clusters.one, err = startCluster(1)
	}
	if err == nil {
		clusters.three, err = startCluster(3)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.Remove(rulesPath)
	for _, n := range append(clusters.one, clusters.three...) {
		n.Close()
	}
	err = goleak.Find()
	for tries := 0; err != nil && tries < 10; tries++ { // membership does not wait for a probe that is under way
		err = goleak.Find()
	}
	if code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// rulesPath is the configuration file of all nodes.
var rulesPath string

func startCluster(n int, more ...string) ([]*node.Node, error) {
	var nodes []*node.Node
	for i := range n {
		words := append(memberWords(fmt.Sprintf("n%d", i+1)), more...)
		if i > 0 {
			words = append(words, "--join", nodes[0].GossipAddr())
		}
		nd, err := startNode(words...)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, nd)
	}
	for _, nd := range nodes {
		if err := nd.WaitReady(patience); err != nil {
			return nil, err
		}
	}
	return nodes, settled(nodes)
}

// memberWords are the options of one of the nodes of a cluster.
func memberWords(name string) []string {
	return append([]string{"--name", name, "--config", rulesPath, "--gossip", "127.0.0.1:0", "--link", "127.0.0.1:0",
		"--realm", realm, "--realm", otherRealm, "--realm", strictRealm + ",strict", "--realm", plainRealm + ",no-passthru", "--realm", metaRealm, "--realm", killRealm, "--realm", ruledRealm, "--realm", proofRealm, "--realm", tenantRealms, "--bridge", realm, "--longpoll", "on"}, historyWords...)
}

func startNode(words ...string) (*node.Node, error) {
	cfg, err := config.Parse(append([]string{"--listen", "ws://127.0.0.1:0/ws", "--admin", "off", "--workers", "2"}, words...))
	if err != nil {
		return nil, err
	}
	return node.Start(cfg, slog.New(slog.DiscardHandler))
}

// settled waits until all nodes route by equal tables.
func settled(nodes []*node.Node) error {
	deadline := time.Now().Add(patience)
	for {
		equal := true
		for _, n := range nodes {
			equal = equal && n.Digest() == nodes[0].Digest() && n.Reachable() == len(nodes)-1
		}
		if equal {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the tables of %d nodes are not equal after %v", len(nodes), patience)
		}
	}
}

// place says where the sessions of a test live, and in what they speak.
type place struct {
	*testing.T
	nodes []*node.Node
	count int // sessions so far
	begun map[uint64]string
	salt  int // where the rotation of serializers begins
}

func at(t *testing.T, nodes []*node.Node) *place {
	h := fnv.New32a()
	h.Write([]byte(t.Name()))
	return &place{T: t, nodes: nodes, salt: int(h.Sum32() % 997)}
}

// mortal is the test's own cluster of three nodes, which it may kill: the others wait for them no longer than a moment.
func mortal(t *testing.T) *place {
	nodes, err := startCluster(3, "--leave-grace", "300ms")
	for _, n := range nodes {
		t.Cleanup(n.Close)
	}
	if err != nil {
		t.Fatal(err)
	}
	return at(t, nodes)
}

// everywhere runs the test with all sessions on one node, and with each session on the next node of three.
func everywhere(t *testing.T, f func(p *place)) {
	t.Helper()
	t.Run("one node", func(t *testing.T) { f(at(t, clusters.one)) })
	t.Run("three nodes", func(t *testing.T) { f(at(t, clusters.three)) })
}

// here runs the test on one node, for rows that involve one session.
func here(t *testing.T, f func(p *place)) {
	t.Helper()
	f(at(t, clusters.one))
}

// watched is here, while two other sessions of the node exchange events and must not notice.
func watched(t *testing.T, f func(p *place)) {
	t.Helper()
	p := at(t, clusters.one)
	p.undisturbed(func() { f(p) })
}

// alone runs the test on a node of its own, with these settings.
func alone(t *testing.T, f func(p *place), words ...string) {
	t.Helper()
	n, err := startNode(append([]string{"--gossip", "off"}, words...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	if err := n.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	f(at(t, []*node.Node{n}))
}

// within runs a part of the test under a name of its own, in the same place.
func (p *place) within(name string, f func(p *place)) {
	p.Helper()
	p.Run(name, func(t *testing.T) { f(at(t, p.nodes)) })
}

// uri is a URI of this test's own.
func (p *place) uri(last string) string {
	return "t." + clean(p.Name()) + "." + last
}

// speech is what a connection speaks.
type speech struct {
	ser     wamp.Serializer
	ws      bool
	batched bool
	nibble  byte // RawSocket: how long messages may be that the router sends
}

// serializers are all there are.
var serializers = []wamp.Serializer{wamp.JSON, wamp.MsgPack, wamp.CBOR}

// nextSpeech rotates over serializers and transports.
func (p *place) nextSpeech() speech {
	i := p.salt + p.count
	return speech{ser: serializers[i%3], ws: i/3%2 == 1, batched: i/3%4 == 3, nibble: 15}
}

// dial opens a connection to the node of that number; nothing of WAMP is said yet.
func (p *place) dial(name string, home int, s speech) *peer {
	p.Helper()
	c := p.connection(home)
	q := &peer{t: p.T, name: name, conn: c, ser: s.ser, home: home}
	var err error
	if s.ws {
		q.wire, err = openWebSocket(c, s.ser, s.batched)
	} else {
		q.wire, err = openRaw(c, s.ser, s.nibble)
	}
	if err != nil {
		p.Fatalf("%s: %v", name, err)
	}
	return q
}

// connection is a bare one.
func (p *place) connection(home int) net.Conn {
	p.Helper()
	u, err := url.Parse(p.nodes[home].URLs()[0])
	if err != nil {
		p.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(patience))
	return c
}

// connect opens the next session's connection: on the next node, in the next serializer.
func (p *place) connect(name string) *peer { p.Helper(); return p.connectOn(name, p.count) }

func (p *place) connectOn(name string, home int) *peer {
	p.Helper()
	s := p.nextSpeech()
	p.count++
	return p.dial(name, home%len(p.nodes), s)
}

// allRoles is a HELLO.Details.roles with all that the router acts on.
const allRoles = `{"publisher":{},"subscriber":{},"caller":{"features":{"call_canceling":true,"progressive_call_results":true}},` +
	`"callee":{"features":{"call_canceling":true,"progressive_call_results":true,"shared_registration":true}}}`

// plainRoles announces no feature.
const plainRoles = `{"publisher":{},"subscriber":{},"caller":{},"callee":{}}`

// join opens a session with all roles; where there are several nodes, on the next one.
func (p *place) join(name string) *peer { p.Helper(); return p.joinAs(name, realm, allRoles) }

// joinOn opens a session on the node of that number, as far as there are so many.
func (p *place) joinOn(name string, home int) *peer {
	p.Helper()
	return p.connectOn(name, home).hello(realm, allRoles)
}

func (p *place) joinAs(name, realm, roles string) *peer {
	p.Helper()
	return p.connect(name).hello(realm, roles)
}

// joinIn opens a session that speaks in a certain way.
func (p *place) joinIn(name string, s speech) *peer { p.Helper(); return p.dialAs(name, s, allRoles) }

// dialAs opens a session that speaks in a certain way and announces these roles.
func (p *place) dialAs(name string, s speech, roles string) *peer {
	p.Helper()
	home := p.count % len(p.nodes)
	p.count++
	return p.dial(name, home, s).hello(realm, roles)
}

// hello opens the session.
func (p *peer) hello(realm, roles string) *peer {
	p.t.Helper()
	p.send(`[1,%q,{"roles":%s}]`, realm, roles)
	m := p.expect(`[2,"*",{"roles":{"broker":{},"dealer":{}}}]`)
	p.id, p.details = num(m[1]), m[2].(map[string]any)
	return p
}

// settle waits until what one node answered is routed by all.
func (p *place) settle() {
	p.Helper()
	if err := settled(p.nodes); err != nil {
		p.Fatal(err)
	}
}

// eventually asks until it holds: what another node does comes in its own time.
func (p *place) eventually(what string, holds func() bool) {
	p.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			p.Fatalf("after %v not yet: %s", patience, what)
		}
		for _, n := range p.nodes {
			n.WaitTurn()
		}
	}
}

// fence shows that what from sent so far has reached the others and that they got nothing by it: an event that it publishes now is the
// next message of each of them.
func (p *place) fence(from *peer, others ...*peer) {
	p.Helper()
	fresh := false
	for _, o := range others {
		if o.fence == 0 {
			r := o.nextInternal()
			o.send(`[32,%d,{},%q]`, r, p.uri("fence."+o.name))
			o.fence = num(o.expect(`[33,%d,"*"]`, r)[2])
			fresh = true
		}
	}
	if fresh {
		p.settle()
	}
	for _, o := range others {
		from.send(`[16,%d,{"exclude_me":false},%q]`, from.nextInternal(), p.uri("fence."+o.name))
		o.expect(`[36,%d,"*",{}]`, o.fence)
	}
}

// serve plays a callee: each INVOCATION is answered by its name, until the connection ends.
func (p *place) serve(s *peer) {
	done := make(chan struct{})
	p.Cleanup(func() { s.conn.Close(); <-done })
	go func() {
		defer close(done)
		for {
			m, err := s.next()
			if err != nil {
				return
			}
			if num(m[0]) != 68 {
				continue
			}
			b, err := encode(s.ser, fmt.Sprintf(`[70,%d,{},[%q]]`, num(m[1]), s.name))
			if err != nil || s.wire.write(b) != nil {
				return
			}
		}
	}()
}

// answeredBy calls the procedure and returns who answered.
func (p *peer) answeredBy(procedure string) string {
	p.t.Helper()
	r := p.call(procedure, `{}`, "")
	m := p.expect(`[50,%d,{},["*"]]`, r)
	name, _ := m[3].([]any)[0].(string)
	return name
}

// undisturbed runs f while two other sessions of the node exchange acknowledged events. They must not notice anything.
func (p *place) undisturbed(f func()) {
	p.Helper()
	a, b := p.joinOn("bystander A", 0), p.joinOn("bystander B", 0)
	topic := p.uri("bystanders")
	sub := b.subscribe(topic, `{}`)
	stop, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 1; ; i++ {
			last := false
			select {
			case <-stop:
				last = true
			default:
			}
			if err := exchange(a, b, topic, sub, i); err != nil || last {
				failed <- err
				return
			}
		}
	}()
	defer func() {
		close(stop)
		if err := <-failed; err != nil {
			p.Errorf("others noticed: %v", err)
		}
	}()
	f()
}

var errNotMine = errors.New("not what was published")

// exchange publishes one event and waits for it and its acknowledgement.
func exchange(a, b *peer, topic string, sub uint64, i int) error {
	msg, err := encode(a.ser, fmt.Sprintf(`[16,%d,{"acknowledge":true},%q,[%d]]`, i, topic, i))
	if err != nil {
		return err
	}
	if err := a.wire.write(msg); err != nil {
		return err
	}
	ack, err := a.next()
	if err != nil {
		return err
	}
	if err := matches(ack, `[17,%d,"*"]`, i); err != nil {
		return err
	}
	event, err := b.next()
	if err != nil {
		return err
	}
	if err := matches(event, `[36,%d,%d,{},[%d]]`, sub, num(ack[2]), i); err != nil {
		return errors.Join(errNotMine, err)
	}
	return nil
}
