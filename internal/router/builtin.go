package router

import (
	"slices"
	"time"

	"kleeblatt/dealer"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Procedures of the node's own, in the name spaces that applications may not use. They are looked up only when a CALL finds its procedure
// reserved, so that other calls pay nothing for them. A call of one has a record in the caller's book like any other, bound to no
// callee: CANCEL, timeouts and the end of the session are the same code, and every call gets one answer.

const (
	// askTimeout is how long the node may take to answer itself: far more than a home loop that lags, so that no caller waits for ever.
	askTimeout = 5 * time.Second
	// barrierWait is how long kleeblatt.barrier waits where the caller does not say: a second covers any path that is not broken.
	barrierWait = time.Second
	// barrierWaitMax is the most that it may say: who is not heard of for as long is hidden, and not waited for any more.
	barrierWaitMax = time.Minute
	// askBytesMax bounds the arguments that are decoded: a few ids and names.
	askBytesMax = 64 << 10
)

// builtin is one of them. Either the owner of the tables answers it, and read takes the arguments into q: what it returns, if not "", is the
// error's URI and text. Or the worker does so itself, by answer. may says whether the session may do what the arguments say, beyond calling the
// procedure: as authorized does; nil where that is all.
type builtin struct {
	uri    string
	kind   AskKind
	read   func(q *Ask, args []any, kwargs codec.Dict) (err, text string)
	answer func(w *Worker, c *dealer.Call, m *codec.Message)
	may    func(w *Worker, slot uint32, m *codec.Message) bool
}

// mayEnd says whether the session may end what others have. A role with rules or an authorizer has been let by name (see authorized); one
// with neither has not.
func (w *Worker) mayEnd(slot uint32, m *codec.Message) bool {
	if w.sessions[slot].role.ruled() {
		return true
	}
	w.stats.NotAuthorized[auth.Call]++
	w.fail(slot, wamp.Call, m.Request, wamp.ErrNotAuthorized, unnamed)
	return false
}

// unnamed is what a session of a role without rules is told.
const unnamed = "only a role whose rules name this procedure may call it"

var builtins = map[string]*builtin{}

func init() {
	for _, b := range []builtin{
		{uri: "wamp.session.count", kind: AskSessionCount, read: readRoles},
		{uri: "wamp.session.list", kind: AskSessionList, read: readRoles},
		{uri: "wamp.session.get", kind: AskSession, read: readSession},
		{uri: "wamp.session.kill", kind: AskKill, read: readKill, may: (*Worker).mayEnd},
		{uri: "wamp.session.kill_by_authid", kind: AskKillAuthID, read: readKill, may: (*Worker).mayEnd},
		{uri: "wamp.session.kill_by_authrole", kind: AskKillAuthRole, read: readKill, may: (*Worker).mayEnd},
		{uri: "wamp.session.kill_all", kind: AskKillAll, read: readKill, may: (*Worker).mayEnd},
		{uri: "wamp.registration.list", kind: AskRegistrations, read: readNothing},
		{uri: "wamp.registration.lookup", kind: AskRegistrationLookup, read: readLookup},
		{uri: "wamp.registration.match", kind: AskRegistrationMatch, read: readURI},
		{uri: "wamp.registration.get", kind: AskRegistration, read: readID},
		{uri: "wamp.registration.list_callees", kind: AskCallees, read: readID},
		{uri: "wamp.registration.count_callees", kind: AskCalleeCount, read: readID},
		{uri: "wamp.registration.remove_callee", kind: AskRemoveCallee, read: readRemove, may: (*Worker).mayEnd},
		{uri: "wamp.subscription.list", kind: AskSubscriptions, read: readNothing},
		{uri: "wamp.subscription.lookup", kind: AskSubscriptionLookup, read: readLookup},
		{uri: "wamp.subscription.match", kind: AskSubscriptionMatch, read: readURI},
		{uri: "wamp.subscription.get", kind: AskSubscription, read: readID},
		{uri: "wamp.subscription.list_subscribers", kind: AskSubscribers, read: readID},
		{uri: "wamp.subscription.count_subscribers", kind: AskSubscriberCount, read: readID},
		{uri: "wamp.subscription.remove_subscriber", kind: AskRemoveSubscriber, read: readRemove, may: (*Worker).mayEnd},
		{uri: "wamp.subscription.get_events", kind: AskEvents, read: readEvents, may: (*Worker).mayRead},
		{uri: "kleeblatt.cluster.explain", kind: AskExplain, read: readURI},
		{uri: "kleeblatt.barrier", kind: AskBarrier, read: readWait},
		{uri: "wamp.session.add_testament", answer: (*Worker).addTestament, may: (*Worker).mayAdd},
		{uri: "wamp.session.flush_testaments", answer: (*Worker).flushTestaments},
	} {
		builtins[b.uri] = &b
	}
}

// readRoles reads an optional list of roles; null is none.
func readRoles(q *Ask, args []any, _ codec.Dict) (err, text string) {
	if len(args) == 0 || args[0] == nil {
		return "", ""
	}
	q.Filtered = true
	list, ok := args[0].([]any)
	for _, v := range list {
		role, isText := v.(string)
		ok = ok && isText
		q.Roles = append(q.Roles, role)
	}
	if !ok {
		return wamp.ErrInvalidArgument, "the roles are a list of strings"
	}
	slices.Sort(q.Roles)
	q.Roles = slices.Compact(q.Roles)
	return "", ""
}

func readSession(q *Ask, args []any, _ codec.Dict) (err, text string) {
	return readUint(&q.Session, args, "a session id is needed")
}

// readUint reads the first argument.
func readUint(to *uint64, args []any, otherwise string) (err, text string) {
	if len(args) > 0 {
		if n, ok := args[0].(uint64); ok {
			*to = n
			return "", ""
		}
	}
	return wamp.ErrInvalidArgument, otherwise
}

func readNothing(*Ask, []any, codec.Dict) (err, text string) { return "", "" }

// readID reads the id of a registration or subscription.
func readID(q *Ask, args []any, _ codec.Dict) (err, text string) {
	return readUint(&q.ID, args, "an id is needed")
}

// readLookup reads a URI and an optional dict with its match policy.
func readLookup(q *Ask, args []any, kwargs codec.Dict) (err, text string) {
	uri, ok := textAt(args, 0)
	options := kwargs
	if len(args) > 1 && args[1] != nil {
		var isDict bool
		options, isDict = args[1].(codec.Dict)
		ok = ok && isDict
	}
	match, named := "", false
	for i := range options {
		if options[i].Key == "match" {
			match, named = options[i].Value.(string)
			ok = ok && named
		}
	}
	if named {
		q.Match, named = wamp.ParseMatch([]byte(match))
		ok = ok && named
	}
	if !ok {
		return wamp.ErrInvalidArgument, "a URI is needed, and options.match is exact, prefix or wildcard"
	}
	if !validURI([]byte(uri), q.Match, false) {
		return wamp.ErrInvalidURI, ""
	}
	q.URI = uri
	return "", ""
}

// readKill reads whom to end, and of the keywords what it is told: reason, a URI, and message, a text.
func readKill(q *Ask, args []any, kwargs codec.Dict) (err, text string) {
	ok := true
	switch q.Kind {
	case AskKill:
		if err, text = readSession(q, args, nil); err != "" {
			return err, text
		}
		if q.Session == q.Caller {
			return wamp.ErrNoSuchSession, "a session does not end itself this way"
		}
	case AskKillAuthID, AskKillAuthRole:
		if q.Who, ok = textAt(args, 0); !ok {
			return wamp.ErrInvalidArgument, "a text is needed"
		}
	}
	q.Reason = wamp.CloseKilled
	return readReason(q, kwargs)
}

// readRemove reads an id, whose it is no longer to be, and why.
func readRemove(q *Ask, args []any, kwargs codec.Dict) (err, text string) {
	if err, text = readID(q, args, nil); err != "" {
		return err, text
	}
	if err, text = readSession(q, args[1:], nil); err != "" {
		return err, text
	}
	if len(args) > 2 && args[2] != nil {
		kwargs = append(codec.Dict{{Key: "reason", Value: args[2]}}, kwargs...)
	}
	return readReason(q, kwargs)
}

func readReason(q *Ask, kwargs codec.Dict) (err, text string) {
	for i := range kwargs {
		v, isText := kwargs[i].Value.(string)
		switch {
		case kwargs[i].Key != "reason" && kwargs[i].Key != "message" || kwargs[i].Value == nil:
		case !isText:
			return wamp.ErrInvalidArgument, kwargs[i].Key + " is a text"
		case kwargs[i].Key == "message":
			q.Message = v
		case !validURI([]byte(v), wamp.Exact, false):
			return wamp.ErrInvalidURI, "the reason is not a URI"
		default:
			q.Reason = v
		}
	}
	return "", ""
}

func textAt(args []any, i int) (string, bool) {
	if i >= len(args) {
		return "", false
	}
	v, ok := args[i].(string)
	return v, ok
}

func readURI(q *Ask, args []any, _ codec.Dict) (err, text string) {
	if len(args) > 0 {
		if uri, ok := args[0].(string); ok {
			q.URI = uri
			if !validURI([]byte(uri), wamp.Exact, false) {
				return wamp.ErrInvalidURI, ""
			}
			return "", ""
		}
	}
	return wamp.ErrInvalidArgument, "a URI is needed"
}

// readWait reads an optional number of milliseconds.
func readWait(q *Ask, args []any, _ codec.Dict) (err, text string) {
	q.Wait = barrierWait
	if len(args) == 0 || args[0] == nil {
		return "", ""
	}
	ms, ok := args[0].(uint64)
	if !ok {
		return wamp.ErrInvalidArgument, "a number of milliseconds is needed"
	}
	q.Wait = time.Duration(min(ms, uint64(barrierWaitMax/time.Millisecond))) * time.Millisecond
	return "", ""
}

// ask has the owner of the tables answer the call. c is void afterwards if the arguments are wrong.
func (w *Worker) ask(c *dealer.Call, b *builtin, m *codec.Message) {
	slot := uint32(c.Caller)
	r := &w.receivers[slot]
	if len(m.Payload.Raw) > askBytesMax {
		w.endCall(c, wamp.ErrInvalidArgument, "arguments too long")
		return
	}
	if b.answer != nil {
		b.answer(w, c, m)
		return
	}
	args, kwargs := codec.ReadPayload(r.serializer, m.Payload)
	q := &Ask{Kind: b.kind, Serializer: r.serializer, BytesMax: r.maxMessage, Realm: w.sessions[slot].realm.Name, Caller: w.sessions[slot].id}
	if err, text := b.read(q, args, kwargs); err != "" {
		w.endCall(c, err, text)
		return
	}
	s := &w.sessions[slot]
	q.History.Session, q.History.AuthID, q.History.AuthRole = s.id, s.authID, s.authRole
	w.caller.Bind(c, 0, 0, 0)
	c.Timeout = int64(askTimeout + q.Wait)
	if o := &m.Options; o.Has&codec.OptTimeout != 0 && o.Timeout > 0 {
		c.Timeout = min(c.Timeout, int64(min(o.Timeout, timeoutMillisMax))*int64(time.Millisecond))
	}
	w.caller.Touch(c, w.now)
	w.emit(Effect{Kind: FxAsk, Ask: q, Token: c.ID})
}

// onAnswer gives the caller what was asked for, if the call is not over.
func (w *Worker) onAnswer(in *Input) {
	c := w.caller.FindByID(in.Token)
	if c == nil || c.Callee != 0 || c.Tries == 0 {
		w.stats.RepliesLate++
		return
	}
	if a := in.Answer; a.Err != "" {
		w.endCall(c, a.Err, a.Text)
		return
	}
	slot := uint32(c.Caller)
	r := &w.receivers[slot]
	at := len(w.arena)
	if in.Answer.Incomplete {
		w.arena = codec.AppendResultIncomplete(w.arena, r.serializer, c.Request, in.Answer.Payload)
	} else {
		w.arena = codec.AppendResult(w.arena, r.serializer, c.Request, false, in.Answer.Payload)
	}
	if uint64(len(w.arena)-at) > uint64(r.maxMessage) { // CAL-11
		w.arena = w.arena[:at]
		w.endCall(c, wamp.ErrPayloadSizeExceeded, "")
		return
	}
	w.closeCall(c)
	w.send(slot, at, true)
}
