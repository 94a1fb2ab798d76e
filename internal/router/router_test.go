package router

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

func (c *testCluster) member(name string, node, worker int, s wamp.Serializer) *testConn {
	conn := c.open(name, node, worker, s, 0)
	conn.send(`[1,"r",` + allFeatures + `]`)
	c.settle()
	conn.out = nil
	return conn
}

func (c *testCluster) say(conn *testConn, msgs ...string) {
	for _, m := range msgs {
		conn.send(m)
	}
	c.settle()
}

// P2: one relay frame however many subscriptions match on the other node, and one post per worker.
func TestOneFramePerNodeAndWorkerP2(t *testing.T) {
	c := newCluster(t, 3, 2, 0, Limits{})
	a := c.member("a", 0, 0, wamp.JSON)
	var all []*testConn
	for i := range 12 {
		b := c.member("b", i%3, i/3%2, wamp.JSON)
		c.say(b, `[32,1,{},"a.b.c"]`, `[32,2,{"match":"prefix"},"a.b"]`, `[32,3,{"match":"wildcard"},"a..c"]`)
		b.out = nil
		all = append(all, b)
	}
	c.say(a, `[16,1,{},"a.b.c",[1]]`)
	for _, b := range all {
		if len(b.out) != 3 {
			t.Errorf("%d events, want 3: %q", len(b.out), b.out)
		}
	}
	if c.nodes[0].relays != 2 || c.nodes[0].posts != 1 {
		t.Errorf("%d relay frames, %d posts; want 2 and 1", c.nodes[0].relays, c.nodes[0].posts)
	}
	for _, n := range c.nodes[1:] {
		if n.relays != 0 || n.posts != 0 {
			t.Errorf("node %d sent %d relay frames and %d posts: what came in must not go on", n.index, n.relays, n.posts)
		}
	}
	c.say(a, `[16,2,{},"nobody.listens",[1]]`)
	if c.nodes[0].relays != 2 {
		t.Error("a publication went to a node without interest")
	}
}

// P18: each subscriber of each kind gets its own details.
func TestManyKindsAtOnceP18(t *testing.T) {
	c := newCluster(t, 1, 1, 0, Limits{})
	a := c.member("a", 0, 0, wamp.MsgPack)
	var exact, prefix []*testConn
	for i := range 50 {
		exact = append(exact, c.member("e", 0, 0, allSerializers[i%3]))
		c.say(exact[i], `[32,1,{},"a.b"]`)
		prefix = append(prefix, c.member("p", 0, 0, allSerializers[i%3]))
		c.say(prefix[i], `[32,1,{"match":"prefix"},"a"]`)
	}
	for n := range 20 {
		c.say(a, fmt.Sprintf(`[16,%d,{"disclose_me":%v},"a.b",[%d]]`, n+1, n%2 == 0, n))
	}
	for i := range exact {
		for n := range 20 {
			e, p := exact[i].out[n+1], prefix[i].out[n+1]
			if strings.Contains(e, "topic") || !strings.Contains(p, `"topic":"a.b"`) || strings.Contains(e, "publisher") != (n%2 == 0) ||
				!strings.HasSuffix(e, fmt.Sprintf("[%d]]", n)) {
				t.Fatalf("wrong details: %s, %s", e, p)
			}
		}
	}
}

