package conformance

import (
	"fmt"
	"strings"
	"testing"

	"kleeblatt/internal/admin"
)

// What is kept for later, and what could not be, is counted in what /metrics shows.
func TestCountersOfWhatIsKept(t *testing.T) {
	alone(t, func(p *place) {
		counted := func(what string, want uint64, read func(c admin.Counters) uint64) {
			t.Helper()
			p.eventually(fmt.Sprint(want, " ", what), func() bool { return read(p.nodes[0].Counters()) == want })
		}
		dropped := func(label string) func(c admin.Counters) uint64 {
			return func(c admin.Counters) uint64 {
				for _, x := range c.Dropped {
					if x.Label == label {
						return x.Value
					}
				}
				return 1 << 63 // not there
			}
		}
		a := p.join("A")
		large := fmt.Sprintf(`,[%q]`, strings.Repeat("x", 300<<10))
		counted("not retained", 0, dropped("not_retained"))
		for i := range 3 {
			a.publish(fmt.Sprint("kept.", i), `"retain":true`, "")
		}
		counted("retained", 3, func(c admin.Counters) uint64 { return uint64(c.Retained) })
		if n := p.nodes[0].Counters().RetainedBytes; n < 3 || n > 10_000 {
			t.Errorf("three small events take %d bytes", n)
		}
		a.publish("kept.large", `"retain":true`, large)
		counted("not retained", 1, dropped("not_retained"))
		a.publish("kept.history", "", large)
		counted("too large for a history", 1, dropped("history_too_large"))
		counted("cut", 0, dropped("retained_too_many"))

		b := p.join("B")
		b.leaves("last.words", `,[1]]`)
		b.goodbye()
		counted("testaments", 1, func(c admin.Counters) uint64 { return c.Testaments })
	}, "--realm", realm, "--history", realm+",kept.history")
}
