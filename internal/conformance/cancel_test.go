package conformance

import (
	"fmt"
	"testing"
)

// pending is a call that is being worked at.
type pending struct {
	*place
	a, b *peer
	call uint64
	id   int
}

// begin opens sessions and a call; the callee announces call_canceling or does not.
func (p *place) begin(interruptible bool) *pending {
	p.Helper()
	roles := allRoles
	if !interruptible {
		roles = plainRoles
	}
	c := &pending{place: p, a: p.join("A"), b: p.joinAs("B", realm, roles)}
	c.b.register(p.uri("procedure"+itoa(c.b.id)), `{}`)
	p.settle()
	c.again()
	return c
}

func (c *pending) again() {
	c.Helper()
	c.id++
	c.call = c.a.call(c.uri("procedure"+itoa(c.b.id)), `{"receive_progress":true}`, "")
	c.b.expect(`[68,%d,"*",{}]`, c.id)
}

func (c *pending) cancel(options string) {
	c.Helper()
	c.a.send(`[49,%d,%s]`, c.call, options)
}

// answersAreLate shows that whatever the callee says now goes nowhere and does no harm.
func (c *pending) answersAreLate() {
	c.Helper()
	c.b.send(`[70,%d,{"progress":true}]`, c.id)
	c.b.send(`[70,%d,{},["late"]]`, c.id)
	c.b.send(`[8,68,%d,{},"late.error"]`, c.id)
	c.fence(c.b, c.a)
	c.b.quiet()
}

func TestCAN_01_CAN_08_Skip(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, interruptible := range []bool{true, false} {
			c := p.begin(interruptible)
			c.cancel(`{"mode":"skip"}`)
			c.a.refused(48, c.call, canceled)
			c.fence(c.a, c.b) // no INTERRUPT
			c.answersAreLate()
		}
	})
}

func TestCAN_02_CAN_10_Kill(t *testing.T) {
	everywhere(t, func(p *place) {
		c := p.begin(true)
		c.cancel(`{"mode":"kill"}`)
		c.b.expect(`[69,%d,{"mode":"kill"}]`, c.id)
		c.a.quiet() // the answer is the callee's
		c.b.send(`[8,68,%d,{},"app.was_killed",[1]]`, c.id)
		c.a.expect(`[8,48,%d,{},"app.was_killed",[1]]`, c.call)

		c.again()
		c.cancel(`{"mode":"kill"}`)
		c.b.expect(`[69,%d,{"mode":"kill"}]`, c.id)
		c.b.send(`[70,%d,{"progress":true},["nearly"]]`, c.id)
		c.a.expect(`[50,%d,{"progress":true},["nearly"]]`, c.call)
		c.b.send(`[70,%d,{},["done all the same"]]`, c.id)
		c.a.expect(`[50,%d,{},["done all the same"]]`, c.call)
		c.answersAreLate()

		c.again() // the answer was on its way: whatever comes first
		c.b.send(`[70,%d,{},["was on its way"]]`, c.id)
		c.cancel(`{"mode":"kill"}`)
		c.a.expect(`[50,%d,{},["was on its way"]]`, c.call)
		c.a.quiet()
	})
}

func TestCAN_03_CAN_06_CAN_10_KillNoWait(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, options := range []string{`{"mode":"killnowait"}`, `{}`} { // the default
			c := p.begin(true)
			c.cancel(options)
			c.a.refused(48, c.call, canceled)
			c.b.expect(`[69,%d,{"mode":"killnowait"}]`, c.id)
			c.answersAreLate()
		}
	})
}

func TestCAN_04_EveryModeIsSkipForWhoCannotBeInterrupted(t *testing.T) {
	everywhere(t, func(p *place) {
		c := p.begin(false)
		for _, options := range []string{`{"mode":"kill"}`, `{"mode":"killnowait"}`, `{"mode":"skip"}`, `{}`} {
			c.cancel(options)
			c.a.refused(48, c.call, canceled)
			c.fence(c.a, c.b)
			c.answersAreLate()
			c.again()
		}
	})
}

func TestCAN_05_CAN_09_CancelsThatCancelNothing(t *testing.T) {
	everywhere(t, func(p *place) {
		c := p.begin(true)
		for _, mode := range []string{"skip", "kill", "killnowait"} {
			c.a.send(`[49,99,{"mode":%q}]`, mode) // never was
		}
		c.a.quiet()
		c.b.send(`[70,%d,{}]`, c.id)
		c.a.expect(`[50,%d,{}]`, c.call)
		for _, mode := range []string{"skip", "kill", "killnowait"} {
			c.cancel(fmt.Sprintf(`{"mode":%q}`, mode)) // is over
		}
		c.fence(c.a, c.b)
		c.a.quiet()
		for _, mode := range []string{"skip", "killnowait"} { // again and again
			c.again()
			for range 3 {
				c.cancel(fmt.Sprintf(`{"mode":%q}`, mode))
			}
			c.a.refused(48, c.call, canceled)
			if mode != "skip" {
				c.b.expect(`[69,%d,{"mode":%q}]`, c.id, mode)
			}
			c.fence(c.a, c.b)
			c.a.quiet()
		}
		c.again()
		for range 3 {
			c.cancel(`{"mode":"kill"}`)
		}
		c.b.expect(`[69,%d,{"mode":"kill"}]`, c.id)
		c.fence(c.a, c.b)
		c.b.send(`[8,68,%d,{},"killed.once"]`, c.id)
		c.a.expect(`[8,48,%d,{},"killed.once"]`, c.call)
		c.a.quiet()
	})
}

// TestCAN_07: an unknown mode cancels nothing and is answered.
func TestCAN_07_UnknownModes(t *testing.T) {
	everywhere(t, func(p *place) {
		c := p.begin(true)
		c.cancel(`{"mode":"murder"}`)
		m := c.a.recv()
		if err := isRefused(m, 49, c.call, invalidArgument); err != nil {
			t.Error(err)
		}
		c.fence(c.a, c.b)
		c.b.send(`[70,%d,{}]`, c.id)
		c.a.expect(`[50,%d,{}]`, c.call)
	})
}

func TestCAN_11_NobodyCancelsTheCallsOfOthers(t *testing.T) {
	everywhere(t, func(p *place) {
		c := p.begin(true)
		for home := range 3 {
			o := p.joinOn("O", home)
			for _, mode := range []string{"skip", "kill", "killnowait"} {
				o.send(`[49,%d,{"mode":%q}]`, c.call, mode)
			}
			o.quiet()
			c.fence(o, c.b)
		}
		c.b.send(`[70,%d,{}]`, c.id)
		c.a.expect(`[50,%d,{}]`, c.call)
	})
}