// P23, SER-08: between the same serializers the payload's bytes go through untouched: odd widths, map order, bignums, extensions.
func TestPayloadBytesAreNotTouchedP23(t *testing.T) {
	payloads := map[wamp.Serializer]string{
		wamp.MsgPack: "\x93\xcf\x00\x00\x00\x00\x00\x00\x00\x01\xd4\x05\x00\x82\xa1b\x01\xa1a\x02",
		wamp.CBOR:    "\x83\x1b\x00\x00\x00\x00\x00\x00\x00\x01\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00\xbf\x61b\x01\x61a\x02\xff",
		wamp.JSON:    `[ 1.0e0 , {"b":1 ,"a":12345678901234567890123}]`,
	}
	heads := map[wamp.Serializer][2]string{
		wamp.MsgPack: {"\x95\x10\x01\x80\xa3a.b", "\x95\x30\x01\x80\xa3p.q"},
		wamp.CBOR:    {"\x85\x10\x01\xa0\x63a.b", "\x85\x18\x30\x01\xa0\x63p.q"},
		wamp.JSON:    {`[16,1,{},"a.b",`, `[48,1,{},"p.q",`},
	}
	for _, s := range allSerializers {
		for _, nodes := range []int{1, 2} {
			c := newCluster(t, nodes, 1, 0, Limits{})
			a, b := c.member("a", 0, 0, s), c.member("b", nodes-1, 0, s)
			c.say(b, `[32,1,{},"a.b"]`, `[64,2,{},"p.q"]`)
			var got [][]byte
			b.got = func(_ string, m []byte) { got = append(got, bytes.Clone(m)) }
			for _, head := range heads[s] {
				m := head + payloads[s]
				if s == wamp.JSON {
					m += "]"
				}
				a.sendRaw([]byte(m))
				c.settle()
			}
			if len(got) != 2 || !bytes.Contains(got[0], []byte(payloads[s])) || !bytes.Contains(got[1], []byte(payloads[s])) {
				t.Errorf("%v over %d nodes: %q", s, nodes, got)
			}
		}
	}
}

// IDS-01, IDS-02, IDS-03: session and publication ids are spread over the whole range, unique, and name the worker.
func TestIDsAreUniformIDS02IDS03(t *testing.T) {
	c := newCluster(t, 1, 3, 0, Limits{})
	seen := map[uint64]bool{}
	high := 0
	check := func(id uint64) {
		if !wamp.ValidID(id) || seen[id] {
			t.Fatalf("id %d is out of range or came twice", id)
		}
		seen[id] = true
		if id > 1<<49 {
			high++
		}
	}
	for i := range 999 {
		a := c.open("a", 0, i%3, wamp.JSON, 0)
		a.send(`[1,"r",{"roles":{"publisher":{}}}]`)
		a.send(`[16,1,{"acknowledge":true},"a.b"]`)
		var session, publication, request uint64
		if _, err := fmt.Sscanf(a.out[0], "[2,%d,", &session); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(a.out[1], "[17,%d,%d]", &request, &publication); err != nil {
			t.Fatal(err)
		}
		check(session)
		check(publication)
		if session%3 != uint64(i%3) {
			t.Errorf("session %d does not lead to worker %d", session, i%3)
		}
	}
	if high < 1800 {
		t.Errorf("%d of 1998 ids are above 2^49", high)
	}
}

// IDS-08: the id behind 2^53 is 1.
func TestRequestIDsWrapIDS08(t *testing.T) {
	c := newCluster(t, 1, 1, 0, Limits{})
	a := c.open("a", 0, 0, wamp.JSON, 0)
	a.send(`[1,"strict",{"roles":{"publisher":{}}}]`)
	w := c.nodes[0].workers[0]
	w.sessions[0].lastRequest = wamp.MaxID - 1
	a.out = nil
	a.send(`[16,9007199254740992,{"acknowledge":true},"a.b"]`)
	a.send(`[16,1,{"acknowledge":true},"a.b"]`)
	if len(a.out) != 2 || !strings.HasPrefix(a.out[1], "[17,1,") {
		t.Errorf("got %q", a.out)
	}
}

