// Package codec reads and writes the heads of WAMP messages in JSON, MessagePack and CBOR, and walks their payloads without
// decoding them.
//
//	frame ──▶ Parser.Parse ──▶ Message{Type, ids, URI, Options, Payload}      payload: a slice of the frame
//	                                                               │
//	                         same serializer: the bytes as they are│  other serializer: Transcoder.Payload
//	                                                               ▼
//	frame ◀── AppendEvent, AppendInvocation, AppendResult, …  (dst []byte) []byte
//
// A message has a head (type, ids, options, URI), which the router understands, and a payload (Arguments, ArgumentsKw), which
// is its clients' business. Parse decodes the head strictly: element counts and types per message type, unique string keys in
// options, no integer for a bool, ids in [1, 2^53], exactly one message in the frame. The payload is walked once: well-formed,
// text in UTF-8, at most DepthMax containers deep. What one serializer alone can say (MessagePack extensions, CBOR tags,
// indefinite lengths, big numbers) is walked too and passes untouched to peers of the same serializer; for others the
// Transcoder carries the value exactly or says that it cannot (CarryError). It never writes bytes that the other end cannot read.
//
// Two readings are deliberately generous. An integer of the head is read in every width, signed or not, and in MessagePack
// and CBOR also as a float that is a whole number: JavaScript encoders write numbers above 2^32 so. And options keys that a message
// type does not define are skipped; of messages with a payload, those named ppt_, enc_ or x_ pass through to the receiver as they are (Pass).
//
// # State, memory, goroutines
//
// The only state is scratch memory: a Parser or Transcoder belongs to one worker and is not safe for concurrent use. Everything that
// Parse hands out lies in the frame or in the Parser's scratch memory and lives until its next Parse or until the frame is
// overwritten. AppendX functions keep nothing, append to the caller's slice, and expect text in UTF-8. In steady state nothing allocates; errors do.
//
// # Files
//
//	api.go       the nouns: Message, Options, Payload, details
//	parse.go     the grammar of each message type and Parse; brief.go the hottest messages without it; options.go the options; hello.go the session's details
//	cursor.go    one reader over the three serializers: integers, texts, lists, dicts; payload.go walks Arguments and ArgumentsKw
//	msgpack.go, cbor.go, json.go, jsontext.go    heads, numbers, strings and walks of each
//	append.go    one writer over the three; appendrouter.go, appendclient.go the messages
//	transcode.go the payload from one serializer into another; transcodein.go and transcodeout.go its two sides
//
// The package imports internal/wamp and the standard library.
//
// Sources: WAMP basic/messages.md, basic/building_blocks.md (Serializers), advanced/serialization_binary_json.md; RFC 8259,
// RFC 8949; the MessagePack specification, version 5.
package codec
