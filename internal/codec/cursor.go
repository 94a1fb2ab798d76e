package codec

import (
	"encoding/binary"

	"kleeblatt/internal/wamp"
)

// cursor reads values one after the other in any serializer. Its error is sticky: once why is set, values read are zero and
// the caller, who looks at why before it uses them, gives up.
type cursor struct {
	s       wamp.Serializer
	why     string
	b       []byte
	i       int
	scratch []byte // texts that do not stand in b as they are; grows until the owner empties it
}

// start points the cursor at b.
func (c *cursor) start(s wamp.Serializer, b []byte) {
	c.s, c.b, c.i, c.why = s, b, 0, ""
}

func (c *cursor) ok() bool { return c.why == "" }

func (c *cursor) fail(why string) {
	if c.why == "" {
		c.why = why
	}
}

// head reads the head of the next value of a binary serializer.
func (c *cursor) head() (k kind, n uint64) {
	if c.i >= len(c.b) {
		return kShort, 0
	}
	if c.s == wamp.MsgPack {
		k, n, c.i = msgpackHead(c.b, c.i)
	} else {
		k, n, c.i = cborHead(c.b, c.i)
	}
	return k, n
}

// wrong is the reason why a value of kind k is not what was expected.
func wrong(k kind, expected string) string {
	switch k {
	case kShort:
		return whyShort
	case kReserved:
		return whyReserved
	}
	return expected
}

// uint reads a non-negative integer of any width.
func (c *cursor) uint() uint64 {
	if c.s == wamp.JSON {
		return c.jsonUint()
	}
	if rest := c.b[c.i:]; c.s == wamp.MsgPack && len(rest) >= 5 { // the usual widths of a request id
		switch rest[0] {
		case 0xcd:
			c.i += 3
			return uint64(binary.BigEndian.Uint16(rest[1:]))
		case 0xce:
			c.i += 5
			return uint64(binary.BigEndian.Uint32(rest[1:]))
		}
		if rest[0] < 0x80 {
			c.i++
			return uint64(rest[0])
		}
	}
	k, n := c.head()
	switch k {
	case kUint:
		return n
	case kFloat16, kFloat32, kFloat64:
		if v, whole := wholeFloat(k, n); whole {
			return v
		}
	}
	c.fail(wrong(k, whyUint))
	return 0
}

// jsonUint reads digits; a fraction or exponent makes it no integer, whatever its value (SER-05).
func (c *cursor) jsonUint() (n uint64) {
	start := c.i
	for c.i < len(c.b) && isDigit(c.b[c.i]) {
		d := uint64(c.b[c.i] - '0')
		if n > (1<<64-1-d)/10 {
			c.fail(whyUint)
			return 0
		}
		n = n*10 + d
		c.i++
	}
	if c.i == start || c.b[start] == '0' && c.i > start+1 {
		c.fail(whyUint)
		return 0
	}
	if c.i < len(c.b) && (c.b[c.i] == '.' || c.b[c.i]|0x20 == 'e') {
		c.fail(whyUint)
	}
	return n
}

// id reads an id of any scope.
func (c *cursor) id() uint64 {
	n := c.uint()
	if !wamp.ValidID(n) {
		c.fail(whyID)
	}
	return n
}

// boolean reads true or false; nothing else stands for them (MSG-06).
func (c *cursor) boolean() bool {
	if c.s == wamp.JSON {
		k, n, end, _ := jsonLiteral(c.b, c.i)
		if c.i = end; k != kBool {
			c.fail(whyBool)
		}
		return n == 1
	}
	k, n := c.head()
	if k != kBool {
		c.fail(wrong(k, whyBool))
	}
	return k == kBool && n == 1
}

// text reads a string. It aliases b, or scratch where it stands in b in escapes or in chunks.
func (c *cursor) text() []byte {
	if c.s == wamp.JSON {
		return c.jsonText()
	}
	if c.s == wamp.MsgPack && c.i < len(c.b) && c.b[c.i]&0xe0 == 0xa0 { // a short text, as most are
		if end := c.i + 1 + int(c.b[c.i]&0x1f); end <= len(c.b) {
			text := c.b[c.i+1 : end : end]
			if c.i = end; !validText(text) {
				c.fail(whyUTF8)
			}
			return text
		}
	}
	k, n := c.head()
	if k != kText {
		c.fail(wrong(k, whyText))
		return nil
	}
	return c.content(k, n)
}

// content reads the bytes of a string of kind k behind its head.
func (c *cursor) content(k kind, n uint64) []byte {
	at := c.i
	if n == indefinite {
		end, why := cborChunks(c.b, at, k)
		if c.i = end; why != "" {
			c.fail(why)
			return nil
		}
		start := len(c.scratch)
		c.scratch = appendCBORChunks(c.scratch, c.b, at)
		return c.scratch[start:len(c.scratch):len(c.scratch)]
	}
	c.i += int(n)
	text := c.b[at:c.i:c.i]
	if k == kText && !validText(text) {
		c.fail(whyUTF8)
	}
	return text
}

