package codec

import (
	"kleeblatt/internal/wamp"
)

// element is what may stand at a place of a message's list, behind the type.
type element uint8

const (
	elRequest     element = iota + 1 // id, into Message.Request
	elRequestZero                    // the same, or 0: the message speaks of no request
	elID                             // id, into Message.ID
	elRequestType                    // type of the failed request
	elURI                            // text, into Message.URI
	elDict                           // options or details
	elMaybeDict                      // the same; may be missing at the end
)

var elementNames = [...]string{
	elRequest: "id", elRequestZero: "id", elID: "second id", elRequestType: "request type",
	elURI: "URI", elDict: "options", elMaybeDict: "options",
}

// form is the grammar of one message type (basic/messages.md).
type form struct {
	elements []element
	payload  bool // Arguments and ArgumentsKw may follow
	options  Opt  // the keys that the type defines
}

const (
	optIdentity = OptPublisher | OptPublisherAuthID | OptPublisherAuthRole
	optCaller   = OptCaller | OptCallerAuthID | OptCallerAuthRole
)

var forms = [wamp.Yield + 1]form{
	wamp.Hello:        {elements: []element{elURI, elDict}},
	wamp.Welcome:      {elements: []element{elRequest, elDict}},
	wamp.Abort:        {elements: []element{elDict, elURI}, payload: true, options: OptMessage},
	wamp.Challenge:    {elements: []element{elURI, elDict}},
	wamp.Authenticate: {elements: []element{elURI, elDict}},
	wamp.Goodbye:      {elements: []element{elDict, elURI}, options: OptMessage},
	wamp.Error:        {elements: []element{elRequestType, elRequest, elDict, elURI}, payload: true, options: OptPPTScheme},

	wamp.Publish: {elements: []element{elRequest, elDict, elURI}, payload: true,
		options: OptAcknowledge | OptExcludeMe | OptDiscloseMe | OptFilters | OptRetain | OptPPTScheme},
	wamp.Published:    {elements: []element{elRequest, elID}},
	wamp.Subscribe:    {elements: []element{elRequest, elDict, elURI}, options: OptMatch | OptGetRetained | OptBarrier},
	wamp.Subscribed:   {elements: []element{elRequest, elID}},
	wamp.Unsubscribe:  {elements: []element{elRequest, elID, elMaybeDict}},
	wamp.Unsubscribed: {elements: []element{elRequestZero, elMaybeDict}, options: OptSubscription | OptReason},
	wamp.Event: {elements: []element{elRequest, elID, elDict}, payload: true,
		options: OptTopic | optIdentity | OptRetained | OptPPTScheme},

	wamp.Call: {elements: []element{elRequest, elDict, elURI}, payload: true,
		options: OptReceiveProgress | OptProgress | OptTimeout | OptDiscloseMe | OptPPTScheme | OptRunMode | OptRKey},
	wamp.Cancel: {elements: []element{elRequest, elDict}, options: OptMode},
	wamp.Result: {elements: []element{elRequest, elDict}, payload: true, options: OptProgress | OptPPTScheme},
	wamp.Register: {elements: []element{elRequest, elDict, elURI},
		options: OptMatch | OptInvoke | OptConcurrency | OptDiscloseCaller | OptForwardTimeout | OptBarrier},
	wamp.Registered:   {elements: []element{elRequest, elID}},
	wamp.Unregister:   {elements: []element{elRequest, elID, elMaybeDict}},
	wamp.Unregistered: {elements: []element{elRequestZero, elMaybeDict}, options: OptRegistration | OptReason},
	wamp.Invocation: {elements: []element{elRequest, elID, elDict}, payload: true,
		options: OptProcedure | optCaller | OptReceiveProgress | OptProgress | OptTimeout | OptPPTScheme},
	wamp.Interrupt: {elements: []element{elRequest, elDict}, options: OptMode | OptReason},
	wamp.Yield:     {elements: []element{elRequest, elDict}, payload: true, options: OptProgress | OptPPTScheme},
}

