package node

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// client is one session over RawSocket and MessagePack that does exactly what it is told to.
type client struct {
	t      *testing.T
	conn   net.Conn
	r      *bufio.Reader
	out    []byte // frames that were not written yet
	in     []byte
	parser codec.Parser
	m      codec.Message // the last one read
	id     uint64
	req    uint64
}

const ser = wamp.MsgPack

var allRoles = wamp.Roles{
	Publisher: true, Subscriber: true, Caller: true, Callee: true,
	CallerFeatures: wamp.FeatureCallCanceling | wamp.FeatureProgressiveCallResults,
	CalleeFeatures: wamp.FeatureCallCanceling | wamp.FeatureProgressiveCallResults | wamp.FeatureSharedRegistration,
}

// dial opens a transport; the session is not begun.
func dial(t *testing.T, n *Node) *client {
	t.Helper()
	c, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(n.URLs()[0], "rs://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	x := &client{t: t, conn: c, r: bufio.NewReaderSize(c, 64<<10)}
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte{0x7f, 0xf0 | byte(ser), 0, 0}); err != nil {
		t.Fatal(err)
	}
	var hs [4]byte
	if _, err := io.ReadFull(x.r, hs[:]); err != nil || hs[0] != 0x7f || hs[1]&15 != byte(ser) {
		t.Fatalf("the handshake was answered %x: %v", hs, err)
	}
	return x
}

// join opens a session on the node.
func join(t *testing.T, n *Node) *client {
	t.Helper()
	c := dial(t, n)
	c.send(codec.AppendHello(nil, ser, "realm1", &codec.HelloDetails{Roles: allRoles}))
	c.id = c.expect(wamp.Welcome).Request
	return c
}

// queue frames a message; write sends what was queued.
func (c *client) queue(m []byte) {
	if len(m) == 1<<24 {
		c.out = append(append(c.out, 8, 0, 0, 0), m...)
		return
	}
	c.out = append(append(c.out, 0, byte(len(m)>>16), byte(len(m)>>8), byte(len(m))), m...)
}

func (c *client) write() error {
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	return err
}

func (c *client) send(m []byte) {
	c.t.Helper()
	c.queue(m)
	if err := c.write(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) next() uint64 { c.req++; return c.req }

// read returns the next message, valid until the next one.
func (c *client) read() (*codec.Message, error) {
	if c.r.Buffered() == 0 {
		c.conn.SetReadDeadline(time.Now().Add(patience))
	}
	var h [4]byte
	if _, err := io.ReadFull(c.r, h[:]); err != nil {
		return nil, err
	}
	n := int(h[1])<<16 | int(h[2])<<8 | int(h[3])
	if h[0] == 8 {
		n = 1 << 24
	} else if h[0] != 0 {
		return nil, fmt.Errorf("a frame that begins %x", h)
	}
	if cap(c.in) < n {
		c.in = make([]byte, n)
	}
	c.in = c.in[:n]
	if _, err := io.ReadFull(c.r, c.in); err != nil {
		return nil, err
	}
	if err := c.parser.Parse(ser, c.in, &c.m); err != nil {
		return nil, err
	}
	return &c.m, nil
}

func (c *client) expect(typ wamp.MessageType) *codec.Message {
	c.t.Helper()
	m, err := c.read()
	if err != nil {
		c.t.Fatalf("waiting for %v: %v", typ, err)
	}
	if m.Type != typ {
		c.t.Fatalf("got %v %s, want %v", m.Type, m.URI, typ)
	}
	return m
}

// ended reads to the end of the connection, which must come.
func (c *client) ended() {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				c.t.Fatal("the connection is still open")
			}
			return
		}
	}
}

func (c *client) subscribe(topic string, match wamp.Match) uint64 {
	c.t.Helper()
	c.send(codec.AppendSubscribe(nil, ser, c.next(), topic, match))
	return c.expect(wamp.Subscribed).ID
}

func (c *client) unsubscribe(id uint64) {
	c.t.Helper()
	c.send(codec.AppendUnsubscribe(nil, ser, c.next(), id))
	c.expect(wamp.Unsubscribed)
}

func (c *client) register(procedure string, o *codec.RegisterOptions) uint64 {
	c.t.Helper()
	c.send(codec.AppendRegister(nil, ser, c.next(), o, procedure))
	return c.expect(wamp.Registered).ID
}

var acknowledged = &codec.PublishOptions{Acknowledge: true}

// publish publishes the number and waits for the acknowledgement.
func (c *client) publish(topic string, n uint64) {
	c.t.Helper()
	c.send(codec.AppendPublish(nil, ser, c.next(), acknowledged, topic, number(n, 0)))
	c.expect(wamp.Published)
}

// event expects an event with that number.
func (c *client) event(n uint64) {
	c.t.Helper()
	if got := numberOf(c.expect(wamp.Event)); got != n {
		c.t.Fatalf("got event %d, want %d", got, n)
	}
}

// call returns the final answer: RESULT or ERROR.
func (c *client) call(procedure string, n uint64) *codec.Message {
	c.t.Helper()
	c.send(codec.AppendCall(nil, ser, c.next(), nil, procedure, number(n, 0)))
	m, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	if m.Request != c.req || m.Type != wamp.Result && m.Type != wamp.Error {
		c.t.Fatalf("call %d was answered by %v of %d", c.req, m.Type, m.Request)
	}
	return m
}

// serve answers each INVOCATION with its own payload and size further bytes, until the connection ends.
func (c *client) serve(size int) {
	done := make(chan struct{})
	c.t.Cleanup(func() { c.conn.Close(); <-done })
	go func() {
		defer close(done)
		for {
			m, err := c.read()
			if err != nil {
				return
			}
			if m.Type != wamp.Invocation {
				continue
			}
			c.queue(codec.AppendYield(nil, ser, m.Request, false, number(numberOf(m), size)))
			if c.write() != nil {
				return
			}
		}
	}()
}

// number is the payload [n] or, with pad bytes behind it, [n, pad].
func number(n uint64, pad int) codec.Payload {
	b := msgp.AppendUint64(msgp.AppendArrayHeader(make([]byte, 0, 16+pad), 1), n)
	if pad > 0 {
		b[0] = 0x92
		b = msgp.AppendBytes(b, make([]byte, pad))
	}
	return codec.Payload{N: 1, Raw: b}
}

func numberOf(m *codec.Message) uint64 {
	_, b, err := msgp.ReadArrayHeaderBytes(m.Payload.Raw)
	if err != nil {
		return 0
	}
	n, _, _ := msgp.ReadUint64Bytes(b)
	return n
}
