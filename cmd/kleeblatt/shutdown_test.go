//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// lastEvents are published shortly before the node is told to end: those of the late topic are more than its sockets take, and leave half
// of an outbox free.
var lastEvents = map[string]int{"com.last": 1000, "com.late": 7000}

const lastBytes = 1 << 10

// TestProcessShutdown (CLS-02, P21, P33): SIGTERM. The node is no longer ready; each of 30 sessions gets what was queued for it and then GOODBYE,
// those that do not read meanwhile too; only then their connections close. The others take the node out at once.
func TestProcessShutdown(t *testing.T) {
	c := startCluster(t, 3)
	leaving, other := c.nodes[0], c.nodes[1]
	var peers []*rawPeer
	for i := range 30 {
		topic := "com.last"
		if i%5 == 0 {
			topic = "com.late" // it reads when the node has been told to end
		}
		p := joinRaw(t, leaving.client, speeches()[i%6], 0)
		p.subscribe(topic)
		peers = append(peers, p)
	}
	away := connect(t, client.Config{}, other.ws())
	hang := hang(t, connect(t, client.Config{Once: true}, leaving.ws()), "com.hang")
	c.awaitMesh()
	pending := hang.call(t, away)

	told := make(chan struct{}) // SIGTERM is out
	goodbyes := make(chan *rawPeer, len(peers))
	answer := make(chan struct{}) // they may answer GOODBYE
	var readers sync.WaitGroup
	for i, p := range peers {
		readers.Go(func() {
			events := lastEvents["com.last"]
			if i%5 == 0 {
				events = lastEvents["com.late"]
				<-told
			}
			if err := p.readToTheEnd(events, goodbyes, answer); err != nil {
				t.Errorf("%s, session %d: %v", p.name, i, err)
			}
		})
	}
	pub := connect(t, client.Config{}, leaving.rs())
	filler := strings.Repeat("x", lastBytes)
	ctx, cancel := contextOf(t)
	defer cancel()
	for topic, events := range lastEvents {
		for n := range events {
			if _, err := pub.Publish(ctx, topic, client.Args(n+1, filler), &client.PublishOptions{Acknowledge: n+1 == events}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if leaving.metric("kleeblatt_queue_bytes", "outbox") == 0 {
		t.Error("nothing is queued for those that do not read")
	}

	leaving.signal(syscall.SIGTERM)
	close(told)
	for range peers {
		select {
		case <-goodbyes:
		case <-ctx.Done():
			t.Fatal("not everybody is told goodbye")
		}
	}
	if status, body, err := leaving.get("/readyz"); err == nil && status != http.StatusServiceUnavailable {
		t.Errorf("sessions have been told goodbye, and /readyz says %d %s", status, body)
	}
	if conn, err := net.Dial("tcp", leaving.client); err == nil {
		t.Error("it still takes clients")
		conn.Close()
	}
	close(answer)
	canceled(t, time.Now(), pending)
	leaving.ends()
	for _, p := range c.others(leaving) {
		if state := p.state(leaving); state != "gone" {
			t.Errorf("it has ended, and for %s it is %s", p.name, state)
		}
	}
	readers.Wait()
	c.awaitMesh()
	leaving.start()
	c.awaitMesh()
}

// readToTheEnd reads so many events, then GOODBYE, which it answers when it may, then the end of the connection.
func (p *rawPeer) readToTheEnd(events int, goodbyes chan<- *rawPeer, answer <-chan struct{}) error {
	for n := 1; ; n++ {
		m, err := p.next()
		switch {
		case err != nil:
			return fmt.Errorf("after %d events: %w", n-1, err)
		case m.Type == wamp.Goodbye && string(m.URI) == wamp.CloseSystemShutdown && n == events+1:
			goodbyes <- p
			<-answer
			p.send(codec.AppendGoodbye(nil, p.ser, wamp.CloseGoodbyeAndOut, ""))
			if m, err := p.next(); !errors.Is(err, io.EOF) {
				return fmt.Errorf("after GOODBYE: %+v, %w", m, err)
			}
			return nil
		case m.Type != wamp.Event || p.eventNumber(m) != n:
			return fmt.Errorf("after %d events: %v %s", n-1, m.Type, m.URI)
		}
	}
}
