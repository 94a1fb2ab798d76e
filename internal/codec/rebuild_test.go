package codec

import (
	"encoding/json"
	"reflect"
	"testing"

	"kleeblatt/internal/wamp"
)

// rebuild is the dumb twin of the AppendX functions: it writes whatever Parse has read, element by element of the form.
func rebuild(s wamp.Serializer, m *Message) []byte {
	f := &forms[m.Type]
	n := 1 + len(f.elements) + int(m.Payload.N)
	last := len(f.elements) - 1
	if f.elements[last] == elMaybeDict && m.Dict == nil {
		n--
	}
	dst := openMessage(nil, s, n, m.Type)
	for i, el := range f.elements {
		switch el {
		case elRequest, elRequestZero:
			dst = appendUint(dst, s, m.Request)
		case elID:
			dst = appendUint(dst, s, m.ID)
		case elRequestType:
			dst = appendUint(dst, s, uint64(m.RequestType))
		case elURI:
			dst = appendText(dst, s, m.URI)
		case elDict, elMaybeDict:
			if i != last || el == elDict || m.Dict != nil {
				dst = appendOptions(dst, s, &m.Options)
			}
		}
	}
	return shutList(appendPayload(dst, s, m.Payload), s)
}

// typed writes a message with the function for its type. What a message says in options beyond the function's arguments is lost.
func typed(s wamp.Serializer, m *Message) []byte {
	o, uri := &m.Options, string(m.URI)
	mode, _ := wamp.ParseCancelMode(o.Mode)
	match, _ := wamp.ParseMatch(o.Match)
	invoke, _ := wamp.ParseInvoke(o.Invoke)
	switch m.Type {
	case wamp.Abort:
		return AppendAbort(nil, s, uri, string(o.Msg))
	case wamp.Challenge:
		return AppendChallenge(nil, s, uri, nil)
	case wamp.Authenticate:
		return AppendAuthenticate(nil, s, uri, nil)
	case wamp.Goodbye:
		return AppendGoodbye(nil, s, uri, string(o.Msg))
	case wamp.Error:
		return AppendErrorPass(nil, s, m.RequestType, m.Request, m.URI, m.Pass, m.Payload)
	case wamp.Publish:
		p := PublishOptions{Acknowledge: o.Acknowledge, DiscloseMe: o.DiscloseMe, Retain: o.Retain,
			IncludeMe: o.Has&OptExcludeMe != 0 && !o.ExcludeMe, Exclude: o.Exclude, Eligible: o.Eligible,
			ExcludeAuthID: stringsOf(o.ExcludeAuthID), ExcludeAuthRole: stringsOf(o.ExcludeAuthRole),
			EligibleAuthID: stringsOf(o.EligibleAuthID), EligibleAuthRole: stringsOf(o.EligibleAuthRole)}
		return AppendPublish(nil, s, m.Request, &p, uri, m.Payload)
	case wamp.Published:
		return AppendPublished(nil, s, m.Request, m.ID)
	case wamp.Subscribe:
		return AppendSubscribeOptions(nil, s, m.Request, &SubscribeOptions{match, o.GetRetained, o.Barrier}, uri)
	case wamp.Subscribed:
		return AppendSubscribed(nil, s, m.Request, m.ID)
	case wamp.Unsubscribe:
		return AppendUnsubscribe(nil, s, m.Request, m.ID)
	case wamp.Unsubscribed:
		if m.Request == 0 {
			return AppendUnsubscribedRevoked(nil, s, o.Subscription, string(o.Reason))
		}
		return AppendUnsubscribed(nil, s, m.Request)
	case wamp.Event:
		d := EventDetails{o.Topic, o.Publisher, string(o.PublisherAuthID), string(o.PublisherAuthRole), o.Retained, 0, m.Pass}
		return AppendEvent(nil, s, m.Request, m.ID, &d, m.Payload)
	case wamp.Call:
		return AppendCall(nil, s, m.Request, &CallOptions{o.ReceiveProgress, o.Progress, o.DiscloseMe, o.Timeout}, uri, m.Payload)
	case wamp.Cancel:
		return AppendCancel(nil, s, m.Request, mode)
	case wamp.Result:
		return AppendResultPass(nil, s, m.Request, o.Progress, m.Pass, m.Payload)
	case wamp.Register:
		r := RegisterOptions{match, invoke, o.Concurrency, o.DiscloseCaller, o.ForwardTimeout, o.Barrier}
		return AppendRegister(nil, s, m.Request, &r, uri)
	case wamp.Registered:
		return AppendRegistered(nil, s, m.Request, m.ID)
	case wamp.Unregister:
		return AppendUnregister(nil, s, m.Request, m.ID)
	case wamp.Unregistered:
		if m.Request == 0 {
			return AppendUnregisteredRevoked(nil, s, o.Registration, string(o.Reason))
		}
		return AppendUnregistered(nil, s, m.Request)
	case wamp.Invocation:
		d := InvocationDetails{o.Procedure, o.Caller, string(o.CallerAuthID), string(o.CallerAuthRole), o.ReceiveProgress, o.Progress, o.Timeout, 0, m.Pass}
		return AppendInvocation(nil, s, m.Request, m.ID, &d, m.Payload)
	case wamp.Interrupt:
		return AppendInterrupt(nil, s, m.Request, mode)
	case wamp.Yield:
		return AppendYield(nil, s, m.Request, o.Progress, m.Payload)
	}
	return nil
}

