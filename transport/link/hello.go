package link

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// magic opens every hello: whatever else speaks to this port is told apart at once.
const magic = "kleeblatt link"

// hello is what each end says of itself, in the clear. Fields are only ever added behind the last.
type hello struct {
	min, max  uint8
	cluster   string
	name      string
	life      Life
	challenge []byte
	have      uint64 // the highest generation accepted so far
	features  uint64 // what the end understands beyond its version's first release
}

// featureRelay: the end takes relay items and lists of neighbours.
const featureRelay = 1

const (
	helloFieldsMin = 9
	helloFields    = 10
)

func appendHello(dst []byte, h *hello) []byte {
	dst = msgp.AppendArrayHeader(dst, helloFields)
	dst = msgp.AppendString(dst, magic)
	dst = msgp.AppendUint8(dst, h.min)
	dst = msgp.AppendUint8(dst, h.max)
	dst = msgp.AppendString(dst, h.cluster)
	dst = msgp.AppendString(dst, h.name)
	dst = msgp.AppendUint64(dst, h.life.Epoch)
	dst = msgp.AppendUint64(dst, h.life.Nonce)
	dst = msgp.AppendBytes(dst, h.challenge)
	dst = msgp.AppendUint64(dst, h.have)
	return msgp.AppendUint64(dst, h.features)
}

func readHello(b []byte) (h hello, ok bool) {
	r := reader{b: b}
	n := r.array()
	if n < helloFieldsMin || r.text(len(magic)) != magic {
		return h, false
	}
	lo, hi := r.uint64(), r.uint64()
	h.cluster, h.name = r.text(nameMax), r.text(nameMax)
	h.life = Life{Epoch: r.uint64(), Nonce: r.uint64()}
	h.challenge = r.bytes(challengeLen)
	h.have = r.uint64()
	if n >= helloFields {
		h.features = r.uint64()
		r.skip(n - helloFields)
	}
	if r.bad || lo == 0 || lo > hi || hi > 255 || len(h.challenge) != challengeLen || h.name == "" {
		return h, false
	}
	h.min, h.max = uint8(lo), uint8(hi)
	return h, true
}

// ParseHello reads the first frame of an accepted connection: the name and the life that the other end claims. Nothing of it is
// proven yet; it says which Machine is to be given InUp and this frame. ok is false if the frame is no hello.
func ParseHello(frame []byte) (name string, life Life, ok bool) {
	if len(frame) < 2 || frame[1] != kindHello {
		return "", Life{}, false
	}
	h, ok := readHello(frame[2:])
	return h.name, h.life, ok
}

