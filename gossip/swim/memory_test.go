package swim

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// memNet is a network in memory: packets and streams between addresses, with cuts.
type memNet struct {
	mu   sync.Mutex
	ends map[string]*memEnd
	cut  func(from, to string) bool
}

func newMemNet() *memNet {
	return &memNet{ends: map[string]*memEnd{}, cut: func(string, string) bool { return false }}
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
	in := map[string]bool{}
	for _, a := range side {
		in[a] = true
	}
	m.setCut(func(from, to string) bool { return in[from] != in[to] })
}

const memDelay = time.Millisecond

// memEnd is one address of a memNet, as memberlist's transport.
type memEnd struct {
	net     *memNet
	addr    string
	packets chan *memberlist.Packet
	streams chan net.Conn
}

func (m *memNet) listen(addr string) *memEnd {
	e := &memEnd{net: m, addr: addr, packets: make(chan *memberlist.Packet, 4096), streams: make(chan net.Conn, 64)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ends[addr] = e
	return e
}

// find gives the end at addr; cut is true when what is sent to it vanishes.
func (m *memNet) find(from, to string) (e *memEnd, cut bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ends[to], m.cut(from, to)
}

func (e *memEnd) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	a := netip.MustParseAddrPort(e.addr)
	return a.Addr().AsSlice(), int(a.Port()), nil
}

func (e *memEnd) WriteTo(b []byte, to string) (time.Time, error) {
	if peer, cut := e.net.find(e.addr, to); peer != nil && !cut {
		from := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(e.addr))
		b := append([]byte(nil), b...)
		time.AfterFunc(memDelay, func() {
			select {
			case peer.packets <- &memberlist.Packet{Buf: b, From: from, Timestamp: time.Now()}:
			default: // packets may be lost
			}
		})
	}
	return time.Now(), nil
}

func (e *memEnd) DialTimeout(to string, timeout time.Duration) (net.Conn, error) {
	peer, cut := e.net.find(e.addr, to)
	if cut {
		<-time.After(timeout)
		return nil, errors.New("timeout")
	}
	if peer == nil {
		return nil, errors.New("refused")
	}
	ours, theirs := net.Pipe()
	select {
	case peer.streams <- theirs:
		return ours, nil
	case <-time.After(timeout):
		return nil, errors.New("timeout")
	}
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
