package node

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// storm is a client that does whatever comes to its mind, in any state, and is not surprised by any answer.
type storm struct {
	t     *testing.T
	nodes []*Node
	r     *rand.Rand
	c     *client
	open  bool
	ids   []uint64 // seen in answers: subscriptions, registrations, requests
	gone  chan struct{}
	mu    sync.Mutex
}

// connect begins anew on some node; a reader answers and remembers what it sees.
func (s *storm) connect() {
	s.c = dial(s.t, s.nodes[s.r.IntN(len(s.nodes))])
	s.gone = make(chan struct{})
	c, gone := s.c, s.gone
	answer := rand.New(rand.NewPCG(s.r.Uint64(), 1))
	go func() {
		defer close(gone)
		for {
			m, err := c.read()
			if err != nil {
				c.conn.Close()
				return
			}
			s.mu.Lock()
			if len(s.ids) < 1000 {
				s.ids = append(s.ids, m.ID, m.Request)
			} else {
				s.ids[answer.IntN(len(s.ids))] = m.ID
			}
			s.mu.Unlock()
			var reply []byte
			switch {
			case m.Type == wamp.Goodbye:
				reply = codec.AppendGoodbye(nil, ser, wamp.CloseGoodbyeAndOut, "")
			case m.Type == wamp.Invocation && answer.IntN(8) > 0:
				reply = codec.AppendYield(nil, ser, m.Request, answer.IntN(3) == 0, codec.Payload{})
			case m.Type == wamp.Invocation:
				reply = codec.AppendError(nil, ser, wamp.Invocation, m.Request, []byte("t.error"), codec.Payload{})
			default:
				continue
			}
			frame := append([]byte{0, 0, 0, byte(len(reply))}, reply...)
			c.conn.Write(frame)
		}
	}()
	s.open = false
}

func (s *storm) id() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ids) > 0 && s.r.IntN(4) > 0 {
		return s.ids[s.r.IntN(len(s.ids))]
	}
	return s.r.Uint64() >> s.r.IntN(64)
}

// message is any message, mostly one that is legal in an open session.
func (s *storm) message() []byte {
	uri := fmt.Sprint("t.storm.", s.r.IntN(8))
	if s.r.IntN(20) == 0 {
		uri = []string{"", "wamp.x", "a..b", ".", "t. x", "#"}[s.r.IntN(6)]
	}
	request := s.c.next()
	if s.r.IntN(50) == 0 {
		request = s.id()
	}
	match := wamp.Match(s.r.IntN(3))
	switch s.r.IntN(14) {
	case 0:
		return codec.AppendSubscribe(nil, ser, request, uri, match)
	case 1:
		return codec.AppendUnsubscribe(nil, ser, request, s.id())
	case 2:
		return codec.AppendRegister(nil, ser, request, &codec.RegisterOptions{Match: match, Invoke: wamp.RoundRobin, Concurrency: uint64(s.r.IntN(3))}, uri)
	case 3:
		return codec.AppendUnregister(nil, ser, request, s.id())
	case 4, 5, 6:
		o := &codec.PublishOptions{Acknowledge: s.r.IntN(2) == 0, IncludeMe: s.r.IntN(2) == 0, DiscloseMe: s.r.IntN(9) == 0}
		if s.r.IntN(5) == 0 {
			o.Exclude, o.EligibleAuthRole = []uint64{s.id()}, []string{"anonymous", "x"}
		}
		return codec.AppendPublish(nil, ser, request, o, uri, number(request, s.r.IntN(200)))
	case 7, 8, 9:
		o := &codec.CallOptions{ReceiveProgress: s.r.IntN(2) == 0, Timeout: uint64(s.r.IntN(3) * 20)}
		return codec.AppendCall(nil, ser, request, o, uri, number(request, s.r.IntN(200)))
	case 10:
		return codec.AppendCancel(nil, ser, s.c.req-uint64(s.r.IntN(5)), wamp.CancelMode(s.r.IntN(3)))
	case 11:
		if s.r.IntN(10) > 0 {
			return codec.AppendCancel(nil, ser, s.id(), wamp.Skip)
		}
		return [][]byte{
			codec.AppendYield(nil, ser, s.id(), false, codec.Payload{}),
			codec.AppendError(nil, ser, wamp.MessageType(s.r.IntN(80)), s.id(), []byte(uri), codec.Payload{}),
			codec.AppendSubscribed(nil, ser, request, 1),
			codec.AppendInvocation(nil, ser, request, 1, &codec.InvocationDetails{}, codec.Payload{}),
			codec.AppendHello(nil, ser, "realm1", &codec.HelloDetails{Roles: allRoles}),
			{0x90}, {0x93, 1, 2, 3}, {0xc1}, {},
		}[s.r.IntN(9)]
	case 12:
		if s.r.IntN(10) > 0 {
			return codec.AppendUnsubscribe(nil, ser, request, s.id())
		}
		return codec.AppendGoodbye(nil, ser, wamp.CloseRealm, "")
	default:
		return codec.AppendUnregister(nil, ser, request, s.id())
	}
}