// PUB-10, CAL-06, PCR-06, P8: order over topics, procedures and nodes, with all queues shuffled.
func TestOrderPUB10CAL06P8(t *testing.T) {
	const n = 1500
	for seed := uint64(1); seed <= 3; seed++ {
		c := newCluster(t, 2, 2, seed, Limits{})
		a, b := c.member("a", 0, 1, wamp.MsgPack), c.member("b", 1, 0, wamp.CBOR)
		c.say(b, `[32,1,{},"t.0"]`, `[32,2,{},"t.1"]`, `[32,3,{"match":"prefix"},"u"]`, `[64,4,{},"p.0"]`, `[64,5,{},"p.1"]`)
		b.out = nil
		for i := range n {
			a.send(fmt.Sprintf(`[16,%d,{},"%s",["e%d"]]`, 2*i+1, []string{"t.0", "t.1", "u.x"}[i%3], i))
			a.send(fmt.Sprintf(`[48,%d,{"receive_progress":true},"p.%d",["c%d"]]`, 2*i+2, i%2, i))
			c.step()
		}
		c.settle()
		events, calls := 0, 0
		for _, m := range b.out {
			switch {
			case strings.HasPrefix(m, "[36,") && strings.HasSuffix(m, fmt.Sprintf(`["e%d"]]`, events)):
				events++
			case strings.HasPrefix(m, fmt.Sprintf("[68,%d,", calls+1)) && strings.HasSuffix(m, fmt.Sprintf(`["c%d"]]`, calls)):
				calls++
			}
		}
		if events != n || calls != n || len(b.out) != 2*n {
			t.Errorf("%d events and %d calls in order, of %d messages", events, calls, len(b.out))
		}
		a.out = nil
		for i := range n {
			b.send(fmt.Sprintf(`[70,1,{"progress":true},[%d]]`, i))
			c.step()
		}
		c.settle()
		for i, m := range a.out {
			if m != fmt.Sprintf(`[50,2,{"progress":true},[%d]]`, i) {
				t.Fatalf("result %d is %s", i, m)
			}
		}
		if len(a.out) != n {
			t.Errorf("%d results", len(a.out))
		}
	}
}

// SHR-06: random goes to everybody about as often.
func TestRandomPolicySHR06(t *testing.T) {
	c := newCluster(t, 1, 1, 0, Limits{})
	a := c.member("a", 0, 0, wamp.JSON)
	var callees []*testConn
	for range 3 {
		b := c.member("b", 0, 0, wamp.JSON)
		c.say(b, `[64,1,{"invoke":"random"},"p.q"]`)
		callees = append(callees, b)
	}
	for i := range 3000 {
		a.send(fmt.Sprintf(`[48,%d,{},"p.q"]`, i+1))
	}
	for _, b := range callees {
		if n := len(b.out) - 1; n < 850 || n > 1150 { // 1000 expected, standard deviation 26
			t.Errorf("%d calls of 3000 went to one of three", n)
		}
	}
}

