package degrade

import (
	"container/heap"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	datagramBytesMax = 64 << 10
	// pendingMax are the datagrams under way of one flow; more than that are dropped, and counted.
	pendingMax = 4096
	// peersMax are the addresses whose datagrams one port forwards; those of more are dropped, and counted.
	peersMax = 1024
	// peerIdle is when an address that sends nothing and is sent nothing is forgotten.
	peerIdle = 2 * time.Minute
)

// courier delivers the datagrams of one flow, each at its time.
type courier struct {
	to      io.Writer
	refused func() // called when to does not take one
	wake    chan struct{}

	mu      sync.Mutex
	pending datagrams
	sent    uint64
}

type datagram struct {
	at     time.Time
	number uint64 // those of the same time keep their order
	bytes  []byte
}

func newCourier(to io.Writer, refused func()) *courier {
	return &courier{to: to, refused: refused, wake: make(chan struct{}, 1)}
}

// post takes b, which nobody may change any more, and reports whether there was room.
func (c *courier) post(at time.Time, b []byte) bool {
	c.mu.Lock()
	if len(c.pending) >= pendingMax {
		c.mu.Unlock()
		return false
	}
	c.sent++
	heap.Push(&c.pending, datagram{at, c.sent, b})
	first := c.pending[0].number == c.sent
	c.mu.Unlock()
	if first {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// run delivers until ctx ends.
func (c *courier) run(ctx context.Context) {
	timer := time.NewTimer(peerIdle)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait := peerIdle
		if at, ok := c.next(); ok {
			if wait = time.Until(at); wait <= 0 {
				c.deliver()
				continue
			}
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.wake:
		case <-ctx.Done():
		}
	}
}

func (c *courier) next() (at time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) == 0 {
		return at, false
	}
	return c.pending[0].at, true
}

func (c *courier) deliver() {
	c.mu.Lock()
	d := heap.Pop(&c.pending).(datagram)
	c.mu.Unlock()
	if _, err := c.to.Write(d.bytes); err != nil {
		c.refused() // nobody listens there now
	}
}

// datagrams is a heap by time.
type datagrams []datagram

func (h datagrams) Len() int { return len(h) }
func (h datagrams) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].number < h[j].number
}
func (h datagrams) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *datagrams) Push(x any)   { *h = append(*h, x.(datagram)) }
func (h *datagrams) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = datagram{}
	*h = (*h)[:last]
	return x
}

// peer is an address that sends datagrams, with a socket of its own to the node behind, so that answers find back.
type peer struct {
	far    net.Conn
	flow   *flow
	post   *courier
	cancel context.CancelFunc
}

// packets forwards a port's datagrams until ctx ends.
func (p *Proxy) packets(ctx context.Context, g gate) {
	var mu sync.Mutex
	peers := map[string]*peer{}
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		for _, x := range peers {
			x.cancel()
		}
	}()
	buffer := make([]byte, datagramBytesMax)
	for number := 0; ; {
		n, from, err := g.udp.ReadFrom(buffer)
		if err != nil {
			if ctx.Err() != nil || !sleep(ctx, time.Now().Add(time.Millisecond)) {
				return
			}
			continue // a peer that refused an answer
		}
		p.counted[There].datagrams.Add(1)
		mu.Lock()
		x, known := peers[from.String()]
		full := len(peers) >= peersMax
		mu.Unlock()
		if !known {
			if !full {
				x, err = p.newPeer(ctx, g, from, number)
			}
			if full || err != nil {
				p.counted[There].dropped.Add(1)
				continue
			}
			back := p.flow("udp", g.number, number, Back)
			number++
			mu.Lock()
			peers[from.String()] = x
			mu.Unlock()
			p.work.Go(func() {
				p.answers(x, back, writerTo{g.udp, from})
				mu.Lock()
				delete(peers, from.String())
				mu.Unlock()
			})
		}
		x.far.SetReadDeadline(time.Now().Add(peerIdle))
		p.carry(x.flow, x.post, buffer[:n], There)
	}
}

func (p *Proxy) newPeer(ctx context.Context, g gate, from net.Addr, number int) (*peer, error) {
	far, err := net.Dial("udp", g.to)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	x := &peer{far: far, flow: p.flow("udp", g.number, number, There), cancel: cancel}
	x.post = newCourier(far, func() { p.counted[There].dropped.Add(1) })
	context.AfterFunc(ctx, func() { far.Close() })
	p.work.Go(func() { x.post.run(ctx) })
	return x, nil
}

// answers carries what the node behind sends to this peer, until nothing has been said for long.
func (p *Proxy) answers(x *peer, f *flow, to io.Writer) {
	ctx, cancel := context.WithCancel(context.Background())
	post := newCourier(to, func() { p.counted[Back].dropped.Add(1) })
	p.work.Go(func() { post.run(ctx) })
	defer cancel()
	defer x.cancel()
	buffer := make([]byte, datagramBytesMax)
	for {
		n, err := x.far.Read(buffer)
		if errors.Is(err, syscall.ECONNREFUSED) {
			continue // the node is not there now
		}
		if err != nil {
			return
		}
		x.far.SetReadDeadline(time.Now().Add(peerIdle))
		p.counted[Back].datagrams.Add(1)
		p.carry(f, post, buffer[:n], Back)
	}
}

// carry posts a datagram as its fate is.
func (p *Proxy) carry(f *flow, post *courier, b []byte, d Direction) {
	x, began := decide(p, f.datagram, len(b))
	switch {
	case x.lost:
		p.counted[d].lost.Add(1)
		return
	case x.duplicated:
		p.counted[d].twice.Add(1)
	}
	b = append([]byte(nil), b...)
	if !post.post(began.Add(x.at), b) || x.duplicated && !post.post(began.Add(x.again), b) {
		p.counted[d].dropped.Add(1)
	}
}

// writerTo sends to one address.
type writerTo struct {
	conn net.PacketConn
	to   net.Addr
}

func (w writerTo) Write(b []byte) (int, error) { return w.conn.WriteTo(b, w.to) }
