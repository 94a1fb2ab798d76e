package router

import (
	"encoding/binary"
	"errors"
	"math"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

// elementVersion is the first byte of every element that we write.
const elementVersion = 1

// ElementKind says which table an element belongs to.
type ElementKind uint8

const (
	Interest     ElementKind = 1 // (realm, match, topic): the node has subscribers
	Registration ElementKind = 2 // one callee of a procedure
	Session      ElementKind = 3 // one open session: an entry of the directory
	Note         ElementKind = 7 // a session has subscribed, or is no subscriber any more; taken back as soon as it is told
	Testament    ElementKind = 5 // what a session leaves behind, likewise
	Retained     ElementKind = 6 // a retained event
)

// Element is one entry of a node's part of the tables. Equal elements have equal encodings and differing ones
// differing encodings, so that an encoded element is its own identity and can be hashed.
type Element struct {
	Kind  ElementKind
	Realm string
	Match wamp.Match
	URI   string

	Session uint64 // of all but interests

	// Of registrations only.
	Invoke         wamp.Invoke
	Concurrency    uint32
	Order          uint64 // hybrid logical clock of the REGISTER; of retained events, of the PUBLISH
	Tentative      bool   // claimed, not confirmed: never routed to
	DiscloseCaller bool
	ForwardTimeout bool // the callee watches CALL.timeout itself

	On bool // of notes only: it has subscribed

	// Of sessions only, which have no Match and URI: who it is.
	auth.Principal

	// Of testaments only, which have none either (testament.go).
	Scope Scope
	Place uint64 // the order in which the session's were added
	Frame string // the relay frame that publishes it; of retained events, that published it

	// Of retained events only, beside Order and Frame.
	Node string // of the publisher
}

// ErrElement says that an element cannot be read: it is of a later version, or broken.
var ErrElement = errors.New("router: unknown or malformed table element")

const (
	elementTentative = 1 << iota
	elementDiscloseCaller
	elementForwardTimeout
)

const elementFlags = elementTentative | elementDiscloseCaller | elementForwardTimeout

// AppendInterest appends the encoded interest in a topic.
func AppendInterest(dst []byte, realm string, match wamp.Match, topic string) []byte {
	return appendElementHead(dst, Interest, realm, match, topic)
}

// IsInterest says whether an encoded element is an interest.
func IsInterest(element string) bool {
	return len(element) > 1 && element[0] == elementVersion && ElementKind(element[1]) == Interest
}

// IsRoute says whether an encoded element is one that messages are routed by, an interest or a registration, whatever else is in it.
func IsRoute(element string) bool {
	return IsInterest(element) || len(element) > 1 && element[0] == elementVersion && ElementKind(element[1]) == Registration
}

// AppendRegistration appends the encoded registration; e.Kind does not matter.
func AppendRegistration(dst []byte, e *Element) []byte {
	dst = appendElementHead(dst, Registration, e.Realm, e.Match, e.URI)
	dst = binary.AppendUvarint(dst, e.Session)
	dst = append(dst, byte(e.Invoke))
	dst = binary.AppendUvarint(dst, uint64(e.Concurrency))
	dst = binary.AppendUvarint(dst, e.Order)
	var flags byte
	if e.Tentative {
		flags |= elementTentative
	}
	if e.DiscloseCaller {
		flags |= elementDiscloseCaller
	}
	if e.ForwardTimeout {
		flags |= elementForwardTimeout
	}
	return append(dst, flags)
}

// AppendSession appends the encoded directory entry of a session.
func AppendSession(dst []byte, realm string, session uint64, p *auth.Principal) []byte {
	dst = append(dst, elementVersion, byte(Session))
	dst = appendElementText(dst, realm)
	dst = binary.AppendUvarint(dst, session)
	dst = appendElementText(dst, p.AuthID)
	dst = appendElementText(dst, p.AuthRole)
	dst = appendElementText(dst, p.AuthMethod)
	return appendElementText(dst, p.AuthProvider)
}

// AppendTestament appends the encoded testament of a session; e.Kind does not matter.
func AppendTestament(dst []byte, e *Element) []byte {
	dst = append(dst, elementVersion, byte(Testament))
	dst = appendElementText(dst, e.Realm)
	dst = binary.AppendUvarint(dst, e.Session)
	dst = append(dst, byte(e.Scope))
	dst = binary.AppendUvarint(dst, e.Place)
	return appendElementText(dst, e.Frame)
}

// AppendRetained appends the encoded retained event; e.Kind does not matter.
func AppendRetained(dst []byte, e *Element) []byte {
	dst = append(dst, elementVersion, byte(Retained))
	dst = appendElementText(dst, e.Realm)
	dst = binary.AppendUvarint(dst, e.Order)
	dst = appendElementText(dst, e.Node)
	return appendElementText(dst, e.Frame)
}

// IsRetained says that an encoded element is a retained event, whatever else is in it.
func IsRetained(element string) bool {
	return len(element) > 1 && element[0] == elementVersion && ElementKind(element[1]) == Retained
}

// AppendNote appends the encoded note that a session has (on) subscribed, or is no subscriber any more.
func AppendNote(dst []byte, realm string, match wamp.Match, topic string, session uint64, on bool) []byte {
	dst = appendElementHead(dst, Note, realm, match, topic)
	dst = binary.AppendUvarint(dst, session)
	if on {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// IsDirectory says that an encoded element is the directory's, whatever else is in it.
func IsDirectory(element string) bool {
	return IsSession(element) || len(element) > 1 && element[0] == elementVersion && ElementKind(element[1]) == Testament
}

// IsSession says that an encoded element is a session's, whatever else is in it.
func IsSession(element string) bool {
	return len(element) > 1 && element[0] == elementVersion && ElementKind(element[1]) == Session
}

func appendElementText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

func appendElementHead(dst []byte, kind ElementKind, realm string, match wamp.Match, uri string) []byte {
	dst = append(dst, elementVersion, byte(kind))
	dst = appendElementText(dst, realm)
	dst = append(dst, byte(match))
	return appendElementText(dst, uri)
}

// ParseElement reads an encoded element. Its strings alias s. It accepts exactly what the Append functions write: no other encoding
// of the same meaning, and nothing behind it.
func ParseElement(s string) (Element, error) {
	r := elementReader{s: s}
	var e Element
	if r.byte() != elementVersion {
		return e, ErrElement
	}
	e.Kind = ElementKind(r.byte())
	e.Realm = r.text()
	if e.Kind == Interest || e.Kind == Registration || e.Kind == Note {
		e.Match = wamp.Match(r.byte())
		e.URI = r.text()
	}
	if e.Match > wamp.Wildcard {
		return e, ErrElement
	}
	switch e.Kind {
	case Interest:
	case Registration:
		e.Session = r.uvarint(wamp.MaxID)
		e.Invoke = wamp.Invoke(r.byte())
		e.Concurrency = uint32(r.uvarint(math.MaxUint32))
		e.Order = r.uvarint(math.MaxUint64)
		flags := r.byte()
		e.Tentative = flags&elementTentative != 0
		e.DiscloseCaller = flags&elementDiscloseCaller != 0
		e.ForwardTimeout = flags&elementForwardTimeout != 0
		if e.Invoke > wamp.Last || flags > elementFlags || e.Session == 0 {
			return e, ErrElement
		}
	case Session:
		e.Session = r.uvarint(wamp.MaxID)
		e.AuthID, e.AuthRole, e.AuthMethod, e.AuthProvider = r.text(), r.text(), r.text(), r.text()
		if e.Session == 0 {
			return e, ErrElement
		}
	case Note:
		e.Session = r.uvarint(wamp.MaxID)
		on := r.byte()
		e.On = on == 1
		if e.Session == 0 || on > 1 {
			return e, ErrElement
		}
	case Testament:
		e.Session = r.uvarint(wamp.MaxID)
		e.Scope = Scope(r.byte())
		e.Place = r.uvarint(math.MaxUint64)
		e.Frame = r.text()
		if e.Session == 0 || e.Scope > Destroyed {
			return e, ErrElement
		}
	case Retained:
		e.Order = r.uvarint(math.MaxUint64)
		e.Node, e.Frame = r.text(), r.text()
	default:
		return e, ErrElement
	}
	if r.bad || r.s != "" {
		return e, ErrElement
	}
	return e, nil
}

// elementReader eats an element from the front; bad stays set after the first thing that does not fit.
type elementReader struct {
	s   string
	bad bool
}

func (r *elementReader) byte() byte {
	if r.s == "" {
		r.bad = true
		return 0
	}
	b := r.s[0]
	r.s = r.s[1:]
	return b
}

// uvarint reads a number up to max in its shortest encoding.
func (r *elementReader) uvarint(limit uint64) uint64 {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		b := r.byte()
		if r.bad || shift == 63 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if b == 0 && shift > 0 || v > limit {
				break
			}
			return v
		}
	}
	r.bad = true
	return 0
}

func (r *elementReader) text() string {
	n := r.uvarint(math.MaxInt32)
	if r.bad || n > uint64(len(r.s)) {
		r.bad = true
		return ""
	}
	t := r.s[:n]
	r.s = r.s[n:]
	return t
}
