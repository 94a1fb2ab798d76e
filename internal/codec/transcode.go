package codec

import (
	"bytes"
	"slices"

	"kleeblatt/internal/wamp"
)

// Transcoder carries payloads from one serializer into another. It holds scratch memory only; the zero value is ready. One worker
// owns it: no concurrent use.
//
// What is carried, and how: integers exactly, between -2^64 (MessagePack: from -2^63 on) and 2^64; a JSON number with a
// fraction or exponent, or beyond 64 bits, as a float; floats exactly and as floats, also where they are whole (1.0); bytes
// to and from JSON as "\u0000" and base64; undefined as null; CBOR tags that merely comment a text or number by what they tag,
// big numbers that fit as integers.
//
// What is refused with a CarryError: floats that JSON has no number for; dict keys that are no text, in JSON; MessagePack
// extensions but JavaScript's undefined; other CBOR tags and simple values; text that JSON's convention would take for bytes; JSON strings that
// begin like bytes but are none, or hold half of a surrogate pair; a dict that holds a key twice, which readers settle differently.
type Transcoder struct {
	c       cursor
	to      wamp.Serializer
	keys    []span // where the keys of the dicts around here were written
	decoded []byte // of base64
}

// span is a part of the output.
type span struct{ start, end int }

// Payload appends p's values, encoded in from, in the serializer to. dst is returned as it was when they cannot be carried;
// the error is then a *CarryError. p has been walked (Parse, WalkPayload); if it has not, malformed bytes are a CarryError too.
func (t *Transcoder) Payload(dst []byte, from, to wamp.Serializer, p Payload) ([]byte, error) {
	if from == to {
		return append(dst, p.Raw...), nil
	}
	t.start(from, to, p.Raw)
	out := dst
	for k := range int(p.N) {
		out = t.value(t.next(out, k), 0)
	}
	return t.finish(dst, out)
}

// next goes over what stands between the k-th value and the one before it.
func (t *Transcoder) next(out []byte, k int) []byte {
	if k == 0 {
		return out
	}
	t.c.separator()
	if t.to == wamp.JSON {
		out = append(out, ',')
	}
	return out
}

// one carries a single value.
func (t *Transcoder) one(dst []byte, from, to wamp.Serializer, value []byte) ([]byte, error) {
	t.start(from, to, value)
	if from != to {
		return t.finish(dst, t.value(dst, 0))
	}
	t.c.i = t.space(t.c.i)
	start := t.c.i
	t.c.walk(0)
	return t.finish(dst, append(dst, t.c.b[start:t.c.i]...))
}

func (t *Transcoder) start(from, to wamp.Serializer, b []byte) {
	if cap(t.c.scratch) > scratchKeepMax {
		t.c.scratch = nil
	}
	if cap(t.decoded) > scratchKeepMax {
		t.decoded = nil
	}
	if cap(t.keys) > scratchKeepMax/16 {
		t.keys = nil
	}
	t.c.scratch, t.keys = t.c.scratch[:0], t.keys[:0]
	t.c.start(from, b)
	t.to = to
}

// finish answers the output if all went well.
func (t *Transcoder) finish(dst, out []byte) ([]byte, error) {
	t.c.end(whyTrailing)
	if !t.c.ok() {
		return dst, &CarryError{From: t.c.s, To: t.to, Reason: t.c.why}
	}
	return out, nil
}

func (t *Transcoder) space(i int) int {
	if t.c.s == wamp.JSON {
		return jsonSpace(t.c.b, i)
	}
	return i
}

const (
	whyNotFinite  = "a float that JSON has no number for"
	whyKeyText    = "a dict key that is not a string"
	whyExtension  = "an extension type"
	whyTag        = "a tag"
	whySimple     = "a simple value"
	whyBig        = "an integer beyond 64 bits"
	whyBigFloat   = "a number beyond every float"
	whyNUL        = "text that begins with NUL, which in JSON means bytes"
	whyBase64     = "a string that begins like bytes but is not base64"
	whySameKey    = "a dict that holds a key twice"
	whyManyValues = "more entries than the serializer can count"
)

// value reads one value that lies inside of depth containers, and appends it.
func (t *Transcoder) value(dst []byte, depth int) []byte {
	c := &t.c
	if !c.ok() {
		return dst
	}
	c.scratch = c.scratch[:0]
	if c.s == wamp.JSON {
		return t.fromJSON(dst, depth)
	}
	k, n := c.head()
	switch k {
	case kText:
		return t.text(dst, c.content(k, n))
	case kBytes:
		return t.bytes(dst, c.content(k, n))
	case kList, kDict, kTag:
		if depth >= DepthMax {
			c.fail(whyDepth)
			return dst
		}
		switch k {
		case kList:
			return t.list(dst, c.entries(n), n, depth+1)
		case kDict:
			return t.dict(dst, c.entries(n), n, depth+1)
		}
		return t.tag(dst, n, depth+1)
	}
	return t.scalar(dst, k, n)
}

