package conformance

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

func TestTRP_01_TRP_02_BAT_01_SubprotocolsAreNegotiated(t *testing.T) {
	watched(t, func(p *place) {
		offer := func(offered string) *http.Response {
			c := p.connection(0)
			resp, err := upgrade(c, bufio.NewReader(c), offered)
			if err != nil {
				t.Fatalf("%q: %v", offered, err)
			}
			resp.Body.Close()
			return resp
		}
		for offered, want := range map[string]string{
			"wamp.2.json": "wamp.2.json", "wamp.2.msgpack": "wamp.2.msgpack", "wamp.2.cbor": "wamp.2.cbor",
			"wamp.2.json.batched": "wamp.2.json.batched", "wamp.2.msgpack.batched": "wamp.2.msgpack.batched",
			"wamp.2.cbor.batched":           "wamp.2.cbor.batched",
			"foo, wamp.2.cbor, wamp.2.json": "wamp.2.cbor",
		} {
			if resp := offer(offered); resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Protocol") != want {
				t.Errorf("%q: %s %v", offered, resp.Status, resp.Header)
			}
		}
		for _, offered := range []string{"", "foo", "wamp.2.flatbuffers, wamp.1"} {
			if resp := offer(offered); resp.StatusCode/100 != 4 {
				t.Errorf("%q: %s", offered, resp.Status)
			}
		}
	})
}

// Every frame of the router's is looked at by webSocket.read.
func TestTRP_03_TRP_04_TRP_05_OpcodesFollowTheSerializer(t *testing.T) {
	watched(t, func(p *place) {
		for _, ser := range serializers {
			s := p.joinIn(ser.String(), speech{ser: ser, ws: true})
			s.quiet()
			other := byte(opText + opBinary - s.wire.(*webSocket).opcode())
			s.raw(maskedFrame(nil, other, true, s.encode(`[48,1,{},"a.b"]`)))
			s.ended()
			if code := s.wire.(*webSocket).code; code != 1003 {
				t.Errorf("%v: close code %d", ser, code)
			}
		}
	})
}

func TestTRP_06_FragmentsAreOneMessage(t *testing.T) {
	here(t, func(p *place) {
		for _, ser := range serializers {
			s := p.dial(ser.String(), 0, speech{ser: ser, ws: true})
			hello := s.encode(`[1,"realm1",{"roles":%s}]`, allRoles)
			op := s.wire.(*webSocket).opcode()
			s.raw(maskedFrame(nil, op, false, hello[:1]))
			s.raw(maskedFrame(nil, opContinuation, false, hello[1:20]))
			s.raw(maskedFrame(nil, opPing, true, []byte("between")))
			s.raw(maskedFrame(nil, opContinuation, true, hello[20:]))
			if op, payload, err := s.wire.(*webSocket).frame(); err != nil || op != opPong || string(payload) != "between" {
				t.Errorf("%v: opcode %d %q, %v", ser, op, payload, err)
			}
			s.expect(`[2,"*",{"roles":{}}]`)
		}
	})
}

func TestTRP_07_SER_01_EverySerializerOverEveryTransport(t *testing.T) {
	here(t, func(p *place) {
		for _, ser := range serializers {
			for _, how := range []speech{{nibble: 15}, {ws: true}, {ws: true, batched: true}} {
				how.ser = ser
				s := p.joinIn(ser.String(), how)
				topic := p.uri("topic")
				sub := s.subscribe(topic, `{}`)
				pub := s.nextRequest()
				s.send(`[16,%d,{"exclude_me":false},%q,[1]]`, pub, topic)
				s.expect(`[36,%d,"*",{},[1]]`, sub)
				s.goodbye()
			}
		}
	})
}

func TestTRP_11_PingAndClose(t *testing.T) {
	here(t, func(p *place) {
		for _, batched := range []bool{false, true} {
			s := p.joinIn("S", speech{ser: wamp.JSON, ws: true, batched: batched})
			procedure := p.uri("procedure")
			s.register(procedure, `{}`)
			w := s.wire.(*webSocket)
			for _, payload := range []string{"", "ping", strings.Repeat("x", 125)} {
				s.raw(maskedFrame(nil, opPing, true, []byte(payload)))
				if op, got, err := w.frame(); err != nil || op != opPong || string(got) != payload {
					t.Fatalf("opcode %d %q, %v", op, got, err)
				}
			}
			s.raw(maskedFrame(nil, opClose, true, []byte{0x03, 0xe9}))
			if op, got, err := w.frame(); err != nil || op != opClose || !bytes.Equal(got, []byte{0x03, 0xe9}) {
				t.Fatalf("opcode %d %q, %v", op, got, err)
			}
			if rest, err := io.ReadAll(w.r); err != nil || len(rest) > 0 {
				t.Fatalf("behind the close frame: %q, %v", rest, err)
			}
			o := p.join("O")
			p.eventually("the procedure is free", func() bool { return o.maybeRegister(procedure) })
			o.goodbye()
		}
	})
}

// maybeRegister reports whether the procedure was free.
func (p *peer) maybeRegister(procedure string) bool {
	p.t.Helper()
	r := p.nextRequest()
	p.send(`[64,%d,{},%q]`, r, procedure)
	m := p.recv()
	if matches(m, `[65,%d,"*"]`, r) == nil {
		return true
	}
	if err := matches(m, `[8,64,%d,{},"wamp.error.procedure_already_exists",["*"]]`, r); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return false
}

func TestTRP_09_NothingButSilenceBehindGoodbye(t *testing.T) {
	here(t, func(p *place) {
		for range 6 {
			s := p.join("S")
			s.sendAll(`[6,{},"wamp.close.close_realm"]`, `[1,"realm1",{"roles":`+allRoles+`}]`)
			s.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
			s.ended() // the transport is not used again
		}
	})
}

// What batches look like on their way out is looked at by unbatch.
func TestBAT_02_BAT_03_BAT_05_BatchesAreTakenInOrder(t *testing.T) {
	here(t, func(p *place) {
		for _, ser := range serializers {
			s := p.joinIn(ser.String(), speech{ser: ser, ws: true, batched: true})
			topic := p.uri(ser.String())
			s.subscribe(topic, `{}`)
			s.sendAll(`[16,2,{"exclude_me":false},"`+topic+`",[1]]`, `[16,3,{"exclude_me":false},"`+topic+`",[2]]`, `[48,4,{},"a.b"]`)
			s.expect(`[36,"*","*",{},[1]]`)
			s.expect(`[36,"*","*",{},[2]]`)
			s.expect(`[8,48,4,{},"wamp.error.no_such_procedure",["*"]]`)
		}
	})
}

func TestBAT_04_BrokenBatchesEndTheTransport(t *testing.T) {
	watched(t, func(p *place) {
		for _, ser := range serializers {
			broken := [][]byte{nil}
			if ser == wamp.JSON {
				broken = append(broken, []byte(`[48,1,{},"a.b"]`))
			} else {
				broken = append(broken, []byte{0, 0, 0, 9, 1}, []byte{0, 0})
			}
			for _, b := range broken {
				s := p.joinIn(ser.String(), speech{ser: ser, ws: true, batched: true})
				s.raw(maskedFrame(nil, s.wire.(*webSocket).opcode(), true, b))
				s.ended()
			}
		}
	})
}
