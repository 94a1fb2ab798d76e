package chaos

import "time"

// nodesMax is the largest cluster that is played.
const nodesMax = 20

// draws are what a seed says of a whole run.
type draws struct {
	nodes   int
	workers []int // by site
	mode    Mode

	// Lags within a process.
	workerLag, homeLag, mailLag, clientLag time.Duration

	// The network.
	delayMin, delayMax, jitter time.Duration
	loss, duplicates, reorder  float64
	retransmit                 time.Duration // the longest wait for what was lost in a stream

	// Membership.
	failMin, failMax   time.Duration // from unreachable to said so
	aliveMax, aliveRun time.Duration // from reachable to said so: usually, and at the latest
	falseDeaths        time.Duration // between two of them, over all nodes; 0: none
	reapAfter          time.Duration

	// The tables' times, and bounds that are met in short runs.
	hideAfter, leaveGrace, retain time.Duration
	downAfter                     time.Duration
	window, inflight              int
	retainBytes, bufferedBytes    int
	logOps                        int
	idBits                        int
	outboxBytes                   int
	standby                       bool // who loses a conflict stands by, and is not revoked

	faultEvery time.Duration
	healAt     time.Duration // liveness: when the core is healed
	converge   time.Duration // and how long it may take to be as one
}

// standbyOf: in one of so many worlds who loses a conflict stands by.
const standbyOf = 5

// drawAll draws them. Times are short, so that a run of two and a half minutes sees what takes an hour in production.
func (w *World) drawAll() draws {
	d := draws{mode: w.opts.Mode, nodes: w.opts.Nodes}
	if d.mode == "" {
		d.mode = []Mode{Safety, Liveness}[w.rnd.IntN(2)]
	}
	if d.nodes == 0 {
		d.nodes = w.drawNodes()
	}
	for range d.nodes + twinsMax {
		d.workers = append(d.workers, 1+w.rnd.IntN(3))
	}
	w.drawLags(&d)
	w.drawNetwork(&d)
	d.failMin, d.failMax = w.between(time.Second, 4*time.Second), w.between(5*time.Second, 15*time.Second)
	d.aliveMax, d.aliveRun = w.between(200*time.Millisecond, 5*time.Second), w.between(5*time.Second, 20*time.Second)
	if w.chance(0.15) {
		d.aliveRun = w.between(40*time.Second, 80*time.Second)
	}
	if w.chance(0.6) {
		d.falseDeaths = w.between(4*time.Second, 40*time.Second)
	}
	d.reapAfter = w.between(10*time.Second, time.Minute)
	d.hideAfter = w.between(3*time.Second, 30*time.Second)
	d.downAfter = d.hideAfter
	d.leaveGrace = w.between(2*time.Second, 15*time.Second)
	d.retain = d.leaveGrace + w.between(2*time.Second, 30*time.Second)
	d.inflight = 64 << 10 << w.rnd.IntN(4)
	d.window = d.inflight * (4 + w.rnd.IntN(5))
	d.outboxBytes = 1 << 20 << w.rnd.IntN(4)
	d.logOps = 1 << 14
	if w.chance(0.7) {
		d.logOps = 16 + w.rnd.IntN(48)
	}
	d.idBits = 53
	if w.chance(0.5) {
		d.idBits = 8 + w.rnd.IntN(5)
	}
	d.faultEvery = w.between(2*time.Second, 12*time.Second)
	d.retainBytes, d.bufferedBytes = 1<<10<<w.rnd.IntN(12), 1<<10<<w.rnd.IntN(11)
	d.converge = 30*time.Second + d.aliveRun
	d.healAt = max(w.opts.Duration-d.converge, w.opts.Duration/5)
	if w.opts.Calm {
		d.mode, d.loss, d.duplicates, d.reorder, d.falseDeaths = Safety, 0, 0, 0, 0
	}
	d.converge = w.opts.Duration - d.healAt
	d.standby = mix(w.opts.Seed^0x7374616e64)%standbyOf == 0
	return d
}

// drawNodes prefers small clusters: most of what can go wrong needs three.
func (w *World) drawNodes() int {
	switch r := w.rnd.IntN(100); {
	case r < 70:
		return 3 + w.rnd.IntN(4)
	case r < 95:
		return 5 + w.rnd.IntN(6)
	}
	return 8 + w.rnd.IntN(13)
}

func (w *World) drawLags(d *draws) {
	lag := func() time.Duration {
		return [...]time.Duration{20 * time.Microsecond, time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond}[min(w.rnd.IntN(5), 3)]
	}
	d.workerLag, d.homeLag, d.mailLag = lag(), lag(), lag()
	d.clientLag = w.between(100*time.Microsecond, 5*time.Millisecond)
}

func (w *World) drawNetwork(d *draws) {
	d.delayMin, d.delayMax = 50*time.Microsecond, 500*time.Microsecond
	if w.chance(0.3) { // a wide area
		d.delayMin, d.delayMax = time.Millisecond, 80*time.Millisecond
	}
	d.jitter = w.between(0, d.delayMax)
	if w.chance(0.5) {
		d.loss = 0.3 * w.rnd.Float64()
	}
	if w.chance(0.5) {
		d.duplicates = 0.2 * w.rnd.Float64()
	}
	if w.chance(0.5) {
		d.reorder = 0.3 * w.rnd.Float64()
	}
	d.retransmit = w.between(100*time.Millisecond, 2*time.Second)
}
