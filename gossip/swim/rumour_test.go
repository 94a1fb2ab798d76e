package swim

import (
	"testing"
	"time"
)

// News that one node misses reach it all the same within seconds, not only with the next exchange of the whole membership.
func TestMissedNews(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := launch(t, newMemNet(), 1, 33)
		pass(5 * time.Second) // all is told
		who := f.seats[20]
		f.net.dropNewsTo(who.addr)
		f.add(2, 1)
		newest := f.seats[33]
		others := append(append([]*seat{newest}, f.seats[:20]...), f.seats[21:33]...)
		f.await(5*time.Second, "the others see the newcomer", func() bool { a, _ := unseen(others); return a == nil })
		pass(time.Second) // the rumour is over
		f.net.dropNewsTo("")
		t.Logf("seen by all after %v more", f.await(6*time.Second, "the one that missed the news sees the newcomer", func() bool {
			return who.sees(newest.name, newest.begun, newest.addr)
		}))
		f.ledgers()
	})
}
