package degrade

import (
	"context"
	"io"
	"net"
	"time"
)

const (
	// chunkBytes is what a stream is cut into.
	chunkBytes = 16 << 10
	// chunksMax are under way in one direction of a connection; what comes then is not read, so that the sender feels the link. It is more
	// than the product of bandwidth and delay of any named profile.
	chunksMax = 64
	// dialTimeout bounds the way to the node behind.
	dialTimeout = 5 * time.Second
)

// chunk is a part of a stream; no bytes means its end.
type chunk struct {
	at    time.Time
	bytes []byte
}

func (p *Proxy) accept(ctx context.Context, g gate) {
	for number := 0; ; number++ {
		near, err := g.tcp.Accept()
		if err != nil {
			if ctx.Err() != nil || !sleep(ctx, time.Now().Add(dialTimeout/100)) { // of descriptors there may be more later
				return
			}
			continue
		}
		p.counted[There].connections.Add(1)
		p.work.Go(func() { p.connection(ctx, near, g, number) })
	}
}

// connection serves one connection until both its directions have ended.
func (p *Proxy) connection(ctx context.Context, near net.Conn, g gate, number int) {
	far, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", g.to)
	if err != nil {
		near.Close() // as if nobody listened
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { near.Close(); far.Close() })
	defer stop()
	back := make(chan struct{})
	go func() {
		defer close(back)
		p.pump(ctx, cancel, near, far, p.flow("tcp", g.number, number, Back), Back)
	}()
	p.pump(ctx, cancel, far, near, p.flow("tcp", g.number, number, There), There)
	<-back
	near.Close()
	far.Close()
}

// pump moves one direction of a connection until its end has got through, or fails.
func (p *Proxy) pump(ctx context.Context, cancel context.CancelFunc, dst io.Writer, src io.Reader, f *flow, d Direction) {
	chunks := make(chan chunk, chunksMax)
	written := make(chan struct{})
	go func() {
		defer close(written)
		if !p.write(ctx, dst, chunks, d) {
			cancel()
			for range chunks { // the reader must not wait for room
			}
		}
	}()
	buffer := make([]byte, chunkBytes)
	for {
		n, err := src.Read(buffer)
		if n > 0 || err == io.EOF {
			at, began := decide(p, f.chunk, n)
			chunks <- chunk{began.Add(at), append([]byte(nil), buffer[:n]...)}
		}
		if err != nil {
			if err != io.EOF {
				cancel()
			} else if n > 0 {
				at, began := decide(p, f.chunk, 0)
				chunks <- chunk{began.Add(at), nil}
			}
			break
		}
	}
	close(chunks)
	<-written
}

// write writes each chunk at its time, and reports whether it came to the stream's end.
func (p *Proxy) write(ctx context.Context, dst io.Writer, chunks <-chan chunk, d Direction) bool {
	for c := range chunks {
		if !sleep(ctx, c.at) {
			return false
		}
		if len(c.bytes) == 0 {
			half, ok := dst.(interface{ CloseWrite() error })
			return ok && half.CloseWrite() == nil
		}
		if _, err := dst.Write(c.bytes); err != nil {
			return false
		}
		p.counted[d].bytes.Add(uint64(len(c.bytes)))
	}
	return false
}
