package swim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"
)

// How often rejoin tries. All are drawn anew each time, from half to one and a half, so that nodes that fell together do not try
// together.
const (
	tryFirst   = 250 * time.Millisecond // before the first exchange, doubling
	tryFirstTo = time.Second
	tryMissing = 2 * time.Second  // while somebody is missing; times members/8, so that a missing node is not tried by all at once
	tryBack    = time.Second / 4  // when somebody is back, who may not know us; times members/4, because one of us is enough
	tryIdle    = 10 * time.Second // to look whether the seeds are still the same
)

// rejoin never gives up: while a seed or a once-known member is not alive, it keeps trying one. It also settles who is meant by
// our name, because both decide whether we have joined.
func (n *Swim) rejoin() {
	started := time.Now()
	first := tryFirst
	for {
		missing, complete := n.missing()
		n.tryOne(missing)
		n.agree()
		if n.yielded.Load() {
			return
		}
		fine := n.settleRivals()
		if n.yielded.Load() {
			return
		}
		if fine {
			n.maybeJoined(len(missing) == 0 && complete, time.Since(started) >= AloneAfter)
		}
		var wait time.Duration
		n.mu.Lock()
		switch alive := n.aliveCount(); {
		case !n.tags.joined || n.alone:
			wait = first
			first = min(2*first, tryFirstTo)
		case len(missing) > 0 || !complete || n.seen:
			wait = missingWait(alive)
		default:
			wait = tryIdle
		}
		n.mu.Unlock()
		if !n.pause(wait) {
			return
		}
	}
}

// missingWait is the time between two tries while somebody is missing among so many that are alive.
func missingWait(alive int) time.Duration {
	return tryMissing * time.Duration(max(8, alive)) / 8
}

// backWait is the time until somebody who is back is introduced to the others.
func backWait(alive int) time.Duration {
	return tryBack * time.Duration(max(4, alive)) / 4
}

// about draws a pause of half to one and a half d.
func about(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// pause waits about d. Before the first exchange, or when somebody claims our name, news cut it short; when a member has gone or is back,
// or others hold others alive, it becomes as long as that wants it.
func (n *Swim) pause(d time.Duration) bool {
	t := time.NewTimer(about(d))
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return true
		case <-n.ctx.Done():
			return false
		case <-n.joinUp:
			n.mu.Lock()
			urgent, soon := !n.tags.joined || n.alone, d
			if n.apart >= apartProbes {
				soon = min(soon, backWait(n.aliveCount()))
			}
			if n.gone {
				soon = min(soon, missingWait(n.aliveCount()))
			}
			for _, m := range n.members {
				urgent = urgent || m.alive && m.stale
				if m.alive && m.back {
					soon = min(soon, backWait(n.aliveCount()))
				}
			}
			for _, r := range n.rivals {
				urgent = urgent || !r.settled
			}
			n.mu.Unlock()
			if urgent {
				return true
			}
			if soon < d {
				d = soon
				t.Reset(about(d))
			}
		}
	}
}

// target is an address at which somebody should be.
type target struct {
	addr netip.AddrPort
	name string // of a once-known member, "" of a seed or one of an earlier run
}

// missing lists the seeds and the once-known members, also of an earlier run, that are not alive, and those alive that are not who we
// think or may not know us. complete is false when a seed could not be resolved.
func (n *Swim) missing() (list []target, complete bool) {
	seeds, complete := n.resolveSeeds(n.ctx)
	var local []netip.Addr
	if len(seeds) > 0 || len(n.cfg.Known) > 0 {
		local = localAddrs()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone = false
	alive := make(map[netip.AddrPort]bool, len(n.members))
	for _, m := range n.members {
		alive[m.addr] = alive[m.addr] || m.alive
	}
	for _, a := range seeds {
		if !alive[a] && !n.isSelf(a, local) {
			list = append(list, target{addr: a})
			alive[a] = true // listed once
		}
	}
	for name, m := range n.members {
		switch {
		case m.alive && (m.stale || m.back):
			list = append(list, target{addr: m.addr, name: name})
			m.stale = false // until the next probe
		case !m.alive && !alive[m.addr]:
			list = append(list, target{addr: m.addr, name: name})
		}
	}
	for _, t := range list {
		alive[t.addr] = true
	}
	for _, a := range n.known {
		if !alive[a] && !n.isSelf(a, local) {
			list = append(list, target{addr: a})
		}
	}
	// A ghost of ours elsewhere keeps the others from taking us in until they hold it for dead: say hello to one of them again.
	if len(list) == 0 && n.seen {
		for name, m := range n.members {
			list = append(list, target{addr: m.addr, name: name})
		}
	}
	return list, complete
}

// tryOne joins one of the missing at random; before the first exchange all of them in turn until one answers.
func (n *Swim) tryOne(missing []target) {
	n.mu.Lock()
	all := !n.tags.joined || n.alone
	n.seen = false // the exchange will tell
	n.mu.Unlock()
	rand.Shuffle(len(missing), func(i, j int) { missing[i], missing[j] = missing[j], missing[i] })
	if !all && len(missing) > 1 {
		missing = missing[:1]
	}
	for _, t := range missing {
		if n.ctx.Err() != nil || n.yielded.Load() {
			return
		}
		to := t.addr.String()
		if t.name != "" {
			to = t.name + "/" + to // transports that go by names want it
			n.introduced(t.name)
		}
		if _, err := n.serf.Join([]string{to}, false); err == nil {
			return
		} else if text, refused := explain(t.addr.String(), err); refused && time.Since(n.refused[t.addr]) >= refusedAgain {
			n.refused[t.addr] = time.Now()
			n.box.put(Event{Kind: EvRefused, Addr: t.addr.String(), Text: text})
		}
	}
}

func (n *Swim) introduced(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if m := n.members[name]; m != nil {
		m.back = false
	}
}

// maybeJoined tells, once each, that we have joined or that nobody answers.
func (n *Swim) maybeJoined(nobody, late bool) {
	n.mu.Lock()
	before, beforeAlone := n.tags.joined && n.toldJoined, n.alone
	switch {
	case n.aliveCount() > 0:
		n.tags.joined, n.alone = true, false
	case before:
	case nobody:
		n.tags.joined = true
	case late:
		n.tags.joined, n.alone = true, true
	}
	joined, alone := n.tags.joined, n.alone
	tell := joined && (!before || beforeAlone && !alone)
	n.toldJoined = n.toldJoined || joined
	n.mu.Unlock()
	if tell {
		n.box.put(Event{Kind: EvJoined, Alone: alone})
		poke(n.speakUp)
	}
}

// refusedAgain is how long a refusal is not told again for the same address: rejoin meets it every second.
const refusedAgain = time.Minute

// keyErrors are what memberlist says when the two ends do not have the same key; it has no values for them. A test meets each.
var keyErrors = []string{
	"no installed keys could decrypt",                            // both have keys, not the same
	"remote state is encrypted and encryption is not configured", // one has none
	"encryption is configured but remote state is not encrypted",
}

// explain makes of a failed join what a person should do about it.
func explain(addr string, err error) (text string, refused bool) {
	for _, k := range keyErrors {
		if strings.Contains(err.Error(), k) {
			return fmt.Sprintf("the node at %s has another cluster key: give all nodes the same --cluster-key-file", addr), true
		}
	}
	return "", false
}
