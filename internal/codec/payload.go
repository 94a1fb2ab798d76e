package codec

import "kleeblatt/internal/wamp"

// payload walks what is left of a message's list: Arguments and ArgumentsKw, or one binary value alone.
func (c *cursor) payload(it *iter, p *Payload) {
	if !c.next(it) {
		return
	}
	start := c.i
	empty, binary := c.arguments()
	end := c.i
	if !c.ok() {
		return
	}
	if !empty {
		*p = Payload{N: 1, Raw: c.b[start:end:end]}
	}
	if !c.next(it) {
		return
	}
	if binary {
		c.fail(whyAlone)
		return
	}
	if empty = c.argumentsKw(); c.ok() && !empty {
		*p = Payload{N: 2, Raw: c.b[start:c.i:c.i]}
	}
}

// arguments walks the list in Arguments' place, or the one binary value.
func (c *cursor) arguments() (empty, binary bool) {
	if c.s == wamp.JSON {
		at := c.i
		c.walk(0)
		switch {
		case !c.ok():
		case c.b[at] == '[':
			empty = jsonSpace(c.b, at+1) == c.i-1
		case len(c.b)-at >= len(jsonBinary) && string(c.b[at:at+len(jsonBinary)]) == jsonBinary:
			binary = true
		default:
			c.fail(whyArgs)
		}
		return empty, binary
	}
	at := c.i
	k, n := c.head()
	var why string
	switch {
	case k == kBytes:
		c.i = at
		c.walk(0)
		binary = true
	case k != kList:
		why = wrong(k, whyArgs)
	case c.s == wamp.MsgPack:
		c.i, why = msgpackWalk(c.b, c.i, n, 1)
		empty = n == 0
	default:
		at = c.i
		c.i, why = cborInside(c.b, c.i, kList, n, 1)
		empty = n == 0 || n == indefinite && c.i == at+1
	}
	if why != "" {
		c.fail(why)
	}
	return empty, binary
}

// argumentsKw walks the dict in ArgumentsKw's place; its keys are strings.
func (c *cursor) argumentsKw() (empty bool) {
	if c.s == wamp.JSON { // whose grammar knows no other keys
		at := c.i
		if at >= len(c.b) || c.b[at] != '{' {
			c.fail(whyDict)
			return false
		}
		c.walk(0)
		return c.ok() && jsonSpace(c.b, at+1) == c.i-1
	}
	empty = true
	for it := c.dict(); c.ok() && c.next(&it); {
		empty = false
		if k, n := c.head(); k != kText {
			c.fail(wrong(k, whyKey))
		} else if n == indefinite {
			var why string
			if c.i, why = cborChunks(c.b, c.i, kText); why != "" {
				c.fail(why)
			}
		} else {
			c.content(k, n)
		}
		if c.ok() {
			c.walk(1)
		}
	}
	return empty
}

// jsonBinary begins every string that stands for bytes (advanced/serialization_binary_json.md).
const jsonBinary = `"\u0000`

// WalkPayload checks that p.Raw holds exactly p.N well-formed payload values, as Parse does. The error is a *SyntaxError.
func WalkPayload(s wamp.Serializer, p Payload) error {
	var c cursor
	c.start(s, p.Raw)
	it := iter{left: int(p.N)}
	if s == wamp.JSON { // the values of a list whose brackets stand elsewhere
		c.i = jsonSpace(c.b, 0)
	}
	if p.N > 2 {
		c.fail(whyMany)
	}
	for k := 0; c.ok() && c.next(&it); k++ {
		if k == 0 {
			if _, binary := c.arguments(); binary && p.N > 1 {
				c.fail(whyAlone)
			}
			continue
		}
		c.separator()
		c.argumentsKw()
	}
	c.end(whyTrailing)
	if !c.ok() {
		return &SyntaxError{Where: "payload", Reason: c.why, Offset: c.i}
	}
	return nil
}

// separator steps over what JSON writes between two payload values.
func (c *cursor) separator() {
	if c.s != wamp.JSON || !c.ok() {
		return
	}
	if c.i = jsonSpace(c.b, c.i); c.i >= len(c.b) || c.b[c.i] != ',' {
		c.fail(whyComma)
		return
	}
	c.i = jsonSpace(c.b, c.i+1)
}
