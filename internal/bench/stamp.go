package bench

import (
	"bytes"
	"math"
	"strings"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// A stamp is the beginning of a message's only argument, in digits that every serializer writes as they are: the mark, then 5 hexadecimal digits
// for the sender, 8 for the number and 12 for the time.
const (
	stampMark    = "kb:"
	senderDigits = 5
	seqDigits    = 8
	timeDigits   = 12
	stampBytes   = len(stampMark) + senderDigits + seqDigits + timeDigits
	// stampWithin is where the mark begins at the latest: behind the heads of a list and of a text.
	stampWithin = 16
)

// probe is the number of messages that only look whether the way is open.
const probe = math.MaxUint32

type stamp struct {
	sender int
	seq    uint32
	at     int64 // ns since the run began
}

// payload is a message's payload that can be stamped anew for each message. One goroutine owns it.
type payload struct {
	codec.Payload
	stamp []byte // within Raw
}

func newPayload(s wamp.Serializer, size int) payload {
	_, p := codec.AppendPayload(nil, s, []any{stampMark + strings.Repeat("-", size-len(stampMark))}, nil)
	at := bytes.Index(p.Raw, []byte(stampMark))
	return payload{p, p.Raw[at : at+stampBytes]}
}

func (p *payload) set(s stamp) {
	b := p.stamp[len(stampMark):]
	putHex(b[:senderDigits], uint64(s.sender))
	putHex(b[senderDigits:][:seqDigits], uint64(s.seq))
	putHex(b[senderDigits+seqDigits:][:timeDigits], uint64(s.at))
}

func putHex(b []byte, v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = "0123456789abcdef"[v&15]
		v >>= 4
	}
}

// readStamp finds the stamp of an encoded payload; ok is false where there is none.
func readStamp(raw []byte) (s stamp, ok bool) {
	at := bytes.Index(raw[:min(len(raw), stampWithin+len(stampMark))], []byte(stampMark))
	if at < 0 || len(raw)-at < stampBytes {
		return s, false
	}
	b := raw[at+len(stampMark):]
	sender, ok1 := parseHex(b[:senderDigits])
	seq, ok2 := parseHex(b[senderDigits:][:seqDigits])
	t, ok3 := parseHex(b[senderDigits+seqDigits:][:timeDigits])
	return stamp{int(sender), uint32(seq), int64(t)}, ok1 && ok2 && ok3
}

func parseHex(b []byte) (v uint64, ok bool) {
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
