package baseline

import (
	"encoding/binary"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// TestCloseUnderLoad: the log closes while others propose as fast as they can, whatever has come of their entries. The library answers nobody
// whose entry it still holds when it is shut down.
func TestCloseUnderLoad(t *testing.T) {
	for range 5 {
		l, err := openLog("127.0.0.1", "n0", 1, true, styles["raft-lan"], slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		taken, busy, ready := 0, make(chan struct{}), make(chan struct{})
		l.home = func(f func()) {
			mu.Lock()
			defer mu.Unlock()
			f()
		}
		l.take = func(*entry) {
			if taken++; taken == 100 {
				close(busy)
			}
		}
		if err := l.start(); err != nil {
			t.Fatal(err)
		}
		l.found()
		var all sync.WaitGroup
		for i := range 16 {
			c, err := dial(l.self.addr, time.Second, forProposals)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			e := &entry{kind: change, node: "n1", epoch: 1, seq: uint64(i)}
			b := e.append(nil)
			b = append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
			all.Go(func() { io.Copy(io.Discard, c) })
			all.Go(func() {
				<-ready
				for {
					if _, err := c.Write(b); err != nil {
						return
					}
				}
			})
		}
		close(ready)
		<-busy
		l.close()
		all.Wait()
	}
}
