package conformance

import (
	"fmt"
	"testing"
)

func TestSUB_01_PUB_02_PUB_05_PUB_07_PUB_08_EventsReachAllSubscribersButThePublisher(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c, d := p.join("A"), p.join("B"), p.join("C"), p.join("D")
		topic := p.uri("topic")
		for _, s := range []*peer{a, b, c} {
			s.subscribe(topic, `{}`)
		}
		p.settle()
		pub := a.publish(topic, "", `,[1,"ü",true,null,{"a":[1.5]}],{"k":"v"}`)
		for _, s := range []*peer{b, c} {
			s.expect(`[36,"*",%d,{},[1,"ü",true,null,{"a":[1.5]}],{"k":"v"}]`, pub)
		}
		a.quiet()
		d.publish(topic, "", `,["needs no subscription"]`)
		for _, s := range []*peer{a, b, c} {
			s.expect(`[36,"*","*",{},["needs no subscription"]]`)
		}
		p.fence(a, b, c, d)
	})
}

func TestSUB_02_SUB_03_SUB_04_PUB_06_PUB_13_SubscribingTwiceIsSubscribingOnce(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		topic := p.uri("topic")
		id := b.subscribe(topic, `{}`)
		if again := b.subscribe(topic, `{"match":"exact"}`); again != id {
			t.Errorf("ids %d and %d", id, again)
		}
		p.settle()
		a.publish(topic, "", "")
		b.expect(`[36,%d,"*",{}]`, id)
		p.fence(a, b)
		b.unsubscribe(id)
		a.publish(topic, "", "")
		p.fence(a, b)
		r := b.nextRequest()
		b.send(`[34,%d,%d]`, r, id)
		b.refused(34, r, noSuchSubscription)
	})
}

const noSuchSubscription, noSuchRegistration = "wamp.error.no_such_subscription", "wamp.error.no_such_registration"

func TestSUB_05_REG_04_P16_NobodyTakesWhatOthersHold(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		mine, shared, procedure := p.uri("mine"), p.uri("shared"), p.uri("procedure")
		sub, both, reg := b.subscribe(mine, `{}`), b.subscribe(shared, `{}`), b.register(procedure, `{}`)
		if c.subscribe(shared, `{}`) != both {
			t.Error("another id")
		}
		p.settle()
		for _, s := range []*peer{a, c} {
			s.send(`[34,1001,%d]`, sub)
			s.refused(34, 1001, noSuchSubscription)
			s.send(`[66,1002,%d]`, reg)
			s.refused(66, 1002, noSuchRegistration)
			s.send(`[34,1003,%d]`, reg)
			s.refused(34, 1003, noSuchSubscription)
			s.send(`[66,1004,%d]`, sub)
			s.refused(66, 1004, noSuchRegistration)
			s.send(`[34,1005,9007199254740992]`)
			s.refused(34, 1005, noSuchSubscription)
		}
		a.send(`[34,1006,%d]`, both)
		a.refused(34, 1006, noSuchSubscription)
		a.publish(mine, "", "")
		b.expect(`[36,%d,"*",{}]`, sub)
		a.publish(shared, "", "")
		b.expect(`[36,%d,"*",{}]`, both)
		c.expect(`[36,%d,"*",{}]`, both)
		call := a.call(procedure, `{}`, "")
		b.expect(`[68,1,%d,{}]`, reg)
		b.send(`[70,1,{}]`)
		a.expect(`[50,%d,{}]`, call)
		p.fence(a, b, c)
	})
}

func TestP1_OneOfTwoSubscribersLeaves(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.joinOn("A", 0)
		topic := p.uri("topic")
		var there []*peer // on one node
		for i := range 3 {
			s := p.joinOn(fmt.Sprintf("B%d", i), 1)
			s.subscribe(topic, `{}`)
			there = append(there, s)
		}
		p.settle()
		for len(there) > 0 {
			a.publish(topic, "", "")
			for _, s := range there {
				s.expect(`[36,"*","*",{}]`)
			}
			first := there[0]
			there = there[1:]
			if len(there) == 1 {
				first.goodbye()
			} else {
				first.unsubscribe(first.subscribe(topic, `{}`))
			}
			p.settle()
		}
		a.publish(topic, "", "")
	})
}

func TestSUB_08_PUB_01_PUB_02_PublishingToNobody(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		a.publish(p.uri("nobody"), "", `,[1]`)
		a.send(`[16,99,{},%q]`, p.uri("nobody"))
		a.quiet()
		for i := range 10 {
			b.subscribe(p.uri(fmt.Sprintf("many.%d", i)), `{}`)
		}
		p.settle()
		a.send(`[16,100,{},%q]`, p.uri("many.7"))
		b.expect(`[36,"*","*",{}]`)
		a.send(`[16,101,{"acknowledge":false},%q]`, p.uri("many.8"))
		b.expect(`[36,"*","*",{}]`)
		a.quiet()
		p.fence(a, b)
	})
}

