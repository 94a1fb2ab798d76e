package codec

import (
	"errors"

	"kleeblatt/internal/wamp"
)

// Parts of a payload, for the few procedures of the router's own that take an application's payload as an argument and pass it on unread.

// Arguments are the values of the payload's Arguments list, each as it stands there, encoded; they alias p. A payload that is one binary
// value has none. The payload has been walked.
func Arguments(s wamp.Serializer, p Payload) (values [][]byte) {
	var c cursor
	c.startPayload(s, p)
	if p.N == 0 || c.isBytes() {
		return nil
	}
	for it := c.list(); c.ok() && c.next(&it); {
		at := c.i
		c.walk(1)
		values = append(values, c.b[at:c.i:c.i])
	}
	return values
}

// Keyword is the value of a key of the payload's ArgumentsKw, encoded; it aliases p. nil if there is no such key, or null stands there.
func Keyword(s wamp.Serializer, p Payload, key string) (value []byte) {
	var c cursor
	c.startPayload(s, p)
	if p.N < 2 {
		return nil
	}
	c.walk(0)
	if c.separator(); !c.ok() {
		return nil
	}
	for it := c.dict(); c.ok() && c.next(&it); {
		k := c.key()
		at := c.i
		if !c.ok() || c.absent() {
			continue
		}
		c.walk(1)
		if c.ok() && string(k) == key {
			value = c.b[at:c.i:c.i]
		}
	}
	return value
}

func (c *cursor) startPayload(s wamp.Serializer, p Payload) {
	c.start(s, p.Raw)
	if s == wamp.JSON {
		c.i = jsonSpace(c.b, 0)
	}
}

// isBytes says that the next value is one of bytes, or text that stands for them.
func (c *cursor) isBytes() bool {
	if c.s == wamp.JSON {
		return c.i < len(c.b) && c.b[c.i] == '"'
	}
	at := c.i
	k, _ := c.head()
	c.i = at
	return k == kBytes
}

// ErrPart says that a value is not of the type that its place in a payload demands.
var ErrPart = errors.New("codec: a list and a dict are needed")

// JoinPayload appends the payload with that Arguments list and ArgumentsKw dict, which are encoded in s; nil or null stands for an empty
// one. Its bytes are those that were appended.
func JoinPayload(dst []byte, s wamp.Serializer, args, kwargs []byte) ([]byte, Payload, error) {
	at := len(dst)
	noArgs, err := emptyPart(s, args, (*cursor).onlyList)
	if err != nil {
		return dst, Payload{}, err
	}
	noKwargs, err := emptyPart(s, kwargs, (*cursor).argumentsKw)
	if err != nil {
		return dst, Payload{}, err
	}
	if noArgs && noKwargs {
		return dst, Payload{}, nil
	}
	if noArgs {
		dst = append(dst, '[') // behind an opening bracket nothing separates; it is taken away below
		dst = shutList(openList(dst, s, 0), s)
		dst = append(dst[:at], dst[at+1:]...)
	} else {
		dst = append(dst, args...)
	}
	n := uint8(1)
	if !noKwargs {
		if n = 2; s == wamp.JSON {
			dst = append(dst, ',')
		}
		dst = append(dst, kwargs...)
	}
	return dst, Payload{N: n, Raw: dst[at:len(dst):len(dst)]}, nil
}

// emptyPart checks one of the two with walk, which says whether it is empty.
func emptyPart(s wamp.Serializer, b []byte, walk func(*cursor) bool) (empty bool, err error) {
	var c cursor
	c.start(s, b)
	if len(b) == 0 || c.absent() {
		return true, nil
	}
	empty = walk(&c)
	if c.end(whyTrailing); !c.ok() {
		return false, ErrPart
	}
	return empty, nil
}

func (c *cursor) onlyList() bool {
	empty, binary := c.arguments()
	if binary {
		c.fail(whyList)
	}
	return empty
}

// PublishOptions reads the Options of a PUBLISH that stand alone, encoded, and those that pass through. What it returns aliases b or p's scratch memory and lives until
// p's next use. The error is a *SyntaxError.
func (p *Parser) PublishOptions(s wamp.Serializer, b []byte) (o Options, pass Pass, err error) {
	p.forget()
	p.c.start(s, b)
	p.options(&o, &pass, forms[wamp.Publish].options)
	if p.c.end(whyTrailing); !p.c.ok() {
		return Options{}, Pass{}, p.failed(wamp.Publish, elementNames[elDict])
	}
	return o, pass, nil
}

// Text is an encoded value as text; false where it is none. It owns its memory.
func Text(s wamp.Serializer, b []byte) (string, bool) {
	var c cursor
	c.start(s, b)
	text := string(c.text())
	c.end(whyTrailing)
	return text, c.ok()
}

// Encoded is a value that stands encoded in the serializer in which AppendPayload writes it.
type Encoded []byte

// Halves are the payload's Arguments and ArgumentsKw, nil where there are none; they alias p.
func Halves(s wamp.Serializer, p Payload) (args, kwargs Encoded) {
	if p.N == 0 {
		return nil, nil
	}
	var c cursor
	c.startPayload(s, p)
	at := c.i
	c.walk(0)
	args = Encoded(c.b[at:c.i:c.i])
	if p.N > 1 {
		c.separator()
		at = c.i
		c.walk(0)
		kwargs = Encoded(c.b[at:c.i:c.i])
	}
	if !c.ok() {
		return nil, nil
	}
	return args, kwargs
}
