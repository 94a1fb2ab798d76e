//go:build !linux

package transport

import (
	"net"
	"time"
)

// On these systems every connection is served by goroutines (stream.go); descriptors are never touched here.

const iovecsMax = 1024

type iovec = []byte

func iovecOf(p []byte) iovec { return p }

const noDescriptors = "transport: there are no descriptors on this system"

func readFD(int, []byte) (int, bool, error) { panic(noDescriptors) }
func writeFD(int, []byte) (int, error)      { panic(noDescriptors) }
func writevFD(int, []iovec) (int, error)    { panic(noDescriptors) }
func closeFD(int)                           {}
func shutWrite(int) error                   { return nil }
func peerText(int) string                   { return "" }

const dialsOnLoop = false

func (l *loop) connect(*conn, string, string)  { panic(noDescriptors) }
func (l *loop) connOf(*conn) (net.Conn, error) { panic(noDescriptors) }
func (l *loop) arm(*conn) error                { panic(noDescriptors) }
func (l *loop) interest(*conn)                 {}
func (l *loop) event(event)                    {}
func (l *loop) listen(*listener)               {}
func (l *loop) acceptAgain()                   {}
func (l *loop) unlisten()                      {}
func (n *listener) prepare() error             { return nil }
func (n *listener) close()                     { n.ln.Close() }

type event struct{}

// poller is where the loop waits for its mail.
type poller struct {
	bell  chan struct{}
	timer *time.Timer
}

func (p *poller) open() error {
	p.bell = make(chan struct{}, 1)
	return nil
}

func (p *poller) close()                {}
func (p *poller) pending() bool         { return false }
func (p *poller) poll() int             { return 0 }
func (p *poller) linger(_, _ int64) int { return 0 }
func (p *poller) next() (event, bool)   { return event{}, false }

func (p *poller) wake() {
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

func (p *poller) block(timeout int64) {
	if timeout < 0 {
		<-p.bell
		return
	}
	if p.timer == nil {
		p.timer = time.NewTimer(time.Duration(timeout))
	} else {
		p.timer.Reset(time.Duration(timeout))
	}
	select {
	case <-p.bell:
		p.timer.Stop()
	case <-p.timer.C:
	}
}