// list appends the list that it walks, whose head said n.
func (t *Transcoder) list(dst []byte, it iter, n uint64, depth int) []byte {
	c := &t.c
	at := len(dst)
	dst = t.openValue(dst, kList, n)
	m := 0
	for ; c.ok() && c.next(&it); m++ {
		if m > 0 && t.to == wamp.JSON {
			dst = append(dst, ',')
		}
		dst = t.value(dst, depth)
	}
	return t.shutValue(dst, at, kList, n, m)
}

// dict appends the dict that it walks, whose head said n.
func (t *Transcoder) dict(dst []byte, it iter, n uint64, depth int) []byte {
	c := &t.c
	at, base := len(dst), len(t.keys)
	dst = t.openValue(dst, kDict, n)
	m := 0
	for ; c.ok() && c.next(&it); m++ {
		if m > 0 && t.to == wamp.JSON {
			dst = append(dst, ',')
		}
		start := len(dst)
		dst = t.key(dst, depth)
		t.keys = append(t.keys, span{start, len(dst)})
		if t.to == wamp.JSON {
			dst = append(dst, ':')
		}
		dst = t.value(dst, depth)
	}
	if c.ok() && sameKey(dst, t.keys[base:]) {
		c.fail(whySameKey)
	}
	t.keys = t.keys[:base]
	return t.shutValue(dst, at, kDict, n, m)
}

// key appends one key; to JSON only a text, for which a leading NUL has no other meaning.
func (t *Transcoder) key(dst []byte, depth int) []byte {
	c := &t.c
	if c.s != wamp.JSON && t.to != wamp.JSON {
		return t.value(dst, depth)
	}
	c.scratch = c.scratch[:0]
	key := c.key()
	switch {
	case c.why == whyKey:
		c.why = whyKeyText
	case !c.ok():
	case t.to == wamp.JSON:
		return appendJSONText(dst, key)
	default:
		return append(appendValueHead(dst, t.to, kText, uint64(len(key))), key...)
	}
	return dst
}

// pairwiseMax is up to how many keys comparing each with each is cheaper than sorting.
const pairwiseMax = 12

// sameKey reports whether two of the keys were written with the same bytes, which they are when they are equal. It may reorder keys.
func sameKey(out []byte, keys []span) bool {
	if len(keys) <= pairwiseMax {
		for i, a := range keys {
			for _, b := range keys[:i] {
				if string(out[a.start:a.end]) == string(out[b.start:b.end]) {
					return true
				}
			}
		}
		return false
	}
	compare := func(a, b span) int { return bytes.Compare(out[a.start:a.end], out[b.start:b.end]) }
	slices.SortFunc(keys, compare)
	for i := 1; i < len(keys); i++ {
		if compare(keys[i-1], keys[i]) == 0 {
			return true
		}
	}
	return false
}

// openValue begins a list or dict of n entries; where n is indefinite, shutValue sees to the count.
func (t *Transcoder) openValue(dst []byte, k kind, n uint64) []byte {
	switch {
	case t.to == wamp.JSON && k == kList:
		return append(dst, '[')
	case t.to == wamp.JSON:
		return append(dst, '{')
	case n == indefinite:
		return append(dst, 0)
	}
	return appendValueHead(dst, t.to, k, n)
}

// shutValue ends the list or dict that openValue began at dst[at] and that turned out to have m entries.
func (t *Transcoder) shutValue(dst []byte, at int, k kind, n uint64, m int) []byte {
	switch {
	case t.to == wamp.JSON && k == kList:
		return append(dst, ']')
	case t.to == wamp.JSON:
		return append(dst, '}')
	case n != indefinite || !t.c.ok():
		return dst
	}
	if uint64(m) > msgpackLengthMax {
		t.c.fail(whyManyValues)
		return dst
	}
	var longest [9]byte
	head := appendValueHead(longest[:0], t.to, k, uint64(m))
	if more := len(head) - 1; more > 0 { // at each depth at most one move of what is inside
		dst = append(dst, head[:more]...)
		copy(dst[at+len(head):], dst[at+1:len(dst)-more])
	}
	copy(dst[at:], head)
	return dst
}
