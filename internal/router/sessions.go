package router

import (
	"kleeblatt/broker"
	"kleeblatt/internal/wamp"
)

// state is where a connection's session stands (basic/sessions.md).
type state uint8

const (
	stateFree    state = iota
	stateOpening       // connected, no HELLO yet, or no AUTHENTICATE
	stateOpen          // WELCOME was sent
	stateGoodbye       // our GOODBYE was sent; everything but the client's is ignored
	stateClosing       // nothing is processed any more; the connection's end will be reported
	stateVoice         // the router's own, without a connection: it calls what is asked in its name (inquiry.go)
)

// receiver is what delivering an event reads of a session, 16 bytes, kept apart so that a fan-out touches little memory.
type receiver struct {
	conn       Conn
	maxMessage uint32
	serializer wamp.Serializer
	flags      uint8
}

// Flags of a receiver. A session with any of them set takes the slower way.
const (
	congested uint8 = 1 << iota // its outbox is more than half full
	slow                        // it used up the time that publishers wait for it, and has not drained since
)

// session is the rest of a connection's session. Its subscriptions are in the worker's broker.Local, its calls and invocations in its
// dealer.Caller and Callee.
type session struct {
	id       uint64 // 0 before WELCOME
	realm    *Realm
	authID   string
	authRole string // shared by all with the same role
	role     *quota // what is said of that role

	lastRequest   uint64 // of strict realms: the newest request id
	inParts       uint64 // the highest request id of a progressive call
	kept          uint32 // bytes that its calls in parts keep
	roles         wamp.Roles
	registrations uint32 // head of its list in the worker's registrations, 0: none
	registered    uint32 // length of that list
	waiting       uint16 // proposals that the tables have not answered

	pauses      uint16 // receivers and links that its connection is not read for
	remotePause uint16 // of these, receivers that live elsewhere
	state       state
	paused      bool  // FxPause was said
	known       bool  // it has proven to be a user of the configuration
	asking      bool  // it waits for the answer to an inquiry
	throttled   bool  // it is not read for its rate
	behind      bool  // it has been since it had last caught up with it, see Worker.heldSince
	readAt      int64 // when it last read of a backlog, see Worker.progressed; 0: never
	due         int64 // when it will have caught up with its rate
	pausedUntil int64 // when remotePause ends at the latest
}

// open gives a new connection a slot.
func (w *Worker) open(c Conn, s wamp.Serializer, maxMessage int) uint32 {
	slot := w.newSlot()
	if maxMessage <= 0 || maxMessage > 1<<31 {
		maxMessage = 1 << 31
	}
	w.receivers[slot] = receiver{conn: c, maxMessage: uint32(maxMessage), serializer: s}
	w.sessions[slot] = session{state: stateOpening}
	w.byConn.add(slot)
	return slot
}

// newSlot is a place that nobody has.
func (w *Worker) newSlot() uint32 {
	if n := len(w.free); n > 0 {
		slot := w.free[n-1]
		w.free = w.free[:n-1]
		return slot
	}
	w.sessions = append(w.sessions, session{})
	w.receivers = append(w.receivers, receiver{})
	return uint32(len(w.sessions) - 1)
}

// vacate gives the slot of a connection that is gone back.
func (w *Worker) vacate(slot uint32) {
	w.byConn.remove(slot)
	w.sessions[slot] = session{}
	w.receivers[slot] = receiver{}
	w.free = append(w.free, slot)
}

// sessionByID finds an open session of this worker.
func (w *Worker) sessionByID(id uint64) (slot uint32, ok bool) {
	return w.byID.get(id)
}

// newSessionID draws an id that nobody on this worker has, uniform over those that name this worker (IDS-02).
func (w *Worker) newSessionID() uint64 {
	count := uint64(w.config.Count)
	for {
		id := w.randomID()
		if id%count != uint64(w.config.Index) {
			continue
		}
		if _, taken := w.byID.get(id); !taken {
			return id
		}
	}
}

// randomID draws an id, uniform over [1, 2^53].
func (w *Worker) randomID() uint64 { return w.random()>>11 + 1 }

// terminate ends what the session holds: subscriptions, registrations, calls, invocations. The caller says what the client is told,
// and before that nothing more reaches it (PVI-18, CLS-03, CLS-06).
func (w *Worker) terminate(slot uint32, next state) {
	s := &w.sessions[slot]
	was := s.state
	s.state = next
	if s.asking {
		w.stopWaiting(slot)
	}
	if was != stateOpen {
		delete(w.exchanges, slot)
		delete(w.channels, slot)
		return
	}
	w.stats.Sessions--
	s.role.leave(s.realm)
	delete(w.heldSince, slot)
	w.ending = slot
	w.local.RemoveAll(broker.Slot(slot), w.unsubscribeGone)
	w.unregisterAll(slot)
	w.leaveAll(slot)
	w.callerGone(slot)
	w.calleeGone(slot)
	w.receiverGone(slot)
	w.publishWill(slot)
	w.byID.remove(slot)
	w.proposeSession(Op{Kind: OpSessionOver, Realm: s.realm.Name, Session: s.id})
	s.id = 0
}
