package swim

import (
	"testing"
	"time"

	"github.com/hashicorp/serf/serf"
)

// A rumour of a former life of a member that lives changes nothing; an older life that answers for itself is told.
func TestRumourOfOlderLife(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		a := start(t, m, "a", addrA, nil, nil)
		b := start(t, m, "b", addrB, []string{addrA}, nil)
		allSee(t, 2*time.Second, a, b)
		pass(5 * time.Second)
		a.forget()
		older := b.tags
		older.Life.Epoch -= 1000
		older.born = older.Life
		a.memberEvent(serf.EventMemberUpdate, &serf.Member{Name: "b", Addr: b.self.Addr().AsSlice(), Port: b.self.Port(), Tags: older.encode()})
		pass(5 * time.Second)
		if es := a.events(EvMember); len(es) != 0 {
			t.Errorf("told %+v", es)
		}
		b.SetTags(Tags{Life: older.Life, LinkAddr: "10.9.9.9:1"})
		allSee(t, 5*time.Second, a, b)
	})
}
