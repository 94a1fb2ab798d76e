package conformance

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

// values is a payload of everything that all serializers can say.
const values = `[1,"ü",true,null,{"a":[1.5]},-1,0,-9007199254740992,9007199254740992,1e-7,"",[],{},[[{"b":{"c":false}}]],"\u0000EOP/kFMHXFJvX8BtT+N82w=="],` +
	`{"k":"v","null":null,"f":0.1}`

func TestTRP_08_SER_02_SER_05_SER_08_PUB_07_PayloadsArriveAsTheyWereSent(t *testing.T) {
	everywhere(t, func(p *place) {
		topic, procedure := p.uri("topic"), p.uri("procedure")
		want, err := parseText(`[` + values + `]`)
		if err != nil {
			t.Fatal(err)
		}
		check := func(s *peer, m []any, from int) {
			if err := same(want, any(m[from:])); err != nil {
				p.Errorf("%s: %v", s.name, err)
			}
		}
		var all []*peer
		for _, ser := range serializers {
			s := p.joinIn(ser.String(), speech{ser: ser, nibble: 15})
			s.subscribe(topic, `{}`)
			s.register(procedure, `{"invoke":"first"}`)
			all = append(all, s)
		}
		p.settle()
		for _, a := range all {
			a.publish(topic, "", `,`+values)
			for _, b := range all {
				if b != a {
					check(b, b.expect(`[36,"*","*",{},"*","*"]`), 4)
				}
			}
			call := a.call(procedure, `{}`, `,`+values)
			i := all[0].expect(`[68,"*","*",{},"*","*"]`)
			check(all[0], i, 4)
			all[0].send(`[70,%d,{},%s]`, num(i[1]), values)
			check(a, a.expect(`[50,%d,{},"*","*"]`, call), 3)
		}
	})
}

// TestSER_03_SER_04: bytes stay bytes, and JSON has its own way of writing them. The bytes on the wire are looked at.
func TestSER_03_SER_04_Binary(t *testing.T) {
	everywhere(t, func(p *place) {
		const b64 = `"\u0000EOP/kFMHXFJvX8BtT+N82w=="`
		bin := "\x10\xe3\xff\x90\x53\x07\x5c\x52\x6f\x5f\xc0\x6d\x4f\xe3\x7c\xdb"
		inside := map[wamp.Serializer]string{wamp.JSON: b64, wamp.MsgPack: "\xc4\x10" + bin, wamp.CBOR: "\x50" + bin}
		topic := p.uri("topic")
		var all []*peer
		for _, ser := range serializers {
			s := p.joinIn(ser.String(), speech{ser: ser, nibble: 15})
			s.subscribe(topic, `{}`)
			all = append(all, s)
		}
		p.settle()
		for _, a := range all {
			a.send(`[16,%d,{},%q,[`+b64+`]]`, a.nextRequest(), topic)
			for _, b := range all {
				if b == a {
					continue
				}
				got, err := b.nextBytes()
				if err != nil || !bytes.Contains(got, []byte(inside[b.ser])) {
					t.Errorf("%v to %v: %q, %v", a.ser, b.ser, got, err)
				}
			}
		}
	})
}

// TestSER_05: the largest id is written as an integer, and without an exponent.
func TestSER_05_IDS_09_TheLargestID(t *testing.T) {
	watched(t, func(p *place) {
		inside := map[wamp.Serializer]string{wamp.JSON: "9007199254740992", wamp.MsgPack: "\xcf\x00\x20\x00\x00\x00\x00\x00\x00", wamp.CBOR: "\x1b\x00\x20\x00\x00\x00\x00\x00\x00"}
		for _, ser := range serializers {
			s := p.joinIn(ser.String(), speech{ser: ser, nibble: 15})
			s.send(`[16,9007199254740992,{"acknowledge":true},"a.b"]`)
			got, err := s.nextBytes()
			if err != nil || !bytes.Contains(got, []byte(inside[ser])) {
				t.Errorf("%v: %q, %v", ser, got, err)
			}
			s.send(`[16,9007199254740993,{"acknowledge":true},"a.b"]`)
			s.aborted(violation)
		}
	})
}

func TestSER_09_SER_10_EmptyPayloadsAreLeftOut(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		topic := p.uri("topic")
		b.subscribe(topic, `{}`)
		p.settle()
		for rest, want := range map[string]string{
			``:            ``,
			`,[]`:         ``,
			`,[],{}`:      ``,
			`,[],{"k":1}`: `,[],{"k":1}`,
			`,[1],{}`:     `,[1]`,
		} {
			pub := a.publish(topic, "", rest)
			b.expect(`[36,"*",%d,{}%s]`, pub, want)
		}
	})
}

