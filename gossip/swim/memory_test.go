package swim

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// memNet is a network in memory: packets and streams between addresses, which can be cut (one way too), slow and lossy. It counts
// what each address sends.
type memNet struct {
	mu         sync.Mutex
	ends       map[string]*memEnd
	cut        func(from, to string) bool
	delay      func() time.Duration // one way
	loss       float64              // the part of packets that is lost, and of writes to streams that is sent again
	rumourless string               // packets to this address get lost if they carry any news
	rnd        *rand.Rand
	sent       map[string]int64 // bytes, with packetOverhead each
}

const (
	memDelay       = time.Millisecond
	packetOverhead = 28                     // of IPv4 and UDP; also counted for each write to a stream
	streamAgain    = 200 * time.Millisecond // until TCP sends again what was lost
)

func newMemNet() *memNet {
	return &memNet{
		ends: map[string]*memEnd{}, cut: func(string, string) bool { return false },
		delay: func() time.Duration { return memDelay }, rnd: rand.New(rand.NewPCG(1, 2)), sent: map[string]int64{},
	}
}

// setCut replaces the cut; it is asked with host:port of both ends.
func (m *memNet) setCut(cut func(from, to string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = cut
}

// heal ends every cut.
func (m *memNet) heal() { m.setCut(func(string, string) bool { return false }) }

// split cuts the named host:port addresses off from all others, both ways.
func (m *memNet) split(side ...string) {
	in := set(side)
	m.setCut(func(from, to string) bool { return in[from] != in[to] })
}

// deafen lets nothing reach the named addresses from outside, while what they send arrives.
func (m *memNet) deafen(side ...string) {
	in := set(side)
	m.setCut(func(from, to string) bool { return in[to] && !in[from] })
}

// slow makes each way take d ± spread and lose the part loss.
func (m *memNet) slow(d, spread time.Duration, loss float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delay, m.loss = func() time.Duration { return d - spread + time.Duration(m.rnd.Int64N(int64(2*spread))) }, loss
}

func set(list []string) map[string]bool {
	in := map[string]bool{}
	for _, a := range list {
		in[a] = true
	}
	return in
}

// bytes is what that address has sent so far.
func (m *memNet) bytes(addr string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sent[addr]
}

func (m *memNet) listen(addr string) *memEnd {
	e := &memEnd{net: m, addr: addr, packets: make(chan *memberlist.Packet, 4096), streams: make(chan net.Conn, 64)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ends[addr] = e
	return e
}

// trip is one way over the network.
type trip struct {
	to     *memEnd // nil where nobody listens
	cut    bool    // what is sent vanishes
	lost   bool
	noNews bool
	delay  time.Duration
}

func (m *memNet) trip(from, to string, bytes int) trip {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent[from] += int64(bytes + packetOverhead)
	return trip{to: m.ends[to], cut: m.cut(from, to), lost: m.loss > 0 && m.rnd.Float64() < m.loss, delay: m.delay(), noNews: to == m.rumourless}
}

// hasNews reports whether an unencrypted packet of memberlist is more than a bare probe or its answer.
func hasNews(b []byte) bool {
	const crcMark, crcHead = 12, 5
	if b = b[2+len(label):]; b[0] == crcMark {
		b = b[crcHead:]
	}
	return !slices.Contains([]byte{0, 1, 2, 11}, b[0]) // ping, indirect ping, ack, nack
}

func (m *memNet) dropNewsTo(addr string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rumourless = addr
}

// memEnd is one address of a memNet, as memberlist's transport.
type memEnd struct {
	net     *memNet
	addr    string
	packets chan *memberlist.Packet
	streams chan net.Conn
}

func (e *memEnd) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	a := netip.MustParseAddrPort(e.addr)
	return a.Addr().AsSlice(), int(a.Port()), nil
}

func (e *memEnd) WriteTo(b []byte, to string) (time.Time, error) {
	if t := e.net.trip(e.addr, to, len(b)); t.to != nil && !t.cut && !t.lost && !(t.noNews && hasNews(b)) {
		from := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(e.addr))
		b := append([]byte(nil), b...)
		time.AfterFunc(t.delay, func() {
			select {
			case t.to.packets <- &memberlist.Packet{Buf: b, From: from, Timestamp: time.Now()}:
			default: // packets may be lost
			}
		})
	}
	return time.Now(), nil
}

func (e *memEnd) DialTimeout(to string, timeout time.Duration) (net.Conn, error) {
	there, back := e.net.trip(e.addr, to, 0), e.net.trip(to, e.addr, 0)
	if wait := there.wait() + back.wait(); there.cut || back.cut || wait > timeout {
		<-time.After(timeout)
		return nil, os.ErrDeadlineExceeded
	} else {
		<-time.After(wait)
	}
	if there.to == nil {
		return nil, errors.New("refused")
	}
	ours, theirs := net.Pipe()
	select {
	case there.to.streams <- &memConn{Conn: theirs, net: e.net, from: to, to: e.addr}:
		return &memConn{Conn: ours, net: e.net, from: e.addr, to: to}, nil
	case <-time.After(timeout):
		return nil, os.ErrDeadlineExceeded
	}
}

func (t trip) wait() time.Duration {
	if t.lost {
		return t.delay + streamAgain
	}
	return t.delay
}

func (e *memEnd) PacketCh() <-chan *memberlist.Packet { return e.packets }
func (e *memEnd) StreamCh() <-chan net.Conn           { return e.streams }

func (e *memEnd) Shutdown() error {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	if e.net.ends[e.addr] == e {
		delete(e.net.ends, e.addr)
	}
	return nil
}

// memConn is one end of a stream. What is written into a cut never arrives; the stream does not outlive it.
type memConn struct {
	net.Conn
	net      *memNet
	from, to string
	mu       sync.Mutex
	deadline time.Time
}

func (c *memConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	return c.Conn.SetDeadline(t)
}

func (c *memConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.to))
}

// left is how long a write may take. Where memberlist sets no deadline it trusts the buffer of the socket; a pipe has none.
func (c *memConn) left() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deadline.IsZero() {
		c.Conn.SetWriteDeadline(time.Now().Add(streamTimeout))
		return streamTimeout
	}
	return time.Until(c.deadline)
}

func (c *memConn) Write(b []byte) (int, error) {
	left := c.left()
	t := c.net.trip(c.from, c.to, len(b))
	if t.cut || t.wait() > left {
		<-time.After(left)
		return 0, os.ErrDeadlineExceeded
	}
	<-time.After(t.wait())
	return c.Conn.Write(b)
}
