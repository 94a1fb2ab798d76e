package codec

import "kleeblatt/internal/wamp"

// The messages that a client sends, under the same rules as the router's. Absent options are not written.

// HelloDetails is HELLO.Details as a client writes it. Empty fields are left out; roles always stand there.
type HelloDetails struct {
	Roles         wamp.Roles
	AuthID, Agent string
	AuthMethods   []string
	AuthExtra     []Field
}

// AppendHello appends [HELLO, Realm|uri, Details|dict].
func AppendHello(dst []byte, s wamp.Serializer, realm string, h *HelloDetails) []byte {
	dst = appendText(openMessage(dst, s, 3, wamp.Hello), s, realm)
	dst = openDict(dst, s, 1+count(h.AuthID != "", h.Agent != "", len(h.AuthMethods) > 0, len(h.AuthExtra) > 0))
	r := &h.Roles
	dst = openDict(appendKey(dst, s, "roles"), s, count(r.Publisher, r.Subscriber, r.Caller, r.Callee))
	for _, role := range [...]struct {
		on       bool
		name     string
		features wamp.Feature
	}{
		{r.Publisher, "publisher", r.PublisherFeatures},
		{r.Subscriber, "subscriber", r.SubscriberFeatures},
		{r.Caller, "caller", r.CallerFeatures},
		{r.Callee, "callee", r.CalleeFeatures},
	} {
		if role.on {
			dst = appendRole(dst, s, role.name, role.features.Keys())
		}
	}
	dst = shutDict(dst, s)
	dst = appendKeyText(dst, s, "authid", h.AuthID)
	dst = appendKeyText(dst, s, "agent", h.Agent)
	if len(h.AuthMethods) > 0 {
		dst = appendList(appendKey(dst, s, "authmethods"), s, h.AuthMethods, appendText[string])
	}
	if len(h.AuthExtra) > 0 {
		dst = appendFields(appendKey(dst, s, "authextra"), s, h.AuthExtra)
	}
	return shutList(shutDict(dst, s), s)
}

// appendList appends a list, each entry by one.
func appendList[T any](dst []byte, s wamp.Serializer, list []T, one func([]byte, wamp.Serializer, T) []byte) []byte {
	dst = openList(dst, s, len(list))
	for _, v := range list {
		dst = one(dst, s, v)
	}
	return shutList(dst, s)
}

// AppendAuthenticate appends [AUTHENTICATE, Signature|string, Extra|dict].
func AppendAuthenticate(dst []byte, s wamp.Serializer, signature string, extra []Field) []byte {
	dst = appendText(openMessage(dst, s, 3, wamp.Authenticate), s, signature)
	return shutList(appendFields(dst, s, extra), s)
}

// AppendSubscribe appends [SUBSCRIBE, Request|id, Options|dict, Topic|uri].
func AppendSubscribe(dst []byte, s wamp.Serializer, req uint64, topic string, match wamp.Match) []byte {
	return AppendSubscribeOptions(dst, s, req, &SubscribeOptions{Match: match}, topic)
}

// SubscribeOptions are the options that a client may give with SUBSCRIBE.
type SubscribeOptions struct {
	Match       wamp.Match
	GetRetained bool
	Barrier     uint64 // x_barrier, milliseconds; 0: none
}

// AppendSubscribeOptions is AppendSubscribe with every option.
func AppendSubscribeOptions(dst []byte, s wamp.Serializer, req uint64, o *SubscribeOptions, topic string) []byte {
	dst = appendUint(openMessage(dst, s, 4, wamp.Subscribe), s, req)
	dst = openDict(dst, s, count(o.Match != wamp.Exact, o.GetRetained, o.Barrier != 0))
	if o.Match != wamp.Exact {
		dst = appendKeyText(dst, s, "match", o.Match.String())
	}
	dst = appendKeyBool(dst, s, "get_retained", o.GetRetained)
	dst = shutDict(appendKeyUint(dst, s, "x_barrier", o.Barrier), s)
	return shutList(appendText(dst, s, topic), s)
}

// AppendUnsubscribe appends [UNSUBSCRIBE, Request|id, Subscription|id].
func AppendUnsubscribe(dst []byte, s wamp.Serializer, req, sub uint64) []byte {
	return appendTwoIDs(dst, s, wamp.Unsubscribe, req, sub)
}

// PublishOptions are the options that a client may give with PUBLISH. A filter list that is nil is absent; one that is
// empty but not nil is written (A-15: an empty eligible list means nobody).
type PublishOptions struct {
	Acknowledge, DiscloseMe, Retain  bool
	IncludeMe                        bool // exclude_me: false
	Exclude, Eligible                []uint64
	ExcludeAuthID, ExcludeAuthRole   []string
	EligibleAuthID, EligibleAuthRole []string
}

// AppendPublish appends [PUBLISH, Request|id, Options|dict, Topic|uri, Arguments|list, ArgumentsKw|dict]. o may be nil.
func AppendPublish(dst []byte, s wamp.Serializer, req uint64, o *PublishOptions, topic string, p Payload) []byte {
	dst = appendUint(openMessage(dst, s, 4+int(p.N), wamp.Publish), s, req)
	if o == nil {
		dst = appendEmptyDict(dst, s)
	} else {
		dst = appendPublishOptions(dst, s, o)
	}
	return shutList(appendPayload(appendText(dst, s, topic), s, p), s)
}

