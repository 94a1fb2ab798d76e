package node

import (
	"time"

	"kleeblatt/gossip"
)

// nodeBarrier marks the barriers that the node itself waits for. The tables' tokens count from 1.
const nodeBarrier = 1 << 63

// barrier calls done on the home hub when every node that is reachable now routes by all that this one has changed so far, or the time is
// over: of the of nodes acked have said so.
func (o *home) barrier(wait time.Duration, done func(acked, of int)) {
	if o.barriers == nil {
		o.barriers = map[uint64]func(acked, of int){}
	}
	o.barrierN++
	token := nodeBarrier | o.barrierN
	o.barriers[token] = done
	o.startBarrier(token, wait)
}

func (o *home) startBarrier(token uint64, wait time.Duration) {
	o.feedGossip(gossip.Input{Kind: gossip.InBarrier, Token: token, Until: o.h.loop.Now() + int64(wait)})
}

func (o *home) barrierOver(token uint64, acked, of int) {
	if token&nodeBarrier == 0 {
		o.tfx = o.tables.Barrier(token, acked, of, o.tfx)
		o.dirty = true
		return
	}
	done := o.barriers[token]
	if done == nil {
		return
	}
	delete(o.barriers, token)
	done(acked, of)
}
