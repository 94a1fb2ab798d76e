package conformance

import (
	"fmt"
	"testing"
)

// passthru are roles that know payload passthru mode.
const passthru = `{"publisher":{"features":{"payload_passthru_mode":true}},"subscriber":{"features":{"payload_passthru_mode":true}},` +
	`"caller":{"features":{"payload_passthru_mode":true,"progressive_call_results":true,"progressive_call_invocations":true,"call_canceling":true}},` +
	`"callee":{"features":{"payload_passthru_mode":true,"progressive_call_results":true,"progressive_call_invocations":true,"call_canceling":true}}}`

// opaque is a payload of 16 bytes that are no message in any serializer, as JSON has it.
const opaque = `["\u0000wcHBwcHBwcHBwcHBwcHBwQ=="]`

// ppts are options of the mode, whatever they may mean.
var ppts = []string{
	`"ppt_scheme":"wamp","ppt_serializer":"cbor","ppt_cipher":"xsalsa20poly1305","ppt_keyid":"GTtQ37XGJO2O4R8Dvx4AUo8pe61D9evIWpKGQAPdOh0="`,
	`"ppt_scheme":"mqtt","ppt_serializer":"native"`,
	`"ppt_scheme":"mqtt"`,
	`"ppt_scheme":"x_my_ppt","ppt_serializer":"custom","ppt_cipher":"custom","ppt_keyid":"Ä"`,
}

// Through every pair of serializers: the four keys and the bytes arrive as they were sent.
func TestPPT_01_PPT_07_PPT_08_PPT_09_PPT_10_PPT_11_OpaqueThereAndBack(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, from := range serializers {
			for _, to := range serializers {
				a, b := p.dialAs("A", speech{ser: from, nibble: 15}, passthru), p.dialAs("B", speech{ser: to, ws: true}, passthru)
				uri := p.uri(from.String() + to.String())
				b.register(uri, `{}`)
				sub := b.subscribe(uri, `{}`)
				p.settle()
				for i, ppt := range ppts {
					a.publish(uri, ppt, `,`+opaque)
					exactly(b, `[36,%d,"*",{%s},%s]`, sub, ppt, opaque)
					call := a.call(uri, `{"receive_progress":true,`+ppt+`}`, `,`+opaque)
					exactly(b, `[68,%d,"*",{"receive_progress":true,%s},%s]`, 2*i+1, ppt, opaque)
					b.send(`[70,%d,{"progress":true,%s},%s]`, 2*i+1, ppt, opaque)
					exactly(a, `[50,%d,{"progress":true,%s},%s]`, call, ppt, opaque)
					b.send(`[70,%d,{%s},%s]`, 2*i+1, ppt, opaque)
					exactly(a, `[50,%d,{%s},%s]`, call, ppt, opaque)

					call = a.call(uri, `{"progress":true,`+ppt+`}`, `,`+opaque)
					exactly(b, `[68,%d,"*",{"progress":true,%s},%s]`, 2*i+2, ppt, opaque)
					a.send(`[48,%d,{},%q,%s]`, call, uri, opaque)
					exactly(b, `[68,%d,"*",{%s},%s]`, 2*i+2, ppt, opaque)
					b.send(`[8,68,%d,{%s},"app.error",%s]`, 2*i+2, ppt, opaque)
					exactly(a, `[8,48,%d,{%s},"app.error",%s]`, call, ppt, opaque)
				}
			}
		}
	})
}

// exactly expects a message whose dict has no other keys than written.
func exactly(s *peer, format string, args ...any) {
	s.t.Helper()
	m := s.expect(format, args...)
	want, err := parseText(fmt.Sprintf(format, args...))
	if err != nil {
		s.t.Fatal(err)
	}
	for i, v := range want.([]any) {
		if d, ok := v.(map[string]any); ok && len(d) != len(m[i].(map[string]any)) {
			s.t.Errorf("%s: got %s, want no more than %s", s.name, show(m), fmt.Sprintf(format, args...))
		}
	}
}