func (c *cursor) jsonText() []byte {
	start := c.i
	if start >= len(c.b) || c.b[start] != '"' {
		c.fail(whyText)
		return nil
	}
	end, escaped, why := jsonString(c.b, start)
	if c.i = end; why != "" {
		c.fail(why)
		return nil
	}
	raw := c.b[start+1 : end-1 : end-1]
	if !escaped {
		return raw
	}
	from := len(c.scratch)
	var paired bool
	if c.scratch, paired = jsonUnescape(c.scratch, raw); !paired {
		c.fail(whySurrogate)
	}
	return c.scratch[from:len(c.scratch):len(c.scratch)]
}

// iter walks the entries of a list or dict.
type iter struct {
	left  int  // how many entries are to come, -1 where only the end will tell
	fresh bool // no entry was read yet
	shut  byte // JSON's closing bracket
}

func (c *cursor) list() iter { return c.open(kList, '[', whyList) }
func (c *cursor) dict() iter { return c.open(kDict, '{', whyDict) }

func (c *cursor) open(want kind, bracket byte, expected string) iter {
	if c.s == wamp.JSON {
		if c.i >= len(c.b) || c.b[c.i] != bracket {
			c.fail(expected)
			return iter{}
		}
		c.i++
		return iter{left: -1, fresh: true, shut: bracket + 2}
	}
	k, n := c.head()
	if k != want {
		c.fail(wrong(k, expected))
		return iter{}
	}
	return c.entries(n)
}

// entries is the iter of a list or dict of a binary serializer whose head said n.
func (c *cursor) entries(n uint64) iter {
	if n == indefinite {
		return iter{left: -1}
	}
	return iter{left: int(n)}
}

// next reports whether another entry follows, and stands before it; or behind the container.
func (c *cursor) next(it *iter) bool {
	if it.left > 0 {
		it.left--
		return true
	}
	return it.left < 0 && c.nextOpen(it)
}

func (c *cursor) nextOpen(it *iter) bool {
	if c.s == wamp.JSON {
		c.i = jsonSpace(c.b, c.i)
	}
	if c.i >= len(c.b) {
		c.fail(whyShort)
		return false
	}
	at := c.b[c.i]
	if c.s != wamp.JSON {
		if at != cborBreak {
			return true
		}
	} else if at != it.shut {
		switch {
		case it.fresh:
			it.fresh = false
		case at == ',':
			c.i = jsonSpace(c.b, c.i+1)
		default:
			c.fail(whyComma)
			return false
		}
		return true
	}
	c.i++
	it.left = 0
	return false
}

// key reads the key of a pair and stands before its value.
func (c *cursor) key() []byte {
	if c.s != wamp.JSON {
		k, n := c.head()
		if k != kText {
			c.fail(wrong(k, whyKey))
			return nil
		}
		return c.content(k, n)
	}
	if c.i < len(c.b) && c.b[c.i] != '"' {
		c.fail(whyKey)
		return nil
	}
	key := c.jsonText()
	if !c.ok() {
		return nil
	}
	c.colon()
	return key
}

// colon steps over what JSON writes between key and value.
func (c *cursor) colon() {
	var why string
	if c.i, why = jsonColon(c.b, c.i); why != "" {
		c.fail(why)
		return
	}
	c.i = jsonSpace(c.b, c.i)
}

// absent steps over a null or undefined value: clients write an option that they do not set as one of them. Of MessagePack,
// undefined is what JavaScript's encoders make of it: an extension of type 0 with one octet 0.
func (c *cursor) absent() bool {
	rest := c.b[c.i:]
	n := 0
	switch c.s {
	case wamp.MsgPack:
		switch {
		case len(rest) > 0 && rest[0] == 0xc0:
			n = 1
		case len(rest) > 2 && rest[0] == 0xd4 && rest[1] == 0 && rest[2] == 0:
			n = 3
		}
	case wamp.CBOR:
		if len(rest) > 0 && (rest[0] == 0xf6 || rest[0] == 0xf7) {
			n = 1
		}
	default:
		if len(rest) > 3 && string(rest[:4]) == "null" {
			n = 4
		}
	}
	c.i += n
	return n > 0
}

// walk skips one value that lies inside of depth containers.
func (c *cursor) walk(depth int) {
	var why string
	switch c.s {
	case wamp.MsgPack:
		c.i, why = msgpackWalk(c.b, c.i, 1, depth)
	case wamp.CBOR:
		c.i, why = cborWalk(c.b, c.i, 1, depth)
	default:
		c.i, why = jsonWalk(c.b, c.i, depth)
	}
	if why != "" {
		c.fail(why)
	}
}

// end checks that nothing is left.
func (c *cursor) end(otherwise string) {
	if c.s == wamp.JSON {
		c.i = jsonSpace(c.b, c.i)
	}
	if c.ok() && c.i != len(c.b) {
		c.fail(otherwise)
	}
}
