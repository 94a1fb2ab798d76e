package codec

import (
	"math"
	"strconv"

	"kleeblatt/internal/wamp"
)

// Values for the few messages whose payload the router itself reads or writes: calls of its own procedures and its meta events. They
// allocate; what only passes through never comes here.

// Pair is one entry of a Dict.
type Pair struct {
	Key   string
	Value any
}

// Dict is a dict whose entries are written in this order.
type Dict []Pair

// AppendPayload appends a payload with these arguments and keywords, encoded in s, to dst. Values are nil, bool, string, uint64, int
// (not negative), []uint64, []string, []any, Dict and Encoded; others are a mistake of the caller's and panic. The payload's bytes are those that were
// appended. No arguments and no keywords are no payload (SER-09).
func AppendPayload(dst []byte, s wamp.Serializer, args []any, kwargs Dict) ([]byte, Payload) {
	if len(args) == 0 && len(kwargs) == 0 {
		return dst, Payload{}
	}
	at := len(dst)
	dst = append(dst, '[') // behind an opening bracket nothing separates; it is taken away below
	dst = appendAny(dst, s, args)
	n := uint8(1)
	if len(kwargs) > 0 {
		n, dst = 2, appendAny(dst, s, kwargs)
	}
	dst = append(dst[:at], dst[at+1:]...)
	return dst, Payload{N: n, Raw: dst[at:len(dst):len(dst)]}
}

func appendAny(dst []byte, s wamp.Serializer, v any) []byte {
	switch v := v.(type) {
	case nil:
		return appendNil(dst, s)
	case bool:
		return appendBool(dst, s, v)
	case string:
		return appendText(dst, s, v)
	case uint64:
		return appendUint(dst, s, v)
	case int:
		return appendUint(dst, s, uint64(v))
	case []uint64:
		return appendEach(dst, s, v, appendUint)
	case []string:
		return appendEach(dst, s, v, appendText[string])
	case []any:
		return appendEach(dst, s, v, appendAny)
	case Encoded:
		if s == wamp.JSON {
			dst = comma(dst)
		}
		return append(dst, v...)
	case Dict:
		dst = openDict(dst, s, len(v))
		for i := range v {
			dst = appendAny(appendKey(dst, s, v[i].Key), s, v[i].Value)
		}
		return shutDict(dst, s)
	}
	panic("codec: a value of a type that no message has")
}

func appendEach[T any](dst []byte, s wamp.Serializer, list []T, one func([]byte, wamp.Serializer, T) []byte) []byte {
	dst = openList(dst, s, len(list))
	for i := range list {
		dst = one(dst, s, list[i])
	}
	return shutList(dst, s)
}

func appendNil(dst []byte, s wamp.Serializer) []byte {
	switch s {
	case wamp.MsgPack:
		return append(dst, 0xc0)
	case wamp.CBOR:
		return append(dst, 0xf6)
	}
	return append(comma(dst), "null"...)
}

// Other is a value that ReadPayload does not tell: a fraction, a negative number, bytes, a tag.
type Other struct{}

// ReadPayload decodes a payload that has been walked (Parse, WalkPayload): the arguments, and the keywords in their order. Values are
// nil, bool, string, uint64 (whole floats up to 2^53 included), []any, Dict and Other; they own their memory. What they take is up to some
// thirty times the payload's size, so the caller bounds that. A payload that is one binary value has the arguments [Other{}].
func ReadPayload(s wamp.Serializer, p Payload) (args []any, kwargs Dict) {
	var c cursor
	c.start(s, p.Raw)
	if s == wamp.JSON {
		c.i = jsonSpace(c.b, 0)
	}
	if p.N > 0 {
		switch v := c.value(0).(type) {
		case []any:
			args = v
		default:
			args = []any{Other{}}
		}
	}
	if p.N > 1 {
		c.separator()
		kwargs, _ = c.value(0).(Dict)
	}
	return args, kwargs
}

// value decodes one value that lies inside of depth containers.
func (c *cursor) value(depth int) any {
	if depth > DepthMax {
		c.fail(whyDepth)
	}
	if !c.ok() {
		return nil
	}
	if c.s == wamp.JSON {
		return c.jsonValue(depth)
	}
	at := c.i
	k, n := c.head()
	switch k {
	case kNil, kUndefined:
		return nil
	case kBool:
		return n == 1
	case kUint:
		return n
	case kFloat16, kFloat32, kFloat64:
		if v, whole := wholeFloat(k, n); whole {
			return v
		}
		return Other{}
	case kText:
		return string(c.content(k, n))
	case kList:
		return c.values(c.entries(n), depth)
	case kDict:
		return c.pairs(c.entries(n), depth)
	}
	c.i = at
	c.walk(depth)
	return Other{}
}

func (c *cursor) jsonValue(depth int) any {
	c.i = jsonSpace(c.b, c.i)
	if c.i >= len(c.b) {
		c.fail(whyShort)
		return nil
	}
	switch at := c.b[c.i]; {
	case at == '"':
		text := c.jsonText()
		if len(text) > 0 && text[0] == 0 {
			return Other{}
		}
		return string(text)
	case at == '[':
		return c.values(c.list(), depth)
	case at == '{':
		return c.pairs(c.dict(), depth)
	case at == '-' || isDigit(at):
		end, _, why := jsonNumber(c.b, c.i)
		digits := string(c.b[c.i:end])
		if c.i = end; why != "" {
			c.fail(why)
			return nil
		}
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(digits, 64); err == nil {
			if n, whole := wholeFloat(kFloat64, math.Float64bits(f)); whole {
				return n
			}
		}
		return Other{}
	}
	k, n, end, why := jsonLiteral(c.b, c.i)
	if c.i = end; why != "" {
		c.fail(why)
	}
	if k == kBool {
		return n == 1
	}
	return nil
}

func (c *cursor) values(it iter, depth int) any {
	list := []any{}
	for c.ok() && c.next(&it) {
		list = append(list, c.value(depth+1))
	}
	return list
}

func (c *cursor) pairs(it iter, depth int) any {
	var dict Dict
	for c.ok() && c.next(&it) {
		if c.s != wamp.JSON && c.notText() {
			c.value(depth + 1) // keys that are no text name nothing that the router knows
			c.value(depth + 1)
			continue
		}
		key := string(c.key())
		dict = append(dict, Pair{key, c.value(depth + 1)})
	}
	return dict
}

// notText says that the next value of a binary serializer is no text.
func (c *cursor) notText() bool {
	at := c.i
	k, _ := c.head()
	c.i = at
	return k != kText
}