// broken are bytes that are no message in their serializer.
var broken = map[wamp.Serializer][]string{
	wamp.JSON: {`not json`, ``, `[48,1,{},"a.b"`, `[48,1,{},"a.b"]]`, `[48,1,{},"a.b",[01]]`, "[48,1,{},\"a\xff\"]",
		"[48,1,{},\"a.b\",[\"\xff\"]]", `[48,1,{},"a.b",["\ud800x]]`, `[48,1,{},'a.b']`, `[48,1,{},"a.b",[NaN]]`, `[48,1,{"a":1,"a":2},"a.b"]`,
		`[16,1,{},"a.b",` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100) + `]`},
	wamp.MsgPack: {"\xc1", "", "\x94\x30\x01\x80", "\x94\x30\x01\x80\xa3a.b\x00", "\x94\x30\x01\x80\xa3a.\xff", "\x95\x30\x01\x80\xa3a.b\x91\xa1\xff",
		"\xdd\xff\xff\xff\xff", "\xdb\x7f\xff\xff\xff", "\x94\x30\x01\xdf\xff\xff\xff\xff", "\x94\x30\x01\x81\x01\x02\xa3a.b"},
	wamp.CBOR: {"\xff", "", "\x84\x18\x30\x01\xa0", "\x84\x18\x30\x01\xa0\x63a.b\x00", "\x84\x18\x30\x01\xa0\x63a.\xff",
		"\x85\x18\x30\x01\xa0\x63a.b\x81\x61\xff", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "\x1c", "\x84\x18\x30\x01\xa1\x01\x02\x63a.b",
		"\x84\x18\x30\x01\xbf\x63foo\xff\x63a.b"},
}

func TestSER_07_PVI_14_P33_UndecodableBytes(t *testing.T) {
	watched(t, func(p *place) {
		for ser, all := range broken {
			for i, b := range all {
				s := p.joinIn(fmt.Sprintf("%v %q", ser, b), speech{ser: ser, ws: i%2 == 1, nibble: 15})
				if s.frame([]byte(b)); i%2 == 1 && ser == wamp.JSON && strings.Contains(b, "\xff") {
					s.maybeAborted() // RFC 6455 may end it first: TEXT has to be UTF-8
					continue
				}
				s.aborted(violation)
			}
		}
		for ser, all := range broken { // and as the first message
			for i, b := range all {
				s := p.dial(fmt.Sprintf("%v %q", ser, b), 0, speech{ser: ser, ws: i%2 == 0, nibble: 15})
				if s.frame([]byte(b)); i%2 == 0 && ser == wamp.JSON && strings.Contains(b, "\xff") {
					s.maybeAborted()
					continue
				}
				s.aborted(violation)
			}
		}
	})
}

// maybeAborted expects an ABORT or the end of the connection.
func (p *peer) maybeAborted() {
	p.t.Helper()
	m, err := p.next()
	if err != nil {
		return
	}
	if err := matches(m, `[3,{},%q]`, violation); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	p.ended()
}

func TestSER_06_DictKeysAreUniqueStrings(t *testing.T) {
	watched(t, func(p *place) {
		for _, b := range []string{
			"\x93\x01\xa6realm1\x81\x01\x02",
			"\x93\x01\xa6realm1\x82\xa5roles\x81\xa6caller\x80\xa5roles\x81\xa6callee\x80",
			"\x93\x01\xa6realm1\x81\xa5roles\x81\x01\x80",
		} {
			s := p.dial(fmt.Sprintf("%q", b), 0, speech{ser: wamp.MsgPack, nibble: 15})
			s.frame([]byte(b))
			s.aborted(violation)
		}
	})
}

func TestP23_SER_08_TheSameSerializerKeepsTheBytes(t *testing.T) {
	payloads := map[wamp.Serializer][]string{
		wamp.JSON: {`[1.0,1e2,"\u00fc\/",  {"z":1,"a":2,"m":[ ]}]`, `[9007199254740993,123456789012345678901234567890]`},
		wamp.MsgPack: {"\x95\xd3\x00\x00\x00\x00\x00\x00\x00\x01\xcd\x00\x05\xd9\x01a\xca\x3f\x80\x00\x00\x82\xa1z\x01\xa1a\x02",
			"\x91\xc7\x03\x05abc", "\x91\xd6\xff\x5f\x5e\x10\x00"},
		wamp.CBOR: {"\x83\xa3\x61z\x01\x61a\x02\x61m\x80\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00\xc3\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00",
			"\x9f\x18\x01\x7f\x61a\x61b\xff\xbf\x61z\x01\x61a\x02\xff\xf9\x3c\x00\xff", "\x81\xd8\x25\x50\x10\xe3\xff\x90\x53\x07\x5c\x52\x6f\x5f\xc0\x6d\x4f\xe3\x7c\xdb",
			"\x81\xf7"},
	}
	everywhere(t, func(p *place) {
		for ser, all := range payloads {
			topic, procedure := p.uri("topic."+ser.String()), p.uri("procedure."+ser.String())
			a, b := p.joinIn("A", speech{ser: ser, nibble: 15}), p.joinIn("B", speech{ser: ser, nibble: 15})
			b.subscribe(topic, `{}`)
			b.register(procedure, `{}`)
			p.settle()
			// message puts the payload behind a head that is written without one
			message := func(s *peer, payload, format string, args ...any) []byte {
				m := s.encode(format, args...)
				if ser == wamp.JSON {
					return append(append(m[:len(m)-1:len(m)-1], ','), payload+"]"...)
				}
				m[0]++ // the length of the list
				return append(m, payload...)
			}
			arrives := func(s *peer, payload string) {
				if ser == wamp.JSON {
					payload += "]"
				}
				if got, err := s.nextBytes(); err != nil || !bytes.HasSuffix(got, []byte(payload)) {
					p.Fatalf("%s: got %q, %v; want %q at its end", s.name, got, err, payload)
				}
			}
			for i, payload := range all {
				a.frame(message(a, payload, `[16,%d,{},%q]`, a.nextRequest(), topic))
				arrives(b, payload)
				a.frame(message(a, payload, `[48,%d,{},%q]`, a.nextRequest(), procedure))
				arrives(b, payload)
				b.frame(message(b, payload, `[70,%d,{}]`, i+1))
				arrives(a, payload)
			}
		}
	})
}

