package transport_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"kleeblatt/transport"
)

// echo is the smallest useful Handler: it sends back what it receives.
type echo struct{ l transport.Loop }

func (e echo) Opened(transport.ConnID, *transport.Info)       {}
func (e echo) Received(c transport.ConnID, msg []byte)        { e.l.Send(c, msg, false) }
func (e echo) Closed(transport.ConnID, error)                 {}
func (e echo) DialFailed(uint64, error)                       {}
func (e echo) Pressure(c transport.ConnID, _ transport.Level) {}
func (e echo) Woken()                                         {}
func (e echo) Turn(now int64) (next int64, again bool)        { return 0, false }

func Example() {
	s, err := transport.New(transport.Config{
		Loops:      1,
		NewHandler: func(_ int, l transport.Loop) transport.Handler { return echo{l} },
		Listeners:  []transport.Listener{{URL: "rs://127.0.0.1:0"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Start(); err != nil {
		fmt.Println(err)
		return
	}

	// A RawSocket client: the handshake for JSON, then one message.
	c, _ := net.Dial("tcp", s.Addrs()[0].String())
	c.Write([]byte{0x7F, 0xF1, 0, 0})
	c.Write(append([]byte{0, 0, 0, 5}, "[1,2]"...))
	answer := make([]byte, 4+4+5)
	io.ReadFull(c, answer)
	fmt.Printf("% x %s\n", answer[:4], answer[8:])
	c.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	fmt.Println(s.Stop(ctx))
	// Output:
	// 7f f1 00 00 [1,2]
	// <nil>
}
