package codec

import "kleeblatt/internal/wamp"

// The messages that a router sends. Each function appends one message in serializer s, without framing, and keeps nothing.
// Options and Details are always a dict (MSG-07); a payload must be encoded in s. Integers are written in their shortest form.

// AppendWelcome appends [WELCOME, Session|id, Details|dict].
func AppendWelcome(dst []byte, s wamp.Serializer, session uint64, w *WelcomeDetails) []byte {
	dst = appendUint(openMessage(dst, s, 3, wamp.Welcome), s, session)
	dst = openDict(dst, s, 1+count(w.Realm != "", w.AuthID != "", w.AuthRole != "", w.AuthMethod != "", w.AuthProvider != "", w.Agent != "", w.Verifier != ""))
	dst = appendKeyText(dst, s, "realm", w.Realm)
	dst = appendKeyText(dst, s, "authid", w.AuthID)
	dst = appendKeyText(dst, s, "authrole", w.AuthRole)
	dst = appendKeyText(dst, s, "authmethod", w.AuthMethod)
	dst = appendKeyText(dst, s, "authprovider", w.AuthProvider)
	dst = appendKeyText(dst, s, "agent", w.Agent)
	if w.Verifier != "" {
		dst = shutDict(appendKeyText(openDict(appendKey(dst, s, "authextra"), s, 1), s, w.VerifierKey, w.Verifier), s)
	}
	dst = openDict(appendKey(dst, s, "roles"), s, 2)
	dst = appendRole(dst, s, "broker", w.BrokerFeatures)
	dst = appendRole(dst, s, "dealer", w.DealerFeatures)
	return shutList(shutDict(shutDict(dst, s), s), s)
}

// appendRole appends the pair "role": {"features": {"feature": true, …}}.
func appendRole(dst []byte, s wamp.Serializer, role string, features []string) []byte {
	dst = openDict(appendKey(dst, s, role), s, 1)
	dst = openDict(appendKey(dst, s, "features"), s, len(features))
	for _, f := range features {
		dst = appendBool(appendKey(dst, s, f), s, true)
	}
	return shutDict(shutDict(dst, s), s)
}

// AppendAbort appends [ABORT, Details|dict, Reason|uri]; message is for a person and left out when empty.
func AppendAbort(dst []byte, s wamp.Serializer, reason, message string) []byte {
	return appendEnd(dst, s, wamp.Abort, reason, message)
}

// AppendGoodbye appends [GOODBYE, Details|dict, Reason|uri]; message is for a person and left out when empty.
func AppendGoodbye(dst []byte, s wamp.Serializer, reason, message string) []byte {
	return appendEnd(dst, s, wamp.Goodbye, reason, message)
}

func appendEnd(dst []byte, s wamp.Serializer, t wamp.MessageType, reason, message string) []byte {
	dst = openDict(openMessage(dst, s, 3, t), s, count(message != ""))
	dst = shutDict(appendKeyText(dst, s, "message", message), s)
	return shutList(appendText(dst, s, reason), s)
}

// AppendChallenge appends [CHALLENGE, AuthMethod|string, Extra|dict].
func AppendChallenge(dst []byte, s wamp.Serializer, method string, extra []Field) []byte {
	dst = appendText(openMessage(dst, s, 3, wamp.Challenge), s, method)
	return shutList(appendFields(dst, s, extra), s)
}

// AppendSubscribed appends [SUBSCRIBED, SUBSCRIBE.Request|id, Subscription|id].
func AppendSubscribed(dst []byte, s wamp.Serializer, req, sub uint64) []byte {
	return appendTwoIDs(dst, s, wamp.Subscribed, req, sub)
}

// AppendPublished appends [PUBLISHED, PUBLISH.Request|id, Publication|id].
func AppendPublished(dst []byte, s wamp.Serializer, req, pub uint64) []byte {
	return appendTwoIDs(dst, s, wamp.Published, req, pub)
}

// AppendRegistered appends [REGISTERED, REGISTER.Request|id, Registration|id].
func AppendRegistered(dst []byte, s wamp.Serializer, req, reg uint64) []byte {
	return appendTwoIDs(dst, s, wamp.Registered, req, reg)
}

func appendTwoIDs(dst []byte, s wamp.Serializer, t wamp.MessageType, req, id uint64) []byte {
	return shutList(appendUint(appendUint(openMessage(dst, s, 3, t), s, req), s, id), s)
}

// AppendUnsubscribed appends [UNSUBSCRIBED, UNSUBSCRIBE.Request|id].
func AppendUnsubscribed(dst []byte, s wamp.Serializer, req uint64) []byte {
	return shutList(appendUint(openMessage(dst, s, 2, wamp.Unsubscribed), s, req), s)
}

