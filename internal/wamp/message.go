package wamp

// MessageType is element 0 of every WAMP message (basic/messages.md).
type MessageType uint16

// The message types of the basic and advanced profiles.
const (
	Hello        MessageType = 1
	Welcome      MessageType = 2
	Abort        MessageType = 3
	Challenge    MessageType = 4
	Authenticate MessageType = 5
	Goodbye      MessageType = 6
	Error        MessageType = 8
	Publish      MessageType = 16
	Published    MessageType = 17
	Subscribe    MessageType = 32
	Subscribed   MessageType = 33
	Unsubscribe  MessageType = 34
	Unsubscribed MessageType = 35
	Event        MessageType = 36
	Call         MessageType = 48
	Cancel       MessageType = 49
	Result       MessageType = 50
	Register     MessageType = 64
	Registered   MessageType = 65
	Unregister   MessageType = 66
	Unregistered MessageType = 67
	Invocation   MessageType = 68
	Interrupt    MessageType = 69
	Yield        MessageType = 70
)

// MessageTypeBound is an exclusive upper bound of the types: arrays indexed by one have this length.
const MessageTypeBound = 71

// Serializer is how a transport writes messages; the values are RawSocket's serializer nibbles.
type Serializer uint8

const (
	JSON    Serializer = 1
	MsgPack Serializer = 2
	CBOR    Serializer = 3
)

// SerializerBound is an exclusive upper bound of the Serializer values: arrays indexed by one have this length.
const SerializerBound = 4

// MaxID is the largest WAMP id; ids lie in [1, MaxID] (basic/building_blocks.md, IDs).
const MaxID = 1 << 53

// Match is the matching policy of a subscription or registration.
type Match uint8

const (
	Exact Match = iota
	Prefix
	Wildcard
)

// Invoke is the invocation policy of a registration (advanced/rpc_shared_registration.md).
type Invoke uint8

const (
	Single Invoke = iota
	RoundRobin
	Random
	First
	Last
)

// CancelMode says what a CANCEL does (advanced/rpc_call_canceling.md).
type CancelMode uint8

const (
	KillNoWait CancelMode = iota // the default where the caller names none
	Kill
	Skip
)

// Feature is a bit set of the features that a session announced for one role, as far as the router acts on them.
type Feature uint32

const (
	FeatureCallCanceling Feature = 1 << iota
	FeatureProgressiveCallResults
	FeatureProgressiveCallInvocations
	FeatureCallTimeout
	FeatureSharedRegistration
	FeatureRegistrationRevocation
	FeatureSubscriptionRevocation
	FeatureCallReroute
	FeaturePayloadPassthru
)

// Roles is what a client announced in HELLO.Details.roles.
type Roles struct {
	Publisher, Subscriber, Caller, Callee                                 bool
	PublisherFeatures, SubscriberFeatures, CallerFeatures, CalleeFeatures Feature
}