// blow does count things.
func (s *storm) blow(count int) {
	s.connect()
	for range count {
		select {
		case <-s.gone:
			s.connect()
		default:
		}
		if !s.open && s.r.IntN(10) > 0 {
			s.c.queue(codec.AppendHello(nil, ser, "realm1", &codec.HelloDetails{Roles: allRoles}))
			s.open = true
		}
		for range 1 + s.r.IntN(5) {
			s.c.queue(s.message())
		}
		if s.r.IntN(200) == 0 { // in the middle of a message
			s.c.out = s.c.out[:len(s.c.out)-s.r.IntN(min(6, len(s.c.out)))]
		}
		if s.c.write() != nil || s.r.IntN(100) == 0 {
			s.c.out = s.c.out[:0]
			if s.r.IntN(2) == 0 {
				s.c.conn.(*net.TCPConn).SetLinger(0)
			}
			s.c.conn.Close()
			<-s.gone
			s.connect()
		}
	}
	s.c.conn.Close()
	<-s.gone
}

// TestP19_P27_AfterAnyStormAllIsWellAndNothingIsLeft: sessions on three nodes do anything in any state, call and cancel each other and die.
// Afterwards no node knows of them any more, all tables are equal, and everything works.
func TestP19_P27_AfterAnyStormAllIsWellAndNothingIsLeft(t *testing.T) {
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprint("workers ", workers), func(t *testing.T) {
			nodes := sharedCluster(t, workers)
			count := 2000
			if raced {
				count = 300
			}
			seed := rand.Uint64()
			t.Log("seed", seed) // of the clients; how they meet is up to the machine
			var work sync.WaitGroup
			for i := range 9 {
				s := &storm{t: t, nodes: nodes, r: rand.New(rand.NewPCG(seed, uint64(i)))}
				work.Go(func() { s.blow(count) })
			}
			work.Wait()
			eventually(t, "nothing is left of the storm", func() bool {
				for _, n := range nodes {
					s := stats(n)
					if s.Sessions+s.Subscriptions+s.Registrations+s.CallsPending+s.InvocationsPending != 0 {
						return false
					}
				}
				return true
			}, nodes...)
			settle(t, nodes...)
			for _, n := range nodes {
				if s := stats(n); s.BadFrames != 0 {
					t.Errorf("%d relay frames could not be read", s.BadFrames)
				}
				for _, p := range n.Counters().Parts {
					if p.Entries != 0 {
						t.Errorf("%s holds %d entries of %s", n.name, p.Entries, p.Owner)
					}
				}
			}
			works(t, nodes...)
			if c := nodes[0].Counters(); c.Calls == 0 || c.Events == 0 || c.Violations == 0 {
				t.Errorf("it was no storm: %d calls, %d events, %d violations", c.Calls, c.Events, c.Violations)
			}
		})
	}
}

var worked atomic.Int64 // times that works was called: its procedures are new each time

// works shows that events and calls go from each node to each.
func works(t *testing.T, nodes ...*Node) {
	t.Helper()
	var subs []*client
	at := fmt.Sprint("t.works.", worked.Add(1))
	for i, n := range nodes {
		c := join(t, n)
		c.subscribe(at, wamp.Prefix)
		subs = append(subs, c)
		callee := join(t, n)
		callee.register(fmt.Sprint(at, ".", i), nil)
		callee.serve(0)
	}
	settle(t, nodes...)
	for i, n := range nodes {
		c := join(t, n)
		c.publish(at+".x", uint64(i))
		for _, s := range subs {
			s.event(uint64(i))
		}
		for k := range nodes {
			if m := c.call(fmt.Sprint(at, ".", k), 7); m.Type != wamp.Result || numberOf(m) != 7 {
				t.Errorf("a call from %s to %s: %v %s", n.name, nodes[k].name, m.Type, m.URI)
			}
		}
	}
}