func appendPublishOptions(dst []byte, s wamp.Serializer, o *PublishOptions) []byte {
	dst = openDict(dst, s, count(o.Acknowledge, o.DiscloseMe, o.Retain, o.IncludeMe, o.Exclude != nil, o.Eligible != nil,
		o.ExcludeAuthID != nil, o.ExcludeAuthRole != nil, o.EligibleAuthID != nil, o.EligibleAuthRole != nil))
	dst = appendKeyBool(dst, s, "acknowledge", o.Acknowledge)
	dst = appendKeyBool(dst, s, "disclose_me", o.DiscloseMe)
	dst = appendKeyBool(dst, s, "retain", o.Retain)
	if o.IncludeMe {
		dst = appendBool(appendKey(dst, s, "exclude_me"), s, false)
	}
	dst = appendKeyList(dst, s, "exclude", o.Exclude, appendUint)
	dst = appendKeyList(dst, s, "eligible", o.Eligible, appendUint)
	dst = appendKeyList(dst, s, "exclude_authid", o.ExcludeAuthID, appendText[string])
	dst = appendKeyList(dst, s, "exclude_authrole", o.ExcludeAuthRole, appendText[string])
	dst = appendKeyList(dst, s, "eligible_authid", o.EligibleAuthID, appendText[string])
	dst = appendKeyList(dst, s, "eligible_authrole", o.EligibleAuthRole, appendText[string])
	return shutDict(dst, s)
}

// appendKeyList appends a pair, or nothing where the list is nil.
func appendKeyList[T any](dst []byte, s wamp.Serializer, key string, list []T, one func([]byte, wamp.Serializer, T) []byte) []byte {
	if list == nil {
		return dst
	}
	return appendList(appendKey(dst, s, key), s, list, one)
}

// CallOptions are the options that a client may give with CALL.
type CallOptions struct {
	ReceiveProgress, Progress, DiscloseMe bool
	Timeout                               uint64 // milliseconds; 0: none
}

// AppendCall appends [CALL, Request|id, Options|dict, Procedure|uri, Arguments|list, ArgumentsKw|dict]. o may be nil.
func AppendCall(dst []byte, s wamp.Serializer, req uint64, o *CallOptions, procedure string, p Payload) []byte {
	dst = appendUint(openMessage(dst, s, 4+int(p.N), wamp.Call), s, req)
	if o == nil {
		o = &CallOptions{}
	}
	dst = openDict(dst, s, count(o.ReceiveProgress, o.Progress, o.DiscloseMe, o.Timeout != 0))
	dst = appendKeyBool(dst, s, "receive_progress", o.ReceiveProgress)
	dst = appendKeyBool(dst, s, "progress", o.Progress)
	dst = appendKeyBool(dst, s, "disclose_me", o.DiscloseMe)
	dst = shutDict(appendKeyUint(dst, s, "timeout", o.Timeout), s)
	return shutList(appendPayload(appendText(dst, s, procedure), s, p), s)
}

// AppendCancel appends [CANCEL, CALL.Request|id, Options|dict].
func AppendCancel(dst []byte, s wamp.Serializer, req uint64, mode wamp.CancelMode) []byte {
	return appendMode(dst, s, wamp.Cancel, req, mode)
}

// RegisterOptions are the options that a client may give with REGISTER.
type RegisterOptions struct {
	Match                          wamp.Match
	Invoke                         wamp.Invoke
	Concurrency                    uint64 // 0: unlimited
	DiscloseCaller, ForwardTimeout bool
	Barrier                        uint64 // x_barrier, milliseconds; 0: none
}

// AppendRegister appends [REGISTER, Request|id, Options|dict, Procedure|uri]. o may be nil.
func AppendRegister(dst []byte, s wamp.Serializer, req uint64, o *RegisterOptions, procedure string) []byte {
	dst = appendUint(openMessage(dst, s, 4, wamp.Register), s, req)
	if o == nil {
		o = &RegisterOptions{}
	}
	dst = openDict(dst, s, count(o.Match != wamp.Exact, o.Invoke != wamp.Single, o.Concurrency != 0, o.DiscloseCaller, o.ForwardTimeout, o.Barrier != 0))
	if o.Match != wamp.Exact {
		dst = appendKeyText(dst, s, "match", o.Match.String())
	}
	if o.Invoke != wamp.Single {
		dst = appendKeyText(dst, s, "invoke", o.Invoke.String())
	}
	dst = appendKeyUint(dst, s, "concurrency", o.Concurrency)
	dst = appendKeyBool(dst, s, "disclose_caller", o.DiscloseCaller)
	dst = appendKeyBool(dst, s, "forward_timeout", o.ForwardTimeout)
	dst = shutDict(appendKeyUint(dst, s, "x_barrier", o.Barrier), s)
	return shutList(appendText(dst, s, procedure), s)
}

// AppendUnregister appends [UNREGISTER, Request|id, Registration|id].
func AppendUnregister(dst []byte, s wamp.Serializer, req, reg uint64) []byte {
	return appendTwoIDs(dst, s, wamp.Unregister, req, reg)
}

// AppendYield appends [YIELD, INVOCATION.Request|id, Options|dict, Arguments|list, ArgumentsKw|dict].
func AppendYield(dst []byte, s wamp.Serializer, req uint64, progress bool, p Payload) []byte {
	return appendProgress(dst, s, wamp.Yield, req, progress, Pass{}, p)
}
