package conformance

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"kleeblatt/internal/wamp"
)

// patience is how long a test waits for something that must come; nothing is measured by it.
const patience = 20 * time.Second

// peer is one end of a connection that says exactly what it is told to.
type peer struct {
	t    *testing.T
	name string
	conn net.Conn
	wire wire
	ser  wamp.Serializer
	home int // the node that it is connected to, by number

	id       uint64         // session id once joined
	details  map[string]any // of WELCOME
	request  uint64         // the last one that a helper used
	internal uint64         // the last one beyond firstInternal
	fence    uint64         // the subscription that fences come by
}

// firstInternal is where the request ids begin that the harness uses for itself.
const firstInternal = 1 << 52

// send sends the message that is written as JSON text.
func (p *peer) send(format string, args ...any) {
	p.t.Helper()
	p.frame(p.encode(format, args...))
}

// sendAll sends messages in one segment.
func (p *peer) sendAll(texts ...string) {
	p.t.Helper()
	msgs := make([][]byte, len(texts))
	for i, text := range texts {
		msgs[i] = p.encode("%s", text)
	}
	p.frame(msgs...)
}

func (p *peer) encode(format string, args ...any) []byte {
	p.t.Helper()
	b, err := encode(p.ser, fmt.Sprintf(format, args...))
	if err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return b
}

// frame sends messages that are encoded already.
func (p *peer) frame(msgs ...[]byte) {
	p.t.Helper()
	if err := p.wire.write(msgs...); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// raw sends bytes as they are.
func (p *peer) raw(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// nextBytes reads one message, encoded.
func (p *peer) nextBytes() ([]byte, error) {
	p.conn.SetReadDeadline(time.Now().Add(patience))
	return p.wire.read()
}

// next reads one message.
func (p *peer) next() ([]any, error) {
	b, err := p.nextBytes()
	if err != nil {
		return nil, err
	}
	v, err := decode(p.ser, b)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", b, err)
	}
	m, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%q is no message", b)
	}
	if err := wellFormed(m); err != nil {
		return nil, fmt.Errorf("%s: %w", show(m), err)
	}
	return m, nil
}

// recv reads one message that must come.
func (p *peer) recv() []any {
	p.t.Helper()
	m, err := p.next()
	if err != nil {
		p.t.Fatalf("%s: waiting for a message: %v", p.name, err)
	}
	return m
}

// expect reads one message, which must be as written: "*" stands for any value, and a dict may have more keys than written.
func (p *peer) expect(format string, args ...any) []any {
	p.t.Helper()
	m := p.recv()
	if err := matches(m, format, args...); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return m
}

func matches(m []any, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	want, err := parseText(text)
	if err != nil {
		return err
	}
	if err := like(want, any(m)); err != nil {
		return fmt.Errorf("got %s, want %s: %w", show(m), text, err)
	}
	return nil
}

// expectAny reads as many messages as are written, in whatever order they come, and returns them in the order written.
func (p *peer) expectAny(texts ...string) [][]any {
	p.t.Helper()
	got := make([][]any, len(texts))
	for range texts {
		m := p.recv()
		found := false
		for i, text := range texts {
			if got[i] == nil && matches(m, "%s", text) == nil {
				got[i], found = m, true
				break
			}
		}
		if !found {
			p.t.Fatalf("%s: got %s, want one of %q", p.name, show(m), texts)
		}
	}
	return got
}