func TestP28_EveryLegalIntegerWidth(t *testing.T) {
	widths := map[wamp.Serializer][]string{
		wamp.MsgPack: {"\x07", "\xcc\x07", "\xcd\x00\x07", "\xce\x00\x00\x00\x07", "\xcf\x00\x00\x00\x00\x00\x00\x00\x07",
			"\xd0\x07", "\xd1\x00\x07", "\xd2\x00\x00\x00\x07", "\xd3\x00\x00\x00\x00\x00\x00\x00\x07"},
		wamp.CBOR: {"\x07", "\x18\x07", "\x19\x00\x07", "\x1a\x00\x00\x00\x07", "\x1b\x00\x00\x00\x00\x00\x00\x00\x07"},
		wamp.JSON: {"7", " 7 "},
	}
	heads := map[wamp.Serializer][2]string{ // of PUBLISH, around its request id
		wamp.MsgPack: {"\x94\x10", "\x81\xabacknowledge\xc3\xa3a.b"},
		wamp.CBOR:    {"\x84\x10", "\xa1\x6backnowledge\xf5\x63a.b"},
		wamp.JSON:    {`[16,`, `,{"acknowledge":true},"a.b"]`},
	}
	here(t, func(p *place) {
		for ser, all := range widths {
			s := p.joinIn(ser.String(), speech{ser: ser, nibble: 15})
			for _, id := range all {
				s.frame([]byte(heads[ser][0] + id + heads[ser][1]))
				s.expect(`[17,7,"*"]`)
			}
		}
		// ids that name things, and message types
		s := p.joinIn("types", speech{ser: wamp.MsgPack, nibble: 15})
		s.frame([]byte("\x94\xd3\x00\x00\x00\x00\x00\x00\x00\x20\xd1\x00\x01\x80\xa3a.b"))
		sub := num(s.expect(`[33,1,"*"]`)[2])
		id := []byte{0xd3, byte(sub >> 56), byte(sub >> 48), byte(sub >> 40), byte(sub >> 32), byte(sub >> 24), byte(sub >> 16), byte(sub >> 8), byte(sub)}
		s.frame([]byte("\x93\xcd\x00\x22\xd2\x00\x00\x00\x02" + string(id)))
		s.expect(`[35,2]`)
	})
}

func TestP34_WhatASerializerCannotCarry(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinIn("A", speech{ser: wamp.MsgPack, nibble: 15}), p.joinIn("B", speech{ser: wamp.JSON, nibble: 15})
		c := p.joinIn("C", speech{ser: wamp.MsgPack, nibble: 15})
		topic, procedure := p.uri("topic"), p.uri("procedure")
		b.subscribe(topic, `{}`)
		c.subscribe(topic, `{}`)
		b.register(procedure, `{}`)
		p.settle()
		extension := "\x91\xc7\x03\x05abc"
		head := a.encode(`[16,1,{"acknowledge":true},%q]`, topic)
		head[0]++
		a.frame(append(head, extension...))
		// Where a receiver of the publisher's own worker is among them, the publisher is told. B gets nothing in any case.
		if m := a.recv(); matches(m, `[17,1,"*"]`) == nil {
			c.skipOne()
		} else if err := matches(m, `[8,16,1,{},"wamp.error.invalid_argument",["*"]]`); err != nil {
			t.Fatal(err)
		}
		head = a.encode(`[48,2,{},%q]`, procedure)
		head[0]++
		a.frame(append(head, extension...))
		a.refused(48, 2, "wamp.error.invalid_argument")
		a.publish(topic, "", `,["after"]`)
		b.expect(`[36,"*","*",{},["after"]]`)
		c.expect(`[36,"*","*",{},["after"]]`)
		// a result that the caller cannot take
		call := b.call(p.uri("back"), `{}`, "")
		b.refused(48, call, "wamp.error.no_such_procedure")
		a.register(p.uri("back"), `{}`)
		p.settle()
		call = b.call(p.uri("back"), `{}`, "")
		a.expect(`[68,1,"*",{}]`)
		a.frame([]byte("\x94\x46\x01\x80" + extension))
		b.refused(48, call, "wamp.error.invalid_argument")
		a.quiet()
	})
}

// skipOne reads a message of which only the serializer's reader could say something.
func (p *peer) skipOne() {
	p.t.Helper()
	if _, err := p.nextBytes(); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}