func stringsOf(list [][]byte) (out []string) {
	for _, b := range list {
		out = append(out, string(b))
	}
	return out
}

func appendOptions(dst []byte, s wamp.Serializer, o *Options) []byte {
	n := 0
	for i := range optionNames {
		n += count(o.Has&(1<<i) != 0)
	}
	dst = openDict(dst, s, n)
	for opt, value := range o.values() {
		if o.Has&opt == 0 {
			continue
		}
		dst = appendKey(dst, s, opt.String())
		switch v := value.(type) {
		case bool:
			dst = appendBool(dst, s, v)
		case uint64:
			dst = appendUint(dst, s, v)
		case []byte:
			dst = appendText(dst, s, v)
		case []uint64:
			dst = appendList(dst, s, v, appendUint)
		case [][]byte:
			dst = appendList(dst, s, v, appendText[[]byte])
		}
	}
	return shutDict(dst, s)
}

// values are all options in the order of their bits.
func (o *Options) values() func(yield func(Opt, any) bool) {
	all := [...]any{o.Acknowledge, o.ExcludeMe, o.DiscloseMe, o.Exclude, o.Eligible, o.ExcludeAuthID, o.ExcludeAuthRole,
		o.EligibleAuthID, o.EligibleAuthRole, o.Retain, o.GetRetained, o.Match, o.Invoke, o.Mode, o.ReceiveProgress,
		o.Progress, o.Timeout, o.DiscloseCaller, o.ForwardTimeout, o.Concurrency, o.Reason, o.Topic, o.Procedure, o.Caller,
		o.Publisher, o.Barrier, o.Msg, o.PPTScheme, o.Retained, o.Subscription, o.Registration,
		o.PublisherAuthID, o.PublisherAuthRole, o.CallerAuthID, o.CallerAuthRole, o.RunMode,
		o.Has&OptRKey != 0 /* any value may stand there */}
	return func(yield func(Opt, any) bool) {
		for i, v := range all {
			if !yield(1<<i, v) {
				return
			}
		}
	}
}

// same compares what two messages say; dicts may differ in unknown keys, payloads must be byte for byte equal unless transcoded.
func same(t *testing.T, what string, a, b *Message, payload bool) {
	t.Helper()
	if a.Type != b.Type || a.Request != b.Request || a.ID != b.ID || a.RequestType != b.RequestType || string(a.URI) != string(b.URI) {
		t.Fatalf("%s: heads differ: %+v, %+v", what, a, b)
	}
	if a.Options.Has != b.Options.Has {
		t.Fatalf("%s: options %b, %b", what, a.Options.Has, b.Options.Has)
	}
	theirs := map[Opt]any{}
	for opt, v := range b.Options.values() {
		theirs[opt] = v
	}
	for opt, v := range a.Options.values() {
		w := theirs[opt]
		if reflect.ValueOf(v).Kind() == reflect.Slice && reflect.ValueOf(v).Len() == 0 && reflect.ValueOf(w).Len() == 0 {
			continue
		}
		if !reflect.DeepEqual(v, w) {
			t.Fatalf("%s: option %v: %v, %v", what, opt, v, w)
		}
	}
	if a.Payload.N != b.Payload.N || payload && string(a.Payload.Raw) != string(b.Payload.Raw) {
		t.Fatalf("%s: payloads differ: %q, %q", what, a.Payload.Raw, b.Payload.Raw)
	}
}