func TestPPT_02_WhoDidNotAnnounceIt(t *testing.T) {
	everywhere(t, func(p *place) {
		b := p.joinAs("B", realm, passthru)
		b.register(p.uri("procedure"), `{}`)
		b.subscribe(p.uri("topic"), `{}`)
		p.settle()
		a := p.join("A")
		a.send(`[48,1,{"ppt_scheme":"wamp"},%q,%s]`, p.uri("procedure"), opaque)
		a.aborted(violation)
		a = p.join("A")
		a.send(`[16,1,{"ppt_scheme":"wamp"},%q,%s]`, p.uri("topic"), opaque)
		a.aborted(violation)
		c := p.join("C")
		c.register(p.uri("other"), `{}`)
		p.settle()
		call := b.call(p.uri("other"), `{}`, "")
		c.expect(`[68,1,"*",{}]`)
		c.send(`[70,1,{"ppt_scheme":"wamp"},%s]`, opaque)
		c.aborted(violation)
		b.refused(48, call, canceled)
		b.quiet()
	})
}

func TestPPT_01_AnEmptySchemeIsNone(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		a.call(p.uri("procedure"), `{"ppt_scheme":""}`, `,[1]`)
		b.expect(`[68,1,"*",{},[1]]`)
	})
}

func TestPPT_04_CalleesThatDoNotKnowIt(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", realm, passthru), p.join("B")
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		call := a.call(p.uri("procedure"), `{"ppt_scheme":"wamp"}`, `,`+opaque)
		a.refused(48, call, notSupported)
		p.fence(a, b)
	})
}

// TestPPT_05: both are told, the callee by an ERROR for its YIELD.
func TestPPT_05_CallersThatDoNotKnowIt(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.joinAs("B", realm, passthru)
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		for i, progress := range []string{"false", "true"} {
			call := a.call(p.uri("procedure"), `{"receive_progress":true}`, "")
			b.expect(`[68,%d,"*",{}]`, i+1)
			b.send(`[70,%d,{"ppt_scheme":"wamp","progress":%s},%s]`, i+1, progress, opaque)
			a.refused(48, call, notSupported)
			b.refused(70, uint64(i+1), notSupported)
			b.send(`[70,%d,{},["late"]]`, i+1)
		}
		call := a.call(p.uri("procedure"), `{}`, "")
		b.expect(`[68,3,"*",{}]`)
		b.send(`[8,68,3,{"ppt_scheme":"wamp"},"app.error",%s]`, opaque)
		exactly(a, `[8,48,%d,{},"app.error"]`, call) // the error is news all the same
		a.quiet()
		b.quiet()
	})
}

// TestPPT_06: what a subscriber makes of it is its business.
func TestPPT_06_SubscribersThatDoNotKnowIt(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", realm, passthru), p.join("B")
		sub := b.subscribe(p.uri("topic"), `{}`)
		p.settle()
		a.publish(p.uri("topic"), ppts[0], `,`+opaque)
		exactly(b, `[36,%d,"*",{%s},%s]`, sub, ppts[0], opaque)
	})
}

// What is retained, or left behind by who goes, is passed through like what is published now.
func TestPPT_07_RetainedEventsAndTestaments(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", realm, passthru), p.joinAs("B", realm, passthru)
		a.publish(p.uri("kept"), `"retain":true,`+ppts[0], `,`+opaque)
		p.settle()
		sub := b.subscribe(p.uri("kept"), `{"get_retained":true}`)
		exactly(b, `[36,%d,"*",{"retained":true,%s},%s]`, sub, ppts[0], opaque)
		sub = b.subscribe(p.uri("last"), `{}`)
		p.settle()
		call := a.call("wamp.session.add_testament", `{}`, fmt.Sprintf(`,[%q,%s,{}],{"publish_options":{%s}}`, p.uri("last"), opaque, ppts[1]))
		a.expect(`[50,%d,{}]`, call)
		a.goodbye()
		exactly(b, `[36,%d,"*",{%s},%s]`, sub, ppts[1], opaque)
	})
}

// TestPPT_13: autobahn and crossbar say it in other words and without announcing it; one binary value stands in Arguments' place.
func TestPPT_13_PayloadTransparencyOfOthers(t *testing.T) {
	const enc = `"enc_algo":"cryptobox","enc_serializer":"json","enc_key":"k"`
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		uri := p.uri("uri")
		b.register(uri, `{}`)
		sub := b.subscribe(uri, `{}`)
		p.settle()
		const alone = `"\u0000wcHBwcHBwcE="`
		a.publish(uri, enc, `,`+alone)
		exactly(b, `[36,%d,"*",{%s},%s]`, sub, enc, alone)
		call := a.call(uri, `{`+enc+`}`, `,`+alone)
		exactly(b, `[68,1,"*",{%s},%s]`, enc, alone)
		b.send(`[70,1,{%s},%s]`, enc, alone)
		exactly(a, `[50,%d,{%s},%s]`, call, enc, alone)
	})
}
