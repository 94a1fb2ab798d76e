package null

import (
	"bytes"
	"slices"
)

// WAMP's message types (specification, 6.5).
const (
	hello      = 1
	welcome    = 2
	goodbye    = 6
	failure    = 8
	publish    = 16
	published  = 17
	subscribe  = 32
	subscribed = 33
	event      = 36
	call       = 48
	result     = 50
	register   = 64
	registered = 65
	invocation = 68
	yield      = 70
)

const (
	// requestBits are those of an invocation's id that hold the caller's own request id; above them is the caller's slot.
	requestBits = 32
	// slotsMax keeps such an id within 2^53, as WAMP wants it.
	slotsMax = 1 << 21
)

// hub knows who wants what, and turns each message into frames for others.
type hub struct {
	sessions     []*session // by slot; nil: free
	topics       map[string]*topic
	procedures   map[string]*procedure
	arena        []byte     // the frames of this turn
	dirty        []*session // those that have some
	spare        [][]span
	joined       uint64
	ids          uint64 // of topics and procedures
	publications uint64
}

// session is a connection. An idle one holds no buffer.
type session struct {
	slot     int
	gone     bool // to be closed by the loop
	open     bool // the upgrade is done
	dirty    bool
	wantsOut bool   // the loop's: the kernel took no more
	fd       int    // the loop's
	held     []byte // the loop's: a frame that is not whole
	unsent   []byte // the loop's: what the kernel did not take
	spans    []span // of the arena, in order
	topics   []*topic
	offers   []*procedure
}

// span is a part of the arena.
type span struct{ from, to int }

type topic struct {
	name string
	id   uint64
	subs []*session
}

// procedure has its callees in turn.
type procedure struct {
	name    string
	id      uint64
	callees []*session
	next    int
}

func newHub() *hub {
	return &hub{topics: map[string]*topic{}, procedures: map[string]*procedure{}}
}

// leave forgets what s wanted.
func (h *hub) leave(s *session) {
	for _, t := range s.topics {
		if t.subs = without(t.subs, s); len(t.subs) == 0 {
			delete(h.topics, t.name)
		}
	}
	for _, p := range s.offers {
		if p.callees = without(p.callees, s); len(p.callees) == 0 {
			delete(h.procedures, p.name)
		}
	}
	s.topics, s.offers = nil, nil
}

