package bench

import (
	"kleeblatt/internal/client"
)

// samplesMax is how many latencies a receiver gathers before it takes the histogram's lock.
const samplesMax = 64

// receiver is a subscriber or a callee: what it has got of each sender of its group, and the goroutine that reads.
type receiver struct {
	run      *run
	b        *client.Bare
	group    int
	groups   int
	trackers []tracker // of sender group + i·groups
	heard    []bool    // its probe came
	samples  []int64
}

func (r *run) newReceiver(b *client.Bare, i int) *receiver {
	groups := r.cfg.groups()
	n := inGroup(r.cfg.Senders, i%groups, groups)
	return &receiver{run: r, b: b, group: i % groups, groups: groups, trackers: make([]tracker, n), heard: make([]bool, n),
		samples: make([]int64, 0, samplesMax)}
}

// take judges a message. It returns nil for one that is not of this group, and for a probe.
func (c *receiver) take(raw []byte, senders []*sender) (from *sender, st stamp, v verdict) {
	st, ok := readStamp(raw)
	if !ok || st.sender >= len(senders) || st.sender%c.groups != c.group {
		return nil, st, 0
	}
	at, s := st.sender/c.groups, senders[st.sender]
	if st.seq == probe {
		if !c.heard[at] && c.run.cfg.Flow == PubSub {
			c.heard[at] = true
			s.unheard.Add(-1)
		}
		return nil, st, 0
	}
	v = c.trackers[at].take(st.seq)
	switch v {
	case doubled:
		c.run.doubled.Add(1)
	case late:
		c.run.late.Add(1)
	}
	return s, st, v
}

// sample notes the latency of a message that was due at this time.
func (c *receiver) sample(at int64) {
	now := c.run.now()
	c.run.lastCame.Store(now)
	if !c.run.counts(at) {
		return
	}
	c.run.measured.Add(1)
	if c.samples = append(c.samples, now-at); len(c.samples) == samplesMax {
		c.settled()
	}
}

func (c *receiver) settled() {
	if len(c.samples) > 0 {
		c.run.latency.add(c.samples...)
		c.samples = c.samples[:0]
	}
}
