package degrade

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Pair is an address that the proxy listens on, TCP and UDP, and the one behind it. Both are HOST:PORT; a port 0 to listen on means any.
type Pair struct{ Listen, To string }

// Options say what a proxy is.
type Options struct {
	Profile Profile
	Seed    uint64
	Pairs   []Pair // all of one link: they share its bottleneck and its weather
}

// Stats are what went through. Index them by direction, There or Back.
type Stats [2]struct {
	Connections          uint64 // opened by those who dial; counted There
	Bytes                uint64 // of streams
	Datagrams            uint64 // that came
	Lost, Twice, Dropped uint64 // by the profile; for want of room in the proxy itself, or an address that answers nothing
}

// counters are Stats under way.
type counters struct{ connections, bytes, datagrams, lost, twice, dropped atomic.Uint64 }

// Proxy is a bad link. All methods may be called by any goroutine.
type Proxy struct {
	opt     Options
	gates   []gate
	counted [2]counters
	work    sync.WaitGroup
	began   time.Time // the link's time 0; of Serve

	mu    sync.Mutex // around lines and all flows
	lines [2]*line
}

// gate is a pair that is listened on.
type gate struct {
	number int
	to     string
	tcp    net.Listener
	udp    net.PacketConn
}

// Listen binds all addresses. Serve has to be called, and closes them.
func Listen(opt Options) (*Proxy, error) {
	if err := opt.Profile.Check(); err != nil {
		return nil, fmt.Errorf("profile %s: %w", opt.Profile.Name, err)
	}
	if len(opt.Pairs) == 0 {
		return nil, errors.New("there is nothing to listen on")
	}
	p := &Proxy{opt: opt}
	p.lines = newLines(&p.opt.Profile, opt.Seed)
	for i, pair := range opt.Pairs {
		if _, _, err := net.SplitHostPort(pair.To); err != nil {
			p.shut()
			return nil, err
		}
		g, err := bind(i, pair)
		if err != nil {
			p.shut()
			return nil, err
		}
		p.gates = append(p.gates, g)
	}
	return p, nil
}

// bindsMax is how often a port is looked for that is free for TCP and UDP.
const bindsMax = 16

func bind(number int, pair Pair) (gate, error) {
	_, port, err := net.SplitHostPort(pair.Listen)
	for range bindsMax {
		var tcp net.Listener
		if tcp, err = net.Listen("tcp", pair.Listen); err != nil {
			return gate{}, err
		}
		var udp net.PacketConn
		if udp, err = net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			return gate{number, pair.To, tcp, udp}, nil
		}
		tcp.Close()
		if port != "0" {
			break
		}
	}
	return gate{}, err
}

// Addr is where pair i is listened on.
func (p *Proxy) Addr(i int) string { return p.gates[i].tcp.Addr().String() }

// Stats are what went through until now.
func (p *Proxy) Stats() (s Stats) {
	for d := range p.counted {
		c, x := &p.counted[d], &s[d]
		x.Connections, x.Bytes, x.Datagrams = c.connections.Load(), c.bytes.Load(), c.datagrams.Load()
		x.Lost, x.Twice, x.Dropped = c.lost.Load(), c.twice.Load(), c.dropped.Load()
	}
	return s
}

// Serve is the link until ctx ends, then closes everything. Once.
func (p *Proxy) Serve(ctx context.Context) {
	p.began = time.Now()
	for _, g := range p.gates {
		p.work.Go(func() { p.accept(ctx, g) })
		p.work.Go(func() { p.packets(ctx, g) })
	}
	<-ctx.Done()
	p.shut()
	p.work.Wait()
}

func (p *Proxy) shut() {
	for _, g := range p.gates {
		g.tcp.Close()
		g.udp.Close()
	}
}

func (p *Proxy) flow(kind string, pair, number int, d Direction) *flow {
	return newFlow(p.lines[d], p.opt.Seed, fmt.Sprintf("%s %d", kind, pair), number, d)
}

// decide asks f under the link's lock, at the time that it is then.
func decide[T any](p *Proxy, ask func(now time.Duration, n int) T, n int) (T, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Since(p.began)
	return ask(now, n), p.began
}

// sleep waits until then, and reports whether ctx still goes on.
func sleep(ctx context.Context, until time.Time) bool {
	wait := time.Until(until)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
