package codec

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unsafe"

	"kleeblatt/internal/wamp"
)

// fromJSON is value for JSON.
func (t *Transcoder) fromJSON(dst []byte, depth int) []byte {
	c := &t.c
	c.i = jsonSpace(c.b, c.i)
	if c.i >= len(c.b) {
		c.fail(whyShort)
		return dst
	}
	switch at := c.b[c.i]; {
	case at == '"':
		text := c.jsonText()
		if len(text) == 0 || text[0] != 0 {
			return t.text(dst, text)
		}
		return t.bytes(dst, t.base64(text[1:]))
	case at == '[' || at == '{':
		if depth >= DepthMax {
			c.fail(whyDepth)
			return dst
		}
		if at == '[' {
			return t.list(dst, c.list(), indefinite, depth+1)
		}
		return t.dict(dst, c.dict(), indefinite, depth+1)
	case at == '-' || isDigit(at):
		return t.number(dst)
	}
	k, n, end, why := jsonLiteral(c.b, c.i)
	if c.i = end; why != "" {
		c.fail(why)
	}
	return t.scalar(dst, k, n)
}

// base64 decodes the text of bytes. Strict: what a lenient reader would skip, others would not.
func (t *Transcoder) base64(text []byte) []byte {
	var err error
	t.decoded, err = base64.StdEncoding.Strict().AppendDecode(t.decoded[:0], text)
	if err != nil || bytes.ContainsAny(text, "\r\n") { // which encoding/base64 skips
		t.c.fail(whyBase64)
	}
	return t.decoded
}

// number reads a JSON number.
func (t *Transcoder) number(dst []byte) []byte {
	c := &t.c
	end, whole, why := jsonNumber(c.b, c.i)
	digits := c.b[c.i:end]
	if c.i = end; why != "" {
		c.fail(why)
		return dst
	}
	negative := digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	if n, fits := parseDigits(digits); whole && fits {
		switch {
		case !negative:
			return t.scalar(dst, kUint, n)
		case n == 0: // no integer is -0, but a float is
		case n-1 < 1<<63 || t.to == wamp.CBOR:
			return t.scalar(dst, kNeg, n-1)
		}
	}
	// The string lives as long as the call; only an error would keep it, and the error is dropped.
	f, err := strconv.ParseFloat(unsafe.String(&digits[0], len(digits)), 64)
	if err != nil {
		c.fail(whyBigFloat)
		return dst
	}
	if negative {
		f = -f
	}
	return t.float64(dst, f)
}

// parseDigits reads digits as long as they fit 64 bits.
func parseDigits(digits []byte) (n uint64, ok bool) {
	for _, c := range digits {
		d := uint64(c - '0')
		if d > 9 || n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// tag appends what a CBOR tag tags, if that says the same (RFC 8949, 3.4 and 6.1).
func (t *Transcoder) tag(dst []byte, tag uint64, depth int) []byte {
	switch tag {
	case 2, 3:
		return t.bignum(dst, tag == 3)
	case 0, 1, // a date as text, or as seconds
		21, 22, 23, // how bytes should look as text
		24,         // bytes that are CBOR
		32, 33, 34, // URI, base64url, base64
		36,    // MIME
		55799: // "this is CBOR"
		return t.value(dst, depth)
	}
	t.c.fail(whyTag)
	return dst
}

// bignum appends a big number that fits 64 bits as an integer.
func (t *Transcoder) bignum(dst []byte, negative bool) []byte {
	c := &t.c
	k, n := c.head()
	if k != kBytes {
		c.fail(whyTag)
		return dst
	}
	digits := bytes.TrimLeft(c.content(k, n), "\x00")
	if len(digits) > 8 {
		c.fail(whyBig)
	}
	if !c.ok() {
		return dst
	}
	k, n = kUint, 0
	for _, d := range digits {
		n = n<<8 | uint64(d)
	}
	if negative {
		k = kNeg
	}
	return t.scalar(dst, k, n)
}
