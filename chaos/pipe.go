package chaos

import (
	"errors"
	"syscall"
	"time"

	"kleeblatt/transport"
)

var (
	errReset   = error(syscall.ECONNRESET)
	errRefused = error(syscall.ECONNREFUSED)
	errTimeout = errors.New("dial timed out")
)

const (
	// kernelBytes is what the two kernels of a connection take before anything waits in the outbox.
	kernelBytes = 64 << 10
	// linkOutboxBytes is transport's bound for a link connection.
	linkOutboxBytes = transport.DefaultLinkOutboxBytesMax
	// blindBytes is what still comes through while no acknowledgement gets back: TCP's window.
	blindBytes = 64 << 10
)

// end is one end of a connection, at a process. The other end is at another process or a client.
type end struct {
	id     transport.ConnID
	l      *loop
	far    *end        // of a link
	client *clientConn // of a client's connection
	out    *pipe       // what leaves here
	open   bool        // Opened was called
	shut   bool        // nothing is sent or received any more
	told   bool        // Closed was called, or need not be
	paused bool
	held   []arrival // what came meanwhile
	half   bool      // HalfFull was told and not yet Drained
	taken  int       // since then or since Draining was told
}

// send puts a message on the wire, or into the outbox.
func (e *end) send(body []byte, urgent bool) bool {
	bound := e.bound()
	if urgent {
		bound += bound / 4
	}
	if q := e.queued(); q > 0 && q+len(body) > bound {
		e.half = true
		e.l.h.Pressure(e.id, transport.Full)
		return false
	}
	e.out.send(body)
	if !e.half && e.queued() > e.bound()/2 {
		e.half, e.taken = true, 0
		e.l.inbox = append(e.l.inbox, arrival{kind: arrivedPressure, end: e, level: transport.HalfFull})
		e.l.plan(e.l.w.now)
	}
	return true
}

func (e *end) bound() int {
	if e.client != nil {
		return e.l.w.draw.outboxBytes
	}
	return linkOutboxBytes
}

func (e *end) queued() int { return max(0, e.out.bytes-kernelBytes) }

// drained is called when n bytes of the outbox have gone.
func (e *end) drained(n int) {
	if !e.half || e.shut {
		return
	}
	level := transport.Draining
	if e.taken += n; e.queued() <= e.bound()/4 {
		e.half, level = false, transport.Drained
	} else if e.taken < 32<<10 {
		return
	}
	e.taken = 0
	e.l.inbox = append(e.l.inbox, arrival{kind: arrivedPressure, end: e, level: level})
	e.l.plan(e.l.w.now)
}

// close ends the connection from here: in order (err nil: what is queued still arrives) or at once.
func (e *end) close(err error) {
	e.shut = true
	e.l.inbox = append(e.l.inbox, arrival{kind: arrivedClosed, end: e, err: err})
	e.l.plan(e.l.w.now)
	e.out.finish(err)
}

func (e *end) dropHeld() {
	for _, a := range e.held {
		e.l.w.buffers.put(a.bytes)
	}
	e.held = nil
}

// pipe is one direction of a connection: a stream, in which nothing is lost or overtaken. What would be lost costs time.
type pipe struct {
	w        *World
	from, to *end        // nil where a client is
	client   *clientConn // where one end is a client
	queue    []packet
	bytes    int   // in queue
	last     int64 // arrival of the last packet
	planned  int64 // the next delivery, 0 for none: the queue is empty or the pipe is stuck
	stuck    bool  // nothing comes through; who mends that calls kick
	blind    int   // bytes that came through since acknowledgements do not
	ended    bool  // the last packet is the end
}

type packet struct {
	bytes []byte
	at    int64
	end   bool
	err   error
}

func (p *pipe) send(b []byte) {
	if p.ended {
		return
	}
	p.bytes += len(b)
	p.push(packet{bytes: p.w.buffers.copy(b), at: p.arrival(len(b))})
}

