package wamp

import "strconv"

var messageNames = [...]string{
	Hello: "HELLO", Welcome: "WELCOME", Abort: "ABORT", Challenge: "CHALLENGE", Authenticate: "AUTHENTICATE",
	Goodbye: "GOODBYE", Error: "ERROR",
	Publish: "PUBLISH", Published: "PUBLISHED",
	Subscribe: "SUBSCRIBE", Subscribed: "SUBSCRIBED", Unsubscribe: "UNSUBSCRIBE", Unsubscribed: "UNSUBSCRIBED", Event: "EVENT",
	Call: "CALL", Cancel: "CANCEL", Result: "RESULT",
	Register: "REGISTER", Registered: "REGISTERED", Unregister: "UNREGISTER", Unregistered: "UNREGISTERED",
	Invocation: "INVOCATION", Interrupt: "INTERRUPT", Yield: "YIELD",
}

// String is the type's name in the specification, or "message type N".
func (t MessageType) String() string {
	if t.Known() {
		return messageNames[t]
	}
	return "message type " + strconv.Itoa(int(t))
}

// Known reports whether the specification defines the type.
func (t MessageType) Known() bool { return int(t) < len(messageNames) && messageNames[t] != "" }

var serializerNames = [SerializerBound]string{JSON: "json", MsgPack: "msgpack", CBOR: "cbor"}

// Known reports whether s is one of the three serializers.
func (s Serializer) Known() bool { return s >= JSON && s < SerializerBound }

// String is the serializer's name in the WebSocket subprotocols ("wamp.2." + name).
func (s Serializer) String() string {
	if s.Known() {
		return serializerNames[s]
	}
	return "serializer " + strconv.Itoa(int(s))
}

// ParseSerializer reads a serializer's name as String writes it.
func ParseSerializer(name string) (Serializer, bool) {
	for s := JSON; s < SerializerBound; s++ {
		if serializerNames[s] == name {
			return s, true
		}
	}
	return 0, false
}

// ValidID reports whether id may stand on the wire: [1, 2^53] (basic/building_blocks.md, IDs).
func ValidID(id uint64) bool { return id-1 < MaxID }

var matchNames = [...]string{Exact: "exact", Prefix: "prefix", Wildcard: "wildcard"}

// String is the policy's text in Options.match.
func (m Match) String() string { return word(matchNames[:], int(m), "match ") }

// ParseMatch reads the text of Options.match. Absent options are the caller's business (Exact).
func ParseMatch(text []byte) (Match, bool) {
	switch string(text) {
	case "exact":
		return Exact, true
	case "prefix":
		return Prefix, true
	case "wildcard":
		return Wildcard, true
	}
	return 0, false
}

var invokeNames = [...]string{Single: "single", RoundRobin: "roundrobin", Random: "random", First: "first", Last: "last"}

// String is the policy's text in REGISTER.Options.invoke.
func (i Invoke) String() string { return word(invokeNames[:], int(i), "invoke ") }

// ParseInvoke reads the text of REGISTER.Options.invoke.
func ParseInvoke(text []byte) (Invoke, bool) {
	for i, name := range invokeNames {
		if name == string(text) {
			return Invoke(i), true
		}
	}
	return 0, false
}

var cancelModeNames = [...]string{KillNoWait: "killnowait", Kill: "kill", Skip: "skip"}

// String is the mode's text in CANCEL.Options.mode and INTERRUPT.Options.mode.
func (m CancelMode) String() string { return word(cancelModeNames[:], int(m), "mode ") }

// ParseCancelMode reads the text of CANCEL.Options.mode.
func ParseCancelMode(text []byte) (CancelMode, bool) {
	for m, name := range cancelModeNames {
		if name == string(text) {
			return CancelMode(m), true
		}
	}
	return 0, false
}

func word(names []string, i int, what string) string {
	if i < len(names) {
		return names[i]
	}
	return what + strconv.Itoa(i)
}
