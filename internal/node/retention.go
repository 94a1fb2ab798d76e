package node

// The home hub's part of retained events.

// retain keeps a publication of this node for those who subscribe later. What follows for the tables is left to execTables.
func (o *home) retain(realm string, publication []byte) {
	o.tfx = o.retention.Retain(realm, publication, o.tables.Stamp(o.n.world.wall()), o.tfx)
}

// retained takes an event that another node carries.
func (o *home) retained(p *peer, element string) (err error) {
	var clock uint64
	o.tfx, clock, err = o.retention.RemoteAdd(p.slot, element, o.tfx)
	if clock != 0 {
		o.tables.Stamped(p.slot, clock)
	}
	return err
}

// gone ends what was there with a node's sessions, which are over.
func (o *home) gone(p *peer) {
	o.directory.Gone(p.slot)
	o.directory.EachUnretained(o.retain)
	o.retention.Away(p.slot)
}

// tickRetention carries events on whose carriers are gone.
func (o *home) tickRetention(now int64) {
	if at := o.retention.WakeAt(); at == 0 || now < at {
		return
	}
	var others []string
	for _, p := range o.places() {
		if p != nil && p.asked() {
			others = append(others, p.name)
		}
	}
	o.tfx = o.retention.Tick(now, others, o.tfx)
	o.execTables()
}
