package router

import (
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

func (w *Worker) onOpened(in *Input) {
	if slot, ok := w.byConn.get(uint64(in.Conn)); ok { // a number that was not free: what it stood for is gone
		w.terminate(slot, stateClosing)
		w.vacate(slot)
	}
	if in.Serializer == 0 || in.Serializer >= wamp.SerializerBound || len(w.sessions)-len(w.free) >= w.limits.Sessions {
		w.emit(Effect{Kind: FxReset, Conn: in.Conn})
		return
	}
	slot := w.open(in.Conn, in.Serializer, in.MaxMessage)
	if in.Channel != nil {
		w.channels[slot] = in.Channel
	}
	if w.draining {
		w.abort(slot, wamp.CloseSystemShutdown, "this router is shutting down")
		return
	}
	w.emit(Effect{Kind: FxLimit, Conn: in.Conn, N: int64(w.limits.HelloBytes)})
	w.timers.add(timer{at: w.now + int64(w.limits.HelloTimeout), kind: helloTimer, slot: slot, key: uint64(in.Conn)})
}

// onOpening handles the first message of a connection: HELLO, or the session is over (HND-01, PVI-04, PVI-05, PVI-07, PVI-12).
func (w *Worker) onOpening(slot uint32, m *codec.Message) {
	x, challenged := w.exchanges[slot]
	switch {
	case m.Type == wamp.Abort: // HND-07: no reply
		w.close(slot)
	case challenged && m.Type == wamp.Authenticate:
		w.onAuthenticate(slot, x, m)
	case challenged:
		w.violate(slot, m.Type.String()+" instead of AUTHENTICATE")
	case m.Type == wamp.Hello:
		w.onHello(slot, m)
	default:
		w.violate(slot, m.Type.String()+" before HELLO")
	}
}

func (w *Worker) onHello(slot uint32, m *codec.Message) {
	var h codec.Hello
	if err := w.parser.Hello(w.receivers[slot].serializer, m.Dict, &h); err != nil {
		w.violate(slot, err.Error())
		return
	}
	if !validURI(m.URI, wamp.Exact, false) {
		w.abort(slot, wamp.ErrInvalidURI, "the realm is not a valid URI")
		return
	}
	realm := w.config.Realms.find(m.URI)
	if realm == nil {
		w.abort(slot, wamp.ErrNoSuchRealm, "no realm "+string(m.URI)+" here")
		return
	}
	if !h.AnyRole {
		w.violate(slot, "HELLO announces no role")
		return
	}
	w.authenticate(slot, realm, &h)
}

// welcome opens the session. WELCOME is the first message of it (HND-02).
func (w *Worker) welcome(slot uint32, realm *Realm, id uint64, roles wamp.Roles, p *auth.Principal, extra *auth.Extra) {
	if _, taken := w.byID.get(id); taken {
		id = w.newSessionID() // somebody has drawn the same while this one was challenged
	}
	delete(w.channels, slot)
	if realm = w.config.Realms.admit(realm); realm == nil {
		w.abort(slot, wamp.ErrNoSuchRealm, "there are too many realms on this node")
		return
	}
	role := realm.role(p.AuthRole)
	if !role.enter(realm) {
		w.stats.Crowded++
		w.abort(slot, wamp.ErrUnavailable, "there are as many sessions on this node as may be")
		return
	}
	s := &w.sessions[slot]
	if realm.NoPassthru {
		roles.Forget(wamp.FeaturePayloadPassthru)
	}
	*s = session{id: id, realm: realm, state: stateOpen, roles: roles, authID: p.AuthID, authRole: p.AuthRole, role: w.quotaOf(realm, role)}
	s.known = p.AuthProvider == auth.ProviderStatic && p.AuthMethod != auth.MethodAnonymous
	w.byID.add(slot)
	w.stats.Sessions++
	r := &w.receivers[slot]
	w.emit(Effect{Kind: FxLimit, Conn: r.conn, N: int64(s.role.MessageBytes)})
	at := len(w.arena)
	d := codec.WelcomeDetails{
		Realm: realm.Name, AuthID: p.AuthID, AuthRole: p.AuthRole, AuthMethod: p.AuthMethod, AuthProvider: p.AuthProvider,
		Agent: w.config.Agent, Verifier: extra.Verifier, VerifierKey: extra.VerifierKey(), BrokerFeatures: w.brokerFeatures, DealerFeatures: w.dealerFeatures,
	}
	if realm.NoPassthru {
		d.BrokerFeatures, d.DealerFeatures = withoutPassthru(d.BrokerFeatures), withoutPassthru(d.DealerFeatures)
	}
	w.arena = codec.AppendWelcome(w.arena, r.serializer, id, &d)
	if uint64(len(w.arena)-at) > uint64(r.maxMessage) { // RAW-06: who takes so little has to do without the list of features
		d.BrokerFeatures, d.DealerFeatures = nil, nil
		w.arena = codec.AppendWelcome(w.arena[:at], r.serializer, id, &d)
	}
	w.send(slot, at, true)
	w.element = AppendSession(w.element[:0], realm.Name, id, p)
	w.proposeSession(Op{Kind: OpSessionOpen, Realm: realm.Name, Session: id, Element: string(w.element)})
}

// onGoodbye answers the client's GOODBYE and closes (CLS-01).
func (w *Worker) onGoodbye(slot uint32) {
	w.goodbye(slot, wamp.CloseGoodbyeAndOut, stateClosing)
	w.emit(Effect{Kind: FxClose, Conn: w.receivers[slot].conn})
}

// goodbye ends what the session holds and sends GOODBYE, after which it gets nothing more (CLS-03).
func (w *Worker) goodbye(slot uint32, reason string, next state) {
	w.goodbyeText(slot, reason, "", next)
}

func (w *Worker) goodbyeText(slot uint32, reason, message string, next state) {
	w.terminate(slot, next)
	at := len(w.arena)
	w.arena = codec.AppendGoodbye(w.arena, w.receivers[slot].serializer, reason, message)
	w.send(slot, at, true)
}

// violate ends a session for a protocol violation: what it holds is gone before ABORT leaves, and nothing that it sent behind the
// violation is looked at (PVI-17, PVI-18).
func (w *Worker) violate(slot uint32, why string) {
	w.stats.Violations++
	w.abort(slot, wamp.ErrProtocolViolation, why)
}

// abort ends a session, or the attempt at one, by ABORT and closes the connection.
func (w *Worker) abort(slot uint32, reason, why string) {
	w.terminate(slot, stateClosing)
	r := &w.receivers[slot]
	at := len(w.arena)
	w.arena = codec.AppendAbort(w.arena, r.serializer, reason, why)
	w.send(slot, at, true)
	w.emit(Effect{Kind: FxClose, Conn: r.conn})
}

// close ends the connection without a word.
func (w *Worker) close(slot uint32) {
	w.terminate(slot, stateClosing)
	w.emit(Effect{Kind: FxClose, Conn: w.receivers[slot].conn})
}

// onDrain says goodbye to everybody and waits a bounded time for the answers (CLS-02). Whoever was told gets nothing more; who is told
// later may first see its calls to the others end.
func (w *Worker) onDrain() {
	w.draining = true
	for slot := range w.sessions {
		switch s := &w.sessions[slot]; s.state {
		case stateOpening:
			w.abort(uint32(slot), wamp.CloseSystemShutdown, "this router is shutting down")
		case stateOpen:
			w.goodbye(uint32(slot), wamp.CloseSystemShutdown, stateGoodbye)
			w.awaitGoodbye(uint32(slot))
		}
	}
}
