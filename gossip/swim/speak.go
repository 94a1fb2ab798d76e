package swim

import "time"

// speak tells the others what has changed about us: tags at once, heads within the budget. Both may block for a broadcast, so
// they have a goroutine of their own.
func (n *Swim) speak() {
	var rest time.Duration // until the next head may be told
	for {
		if rest > 0 {
			if !sleep(rest, n.ctx.Done()) {
				return
			}
			rest = 0
		} else {
			select {
			case <-n.speakUp:
			case <-n.ctx.Done():
				return
			}
		}
		n.speakTags()
		if n.speakHead() {
			n.mu.Lock()
			rest = headInterval(n.aliveCount() + 1)
			n.mu.Unlock()
		}
	}
}

func (n *Swim) speakTags() {
	n.mu.Lock()
	t := n.tags
	changed := t != n.said
	n.said = t
	n.mu.Unlock()
	if !changed || n.yielded.Load() {
		return
	}
	if err := n.serf.SetTags(t.encode()); err != nil {
		// The new tags are in our own entry, which every exchange of the membership carries: they arrive later.
		n.log.std.Printf("[WARN] swim: the change of tags was not sent at once: %v", err)
	}
}

func (n *Swim) speakHead() bool {
	n.mu.Lock()
	version, life, toTell := n.head, n.tags.Life, n.toTell
	n.toTell = false
	n.mu.Unlock()
	if !toTell || n.yielded.Load() {
		return false
	}
	var buf [NameMax + 64]byte
	if err := n.serf.UserEvent(headEvent, appendHead(buf[:0], n.cfg.Name, life, version), true); err != nil {
		n.log.std.Printf("[ERR] swim: a head was not sent: %v", err)
	}
	return true
}