func without(list []*session, s *session) []*session {
	if i := slices.Index(list, s); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// message handles one message from s, and reports whether it was one.
func (h *hub) message(s *session, p []byte) bool {
	if len(p) < 3 || p[0]&0xf0 != 0x90 || p[1] >= 0x80 {
		return false
	}
	n, kind, p := p[0]&15, p[1], p[2:]
	switch kind {
	case hello:
		h.joined++
		h.tell(s, appendWelcome(nil, h.joined))
		return true
	case goodbye:
		h.leave(s)
		h.tell(s, appendText([]byte{0x93, goodbye, 0x80}, "wamp.close.goodbye_and_out"))
		return true
	}
	request, p, ok := number(p)
	if !ok || n < 3 || request >= 1<<requestBits && kind != yield {
		return false
	}
	options := p
	if p, ok = skip(p, depthMax); !ok {
		return false
	}
	options = options[:len(options)-len(p)]
	if kind == yield {
		return h.yields(n, request, p)
	}
	uri, p, ok := text(p)
	if !ok || n < 4 {
		return false
	}
	switch kind {
	case publish:
		h.publish(s, n, request, options, uri, p)
	case call:
		h.calls(s, n, request, uri, p)
	case subscribe:
		h.subscribe(s, request, string(uri))
	case register:
		h.register(s, request, string(uri))
	default:
		return false
	}
	return true
}

func (h *hub) publish(s *session, n byte, request uint64, options, uri, payload []byte) {
	h.publications++
	if t := h.topics[string(uri)]; t != nil {
		var b [32]byte
		head := append(b[:0], 0x90|n, event)
		head = append(appendNumber(appendNumber(head, t.id), h.publications), 0x80)
		frame := h.frame(head, payload)
		for _, to := range t.subs {
			if to != s {
				h.give(to, frame)
			}
		}
	}
	if bytes.Contains(options, []byte("\xabacknowledge\xc3")) {
		h.answer(s, published, request, h.publications)
	}
}

func (h *hub) calls(s *session, n byte, request uint64, uri, payload []byte) {
	p := h.procedures[string(uri)]
	if p == nil {
		e := appendNumber([]byte{0x95, failure, call}, request)
		h.tell(s, appendText(append(e, 0x80), "wamp.error.no_such_procedure"))
		return
	}
	p.next++
	if p.next >= len(p.callees) {
		p.next = 0
	}
	var b [32]byte
	head := appendNumber(append(b[:0], 0x90|n, invocation), uint64(s.slot)<<requestBits|request)
	head = append(appendNumber(head, p.id), 0x80)
	h.give(p.callees[p.next], h.frame(head, payload))
}

// yields gives the result to the session that has the caller's slot now. It is not looked at whether it is still the one that called.
func (h *hub) yields(n byte, id uint64, payload []byte) bool {
	slot := id >> requestBits
	if slot >= uint64(len(h.sessions)) {
		return false
	}
	if to := h.sessions[slot]; to != nil {
		var b [32]byte
		head := append(appendNumber(append(b[:0], 0x90|n, result), id&(1<<requestBits-1)), 0x80)
		h.give(to, h.frame(head, payload))
	}
	return true
}

func (h *hub) subscribe(s *session, request uint64, uri string) {
	t := h.topics[uri]
	if t == nil {
		t = &topic{name: uri, id: h.nextID()}
		h.topics[uri] = t
	}
	if !slices.Contains(s.topics, t) {
		t.subs = append(t.subs, s)
		s.topics = append(s.topics, t)
	}
	h.answer(s, subscribed, request, t.id)
}

func (h *hub) register(s *session, request uint64, uri string) {
	p := h.procedures[uri]
	if p == nil {
		p = &procedure{name: uri, id: h.nextID()}
		h.procedures[uri] = p
	}
	if !slices.Contains(s.offers, p) {
		p.callees = append(p.callees, s)
		s.offers = append(s.offers, p)
	}
	h.answer(s, registered, request, p.id)
}

func (h *hub) nextID() uint64 { h.ids++; return h.ids }

// answer sends [kind, request, id].
func (h *hub) answer(s *session, kind byte, request, id uint64) {
	var b [24]byte
	h.give(s, h.frame(appendNumber(appendNumber(append(b[:0], 0x93, kind), request), id), nil))
}

func (h *hub) tell(s *session, message []byte) { h.give(s, h.frame(message, nil)) }

// frame puts a message of two parts into the arena.
func (h *hub) frame(head, tail []byte) span {
	from := len(h.arena)
	h.arena = appendHead(h.arena, opBinary, len(head)+len(tail))
	h.arena = append(append(h.arena, head...), tail...)
	return span{from, len(h.arena)}
}

// give queues a part of the arena for s; what continues its last part makes that longer.
func (h *hub) give(s *session, f span) {
	if s.gone {
		return
	}
	if k := len(s.spans) - 1; k >= 0 && s.spans[k].to == f.from {
		s.spans[k].to = f.to
		return
	}
	if k := len(h.spare) - 1; s.spans == nil && k >= 0 {
		s.spans, h.spare = h.spare[k], h.spare[:k]
	}
	s.spans = append(s.spans, f)
	if !s.dirty {
		s.dirty = true
		h.dirty = append(h.dirty, s)
	}
}

// sent ends the turn for s: its spans are needed no more.
func (h *hub) sent(s *session) {
	s.dirty = false
	if s.spans != nil {
		h.spare = append(h.spare, s.spans[:0])
		s.spans = nil
	}
}

// turned ends the turn for all, once each session's spans are sent.
func (h *hub) turned() { h.dirty, h.arena = h.dirty[:0], h.arena[:0] }

func appendWelcome(dst []byte, id uint64) []byte {
	dst = append(appendNumber(append(dst, 0x93, welcome), id), 0x81)
	dst = append(appendText(dst, "roles"), 0x82)
	dst = append(appendText(dst, "broker"), 0x80)
	return append(appendText(dst, "dealer"), 0x80)
}