// Parser reads messages. It holds scratch memory only; the zero value is ready. One worker owns it: no concurrent use.
type Parser struct {
	c       cursor
	ids     []uint64 // entries of filter lists
	texts   [][]byte
	keys    [][]byte // keys that the router does not know, of the dicts around here
	passed  []byte   // options that pass through
	culprit string   // the option that failed
}

// Parse reads the one message that frame holds. frame is not changed; what m receives aliases it or p's scratch memory
// and lives until p's next Parse. The payload is walked. Every failure is a *SyntaxError, and then m holds nothing to rely on.
func (p *Parser) Parse(s wamp.Serializer, frame []byte, m *Message) error {
	p.forget()
	if m.Options.Has != 0 {
		m.Options = Options{}
	}
	if s == wamp.MsgPack && m.brief(frame) {
		return nil
	}
	return p.grammar(s, frame, m)
}

// grammar reads a message of any type and serializer into m, whose options are empty.
func (p *Parser) grammar(s wamp.Serializer, frame []byte, m *Message) error {
	m.Type, m.RequestType, m.Request, m.ID = 0, 0, 0, 0
	m.URI, m.Dict, m.Payload, m.Pass = nil, nil, Payload{}, Pass{}

	c := &p.c
	c.start(s, frame)
	if s == wamp.JSON {
		c.i = jsonSpace(frame, 0)
	}
	it := c.list()
	if !c.ok() {
		return p.failed(0, "")
	}
	if !c.next(&it) {
		c.fail(whyFew)
		return p.failed(0, "")
	}
	t := c.uint()
	if !c.ok() {
		return p.failed(0, "message type")
	}
	if t >= uint64(len(forms)) || forms[t].elements == nil {
		c.fail(whyType)
		return p.failed(wamp.MessageType(min(t, 1<<16-1)), "")
	}
	m.Type = wamp.MessageType(t)
	f := &forms[t]
	for _, el := range f.elements {
		if !c.next(&it) {
			if el == elMaybeDict && c.ok() {
				break
			}
			c.fail(whyFew)
			return p.failed(m.Type, "")
		}
		switch el {
		case elRequest:
			m.Request = c.id()
		case elRequestZero:
			if m.Request = c.uint(); m.Request > wamp.MaxID {
				c.fail(whyID)
			}
		case elID:
			m.ID = c.id()
		case elRequestType:
			t := c.uint()
			if t > 1<<16-1 {
				c.fail(whyType)
			}
			m.RequestType = wamp.MessageType(t)
		case elURI:
			m.URI = c.text()
		case elDict, elMaybeDict:
			start := c.i
			p.options(&m.Options, &m.Pass, f.options)
			m.Dict = c.b[start:c.i:c.i]
		}
		if !c.ok() {
			return p.failed(m.Type, elementNames[el])
		}
	}
	if f.payload {
		c.payload(&it, &m.Payload)
		if !c.ok() {
			return p.failed(m.Type, "payload")
		}
	}
	if c.next(&it) {
		c.fail(whyMany)
	}
	c.end(whyTrailing)
	if m.Request == 0 && m.Dict == nil && f.elements[0] == elRequestZero { // 0 is for revocations, which name what they revoke
		c.fail(whyID)
	}
	if !c.ok() {
		return p.failed(m.Type, "")
	}
	return nil
}

// forget empties the scratch memory, and drops what one huge message has left of it.
func (p *Parser) forget() {
	if cap(p.c.scratch) > scratchKeepMax {
		p.c.scratch = nil
	}
	if cap(p.ids) > scratchKeepMax/8 {
		p.ids = nil
	}
	if cap(p.texts) > scratchKeepMax/24 {
		p.texts = nil
	}
	p.c.scratch, p.ids, p.texts, p.keys, p.passed = p.c.scratch[:0], p.ids[:0], p.texts[:0], p.keys[:0], p.passed[:0]
	p.culprit = ""
}

// failed makes the error of the cursor's failure.
func (p *Parser) failed(t wamp.MessageType, where string) error {
	if p.culprit != "" {
		where += "." + p.culprit
	}
	return &SyntaxError{Type: t, Where: where, Reason: p.c.why, Offset: p.c.i}
}