// refused expects an ERROR of the router's own, which explains itself in a text (CAL-13).
func (p *peer) refused(typ, request uint64, uri string) {
	p.t.Helper()
	m := p.recv()
	if err := isRefused(m, typ, request, uri); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

func isRefused(m []any, typ, request uint64, uri string) error {
	if err := matches(m, `[8,%d,%d,{},%q,["*"]]`, typ, request, uri); err != nil {
		return err
	}
	if text, ok := m[5].([]any)[0].(string); !ok || len(text) < 10 {
		return fmt.Errorf("%s does not say why", show(m))
	}
	return nil
}

// quiet shows that nothing was sent to the peer so far: a call of a procedure that does not exist is answered next.
func (p *peer) quiet() {
	p.t.Helper()
	if got := p.drain(); len(got) > 0 {
		p.t.Fatalf("%s: got %s, wanted nothing", p.name, show(got[0]))
	}
}

// drain returns what came before the answer to a call of a procedure that does not exist.
func (p *peer) drain() (got [][]any) {
	p.t.Helper()
	request := p.nextInternal()
	p.send(`[48,%d,{},"there.is.no.such.procedure"]`, request)
	for {
		m := p.recv()
		if num(m[0]) == 8 && num(m[1]) == 48 && num(m[2]) == request {
			return got
		}
		got = append(got, m)
	}
}

func (p *peer) nextInternal() uint64 {
	p.internal++
	return firstInternal + p.internal
}

func (p *peer) nextRequest() uint64 {
	p.request++
	return p.request
}

// aborted expects an ABORT with the reason, and then the end of the connection.
func (p *peer) aborted(reason string) {
	p.t.Helper()
	p.expect(`[3,{},%q]`, reason)
	p.ended()
}

const violation = "wamp.error.protocol_violation"

// ended expects the end of the connection and no message before it.
func (p *peer) ended() {
	p.t.Helper()
	m, err := p.next()
	if err == nil {
		p.t.Fatalf("%s: got %s, wanted the end of the connection", p.name, show(m))
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		p.t.Fatalf("%s: the connection is still open", p.name)
	}
}

// Verbs. options is the text of a dict, rest what follows the URI: `,[1]` or nothing.

func (p *peer) subscribe(topic, options string) uint64 {
	p.t.Helper()
	r := p.nextRequest()
	p.send(`[32,%d,%s,%q]`, r, options, topic)
	return num(p.expect(`[33,%d,"*"]`, r)[2])
}

func (p *peer) unsubscribe(id uint64) {
	p.t.Helper()
	r := p.nextRequest()
	p.send(`[34,%d,%d]`, r, id)
	p.expect(`[35,%d]`, r)
}

func (p *peer) register(procedure, options string) uint64 {
	p.t.Helper()
	r := p.nextRequest()
	p.send(`[64,%d,%s,%q]`, r, options, procedure)
	return num(p.expect(`[65,%d,"*"]`, r)[2])
}

func (p *peer) unregister(id uint64) {
	p.t.Helper()
	r := p.nextRequest()
	p.send(`[66,%d,%d]`, r, id)
	p.expect(`[67,%d]`, r)
}

// publish publishes with acknowledgement and returns the publication. Options are written without the braces.
func (p *peer) publish(topic, options, rest string) uint64 {
	p.t.Helper()
	r := p.nextRequest()
	if options != "" {
		options = "," + options
	}
	p.send(`[16,%d,{"acknowledge":true%s},%q%s]`, r, options, topic, rest)
	return num(p.expect(`[17,%d,"*"]`, r)[2])
}

// call sends a CALL and returns its request id.
func (p *peer) call(procedure, options, rest string) uint64 {
	p.t.Helper()
	r := p.nextRequest()
	p.send(`[48,%d,%s,%q%s]`, r, options, procedure, rest)
	return r
}

// goodbye ends the session in order.
func (p *peer) goodbye() {
	p.t.Helper()
	p.send(`[6,{},"wamp.close.close_realm"]`)
	p.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	p.ended()
}

// departures are the ways in which a session may end.
var departures = []struct {
	name  string
	leave func(p *peer)
}{
	{"GOODBYE", func(p *peer) { p.t.Helper(); p.goodbye() }},
	{"ABORT", func(p *peer) { p.t.Helper(); p.send(`[3,{},"wamp.close.close_realm"]`); p.ended() }},
	{"transport loss", func(p *peer) { p.conn.Close() }},
	{"violation", func(p *peer) { p.t.Helper(); p.send(`[2,1,{}]`); p.aborted(violation) }},
}

// announced checks that WELCOME announced the feature of that role.
func (p *peer) announced(role, feature string) {
	p.t.Helper()
	roles, _ := p.details["roles"].(map[string]any)
	of, _ := roles[role].(map[string]any)
	features, _ := of["features"].(map[string]any)
	if features[feature] != true {
		p.t.Errorf("%s: %s.%s is not announced: %v", p.name, role, feature, features)
	}
}