// AppendUnregistered appends [UNREGISTERED, UNREGISTER.Request|id].
func AppendUnregistered(dst []byte, s wamp.Serializer, req uint64) []byte {
	return shutList(appendUint(openMessage(dst, s, 2, wamp.Unregistered), s, req), s)
}

// AppendUnsubscribedRevoked appends [UNSUBSCRIBED, 0, Details|dict]: the router has ended the subscription (SRV-01).
func AppendUnsubscribedRevoked(dst []byte, s wamp.Serializer, sub uint64, reason string) []byte {
	return appendRevoked(dst, s, wamp.Unsubscribed, "subscription", sub, reason)
}

// AppendUnregisteredRevoked appends [UNREGISTERED, 0, Details|dict]: the router has ended the registration (RRV-01).
func AppendUnregisteredRevoked(dst []byte, s wamp.Serializer, reg uint64, reason string) []byte {
	return appendRevoked(dst, s, wamp.Unregistered, "registration", reg, reason)
}

func appendRevoked(dst []byte, s wamp.Serializer, t wamp.MessageType, key string, id uint64, reason string) []byte {
	dst = appendUint(openMessage(dst, s, 3, t), s, 0)
	dst = openDict(dst, s, 1+count(reason != ""))
	dst = appendKeyText(appendUint(appendKey(dst, s, key), s, id), s, "reason", reason)
	return shutList(shutDict(dst, s), s)
}

// AppendEvent appends [EVENT, Subscription|id, Publication|id, Details|dict, Arguments|list, ArgumentsKw|dict].
func AppendEvent(dst []byte, s wamp.Serializer, sub, pub uint64, d *EventDetails, p Payload) []byte {
	n := count(len(d.Topic) > 0, d.Publisher != 0, d.PublisherAuthID != "", d.PublisherAuthRole != "", d.Retained, d.Trust != 0) + int(d.Pass.N)
	if n == 0 && s == wamp.MsgPack { // the hottest message of all
		dst = append(dst, 0x94+p.N, byte(wamp.Event))
		dst = append(appendMsgPackUint(appendMsgPackUint(dst, sub), pub), 0x80)
		return append(dst, p.Raw...)
	}
	dst = openMessage(dst, s, 4+int(p.N), wamp.Event)
	dst = appendUint(appendUint(dst, s, sub), s, pub)
	dst = openDict(dst, s, n)
	if n > 0 {
		dst = appendKeyText(dst, s, "topic", d.Topic)
		dst = appendKeyUint(dst, s, "publisher", d.Publisher)
		dst = appendKeyText(dst, s, "publisher_authid", d.PublisherAuthID)
		dst = appendKeyText(dst, s, "publisher_authrole", d.PublisherAuthRole)
		dst = appendKeyBool(dst, s, "retained", d.Retained)
		dst = appendTrust(dst, s, d.Trust)
		dst = appendPass(dst, s, d.Pass)
	}
	return shutList(appendPayload(shutDict(dst, s), s, p), s)
}

// AppendInvocation appends [INVOCATION, Request|id, Registration|id, Details|dict, Arguments|list, ArgumentsKw|dict].
func AppendInvocation(dst []byte, s wamp.Serializer, req, reg uint64, d *InvocationDetails, p Payload) []byte {
	n := count(len(d.Procedure) > 0, d.Caller != 0, d.CallerAuthID != "", d.CallerAuthRole != "", d.ReceiveProgress, d.Progress, d.Timeout != 0, d.Trust != 0) + int(d.Pass.N)
	if n == 0 && s == wamp.MsgPack {
		return AppendPlainInvocation(dst, req, reg, p)
	}
	dst = openMessage(dst, s, 4+int(p.N), wamp.Invocation)
	dst = appendUint(appendUint(dst, s, req), s, reg)
	dst = openDict(dst, s, n)
	if n > 0 {
		dst = appendKeyText(dst, s, "procedure", d.Procedure)
		dst = appendKeyUint(dst, s, "caller", d.Caller)
		dst = appendKeyText(dst, s, "caller_authid", d.CallerAuthID)
		dst = appendKeyText(dst, s, "caller_authrole", d.CallerAuthRole)
		dst = appendKeyBool(dst, s, "receive_progress", d.ReceiveProgress)
		dst = appendKeyBool(dst, s, "progress", d.Progress)
		dst = appendKeyUint(dst, s, "timeout", d.Timeout)
		dst = appendTrust(dst, s, d.Trust)
		dst = appendPass(dst, s, d.Pass)
	}
	return shutList(appendPayload(shutDict(dst, s), s, p), s)
}