// Each AppendX function writes what it was given, and what it writes parses to just that.
func TestAppendSaysWhatItWasGiven(t *testing.T) {
	for _, text := range []string{
		`[3,{"message":"the \"reason\" \u00e4\n"},"wamp.error.protocol_violation"]`,
		`[4,"ticket",{}]`,
		`[5,"secret",{}]`,
		`[6,{},"wamp.close.normal"]`,
		`[6,{"message":"bye"},"wamp.close.normal"]`,
		`[8,48,1,{},"a.b",[1],{"k":"v"}]`,
		`[16,1,{"acknowledge":true,"disclose_me":true,"retain":true,"exclude_me":false,"exclude":[1,9007199254740992],"eligible":[3],` +
			`"exclude_authid":["a"],"exclude_authrole":["b","c"],"eligible_authid":["d"],"eligible_authrole":["e"]},"a.b",[],{"k":1}]`,
		`[16,1,{},"a.b"]`,
		`[17,1,2]`,
		`[32,1,{},"a.b"]`,
		`[32,1,{"match":"wildcard","get_retained":true,"x_barrier":500},"a..b"]`,
		`[33,1,9007199254740992]`,
		`[34,1,2]`,
		`[35,1]`,
		`[35,0,{"subscription":7,"reason":"a.b"}]`,
		`[36,1,2,{"topic":"a.b","publisher":3,"publisher_authid":"joe","publisher_authrole":"user","retained":true},[1]]`,
		`[36,1,2,{}]`,
		`[48,1,{"receive_progress":true,"progress":true,"disclose_me":true,"timeout":70000},"a.b",[true]]`,
		`[49,1,{"mode":"kill"}]`,
		`[50,1,{"progress":true},[],{"a":[]}]`,
		`[50,1,{}]`,
		`[50,1,{"progress":true,"ppt_scheme":"x_mine","x_any":[1,{"a":null}],"enc_algo":"cryptobox"},["\\u0000AAAA"]]`,
		`[8,68,1,{"ppt_scheme":"wamp","ppt_serializer":"cbor","ppt_cipher":"aes256gcm","ppt_keyid":"0x1"},"a.b",["\\u0000AAAA"]]`,
		`[36,1,2,{"topic":"a.b","ppt_scheme":"mqtt","ppt_serializer":"native"},["\\u0000AAAA"]]`,
		`[36,1,2,{"x_one":1}]`,
		`[68,1,2,{"progress":true,"ppt_scheme":"mqtt","x_two":2},["\\u0000AAAA"]]`,
		`[64,1,{"match":"prefix","invoke":"roundrobin","concurrency":300,"disclose_caller":true,"forward_timeout":true,"x_barrier":1},"a.b"]`,
		`[64,1,{},"a.b"]`,
		`[65,1,2]`,
		`[66,1,2]`,
		`[67,1]`,
		`[67,0,{"registration":9}]`,
		`[68,1,2,{"procedure":"a.b","caller":3,"caller_authid":"joe","caller_authrole":"user","receive_progress":true,"progress":true,"timeout":5}]`,
		`[69,1,{"mode":"killnowait"}]`,
		`[70,1,{"progress":true},["x"]]`,
	} {
		for _, s := range serializers {
			frame := in(t, s, text)
			var p Parser
			var m, again Message
			if err := p.Parse(s, frame, &m); err != nil {
				t.Errorf("%s in %v: %v", text, s, err)
				continue
			}
			out := typed(s, &m)
			var q Parser
			if err := q.Parse(s, out, &again); err != nil {
				t.Errorf("%s in %v: our %q: %v", text, s, out, err)
				continue
			}
			same(t, text, &m, &again, true)
			if m.Pass.N != again.Pass.N || string(m.Pass.Raw) != string(again.Pass.Raw) {
				t.Errorf("%s in %v: %q passes through as %q", text, s, m.Pass.Raw, again.Pass.Raw)
			}
			if s == wamp.JSON && !json.Valid(out) {
				t.Errorf("not JSON: %s", out)
			}
			if len(out) != len(frame) && s != wamp.JSON { // the order of keys is free, their number is not
				t.Errorf("%s in %v: %d bytes, were %d", text, s, len(out), len(frame))
			}
		}
	}
}

// Every option has one bit, one name and one place in values.
func TestOptionTable(t *testing.T) {
	for i, name := range optionNames {
		if optionOf([]byte(name)) != 1<<i || Opt(1<<i).String() != name {
			t.Error(name)
		}
	}
	if OptRKey != 1<<(len(optionNames)-1) || Opt(0).String() != "no option" || optionOf([]byte("x_foo")) != 0 {
		t.Error("the table's end")
	}
	n := 0
	for range (&Options{}).values() {
		n++
	}
	if n != len(optionNames) {
		t.Error(n)
	}
}
