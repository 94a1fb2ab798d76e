package codec

import (
	"bytes"

	"kleeblatt/internal/wamp"
)

// PassBytesMax bounds the options of one message that pass through: they are kept with a call for as long as it takes, and nobody who
// means them as options needs more.
const PassBytesMax = 8 << 10

const whyLongPass = "options that pass through are too long"

// Pass is what of an Options dict passes through the router to the receiver's Details, still encoded: the pairs as they stood in the dict, one
// behind the other (for JSON with commas between). It aliases the parser's scratch memory and lives until its next Parse.
//
// These are ppt_… (advanced/payload_passthru_mode.md), enc_… (how autobahn and crossbar say the same) and x_…, which is for applications.
type Pass struct {
	N   uint8 // how many pairs Raw holds, OptionKeysMax at most
	Raw []byte
}

// passes says whether an option of that name passes through.
func passes(key []byte) bool {
	i := bytes.IndexByte(key, '_')
	if i < 1 {
		return false
	}
	switch string(key[:i]) {
	case "ppt", "enc", "x":
		return true
	}
	return false
}

// pass keeps the pair that begins at start and ends here.
func (p *Parser) pass(start int, m *Pass) {
	c := &p.c
	if m.N > 0 && c.s == wamp.JSON {
		p.passed = append(p.passed, ',')
	}
	if len(p.passed)+c.i-start > PassBytesMax {
		c.fail(whyLongPass)
		return
	}
	p.passed = append(p.passed, c.b[start:c.i]...)
	m.N++
	m.Raw = p.passed
}

// appendPass appends the pairs to a dict; they are encoded in s already.
func appendPass(dst []byte, s wamp.Serializer, p Pass) []byte {
	if p.N == 0 {
		return dst
	}
	if s == wamp.JSON {
		dst = comma(dst)
	}
	return append(dst, p.Raw...)
}

// Pass appends p's pairs, encoded in from, in the serializer to, under the rules of Payload.
func (t *Transcoder) Pass(dst []byte, from, to wamp.Serializer, p Pass) ([]byte, error) {
	if from == to {
		return append(dst, p.Raw...), nil
	}
	t.start(from, to, p.Raw)
	out := dst
	for k := range int(p.N) {
		out = t.key(t.next(out, k), 1)
		if to == wamp.JSON {
			out = append(out, ':')
		}
		out = t.value(out, 1)
	}
	return t.finish(dst, out)
}