// AppendPlainInvocation is AppendInvocation in MessagePack, of an invocation of which there is nothing to say.
func AppendPlainInvocation(dst []byte, req, reg uint64, p Payload) []byte {
	dst = append(dst, 0x94+p.N, byte(wamp.Invocation))
	dst = append(appendMsgPackUint(appendMsgPackUint(dst, req), reg), 0x80)
	return append(dst, p.Raw...)
}

// appendTrust appends the pair of a trust level, of which one more is given: 0 is a level, too.
func appendTrust(dst []byte, s wamp.Serializer, trust uint64) []byte {
	if trust == 0 {
		return dst
	}
	return appendUint(appendKey(dst, s, "trustlevel"), s, trust-1)
}

// AppendInterrupt appends [INTERRUPT, INVOCATION.Request|id, Options|dict].
func AppendInterrupt(dst []byte, s wamp.Serializer, req uint64, mode wamp.CancelMode) []byte {
	return appendMode(dst, s, wamp.Interrupt, req, mode)
}

func appendMode(dst []byte, s wamp.Serializer, t wamp.MessageType, req uint64, mode wamp.CancelMode) []byte {
	dst = openDict(appendUint(openMessage(dst, s, 3, t), s, req), s, 1)
	return shutList(shutDict(appendKeyText(dst, s, "mode", mode.String()), s), s)
}

// AppendResult appends [RESULT, CALL.Request|id, Details|dict, Arguments|list, ArgumentsKw|dict].
func AppendResult(dst []byte, s wamp.Serializer, req uint64, progress bool, p Payload) []byte {
	return appendProgress(dst, s, wamp.Result, req, progress, Pass{}, p)
}

// AppendResultPass is AppendResult with options of the callee's that pass through, encoded in s.
func AppendResultPass(dst []byte, s wamp.Serializer, req uint64, progress bool, pass Pass, p Payload) []byte {
	return appendProgress(dst, s, wamp.Result, req, progress, pass, p)
}

// AppendResultIncomplete is AppendResult with the detail complete: false: a part of what was asked for could not be had.
func AppendResultIncomplete(dst []byte, s wamp.Serializer, req uint64, p Payload) []byte {
	dst = openDict(appendUint(openMessage(dst, s, 3+int(p.N), wamp.Result), s, req), s, 1)
	dst = shutDict(appendBool(appendKey(dst, s, "complete"), s, false), s)
	return shutList(appendPayload(dst, s, p), s)
}

func appendProgress(dst []byte, s wamp.Serializer, t wamp.MessageType, req uint64, progress bool, pass Pass, p Payload) []byte {
	if s == wamp.MsgPack && !progress && pass.N == 0 {
		dst = append(appendMsgPackUint(append(dst, 0x93+p.N, byte(t)), req), 0x80)
		return append(dst, p.Raw...)
	}
	dst = openDict(appendUint(openMessage(dst, s, 3+int(p.N), t), s, req), s, count(progress)+int(pass.N))
	dst = shutDict(appendPass(appendKeyBool(dst, s, "progress", progress), s, pass), s)
	return shutList(appendPayload(dst, s, p), s)
}

// AppendError appends [ERROR, REQUEST.Type|int, REQUEST.Request|id, Details|dict, Error|uri, Arguments|list, ArgumentsKw|dict].
func AppendError(dst []byte, s wamp.Serializer, t wamp.MessageType, req uint64, uri []byte, p Payload) []byte {
	return AppendErrorPass(dst, s, t, req, uri, Pass{}, p)
}

// AppendErrorPass is AppendError with options of the callee's that pass through, encoded in s.
func AppendErrorPass(dst []byte, s wamp.Serializer, t wamp.MessageType, req uint64, uri []byte, pass Pass, p Payload) []byte {
	dst = openError(dst, s, 5+int(p.N), t, req, pass)
	return shutList(appendPayload(appendText(dst, s, uri), s, p), s)
}

// AppendErrorText appends an ERROR of the router's own: text is its only argument, left out when empty.
func AppendErrorText(dst []byte, s wamp.Serializer, t wamp.MessageType, req uint64, uri, text string) []byte {
	dst = appendText(openError(dst, s, 5+count(text != ""), t, req, Pass{}), s, uri)
	if text != "" {
		dst = appendText(openList(dst, s, 1), s, text)
		dst = shutList(dst, s)
	}
	return shutList(dst, s)
}

func openError(dst []byte, s wamp.Serializer, n int, t wamp.MessageType, req uint64, pass Pass) []byte {
	dst = appendUint(openMessage(dst, s, n, wamp.Error), s, uint64(t))
	dst = openDict(appendUint(dst, s, req), s, int(pass.N))
	return shutDict(appendPass(dst, s, pass), s)
}
