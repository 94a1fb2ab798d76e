package codec_test

import (
	"fmt"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// A publisher speaks MessagePack, its subscriber JSON.
func Example() {
	frame := []byte("\x95\x10\x07\x81\xabacknowledge\xc3\xa5a.b.c\x92\x2a\xc4\x03\x01\x02\x03")

	var parser codec.Parser
	var m codec.Message
	if err := parser.Parse(wamp.MsgPack, frame, &m); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Type, m.Request, string(m.URI), m.Options.Acknowledge)

	var transcoder codec.Transcoder
	raw, err := transcoder.Payload(nil, wamp.MsgPack, wamp.JSON, m.Payload)
	if err != nil {
		fmt.Println(err)
		return
	}
	event := codec.AppendEvent(nil, wamp.JSON, 1, 2, &codec.EventDetails{}, codec.Payload{N: m.Payload.N, Raw: raw})
	fmt.Println(string(event))
	// Output:
	// PUBLISH 7 a.b.c true
	// [36,1,2,{},[42,"\u0000AQID"]]
}