// TestPUB_10: from one publisher to all subscribers, over two topics and two kinds of subscription.
func TestPUB_10_P8_TenThousandEventsInOrder(t *testing.T) {
	everywhere(t, func(p *place) {
		const n = 10_000
		a := p.join("A")
		base := p.uri("topic")
		var receivers []*peer
		for _, name := range []string{"B", "C", "D"} {
			s := p.join(name)
			s.subscribe(base+".t1", `{}`)
			s.subscribe(base+".t2", `{}`)
			receivers = append(receivers, s)
		}
		p.settle()
		sent := make(chan error, 1)
		go func() {
			sent <- a.flood(n, func(i int) string { return fmt.Sprintf(`[16,%d,{},"%s.t%d",[%d]]`, i+1, base, 1+i%2, i) })
		}()
		for i := range n {
			for _, s := range receivers {
				m := s.recv()
				if num(m[0]) != 36 || len(m) != 5 || num(m[4].([]any)[0]) != uint64(i) {
					t.Fatalf("%s: event %d is %s", s.name, i, show(m))
				}
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		p.fence(a, receivers...)
	})
}

// flood sends n messages, many to a segment. It may run on a goroutine of its own.
func (p *peer) flood(n int, text func(i int) string) error {
	var msgs [][]byte
	for i := range n {
		b, err := encode(p.ser, text(i))
		if err != nil {
			return err
		}
		if msgs = append(msgs, b); len(msgs) == 50 || i == n-1 {
			if err := p.wire.write(msgs...); err != nil {
				return err
			}
			msgs = msgs[:0]
		}
	}
	return nil
}

// while keeps sending requests, each as soon as the one before is answered, until stop is called. That waits for the last and returns the
// error that ended it.
func (p *peer) while(text func(i int) string) (stop func() error) {
	end, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				ended <- nil
				return
			default:
			}
			err := p.flood(1, func(int) string { return text(i) })
			if err == nil {
				_, err = p.next()
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	return func() error { close(end); return <-ended }
}

func TestPUB_11_PUB_13_TheAnswerComesFirst(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		topic := p.uri("topic")
		stop := a.while(func(i int) string { return fmt.Sprintf(`[16,%d,{"acknowledge":true},%q]`, i+1, topic) })
		for range 50 {
			r := b.nextRequest()
			b.send(`[32,%d,{},%q]`, r, topic)
			id := num(b.expect(`[33,%d,"*"]`, r)[2]) // and not an EVENT, of this subscription or the last
			b.expect(`[36,%d,"*",{}]`, id)
			r = b.nextRequest()
			b.send(`[34,%d,%d]`, r, id)
			for m := b.recv(); matches(m, `[35,%d]`, r) != nil; m = b.recv() {
				if err := matches(m, `[36,%d,"*",{}]`, id); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPUB_12_AnswersMayOvertakeEachOther(t *testing.T) {
	here(t, func(p *place) {
		s := p.join("S")
		var sent, want []string
		for i := 1; i <= 20; i++ {
			sent = append(sent, fmt.Sprintf(`[32,%d,{},%q]`, i, p.uri(fmt.Sprint(i%7))))
			want = append(want, fmt.Sprintf(`[33,%d,"*"]`, i))
		}
		s.sendAll(sent...)
		s.expectAny(want...)
	})
}

func TestP7_TopicsAreMoreThanTheirWords(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		base := p.uri("x")
		subs := map[string]uint64{}
		for _, topic := range []string{"a.b", "b.a", "a.a", "b.b", "ab", "a"} {
			subs[topic] = b.subscribe(base+"."+topic, `{}`)
		}
		p.settle()
		for _, topic := range []string{"b.a", "a.b", "b.b", "a", "a.a", "ab"} {
			a.publish(base+"."+topic, "", "")
			b.expect(`[36,%d,"*",{}]`, subs[topic])
		}
		p.fence(a, b)
	})
}

func TestP2_PBS_05_OneFrameCarriesAnEventToANode(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinOn("A", 0), p.joinOn("B", 1)
		topic := p.uri("topic")
		ids := []string{itoa(b.subscribe(topic, `{}`)), itoa(b.subscribe(topic, `{"match":"prefix"}`)), itoa(b.subscribe(topic, `{"match":"wildcard"}`))}
		p.settle()
		event := func(pub uint64) (want []string) {
			for _, id := range ids {
				want = append(want, fmt.Sprintf(`[36,%s,%d,{}]`, id, pub))
			}
			return want
		}
		b.expectAny(event(a.publish(topic, "", ""))...)
		before := p.framesOut()
		for range 20 {
			b.expectAny(event(a.publish(topic, "", ""))...)
		}
		p.fence(a, b) // one more
		want := before
		if len(p.nodes) > 1 {
			want[p.nodes[1].Status().Node] += 21
		}
		for name, n := range p.framesOut() {
			if n != want[name] {
				t.Errorf("%d frames to %s, not %d", n, name, want[name])
			}
		}
	})
}

// framesOut is how many frames the first node has sent to each other.
func (p *place) framesOut() map[string]uint64 {
	frames := map[string]uint64{}
	for _, l := range p.nodes[0].Counters().Links {
		frames[l.Node] = l.FramesOut
	}
	return frames
}