// finish is the last thing that goes through the pipe. err: what has not arrived is lost.
func (p *pipe) finish(err error) {
	if p.ended {
		return
	}
	p.ended = true
	if err != nil {
		keep := 0
		for !p.stuck && keep < len(p.queue) && p.queue[keep].at <= p.w.now {
			keep++
		}
		for _, x := range p.queue[keep:] {
			p.bytes -= len(x.bytes)
			p.w.buffers.put(x.bytes)
		}
		p.queue = p.queue[:keep]
		p.last = p.w.now
	}
	p.push(packet{at: p.arrival(0), end: true, err: err})
}

func (p *pipe) push(x packet) {
	p.queue = append(p.queue, x)
	p.last = x.at
	if p.planned == 0 && !p.stuck {
		p.next()
	}
}

// next plans the delivery of the first packet.
func (p *pipe) next() {
	if len(p.queue) == 0 {
		p.planned = 0
		return
	}
	p.planned = max(p.queue[0].at, p.w.now)
	p.w.push(event{at: p.planned, pipe: p})
}

// arrival is when a packet of n bytes that is sent now arrives.
func (p *pipe) arrival(n int) int64 {
	var d int64
	if p.client != nil {
		d = p.w.sometimes(p.w.draw.clientLag)
	} else {
		d = p.w.net.tcpDelay(p.from.l.p.site, p.to.l.p.site, n)
	}
	return max(p.last, p.w.now+d)
}

// due delivers what has arrived.
func (p *pipe) due() {
	w := p.w
	if p.planned != w.now {
		return
	}
	p.planned = 0
	done := 0
	for done < len(p.queue) && p.queue[done].at <= w.now {
		if p.blocked() {
			p.stuck = true
			break
		}
		p.deliver(&p.queue[done])
		done++
	}
	if done > 0 {
		n := copy(p.queue, p.queue[done:])
		clear(p.queue[n:])
		p.queue = p.queue[:n]
	}
	if !p.stuck {
		p.next()
	}
}

func (p *pipe) deliver(x *packet) {
	p.bytes -= len(x.bytes)
	p.blind += len(x.bytes)
	if p.from != nil {
		p.from.drained(len(x.bytes))
	}
	if p.to == nil {
		p.client.arrived(x)
		return
	}
	to := p.to
	switch {
	case to.l.p.dead || to.told:
		p.toNobody(x)
	case x.end:
		to.l.arrive(arrival{kind: arrivedClosed, end: to, err: x.err})
		if x.err == nil { // both directions end
			to.out.ended = true
		}
	default:
		to.l.arrive(arrival{end: to, bytes: x.bytes})
		return
	}
	p.w.buffers.put(x.bytes)
}

// toNobody answers what comes for an end that is gone: with a reset, where there is a kernel to send it.
func (p *pipe) toNobody(x *packet) {
	if x.end || p.from == nil || p.from.shut || p.to.l.p.site.off {
		return
	}
	from := p.from
	p.ended = true
	p.w.after(p.w.between(50*time.Microsecond, time.Millisecond), func() {
		if !from.told {
			from.l.arrive(arrival{kind: arrivedClosed, end: from, err: errReset})
		}
	})
}

func (p *pipe) blocked() bool {
	if p.client != nil {
		return p.from != nil && p.client.stalled
	}
	a, b := p.from.l.p.site, p.to.l.p.site
	if p.w.net.tcpCut(a, b) || b.off {
		return true
	}
	if !p.w.net.tcpCut(b, a) {
		p.blind = 0
		return false
	}
	return p.blind > blindBytes
}

// kick tries a stuck pipe again, when the sender does so next.
func (p *pipe) kick() {
	if !p.stuck {
		return
	}
	p.stuck = false
	at := p.w.now + int64(p.w.between(time.Millisecond, p.w.draw.retransmit))
	if p.client != nil {
		at = p.w.now
	}
	for i := range p.queue {
		p.queue[i].at = max(p.queue[i].at, at)
	}
	p.last = max(p.last, at)
	p.next()
}
