package codec

const (
	// DepthMax bounds the containers (and CBOR tags) around any value of a payload or option, so that a walk's stack is
	// bounded whatever a client sends. No application nests by hand as deep; JSON's bit stack is one word.
	DepthMax = 64

	// OptionKeysMax bounds the keys of an options dict that the router does not know: each is compared with all before it,
	// and no peer has more than a dozen.
	OptionKeysMax = 128

	// FilterEntriesMax bounds each of PUBLISH's six filter lists: an entry of one byte on the wire takes 24 bytes here, and each
	// is compared with each receiver.
	FilterEntriesMax = 1 << 16

	// scratchKeepMax is how much scratch memory a Parser or Transcoder keeps from one message to the next, in bytes: a rare huge
	// message must not be held for ever.
	scratchKeepMax = 1 << 20
)
