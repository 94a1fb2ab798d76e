package router

import (
	"kleeblatt/broker"
	"kleeblatt/dealer"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// WorkerConfig is what a Worker has to know.
type WorkerConfig struct {
	Index  int // this worker's number, < Count
	Count  int // workers of this node, ≤ broker.MaxWorkers
	Node   string
	Realms *Realms
	// Rand returns uniformly distributed bits. Session ids come from it: it must not be predictable from outside.
	Rand   func() uint64
	Agent  string // what WELCOME says
	Epoch  int64  // wall clock, milliseconds since 1970, at the zero of Input.Now; stands in challenges
	Limits Limits
}

// Stats are a worker's counters, all since its start but for the first, which tell how many there are now.
type Stats struct {
	Sessions           int
	Subscriptions      int // different ones that have a subscriber on this worker
	Registrations      int // of sessions of this worker
	CallsPending       int // of callers of this worker
	InvocationsPending int // of callees of this worker
	SlowSessions       int // that used up the time that publishers wait for them, and have not drained since

	Messages          uint64                        // received from clients
	Received          [wamp.MessageTypeBound]uint64 // of them those that could be read, by type
	Sent              uint64                        // handed to connections, events included
	Published         uint64
	Events            uint64 // handed to connections
	Calls             uint64
	Posts             uint64                   // frames to other workers of this node
	Relays            uint64                   // frames to other nodes
	Violations        uint64                   // sessions ended for a protocol violation
	NotAuthorized     [auth.ActionBound]uint64 // requests that the rules of a role denied, by action; a PUBLISH may not have been told
	Denied            uint64                   // clients that did not get in: who they are, or how to prove it, was not right
	Inquiries         uint64                   // questions to authenticators and authorizers
	Unanswered        uint64                   // of them those that nobody answered, or in words that mean nothing
	Crowded           uint64                   // clients that did not get in: there are as many sessions as may be
	Throttled         uint64                   // times that a session was not read, for its rate
	RateClosed        uint64                   // sessions closed for it
	EventsTooLarge    uint64                   // not sent: larger than the receiver takes
	EventsUncarriable uint64                   // not sent: the receiver's serializer cannot say it
	EventsDropped     uint64                   // not queued: the receiver's outbox was full (policy drop)
	SlowClosed        uint64                   // sessions closed for a full outbox
	RepliesLate       uint64                   // of calls that are over
	PartsLate         uint64                   // of calls that are over: further CALLs of callers that did not know it yet
	Rerouted          uint64                   // calls that their callees gave back as unavailable
	Failed            [failures]uint64         // calls that the router ended with an error, by reason
	BadFrames         uint64                   // relay frames that could not be read
	HistoryTooLarge   uint64                   // publications that were not kept in a history
	RetainedCut       uint64                   // retained events that a SUBSCRIBE did not bring, since there were too many
	Testaments        uint64                   // published at the end of sessions of this worker
	Pauses            uint64                   // episodes in which a publisher was not read
	StuckNodes        uint64                   // times that a node's full link did not move, and publishers stopped waiting for it
}

// Failure is a reason for which the router itself ends a call.
type Failure uint8

const (
	FailedNoProcedure Failure = iota // nobody has registered it
	FailedBusy                       // all callees are at their limit
	FailedTimeout                    // the time that the caller gave is over
	FailedNodeLost                   // the callee's node cannot be reached
	FailedCalleeLeft                 // counted where the callee was
	failures
)

// FailureNames are the reasons' names in metrics.
var FailureNames = [failures]string{"no_such_procedure", "busy", "timeout", "node_lost", "callee_left"}

// Worker is the router of the sessions of one loop: a state machine that is stepped by its owner.
type Worker struct {
	config WorkerConfig
	limits Limits
	me     broker.WorkerSet // this worker alone
	random func() uint64
	stats  Stats

	sessions   []session  // by slot
	receivers  []receiver // by slot
	free       []uint32
	byConn     slotTable
	byID       slotTable
	lastTalker uint32 // the slot that the last message came from

	local         broker.Local
	topics        map[uint64]subscription // by id: what is held on this worker
	caller        *dealer.Calls
	callee        *dealer.Invocations
	registrations registrations
	proposals     proposals
	exchanges     map[uint32]exchange      // by slot: who has been challenged
	channels      map[uint32]*auth.Channel // by slot: of connections over TLS whose clients have not got in yet
	replayed      replayed
	histories     map[historyKey]*keptHistory
	keptByID      map[uint64]*keptHistory // those that keep what comes, by subscription
	wills         map[uint32]*will        // by slot: of sessions that have testaments
	cache         matchCache
	procedures    procedures
	verdicts      verdicts
	grants        map[grantKey]*grant
	quotas        map[*role]*quota
	heldSince     map[uint32]int64 // by slot: since when a session is held up for its rate, and has not caught up
	inquiries     inquiries
	pauses        pauses
	timers        timers
	lost          broker.NodeSet // nodes that calls go to only for want of others
	lagging       broker.NodeSet // nodes whose link is full, and waited for
	timed         broker.NodeSet // nodes that a nodeTimer is set for
	stuck         broker.NodeSet // nodes whose link is full and does not move: nobody waits for them until it has drained
	wakeAt        int64          // what the owner was last asked for
	slowToldAt    int64          // when a person was last told of sessions that do not read; 0: never
	draining      bool

	// Memory of the step under way and of the effects that it returned.
	now        int64
	out        []Effect
	arena      []byte
	ops        []Op
	element    []byte                       // of a session that joins
	groups     [wamp.SerializerBound][]Conn // receivers, one behind the other
	deliveries []delivery

	parser     codec.Parser
	transcoder codec.Transcoder
	message    codec.Message
	raw        []byte     // the message under way, encoded
	again      []decision // what authorizers said of it, where it is looked at again
	isAgain    bool
	transcoded [wamp.SerializerBound][]byte
	passed     [wamp.SerializerBound][]byte // options that pass through, codec.PassBytesMax each or little more
	request    frame                        // what goes from a publisher or caller
	reply      frame                        // what goes back
	received   frame                        // what came from elsewhere
	refused    frame                        // a call that came back
	last       frame                        // a testament, or a retained event
	retained   []*broker.RetainedEvent
	event      codec.EventDetails
	invocation codec.InvocationDetails

	// Callbacks, made once so that handing them over allocates nothing.
	unsubscribeGone func(id uint64, last bool) // of the session in ending
	ending          uint32
	callGone        func(dealer.Call)
	callLost        func(dealer.Call)
	invocationGone  func(dealer.Invocation)
	invocationLost  func(dealer.Invocation)
	untried         func(*dealer.Callee) bool
	reachable       func(*dealer.Callee) bool
	placing         *frame // the call that these two judge for

	brokerFeatures, dealerFeatures []string
}

// NewWorker returns a worker without sessions.
func NewWorker(c WorkerConfig) *Worker {
	if c.Count < 1 || c.Count > broker.MaxWorkers || c.Index < 0 || c.Index >= c.Count {
		panic("router: no such worker")
	}
	w := &Worker{
		config: c,
		limits: c.Limits.withDefaults(),
		me:     1 << c.Index,
		random: c.Rand,
		topics: map[uint64]subscription{},
		caller: dealer.NewCalls(c.Rand()),
		callee: dealer.NewInvocations(c.Rand()),
	}
	w.byConn.key = func(slot uint32) uint64 { return uint64(w.receivers[slot].conn) }
	w.byID.key = func(slot uint32) uint64 { return w.sessions[slot].id }
	w.unsubscribeGone = w.unsubscribedGone
	w.callGone = w.abandonCall
	w.callLost = w.failLostCall
	w.invocationGone = w.failInvocation
	w.invocationLost = w.interruptLost
	w.untried, w.reachable = w.isUntried, w.isReachable
	w.brokerFeatures, w.dealerFeatures = wamp.BrokerFeatures(), wamp.DealerFeatures()
	w.proposals.init()
	w.exchanges = map[uint32]exchange{}
	w.channels = map[uint32]*auth.Channel{}
	w.wills = map[uint32]*will{}
	w.histories, w.keptByID = map[historyKey]*keptHistory{}, map[uint64]*keptHistory{}
	w.verdicts = verdicts{}
	w.grants = map[grantKey]*grant{}
	w.quotas = map[*role]*quota{}
	w.heldSince = map[uint32]int64{}
	w.inquiries.init()
	w.pauses.init()
	return w
}

// Stats returns the counters.
func (w *Worker) Stats() Stats {
	s := w.stats
	s.Subscriptions, s.Registrations = len(w.topics), len(w.registrations.byID)
	s.CallsPending, s.InvocationsPending = w.caller.Len(), w.callee.Len()
	return s
}

// Sessions is the number of open sessions.
func (w *Worker) Sessions() int { return w.stats.Sessions }

// Step takes one input and appends what follows from it to out. The effects alias the worker's memory until its next Step.
func (w *Worker) Step(in *Input, out []Effect) []Effect {
	w.now = in.Now
	w.out = out
	w.reset()
	switch in.Kind {
	case InMessage:
		if slot, ok := w.talker(in.Conn); ok {
			w.onMessage(slot, in.Bytes)
		}
	case InFrame:
		w.onFrame(in.Node, in.Bytes)
	case InOpened:
		w.onOpened(in)
	case InClosed:
		if slot, ok := w.byConn.get(uint64(in.Conn)); ok {
			w.terminate(slot, stateClosing)
			w.vacate(slot)
		}
	case InPressure:
		if slot, ok := w.byConn.get(uint64(in.Conn)); ok {
			w.onPressure(slot, in.Level, in.On)
		}
	case InApplied:
		w.onApplied(in)
	case InRevoked:
		w.onRevoked(in)
	case InNodeLost:
		w.onNodeLost(in.Node)
	case InNodeUp:
		w.lost.Remove(uint8(in.Node))
	case InNodePaused:
		w.onNodePaused(in.Node, in.On)
	case InTick:
		w.onTick()
	case InDrain:
		w.onDrain()
	case InHistory:
		w.onHistory(in)
	case InAnswer:
		w.onAnswer(in)
	case InKill:
		w.onKill(in)
	case InUnsubscribe:
		w.onUnsubscribed(in)
	}
	if len(w.inquiries.over) > 0 {
		w.finishInquiries()
	}
	w.scheduleWake()
	out, w.out = w.out, nil
	return out
}

// talker finds the session of a connection that has sent a message: most come in the wake of another from there.
func (w *Worker) talker(c Conn) (slot uint32, ok bool) {
	if slot = w.lastTalker; int(slot) < len(w.receivers) && w.receivers[slot].conn == c && c != 0 {
		return slot, true
	}
	if slot, ok = w.byConn.get(uint64(c)); ok {
		w.lastTalker = slot
	}
	return slot, ok
}

// reset takes the memory of the last step's effects back.
func (w *Worker) reset() {
	if cap(w.arena) > arenaKeepBytes {
		w.arena = nil
	}
	w.arena = w.arena[:0]
	if len(w.ops) > 0 {
		clear(w.ops)
		w.ops = w.ops[:0]
	}
	for i := range w.groups {
		w.groups[i] = w.groups[i][:0]
	}
	for i := range w.transcoded {
		if cap(w.transcoded[i]) > arenaKeepBytes {
			w.transcoded[i] = nil
		}
	}
}

func (w *Worker) emit(e Effect) { w.out = append(w.out, e) }

// send emits what was appended to the arena since at as one message for the session's connection.
func (w *Worker) send(slot uint32, at int, urgent bool) {
	w.stats.Sent++
	w.emit(Effect{Kind: FxSend, Conn: w.receivers[slot].conn, Bytes: w.arena[at:len(w.arena):len(w.arena)], Urgent: urgent})
}

// propose emits a change for the tables.
func (w *Worker) propose(op Op, token uint64) {
	op.Worker = uint8(w.config.Index)
	w.ops = append(w.ops, op)
	w.emit(Effect{Kind: FxPropose, Op: &w.ops[len(w.ops)-1], Token: token})
}

// proposeSession emits a change for the directory.
func (w *Worker) proposeSession(op Op) {
	op.Worker = uint8(w.config.Index)
	w.ops = append(w.ops, op)
	w.emit(Effect{Kind: FxSession, Op: &w.ops[len(w.ops)-1]})
}

// scheduleWake asks for a step at the earliest deadline, when that is earlier than what was asked for.
func (w *Worker) scheduleWake() {
	next := w.timers.next()
	if at, ok := w.caller.NextDeadline(); ok && (next == 0 || at < next) {
		next = at
	}
	if next != 0 && (w.wakeAt == 0 || next < w.wakeAt) {
		w.wakeAt = next
		w.emit(Effect{Kind: FxWakeAt, N: next})
	}
}

func (w *Worker) onTick() {
	w.wakeAt = 0
	for c := w.caller.Due(w.now); c != nil; c = w.caller.Due(w.now) {
		w.callTimedOut(c)
	}
	for {
		t, ok := w.timers.due(w.now)
		if !ok {
			return
		}
		if t.kind == nodeTimer {
			w.nodeEpisodeOver(uint8(t.key))
			continue
		}
		if int(t.slot) >= len(w.sessions) || uint64(w.receivers[t.slot].conn) != t.key {
			continue // the slot has another session by now
		}
		switch t.kind {
		case helloTimer:
			if w.sessions[t.slot].state == stateOpening {
				w.abort(t.slot, wamp.ErrTimeout, "no HELLO or AUTHENTICATE came in time")
			}
		case goodbyeTimer:
			if w.sessions[t.slot].state == stateGoodbye {
				w.close(t.slot)
			}
		case episodeTimer:
			w.episodeOver(t.slot)
		case rateTimer:
			w.caughtUp(t.slot)
		case pauseTimer:
			w.remotePauseOver(t.slot)
		}
	}
}

// onMessage handles one message of a client, in whatever state its session is.
func (w *Worker) onMessage(slot uint32, b []byte) {
	s := &w.sessions[slot]
	if s.state == stateClosing {
		return
	}
	if s.asking {
		w.holdMessage(slot, b)
		return
	}
	w.stats.Messages++
	m := &w.message
	if err := w.parser.Parse(w.receivers[slot].serializer, b, m); err != nil {
		if s.state == stateGoodbye {
			return
		}
		w.violate(slot, err.Error())
		return
	}
	w.stats.Received[m.Type]++
	switch s.state {
	case stateOpen:
		if w.charge(slot, m.Type) {
			w.raw = b
			w.dispatch(slot, m)
			w.raw = nil
		}
	case stateOpening:
		w.onOpening(slot, m)
	case stateGoodbye:
		if m.Type == wamp.Goodbye || m.Type == wamp.Abort {
			w.close(slot)
		}
	}
}

// dispatch hands a message of an open session to its verb.
func (w *Worker) dispatch(slot uint32, m *codec.Message) {
	switch m.Type {
	case wamp.Publish:
		if w.sequential(slot, m) {
			w.onPublish(slot, m)
		}
	case wamp.Call:
		if (w.isAgain || !w.furtherPart(slot, m)) && w.sequential(slot, m) {
			w.onCall(slot, m)
		}
	case wamp.Yield:
		w.onYield(slot, m)
	case wamp.Error:
		w.onInvocationError(slot, m)
	case wamp.Cancel:
		w.onCancel(slot, m)
	case wamp.Subscribe:
		if w.sequential(slot, m) {
			w.onSubscribe(slot, m)
		}
	case wamp.Unsubscribe:
		if w.sequential(slot, m) {
			w.onUnsubscribe(slot, m)
		}
	case wamp.Register:
		if w.sequential(slot, m) {
			w.onRegister(slot, m)
		}
	case wamp.Unregister:
		if w.sequential(slot, m) {
			w.onUnregister(slot, m)
		}
	case wamp.Goodbye:
		w.onGoodbye(slot)
	case wamp.Abort:
		w.terminate(slot, stateClosing)
		w.emit(Effect{Kind: FxClose, Conn: w.receivers[slot].conn})
	default:
		w.violate(slot, m.Type.String()+" is not expected in an open session")
	}
}

// sequential checks a request id (IDS-06). Strict realms want the last one plus one, 1 after 2^53; others any that is legal.
func (w *Worker) sequential(slot uint32, m *codec.Message) bool {
	if m.Request == 0 || m.Request > wamp.MaxID {
		w.violate(slot, "request id out of range")
		return false
	}
	s := &w.sessions[slot]
	if s.realm.Strict && !w.isAgain {
		if m.Request != s.lastRequest%wamp.MaxID+1 {
			w.violate(slot, "request id is not the one before plus one")
			return false
		}
		s.lastRequest = m.Request
	}
	return true
}

// fail answers a request with ERROR. Without a text it is the one that stands for the URI.
func (w *Worker) fail(slot uint32, typ wamp.MessageType, request uint64, uri, text string) {
	if w.sessions[slot].state != stateOpen {
		return
	}
	if text == "" {
		text = reasons[uri].text
	}
	at := len(w.arena)
	w.arena = codec.AppendErrorText(w.arena, w.receivers[slot].serializer, typ, request, uri, text)
	w.send(slot, at, true)
}
