package codec

import (
	"strconv"

	"kleeblatt/internal/wamp"
)

// SyntaxError is every failure of Parser and WalkPayload. Its text suits the ABORT that answers the message.
type SyntaxError struct {
	Type   wamp.MessageType // 0 when the failure came before it was known
	Where  string           // the element, as the specification names it; "" for the frame as a whole
	Reason string
	Offset int // in the frame, bytes; where reading stopped
}

func (e *SyntaxError) Error() string {
	s := "malformed message"
	if e.Type != 0 {
		s = "malformed " + e.Type.String()
	}
	if e.Where != "" {
		s += ": " + e.Where
	}
	return s + ": " + e.Reason + " (byte " + strconv.Itoa(e.Offset) + ")"
}

// CarryError is every failure of Transcoder: the payload says something that the other serializer cannot.
type CarryError struct {
	From, To wamp.Serializer
	Reason   string
}

func (e *CarryError) Error() string {
	return "payload cannot be carried from " + e.From.String() + " to " + e.To.String() + ": " + e.Reason
}

// Why reading stopped. Constants, so that the failing path is the only one that pays for its text.
const (
	whyShort     = "ends too early"
	whyReserved  = "reserved byte"
	whyUTF8      = "text is not UTF-8"
	whyDepth     = "nested too deep"
	whyBreak     = "break outside of an indefinite length"
	whyChunk     = "chunk of another type in a string of indefinite length"
	whyJSON      = "not JSON"
	whyEscape    = "unknown escape in a string"
	whySurrogate = "half of a surrogate pair in a string"
	whyControl   = "control character in a string"
	whyNumber    = "malformed number"
	whyComma     = "comma or closing bracket expected"
	whyColon     = "colon expected"

	whyUint      = "non-negative integer expected"
	whyID        = "id in [1, 2^53] expected"
	whyText      = "string expected"
	whyBool      = "true or false expected"
	whyList      = "list expected"
	whyDict      = "dict expected"
	whyArgs      = "list or one binary value expected"
	whyAlone     = "a binary payload stands alone"
	whyKey       = "dict keys must be strings"
	whyDuplicate = "key stands there twice"
	whyManyKeys  = "too many keys"
	whyManyItems = "too many entries"
	whyFew       = "too few elements"
	whyMany      = "too many elements"
	whyType      = "unknown message type"
	whyTrailing  = "bytes behind the message"
)
