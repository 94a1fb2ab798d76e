package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ends are ways in which a call goes, and what its two sides do. Each returns what the two sides saw, which must not depend on where they are.
var ends = []struct {
	name string
	play func(c *pending, s *sights)
}{
	{"result", func(c *pending, s *sights) { c.b.send(`[70,%d,{},[1,"ü"],{"k":null}]`, c.id); s.caller(1) }},
	{"null result", func(c *pending, s *sights) { c.b.send(`[70,%d,{},[null]]`, c.id); s.caller(1) }},
	{"error", func(c *pending, s *sights) { c.b.send(`[8,68,%d,{},"app.error",[1],{"k":2}]`, c.id); s.caller(1) }},
	{"bare error", func(c *pending, s *sights) { c.b.send(`[8,68,%d,{},"app.error"]`, c.id); s.caller(1) }},
	{"progress", func(c *pending, s *sights) {
		for i := range 5 {
			c.b.send(`[70,%d,{"progress":true},[%d]]`, c.id, i)
			s.caller(1)
		}
		c.b.send(`[70,%d,{}]`, c.id)
		s.caller(1)
	}},
	{"progress, then error", func(c *pending, s *sights) {
		c.b.send(`[70,%d,{"progress":true},["half"]]`, c.id)
		c.b.send(`[8,68,%d,{},"app.error",["broke"]]`, c.id)
		s.caller(2)
	}},
	{"skip", func(c *pending, s *sights) { c.cancel(`{"mode":"skip"}`); s.caller(1) }},
	{"kill", func(c *pending, s *sights) {
		c.cancel(`{"mode":"kill"}`)
		s.callee(1)
		c.b.send(`[8,68,%d,{},"app.was_killed",["so be it"]]`, c.id)
		s.caller(1)
	}},
	{"kill, and a result", func(c *pending, s *sights) {
		c.cancel(`{"mode":"kill"}`)
		s.callee(1)
		c.b.send(`[70,%d,{},["done all the same"]]`, c.id)
		s.caller(1)
	}},
	{"killnowait", func(c *pending, s *sights) { c.cancel(`{"mode":"killnowait"}`); s.caller(1); s.interrupted() }},
	{"no mode", func(c *pending, s *sights) { c.cancel(`{}`); s.caller(1); s.interrupted() }},
	{"cancel during progress", func(c *pending, s *sights) {
		c.b.send(`[70,%d,{"progress":true},["half"]]`, c.id)
		s.caller(1)
		c.cancel(`{"mode":"killnowait"}`)
		s.caller(1)
		s.interrupted()
	}},
	{"timeout", func(c *pending, s *sights) {
		c.b.send(`[70,%d,{}]`, c.id) // the call without a timeout
		s.caller(1)
		c.id++
		c.call = c.a.call(c.uri("procedure"+itoa(c.b.id)), `{"timeout":1}`, "")
		s.caller(1)
		s.callee(1)
		s.interrupted()
	}},
	{"the callee leaves", func(c *pending, s *sights) { c.b.conn.Close(); s.caller(1) }},
	{"the caller leaves", func(c *pending, s *sights) { c.a.conn.Close(); s.interrupted() }},
}

// sights are the messages that the sides of a call saw, without the ids that are never alike.
type sights struct {
	*pending
	interruptible bool
	seen          []string
}

func (s *sights) caller(n int) { s.take(s.a, n) }
func (s *sights) callee(n int) { s.take(s.b, n) }

// interrupted takes the callee's INTERRUPT, where it has announced that it takes one.
func (s *sights) interrupted() {
	if s.interruptible {
		s.callee(1)
	}
}

func (s *sights) take(from *peer, n int) {
	for range n {
		m := from.recv()
		if num(m[0]) == 68 {
			m[2] = "REGISTRATION"
		}
		if num(m[0]) == 50 {
			m[1] = "CALL"
		}
		if num(m[0]) == 8 {
			m[2] = "CALL"
		}
		s.seen = append(s.seen, from.name+" "+show(m))
	}
}

// TestP11: how a call ends that goes to another node differs in nothing from one that stays: cancelled in each mode, failed, in parts, late.
func TestP11_RemoteCallsEndLikeLocalOnes(t *testing.T) {
	for _, e := range ends {
		for _, interruptible := range []bool{true, false} {
			if !interruptible && slices.Contains([]string{"kill", "kill, and a result"}, e.name) {
				continue // nobody is interrupted, so the callee has nothing to answer: CAN-04
			}
			t.Run(fmt.Sprintf("%s interruptible %t", clean(e.name), interruptible), func(t *testing.T) {
				local, remote := transcript(at(t, clusters.one), e.play, interruptible), transcript(at(t, clusters.three), e.play, interruptible)
				if local != remote {
					t.Errorf("on one node:\n%s\non two:\n%s", local, remote)
				}
			})
		}
	}
}

// transcript plays the end of a call and returns what was seen; what is said afterwards goes nowhere.
func transcript(p *place, play func(c *pending, s *sights), interruptible bool) string {
	p.Helper()
	s := &sights{pending: p.begin(interruptible), interruptible: interruptible}
	play(s.pending, s)
	return strings.Join(s.seen, "\n")
}
