package swim

import (
	"testing"
	"time"
)

// A node without seeds that comes back after its end was seen, by a crash or a goodbye, is taken in soon: the others were idle until then,
// and look for it now. It may also have become known by a mere packet, and know nobody.
func TestReturn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		a := start(t, m, "a", addrA, nil, nil)
		b := start(t, m, "b", addrB, []string{addrA}, nil)
		c := start(t, m, "c", addrC, []string{addrA}, nil)
		allSee(t, 2*time.Second, a, b, c)
		for quiet := 16 * time.Second; quiet <= 40*time.Second; quiet += 4 * time.Second {
			pass(quiet) // idle, for another part of a pause each time
			old := a.life()
			if quiet%(8*time.Second) == 0 {
				a.Leave()
			}
			a.Shutdown()
			eventually(t, 6*time.Second, "the end is seen", func() bool { return !b.sees("a", old) && !c.sees("a", old) })
			a = start(t, m, "a", addrA, nil, nil)
			allSee(t, 4*time.Second, a, b, c)
		}
	})
}
