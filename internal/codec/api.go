package codec

import "kleeblatt/internal/wamp"

// Payload is the application payload of a message, still encoded: the values of Arguments and ArgumentsKw as they stood in
// their message, one behind the other (for JSON with the comma and any white space between them). It aliases its frame.
//
// An empty list or dict that ends the payload is left out (SER-09). In the place of Arguments one binary value may stand alone
// (a payload that its sender has encrypted): it is passed on like any other.
type Payload struct {
	N   uint8 // how many values Raw holds: 0, 1 (Arguments) or 2 (Arguments and ArgumentsKw)
	Raw []byte
}

// Opt is a bit set of the option keys that were present with a legal value.
type Opt uint64

const (
	OptAcknowledge Opt = 1 << iota
	OptExcludeMe
	OptDiscloseMe
	OptExclude
	OptEligible
	OptExcludeAuthID
	OptExcludeAuthRole
	OptEligibleAuthID
	OptEligibleAuthRole
	OptRetain
	OptGetRetained
	OptMatch
	OptInvoke
	OptMode
	OptReceiveProgress
	OptProgress
	OptTimeout
	OptDiscloseCaller
	OptForwardTimeout
	OptConcurrency
	OptReason
	OptTopic
	OptProcedure
	OptCaller
	OptPublisher
	OptBarrier
	OptMessage
	OptPPTScheme
	OptRetained
	OptSubscription
	OptRegistration
	OptPublisherAuthID
	OptPublisherAuthRole
	OptCallerAuthID
	OptCallerAuthRole
	OptRunMode
	OptRKey
)

// OptFilters are the six lists of subscriber black- and whitelisting.
const OptFilters = OptExclude | OptEligible | OptExcludeAuthID | OptExcludeAuthRole | OptEligibleAuthID | OptEligibleAuthRole

// Options holds the well-known keys of an Options or Details dict of every message type. Unknown keys are skipped
// (MSG-04), and so are keys that the message's type does not have; a known key with a value of the wrong type is a syntax error
// (MSG-06). A field counts only when its bit is in Has, and is zero when it is not. Slices alias the frame or the parser's scratch memory and live until its next Parse.
type Options struct {
	Has Opt

	Acknowledge, ExcludeMe, DiscloseMe, Retain, GetRetained       bool
	ReceiveProgress, Progress, DiscloseCaller, ForwardTimeout     bool
	Retained                                                      bool
	Match, Invoke, Mode, Reason, Topic, Procedure, Msg, PPTScheme []byte
	PublisherAuthID, PublisherAuthRole                            []byte
	CallerAuthID, CallerAuthRole, RunMode                         []byte
	Timeout, Concurrency, Caller, Publisher, Barrier              uint64 // Timeout and Barrier in milliseconds
	Subscription, Registration                                    uint64 // what a revocation revokes
	Exclude, Eligible                                             []uint64
	ExcludeAuthID, ExcludeAuthRole                                [][]byte
	EligibleAuthID, EligibleAuthRole                              [][]byte
}

// Message is one parsed WAMP message of any type. Slices alias the frame or the parser's scratch memory and live until
// its next Parse or until the frame is overwritten.
type Message struct {
	Type wamp.MessageType

	// Request is the request id; of ERROR the id of the failed request; of WELCOME the session id. 0 where the type has none
	// (EVENT has the subscription id here).
	Request uint64
	// ID is the second id: SUBSCRIBED, UNSUBSCRIBE: subscription; REGISTERED, UNREGISTER, INVOCATION: registration;
	// PUBLISHED, EVENT: publication.
	ID uint64
	// RequestType is the failed request's type, of ERROR only.
	RequestType wamp.MessageType
	// URI is the topic, procedure, error, realm (HELLO), reason (ABORT, GOODBYE), auth method (CHALLENGE) or signature
	// (AUTHENTICATE) as UTF-8 text, unescaped.
	URI []byte
	// Options are the well-known keys of Dict.
	Options Options
	// Dict is the whole Options, Details or Extra dict, encoded (for Parser.Hello, Parser.Welcome and the like).
	Dict []byte
	// Pass are the options that pass through to the receiver; they are in Dict, too.
	Pass Pass
	// Payload is walked (well-formed, UTF-8, depth bound) but not decoded.
	Payload Payload
}

// EventDetails are the keys that a router writes into EVENT.Details; zero values are left out.
type EventDetails struct {
	Topic             []byte
	Publisher         uint64
	PublisherAuthID   string
	PublisherAuthRole string
	Retained          bool
	Trust             uint64 // trustlevel + 1
	Pass              Pass   // in the same serializer
}

// InvocationDetails are the keys that a router writes into INVOCATION.Details; zero values are left out.
type InvocationDetails struct {
	Procedure       []byte
	Caller          uint64
	CallerAuthID    string
	CallerAuthRole  string
	ReceiveProgress bool
	Progress        bool
	Timeout         uint64 // milliseconds
	Trust           uint64 // trustlevel + 1
	Pass            Pass   // in the same serializer
}
