package chaos

// mutant is a planted bug: one small change of the source, which a run of the simulator has to find out.
type mutant struct {
	file   string // below the module's root
	was    string // what stands there, exactly once
	is     string // and what is to stand there instead
	breaks string
}

// mutants is the list. A test holds that each of them can still be planted.
var mutants = []mutant{
	// crdt
	{"crdt/part.go", "for _, op := range d.Ops[p.version-d.From:] {", "for _, op := range d.Ops {", "what a delta overlaps is applied twice"},
	{"crdt/part.go", "	return op.Add != there\n", "	return op.Add && !there\n", "removals do not reach the routing"},
	{"crdt/part.go", "	p.log.push(op)\n", "	if op.Add {\n		p.log.push(op)\n	}\n", "removals are not in the log"},
	{"crdt/part.go", "	case d.To() <= p.version:\n", "	case d.To() <= p.version+1:\n", "a delta of one change is taken for old"},

	// gossip
	{"gossip/member.go", "	n.swim = swimFailed\n	if alive {", "	n.swim = swimFailed\n	if !alive {", "membership is read upside down"},
	{"gossip/tables.go", "	if add {\n		return FxAdd\n	}\n	return FxRemove\n", "	return FxAdd\n", "removals are routed as additions"},
	{"gossip/machine.go", "		m.own.Remove(in.Element)\n", "", "nothing is ever removed from a part"},
	{"gossip/machine.go", "	m.emit(Effect{Kind: FxApplied, Token: in.Token})\n", "	if in.Add {\n		m.emit(Effect{Kind: FxApplied, Token: in.Token})\n	}\n", "removals are never confirmed"},
	{"gossip/states.go", "	if !n.away() || m.now < n.hiddenAt+int64(m.cfg.LeaveGrace) {\n		return\n	}\n	if n.told {", "	if !n.away() {\n		return\n	}\n	if n.told {", "who is cut off for a moment is given up"},

	// transport/link
	{"transport/link/window.go", "		for n := c.first; n < l.acked; n++ {\n", "		for n := c.first; n+1 < l.acked; n++ {\n", "a frame that came already comes again under the next one's number"},
	{"transport/link/resume.go", "		out.rewind()\n", "", "what was on its way when the connection broke is lost"},
	{"transport/link/window.go", "			c.b[off] |= flagVoid\n", "", "calls that failed run later"},
	{"transport/link/recv.go", "	if flags&flagVoid != 0 {\n", "	if false {\n", "void calls run"},
	{"transport/link/machine.go", "return uint8(1 + hash%uint64(m.cfg.Lanes)) }", "return uint8(1 + (hash+m.stats.DataOut)%uint64(m.cfg.Lanes)) }", "a session's frames take any lane"},
	{"transport/link/resume.go", "			m.send[i].reset()\n", "", "a new life of the peer is sent the old numbers"},
	{"transport/link/resume.go", "			m.recv[i].reset()\n", "", "a new life of the peer is expected to go on with the old numbers"},
	{"transport/link/window.go", "	l.lost.add(&given)\n", "", "what a link gives up is not counted"},
	{"transport/link/window.go", "	l.lost[kindOf(flags)]++\n", "", "what a link refuses is not counted"},
	{"transport/link/recv.go", "			if now-at < int64(m.cfg.HoldTime) && l.hold.bytes() <= m.cfg.HoldBytes {\n", "			if at >= 0 {\n", "frames wait for the tables for ever"},

	// internal/router
	{"internal/router/publish.go", "	others := to.workers &^ w.me\n", "	others := to.workers\n", "a worker posts to itself what it has delivered"},
	{"internal/router/publish.go", "	if o.Has&codec.OptExcludeMe == 0 || o.ExcludeMe {\n", "	if o.Has&codec.OptExcludeMe != 0 && o.ExcludeMe {\n", "publishers get their own events"},
	{"internal/router/publish.go", "		w.deliver(f, to, noSlot, node)\n", "		w.deliver(f, to, noSlot, node)\n		w.deliver(f, to, noSlot, node)\n", "what comes from elsewhere is delivered twice"},
	{"internal/router/deliver.go", "		if filtered && !w.admits(f, uint32(at)) {\n", "		if filtered && w.admits(f, uint32(at)) {\n", "lists of receivers are read upside down"},
	{"internal/router/deliver.go", "	if match != wamp.Exact { // PBS-06\n", "	if match == wamp.Prefix { // PBS-06\n", "events for wildcards do not name their topic"},
	{"internal/router/call.go", "		w.caller.Touch(c, w.now) // PCR-11\n	} else {\n		w.closeCall(c)\n	}\n", "		w.caller.Touch(c, w.now) // PCR-11\n	}\n", "records outlive their calls"},
	{"internal/router/call.go", "		w.fail(slot, wamp.Call, was.Request, wamp.ErrCanceled, \"\")\n", "", "who cancels is not answered"},
	{"internal/router/call.go", "func (w *Worker) abandonCall(c dealer.Call) { w.cancelCallee(&c, wamp.KillNoWait) }", "func (w *Worker) abandonCall(c dealer.Call) {}", "callees are not told that the caller has gone"},
	{"internal/router/call.go", "	w.breakCall(c, true, wamp.ErrTimeout, \"\")\n", "	w.breakCall(c, false, wamp.ErrTimeout, \"\")\n", "callees are not told that time is up"},
	{"internal/router/call.go", "	w.caller.DropNode(uint8(node), w.callLost)\n", "", "calls to a node that is lost wait"},
	{"internal/router/call.go", "	w.callee.DropNode(uint8(node), w.invocationLost)\n", "", "calls of a node that is lost go on"},
	{"internal/router/invoke.go", "	w.callee.DropSession(dealer.Slot(slot), w.invocationGone)\n", "", "callers wait for a callee that has left"},
	{"internal/router/invoke.go", "	v.Named = x.match != wamp.Exact // PBR-06\n", "	v.Named = x.match == wamp.Prefix // PBR-06\n", "calls of wildcards do not name their procedure"},
	{"internal/router/invoke.go", "		w.interrupt(slot, was.ID, f.mode)\n", "", "nobody is interrupted"},
	{"internal/router/subscribe.go", "	if last {\n		w.unsubscribed(m.ID)\n	}\n", "	if last || m.ID != 0 {\n		w.unsubscribed(m.ID)\n	}\n", "the first who unsubscribes does so for all"},
	{"internal/router/sessions.go", "	w.local.RemoveAll(broker.Slot(slot), w.unsubscribeGone)\n", "	_ = broker.Slot(slot)\n", "subscriptions outlive their sessions"},
	{"internal/router/sessions.go", "	w.unregisterAll(slot)\n", "", "registrations outlive their sessions"},
	{"internal/router/sessions.go", "	w.callerGone(slot)\n", "", "calls outlive their callers"},
	{"internal/router/sessions.go", "	w.calleeGone(slot)\n", "", "callers wait for a callee that has left, whatever it did"},
	{"internal/router/sessions.go", "		if id%count != uint64(w.config.Index) {\n", "		if count == 0 {\n", "ids do not name the session's worker"},
	{"internal/router/tables.go", "		if left == 0 {\n", "		if left >= 0 {\n", "the first worker without subscribers takes the node's interest back"},
	{"internal/router/realm.go", "		return 1 << (session % uint64(count)), nil\n", "		return 1 << (session % 1), nil\n", "what comes from elsewhere is for the first worker"},
	{"internal/node/hide.go", "	if !p.sweeps() {\n", "	if !p.sweeps() || p.slot > 0 {\n", "the interest of nodes that are gone stays"},
	{"internal/router/directory.go", "	d.leaveAll(node, func(x *record) bool { return x.round != n.round })\n", "", "who left during an outage is never said to have left"},
	{"internal/router/directory.go", "	d.leaveAll(node, func(*record) bool { return true })\n", "", "the sessions of a dead node are never said to have left"},
	{"internal/router/events.go", "		f.id = publicationOf(item.topic, e.Session)\n", "", "each node gives the event of a session's end another id"},

	{"internal/router/claims.go", "func excludes(a, b wamp.Invoke) bool { return a != b || a == wamp.Single }", "func excludes(a, b wamp.Invoke) bool { return a != b }", "two claims of one single do not exclude each other"},
	{"internal/router/conflicts.go", "			out = t.revoke(v.key, id, c, out)\n", "", "who loses a conflict is not told"},
	{"internal/router/conflicts.go", "		if realm.Conflict == Standby {\n			t.stats", "		if realm.Conflict == Standby && len(losers) > 1 {\n			t.stats", "who is to stand by is revoked"},
	{"internal/router/conflicts.go", "	t.removeCallee(k, 0, c.Session)\n	t.scratch", "	t.scratch", "who lost a conflict is called by its own node"},

	// broker, dealer
	{"broker/index.go", "	case e.Workers != 0 || !e.Nodes.Empty():\n", "	case e.Workers != 0:\n", "the interest of other nodes counts only beside our own"},
	{"broker/index.go", "		e.Workers.Remove(worker)\n", "		e.Workers = 0\n", "one worker without subscribers ends the others'"},
	{"broker/local.go", "	if last = sub.left == len(sub.slots); last {\n", "	if last = sub.left > 0; last {\n", "the first subscriber who leaves takes all with it"},
	{"dealer/registration.go", "		at = (r.next.Add(1) - 1 + r.base) % n\n", "		at = 0\n", "nobody takes turns"},
	{"dealer/invocations.go", "	s.issued++\n", "	s.issued += 2\n", "invocations are not numbered in sequence"},
	{"dealer/calls.go", "	if mode == wamp.Kill {\n		c.State = Killing\n", "	if mode != wamp.Kill {\n		c.State = Killing\n", "who does not want to wait for the callee does, and the other way round"},

	// internal/node
	{"internal/node/hide.go", "	p.lingers = (s == link.Suspect || s == link.Down) && !p.refused\n", "	p.lingers = s == link.Left\n", "events are lost in an outage that fits the window"},
	{"internal/node/home.go", "		r.p.reachedVersion(r.life, r.version)\n", "", "nobody learns which versions are visible"},
	{"internal/node/hub.go", "		if workers>>w&1 == 0 {\n			continue\n		}\n		if w == int(h.index) {", "		if workers>>w&1 == 0 || w > 1 {\n			continue\n		}\n		if w == int(h.index) {", "the third worker gets nothing from elsewhere"},
}