// proof shows knowledge of the cluster's key for this very pair of hellos. The role keeps one end's proof from serving as the
// other's; the hellos carry names, lives, versions and fresh challenges, so nothing of them can be changed or replayed.
func proof(key []byte, role string, dialer, acceptor []byte) []byte {
	h := hmac.New(sha256.New, key)
	var n [4]byte
	for _, part := range [][]byte{[]byte(magic + " " + role), dialer, acceptor} {
		binary.BigEndian.PutUint32(n[:], uint32(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	return h.Sum(nil)
}

const (
	roleDialer   = "dialer"
	roleAcceptor = "acceptor"
)

// laneState is one lane as one end sees it.
type laneState struct {
	base, next uint64 // sending: the first record kept, the next number
	expect     uint64 // receiving: the number expected
	done       uint64 // receiving: frames that have come completely
	events     uint64 // of them events,
	others     uint64 // and answers and control: the rest are calls
	kinds      bool   // the end tells these two
}

// state is what both ends exchange before data flows.
type state struct {
	version uint64 // head of the table
	resets  uint64 // lossy resets in this life
	stopped uint64 // mask of the lanes without credit
	lanes   [allLanes]laneState
}

func appendState(dst []byte, s *state) []byte {
	dst = msgp.AppendArrayHeader(dst, 4)
	dst = msgp.AppendUint64(dst, s.version)
	dst = msgp.AppendUint64(dst, s.resets)
	dst = msgp.AppendUint64(dst, s.stopped)
	dst = msgp.AppendArrayHeader(dst, allLanes)
	for i := range s.lanes {
		l := &s.lanes[i]
		dst = msgp.AppendArrayHeader(dst, 6)
		dst = msgp.AppendUint64(dst, l.base)
		dst = msgp.AppendUint64(dst, l.next)
		dst = msgp.AppendUint64(dst, l.expect)
		dst = msgp.AppendUint64(dst, l.done)
		dst = msgp.AppendUint64(dst, l.events)
		dst = msgp.AppendUint64(dst, l.others)
	}
	return dst
}

func readState(b []byte) (s state, ok bool) {
	r := reader{b: b}
	n := r.array()
	s.version, s.resets, s.stopped = r.uint64(), r.uint64(), r.uint64()
	lanes := r.array()
	for i := range s.lanes {
		l := &s.lanes[i]
		*l = laneState{base: 1, next: 1, expect: 1}
		if uint32(i) >= lanes {
			continue
		}
		k := r.array()
		l.base, l.next, l.expect, l.done = r.uint64(), r.uint64(), r.uint64(), r.uint64()
		if k < 4 || l.base == 0 || l.base > l.next || l.expect == 0 {
			r.bad = true
		}
		if l.kinds = k >= 6; l.kinds {
			l.events, l.others = r.uint64(), r.uint64()
			if l.events > l.done || l.others > l.done-l.events {
				r.bad = true
			}
			k -= 2
		}
		r.skip(k - min(k, 4))
	}
	r.skip(lanes - min(lanes, allLanes))
	return s, !r.bad && n >= 4
}

// refusal says why an end does not want a connection. The number is on the wire.
type refusal uint64

const (
	refuseProtocol   refusal = iota + 1 // not understood
	refuseKey                           // the other end has not the cluster's key
	refuseName                          // the other end has our name
	refuseSelf                          // the other end is we ourselves
	refusePeer                          // the other end is not whom we dialed
	refuseCluster                       // another cluster
	refuseVersion                       // no common protocol version
	refuseLife                          // a newer life of that name is known
	refuseLeaving                       // we are about to stop
	refuseSuperseded                    // another connection of this pair is newer: nothing is wrong
)

// refusalText tells a person at the other end what to do. self is who refuses, other what the other end said of itself.
func refusalText(why refusal, self, other *hello) string {
	switch why {
	case refuseKey:
		return fmt.Sprintf("wrong cluster key: nodes %q and %q do not have the same one; give both the same cluster key", self.name, other.name)
	case refuseName:
		return fmt.Sprintf("two nodes are named %q; names are unique in a cluster: rename one of them", self.name)
	case refuseSelf:
		return fmt.Sprintf("node %q has dialed itself: remove its own address from the seeds", self.name)
	case refusePeer:
		return fmt.Sprintf("this is not the node that was meant: %q and %q met; one of their advertised addresses is wrong or old", self.name, other.name)
	case refuseCluster:
		return fmt.Sprintf("node %q belongs to cluster %q, node %q to cluster %q: set the same cluster name, or remove the address from the seeds",
			self.name, self.cluster, other.name, other.cluster)
	case refuseVersion:
		old := self.name
		if other.max < self.min {
			old = other.name
		}
		return fmt.Sprintf("no common link version: node %q speaks %d to %d, node %q %d to %d; upgrade node %q (by one release at a time)",
			self.name, self.min, self.max, other.name, other.min, other.max, old)
	case refuseLife:
		return fmt.Sprintf("a newer life of node %q is known (this one is of epoch %d): if two processes use this name, rename one", other.name, other.life.Epoch)
	case refuseLeaving:
		return fmt.Sprintf("node %q is leaving", self.name)
	case refuseSuperseded:
		return "another connection between these two nodes is newer"
	default:
		return fmt.Sprintf("node %q did not understand the handshake: is the other end a kleeblatt link?", self.name)
	}
}

// appendRefuse: newest is the life of the other end's name that is known, where an older one is refused.
func appendRefuse(dst []byte, why refusal, text string, newest Life) []byte {
	dst = append(dst, 0, kindRefuse)
	dst = msgp.AppendArrayHeader(dst, 4)
	dst = msgp.AppendUint64(dst, uint64(why))
	dst = msgp.AppendString(dst, clip(text))
	return msgp.AppendUint64(msgp.AppendUint64(dst, newest.Epoch), newest.Nonce)
}

// readRefuse returns a text that is safe to log: it comes from whoever answered. newest is zero where it is not told.
func readRefuse(b []byte) (why refusal, text string, newest Life, ok bool) {
	r := reader{b: b}
	n := r.array()
	why, text = refusal(r.uint64()), r.text(textMax)
	if n >= 4 {
		newest = Life{r.uint64(), r.uint64()}
	}
	if r.bad || n < 2 {
		return 0, "", Life{}, false
	}
	return why, clean(text), newest, true
}

// clip shortens to the bound without cutting a character.
func clip(s string) string {
	if len(s) <= textMax {
		return s
	}
	s = s[:textMax]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == utf8.RuneError {
			return '?'
		}
		return c
	}, s)
}

// less orders the lives of one name.
func (a Life) less(b Life) bool {
	return a.Epoch < b.Epoch || a.Epoch == b.Epoch && a.Nonce < b.Nonce
}