// P26, ANN-01: what WELCOME announces is what the stories show.
func TestAnnouncedFeaturesHaveStoriesP26(t *testing.T) {
	rows := map[string][]string{
		"publisher_exclusion":           {"XME-01", "XME-02", "XME-03"},
		"subscriber_blackwhite_listing": {"BWL-01", "BWL-02", "BWL-03", "BWL-04", "BWL-05", "BWL-06", "BWL-07", "BWL-09"},
		"publisher_identification":      {"PID-01", "PID-02", "PID-03", "PID-04"},
		"publication_trustlevels":       {"PTL-01"},
		"call_trustlevels":              {"CTL-01"},
		"pattern_based_subscription":    {"PBS-02", "PBS-03", "PBS-04", "PBS-05", "PBS-06", "PBS-08", "PBS-10"},
		"progressive_call_results":      {"PCR-01", "PCR-03", "PCR-04", "PCR-07", "PCR-08", "PCR-09"},
		"call_canceling":                {"CAN-01", "CAN-02", "CAN-03", "CAN-04", "CAN-05", "CAN-09", "CAN-10"},
		"caller_identification":         {"CID-01", "CID-02", "CID-03", "CID-04", "CID-05"},
		"pattern_based_registration":    {"PBR-01", "PBR-02", "PBR-03", "PBR-04", "PBR-05", "PBR-06", "PBR-09"},
		"progressive_call_invocations":  {"PCI-01", "PCI-02", "PCI-03", "PCI-04", "PCI-05", "PCI-06", "PCI-07", "PCI-08", "PCI-09", "PCI-10", "PCI-11", "PCI-12", "PCI-13"},
		"call_timeout":                  {"TMO-01", "TMO-02", "TMO-03", "TMO-04", "TMO-05", "TMO-06", "PCR-11"},
		"call_reroute":                  {"RER-01", "RER-02", "RER-03", "RER-04", "RER-05"},
		"payload_passthru_mode":         {"PPT-01", "PPT-02", "PPT-04", "PPT-05", "PPT-06", "PPT-07", "PPT-08", "PPT-09", "PPT-10"},
		"shared_registration":           {"SHR-01", "SHR-03", "SHR-04", "SHR-05", "SHR-07", "SHR-08", "SHR-09", "SHR-11"},
		"registration_meta_api":         {"RMA-01", "RMA-02", "RMA-03", "RMA-05", "RMA-06", "RMA-07", "RMA-08", "RMA-09"},
		"subscription_meta_api":         {"UMA-01", "UMA-02", "UMA-03", "UMA-04", "UMA-05", "UMA-07"}, // who subscribes: internal/conformance
		"registration_revocation":       {"RRV-01", "RRV-02", "RRV-03", "RRV-04"},
		"subscription_revocation":       {"SRV-01", "SRV-02", "SRV-03"},
		"session_meta_api":              {"SMA-01", "SMA-02", "SMA-03", "SMA-04", "SMA-05", "SMA-06", "SMA-07", "SMA-15"}, // its kills: internal/conformance
		"event_history":                 {"EVH-04", "EVH-13"},                                                             // the others take keepers: internal/conformance
		"event_retention":               {"RET-01", "RET-02", "RET-03", "RET-04", "RET-05", "RET-06", "RET-07"},
		"testament_meta_api":            {"TST-01", "TST-02", "TST-03", "TST-04", "TST-05", "TST-06", "TST-07"},
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var titles strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "== ") {
				titles.WriteString(line)
			}
		}
	}
	for _, key := range append(wamp.BrokerFeatures(), wamp.DealerFeatures()...) {
		if len(rows[key]) == 0 {
			t.Errorf("%s is announced, but no rows are known for it", key)
		}
		for _, row := range rows[key] {
			if !strings.Contains(titles.String(), row) {
				t.Errorf("%s is announced, but no story shows %s", key, row)
			}
		}
	}
}

// HND-14: the worker asks to be woken in time, and again after it was.
func TestWakeUpsHND14(t *testing.T) {
	b := newBench(t, 1)
	wake := func(fx []Effect) (at int64) {
		for i := range fx {
			if fx[i].Kind == FxWakeAt {
				at = fx[i].N
			}
		}
		return at
	}
	step := func(in Input) []Effect { b.out = b.w.Step(&in, b.out[:0]); return b.out }
	if at := wake(step(Input{Kind: InOpened, Now: 100, Conn: 1, Serializer: wamp.JSON})); at != 100+int64(defaultHelloTimeout) {
		t.Errorf("woken at %d", at)
	}
	if at := wake(step(Input{Kind: InOpened, Now: 200, Conn: 2, Serializer: wamp.JSON})); at != 0 {
		t.Errorf("asked for a later one: %d", at)
	}
	if at := wake(step(Input{Kind: InTick, Now: 50})); at != 100+int64(defaultHelloTimeout) {
		t.Errorf("woken too early, and then at %d", at)
	}
	if at := wake(step(Input{Kind: InTick, Now: 100 + int64(defaultHelloTimeout)})); at != 200+int64(defaultHelloTimeout) {
		t.Errorf("then at %d", at)
	}
}

func TestTooManySessions(t *testing.T) {
	c := newCluster(t, 1, 1, 0, Limits{Sessions: 2})
	for i := range 3 {
		conn := c.open("a", 0, 0, wamp.JSON, 0)
		if conn.closed != (i == 2) {
			t.Errorf("connection %d: closed is %v", i, conn.closed)
		}
	}
}

// The size of a HELLO is bounded tighter than that of what follows.
func TestMessageBounds(t *testing.T) {
	b := newBench(t, 1)
	fx := b.step(Input{Kind: InOpened, Conn: 1, Serializer: wamp.JSON})
	if fx[0].Kind != FxLimit || fx[0].N != defaultHelloBytes {
		t.Errorf("before HELLO: %+v", fx[0])
	}
	fx = b.message(1, []byte(`[1,"r",`+allFeatures+`]`))
	if fx[0].Kind != FxLimit || fx[0].N != defaultMessageBytes || fx[1].Kind != FxSend {
		t.Errorf("behind HELLO: %+v", fx)
	}
}

// An idle session with one subscription takes little memory in this room and those that it calls.
func TestMemoryPerIdleSession(t *testing.T) {
	if n := unsafe.Sizeof(session{}) + unsafe.Sizeof(receiver{}); n > 160 {
		t.Errorf("session and receiver are %d bytes", n)
	}
	if testing.Short() {
		t.Skip("fills memory")
	}
	const n = 50_000
	b := newBench(t, 1)
	hello, sub := []byte(`[1,"r",{"roles":{"subscriber":{}}}]`), []byte(`[32,1,{},"a.b"]`)
	before := heap()
	for c := Conn(1); c <= n; c++ {
		b.step(Input{Kind: InOpened, Conn: c, Serializer: wamp.MsgPack - 1})
		b.message(c, hello)
		b.apply(b.message(c, sub))
	}
	for b.w.timers.next() != 0 { // the deadlines of HELLO have passed
		b.w.Step(&Input{Kind: InTick, Now: b.w.timers.next()}, nil)
	}
	b.w.timers.heap = nil
	each := (heap() - before) / n
	t.Logf("%d bytes per session", each)
	if each > 300 {
		t.Errorf("%d bytes per session, want 300 at most", each)
	}
	runtime.KeepAlive(b)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A payload is not copied into what it cannot be: the frame says how many values it has.
func TestFramesWithoutPayload(t *testing.T) {
	b := appendFrame(nil, &frame{kind: frameReply, session: 1, serializer: wamp.JSON, payload: codec.Payload{}})
	var f frame
	if f.parse(b) != nil || f.parse(append(b, '[', ']')) == nil {
		t.Error("bytes that no value accounts for are accepted")
	}
}

// A reply counts only from the node that was called, and for the session that called.
func TestAnswersFromElsewhereAreIgnored(t *testing.T) {
	c := newCluster(t, 3, 1, 0, Limits{})
	a, b := c.member("a", 0, 0, wamp.JSON), c.member("b", 1, 0, wamp.JSON)
	c.say(b, `[64,1,{},"p.q"]`)
	c.say(a, `[48,1,{},"p.q"]`)
	w := c.nodes[0].workers[0]
	var call uint64
	for id := range eachCall(w, 0) {
		call = id
	}
	session := w.sessions[0].id
	forge := func(node NodeSlot, f frame) {
		f.serializer = wamp.JSON
		c.nodes[0].feed(0, Input{Kind: InFrame, Node: node, Bytes: appendFrame(nil, &f)})
		c.settle()
	}
	forge(slotOf(0, 2), frame{kind: frameReply, session: session, call: call})
	forge(0, frame{kind: frameError, session: session, call: call, uri: []byte("e.r")})
	forge(slotOf(0, 1), frame{kind: frameReply, session: session + 1, call: call})
	forge(slotOf(0, 1), frame{kind: frameReply, session: session, call: call + 1})
	if len(a.out) != 0 || w.Stats().RepliesLate != 4 {
		t.Errorf("forged answers arrived: %q", a.out)
	}
	c.say(b, `[70,1,{},["mine"]]`)
	if len(a.out) != 1 {
		t.Errorf("the answer did not: %q", a.out)
	}
}

// CAN-02: a call that was killed while its callee refuses it ends; it does not go to another.
func TestKilledCallIsNotTriedAgainCAN02(t *testing.T) {
	c := newCluster(t, 2, 1, 0, Limits{})
	a, b, d := c.member("a", 0, 0, wamp.JSON), c.member("b", 1, 0, wamp.JSON), c.member("d", 1, 0, wamp.JSON)
	c.say(b, `[64,1,{"invoke":"first","concurrency":1},"p.q"]`)
	c.say(d, `[64,1,{"invoke":"first"},"p.q"]`)
	c.say(a, `[48,1,{},"p.q"]`)
	d.out = nil
	a.send(`[48,2,{},"p.q"]`)
	a.send(`[49,2,{"mode":"kill"}]`)
	c.settle()
	if len(d.out) != 0 || len(a.out) != 1 || a.out[0] != `[8,48,2,{},"wamp.error.canceled",["the call was canceled, or its callee is gone"]]` {
		t.Errorf("the caller got %q, the other callee %q", a.out, d.out)
	}
	c.dropAll()
	c.checkEmpty()
}

// LEV-04, LEV-01, P3: a loss that only one of two nodes notices ends the calls on both.
func TestOneSidedLossEndsCallsOnBothSidesLEV04(t *testing.T) {
	for loser := range 2 {
		c := newCluster(t, 2, 1, 0, Limits{})
		a, b := c.member("a", 0, 0, wamp.JSON), c.member("b", 1, 0, wamp.JSON)
		c.say(b, `[64,1,{},"p.q"]`)
		c.say(a, `[48,1,{},"p.q"]`)
		b.out = nil
		c.nodes[loser].feed(0, Input{Kind: InNodeLost, Node: 1})
		c.settle()
		if len(a.out) != 1 || a.out[0] != `[8,48,1,{},"wamp.error.canceled",["the call was canceled, or its callee is gone"]]` || len(b.out) != 1 || b.out[0] != `[69,1,{"mode":"killnowait"}]` {
			t.Errorf("node %d lost the other: the caller got %q, the callee %q", loser, a.out, b.out)
		}
		if n := c.records(); n != 0 {
			t.Errorf("%d records are left", n)
		}
	}
}

// Ids that collide differ from node to node; calls find their callee all the same.
func TestCallsWhereIDsCollide(t *testing.T) {
	for _, match := range []wamp.Match{wamp.Exact, wamp.Prefix, wamp.Wildcard} {
		c := newCluster(t, 2, 1, 0, Limits{})
		a, b := c.member("a", 0, 0, wamp.JSON), c.member("b", 1, 0, wamp.JSON)
		tables := c.nodes[0].tables
		pattern := map[wamp.Match]string{wamp.Exact: "p.q.r", wamp.Prefix: "p.q", wamp.Wildcard: "p..r"}[match]
		k := tableKey{realm: tables.realms.at(0).index, kind: Registration, match: match, uri: pattern}
		tables.subs[tables.derive(k, 0)] = nil // something else has it on this node
		c.say(b, fmt.Sprintf(`[64,1,{"match":%q},%q]`, match, pattern))
		b.out = nil
		c.say(a, `[48,1,{},"p.q.r"]`)
		if tables.collisions == 0 || len(b.out) != 1 || !strings.HasPrefix(b.out[0], "[68,1,") {
			t.Errorf("%v: the caller got %q, the callee %q", match, a.out, b.out)
		}
	}
}

// CAN-01, LEV-01: a callee that was told to stop is not told once more when its caller's node is lost.
func TestKilledInvocationIsInterruptedOnce(t *testing.T) {
	c := newCluster(t, 2, 1, 0, Limits{})
	a, b := c.member("a", 0, 0, wamp.JSON), c.member("b", 1, 0, wamp.JSON)
	c.say(b, `[64,1,{},"p.q"]`)
	c.say(a, `[48,1,{},"p.q"]`)
	b.out = nil
	c.say(a, `[49,1,{"mode":"kill"}]`)
	c.nodes[1].feed(0, Input{Kind: InNodeLost, Node: 1})
	c.settle()
	if len(b.out) != 1 || b.out[0] != `[69,1,{"mode":"kill"}]` {
		t.Errorf("the callee got %q", b.out)
	}
	if len(a.out) != 1 || a.out[0] != `[8,48,1,{},"wamp.error.canceled",["the call was canceled, or its callee is gone"]]` || c.records() != 0 {
		t.Errorf("the caller got %q, %d records are left", a.out, c.records())
	}
}

// Calls go to nodes that can be reached where there are any, until the other is back.
func TestCallsGoAroundLostNodes(t *testing.T) {
	c := newCluster(t, 3, 1, 0, Limits{})
	a, b, d := c.member("a", 0, 0, wamp.JSON), c.member("b", 1, 0, wamp.JSON), c.member("d", 2, 0, wamp.JSON)
	c.say(b, `[64,1,{"invoke":"first"},"p.q"]`)
	c.say(d, `[64,1,{"invoke":"first"},"p.q"]`)
	c.nodes[0].feed(0, Input{Kind: InNodeLost, Node: slotOf(0, 1)})
	c.say(a, `[48,1,{},"p.q"]`)
	if len(d.out) != 2 || len(b.out) != 1 {
		t.Errorf("the call went to the lost node: %q, %q", b.out, d.out)
	}
	c.nodes[0].feed(0, Input{Kind: InNodeUp, Node: slotOf(0, 1)})
	c.say(a, `[48,2,{},"p.q"]`)
	if len(b.out) != 2 {
		t.Errorf("the call did not go to the node that is back: %q, %q", b.out, d.out)
	}
}

// A publisher waits for a link that is full as long as the node can be reached, and not for one that is lost (a cut
// costs nobody on this side).
func TestNobodyWaitsForALostNode(t *testing.T) {
	c := newCluster(t, 2, 1, 0, Limits{})
	a, b := c.member("a", 0, 0, wamp.JSON), c.member("b", 1, 0, wamp.JSON)
	c.say(b, `[32,1,{},"a.b"]`)
	n := c.nodes[0]
	publish := func(what string, paused bool) {
		t.Helper()
		c.say(a, `[16,1,{},"a.b"]`)
		if a.paused != paused {
			t.Errorf("%s: paused is %v", what, a.paused)
		}
	}
	n.feed(0, Input{Kind: InNodePaused, Node: slotOf(0, 1), On: true})
	publish("its link is full", true)
	n.feed(0, Input{Kind: InNodeLost, Node: slotOf(0, 1)})
	publish("it is lost", false)
	n.feed(0, Input{Kind: InNodePaused, Node: slotOf(0, 1), On: true})
	publish("it is lost, and another lane is full", false)
	n.feed(0, Input{Kind: InNodeUp, Node: slotOf(0, 1)})
	publish("it is back", false)
	n.feed(0, Input{Kind: InNodePaused, Node: slotOf(0, 1), On: true})
	publish("and its link is full still", true)
	n.feed(0, Input{Kind: InNodePaused, Node: slotOf(0, 1)})
	publish("it has drained", false)
}

// A publisher waits for a full link as long as it moves. One that stands still, though heartbeats come, costs it a second once: a node that is
// stopped, or a network that carries small packets only, must not stop those who publish elsewhere too.
func TestALinkThatStandsStillIsWaitedForOnce(t *testing.T) {
	c := newCluster(t, 2, 1, 0, Limits{})
	a, b := c.member("a", 0, 0, wamp.JSON), c.member("b", 1, 0, wamp.JSON)
	c.say(b, `[32,1,{},"a.b"]`)
	n := c.nodes[0]
	const pause = int64(defaultPauseMax)
	full := func(on bool) { n.feed(0, Input{Kind: InNodePaused, Node: slotOf(0, 1), On: on}) }
	tick := func(by int64) {
		c.now += by
		n.feed(0, Input{Kind: InTick})
		c.settle()
	}
	publish := func(what string, paused bool) {
		t.Helper()
		c.say(a, `[16,1,{},"a.b"]`)
		if a.paused != paused {
			t.Errorf("%s: paused is %v", what, a.paused)
		}
	}
	full(true)
	publish("its link is full", true)
	for range 10 {
		tick(10 * pause)
		full(true)
		if !a.paused {
			t.Fatal("the publisher goes on while the link moves")
		}
	}
	for range 21 {
		tick(pause)
	}
	if a.paused {
		t.Fatal("the publisher waits for a link that stands still")
	}
	full(true)
	publish("it moves, but has not drained", false)
	full(false)
	full(true)
	publish("it has drained, and is full again", true)
	before := len(n.workers[0].timers.heap)
	for range 1000 {
		full(false)
		full(true)
		publish("full again and again", true)
	}
	if more := len(n.workers[0].timers.heap) - before; more > 0 {
		t.Errorf("%d timers more for one link", more)
	}
}

// A receiver that reads slowly is waited for as long as it reads, on this node and on another; one that is stuck once.
func TestAReceiverThatReadsSlowlyIsWaitedForP13(t *testing.T) {
	for _, far := range []int{0, 1} {
		c := newCluster(t, 2, 1, 0, Limits{})
		a, b := c.member("a", 0, 0, wamp.JSON), c.member("b", far, 0, wamp.JSON)
		c.say(b, `[32,1,{},"a.b"]`)
		n := c.nodes[far]
		const pause = int64(defaultPauseMax)
		tick := func(by int64) {
			c.now += by
			for _, n := range c.nodes {
				n.feed(0, Input{Kind: InTick})
			}
			c.settle()
		}
		n.feed(0, Input{Kind: InPressure, Conn: b.id, Level: 1})
		c.say(a, `[16,1,{},"a.b"]`)
		n.feed(0, Input{Kind: InPressure, Conn: b.id, Level: 3})
		c.settle()
		for range 20 {
			tick(3 * pause)
			if !a.paused {
				t.Fatalf("node %d: the publisher goes on while its receiver reads", far)
			}
			n.feed(0, Input{Kind: InPressure, Conn: b.id, Level: 3})
			c.settle()
		}
		for range 2 * 10 {
			tick(pause)
		}
		if a.paused {
			t.Fatalf("node %d: the publisher waits for a receiver that is stuck", far)
		}
		c.say(a, `[16,2,{},"a.b"]`)
		if a.paused {
			t.Fatalf("node %d: the publisher waits for it again", far)
		}
	}
}

// P34: a publication that a receiver's serializer cannot say reaches nobody. Its publisher is told if it wants to be; else it is counted.
func TestUncarriablePublicationIsToldOrCountedP34(t *testing.T) {
	c := newCluster(t, 1, 1, 0, Limits{})
	a, b := c.member("a", 0, 0, wamp.MsgPack), c.member("b", 0, 0, wamp.JSON)
	c.say(b, `[32,1,{},"a.b"]`)
	b.out = nil
	w := c.nodes[0].workers[0]
	for i, options := range []string{"\x80", "\x81\xabacknowledge\xc3"} {
		a.sendRaw([]byte("\x95\x10\x01" + options + "\xa3a.b\x91\xd4\x05\x00"))
		c.settle()
		if len(b.out) != 0 || len(a.out) != i || w.Stats().EventsUncarriable != 1 {
			t.Errorf("options %q: the subscriber got %q, the publisher %q, %d are counted", options, b.out, a.out, w.Stats().EventsUncarriable)
		}
	}
}
